"""What is handed in: the faults that each check finds, in the notebook and in the PDF."""

import subprocess
import sys

import make_submission as submission
import matplotlib
import pytest
from cells import ROOT
from conftest import copy_checkout
from house import House, printed_text
from matplotlib.figure import Figure

QUESTIONS = "\n".join(submission.QUESTIONS)
WIDGET = [{"output_type": "display_data", "data": {"application/vnd.jupyter.widget-view+json": 1}}]
QUICK = printed_text("9 runs, quick profile, stamp 0123456789ab")
SAMPLE = printed_text("9 runs, sample profile, stamp 0123456789ab")
needs_markus = pytest.mark.skipif(
    not (ROOT / ".venv-markus").exists(), reason="`make test` installs .venv-markus"
)


@pytest.fixture
def house(tmp_path):
    """With a writeup of its results, whose keywords are as LaTeX writes them."""
    house = House(tmp_path)
    (house.figures / "numbers.tex").write_text(f"{{{house.stamp}}}")
    keywords = "".join(f"\\000{letter}" for letter in f"results {house.stamp}")
    (house.folder / "a2-writeup.pdf").write_text(f"%PDF-1.5 /Keywords(\\376\\377{keywords}) %%EOF")
    return house


def test_good_files_are_bundled_by_the_standard_library_alone(house):
    done = house.run("make_submission")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("not checked here") == 3 and "make markus" in done.stdout
    for name in submission.NAMES:
        assert (house.folder / "build/submission" / name).exists()
    assert "to rewrite" not in done.stdout


def as_colab(cells):
    """Cells added, counts that begin at 3, tags gone, white space at line ends."""
    first = {
        "cell_type": "code",
        "metadata": {},
        "source": "1",
        "outputs": [],
        "execution_count": 1,
    }
    saved = [{**first, "id": "69lq2k6UH7WY"}, *cells[:2], {**first, "id": "a1B2c3D4"}, *cells[2:]]
    for number, cell in enumerate(saved, start=3):
        cell["metadata"] = {"id": cell.pop("id"), "outputId": "28b0"}
        if cell["cell_type"] == "code":
            cell["execution_count"] = number
            cell["source"] = [f"{line.rstrip()} \n" for line in cell["source"]]
    return saved


def new_ids(cells):
    for number, cell in enumerate(cells):
        cell["id"] = f"{number:08x}"
    return cells


@pytest.mark.parametrize("change", [as_colab, new_ids])
def test_a_notebook_as_others_save_it_is_accepted_and_gets_back_what_markus_needs(house, change):
    house.write(change(house.cells()), minor=0)
    done = house.run("make_submission")
    assert done.returncode == 0, done.stdout
    read = submission.cells.parse_notebook(
        (house.folder / "build/submission/a2-cnn.ipynb").read_bytes()
    )
    ours = {cell["id"] for cell in house.cells()}
    assert ours <= {cell.id for cell in read.cells}
    for cell in read.cells:
        assert cell.id in ours or cell.metadata["markus"]["skip"]


FAULTS = {  # what was done: (the cell, its change, the check that finds it, words of its message)
    "a gap": ("unet", {"execution_count": 99}, "executed", ["unet", "[99]", "Restart session"]),
    "a cell not run": ("unet", {"execution_count": None}, "executed", ["unet", "[ ]"]),
    "an error": ("unet", {"outputs": [{"output_type": "error"}]}, "executed", ["unet", "failed"]),
    "code changed": ("unet", {"source": "class UNet: pass"}, "cells", ["in unet", "HEAD"]),
    "a cell missing": ("unet", {"id": "8f3a", "source": "x = 1"}, "cells", ["missing", "unet"]),
    "hidden": ("train", {"outputs": printed_text(submission.HIDDEN)}, "outputs", ["hidden"]),
    "emptied": ("train-pool", {"outputs": []}, "outputs", ["train-pool", "is gone"]),
    "no picture": ("curves", {"outputs": printed_text("x")}, "outputs", ["picture", "curves"]),
    "a widget": ("unet", {"outputs": WIDGET}, "outputs", ["widget", "unet"]),
    "another run": ("hand-in", {"outputs": QUICK}, "stamps", ["(quick profile)", "unpack"]),
    "a sample": ("hand-in", {"outputs": SAMPLE}, "stamps", ["SAMPLE"]),
    "too large": ("train", {"outputs": printed_text("x" * 5_000_000)}, "sizes", ["5,000,000"]),
}


