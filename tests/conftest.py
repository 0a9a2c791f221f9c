"""Shared by all tests: the notebook's definitions as a module, and one run of the whole notebook on the sample."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
from notebook import ROOT, import_notebook, read_notebook

matplotlib.use("Agg")
MIRROR = Path(os.environ.get("A2_MIRROR", "nowhere"))  # the real files; tests that want them skip where it is not set


@pytest.fixture(scope="session")
def definitions():
    return import_notebook("sample")


@pytest.fixture
def lib(definitions, tmp_path, monkeypatch):
    """The notebook's definitions, with data, outputs and figures in temporary folders, no mirror and no runs."""
    for name in ("DATA_DIR", "OUTPUT_DIR", "FIGURE_DIR"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setattr(definitions, name, folder)
    monkeypatch.setattr(definitions, "MIRROR", "")
    for name in ("RUNS", "PICTURES", "FILES", "LAYERS"):
        monkeypatch.setattr(definitions, name, {})
    monkeypatch.setattr(definitions, "SUMMARY", {"paired": {}})
    monkeypatch.setattr(definitions, "DRAWN", set())
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


def offline_environment(**settings):
    """The environment for a run of the notebook: no settings but these, and any download fails."""
    nowhere = "http://127.0.0.1:9"  # nothing listens there
    kept = {key: value for key, value in os.environ.items() if not key.startswith("A2_")}
    return kept | {"http_proxy": nowhere, "https_proxy": nowhere, "PYTHONUNBUFFERED": "1"} | settings


class SampleRun:
    """The sample profile in a clean copy: interrupted with Ctrl-C in its second training run, then run to the end."""

    def __init__(self, folder):
        self.folder = folder
        copy_checkout(folder)
        self.interrupted_output, self.interrupted_code = self.start(until=r"seed 0: epoch 6/6")
        self.output, self.code = self.start()
        assert self.code == 0, self.output[-3000:]
        self.notebook = read_notebook(folder / "build/sample/a2-cnn.ipynb")
        self.figures = folder / "build/sample/figures"
        self.results = json.loads((self.figures / "results.json").read_text())

    def start(self, until=None):
        """Run the notebook, interrupting it when a line of output matches `until`; returns (output, exit code)."""
        process = subprocess.Popen(
            [sys.executable, "scripts/run_notebook.py", "sample"], cwd=self.folder, env=offline_environment(),
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
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
