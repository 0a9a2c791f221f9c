"""The whole notebook in the sample profile, from a clean checkout without network, stopped once and continued."""

import json
import random
import subprocess

import kill_run
import numpy as np
import pytest
from conftest import ROOT


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_ctrl_c_stops_with_a_message_and_the_next_run_goes_on(sample_run):
    assert sample_run.interrupted_code == 1
    assert "interrupted" in sample_run.interrupted_output
    assert "Run it again to go on" in sample_run.interrupted_output
    assert not (sample_run.folder / "build/sample/a2-cnn.partial").exists()


def test_an_interruption_loses_at_most_the_epoch_in_progress(sample_run):
    def first_epochs(output):
        lines = [line.split() for line in output.splitlines()]
        return [line for line in lines if len(line) == 7 and line[0].isdigit() and line[-1] == "s"][:2]

    # the continued run repeats the lines of the epochs done, with their elapsed seconds, instead of training them again
    assert len(first_epochs(sample_run.interrupted_output)) == 2
    assert first_epochs(sample_run.output) == first_epochs(sample_run.interrupted_output)


def test_a_run_killed_again_and_again_ends_with_the_same_bits(sample_run, tmp_path):
    killed = kill_run.Run(tmp_path / "killed")
    print(kill_run.kill_and_finish(killed, 3, random.Random(0), 8, 30))
    assert len(killed.kills) == 3
    assert all(set(before) <= set(after) and all(after.values()) for _, _, before, after in killed.kills)
    assert kill_run.results_without_times(killed.folder) == kill_run.results_without_times(sample_run.folder)
    ours, theirs = kill_run.tensors(killed.folder), kill_run.tensors(sample_run.folder)
    assert ours.keys() == theirs.keys() and all(ours[name] == theirs[name] for name in theirs)


def test_every_cell_ran_once_in_order_and_ids_are_unchanged(sample_run):
    cells = code_cells(sample_run.notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    committed = json.loads((ROOT / "a2-cnn.ipynb").read_text())["cells"]
    assert [cell.id for cell in sample_run.notebook.cells] == [cell["id"] for cell in committed]


def test_no_error_no_warning_and_no_widget_is_left_in_the_outputs(sample_run):
    for cell in code_cells(sample_run.notebook):
        for output in cell.outputs:
            assert output.output_type in ("stream", "display_data"), (cell.id, output)
            assert output.get("name") != "stderr", (cell.id, output.text)
            assert "widget" not in json.dumps(output)


def test_a_sample_run_leaves_the_checkout_as_it_was(sample_run):
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=sample_run.folder, capture_output=True, text=True, check=True
    )
    assert status.stdout == ""


def test_results_are_marked_as_sample_and_complete(sample_run, definitions):
    results = sample_run.results
    assert results["schema"] == 1 and results["profile"] == "sample"
    keys = {"part", "net", "recipe", "batch_size", "seed", "epochs", "seconds", "history"}
    for run in results["runs"]:
        assert keys <= set(run)
        ours = ("val_mean_iou", "val_thresholded_iou") if "loss" in run else ("val_accuracy",)
        for metric in ("train_loss", "val_loss", *ours):
            assert len(run["history"][metric]) == run["epochs"] and np.isfinite(run["history"][metric]).all()
        assert all(0 <= value <= 1 for metric in ours for value in run["history"][metric])
    made = {(run["part"], run["net"], run["seed"]) for run in results["runs"]}
    for part, net in (("A", "PoolUpsampleNet"), ("B", "ConvTransposeNet"), ("C", "UNet")):
        assert {(part, net, seed) for seed in definitions.SEEDS} <= made
    studied = {(run["study"], run["batch_size"]) for run in results["runs"] if run["part"] == "B.5"}
    others = set(definitions.STUDY_BATCH_SIZES) - {definitions.BATCH_SIZE}
    assert {("same epochs", size) for size in others} | {("scaled rate", size) for size in others} <= studied


def test_the_summary_is_the_mean_over_the_runs(sample_run):
    runs = [run for run in sample_run.results["runs"] if run["part"] == "C"]
    summary = sample_run.results["summary"]["colourization"]["UNet"]
    finals = [run["history"]["val_loss"][-1] for run in runs]
    assert summary["val_loss"]["mean"] == pytest.approx(np.mean(finals))
    assert summary["val_loss"]["sd"] == pytest.approx(np.std(finals, ddof=1))
    assert summary["parameters"] == 56_856


def test_the_networks_learn_from_the_sample(sample_run):
    for run in sample_run.results["runs"]:
        if run["part"] in "ABC":
            assert run["history"]["val_loss"][-1] < 0.8 * np.log(24), run["net"]


def test_the_executed_notebook_is_under_the_upload_limit(sample_run):
    assert (sample_run.folder / "build/sample/a2-cnn.ipynb").stat().st_size < 4_500_000


def test_the_sample_is_what_its_generator_draws(tmp_path):
    import runpy

    generator = runpy.run_path(str(ROOT / "data/make_sample.py"))
    generator["main"](tmp_path / "a")
    generator["main"](tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    with np.load(tmp_path / "a/cifar10_horses.npz") as drawn, np.load(ROOT / "data/sample/cifar10_horses.npz") as kept:
        assert all(np.array_equal(drawn[name], kept[name]) for name in ("x_train", "x_test"))
    assert sum(path.stat().st_size for path in (ROOT / "data/sample").iterdir()) < 3_000_000
