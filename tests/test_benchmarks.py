"""Each benchmark runs on the sample at its smallest size, and prints and returns its ratios, whatever they are.

That the plain ways give the same numbers as ours the benchmarks assert themselves.
"""

import importlib.util
import json
import sys

import pytest
import torch
from conftest import ROOT
from notebook import code_cells

NETS = [f"{name}, epoch" for name in ("PoolUpsampleNet", "ConvTransposeNet", "UNet")]


@pytest.fixture
def load(monkeypatch):
    """Imports a benchmark by its name: two files are called notebook.py."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(ROOT / "benchmarks")])
    for setting in ("A2_PROFILE", "A2_MIRROR", "A2_BACKBONE"):
        monkeypatch.delenv(setting, raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")

    def load_benchmark(name):
        spec = importlib.util.spec_from_file_location(f"benchmark_{name}", ROOT / "benchmarks" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load_benchmark


@pytest.mark.parametrize(
    ("name", "options", "lines"),
    [
        ("colourization", "--repeats 1", ["data preparation", *NETS]),
        ("segmentation", "--photos 6 --epochs 1", ["cross_entropy, epoch", "iou, epoch", "1 epochs of each"]),
        ("notebook", "--smallest", ["Parts A to C", "the rest", "whole"]),
    ],
)
def test_a_benchmark_prints_and_returns_its_ratios(load, monkeypatch, capsys, name, options, lines):
    module = load(name)
    monkeypatch.setattr(sys, "argv", [name, *options.split()])
    ratios = module.run(module.main, module.__doc__)
    printed = capsys.readouterr().out
    assert [what[: len(line)] for what, line in zip(ratios, lines, strict=True)] == lines
    for what, ratio in ratios.items():
        assert ratio > 0
        assert any(line.startswith(what) and f"{ratio:.1f} x" in line for line in printed.splitlines())


def test_the_speedrun_prints_one_object_with_a_record_of_each_network(load, monkeypatch, capsys):
    module = load("speedrun")
    monkeypatch.setenv("A2_PROFILE", "sample")
    monkeypatch.setattr(sys, "argv", ["speedrun", "--seeds", "2", "--epochs", "1", "--json", "--trace"])
    module.run(module.main, module.__doc__)
    records = json.loads(capsys.readouterr().out)
    assert list(records) == ["PoolUpsampleNet", "ConvTransposeNet", "UNet"]
    for record in records.values():
        assert record["ratio"] == record["plain_seconds"] / record["seconds"] > 0
        assert len(record["losses"]) == 2 and len(record["plain_losses"]) == 1
        assert record["reached"] == (sum(record["losses"]) / 2 <= record["target"])


def test_the_speedrun_trains_the_same_function_as_the_network(load, definitions):
    recipe = load("speedrun_recipe")
    for name in ("PoolUpsampleNet", "UNet"):
        net = getattr(definitions, name)(3, 8, 24, 1).train()
        x = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0))
        assert torch.allclose(recipe.forward(net, x), net(x), atol=1e-5)


def test_the_plain_notebook_swaps_what_is_there(load, definitions):
    benchmark, ids = load("notebook"), [cell.id for cell in code_cells()]
    assert {*benchmark.PLAIN, *benchmark.SMALLEST} <= set(ids)
    assert ids.index("profiles") < ids.index("plotting") < ids.index("run-colourization") < ids.index("train-pool")
    assert ids.index("prepare-segmentation") < ids.index("d1-train")
    names = ("train_epoch", "evaluate_colourization", "train_colourization", "normalize", "frozen_features")
    assert all(callable(getattr(definitions, name)) for name in names)
