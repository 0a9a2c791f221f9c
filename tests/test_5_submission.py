"""The two files to hand in: the committed ones pass every check, and each check fails when its fault is planted."""

import json
import shutil
import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import pypdf
import pytest
from conftest import ROOT, load_script
from pypdf.generic import DictionaryObject, NameObject, StreamObject

submission = load_script("make_submission")
needs_markus = pytest.mark.skipif(
    not (ROOT / ".venv-markus/bin/python").exists(), reason="needs .venv-markus, which `make test` makes"
)


@pytest.fixture
def base(tmp_path):
    """A copy of what the submission is made from."""
    for name in submission.NAMES:
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "figures", tmp_path / "figures")
    return tmp_path


def change_notebook(base, change):
    path = base / "a2-cnn.ipynb"
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    path.write_text(json.dumps(notebook))  # nbformat.write would mend some faults


def change_pdf(base, text, fonttype=42):
    """Put a PDF with this text in place of the writeup."""
    with matplotlib.rc_context({"pdf.fonttype": fonttype}):
        fig = plt.figure(figsize=(8, 11))
        fig.text(0.1, 0.5, text)
        fig.savefig(base / "a2-writeup.pdf")
        plt.close(fig)


def result_of(base, capsys, checks):
    """(the names of the checks that failed, everything printed)."""
    try:
        submission.main("full", root=base, checks=checks)
    except SystemExit as stopped:
        assert not (base / "build/submission").exists()
        output = capsys.readouterr().out + str(stopped)
        return [line.split()[1].rstrip(":") for line in output.splitlines() if line.startswith("FAIL")], output
    return [], capsys.readouterr().out


@needs_markus
def test_the_committed_files_pass_every_check_and_are_bundled(base, capsys):
    failed, output = result_of(base, capsys, submission.CHECKS)
    assert failed == [], output
    bundled = {path.name: path.read_bytes() for path in (base / "build/submission").iterdir()}
    assert bundled == {name: (ROOT / name).read_bytes() for name in submission.NAMES}


def first_code_cell(notebook):
    return next(cell for cell in notebook.cells if cell.cell_type == "code")


def add_output(notebook, **output):
    first_code_cell(notebook).outputs.append(nbformat.v4.new_output(**output))


ERROR = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}
WIDGETS = {"application/vnd.jupyter.widget-state+json": {"version_major": 2}}  # what Colab's bars leave behind
NOTEBOOK_FAULTS = {
    "too large": ("sizes", lambda nb: add_output(nb, output_type="stream", text="x" * 5_000_000)),
    "a cell not executed": ("executed", lambda nb: first_code_cell(nb).update(execution_count=None)),
    "an error in an output": ("executed", lambda nb: add_output(nb, **ERROR)),
    "an id twice": ("ids", lambda nb: nb.cells[1].update(id=nb.cells[0].id)),
    "an id that is a number": ("ids", lambda nb: nb.cells[0].update(id="8f3a-1")),
    "widget state": ("widgets", lambda nb: nb.metadata.update(widgets=WIDGETS)),
    "no way to HTML": ("html", lambda nb: nb.metadata.update(widgets=WIDGETS)),
    "a sample's output": ("sample", lambda nb: add_output(nb, output_type="stream", text="sample profile: 600")),
    "another run's stamp": ("stamps", lambda nb: nb.cells[-1].update(outputs=[])),
}


@pytest.mark.parametrize("what", NOTEBOOK_FAULTS)
def test_a_fault_in_the_notebook_is_found(base, capsys, what):
    name, change = NOTEBOOK_FAULTS[what]
    check = getattr(submission, f"check_{name}")
    assert result_of(base, capsys, [check])[0] == []
    change_notebook(base, change)
    assert result_of(base, capsys, [check])[0] == [name]


