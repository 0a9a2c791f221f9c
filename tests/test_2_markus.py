"""The way MarkUs runs a notebook: its own helper, in an environment with its own pinned versions."""

import subprocess

import pytest
from conftest import ROOT, load_script

PYTHON = ROOT / ".venv-markus/bin/python"
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="needs .venv-markus, which `make test` makes")


def test_the_definitions_run_through_markuss_own_helper():
    script = load_script("make_submission").MARKUS_SCRIPT
    result = subprocess.run([PYTHON, "-c", script, "a2-cnn.ipynb"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "cells ran" in result.stdout


def test_the_helper_has_the_versions_of_markus():
    version = [PYTHON, "-c", "import IPython, nbformat; print(IPython.__version__, nbformat.__version__)"]
    assert subprocess.run(version, capture_output=True, text=True).stdout.split() == ["7.24.0", "5.1.3"]
