"""What people do with a notebook that ran: run, show again, unpack, hand in; nothing is lost."""

import hashlib
import io
import json
import zipfile

import cells
import pytest
from house import PICTURES, House, npz, results

ADDED = {"cell_type": "code", "id": "69lq2k6UH7WY", "metadata": {}, "source": "!nvidia-smi"}
ADDED |= {"outputs": [], "execution_count": 3}
INJECTED = ADDED | {"id": "b3c1", "source": "1 / 0", "metadata": {"tags": ["injected-parameters"]}}


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


@pytest.fixture
def written(house):
    """With a writeup of its results, whose information is as LaTeX writes it."""
    (house.figures / "numbers.tex").write_text(f"{{{house.stamp}}}")
    text = hashlib.sha256(house.tex.read_bytes()).hexdigest()[:12]
    keywords = f"/Keywords(results {house.stamp} {text})"
    (house.folder / "a2-writeup.pdf").write_text(f"%PDF-1.5 /Author(Ann) {keywords} %%EOF")
    return house


def as_colab(saved):
    """As Colab saves it: cells added, ids in the metadata, tags gone, counts that begin at 3."""
    made = []
    for number, cell in enumerate([saved[0], ADDED, *saved[1:3], INJECTED, *saved[3:]], start=3):
        cell = dict(
            cell, metadata={"id": cell["id"]} | (cell["metadata"] if cell is INJECTED else {})
        )
        if "execution_count" in cell:
            cell["execution_count"] = number
        del cell["id"]
        made.append(cell)
    return made


NO_NOTEBOOK = {
    "no JSON": (b"<!DOCTYPE html>", "char 0"),
    "no notebook": (b"[]", "nbformat"),
    "another version": (b'{"nbformat": 3, "worksheets": []}', "not 4"),
    "no Python": (None, "cell unet is no Python, line 1"),  # as a diff tool leaves it
}


@pytest.mark.parametrize("what", NO_NOTEBOOK)
def test_what_is_no_notebook_is_told_in_one_line_and_no_file_is_lost(written, what):
    content, reason = NO_NOTEBOOK[what]
    written.replace(written.notebook, '"def block', '"<<<<<<< HEAD\\ndef block')
    if content:
        written.notebook.write_bytes(content)
    before = written.contents()
    for script in ("build_writeup", "make_submission"):
        told = written.run(script).stderr
        assert "a2-cnn.ipynb" in told and reason in told and told.count("\n") == 1, told
    assert written.contents() == before


def test_figures_are_drawn_again_from_the_repositorys_own_cells_alone(house, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "svg")
    (house.figures / "old.png").touch()
    made = (house.figures / "results.json").read_bytes()
    assert house.run("make_figures", bare=False).returncode == 0
    drawn = (house.figures / "curves.pdf").read_bytes()
    assert drawn.startswith(b"%PDF") and not (house.figures / "old.png").exists()
    house.write(as_colab(house.cells()))
    done = house.run("make_figures", bare=False)
    assert done.returncode == 0 and "no such cell: 69lq2k6UH7WY" in done.stdout, done.stderr
    assert (house.figures / "curves.pdf").read_bytes() == drawn
    assert (house.figures / "results.json").read_bytes() == made


def test_a_new_row_of_a_table_comes_into_the_results_without_a_run(house):
    house.replace(house.notebook, "RUNS.values()]", "RUNS.values()] + [[0.5]]")
    house.replace(house.notebook, "list(RUNS)", "list(RUNS) + ['new']")
    assert "anew: losses\n" in house.run("make_figures", bare=False).stdout
    made = json.loads((house.figures / "results.json").read_text())
    assert made["tables"]["losses"]["data"] == [[1.5], [1.1], [0.5]]


@pytest.mark.slow
def test_a_run_that_fails_says_why_and_leaves_the_old_notebook(house):
    before = house.contents()
    done = house.run("run_notebook", "full", bare=False)
    assert done.returncode == 1 and "the real run starts" in done.stderr
    assert "Run it again to go on" in done.stderr and house.contents() == before


def zipped(**files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


NEW = npz(new=[1.0])
FILES = {"results.json": results(pictures=NEW), "pictures.npz": NEW, "new.pdf": "new"}
OTHERS = {"listings/unet.py": "x", "numbers.tex": "x", ".DS_Store": "x"}
EXPLORER = {f"figures\\{name}": text for name, text in (FILES | OTHERS).items()}


@pytest.mark.parametrize("files", [FILES | OTHERS, EXPLORER])
@pytest.mark.parametrize("profile", ["full", "quick"])
def test_figures_zip_is_unpacked_as_people_have_it_into_its_profiles_folder(house, files, profile):
    made, folder = results(profile, NEW), house.figures
    if profile == "quick":
        folder = house.folder / "build/quick/figures"
    files = {name: files[name] if "results" not in name else made for name in files}
    (house.folder / "figures (1).zip").write_bytes(zipped(**files))
    assert "make writeup submission" in house.run("unpack_figures").stdout
    assert {path.name for path in folder.iterdir()} == {*FILES}  # curves.pdf was another run's
    assert (folder / "results.json").read_text() == made


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


@pytest.mark.parametrize("change", [list, as_colab])
def test_good_files_are_bundled_and_markus_runs_no_added_cell(written, change):
    written.write(change(written.cells()))
    done = written.run("make_submission")
    assert done.returncode == 0, done.stderr
    bundle = written.folder / "build/submission"
    assert {path.name for path in bundle.iterdir()} == {"a2-cnn.ipynb", "a2-writeup.pdf"}
    read = cells.parse_notebook((bundle / "a2-cnn.ipynb").read_bytes())
    skipped = [cell.id for cell in read.cells if cell.metadata.get("markus")]
    assert len(skipped) == (2 if change is as_colab else 0)


STAMP = "full profile, stamp "
FAULTS = {  # a text in one of the files, what becomes of it: words of what is told
    ("notebook", '"execution_count": 3', '"execution_count": null'): "unet is [None]",
    ("notebook", '"stream"', '"error"'): "parameters failed",
    ("notebook", '"id": "unet"', '"id": "8f3a"'): "missing: unet",
    ("notebook", "image/png", "image/gif"): "picture of cell curves",
    ("notebook", "full profile, stamp", "sample profile, stamp"): "SAMPLE",
    ("notebook", STAMP, f"{STAMP}0 "): "of another run than results.json",
    ("notebook", STAMP, f" {STAMP}0 "): "part-a-saw, a text about another run",
    ("notebook", "shown", "x" * 5_000_000): "MarkUs's limit",
    ("tex", "brown", "green"): "built from another a2-writeup.tex",
    ("tex", "{\\seenStamp}{", "{\\seenStamp}{0"): "\\seen, of another run's",
    ("tex", "claim{lower}", "claim{higher}"): "claim higher is not in scripts/claims.py",
}


@pytest.mark.parametrize("fault", FAULTS, ids=FAULTS.values())
def test_what_is_left_to_do_is_told_and_nothing_is_bundled(written, fault):
    file, old, new = fault
    written.replace(getattr(written, file), old, new)
    done = written.run("make_submission")
    assert done.returncode == 1 and "Not yet" in done.stderr and FAULTS[fault] in done.stderr
    assert not (written.folder / "build/submission").exists()