@needs_markus
@pytest.mark.parametrize("source", ["raise RuntimeError('planted')", "# test of something\npass", "del UNet"])
def test_a_notebook_that_markus_cannot_run_is_found(base, capsys, source):
    change_notebook(base, lambda notebook: notebook.cells.append(nbformat.v4.new_code_cell(source, id="planted")))
    assert result_of(base, capsys, [submission.check_markus])[0] == ["markus"]


ALL_QUESTIONS = "\n".join(submission.QUESTIONS)
PDF_FAULTS = {
    "a section is missing": ("pdf", ALL_QUESTIONS.replace("C.Q2", ""), 42),
    "a number is missing": ("pdf", ALL_QUESTIONS + "\n??", 42),
    "a bitmap font": ("fonts", ALL_QUESTIONS, 3),
    "the sample's mark": ("sample", ALL_QUESTIONS + "\nSAMPLE", 42),
    "no stamp": ("stamps", ALL_QUESTIONS, 42),
}


PDF_CHECKS = [submission.check_pdf, submission.check_fonts, submission.check_sample, submission.check_stamps]


@pytest.mark.parametrize("what", PDF_FAULTS)
def test_a_fault_in_the_pdf_is_found(base, capsys, what):
    check, text, fonttype = PDF_FAULTS[what]
    change_pdf(base, text, fonttype)
    assert check in result_of(base, capsys, PDF_CHECKS)[0]


def test_a_pdf_that_is_none_is_found(base, capsys):
    (base / "a2-writeup.pdf").write_bytes(b"<!DOCTYPE html>")
    assert result_of(base, capsys, PDF_CHECKS)[0] == ["pdf", "fonts", "sample", "stamps"]


def test_bitmap_fonts_inside_a_figure_are_found(base, capsys):
    change_pdf(base, ALL_QUESTIONS, 3)
    inner = pypdf.PdfReader(base / "a2-writeup.pdf").pages[0]
    change_pdf(base, ALL_QUESTIONS, 42)
    writer = pypdf.PdfWriter(clone_from=base / "a2-writeup.pdf")
    figure = StreamObject()
    figure[NameObject("/Resources")] = inner["/Resources"].clone(writer)
    resources = writer.pages[0]["/Resources"]
    resources[NameObject("/XObject")] = DictionaryObject({NameObject("/Fig"): writer._add_object(figure)})
    writer.write(base / "a2-writeup.pdf")
    assert result_of(base, capsys, [submission.check_fonts])[0] == ["fonts"]


def test_changed_results_are_found(base, capsys):
    path = base / "figures/results.json"
    results = json.loads(path.read_text())
    results["runs"][0]["seconds"] += 1
    path.write_text(json.dumps(results))
    failed, output = result_of(base, capsys, [submission.check_stamps])
    assert failed == ["stamps"]
    assert "the notebook, numbers.tex, the PDF" in output


def test_a_missing_file_is_named(base, capsys):
    (base / "a2-writeup.pdf").unlink()
    assert "a2-writeup.pdf is missing" in result_of(base, capsys, [])[1]


@pytest.mark.skipif(not shutil.which("latexmk"), reason="needs latexmk")
def test_the_samples_writeup_is_stamped_and_its_submission_refused(sample_run):
    def script(name):
        command = [sys.executable, f"scripts/{name}.py", "sample"]
        return subprocess.run(command, cwd=sample_run.folder, capture_output=True, text=True)

    built = script("build_writeup")
    assert built.returncode == 0, built.stdout + built.stderr
    stamped = sample_run.folder / "build/sample/a2-writeup.pdf"
    assert all("SAMPLE" in page.extract_text() for page in pypdf.PdfReader(stamped).pages)
    refused = script("make_submission")
    assert refused.returncode == 1
    assert "FAIL  sample: SAMPLE" in refused.stdout
    assert not (sample_run.folder / "build/submission").exists()
    assert (sample_run.folder / "a2-writeup.pdf").read_bytes() == (ROOT / "a2-writeup.pdf").read_bytes()