@pytest.mark.parametrize(("name", "change", "check", "words"), FAULTS.values(), ids=FAULTS)
def test_a_fault_in_the_notebook_is_refused_in_a_line_that_says_what_to_do(
    house, name, change, check, words
):
    cells = house.cells()
    for cell in cells:
        if cell["id"] == name:
            cell.update(change)
    house.write(cells)
    before = house.contents()
    done = house.run("make_submission")
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert line.startswith(f"FAIL  {check}: ") and all(word in line for word in words), line
    assert done.returncode == 1 and not list((house.folder / "build").glob("submission*"))
    assert house.contents() == before


def test_counts_that_are_all_gone_are_told_in_words_of_their_own(house):
    cells = house.cells()
    for cell in cells:
        cell["execution_count"] = None
    house.write(cells)
    assert (
        "run all cells again so that the outputs carry their numbers"
        in house.run("make_submission").stdout
    )


def test_the_texts_that_are_about_another_run_are_listed_until_they_are_rewritten(house):
    path = house.figures / "results.json"
    path.write_text(path.read_text() + " ")
    (house.folder / "build/writeup-full").mkdir(parents=True)
    (house.folder / "build/writeup-full/claims.txt").write_text("line 7: claim x does not hold\n")
    told = house.run("make_submission").stdout
    assert (
        "FAIL  stamps: the notebook (full profile), numbers.tex, the PDF belongs to another" in told
    )
    assert "line 7: claim x" in told and "the notebook's text under: What we saw in Part A" in told
    house.notebook.write_text(house.notebook.read_text().replace("Brown horses", "Green horses"))
    assert "What we saw" not in house.run("make_submission").stdout


def test_a_missing_file_or_profile_is_told(house):
    assert "'ful'" in house.run("make_submission", "ful").stderr
    assert "build/quick/a2-cnn.ipynb is missing" in house.run("make_submission", "quick").stderr


def write_pdf(path, text=QUESTIONS, fonttype=42):
    with matplotlib.rc_context({"pdf.fonttype": fonttype}):
        fig = Figure(figsize=(8, 11))
        fig.text(0.1, 0.1, text)
        fig.savefig(path)
    return submission.SimpleNamespace(folder=path.parent, pdf=path.read_bytes())


def test_a_whole_pdf_is_accepted(tmp_path):
    files = write_pdf(tmp_path / "a2-writeup.pdf")
    assert "all fonts embedded" in submission.check_pdf(files)


@pytest.mark.parametrize(("fault", "message"), [
    ({"text": QUESTIONS.replace("C.Q2", "")}, "C.Q2"), ({"text": QUESTIONS + "\n??"}, r"\?\?"),
    ({"text": QUESTIONS + "\nSAMPLE"}, "SAMPLE"), ({"fonttype": 3}, "bitmap"),
])  # fmt: skip
def test_a_fault_in_the_pdf_is_found(tmp_path, fault, message):
    with pytest.raises(AssertionError, match=message):
        submission.check_pdf(write_pdf(tmp_path / "a2-writeup.pdf", **fault))


@needs_markus
def test_the_committed_files_are_handed_in_byte_for_byte_and_markus_runs_them(tmp_path):
    copy_checkout(tmp_path)
    (tmp_path / ".venv-markus").symlink_to(ROOT / ".venv-markus")
    command = [sys.executable, "scripts/make_submission.py", "--markus"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in submission.NAMES:
        assert (tmp_path / "build/submission" / name).read_bytes() == (ROOT / name).read_bytes()
    notebook = tmp_path / "a2-cnn.ipynb"
    notebook.write_text(
        notebook.read_text().replace("def check_images", "planted\\ndef check_images")
    )
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "FAIL  markus: NameError: name 'planted'" in done.stdout
