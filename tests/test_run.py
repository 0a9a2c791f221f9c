"""The whole notebook in the sample profile, from a clean checkout, and what is made of it."""

import json
import re
import subprocess
from types import SimpleNamespace
from unittest import mock

import matplotlib.pyplot as plt
import numpy as np
import pypdf
import pytest
from cells import ROOT, code_cells, execute, import_notebook, read_notebook, tags
from conftest import (
    COLOURS,
    FLOWERS,
    copy_checkout,
    first_fingerprints,
    needs_latex,
    run_offline,
    would_be_trained,
)
from make_figures import load_run
from test_notebook import check_outputs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The sample's run in a clean copy: its folder, notebook, figures folder and results."""
    folder = tmp_path_factory.mktemp("checkout")
    copy_checkout(folder)
    run_offline(folder, "scripts/run_notebook.py", "sample", MPLBACKEND="Agg")
    figures = folder / "build/sample/figures"
    text = (figures / "results.json").read_text(encoding="utf-8")
    results = json.loads(text, parse_constant=pytest.fail)  # no NaN
    notebook = read_notebook(folder / "build/sample/a2-cnn.ipynb")
    return SimpleNamespace(folder=folder, figures=figures, results=results, notebook=notebook)


def test_every_cell_ran_once_paper_shows_all_of_it_and_the_checkout_is_as_it_was(sample):
    check_outputs(code_cells(sample.notebook))
    status = subprocess.run(["git", "status", "-s"], cwd=sample.folder, capture_output=True)
    assert status.stdout == b""


@pytest.mark.parametrize("part", [COLOURS, FLOWERS])
def test_its_runs_are_named_as_outside_of_jupyter(sample, part, monkeypatch):
    settings = {"A2_PROFILE": "sample", "A2_DATA": f"{ROOT}/data"}
    settings |= {"A2_OUTPUTS": f"{sample.folder}/outputs"}
    named = would_be_trained(part, settings, monkeypatch)
    assert named == first_fingerprints(sample.results, part)


def test_view_cells_show_the_same_again_also_after_another_seed_was_tried(sample):
    lib = import_notebook("sample", sample.notebook, "shown_again")
    lib.display, lib.save_fig = mock.Mock(), lambda fig, name: plt.close(fig)
    load_run(lib, sample.results, np.load(sample.figures / "pictures.npz"))
    lib.TABLES.clear()
    for name, row in list(lib.RUNS.items()):
        lib.RUNS[f"{name}0"] = row | {"seed": 70, "val_loss": 99, "val_image_iou": 99}
        lib.HISTORIES[f"{name}0"] = lib.HISTORIES[name]
    for cell in code_cells(sample.notebook):
        if "view" in tags(cell):  # each alone, without names of other cells that run
            execute([cell], dict(vars(lib)))
    shown = json.loads(json.dumps({key: lib.as_lists(lib.TABLES[key]) for key in lib.TABLES}))
    assert len(shown) > 10 and shown.items() <= sample.results["tables"].items()


def test_figures_of_the_run_are_drawn_again_from_its_results_byte_for_byte(sample):
    before = {path.name: path.read_bytes() for path in sample.figures.glob("*.*")}
    assert len(before) > 10
    run_offline(sample.folder, "scripts/make_figures.py", "sample")
    assert before == {path.name: path.read_bytes() for path in sample.figures.glob("*.*")}


NO_MORE = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")


def not_in_named_packages(files):
    """Those that no package of latex.txt has, nor any that they depend on."""
    named = [line.split()[0] for line in (ROOT / "scripts/latex.txt").read_text().splitlines()]
    options = ["--recurse", "--installed", *(f"--no-{kind}" for kind in NO_MORE)]
    try:
        needed = subprocess.check_output(["apt-cache", "depends", *options, *named], text=True)
        had = subprocess.run(["dpkg", "-S", *files], capture_output=True, text=True).stdout
    except OSError:
        pytest.skip("no Debian package database")
    ours, owned = set(needed.split()), re.findall(r"^(\S+): (/.*)$", had, re.MULTILINE)
    return files - {file for package, file in owned if package in ours}


@needs_latex
def test_the_samples_pdf_says_so_on_every_page_and_loads_what_the_named_packages_have(sample):
    run_offline(sample.folder, "scripts/build_writeup.py", "sample")
    pages = pypdf.PdfReader(sample.folder / "build/sample/a2-writeup.pdf").pages
    assert pages and all("SAMPLE" in page.extract_text() for page in pages)
    loaded = (sample.folder / "build/writeup-sample/a2-writeup.fls").read_text()
    files = set(re.findall(r"^INPUT (/usr/share/\S+)", loaded, re.MULTILINE))
    assert files and not_in_named_packages(files) == set()
