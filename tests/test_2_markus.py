"""The way MarkUs runs a notebook: its own helper, in an environment with its own pinned versions."""

import subprocess

import pytest
from conftest import ROOT

PYTHON = ROOT / ".venv-markus/bin/python"

SCRIPT = """
import os, sys
from markus_autotest_helpers_notebook.importer import get_cells, import_from_path
import IPython
assert IPython.__version__ == "7.24.0"
notebook = import_from_path("a2-cnn.ipynb")
ran = 0
for cell in get_cells(notebook):
    if cell.cell_type == "code" and not cell.metadata.get("markus", {}).get("skip"):
        assert not cell.source.lstrip().lower().startswith("# test")
        cell.run()
        ran += 1
import torch
for name in ("PoolUpsampleNet", "ConvTransposeNet", "UNet"):
    assert getattr(notebook, name)(3, 4, 24, 1)(torch.rand(2, 1, 8, 8)).shape == (2, 24, 8, 8)
print(f"{ran} cells ran")
"""


@pytest.mark.skipif(not PYTHON.exists(), reason="needs .venv-markus, which `make test` makes")
def test_the_definitions_run_through_markuss_own_helper():
    result = subprocess.run([PYTHON, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "cells ran" in result.stdout
