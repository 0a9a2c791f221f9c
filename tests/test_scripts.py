"""What people do with a notebook that ran: run, show again, unpack, hand in; nothing is lost."""

import hashlib
import io
import json
import zipfile

import cells
import pytest
from house import PICTURES, House, npz, printed_text, results

ADDED = {"cell_type": "code", "id": "69lq2k6UH7WY", "metadata": {}, "source": "!nvidia-smi"}
ADDED |= {"outputs": [], "execution_count": 3}
PAPERMILL = ADDED | {"source": "1 / 0", "metadata": {"tags": ["injected-parameters"]}}


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "ROOT", tmp_path)
    return House(tmp_path)


def as_colab(saved):
    """As Colab saves it: cells added, ids in the metadata, tags gone, counts that begin at 3."""
    saved = [saved[0], ADDED, *saved[1:3], PAPERMILL, *saved[3:]]
    for number, cell in enumerate(saved, start=3):
        cell["metadata"] = {"id": cell["id"], **({} if cell is not PAPERMILL else cell["metadata"])}
        if cell["cell_type"] == "code":
            cell["execution_count"] = number
    return [{key: cell[key] for key in cell if key != "id"} for cell in saved]


NO_NOTEBOOK = {
    "no JSON": (b"<!DOCTYPE html>", "char 0"),
    "no notebook": (b"[]", "nbformat"),
    "another version": (b'{"nbformat": 3, "worksheets": []}', "not 4"),
    "no Python": (None, "cell unet is no Python, line 1"),
}


@pytest.mark.parametrize(("content", "reason"), NO_NOTEBOOK.values(), ids=NO_NOTEBOOK)
def test_what_is_no_notebook_is_told_in_one_line_and_no_file_is_lost(house, content, reason):
    (house.figures / "numbers.tex").write_text("old")
    (house.folder / "a2-writeup.pdf").write_text("old")
    if content:
        house.notebook.write_bytes(content)
    else:  # as a diff tool leaves it
        house.replace(house.notebook, '"def down_block', '"<<<<<<< HEAD\\ndef down_block')
    before = house.contents()
    for script in ("build_writeup", "make_submission"):
        done = house.run(script)
        assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
        assert "a2-cnn.ipynb" in done.stderr and reason in done.stderr
    assert house.contents() == before


def test_a_notebooks_tables_and_figures_are_shown_again_without_training(house, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "svg")
    (house.figures / "old.png").touch()
    before = house.contents()
    done = house.run("make_figures", bare=False)
    assert done.returncode == 0, done.stderr
    drawn = (house.figures / "curves.pdf").read_bytes()
    assert drawn.startswith(b"%PDF") and not (house.figures / "old.png").exists()
    house.write(as_colab(house.cells()), minor=0)  # what others added is told and not executed
    done = house.run("make_figures", bare=False)
    assert done.returncode == 0 and "no such cell: 69lq2k6UH7WY" in done.stdout, done.stderr
    assert (house.figures / "curves.pdf").read_bytes() == drawn
    assert before[f"{house.figures}/results.json"] == (house.figures / "results.json").read_bytes()


def test_a_new_row_of_a_table_comes_into_the_results_without_a_run(house):
    house.replace(house.notebook, "RUNS.values()]", "RUNS.values()] + [[0.5]]")
    house.replace(house.notebook, "list(RUNS)", "list(RUNS) + ['new']")
    done = house.run("make_figures", bare=False)
    made = json.loads((house.figures / "results.json").read_text())
    assert made["tables"]["losses"]["data"] == [[1.5], [1.1], [0.5]]
    assert "anew: losses\n" in done.stdout and house.stamp_of_results() == house.stamp


@pytest.mark.parametrize(("name", "old", "new"), [
    ("a2-cnn.ipynb", "ax.plot(", "ax.plt("),  # a view cell fails
    ("figures/results.json", '"schema": 4', '"schema": 3'),
])  # fmt: skip
def test_what_cannot_be_shown_leaves_all_files(house, name, old, new):
    house.replace(house.folder / name, old, new)
    before = house.contents()
    assert house.run("make_figures", bare=False).returncode == 1
    assert house.contents() == before


TRAIN = 'print("± 1")\nRUNS["UNet"] = {"val_loss": 1}'


def test_a_run_is_logged_and_written_and_a_failed_one_leaves_the_old_notebook(house, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "svg")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    before = house.contents()
    done = house.run("run_notebook", "full", bare=False)
    assert done.returncode == 1 and "the real run starts" in done.stderr
    assert "Run it again to go on" in done.stderr and house.contents() == before
    saved = house.cells()
    saved[4]["source"] = TRAIN
    house.write(saved)
    done = house.run("run_notebook", "full", bare=False)
    assert done.returncode == 0 and "cell 5/8: train-pool" in done.stdout, done.stderr
    outputs = [cell.get("outputs") for cell in json.loads(house.notebook.read_text())["cells"]]
    assert "± 1" in str(outputs[4]) and "image/png" in str(outputs[5])


