"""The notebook as a file, its outputs, and whether the committed run is its own."""

import re
import symtable

import pytest
from cells import NOTEBOOK, ROOT, code_cells, execute, import_notebook, read_notebook, tags
from conftest import MIRROR
from small import COLOURS, FLOWERS
from tables import stamp_of

NB = read_notebook()
CODE = code_cells(NB)


def printed_lines(cells):
    """The lines that cells print."""
    texts = ["".join(output.get("text", "")) for cell in cells for output in cell["outputs"]]
    return "\n".join(texts).splitlines()


def check_outputs(cells):
    """Executed once in order, without errors or warnings; nothing that paper cuts or leaves out."""
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        pictures = 0
        for output in cell["outputs"]:
            kind, data = (output["output_type"], output.get("name")), output.get("data", {})
            assert kind in (("stream", "stdout"), ("display_data", None)), (cell["id"], output)
            if "text/html" in data:
                assert re.search(r"\d", "".join(data["text/plain"])), cell["id"]
            pictures += "image/png" in data
        if "view" in tags(cell):
            assert pictures == cell["source"].count("save_fig("), cell["id"]
    assert [line for line in printed_lines(cells) if len(line) > 76] == []


def first_fingerprints(results, part):
    """The names of the files of a part's runs with the first seed."""
    seed, found = results["provenance"]["seeds"][0], set()
    for run in results["runs"]:
        if run.get("seed") == seed and bool(run["protocol"]) == (part == FLOWERS):
            found.add(run["fingerprint"])
    return found


def would_be_trained(part, profile):
    """The same of the runs that the notebook's cells would make now."""
    lib, found = import_notebook(profile, name="as_run"), set()

    def told(net, task, recipe, seed):
        found.add(lib.fingerprint(net, task, recipe, seed))
        lib.RUNS["run"] = {}
        return "run"

    lib.SEEDS = lib.FLOWER_SEEDS = lib.SEEDS[:1]
    lib.train = told
    wanted = {COLOURS: ["prepare-run", "grey-table"], FLOWERS: ["load-flowers", "load-net"]}[part]
    calls = {COLOURS: r"train_seeds\(", FLOWERS: r"(load_features|train_last_layers)\("}[part]
    for cell in CODE:
        if "run" in tags(cell) and (cell["id"] in wanted or re.search(calls, cell["source"])):
            execute([cell], vars(lib))
    return found


def test_tags_say_which_cells_run_and_markus_skips_those():
    for cell in CODE:
        skip = cell["metadata"].get("markus", {}).get("skip", False)
        assert tags(cell) in (set(), {"parameters"}, {"run"}, {"run", "view"}), cell["id"]
        assert skip == ("run" in tags(cell)), cell["id"]
    assert [cell["id"] for cell in CODE if "parameters" in tags(cell)] == ["parameters"]


def test_what_a_defining_cell_binds_no_other_cell_binds():
    bound = {}
    for cell in sorted(CODE, key=lambda cell: "run" in tags(cell)):
        for symbol in symtable.symtable(cell["source"], cell["id"], "exec").get_symbols():
            name, other = symbol.get_name(), bound.get(symbol.get_name())
            if symbol.is_assigned() or symbol.is_imported():
                assert not other, f"{cell['id']} binds {name}, bound in {other}"
                if "run" not in tags(cell):
                    bound[name] = cell["id"]


def test_every_question_of_the_handout_has_a_heading_in_its_order():
    text = "\n".join(cell["source"] for cell in NB["cells"] if cell["cell_type"] == "markdown")
    found = re.findall(r"^##.*?\b([ABC]\.\d|D\.\d Question \d)", text, re.MULTILINE)
    wanted = []
    for part, count in {"A.": 3, "B.": 5, "C.": 3, "D.1 Question ": 3, "D.2 Question ": 2}.items():
        wanted += [f"{part}{i + 1}" for i in range(count)]
    assert found == wanted


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
    wanted = first_fingerprints(committed, part)
    kept = [ROOT / f"outputs/LastLayer-{key}.pt" for key in wanted]
    if part == FLOWERS and not all(path.exists() for path in kept):
        pytest.skip("outputs/ lacks this run; features computed anew may differ in the last bits")
    monkeypatch.setenv("A2_DATA", f"{MIRROR}")
    monkeypatch.setenv("A2_OUTPUTS", f"{ROOT}/outputs")
    monkeypatch.setenv("A2_BACKBONE", committed["provenance"]["network"].split()[-1])
    assert would_be_trained(part, "full") == wanted
