"""Execute a2-cnn.ipynb from top to bottom, showing its progress live.

The sample profile leaves the executed copy in build/sample/. The full profile writes it back over a2-cnn.ipynb, in one
rename and only if every cell succeeded; what ran of a failed or interrupted run is kept in build/full/.

Usage: python scripts/run_notebook.py [sample|full]   (settings: the A2_* environment variables)
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "a2-cnn.ipynb"
KEPT_METADATA = ("accelerator", "colab", "kernelspec", "language_info")


class LiveClient(NotebookClient):
    """Executes a notebook and repeats on the terminal what its cells print."""

    interrupted = False

    def interrupt(self):
        """On Ctrl-C, interrupt the running cell, which ends the run with what it has printed so far."""
        self.interrupted = True
        self.interruption = asyncio.ensure_future(self.km.interrupt_kernel())

    def show_start(self, cell, cell_index):
        if cell_index == 0 and sys.platform != "win32":
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self.interrupt)
        if cell.cell_type == "code":
            number = sum(c.cell_type == "code" for c in self.nb.cells[: cell_index + 1])
            elapsed = time.perf_counter() - self.started
            print(f"[{elapsed:6.0f} s] cell {number}/{self.num_cells}: {cell.id}", flush=True)

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] == "stream":
            print("    " + msg["content"]["text"].rstrip("\n").replace("\n", "\n    "), flush=True)
        return super().process_message(msg, cell, cell_index)

    def run(self):
        self.started = time.perf_counter()
        self.num_cells = sum(cell.cell_type == "code" for cell in self.nb.cells)
        self.on_cell_start = self.show_start
        self.execute()
        print(f"[{time.perf_counter() - self.started:6.0f} s] done", flush=True)


def clear(notebook):
    """Drop outputs, and counts, of an earlier run."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def write_atomically(notebook, path):
    """Write `notebook` to `path` with no metadata beyond what the project keeps; a reader sees all of it or none."""
    notebook.metadata = {key: value for key, value in notebook.metadata.items() if key in KEPT_METADATA}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".partial")
    nbformat.write(notebook, temporary)
    os.replace(temporary, path)


def merge_streams(notebook):
    """Join a cell's consecutive pieces of standard output, which arrive line by line, into one output."""
    for cell in notebook.cells:
        merged = []
        for output in cell.get("outputs", []):
            if merged and output.output_type == "stream" and merged[-1].get("name") == output.name:
                merged[-1].text += output.text
            else:
                merged.append(output)
        if cell.cell_type == "code":
            cell.outputs = merged


def main(profile):
    if profile not in ("sample", "full"):
        sys.exit(f"profile is {profile!r}: it must be sample or full")
    os.environ["A2_PROFILE"] = profile
    # Linux's allocator returns blocks above 32 MB to the system whenever they are freed, and pays for getting them
    # anew: training in large batches is much faster if it may keep them (bytes; other systems ignore these).
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(2**30))
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(2**31))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    clear(notebook)
    target = NOTEBOOK if profile == "full" else ROOT / "build" / "sample" / NOTEBOOK.name
    client = LiveClient(notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}})
    try:
        client.run()
    except (CellExecutionError, DeadKernelError, KeyboardInterrupt) as stopped:
        kept = ROOT / "build" / profile / "a2-cnn.stopped.ipynb"
        merge_streams(notebook)
        write_atomically(notebook, kept)
        interrupted = client.interrupted or isinstance(stopped, KeyboardInterrupt)
        reason = "interrupted" if interrupted else f"{stopped}"
        sys.exit(f"{reason}\nThe run did not finish; what it printed is in {kept}. Run it again to go on from there.")
    merge_streams(notebook)
    write_atomically(notebook, target)
    print(f"executed notebook: {target}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "sample")
