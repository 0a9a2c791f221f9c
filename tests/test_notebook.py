"""The notebook as a file: tags, headings, names, what its definitions touch; the committed run."""

import ast
import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

from cells import NOTEBOOK, ROOT, code_cells, read_notebook, stamp_of, tags

NB = read_notebook()
CODE = code_cells(NB)
FIGURES = ROOT / "figures"


def bound_names(source):
    """The names that a cell binds at its top level."""
    names, nodes = set(), list(ast.parse(source).body)
    scopes = ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif not isinstance(node, scopes):
            nodes.extend(ast.iter_child_nodes(node))
    return names


def printed_lines(cells):
    """The lines that cells print, or show as plain text alone."""
    lines = []
    for cell in cells:
        for output in cell.outputs:
            text = output.get("text", "")
            if set(output.get("data", {})) == {"text/plain"}:
                text = output["data"]["text/plain"]
            lines += "".join(text).splitlines()
    return lines


def test_exactly_one_cell_reads_the_environment_and_it_is_tagged_parameters():
    assert [cell.id for cell in CODE if "environ" in cell.source] == ["threads", "parameters"]
    written = 'import os\n\nos.environ["GOMP_SPINCOUNT"] = "10000"'  # which reads nothing
    assert [cell.source for cell in CODE if cell.id == "threads"] == [written]
    assert [cell.id for cell in CODE if "parameters" in tags(cell)] == ["parameters"]


def test_run_cells_alone_are_skipped_by_markus_and_figure_cells_are_among_them():
    for cell in CODE:
        assert tags(cell) in (set(), {"parameters"}, {"plot"}, {"run"}, {"run", "figure"}), cell.id
        assert cell.metadata.get("markus", {}).get("skip", False) == ("run" in tags(cell)), cell.id


def test_run_cells_define_no_function_and_no_class():
    for cell in CODE:
        if "run" in tags(cell):
            kinds = {type(node) for node in ast.walk(ast.parse(cell.source))}
            assert not kinds & {ast.FunctionDef, ast.ClassDef}, cell.id


def test_what_a_defining_cell_binds_no_other_cell_binds():
    bound = {}
    for cell in sorted(CODE, key=lambda cell: "run" in tags(cell)):
        for name in bound_names(cell.source) - {"_"}:
            assert name not in bound, f"{cell.id} binds {name}, bound in {bound[name]}"
            if "run" not in tags(cell):
                bound[name] = cell.id


def test_the_code_hash_leaves_out_the_cells_tagged_figure_or_plot_and_no_others(lib, monkeypatch):
    def hash_of(*sources):
        shell = SimpleNamespace(user_ns={"In": ["", *sources]})
        monkeypatch.setattr(lib, "get_ipython", lambda: shell)
        return lib.code_hash()

    left_out = {cell.id for cell in CODE if hash_of(cell.source) == hash_of()}
    assert left_out == {cell.id for cell in CODE if tags(cell) & {"figure", "plot"}}


def test_folded_cells_have_a_title_and_are_folded_in_colab_and_jupyter():
    for cell in CODE:
        folded = cell.source.startswith("# @title ")
        assert folded == (cell.metadata.get("cellView") == "form"), cell.id
        assert folded == cell.metadata.get("jupyter", {}).get("source_hidden", False), cell.id


def test_ids_are_unique_words():
    ids = [cell["id"] for cell in json.loads(NOTEBOOK.read_text())["cells"]]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) for name in ids)


def test_every_question_of_the_handout_has_a_heading_in_its_order():
    text = "\n".join(cell.source for cell in NB.cells if cell.cell_type == "markdown")
    questions = re.findall(r"^### (?:([ABC]\.\d) |(D\.\d) Question (\d))", text, re.MULTILINE)
    wanted = []
    for part, count in {"A": 3, "B": 5, "C": 3, "D.1": 3, "D.2": 2}.items():
        wanted += [f"{part}.{i + 1}" for i in range(count)]
    assert [one or f"{part}.{number}" for one, part, number in questions] == wanted


def test_code_is_at_most_88_columns_wide():
    lines = [line for cell in CODE for line in cell.source.splitlines()]
    assert [line for line in lines if len(line) > 88] == []


def test_metadata_asks_colab_for_a_gpu_and_holds_nothing_else():
    assert set(NB.metadata) == {"accelerator", "colab", "kernelspec", "language_info"}
    assert NB.metadata.accelerator == "GPU"
    assert NB.metadata.colab == {"gpuType": "T4", "provenance": [], "toc_visible": True}


IMPORT_ALONE = """
import sys, time
from cells import code_cells, import_notebook, tags
touched = []
def watch(event, args):
    writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
    if writes or event in ("socket.connect", "os.mkdir", "os.rename", "os.remove"):
        touched.append((event, args[0]))
import_notebook("sample")  # the imports may write caches
sys.addaudithook(watch)
for profile in ("full", "quick", "sample"):
    started = time.perf_counter()
    lib = import_notebook(profile)
    assert time.perf_counter() - started < 10 and lib.PROFILE == profile
    assert not touched, touched
for name in sys.argv[1:]:
    assert callable(getattr(lib, name)), name
"""


def test_definitions_alone_take_under_ten_seconds_open_no_socket_and_write_no_file(tmp_path):
    names = ["PoolUpsampleNet", "ConvTransposeNet", "UNet", "get_rgb_cat", "get_cat_rgb"]
    names += ["compute_iou_loss", "compute_IoU_loss", "learned_parameters"]
    command = [sys.executable, "-c", IMPORT_ALONE, *names]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}/scripts", "MPLBACKEND": "Agg"}
    done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_committed_notebook_is_one_full_run_without_errors_warnings_or_paths_of_this_machine():
    assert [cell.execution_count for cell in CODE] == list(range(1, len(CODE) + 1))
    outputs = [output for cell in CODE for output in cell.outputs]
    kinds = {(output.output_type, output.get("name")) for output in outputs}
    assert kinds <= {("stream", "stdout"), ("display_data", None)}
    printed = printed_lines(CODE)
    assert not re.search(r"/work|/home|/tmp|\.\./", "\n".join(printed))
    assert [line for line in printed if len(line) > 75] == []
    assert NOTEBOOK.stat().st_size < 4_500_000


def test_committed_results_come_from_the_committed_code_and_the_notebook_prints_their_stamp(
    lib, monkeypatch
):
    results = json.loads((FIGURES / "results.json").read_text())
    assert results["profile"] == "full" and results["schema"] == 3
    shell = SimpleNamespace(user_ns={"In": [cell.source for cell in CODE]})
    monkeypatch.setattr(lib, "get_ipython", lambda: shell)
    assert results["provenance"]["code_sha256"] == lib.code_hash()
    (hand_in,) = [cell for cell in CODE if cell.id == "hand-in"]
    assert f"stamp {stamp_of(FIGURES)}" in "\n".join(printed_lines([hand_in]))


def test_every_committed_plot_is_one_that_the_notebook_saves():
    code = "\n".join(cell.source for cell in CODE)
    saved = set(re.findall(r'"([\w-]+\.(?:pdf|png))"', code))
    plots = {path.name for path in FIGURES.iterdir() if path.suffix in (".pdf", ".png")}
    assert plots <= saved
    assert (FIGURES / "pictures.npz").stat().st_size < 3_000_000
