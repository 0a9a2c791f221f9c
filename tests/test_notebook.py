"""The notebook as a file: tags, ids, metadata, names, what its definitions touch, and that its run is the code's."""

import ast
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from notebook import NOTEBOOK, ROOT, code_cells, code_hash, read_notebook, stamp_of, tags
from results import colour_values, load_results, mean_and_sd, segmentation_values

CODE = code_cells()
FIGURES = ROOT / "figures"


def bound_names(source):
    """The names that a cell binds at its top level."""
    names, nodes = set(), list(ast.parse(source).body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            nodes.extend(ast.iter_child_nodes(node))
    return names


def test_exactly_one_cell_reads_the_environment_and_it_is_tagged_parameters():
    assert [cell.id for cell in CODE if "os.environ" in cell.source] == ["parameters"]
    assert [cell.id for cell in CODE if "parameters" in tags(cell)] == ["parameters"]


def test_run_cells_and_they_alone_are_skipped_by_markus_and_figure_cells_are_among_them():
    for cell in CODE:
        assert cell.metadata.get("markus", {}).get("skip", False) == ("run" in tags(cell)), cell.id
        assert "run" in tags(cell) or "figure" not in tags(cell), cell.id


def test_run_cells_define_no_function_and_no_class():
    for cell in CODE:
        if "run" in tags(cell):
            defined = [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.FunctionDef | ast.ClassDef)]
            assert not defined, cell.id


def test_what_an_untagged_cell_binds_no_other_cell_binds():
    definitions = {}
    for cell in CODE:
        if "run" not in tags(cell):
            for name in bound_names(cell.source) - {"_"}:
                profile = cell.id == "profiles" and definitions.get(name) == "parameters"  # one configuration in two
                assert profile or name not in definitions, f"{cell.id} binds {name}, bound in {definitions[name]}"
                definitions[name] = cell.id
    for cell in CODE:
        if "run" in tags(cell):
            assert not bound_names(cell.source) & set(definitions), cell.id


def test_cells_that_save_a_figure_are_tagged_so_and_the_notebook_knows_them_by_that():
    drawn = {cell.id for cell in CODE if re.search(r"^ *save_fig\(", cell.source, re.MULTILINE)}
    assert drawn == {cell.id for cell in CODE if "figure" in tags(cell)}


def test_folded_cells_have_a_title_and_are_folded_in_colab_and_jupyter():
    for cell in CODE:
        folded = cell.source.startswith("# @title ")
        assert folded == (cell.metadata.get("cellView") == "form"), cell.id
        assert folded == cell.metadata.get("jupyter", {}).get("source_hidden", False), cell.id


def test_ids_are_unique_words():
    ids = [cell.id for cell in read_notebook().cells]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", i) and len(i) <= 30 for i in ids)


def test_every_question_of_the_handout_has_a_heading_in_its_order():
    headings = [
        line for cell in read_notebook().cells if cell.cell_type == "markdown"
        for line in cell.source.splitlines() if line.startswith("### ")
    ]  # fmt: skip
    questions = re.findall(r"\b([ABC]\.\d|D\.\d Question \d)", "\n".join(headings))
    wanted = [f"{part}.{i}" for part, count in (("A", 3), ("B", 5), ("C", 3)) for i in range(1, count + 1)]
    assert questions[:11] == wanted
    assert sorted(questions[11:]) == [
        f"D.{i} Question {j}" for i, count in ((1, 3), (2, 2)) for j in range(1, count + 1)
    ]


def test_metadata_asks_colab_for_a_gpu_and_holds_nothing_else():
    metadata = read_notebook().metadata
    assert set(metadata) == {"accelerator", "colab", "kernelspec", "language_info"}
    assert metadata.accelerator == "GPU"
    assert metadata.colab == {"gpuType": "T4", "provenance": [], "toc_visible": True}


