"""How long does the whole notebook take on the drawn sample, by the plain ways and by ours?

Plain: cells put in before Parts A and D swap in the plain ways of colourization.py, which prepare the horses again for
each run, and segmentation.py's, which sends the photos through the whole network in each epoch (after the cell that
computes the features, which is left in: one pass of hundreds). One run of each, one after the other. Both train on the
same images in the same order, so that only rounding sets apart the UNet's validation losses, which are printed too.

Usage: python benchmarks/notebook.py [--smallest]   (one seed, one epoch, tiny photos, no figures)
"""

import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from common import ROOT, Ratios, run
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell
from notebook import read_notebook, tags

# Cells to put in: {the cell before which it stands: its source}.
SMALLEST = {"plotting": "SEEDS, NUM_EPOCHS, STUDY_BATCH_SIZES, PHOTO_SIZE, STUDIES = [0], 1, [100], 32, False"}
PLAIN = {
    "train-pool": f"""\
sys.path.insert(0, {str(ROOT / "benchmarks")!r})
import colourization, segmentation
colourization.use_plain_ways(sys.modules["__main__"])""",
    "d1-train": """\
features = segmentation.WholeNetwork(sys.modules["__main__"], segmentation_net, flowers.photos)
segmentation_data = ((features, flowers.masks), segmentation_data[1])""",
}


def run_notebook(plain, smallest):
    """Execute the notebook in an empty folder; returns {part: seconds}, and the UNet's validation loss."""
    notebook, put_in, starts = read_notebook(), (PLAIN if plain else {}) | (SMALLEST if smallest else {}), {}
    for index, cell in reversed([*enumerate(notebook.cells)]):
        if smallest and "figure" in tags(cell):
            del notebook.cells[index]
        elif cell.id in put_in:
            notebook.cells.insert(index, new_code_cell(put_in[cell.id]))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("A2_")}
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder, "data", "sample")
        shutil.copytree(ROOT / "data" / "sample", sample, ignore=shutil.ignore_patterns("features-*"))
        started, client = time.perf_counter(), NotebookClient(notebook, resources={"metadata": {"path": folder}})
        client.on_cell_start = lambda cell, cell_index: starts.update({cell.id: time.perf_counter()})
        client.execute(env=environment | {"A2_PROFILE": "sample"})
        part_d, ended = starts["part-d"], time.perf_counter()
        summary = json.loads(Path(folder, "build", "sample", "figures", "results.json").read_text())["summary"]
    seconds = {"Parts A to C": part_d - started, "the rest": ended - part_d, "whole": ended - started}
    return seconds, summary["colourization"]["UNet"]["val_loss"]["mean"]


def main(smallest=False):
    (plain, plain_loss), (ours, our_loss) = (run_notebook(way == "plain", smallest) for way in ("plain", "ours"))
    ratios = Ratios()
    for part in plain:
        ratios.add(part, plain[part], ours[part])
    print(f"the UNet's validation loss: {plain_loss:.4f} and {our_loss:.4f}")
    return ratios


if __name__ == "__main__":
    run(main, __doc__)
