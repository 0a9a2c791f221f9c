"""Show all figures and tables again, from results.json and pictures.npz alone, without training.

New plots replace the old ones when all are drawn; the tables go into results.json.
Argument: full (default), quick or sample.
"""

import json
import sys
import tempfile
from pathlib import Path
from unittest import mock

import cells
import numpy as np
from tables import load_results


def main(profile):
    folder = cells.base_folder(profile) / "figures"
    results = load_results(folder, profile)
    notebook = cells.read_notebook()
    notebook["cells"] = cells.own_cells(notebook)
    views = [cell for cell in notebook["cells"] if "view" in cells.tags(cell)]
    if not views:
        sys.exit(f"{cells.NOTEBOOK} has lost its cells' tags, such as view: take them from git's")
    lib = cells.import_notebook(profile, notebook)
    lib.display = mock.Mock()  # nobody looks on
    for run in results["runs"]:
        lib.RUNS[run["name"]] = {key: run[key] for key in run if key not in ("name", "history")}
        lib.HISTORIES[run["name"]] = run["history"]
    lib.PICTURES.update(np.load(folder / "pictures.npz"))
    with tempfile.TemporaryDirectory() as drawn:
        lib.FIGURE_DIR = Path(drawn)
        cells.execute(views, vars(lib))
        plots = {path.name: path.read_bytes() for path in lib.FIGURE_DIR.iterdir()}
    cells.replace_plots(folder, plots)
    results["tables"] |= {key: lib.as_lists(table) for key, table in lib.TABLES.items()}
    cells.write_whole(folder / "results.json", json.dumps(results, indent=1) + "\n")
    print(f"figures drawn and tables made in {folder}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "full")
