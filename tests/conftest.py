"""Shared by all tests: the notebook's definitions, a small problem, a run of the sample."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from cells import ROOT, code_cells, execute, import_notebook, read_notebook
from house import make_repository

matplotlib.use("Agg")
torch.set_num_threads(1)  # the tensors are small, and two processes test
MIRROR = Path(os.environ.get("A2_MIRROR", "nowhere"))  # the real files


def pytest_collection_modifyitems(items):
    """The file with the longest tests, those of the sample's run, comes first."""
    items.sort(key=lambda item: item.path.name != "test_run.py")


@pytest.fixture(scope="session")
def definitions():
    return import_notebook("sample")


@pytest.fixture
def lib(definitions, tmp_path, monkeypatch):
    """The notebook's definitions, with empty temporary folders, no mirror and no runs."""
    for name in ("DATA_DIR", "OUTPUT_DIR", "FIGURE_DIR"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setattr(definitions, name, folder)
    monkeypatch.setattr(definitions, "MIRROR", "")
    for name in ("RUNS", "FACTS", "PICTURES", "FILES"):
        monkeypatch.setattr(definitions, name, {})
    monkeypatch.setattr(definitions, "DRAWN", set())
    return definitions


def run_cell(lib, cell_id):
    """Execute one of the notebook's cells among a module's names."""
    execute([cell for cell in code_cells() if cell.id == cell_id], vars(lib))


def edited(old, new):
    """The notebook's definitions, with a text that stands in one of its cells replaced."""
    notebook = read_notebook()
    (cell,) = [cell for cell in code_cells(notebook) if old in cell.source]
    cell.source = cell.source.replace(old, new)
    return import_notebook("sample", notebook, "edited")


def small_problem(lib):
    """What the notebook's run cells would bind, for tiny random images and photos."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (31, 3, 8, 8), dtype=np.uint8)
    masks = torch.from_numpy(rng.choice(np.uint8([0, lib.FLOWER, lib.VOID]), (14, 8, 8)))
    features = torch.rand(14, 256, 8, 8, generator=torch.Generator().manual_seed(0))
    features[:, :8] += 2 * (masks == lib.FLOWER)[:, None]
    rows = list(range(14))
    layers = [torch.nn.Identity() for _ in range(5)]
    return {
        "NUM_FILTERS": 4,
        "PHOTO_SIZE": 8,
        "train_set": lib.prepare_colour_set(images[:21]),
        "test_set": lib.prepare_colour_set(images[21:]),
        "flowers": lib.FlowerSet(np.arange(14), None, masks),
        "features": features,
        "features_path": Path("made-up.pt"),
        "segmentation_net": torch.nn.ModuleDict({"classifier": torch.nn.Sequential(*layers)}),
        "strict": lib.Protocol("strict", rows[:8], rows[8:11], rows[11:], lib.VOID, "val_mean_iou"),
        "FACTS": {"network": "none"},
    }


@pytest.fixture
def small(lib, monkeypatch):
    """`lib` with the small problem."""
    for name, value in small_problem(lib).items():
        monkeypatch.setattr(lib, name, value, raising=False)
    return lib


TASKS = ["handout", "strong", "Part D"]


def train_task(lib, task, seed=0, epochs=7, **changes):
    """Train one of TASKS; returns (its weights as lists, its history)."""
    lib.RUNS.clear()
    recipe = lib.Recipe("test", batch_size=8, epochs=epochs, learning_rate=0.01)
    if task == "strong":
        recipe = lib.replace(recipe, one_cycle=True, mirror=True, betas=(0.9, 0.95))
    recipe = lib.replace(recipe, **changes)
    if task == "Part D":
        recipe = lib.replace(recipe, batch_size=3)
        net = lib.run_segmentation("IoU", lib.strict, seed, recipe)
    else:
        net = lib.run_colourization(lib.UNet, seed, recipe)
    weights = {name: tensor.tolist() for name, tensor in net.state_dict().items()}
    (run,) = lib.RUNS.values()
    return weights, run["history"]


def copy_checkout(target):
    """Copy what git has, or would add, to `target`, and make it a repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    make_repository(target)


def offline_environment(**settings):
    """The environment for a run of the notebook: no settings but these, no network."""
    nowhere = "http://127.0.0.1:9"  # nothing listens there
    kept = {key: value for key, value in os.environ.items() if not key.startswith("A2_")}
    offline = {"http_proxy": nowhere, "https_proxy": nowhere, "PYTHONUNBUFFERED": "1"}
    return kept | offline | settings


class SampleRun:
    """The sample profile in a clean copy: stopped in its second run, then run to the end."""

    def __init__(self, folder):
        self.folder = folder
        copy_checkout(folder)
        self.interrupted_output, self.interrupted_code = self.start(until_checkpoints=2)
        self.output, self.code = self.start()
        assert self.code == 0, self.output[-3000:]
        self.notebook = read_notebook(folder / "build/sample/a2-cnn.ipynb")
        self.figures = folder / "build/sample/figures"
        self.results = json.loads((self.figures / "results.json").read_text())

    def start(self, until_checkpoints=math.inf):
        """Run the notebook, until there are so many checkpoints; returns (output, exit code)."""
        with open(self.folder / "build.log", "w+") as log:
            process = subprocess.Popen(
                [sys.executable, "scripts/run_notebook.py", "sample"], cwd=self.folder,
                env=offline_environment(MPLBACKEND="Agg", OMP_NUM_THREADS="1"),
                start_new_session=True, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
            while process.poll() is None:
                if len(list(self.folder.glob("outputs/*.pt"))) >= until_checkpoints:
                    os.killpg(process.pid, signal.SIGINT)
                    break
                time.sleep(0.05)
            code = process.wait()
        output = (self.folder / "build.log").read_text()
        (self.folder / "build.log").unlink()
        return output, code


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory):
    return SampleRun(tmp_path_factory.mktemp("checkout"))
