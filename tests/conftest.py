"""Shared by all tests: the notebook's definitions, the committed results, a run of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cells import ROOT, import_notebook
from house import House

os.environ["OMP_NUM_THREADS"] = "1"  # the tensors are small, and two processes test
MIRROR = Path(os.environ.get("A2_MIRROR", "nowhere"))  # the real files
SMALL = {"NUM_FILTERS": 4, "PHOTO_SIZE": 8}
needs_latex = pytest.mark.skipif(not shutil.which("latexmk"), reason="LaTeX is not installed")


def pytest_collection_modifyitems(items):
    """The file with the longest test, the sample's run, comes first."""
    items.sort(key=lambda item: item.path.name != "test_run.py")


@pytest.fixture(scope="session")
def definitions():
    return import_notebook("sample")


@pytest.fixture
def lib(definitions, tmp_path, monkeypatch):
    """The notebook's definitions for small tensors; empty folders, no mirror and no runs."""
    for name in ("DATA_DIR", "OUTPUT_DIR", "FIGURE_DIR"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setattr(definitions, name, folder)
    for name in ("RUNS", "HISTORIES", "TABLES", "PICTURES"):
        monkeypatch.setattr(definitions, name, {})
    for name, value in (SMALL | {"MIRROR": "", "FILES": []}).items():
        monkeypatch.setattr(definitions, name, value)
    return definitions


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


@pytest.fixture(scope="session")
def committed():
    """The committed results."""
    results = json.loads((ROOT / "figures/results.json").read_text(encoding="utf-8"))
    assert (results["schema"], results["profile"]) == (4, "full")
    return results


def run_offline(folder, *command, **settings):
    """What a Python command prints, without a network, with these settings alone."""
    nowhere = "http://127.0.0.1:9"  # nothing listens there
    kept = {key: value for key, value in os.environ.items() if not key.startswith("A2_")}
    environment = kept | {"http_proxy": nowhere, "https_proxy": nowhere} | settings
    command = [sys.executable, *command]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return done.stdout
