"""Draw all figures of a results folder again, from its results.json and pictures.npz alone.

Deletes the folder's plots first. Needs no data, no network and no training.

Usage: python scripts/make_figures.py [full|quick|sample]
"""

import json
import sys

import matplotlib

matplotlib.use("Agg")
import numpy as np
from notebook import base_folder, code_cells, execute, import_notebook, tags


def draw_figures(profile):
    """Delete and draw the plots of a profile's figures folder; returns the folder. SystemExit if it has no results."""
    folder = base_folder(profile) / "figures"
    try:
        results = json.loads((folder / "results.json").read_text())
        with np.load(folder / "pictures.npz") as archive:
            pictures = dict(archive)
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} is missing: execute the notebook first (make run PROFILE={profile})")
    ours, theirs = matplotlib.__version__, results["provenance"]["versions"]["matplotlib"]
    if ours != theirs:
        print(f"matplotlib is {ours}, the results were drawn with {theirs}: the figures' bytes will differ")
    for path in [*folder.glob("*.pdf"), *folder.glob("*.png")]:
        path.unlink()
    lib = import_notebook(profile)
    lib.FIGURE_DIR = folder
    lib.RUNS.update(enumerate(results["runs"]))
    lib.PICTURES.update(pictures)
    execute([cell for cell in code_cells() if "figure" in tags(cell)], lib.__dict__)
    return folder


if __name__ == "__main__":
    print(f"figures drawn in {draw_figures(sys.argv[1] if len(sys.argv) > 1 else 'full')}")
