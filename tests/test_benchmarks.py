"""Each benchmark once on a few images, for its report alone: no time is judged here.

That the plain ways give the same numbers as ours the benchmarks assert themselves.
"""

import importlib
import json
import sys

import numpy as np
import pytest
import torch
from conftest import ROOT

NETS = ["PoolUpsampleNet", "ConvTransposeNet", "UNet"]


@pytest.fixture
def load(monkeypatch, lib):
    """Imports a benchmark by its name; it sees few horses, and the sample's photos at 32×32."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(lib, "DATA_DIR", ROOT / "data" / "sample")
    monkeypatch.setattr(lib, "PHOTO_SIZE", 32)
    horses = np.random.default_rng(0).integers(0, 256, (12, 3, 32, 32), dtype=np.uint8)
    monkeypatch.setattr(lib, "load_horses", lambda: (horses[:8], horses[8:]))

    def load_benchmark(name):
        module = importlib.import_module(name)
        if hasattr(module, "load_notebook"):
            monkeypatch.setattr(module, "load_notebook", lambda: lib)
        return module

    return load_benchmark


@pytest.mark.parametrize(
    ("name", "options", "rows", "column"),
    [
        ("colourization", "--repeats 1", ["data preparation", *NETS], "plain / ours"),
        ("segmentation", "--photos 3 --epochs 1", ["cross", "IoU", "1 epochs"], "plain / ours"),
        ("speedrun", "--seeds 1 --epochs 1", NETS, "plain / ours"),
        ("speedrun", "--seeds 1 --epochs 0 --held_out 2", NETS, "mean loss"),
        ("muon", "--seeds 1 --epochs 1", NETS, "seed 0, with mirror image"),
    ],
)
def test_a_benchmark_writes_a_report_that_the_readme_can_show(
    load, monkeypatch, capsys, name, options, rows, column
):
    module = load(name)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *options.split(), "--json"])
    module.run(module.main, module.__doc__)
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert [row[: len(start)] for row, start in zip(report["rows"], rows, strict=True)] == rows
    section = load("write_readme").section(report)
    assert f"python benchmarks/{name}.py {options}" in section
    for row, numbers in report["rows"].items():
        assert numbers[column] > 0
        assert f"{row}: " in printed.err
        assert f"| {row} | " in section
        assert f"{numbers[column]:.4g}" in section


def test_two_ways_that_differ_are_no_comparison(load):
    common = load("common")
    with pytest.raises(AssertionError):
        common.compare(1, lambda: [1.0, 2.0], lambda: [1.0, 2.1])


def test_the_readme_is_what_the_reports_say(load):
    assert (ROOT / "benchmarks" / "README.md").read_text() == load("write_readme").readme()


def test_the_speedrun_trains_the_same_function_as_the_network(load, lib):
    recipe = load("speedrun_recipe")
    for name in ("PoolUpsampleNet", "UNet"):
        net = getattr(lib, name)(3, 8, 24, 1).train()
        x = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0))
        assert torch.allclose(recipe.forward(net, x), net(x), atol=1e-5)


def test_orthogonalized_matrices_have_singular_values_near_1(load):
    matrix = torch.randn(8, 20, generator=torch.Generator().manual_seed(0))
    for shaped in (matrix, matrix.T):
        values = torch.linalg.svdvals(load("speedrun_recipe").orthogonalize(shaped, steps=5))
        assert values.min() > 0.6 and values.max() < 1.3


def test_the_mean_with_the_mirror_image_mirrors_with_the_image(load, lib):
    net = load("muon").WithMirrorImage(lib.UNet(3, 8, 24, 1)).eval()
    x = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(net(x.flip(-1)), net(x).flip(-1), atol=1e-5)
