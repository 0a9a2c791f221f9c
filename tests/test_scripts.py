"""What people do with a notebook that ran: unpack, hand in; a run that fails; nothing is lost."""

import hashlib
import io
import zipfile

import cells
import pytest
from house import PICTURES, results

ADDED = {"cell_type": "code", "id": "69lq2k6UH7WY", "metadata": {}, "source": "!nvidia-smi"}
ADDED |= {"outputs": [], "execution_count": 3}


@pytest.fixture
def written(house):
    """With a writeup of its results, whose information is as LaTeX writes it."""
    (house.figures / "numbers.tex").write_text(f"{{{house.stamp}}}")
    text = hashlib.sha256(house.tex.read_bytes()).hexdigest()[:12]
    keywords = f"/Keywords(results {house.stamp} {text})"
    house.pdf.write_text(f"%PDF-1.5 /Author(Ann) {keywords} %%EOF")
    return house


def as_colab(saved):
    """As Colab saves it: a cell added, ids in the metadata, tags gone, counts that begin at 3."""
    made = []
    for number, cell in enumerate([*saved[:2], ADDED, *saved[2:]], start=3):
        cell = cell | {"metadata": {"id": cell["id"]}}
        if "execution_count" in cell:
            cell["execution_count"] = number
        del cell["id"]
        made.append(cell)
    return made


@pytest.mark.parametrize(
    "content", [b"<!DOCTYPE html>", b"[]", b'{"nbformat": 3, "worksheets": []}']
)
def test_what_is_no_notebook_is_told_in_one_line_and_no_file_is_lost(written, content):
    written.notebook.write_bytes(content)
    before = written.contents()
    for script in ("build_writeup", "make_submission"):
        told = written.run(script).stderr
        assert "a2-cnn.ipynb cannot be used" in told and told.count("\n") == 1, told
    assert written.contents() == before


@pytest.mark.slow
def test_a_run_that_fails_says_why_and_leaves_the_old_notebook(house):
    before = house.contents()
    done = house.run("run_notebook", "full", bare=False)
    assert done.returncode == 1 and "no room" in done.stderr
    assert "Run it again to go on" in done.stderr and house.contents() == before


def zipped(**files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


FILES = {"results.json": results(pictures=b"new"), "pictures.npz": b"new", "new.pdf": "new"}


@pytest.mark.parametrize(("profile", "prefix"), [("full", ""), ("quick", "figures\\")])
def test_figures_zip_is_unpacked_as_people_have_it_into_its_profiles_folder(house, profile, prefix):
    folder = house.figures if profile == "full" else house.folder / "build/quick/figures"
    house.write(as_colab(house.cells()))
    files = FILES | {"results.json": results(profile, b"new")}
    others = {"listings/": "", "listings/unet.py": "x", ".DS_Store": "x", "._new.pdf": "x"}
    content = zipped(**{prefix + name: text for name, text in (files | others).items()})
    (house.folder / "figures (1).zip").write_bytes(content)
    assert "make writeup submission" in house.run("unpack_figures").stdout
    assert {path.name for path in folder.iterdir()} == {*FILES}  # curves.pdf was another run's
    assert (folder / "results.json").read_text() == files["results.json"]
    assert ('"view"' in house.notebook.read_text()) == (profile == "full")  # the tags are back


STRANGE = {
    "cut": zipped(**FILES)[:-30],
    "mixed": zipped(**FILES | {"pictures.npz": PICTURES}),
    "profile": zipped(**FILES | {"results.json": results("../x", b"new")}),
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
    skipped = [cell["id"] for cell in read["cells"] if cell["metadata"].get("markus")]
    assert skipped == ([ADDED["id"]] if change is as_colab else [])


STAMP = "full profile, stamp "
FAULTS = {  # a text in one of the files, what becomes of it: words of what is told
    ("notebook", '"execution_count": 3', '"execution_count": null'): "train-pool is [None]",
    ("notebook", '"stream"', '"error"'): "parameters failed",
    ("notebook", '"id": "unet"', '"id": "8f3a"'): "missing: unet",
    ("notebook", "image/png", "image/gif"): "picture of cell curves",
    ("notebook", STAMP, f"sample profile, stamp {STAMP}"): "SAMPLE",
    ("notebook", STAMP, f"{STAMP}0 "): "of another run than results.json",
    ("notebook", STAMP, f" {STAMP}0 "): "part-a-saw, about another run",
    ("tex", "\\seenStamp}{", "\\seenStamp}{1"): "part-a-saw, about another run",
    ("tex", "brown", "green"): "built from another a2-writeup.tex",
    ("tex", "{\\seenStamp}{", "{\\seenStamp}{0"): "\\seen, of another run's",
    ("tex", "claim{lower}", "claim{higher}"): "claim higher is not in scripts/claims.py",
    ("pdf", "Author(Ann)", "Author()"): "the PDF has no name",
}


@pytest.mark.parametrize("fault", FAULTS, ids=FAULTS.values())
def test_what_is_left_to_do_is_told_and_nothing_is_bundled(written, fault):
    file, old, new = fault
    written.replace(getattr(written, file), old, new)
    done = written.run("make_submission")
    assert done.returncode == 1 and "Not yet" in done.stderr and FAULTS[fault] in done.stderr
    assert not (written.folder / "build/submission").exists()
