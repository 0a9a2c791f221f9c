"""Draw all figures of a results folder again, from its results.json and pictures.npz alone.

Needs no data, no network and no training. New plots replace the old ones when all are drawn.
Only the repository's cells are executed: those that somebody added to the notebook are left out.

Usage: python scripts/make_figures.py [full|quick|sample]
"""

import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import cells
import numpy as np
from facts import load_results


def show_nothing(figure):
    """What `display` is, where nobody looks on."""


def main(profile):
    folder = cells.base_folder(profile) / "figures"
    results, _ = load_results(folder, profile)
    try:
        pictures = dict(np.load(folder / "pictures.npz"))
    except Exception as error:  # a damaged archive can fail anywhere
        sys.exit(f"{folder}/pictures.npz cannot be used ({error}): make run PROFILE={profile}")
    ours, theirs = matplotlib.__version__, results["provenance"]["versions"]["matplotlib"]
    if ours != theirs:
        print(f"matplotlib is {ours}, was {theirs}: the figures' bytes will differ")

    notebook = cells.read_notebook()
    for cell in cells.added_cells(notebook):
        print(f"left out, since git's HEAD has no such cell: {cell.source.strip()[:60]!r}")
        notebook.cells.remove(cell)
    drawing = [cell for cell in notebook.cells if "figure" in cells.tags(cell)]
    if not drawing:
        sys.exit("no cell is tagged `figure`, here or at git's HEAD: git checkout a2-cnn.ipynb")
    lib = cells.import_notebook(profile, notebook)
    with tempfile.TemporaryDirectory(prefix=".drawing-", dir=folder) as new:
        lib.FIGURE_DIR = Path(new)
        lib.RUNS.update(enumerate(results["runs"]))
        lib.FACTS.update(results["facts"])
        lib.PICTURES.update(pictures)
        lib.display = show_nothing
        cells.execute(drawing, lib.__dict__)
        cells.swap_plots(Path(new), folder)
    cells.write_whole(folder / "drawn_by.txt", cells.drawing_hash(notebook))
    print(f"figures drawn in {folder}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "full")
