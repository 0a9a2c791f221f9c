"""Show all figures and tables again, from results.json and pictures.npz alone, without training.

New plots replace the old ones when all are drawn; new and changed tables go into results.json.
Argument: full (default), quick or sample.
"""

import json
import sys
from unittest import mock

import cells
import matplotlib
import numpy as np
import pandas as pd
from tables import load_results


def load_run(lib, results, pictures):
    """Give the notebook's tables of runs, its shown tables and its pictures what was kept."""
    for run in results["runs"]:
        lib.RUNS[run["name"]] = {key: run[key] for key in run if key not in ("name", "history")}
        lib.HISTORIES[run["name"]] = run["history"]
    for key, lists in results["tables"].items():
        index, columns = map(labels, (lists["index"], lists["columns"]))
        lib.TABLES[key] = pd.DataFrame(lists["data"], index, columns)
    lib.PICTURES.update(pictures)


def labels(names):
    """A table's index or columns; those of two levels are lists."""
    two_levels = names and isinstance(names[0], list)
    return pd.MultiIndex.from_tuples(map(tuple, names)) if two_levels else pd.Index(names)


def rounded(content):
    """Without the last digits, in which versions of pandas may differ."""
    nine_digits = {kind: lambda text: f"{float(text):.9g}" for kind in ("parse_float", "parse_int")}
    return json.loads(json.dumps(content), **nine_digits)


def main(profile):
    folder = cells.base_folder(profile) / "figures"
    results = load_results(folder, profile)
    ours, theirs = matplotlib.__version__, results["provenance"]["versions"]["matplotlib"]
    if ours != theirs:
        print(f"matplotlib is {ours}, was {theirs}: the figures' bytes will differ")

    notebook = cells.read_notebook()
    notebook.cells = cells.own_cells(notebook)
    lib = cells.import_notebook(profile, notebook)
    lib.display = mock.Mock()  # nobody looks on
    load_run(lib, results, np.load(folder / "pictures.npz"))
    with cells.new_plots(folder) as lib.FIGURE_DIR:
        views = [cell for cell in notebook.cells if "view" in cells.tags(cell)]
        cells.execute(views, vars(lib))
    print(f"figures drawn in {folder}")

    kept = results["tables"]
    shown = {key: lib.as_lists(table) for key, table in lib.TABLES.items()}
    changed = [key for key in shown if rounded(shown[key]) != rounded(kept.get(key))]
    if changed:
        kept |= {key: shown[key] for key in changed}
        cells.write_whole(folder / "results.json", json.dumps(results, indent=1) + "\n")
        print(f"results.json has these tables anew: {', '.join(changed)}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "full")
