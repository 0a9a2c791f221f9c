"""The whole notebook in the sample profile, from a clean checkout without network, stopped once and continued."""

import json
import re
import runpy
import subprocess
import sys

import numpy as np
import pytest
import run_notebook
from conftest import offline_environment
from notebook import ROOT, code_cells, execute, import_notebook, tags


def test_ctrl_c_stops_with_a_message_and_the_next_run_goes_on(sample_run):
    assert sample_run.interrupted_code == 1
    assert "interrupted" in sample_run.interrupted_output
    assert "Run it again to go on" in sample_run.interrupted_output
    assert not (sample_run.folder / "build/sample/a2-cnn.partial").exists()


def test_a_run_that_was_finished_before_the_interruption_is_loaded_not_trained_again(sample_run):
    def first_run(output):
        return re.search(r"PoolUpsampleNet, handout, batch 100, seed 0: .*", output)[0]

    assert first_run(sample_run.output) == first_run(sample_run.interrupted_output)  # its seconds included


def test_where_output_is_no_terminal_a_run_prints_one_line(sample_run):
    for run in sample_run.results["runs"]:
        if run["part"] in "ABC":
            title = f"{run['net']}, handout, batch {run['batch_size']}, seed {run['seed']}:"
            assert sample_run.output.count(title) == 1
    assert "\r" not in sample_run.output


def test_every_cell_ran_once_in_order_and_ids_are_unchanged(sample_run):
    cells = code_cells(sample_run.notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    committed = json.loads((ROOT / "a2-cnn.ipynb").read_text())["cells"]
    assert [cell.id for cell in sample_run.notebook.cells] == [cell["id"] for cell in committed]


def test_outputs_hold_no_error_warning_widget_or_overwritten_text_and_few_lines(sample_run):
    lines = 0
    for cell in code_cells(sample_run.notebook):
        for output in cell.outputs:
            assert output.output_type in ("stream", "display_data"), (cell.id, output)
            assert output.get("name") != "stderr", (cell.id, output.text)
            assert "widget" not in json.dumps(output)
            if output.output_type == "stream":
                assert "\r" not in output.text and "   \n" not in output.text, cell.id
                lines += output.text.count("\n")
    assert lines < 500


def test_a_sample_run_leaves_the_checkout_as_it_was(sample_run):
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=sample_run.folder, capture_output=True, text=True, check=True
    )
    assert status.stdout == ""


def test_results_are_marked_as_sample_and_complete(sample_run, definitions):
    results = sample_run.results
    assert results["profile"] == "sample" and "SAMPLE" not in json.dumps(results)
    for run in results["runs"]:
        ours = ("val_mean_iou", "val_thresholded_iou") if "loss" in run else ("val_accuracy",)
        for metric in ("train_loss", "val_loss", *ours):
            assert len(run["history"][metric]) == run["epochs"] and np.isfinite(run["history"][metric]).all()
        assert all(0 <= value <= 1 for metric in ours for value in run["history"][metric])
    made = {(run["part"], run["net"], run["seed"]) for run in results["runs"]}
    for part, net in (("A", "PoolUpsampleNet"), ("B", "ConvTransposeNet"), ("C", "UNet")):
        assert {(part, net, seed) for seed in definitions.SEEDS} <= made
    studied = {(run["study"], run["batch_size"], run["seed"]) for run in results["runs"] if run["part"] == "B.5"}
    others = set(definitions.STUDY_BATCH_SIZES) - {definitions.BATCH_SIZE}
    assert {("same epochs", size, seed) for size in others for seed in definitions.SEEDS} <= studied
    assert {("scaled rate", size, 0) for size in others} <= studied


def test_the_summary_is_the_mean_over_the_runs(sample_run):
    runs = [run for run in sample_run.results["runs"] if run["part"] == "C"]
    summary = sample_run.results["summary"]["colourization"]["UNet"]
    finals = [run["history"]["val_loss"][-1] for run in runs]
    assert summary["val_loss"]["mean"] == pytest.approx(np.mean(finals))
    assert summary["val_loss"]["sd"] == pytest.approx(np.std(finals, ddof=1))


def test_the_networks_learn_from_the_sample_and_the_mirrored_answer_is_recorded_for_the_strong_recipe_alone(sample_run):
    for run in sample_run.results["runs"]:
        if run["part"] in "ABC":
            assert run["history"]["val_loss"][-1] < 0.8 * np.log(24), run["net"]
        assert ("mirrored" in run) == (run["recipe"] == "strong" and run["study"] is None)


def test_figures_of_the_run_are_drawn_again_from_its_results_byte_for_byte(sample_run):
    before = {path.name: path.read_bytes() for path in sample_run.figures.iterdir() if path.is_file()}
    command = [sys.executable, "scripts/make_figures.py", "sample"]
    subprocess.run(command, cwd=sample_run.folder, env=offline_environment(), check=True, capture_output=True)
    assert {path.name: path.read_bytes() for path in sample_run.figures.iterdir() if path.is_file()} == before


def test_when_part_d_cannot_be_had_parts_a_to_c_are_written_and_no_plot_of_another_run_beside_them(
    tmp_path, monkeypatch
):
    lib = import_notebook("sample", name="a2_first_half")
    monkeypatch.chdir(tmp_path)
    lib.FIGURE_DIR = tmp_path
    (tmp_path / "predictions.png").write_bytes(b"of another run")
    (tmp_path / "curves_pool.pdf").write_bytes(b"of this run")
    lib.DRAWN.add("curves_pool.pdf")
    lib.RUNS["run"], lib.PICTURES["shares/train"] = {"part": "A"}, np.ones(24)
    execute([cell for cell in code_cells() if cell.id == "write-first-results"], lib.__dict__)
    assert {path.name for path in tmp_path.iterdir()} == {"results.json", "pictures.npz", "curves_pool.pdf"}
    ids = [cell.id for cell in code_cells()]
    reads_part_d = ids.index("protocols-run")
    assert ids.index("curves-unet") < ids.index("write-first-results") < reads_part_d
    assert all("run" in tags(cell) for cell in code_cells() if cell.id in ("write-first-results", "protocols-run"))


def test_overwritten_text_collapses_to_what_a_terminal_shows():
    assert run_notebook.collapse("a: 1  \ra: 2  \nb\n\rdone   \n") == "a: 2\nb\ndone\n"


def test_the_sample_is_what_its_generator_draws(tmp_path):
    generator = runpy.run_path(str(ROOT / "data/make_sample.py"))
    generator["main"](tmp_path / "a")
    with np.load(tmp_path / "a/cifar10_horses.npz") as drawn, np.load(ROOT / "data/sample/cifar10_horses.npz") as kept:
        assert all(np.array_equal(drawn[name], kept[name]) for name in ("x_train", "x_test"))
    assert sum(path.stat().st_size for path in (ROOT / "data/sample").glob("*.*z*")) < 3_000_000