def test_the_committed_notebook_is_one_full_run_without_errors_warnings_or_paths_of_this_machine():
    assert [cell.execution_count for cell in CODE] == list(range(1, len(CODE) + 1))
    kinds = {(output.output_type, output.get("name")) for cell in CODE for output in cell.outputs}
    assert kinds <= {("stream", "stdout"), ("display_data", None)}
    assert "5000 training" in next(cell for cell in CODE if cell.id == "load-horses").outputs[0].text
    printed = [output.text for cell in CODE for output in cell.outputs if output.output_type == "stream"]
    assert not re.search(r"/work|/home|/tmp|\.\./", "".join(printed))
    assert NOTEBOOK.stat().st_size < 4_500_000


def test_every_figure_of_the_full_run_is_saved_and_no_other_file_lies_there():
    saved = set(re.findall(r'"([\w-]+\.(?:pdf|png))"', "\n".join(cell.source for cell in CODE)))
    others = {"results.json", "pictures.npz", "numbers.tex", "listings"}
    assert {path.name for path in FIGURES.iterdir()} == saved | others
    assert (FIGURES / "pictures.npz").stat().st_size < 3_000_000


def test_committed_results_come_from_the_committed_code_and_the_notebook_prints_their_stamp():
    results, stamp = load_results(FIGURES)
    assert results["provenance"]["code_sha256"] == code_hash()
    assert f"stamp {stamp_of(FIGURES)}" in next(cell for cell in CODE if cell.id == "hand-in").outputs[-1].text
    assert stamp == stamp_of(FIGURES)


def numbers_seen(results, pictures):
    """{cell id: the numbers that its text may name, as it would write them}, from the two result files alone."""

    def each(values, factor=1, digits=3):
        return {f"{abs(factor * value):.{digits}f}" for value in values}

    def spread(values, factor=1, digits=3):
        return each(mean_and_sd(values), factor, digits)

    def gaps(first, second, *which, **more):
        values = (colour_values(results, net, *which, **more) for net in (first, second))
        return [a - b for a, b in zip(*values, strict=True)]

    pool, conv, unet = "PoolUpsampleNet", "ConvTransposeNet", "UNet"
    summary, shares = results["summary"], pictures["shares/train"]
    loss = {net: spread(colour_values(results, net)) for net in (pool, conv, unet)}
    right = {net: spread(colour_values(results, net, "val_accuracy"), 100, 1) for net in (pool, conv, unet)}
    edges = {net: each((row[0], row[-1]), 100, 0) for net, row in summary["accuracy_by_distance"].items()}
    greys, greens, blues = ([5, 1, 10, 15, 6, 22, 23, 17, 11, 2, 8, 19], [4, 18, 16], [20, 12])
    batch = each(row[study]["mean"] for row in summary["batch_size"].values() for study in row)
    strong = [row[column]["mean"] for row in summary["strong"].values() for column in ("val_loss", "mirrored answer")]
    scores = set()
    for name in ("cross_entropy", "iou"):
        scores |= each(segmentation_values(results, name, "thresholded_iou", 10, recipe="handout"))
        scores |= spread(segmentation_values(results, name, "thresholded_iou", "validation"))
        scores |= spread(segmentation_values(results, name, "mean_iou", "test", "leak-free"))
    colour_shares = each([shares[labels].sum() for labels in (greys, greens, blues)], 100, 0)
    ablation = each(row["val_loss"]["mean"] for row in summary["ablation"].values())
    accuracy_gaps = each(gaps(unet, conv, "val_accuracy"), 100, 1)
    paired = {name: each(entry["differences"]) for name, entry in summary["paired"].items()}
    low = np.concatenate([ious for name, ious in pictures.items() if name.startswith("ious/")]) <= 0.5
    scores |= each([summary["void share"]], 100, 1) | each([low.mean()], 100, 0) | {"0.5"}
    for score in ("thresholded_iou", "mean_iou"):
        scores |= paired[f"IoU less CE, mended, handout, {score}: test"]
    return {
        "part-a-saw": loss[pool] | right[pool] | edges[pool] | colour_shares,
        "part-b-saw": loss[conv]
        | right[conv]
        | each(gaps(conv, pool))
        | batch
        | paired["batch 64 less 32: val_loss"]
        | edges[conv]
        | edges[pool],
        "part-c-saw": loss[unet] | right[unet] | each(gaps(unet, conv)) | accuracy_gaps,
        "part-d-saw": scores,
        "mistakes-saw": set().union(*edges.values()) | each(summary["chroma"].values()),
        "strong-saw": each(strong) | ablation | each(gaps(unet, conv, recipe="strong")),
    }


