"""Execute a2-cnn.ipynb from top to bottom, and write it if every cell succeeded.

Argument: sample (default) or quick, for build/<profile>/, or full, for a2-cnn.ipynb itself.
"""

import os
import sys
import time

import cells
import nbformat
from nbclient import NotebookClient


class LiveClient(NotebookClient):
    """Executes a notebook and repeats what its cells print."""

    async def async_execute_cell(self, cell, cell_index, *arguments, **settings):
        if cell.cell_type == "code":
            place = f"cell {cell_index + 1}/{len(self.nb.cells)}"
            print(f"{time.strftime('%H:%M:%S')} {place}: {cell.id}", flush=True)
        return await super().async_execute_cell(cell, cell_index, *arguments, **settings)

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] == "stream":
            print(msg["content"]["text"], end="", flush=True)
        return super().process_message(msg, cell, cell_index)


def main(profile):
    sys.stdout.reconfigure(errors="replace")
    target = cells.base_folder(profile) / cells.NOTEBOOK.name
    figures = target.parent / "figures"
    before = {path.name: path.read_bytes() for path in figures.glob("*.*")}
    os.environ["A2_PROFILE"] = profile
    # Linux's allocator may keep large blocks (of bytes): large batches train much faster.
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(2**30))
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(2**31))
    notebook = nbformat.from_dict(cells.read_notebook())
    settings = {"kernel_name": "python3", "coalesce_streams": True, "record_timing": False}
    client = LiveClient(notebook, resources={"metadata": {"path": cells.ROOT}}, **settings)
    try:
        client.execute()
        cells.write_whole(target, nbformat.writes(notebook) + "\n")
    except (Exception, KeyboardInterrupt) as stopped:  # after Ctrl-C, nbclient raises others
        reason = str(stopped) or "interrupted"
        if figures.exists():  # the old plots, numbers and notebook belong together
            cells.replace_plots(figures, before)
        sys.exit(f"{reason}\nNothing was written but finished runs. Run it again to go on.")
    print(f"executed: {target}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "sample")
