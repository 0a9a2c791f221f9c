"""The figures, drawn again from results.json and pictures.npz alone."""

import json
import os
import shutil
import subprocess
import sys

import matplotlib
import pytest
from conftest import copy_checkout
from notebook import ROOT


def draw(folder, profile, **environment):
    """Run make_figures.py in a checkout, without data folder, mirror or internet."""
    nowhere = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "A2_DATA": str(folder / "none")}
    return subprocess.run(
        [sys.executable, "scripts/make_figures.py", profile], cwd=folder, capture_output=True, text=True,
        env=os.environ | nowhere | environment,
    )  # fmt: skip


def test_the_committed_figures_are_drawn_again_byte_for_byte(tmp_path):
    drawn_with = json.loads((ROOT / "figures/results.json").read_text())["provenance"]["versions"]["matplotlib"]
    if matplotlib.__version__ != drawn_with:
        pytest.skip(f"matplotlib is {matplotlib.__version__}, the committed figures were drawn with {drawn_with}")
    copy_checkout(tmp_path)
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "figures/of_another_run.pdf").write_bytes(b"stale")
    result = draw(tmp_path, "full")
    assert result.returncode == 0, result.stderr
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=tmp_path, capture_output=True, text=True).stdout
    assert [line for line in changed.splitlines() if "figures/" in line] == []


def test_a_changed_figure_cell_draws_another_figure_from_the_same_results(tmp_path):
    copy_checkout(tmp_path)
    notebook = tmp_path / "a2-cnn.ipynb"
    notebook.write_text(notebook.read_text().replace('\\"batch size\\"', '\\"size of a batch\\"'))
    before = {path.name: path.read_bytes() for path in (tmp_path / "figures").glob("*.*")}
    assert draw(tmp_path, "full").returncode == 0
    changed = {name for name, content in before.items() if (tmp_path / "figures" / name).read_bytes() != content}
    assert "batch_sizes.pdf" in changed and not changed & {"results.json", "pictures.npz"}


def test_missing_results_are_told_with_the_command_that_makes_them(tmp_path):
    copy_checkout(tmp_path)
    (tmp_path / "figures/pictures.npz").unlink()
    plots = sorted((tmp_path / "figures").glob("*.pdf"))
    result = draw(tmp_path, "full")
    assert result.returncode == 1 and "make run PROFILE=full" in result.stderr
    assert sorted((tmp_path / "figures").glob("*.pdf")) == plots
