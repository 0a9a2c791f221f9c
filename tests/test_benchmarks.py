"""Each benchmark once on ten drawn images, for its report alone: no time is judged here."""

import json
import sys

import pytest
import torch
from cells import ROOT, import_notebook

sys.path.append(str(ROOT / "benchmarks"))
import colourization
import common
import segmentation
import speedrun
import strong


@pytest.mark.slow
@pytest.mark.parametrize("module", [colourization, segmentation, speedrun, strong])
def test_a_benchmark_writes_its_report_and_the_readme(module, monkeypatch, tmp_path):
    def load_little(*run_cell):
        lib = common.load_notebook(*run_cell)
        if module == segmentation:
            lib.starter_rows["train"] = lib.starter_rows["train"][:4]
        else:
            lib.data = lib.ColourData(*[part[:10] for part in lib.data])
        return lib

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(common, "PROFILE", "sample")
    monkeypatch.setattr(module, "load_notebook", load_little)
    monkeypatch.setattr(common, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", [f"{module.__name__}.py", "--json"])
    common.run(module.main, module.__doc__)
    report = json.loads((tmp_path / f"results/{module.__name__}.json").read_text())
    text = (tmp_path / "README.md").read_text()
    assert report["about"] in text
    for row, numbers in report["rows"].items():
        assert row in text and min(numbers.values()) > 0


def test_the_readme_is_what_the_reports_say():
    folder = ROOT / "benchmarks"
    assert (folder / "README.md").read_text() == common.readme(folder)


def test_the_speedrun_trains_the_same_function_as_the_network():
    net = import_notebook("sample").PoolUpsampleNet(3, 8, 24, 1)
    x = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(speedrun.forward(net, x), net(x), atol=1e-5)
