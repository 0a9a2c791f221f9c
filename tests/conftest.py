"""Shared by all tests: the notebook's definitions as a module, and one run of the whole notebook on the sample."""

import importlib
import json
import linecache
import os
import re
import shutil
import signal
import subprocess
import sys
import types
from pathlib import Path

import matplotlib
import nbformat
import pytest

matplotlib.use("Agg")
ROOT = Path(__file__).resolve().parent.parent
MIRROR = ROOT.parent / "shared" / "data"


def tags(cell):
    return set(cell.metadata.get("tags", []))


def read_notebook(path=ROOT / "a2-cnn.ipynb"):
    return nbformat.read(path, as_version=4)


def run_untagged_cells(name):
    """Execute the cells that are not tagged `run`, in order, and return them as a module of this name."""
    module = types.ModuleType(name)
    sys.modules[name] = module
    for cell in read_notebook().cells:
        if cell.cell_type == "code" and "run" not in tags(cell):
            file = f"<{cell.id}>"
            linecache.cache[file] = (len(cell.source), None, cell.source.splitlines(keepends=True), file)
            exec(compile(cell.source, file, "exec"), module.__dict__)
    return module


def load_script(name):
    """A script of scripts/ as a module."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


def load_definitions(profile):
    """The notebook's definitions under a profile and no other setting from outside."""
    before = {key: os.environ.pop(key) for key in list(os.environ) if key.startswith("A2_")}
    os.environ["A2_PROFILE"] = profile
    try:
        return run_untagged_cells(f"a2_cnn_{profile}")
    finally:
        del os.environ["A2_PROFILE"]
        os.environ.update(before)


@pytest.fixture(scope="session")
def definitions():
    return load_definitions("sample")


@pytest.fixture
def lib(definitions, tmp_path, monkeypatch):
    """The notebook's definitions, with data, outputs and figures in a temporary folder and no mirror."""
    for name in ("DATA_DIR", "OUTPUT_DIR", "FIGURE_DIR"):
        monkeypatch.setattr(definitions, name, tmp_path / name.lower())
    monkeypatch.setattr(definitions, "MIRROR", "")
    monkeypatch.setattr(definitions, "RUNS", {})
    return definitions


def copy_checkout(target):
    """Copy what git has, or would add, to `target`, and make it a repository of its own; untracked leftovers stay."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "copy"]):
        subprocess.run([*git, *command], cwd=target, check=True)


def offline_environment():
    """The environment for a run of the notebook: no settings from outside, and any download fails."""
    nowhere = "http://127.0.0.1:9"  # nothing listens there
    kept = {key: value for key, value in os.environ.items() if not key.startswith("A2_")}
    return kept | {"http_proxy": nowhere, "https_proxy": nowhere, "PYTHONUNBUFFERED": "1"}


def start_sample_run(folder):
    """Start the notebook's sample profile in a checkout, in a session of its own; its output is one stream of text."""
    return subprocess.Popen(
        [sys.executable, "scripts/run_notebook.py", "sample"], cwd=folder, env=offline_environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


class SampleRun:
    """The sample profile in a clean copy: interrupted with Ctrl-C in its first training run, then run to the end."""

    def __init__(self, folder):
        self.folder = folder
        copy_checkout(folder)
        self.interrupted_output, self.interrupted_code = self.start(until=r"^ +2 +\d")
        self.output, self.code = self.start()
        assert self.code == 0, self.output[-3000:]
        self.notebook = read_notebook(folder / "build/sample/a2-cnn.ipynb")
        self.results = json.loads((folder / "build/sample/figures/results.json").read_text())

    def start(self, until=None):
        """Run the notebook, interrupting it when a line of output matches `until`; returns (output, exit code)."""
        process = start_sample_run(self.folder)
        output = ""
        for line in process.stdout:
            output += line
            if until and re.search(until, line):
                os.killpg(process.pid, signal.SIGINT)
                until = None
        return output, process.wait()


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory):
    return SampleRun(tmp_path_factory.mktemp("checkout"))
