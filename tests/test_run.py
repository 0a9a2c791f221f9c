"""The whole notebook in the sample profile, from a clean checkout, stopped once and continued."""

import json
import math
import re
import runpy
import shutil
import subprocess
import sys

import numpy as np
import pypdf
import pytest
import torch
from cells import ROOT, code_cells, execute, import_notebook, tags
from conftest import offline_environment
from test_notebook import printed_lines

SCORES = {"image_iou", "thresholded_iou", "mean_iou"}


def test_ctrl_c_stops_with_a_message_and_the_next_run_goes_on(sample_run):
    assert sample_run.interrupted_code == 1
    assert "interrupted" in sample_run.interrupted_output
    assert "Run it again to go on" in sample_run.interrupted_output
    assert not list((sample_run.folder / "build/sample").glob("*.partial"))
    assert sample_run.code == 0


def test_the_run_that_was_interrupted_ended_as_one_that_was_not(sample_run, tmp_path):
    lib = import_notebook("sample", name="uninterrupted")
    images = lib.read_horses(ROOT / "data/sample/cifar10_horses.npz")
    lib.train_set, lib.test_set = map(lib.prepare_colour_set, images)
    lib.OUTPUT_DIR = tmp_path
    device = sample_run.results["provenance"]["device"]  # "CPU, 2 threads"
    torch.set_num_threads(int(re.findall(r"\d+", device)[0]))
    lib.run_colourization(lib.PoolUpsampleNet, 1)
    torch.set_num_threads(1)
    (ours,) = lib.RUNS.values()
    same = [run for run in sample_run.results["runs"] if run["checkpoint"] == ours["checkpoint"]]
    assert [run["history"] for run in same] == [ours["history"]]


def test_a_run_that_was_finished_before_the_interruption_is_loaded(sample_run):
    (cell,) = [cell for cell in code_cells(sample_run.notebook) if cell.id == "train-pool"]
    assert printed_lines([cell])[0].startswith("PoolUpsampleNet, handout, seed 0: loaded")


