"""Execute a2-cnn.ipynb from top to bottom, showing its progress live.

The full profile writes the executed notebook back over a2-cnn.ipynb, in one rename and only if every cell succeeded;
the others leave it in build/<profile>/. What ran of a failed or interrupted run is kept beside that, as .stopped.ipynb.

Usage: python scripts/run_notebook.py [sample|quick|full]   (settings: the A2_* environment variables)
"""

import asyncio
import os
import re
import signal
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from notebook import NOTEBOOK, ROOT, base_folder, code_cells, read_notebook

KEPT_METADATA = ("accelerator", "colab", "kernelspec", "language_info")


def collapse(text):
    """`text` as a terminal leaves it: of what a line overwrote with carriage returns, only the last; no blank ends."""
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return "\n".join(line.rstrip() for line in lines)


class LiveClient(NotebookClient):
    """Executes a notebook and repeats what its cells print: as it comes on a terminal, else in whole lines only."""

    interrupted = False
    begun = ""  # the last line so far, where output is no terminal

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
            print(f"[{elapsed:6.0f} s] cell {number}/{len(code_cells(self.nb))}: {cell.id}", flush=True)

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] == "stream":
            text = msg["content"]["text"]
            if not sys.stdout.isatty():
                text, _, self.begun = (self.begun + text).rpartition("\n")
                text = collapse(text) + "\n" if text else ""
            print(re.sub(r"^(?=.)", "    ", text.replace("\r", "\r    "), flags=re.MULTILINE), end="", flush=True)
        return super().process_message(msg, cell, cell_index)

    def run(self):
        self.started = time.perf_counter()
        self.on_cell_start = self.show_start
        self.execute()
        print(f"[{time.perf_counter() - self.started:6.0f} s] done", flush=True)


def write_atomically(notebook, path):
    """Write `notebook` to `path`, printed lines collapsed, with no metadata beyond what the project keeps."""
    notebook.metadata = {key: value for key, value in notebook.metadata.items() if key in KEPT_METADATA}
    for cell in code_cells(notebook):
        cell.metadata.pop("execution", None)
        outputs = []
        for output in cell.outputs:  # pieces of standard output arrive one by one
            if outputs and output.output_type == "stream" and outputs[-1].get("name") == output.name:
                outputs[-1].text += output.text
            else:
                outputs.append(output)
        for output in outputs:
            if output.output_type == "stream":
                output.text = collapse(output.text)
        cell.outputs = outputs
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    nbformat.write(notebook, partial)
    os.replace(partial, path)


def main(profile):
    target = base_folder(profile) / NOTEBOOK.name
    os.environ["A2_PROFILE"] = profile
    # Linux's allocator returns blocks above 32 MB to the system whenever they are freed, and pays for getting them
    # anew: training in large batches is much faster if it may keep them (bytes; other systems ignore these).
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(2**30))
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(2**31))
    notebook = read_notebook()
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    client = LiveClient(notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}})
    try:
        client.run()
    except (CellExecutionError, DeadKernelError, KeyboardInterrupt) as stopped:
        kept = ROOT / "build" / profile / "a2-cnn.stopped.ipynb"
        write_atomically(notebook, kept)
        interrupted = client.interrupted or isinstance(stopped, KeyboardInterrupt)
        reason = "interrupted" if interrupted else f"{stopped}"
        sys.exit(f"{reason}\nThe run did not finish; what it printed is in {kept}. Run it again to go on from there.")
    write_atomically(notebook, target)
    print(f"executed notebook: {target}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "sample")
