"""The whole notebook on the drawn sample the plain way against ours, one after the other.

Plain: a cell put in before Part A swaps in colourization.py's plain training epoch and evaluation, has the horses
prepared again for each run, and sends every photo through the whole segmentation network in each epoch.
Prints the seconds of Parts A to C (with what is beyond the handout) and of the rest, and a loss of each way; both train
on the same images in the same order, so that only rounding sets their losses apart.

Usage: python benchmarks/notebook.py
"""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from conftest import ROOT, offline_environment, read_notebook

PLAIN_CELL = f"""\
sys.path.insert(0, {str(ROOT / "benchmarks")!r})
from colourization import use_plain_ways
use_plain_ways(sys.modules["__main__"])"""


def run_notebook(folder, plain):
    """Execute the notebook in an empty folder; returns (seconds of Parts A to C, of the rest, a UNet's final loss)."""
    shutil.copytree(ROOT / "data" / "sample", folder / "data" / "sample")
    notebook = read_notebook()
    ids = [cell.id for cell in notebook.cells]
    if plain:
        notebook.cells.insert(ids.index("train-pool"), nbformat.v4.new_code_cell(PLAIN_CELL))
    started, part_d = time.perf_counter(), None

    def note_part_d(cell, cell_index):
        nonlocal part_d
        if cell.id == "part-d":
            part_d = time.perf_counter()

    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=None, resources=resources, on_cell_start=note_part_d)
    client.execute(env=offline_environment() | {"A2_PROFILE": "sample"})
    results = json.loads((folder / "build/sample/figures/results.json").read_text())
    loss = results["summary"]["colourization"]["UNet"]["val_loss"]["mean"]
    return part_d - started, time.perf_counter() - part_d, loss


def main():
    seconds = {}
    print(f"{'':<8}{'Parts A to C':>16}{'the rest':>12}{'whole':>12}{'UNet, validation loss':>24}")
    for way in ("plain", "ours"):
        with tempfile.TemporaryDirectory() as folder:
            before, after, loss = run_notebook(Path(folder), way == "plain")
        seconds[way] = (before, after, before + after)
        print(f"{way:<8}{before:14.1f} s{after:10.1f} s{before + after:10.1f} s{loss:24.4f}", flush=True)
    ratios = [plain / ours for plain, ours in zip(seconds["plain"], seconds["ours"], strict=True)]
    print(f"{'ratio':<8}{ratios[0]:14.1f} x{ratios[1]:10.1f} x{ratios[2]:10.1f} x")


if __name__ == "__main__":
    main()
