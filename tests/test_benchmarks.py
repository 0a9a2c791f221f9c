"""Each benchmark once on ten drawn images, for its report alone: no time is judged here."""

import importlib
import json
import sys

import pytest
import torch
from cells import ROOT, import_notebook


@pytest.fixture
def load(monkeypatch):
    """Imports a benchmark by its name."""
    monkeypatch.setenv("A2_PROFILE", "sample")
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.chdir(ROOT)
    return importlib.import_module


@pytest.mark.slow
@pytest.mark.parametrize("name", ["colourization", "segmentation", "speedrun", "strong"])
def test_a_benchmark_writes_its_report_and_the_readme(load, monkeypatch, tmp_path, name):
    common, module = load("common"), load(name)

    def load_little(*run_cell):
        lib = common.load_notebook(*run_cell)
        if not run_cell:
            lib.data = lib.ColourData(*[part[:10] for part in lib.data])
        return lib

    monkeypatch.setattr(module, "load_notebook", load_little)
    monkeypatch.setattr(common, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--json", "--held-out"])
    common.run(module.main, module.__doc__)
    about, *_, rows = json.loads((tmp_path / f"results/{name}.json").read_text()).values()
    text = (tmp_path / "README.md").read_text()
    assert about in text
    for row, numbers in rows.items():
        assert row in text and min(numbers.values()) > 0


def test_the_readme_is_what_the_reports_say(load):
    folder = ROOT / "benchmarks"
    assert (folder / "README.md").read_text() == load("common").readme(folder)


def test_the_speedrun_trains_the_same_function_as_the_network(load):
    net = import_notebook("sample").PoolUpsampleNet(3, 8, 24, 1)
    x = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(load("speedrun").forward(net, x), net(x), atol=1e-5)
