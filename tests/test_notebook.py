"""The notebook as a file, what its definitions touch, and whether the committed run is its own."""

import json
import re
import symtable
import sys

import pytest
from cells import NOTEBOOK, ROOT, code_cells, import_notebook, read_notebook, tags
from conftest import COLOURS, FLOWERS, MIRROR, first_fingerprints, would_be_trained
from tables import stamp_of

NB = read_notebook()
CODE = code_cells(NB)


def printed_lines(cells):
    """The lines that cells print."""
    texts = ["".join(output.get("text", "")) for cell in cells for output in cell.outputs]
    return "\n".join(texts).splitlines()


def check_outputs(cells):
    """Executed once in order, without errors or warnings; nothing that paper cuts or leaves out."""
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        pictures = 0
        for output in cell.outputs:
            kind, data = (output.output_type, output.get("name")), output.get("data", {})
            assert kind in (("stream", "stdout"), ("display_data", None)), (cell.id, output)
            if "text/html" in data:
                assert re.search(r"\d", "".join(data["text/plain"])), cell.id
            pictures += "image/png" in data
        if "view" in tags(cell):
            assert pictures == cell.source.count("save_fig("), cell.id
    assert [line for line in printed_lines(cells) if len(line) > 76] == []


def test_tags_say_which_cells_run_and_markus_skips_those():
    for cell in CODE:
        assert tags(cell) in (set(), {"parameters"}, {"run"}, {"run", "view"}), cell.id
        assert cell.metadata.get("markus", {}).get("skip", False) == ("run" in tags(cell)), cell.id
    assert [cell.id for cell in CODE if "parameters" in tags(cell)] == ["parameters"]


def test_what_a_defining_cell_binds_no_other_cell_binds():
    bound = {}
    for cell in sorted(CODE, key=lambda cell: "run" in tags(cell)):
        for symbol in symtable.symtable(cell.source, cell.id, "exec").get_symbols():
            if symbol.is_assigned() or symbol.is_imported():
                name = symbol.get_name()
                assert name not in bound, f"{cell.id} binds {name}, bound in {bound[name]}"
                if "run" not in tags(cell):
                    bound[name] = cell.id


def test_ids_are_unique_words():
    ids = [cell["id"] for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) for name in ids)


def test_every_question_of_the_handout_has_a_heading_in_its_order():
    text = "\n".join(cell.source for cell in NB.cells if cell.cell_type == "markdown")
    found = re.findall(r"^##.*?\b([ABC]\.\d|D\.\d Question \d)", text, re.MULTILINE)
    wanted = []
    for part, count in {"A.": 3, "B.": 5, "C.": 3, "D.1 Question ": 3, "D.2 Question ": 2}.items():
        wanted += [f"{part}{i + 1}" for i in range(count)]
    assert found == wanted


def test_definitions_alone_open_no_socket_and_write_no_file(lib):
    touched = []

    def watch(event, args):
        writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
        if writes or event in ("socket.connect", "os.mkdir", "os.rename", "os.remove"):
            touched.append((event, args[0]))

    sys.addaudithook(watch)  # `lib` has imported what it needs
    for profile in ("full", "quick", "sample"):
        assert profile == import_notebook(profile).PROFILE and not touched


def test_the_committed_notebook_was_executed_and_tells_no_path_of_its_machine(committed):
    check_outputs(CODE)
    printed = "\n".join(printed_lines(CODE))
    assert f"full profile, stamp {stamp_of(committed)}" in printed
    assert not re.search(r"/work|/home|/tmp|\.\./", printed)
    assert NOTEBOOK.stat().st_size < 4_500_000


@pytest.mark.slow
@pytest.mark.skipif(not (MIRROR / "cifar10_horses.npz").exists(), reason="A2_MIRROR has no horses")
@pytest.mark.parametrize("part", [COLOURS, FLOWERS])
def test_the_committed_results_are_those_of_the_committed_code(committed, part, monkeypatch):
    """Its data, settings and code are the run's; if not, `make run PROFILE=full` makes new ones."""
    backbone = committed["provenance"]["network"].split()[-1]
    settings = {"A2_PROFILE": "full", "A2_DATA": f"{MIRROR}", "A2_BACKBONE": backbone}
    settings |= {"A2_OUTPUTS": f"{ROOT}/outputs"}
    assert first_fingerprints(committed, part) == would_be_trained(part, settings, monkeypatch)
