"""The whole notebook in the sample profile, from a clean checkout, and what is made of it."""

import json
import re
import subprocess
from types import SimpleNamespace

import numpy as np
import pypdf
import pytest
from cells import ROOT, code_cells, read_notebook
from conftest import needs_latex, run_offline
from house import make_repository
from small import COLOURS, FLOWERS
from test_notebook import check_outputs, first_fingerprints, would_be_trained

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The sample's run, with few horses, in a copy of what git has or would add."""
    folder = tmp_path_factory.mktemp("checkout")
    copy = "git ls-files -coz --exclude-standard | tar -c --null -T - | tar -xC"
    subprocess.run(f"{copy} '{folder}'", shell=True, cwd=ROOT, check=True)
    horses = np.load(ROOT / "data/sample/cifar10_horses.npz")
    few = {"x_train": horses["x_train"][:40], "x_test": horses["x_test"][:10]}
    np.savez(folder / "data/sample/cifar10_horses.npz", **few)
    make_repository(folder)
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
    monkeypatch.setenv("A2_DATA", f"{sample.folder}/data")
    monkeypatch.setenv("A2_OUTPUTS", f"{sample.folder}/outputs")
    assert would_be_trained(part, "sample") == first_fingerprints(sample.results, part)


def plots(folder):
    """{file: bytes} of a folder's plots."""
    files = [*folder.glob("*.pdf"), *folder.glob("*.png")]
    return {path.name: path.read_bytes() for path in files}


def test_figures_are_drawn_again_byte_for_byte_from_the_results_and_our_own_cells_alone(sample):
    drawn = plots(sample.figures)
    tables, results = sample.results["tables"], json.loads(json.dumps(sample.results))
    for run in sample.results["runs"]:  # another seed was tried, too
        if "seed" in run:
            other = {"seed": 70, "name": f"{run['name']}0", "val_loss": 99, "val_image_iou": 99}
            results["runs"].append(run | other)
    (sample.figures / "results.json").write_text(json.dumps(results))
    (sample.figures / "old.png").touch()
    path = sample.folder / "a2-cnn.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    added = {"cell_type": "code", "id": "added", "source": "1 / 0", "outputs": []}
    notebook["cells"].append(added | {"metadata": {}})
    (view,) = [cell for cell in notebook["cells"] if cell["id"] == "pool-table"]
    view["source"].append("\nshow('new', table[['val_loss']], 'A new table')")
    path.write_text(json.dumps(notebook), encoding="utf-8")
    printed = run_offline(sample.folder, "scripts/make_figures.py", "sample", MPLBACKEND="svg")
    assert "no such cell: added" in printed
    assert plots(sample.figures) == drawn and len(drawn) > 10
    made = json.loads((sample.figures / "results.json").read_text(encoding="utf-8"))["tables"]
    assert len(made.pop("new")["data"]) == 3 and made == tables


def not_in_named_packages(files):
    """Those that no package of latex.txt has, nor any that they depend on (not: recommend)."""
    named = [line.split()[0] for line in (ROOT / "scripts/latex.txt").read_text().splitlines()]
    others = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    options = ["--recurse", "--installed", *(f"--no-{kind}" for kind in others)]
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