def zipped(**files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


NEW = npz(new=[1.0])
FILES = {"results.json": results(pictures=NEW), "pictures.npz": NEW, "new.pdf": "new"}
OTHERS = {"listings/unet.py": "x", "numbers.tex": "x", ".DS_Store": "x"}
IN_A_FOLDER = {f"figures/{name}": text for name, text in (FILES | OTHERS).items()}
EXPLORER = {name.replace("/", "\\"): text for name, text in IN_A_FOLDER.items()}


@pytest.mark.parametrize("files", [FILES | OTHERS, IN_A_FOLDER, EXPLORER])
def test_figures_zip_is_unpacked_as_people_have_it(house, files):
    (house.folder / "figures (1).zip").write_bytes(zipped(**files))
    done = house.run("unpack_figures")
    assert done.returncode == 0 and "make writeup submission" in done.stdout, done.stderr
    names = {path.name for path in house.figures.iterdir()}
    assert names == {*FILES}  # curves.pdf was another run's
    assert (house.figures / "results.json").read_text() == FILES["results.json"]


def test_a_quick_runs_figures_go_to_their_profile(house):
    quick = results("quick", NEW)
    (house.folder / "figures.zip").write_bytes(zipped(**FILES | {"results.json": quick}))
    before = house.contents()
    assert "PROFILE=quick" in house.run("unpack_figures").stdout
    assert (house.folder / "build/quick/figures/results.json").read_text() == quick
    assert house.contents() == before


STRANGE = {
    "cut": zipped(**FILES)[:-30],
    "no results": zipped(**{"new.pdf": "x"}),
    "mixed": zipped(**FILES | {"pictures.npz": PICTURES}),
    "profile": zipped(**FILES | {"results.json": results("../x", NEW)}),
}


@pytest.mark.parametrize("content", STRANGE.values(), ids=STRANGE)
def test_another_zip_is_refused_in_one_line_and_nothing_changes(house, content):
    (house.folder / "figures.zip").write_bytes(content)
    before = house.contents()
    done = house.run("unpack_figures")
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert house.contents() == before


@pytest.fixture
def written(house):
    """With a writeup of its results, whose information is as LaTeX writes it."""
    (house.figures / "numbers.tex").write_text(f"{{{house.stamp}}}")
    text = hashlib.sha256(house.tex.read_bytes()).hexdigest()[:12]
    keywords = f"/Keywords(results {house.stamp} {text})"
    (house.folder / "a2-writeup.pdf").write_text(f"%PDF-1.5 /Author(Ann) {keywords} %%EOF")
    return house


@pytest.mark.parametrize("change", [list, as_colab])
def test_good_files_are_bundled_by_the_standard_library_alone(written, change):
    written.write(change(written.cells()))
    done = written.run("make_submission")
    assert done.returncode == 0, done.stderr
    bundle = written.folder / "build/submission"
    assert {path.name for path in bundle.iterdir()} == {"a2-cnn.ipynb", "a2-writeup.pdf"}
    read = cells.parse_notebook((bundle / "a2-cnn.ipynb").read_bytes())
    skipped = [cell.id for cell in read.cells if cell.metadata.get("markus")]
    assert len(skipped) == (2 if change is as_colab else 0)  # MarkUs runs no added cell


SAMPLE = printed_text("9 runs, sample profile, stamp 0123456789ab")
FAULTS = {  # what was done: (the cell, its change, words of what is told)
    "a cell not run": ("unet", {"execution_count": None}, ["unet is [None]", "run all"]),
    "an error": ("unet", {"outputs": [{"output_type": "error"}]}, ["unet failed"]),
    "a cell missing": ("unet", {"id": "8f3a"}, ["missing: unet"]),
    "no picture": ("curves", {"outputs": printed_text("x")}, ["picture of cell curves"]),
    "a sample": ("hand-in", {"outputs": SAMPLE}, ["SAMPLE", "(sample profile)", "another run"]),
    "a text of another run": ("hand-in", {"outputs": SAMPLE}, ["part-a-saw", "What we saw"]),
    "too large": ("unet", {"outputs": printed_text("x" * 5_000_000)}, ["5,000,000"]),
}


@pytest.mark.parametrize(("name", "change", "words"), FAULTS.values(), ids=FAULTS)
def test_a_fault_in_the_notebook_is_told_and_nothing_is_bundled(written, name, change, words):
    saved = written.cells()
    for cell in saved:
        if cell["id"] == name:
            cell.update(change)
    written.write(saved)
    done = written.run("make_submission")
    assert done.returncode == 1 and "Not yet" in done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert not (written.folder / "build/submission").exists()


@pytest.mark.parametrize(("old", "new", "words"), [
    ("brown", "green", "built from another a2-writeup.tex"),
    ("\\newcommand{\\seenStamp}{", "\\newcommand{\\seenStamp}{0", "\\seen, of another run's"),
    ("claim{lower}", "claim{higher}", "claim higher is not in scripts/claims.py"),
])  # fmt: skip
def test_a_writeup_that_is_not_ready_is_not_bundled(written, old, new, words):
    written.replace(written.tex, old, new)
    done = written.run("make_submission")
    assert done.returncode == 1 and words in done.stderr, done.stderr
