"""The notebook as a file: tags, ids, metadata, names, and what its definitions may touch."""

import ast
import json
import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT, read_notebook, tags

NOTEBOOK = read_notebook()
CODE = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]


def bound_names(source):
    """The names that a cell binds at its top level: functions, classes, variables, imports, loop variables."""
    names = set()
    nodes = list(ast.parse(source).body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif not isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            nodes.extend(ast.iter_child_nodes(node))
    return names


def test_exactly_one_cell_reads_the_environment_and_it_is_tagged_parameters():
    assert [cell.id for cell in CODE if "os.environ" in cell.source] == ["parameters"]
    assert [cell.id for cell in CODE if "parameters" in tags(cell)] == ["parameters"]


def test_run_cells_are_skipped_by_markus():
    for cell in CODE:
        skipped = cell.metadata.get("markus", {}).get("skip", False)
        assert skipped == ("run" in tags(cell)), cell.id


def test_untagged_cells_only_import_and_define():
    allowed = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.Expr, ast.If)
    for cell in CODE:
        if not tags(cell):
            kinds = {type(node).__name__ for node in ast.parse(cell.source).body if not isinstance(node, allowed)}
            assert not kinds, f"{cell.id}: {kinds}"


def test_run_cells_define_no_function_and_no_class():
    for cell in CODE:
        if "run" in tags(cell):
            defined = [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
            assert not defined, cell.id


def test_no_cell_binds_a_name_that_an_earlier_cell_bound():
    bound = {}
    for cell in CODE:
        for name in bound_names(cell.source) - {"_"}:
            assert name not in bound, f"{cell.id} binds {name} again, first bound in {bound[name]}"
            bound[name] = cell.id


def test_ids_are_unique_words():
    ids = [cell.id for cell in NOTEBOOK.cells]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", i) and len(i) <= 30 for i in ids)


def test_metadata_asks_colab_for_a_gpu_and_holds_nothing_else():
    assert set(NOTEBOOK.metadata) == {"accelerator", "colab", "kernelspec", "language_info"}
    assert NOTEBOOK.metadata.accelerator == "GPU"
    assert NOTEBOOK.metadata.colab == {"gpuType": "T4", "provenance": [], "toc_visible": True}
    assert (NOTEBOOK.nbformat, NOTEBOOK.nbformat_minor) == (4, 5)


def test_the_committed_notebook_is_one_full_run_without_errors_or_warnings():
    assert [cell.execution_count for cell in CODE] == list(range(1, len(CODE) + 1))
    kinds = {(output.output_type, output.get("name")) for cell in CODE for output in cell.outputs}
    assert kinds <= {("stream", "stdout"), ("display_data", None)}
    assert "full profile: 5000 training" in next(cell for cell in CODE if cell.id == "load-horses").outputs[0].text
    assert (ROOT / "a2-cnn.ipynb").stat().st_size < 4_500_000


def test_every_figure_of_the_full_run_is_saved_and_no_other_file_lies_there():
    runs = "\n".join(cell.source for cell in CODE if "run" in tags(cell))
    saved = set(re.findall(r'"([\w-]+\.(?:pdf|png))"', runs))
    assert {path.name for path in (ROOT / "figures").iterdir()} == saved | {"results.json", "numbers.tex", "listings"}


def test_committed_results_come_from_the_committed_code():
    import hashlib

    results = json.loads((ROOT / "figures/results.json").read_text())
    executed = CODE[: 1 + [cell.id for cell in CODE].index("write-results")]
    code = "\n".join(cell.source.strip() for cell in executed)
    assert results["provenance"]["code_sha256"] == hashlib.sha256(code.encode()).hexdigest()


def test_the_stamp_that_the_notebook_prints_is_its_results_file():
    import hashlib

    stamp = hashlib.sha256((ROOT / "figures/results.json").read_bytes()).hexdigest()[:12]
    assert f"stamp {stamp}" in CODE[-1].outputs[-1].text


def test_the_readme_table_is_made_from_the_results():
    result = subprocess.run([sys.executable, "scripts/update_readme.py", "--check"], cwd=ROOT, capture_output=True)
    assert result.returncode == 0, result.stderr.decode()


@pytest.mark.parametrize("profile", ["full", "sample"])
def test_definitions_alone_take_under_ten_seconds_open_no_socket_and_write_no_file(profile, tmp_path):
    script = """
import sys, time
writes, sockets = [], []
def watch(event, args):
    if event == "socket.connect":
        sockets.append(args)
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        writes.append(args[0])
    if event in ("os.mkdir", "os.rename", "os.remove"):
        writes.append(args)
import matplotlib, torch, torchvision, scipy.ndimage, pooch, IPython, matplotlib.pyplot  # they may write caches
sys.addaudithook(watch)
import json
started, names = time.perf_counter(), {}
for cell in json.load(open(sys.argv[1]))["cells"]:
    if cell["cell_type"] == "code" and "run" not in cell["metadata"].get("tags", []):
        exec("".join(cell["source"]), names)
assert time.perf_counter() - started < 10
assert not writes and not sockets, (writes, sockets)
for name in sys.argv[2:]:
    assert name in names, name
"""
    wanted = ["PoolUpsampleNet", "ConvTransposeNet", "UNet", "get_rgb_cat", "get_cat_rgb", "train_colourization"]
    result = subprocess.run(
        [sys.executable, "-c", script, str(ROOT / "a2-cnn.ipynb"), *wanted], cwd=tmp_path, text=True,
        capture_output=True, env=os.environ | {"A2_PROFILE": profile, "MPLBACKEND": "Agg"},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert list(tmp_path.iterdir()) == []