def test_every_cell_ran_once_in_order_and_ids_are_unchanged(sample_run):
    cells = code_cells(sample_run.notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    committed = json.loads((ROOT / "a2-cnn.ipynb").read_text())["cells"]
    assert [cell.id for cell in sample_run.notebook.cells] == [cell["id"] for cell in committed]


def test_outputs_hold_no_error_warning_or_widget_and_no_line_over_75_columns(sample_run):
    cells = code_cells(sample_run.notebook)
    for cell in cells:
        for output in cell.outputs:
            assert output.output_type in ("stream", "display_data"), (cell.id, output)
            assert output.get("name") != "stderr", (cell.id, output.text)
            assert "widget" not in json.dumps(output), cell.id
    lines = printed_lines(cells)
    assert len(lines) < 200
    assert [line for line in lines if len(line) > 75 or "\r" in line] == []


def test_every_figure_cell_has_its_picture_also_with_mplbackend_agg(sample_run):
    for cell in code_cells(sample_run.notebook):  # the fixture sets it
        pictures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        if "figure" in tags(cell):
            assert len(pictures) == cell.source.count("save_fig("), cell.id


def test_a_sample_run_leaves_the_checkout_as_it_was(sample_run):
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=sample_run.folder,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert status.stdout == ""


def test_every_run_in_the_results_has_its_settings_and_a_number_for_each_epoch(sample_run):
    results = sample_run.results
    assert (results["schema"], results["profile"]) == (3, "sample")
    assert {"data", "seeds", "code_sha256", "versions", "device"} <= set(results["provenance"])
    keys = {"net", "recipe", "study", "batch_size", "learning_rate", "seed"}
    keys |= {"epochs", "updates", "seconds"}
    for run in results["runs"]:
        history = run["history"]
        assert keys <= set(run)
        assert {len(values) for values in history.values()} == {run["epochs"]}
        if "loss" not in run:
            assert {"train_loss", "val_loss", "val_accuracy"} == set(history)
            continue
        assert {"train_loss", *(f"val_{score}" for score in SCORES)} <= set(history)
        assert set(run["validation"]) == set(run["test"]) == SCORES
        best_by = {"starter": "thresholded_iou", "strict": "mean_iou"}[run["protocol"]]
        column = history[f"val_{best_by}"]
        assert run["best_epoch"] == 1 + column.index(max(column))
        assert run["validation"][best_by] == max(column)


def test_every_network_study_loss_and_protocol_was_run_with_each_seed(sample_run):
    runs, seeds = sample_run.results["runs"], sample_run.results["provenance"]["seeds"]
    made, wanted = {}, {}
    for run in runs:
        what = run["net"] if run["study"] == "main" else f"{run['study']}, {run['batch_size']}"
        what = f"{run['loss']}, {run['protocol']}" if "loss" in run else what
        made.setdefault(f"{what}, {run['recipe']}", []).append(run["seed"])
    for net in ("PoolUpsampleNet", "ConvTransposeNet", "UNet"):
        wanted |= {f"{net}, handout": seeds, f"{net}, strong": seeds}
    for size in (32, 100, 512):
        wanted[f"same epochs, {size}, handout"] = seeds
        for control in ("same updates", "scaled rate"):
            wanted[f"{control}, {size}, handout"] = seeds[:1]
    for loss in ("cross entropy", "IoU"):
        for end in ("handout", "slower", "longer", "gentle"):
            wanted[f"{loss}, starter, {end}"] = seeds
        wanted[f"{loss}, strict, gentle"] = seeds
    assert made == wanted


def test_facts_are_finite_and_say_what_the_runs_ended_with_and_how_they_compare(sample_run):
    facts, runs = sample_run.results["facts"], sample_run.results["runs"]
    for name, fact in facts.items():
        values = fact if isinstance(fact, list) else [fact]
        assert all(isinstance(v, str) or math.isfinite(v) for v in values), name
    ends = {}
    for net in ("ConvTransposeNet", "UNet"):
        ours = [run for run in runs if run["net"] == net and run["recipe"] == "handout"]
        ours = [run for run in ours if run["study"] == "main"]
        ends[net] = np.array([run["history"]["val_loss"][-1] for run in ours])
        assert facts[f"{net}: val_loss"] == ends[net].tolist()
    difference = ends["UNet"] - ends["ConvTransposeNet"]
    assert facts["UNet minus ConvTransposeNet: val_loss"] == pytest.approx(difference.tolist())
    for name in (
        "ConvTransposeNet minus PoolUpsampleNet: val_loss",
        "UNet minus ConvTransposeNet, strong: val_loss",
        "batch 512 minus batch 32: val_loss",
        "IoU minus cross entropy, handout, starter: image_iou, validation",
        "IoU minus cross entropy, gentle, strict: mean_iou, test",
    ):
        assert len(facts[name]) == len(sample_run.results["provenance"]["seeds"]), name


def test_the_networks_learn_from_the_sample(sample_run):
    for run in sample_run.results["runs"]:
        if run["study"] == "main" and run["recipe"] != "gentle" and "loss" not in run:
            losses = run["history"]["train_loss"]
            assert losses[-1] < min(0.9 * losses[0], 0.8 * np.log(24)), run["net"]


def test_figures_of_the_run_are_drawn_again_from_its_results_byte_for_byte(sample_run):
    before = {path.name: path.read_bytes() for path in sample_run.figures.glob("*.*")}
    command = [sys.executable, "scripts/make_figures.py", "sample"]
    subprocess.run(
        command, cwd=sample_run.folder, env=offline_environment(), check=True, capture_output=True
    )
    after = {path.name: path.read_bytes() for path in sample_run.figures.glob("*.*")}
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed <= {"drawn_by.txt"}


def test_results_of_parts_a_to_c_are_written_before_part_d_and_old_plots_leave(tmp_path):
    ids = [cell.id for cell in code_cells()]
    first = ids.index("write-first-results")
    assert ids.index("compare-unet") < first < ids.index("protocols-run")
    lib = import_notebook("sample", name="first_half")
    lib.FIGURE_DIR = tmp_path
    (tmp_path / "predictions.png").write_bytes(b"of another run")
    (tmp_path / "curves_pool.pdf").write_bytes(b"of this run")
    lib.DRAWN.add("curves_pool.pdf")
    lib.RUNS["one", "main"] = {"net": "UNet", "checkpoint": "one"}
    lib.FACTS["UNet: val_loss"], lib.PICTURES["shown"] = [1.5], np.ones(3)
    execute([code_cells()[first]], vars(lib))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"results.json", "pictures.npz", "curves_pool.pdf"}
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["facts"]["UNet: val_loss"] == [1.5] and len(results["runs"]) == 1


def test_the_sample_is_what_its_generator_draws(tmp_path):
    generator = runpy.run_path(str(ROOT / "data/make_sample.py"))
    generator["main"](tmp_path / "a")
    name = "cifar10_horses.npz"
    with np.load(tmp_path / "a" / name) as drawn, np.load(ROOT / "data/sample" / name) as kept:
        assert all(np.array_equal(drawn[part], kept[part]) for part in ("x_train", "x_test"))
    tracked = ("17flowers.tgz", "trimaps.tgz", "datasplits.mat", name)
    assert sum((ROOT / "data/sample" / file).stat().st_size for file in tracked) < 3_000_000


@pytest.mark.skipif(not shutil.which("latexmk"), reason="LaTeX is not installed")
def test_the_samples_pdf_says_so_on_every_page(sample_run):
    command = [sys.executable, "scripts/build_writeup.py", "sample"]
    subprocess.run(command, cwd=sample_run.folder, check=True)
    pages = pypdf.PdfReader(sample_run.folder / "build/sample/a2-writeup.pdf").pages
    assert all("SAMPLE" in page.extract_text() for page in pages)
