"""Execute a2-cnn.ipynb from top to bottom, showing its progress live.

The full profile writes the executed notebook over a2-cnn.ipynb, in one rename and only if every
cell succeeded and drew; others leave it in build/<profile>/. What ran of a run that failed or was
interrupted is kept there, as .stopped.ipynb.

Usage: python scripts/run_notebook.py [sample|quick|full]   (settings: A2_* environment variables)
"""

import asyncio
import os
import re
import signal
import sys
import time

import cells
import nbformat
from cells import NOTEBOOK, ROOT, code_cells
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

KEPT_METADATA = ("accelerator", "colab", "kernelspec", "language_info")


def collapse(text):
    """`text` as a terminal leaves it: of a line overwritten by carriage returns, the last."""
    lines = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n")]
    return "\n".join(lines)


class LiveClient(NotebookClient):
    """Executes a notebook and repeats what its cells print; in a log, only whole, final lines."""

    interrupted = False
    begun = ""  # the printed line so far, in a log
    shown = ""  # the shown line that may yet be overwritten

    def interrupt(self):
        """On Ctrl-C, interrupt the running cell; what it has printed so far is kept."""
        self.interrupted = True
        self.interruption = asyncio.ensure_future(self.km.interrupt_kernel())

    def end_line(self):
        """Leave the shown line as it is."""
        if self.shown:
            print("" if sys.stdout.isatty() else f"    {self.shown}", flush=True)
        self.shown = ""

    def show_start(self, cell, cell_index):
        if cell_index == 0 and sys.platform != "win32":
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self.interrupt)
        if cell.cell_type == "code":
            self.end_line()
            ids = [cell.id for cell in code_cells(self.nb)]
            elapsed = time.perf_counter() - self.started
            place = f"{1 + ids.index(cell.id)}/{len(ids)}"
            print(f"[{elapsed:6.0f} s] cell {place}: {cell.id}", flush=True)

    def process_message(self, msg, cell, cell_index):
        kind, content = msg["msg_type"], msg["content"]
        if kind == "stream":
            self.end_line()
            text = content["text"]
            if not sys.stdout.isatty():
                text, _, self.begun = (self.begun + text).rpartition("\n")
                text = collapse(text) + "\n" if text else ""
            text = text.replace("\r", "\r    ")
            print(re.sub(r"^(?=.)", "    ", text, flags=re.MULTILINE), end="", flush=True)
        elif kind.endswith("display_data") and list(content["data"]) == ["text/plain"]:
            if kind == "display_data":
                self.end_line()
            self.shown = content["data"]["text/plain"]
            if sys.stdout.isatty():
                print(f"\r    {self.shown}\033[K", end="", flush=True)
        return super().process_message(msg, cell, cell_index)

    def run(self):
        self.started = time.perf_counter()
        self.on_cell_start = self.show_start
        try:
            self.execute()
        finally:
            self.end_line()
        print(f"[{time.perf_counter() - self.started:6.0f} s] done", flush=True)


def write_notebook(notebook, path):
    """Write a notebook with collapsed lines, the same for the same run, to `path`."""
    for key in notebook.metadata.keys() - KEPT_METADATA:
        del notebook.metadata[key]
    for cell in code_cells(notebook):
        cell.metadata.pop("execution", None)
        for output in cell.outputs:
            if output.output_type == "stream":
                output.text = collapse(output.text)
            elif "text/html" in output.get("data", {}):
                output.data["text/plain"] = "table"  # instead of an address in memory
    cells.write_whole(path, nbformat.writes(notebook) + "\n")


def main(profile):
    sys.stdout.reconfigure(errors="replace")
    base = cells.base_folder(profile)
    os.environ["A2_PROFILE"] = profile
    os.environ.pop("MPLBACKEND", None)  # another backend would leave no pictures
    # Linux's allocator may keep large blocks (of bytes): large batches train much faster.
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(2**30))
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(2**31))
    notebook = nbformat.from_dict(cells.read_notebook())
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    settings = {"timeout": None, "kernel_name": "python3", "coalesce_streams": True}
    client = LiveClient(notebook, resources={"metadata": {"path": str(ROOT)}}, **settings)
    reason = ""
    try:
        client.run()
        for cell in code_cells(notebook):
            if cells.lacks_picture(cell):
                reason = f"cell {cell.id} left no picture"
    except (CellExecutionError, DeadKernelError, KeyboardInterrupt) as stopped:
        interrupted = client.interrupted or isinstance(stopped, KeyboardInterrupt)
        reason = "interrupted" if interrupted else f"{stopped}"
    if reason:
        kept = ROOT / "build" / profile / "a2-cnn.stopped.ipynb"
        write_notebook(notebook, kept)
        sys.exit(f"{reason}\nThe run did not finish; it is kept in {kept}. Run it again to go on.")
    write_notebook(notebook, base / NOTEBOOK.name)
    cells.write_whole(base / "figures" / "drawn_by.txt", cells.drawing_hash(notebook))
    print(f"executed notebook: {base / NOTEBOOK.name}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "sample")
