"""Shared by all tests: the notebook's definitions, a small problem of each part, a clean copy."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from cells import ROOT, code_cells, execute, import_notebook, read_notebook, tags
from house import make_repository

matplotlib.use("Agg")
torch.set_num_threads(1)  # the tensors are small, and two processes test
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


@pytest.fixture(scope="session")
def committed():
    """The committed results."""
    results = json.loads((ROOT / "figures/results.json").read_text(encoding="utf-8"))
    assert (results["schema"], results["profile"]) == (4, "full")
    return results


def edited(old, new):
    """The notebook's definitions, with a text that stands in one of its cells replaced."""
    notebook = read_notebook()
    found = [cell for cell in code_cells(notebook) if old in cell.source]
    assert len(found) == 1, f"{len(found)} cells have {old!r}: take another text in this test"
    found[0].source = found[0].source.replace(old, new)
    lib = import_notebook("sample", notebook, "edited")
    vars(lib).update(SMALL)
    return lib


COLOURS, FLOWERS = "Parts A to C", "Part D"


def small_task(lib, part):
    """A task on tiny random images, or on features that tell flower from background."""
    rng = np.random.default_rng(0)
    if part == COLOURS:
        images = rng.integers(0, 256, (31, 3, 8, 8), dtype=np.uint8)
        data = lib.ColourData(*lib.prepare(images[:21]), *lib.prepare(images[21:]))
        return lib.Task(data, lib.colour_batches, lib.pixel_loss, lib.evaluate_colours)
    masks = torch.from_numpy(rng.choice(np.uint8([0, lib.FLOWER, lib.VOID]), (14, 8, 8)))
    features = torch.rand(14, 256, 8, 8, generator=torch.Generator().manual_seed(0))
    features[:, :8] += 2 * (masks == lib.FLOWER)[:, None]
    data = lib.FlowerData(features, masks, [*range(8)], [8, 9, 10], [11, 12, 13])
    settings = {"parameters": lib.learned_parameters, "best_by": "val_mean_iou"}
    settings |= {"loss_name": "IoU", "protocol": "strict"}
    functions = lib.flower_batches, lib.compute_iou_loss, lib.evaluate_flowers
    return lib.Task(data, *functions, **settings)


def small_net(lib, part, seed=0):
    """A network as a run of this part begins with it."""
    if part == COLOURS:
        return lib.make_net(lib.UNet, seed)
    layers = [torch.nn.Identity() for _ in range(5)]
    net = torch.nn.ModuleDict({"classifier": torch.nn.Sequential(*layers)})
    return lib.LastLayer(lib.replace_last_layer(net, seed))


def train_small(lib, part):
    """A run of 4 epochs; returns its row and history without times, and its weights as lists."""
    batch_size = 8 if part == COLOURS else 3
    recipe = lib.Recipe("test", batch_size, epochs=4, learning_rate=0.01)
    net = small_net(lib, part)
    name = lib.train(net, small_task(lib, part), recipe, 0)
    weights = {key: tensor.tolist() for key, tensor in net.state_dict().items()}
    return {**lib.RUNS[name], "seconds": 0}, lib.HISTORIES[name], weights


def first_fingerprints(results, part):
    """The names of the files of a part's runs with the first seed."""
    seed, found = results["provenance"]["seeds"][0], set()
    for run in results["runs"]:
        if run.get("seed") == seed and bool(run["protocol"]) == (part == FLOWERS):
            found.add(run["fingerprint"])
    return found


def would_be_trained(part, settings, monkeypatch):
    """The same of the runs that the notebook's cells would make with these settings."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    lib, found = types.ModuleType("as_run"), set()
    monkeypatch.setitem(sys.modules, "as_run", lib)
    execute([cell for cell in code_cells() if "run" not in tags(cell)], vars(lib))

    def told(net, task, recipe, seed):
        found.add(lib.fingerprint(net, task, recipe, seed))
        lib.RUNS["run"] = {}
        return "run"

    @functools.wraps(lib.frozen_features)
    def not_kept(net, photos):
        pytest.skip("outputs/ lacks these features; computed anew, their last bits may differ")

    lib.SEEDS = lib.FLOWER_SEEDS = lib.SEEDS[:1]
    lib.train, lib.frozen_features = told, not_kept
    wanted = {COLOURS: ["prepare-run", "grey-table"], FLOWERS: ["load-flowers", "load-net"]}[part]
    calls = {COLOURS: r"train_seeds\(", FLOWERS: r"(load_features|train_last_layers)\("}[part]
    for cell in code_cells():
        if "run" in tags(cell) and (cell.id in wanted or re.search(calls, cell.source)):
            execute([cell], vars(lib))
    return found


def copy_checkout(target):
    """Copy what git has, or would add, to `target`, and make it a repository."""
    copy = "git ls-files -coz --exclude-standard | tar -c --null -T - | tar -xC"
    subprocess.run(f"{copy} '{target}'", shell=True, cwd=ROOT, check=True, capture_output=True)
    make_repository(target)


def run_offline(folder, *command, **settings):
    """What a Python command prints, without a network, with these settings alone."""
    nowhere = "http://127.0.0.1:9"  # nothing listens there
    kept = {key: value for key, value in os.environ.items() if not key.startswith("A2_")}
    environment = kept | {"http_proxy": nowhere, "https_proxy": nowhere, "OMP_NUM_THREADS": "1"}
    settings = {"cwd": folder, "env": environment | settings, "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, *command], **settings)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return done.stdout