SAW = ("part-a-saw", "part-b-saw", "part-c-saw", "part-d-saw", "mistakes-saw", "strong-saw")


@pytest.mark.parametrize("cell_id", SAW)
def test_the_numbers_in_what_we_saw_come_from_the_committed_results(cell_id):
    text = next(cell.source for cell in read_notebook().cells if cell.id == cell_id)
    named = re.findall(r"\d+\.\d+|\d+(?= %)|\d+(?=(?:, \d+)? and \d+ %)", text.partition("In the committed run")[2])
    with np.load(FIGURES / "pictures.npz") as pictures:
        allowed = numbers_seen(load_results(FIGURES)[0], pictures)[cell_id]
    assert named and set(named) <= allowed, sorted(set(named) - allowed)


def test_the_readme_tables_are_made_from_the_results():
    result = subprocess.run([sys.executable, "scripts/update_readme.py", "--check"], cwd=ROOT, capture_output=True)
    assert result.returncode == 0, result.stderr.decode()


DEFINITIONS_ALONE = """
import json, sys, time
writes, sockets = [], []
def watch(event, args):
    if event == "socket.connect":
        sockets.append(args)
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        writes.append(args[0])
    if event in ("os.mkdir", "os.rename", "os.remove"):
        writes.append(args)
import matplotlib.pyplot, torch.utils.flop_counter, torchvision, pooch, IPython, tqdm  # they may write caches
import scipy.ndimage, scipy.cluster.vq, scipy.io
sys.addaudithook(watch)
started, names = time.perf_counter(), {}
for cell in json.load(open(sys.argv[1]))["cells"]:
    if cell["cell_type"] == "code" and "run" not in cell["metadata"].get("tags", []):
        exec("".join(cell["source"]), names)
assert time.perf_counter() - started < 10
assert not writes and not sockets, (writes, sockets)
for name in sys.argv[2:]:
    assert name in names, name
"""


@pytest.mark.parametrize("profile", ["full", "quick", "sample"])
def test_definitions_alone_take_under_ten_seconds_open_no_socket_and_write_no_file(profile, tmp_path):
    wanted = ["PoolUpsampleNet", "ConvTransposeNet", "UNet", "get_rgb_cat", "get_cat_rgb", "compute_IoU_loss"]
    result = subprocess.run(
        [sys.executable, "-c", DEFINITIONS_ALONE, str(NOTEBOOK), *wanted, "train_colourization", "learned_parameters"],
        cwd=tmp_path, text=True, capture_output=True, env=os.environ | {"A2_PROFILE": profile, "MPLBACKEND": "Agg"},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert list(tmp_path.iterdir()) == []


def test_results_json_of_the_full_run_has_the_keys_that_others_rely_on():
    results, _ = load_results(FIGURES)
    assert {"schema", "profile", "provenance", "runs", "summary"} <= set(results) and results["profile"] == "full"
    keys = {"part", "net", "recipe", "batch_size", "seed", "epochs", "seconds", "history"}
    assert all(keys <= set(run) for run in results["runs"])
    assert {run["part"] for run in results["runs"]} == {"A", "B", "B.5", "C", "beyond", "D.1", "D.2"}
    assert json.dumps(results, allow_nan=False)
