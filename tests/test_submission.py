"""What is handed in: notebooks as Colab saves them, the faults that each check finds, the PDF, and the way home."""

import contextlib
import hashlib
import json
import re
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import make_submission as submission
import matplotlib
import nbformat
import notebook as scripts
import pytest
import unpack_figures
from conftest import ROOT, copy_checkout, read_notebook
from matplotlib.figure import Figure

RESULTS = json.dumps({"profile": "full"})
STAMP = hashlib.sha256(RESULTS.encode()).hexdigest()[:12]
QUESTIONS = "\n".join(submission.QUESTIONS)
RUN_ALL = "Runtime > Restart session and run all"
needs_markus = pytest.mark.skipif(not (ROOT / ".venv-markus").exists(), reason="`make test` installs .venv-markus")


def printed(text):
    script = {"application/javascript": "download()"}  # what files.download leaves
    return {"outputs": [nbformat.v4.new_output("stream", text=text), nbformat.v4.new_output("display_data", script)]}


def save_as_colab(ids="in place", tags="kept", changed=None, change=None):
    """Our notebook as Colab saves it: two cells added, form values changed, counts from 3, `change` in one cell."""
    saved = read_notebook()
    saved.cells.insert(0, nbformat.v4.new_code_cell("raise OSError('added')", id="69lq2k6UH7WY"))
    saved.cells.append(nbformat.v4.new_code_cell("raise OSError('added')", id="a1B2c3D4e5F6"))
    for count, cell in enumerate(scripts.code_cells(saved), start=3):
        cell.source = re.sub(r"^(USE_DRIVE|PHOTO) = .*@param", r"\1 = 'me' # @param", cell.source, flags=re.M)
        colab = {"colab": {"base_uri": "https://localhost:8080/", "height": 51}, "id": cell.id, "outputId": "28b0"}
        cell.metadata = (cell.metadata if tags == "kept" else {}) | colab
        said = f"hand in: full profile, stamp {STAMP}" if cell.id == "hand-in" else "done"
        cell.update(printed(said) | {"execution_count": count} | (change if cell.id == changed else {}))
    saved.metadata = {"accelerator": "GPU", "colab": {"provenance": []}, "kernelspec": saved.metadata.kernelspec}
    if ids == "in metadata":
        saved.nbformat_minor = 0
        for cell in saved.cells:
            cell.metadata["id"] = cell.pop("id")
    return nbformat.v4.writes(saved)


def write_pdf(path, text=QUESTIONS, stamp=STAMP, fonttype=42):
    with matplotlib.rc_context({"pdf.fonttype": fonttype}):
        fig = Figure(figsize=(8, 11))
        fig.text(0.1, 0.1, text)
        fig.savefig(path, metadata={"Keywords": stamp})


@pytest.fixture
def base(tmp_path, monkeypatch):
    """A repository's folder, without git, with the figures, the writeup and Colab's notebook of a full run."""
    for module in (scripts, submission):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(unpack_figures, "NOTEBOOK", tmp_path / "a2-cnn.ipynb")
    (tmp_path / "a2-cnn.ipynb").write_text(save_as_colab("in metadata"))
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/results.json").write_text(RESULTS)
    (tmp_path / "figures/numbers.tex").write_text(f"{{{STAMP}}}")
    write_pdf(tmp_path / "a2-writeup.pdf")
    return tmp_path


def faults(saved, base, *checks):
    """{name of a check that fails: its message}; what the checks look at is left in base."""
    repository, found = read_notebook(), {}
    notebook = submission.parse_notebook(saved, repository)
    (base / "a2-cnn.ipynb").write_text(nbformat.v4.writes(notebook))
    files = SimpleNamespace(base=base, folder=base, notebook=notebook, repository=repository)
    for name in checks:
        try:
            getattr(submission, f"check_{name}")(files)
        except Exception as error:
            found[name] = str(error)
    return found


@pytest.mark.parametrize("ids", ["in place", "in metadata"])
@pytest.mark.parametrize("tags", ["kept", "gone"])
def test_a_notebook_as_colab_saves_it_is_accepted_and_gets_its_tags_back(base, ids, tags):
    assert faults(save_as_colab(ids, tags), base, "sizes", "cells", "executed", "pdf", "sample", "stamps") == {}
    ours = {cell.id: cell.metadata for cell in read_notebook().cells}
    for cell in read_notebook(base / "a2-cnn.ipynb").cells:
        assert cell.metadata.items() >= ours.get(cell.id, {"markus": {"skip": True}}).items(), cell.id


@needs_markus
def test_markus_runs_the_definitions_of_a_notebook_from_colab_and_no_added_cell(base, monkeypatch):
    monkeypatch.setattr(submission, "ROOT", ROOT)
    assert faults(save_as_colab("in metadata", "gone"), base, "markus") == {}
    planted = save_as_colab("in metadata", "gone", "unet", {"source": "raise RuntimeError('planted')"})
    assert "planted" in faults(planted, base, "markus")["markus"]


FAULTS = {  # what was done: (the cell, how it is changed, the check that finds it, words of its message)
    "a gap": ("unet", {"execution_count": 99}, "executed", ["unet", "[99]", RUN_ALL]),
    "a step back": ("unet", {"execution_count": 4}, "executed", ["unet", "[4]", RUN_ALL]),
    "a cell not run": ("unet", {"execution_count": None}, "executed", ["unet", "[ ]", RUN_ALL]),
    "an added cell not run": ("a1B2c3D4e5F6", {"execution_count": None}, "executed", ["a1B2c3D4e5F6", RUN_ALL]),
    "an error": ("unet", {"outputs": [nbformat.v4.new_output("error")]}, "executed", ["unet", "failed", RUN_ALL]),
    "code changed": ("unet", {"source": "class UNet: pass"}, "cells", ["in unet", "HEAD", RUN_ALL]),
    "a cell missing": ("unet", {"id": "8f3a", "metadata": {}}, "cells", ["missing", "unet", RUN_ALL]),
    "an id twice": ("a1B2c3D4e5F6", {"id": "unet"}, "cells", ["twice", "unet"]),
    "a sample's output": ("setup", printed("sample profile: ..."), "sample", ["SAMPLE", "setup"]),
    "another run": ("hand-in", printed("quick profile, stamp 0123456789ab"), "stamps", ["(quick profile)", "unpack"]),
    "a widget": ("unet", printed("application/vnd.jupyter.widget-view+json"), "html", ["widget", RUN_ALL]),
    "too large": ("unet", printed("x" * 5_000_000), "sizes", ["5,000,000"]),
}


@pytest.mark.parametrize(("changed", "change", "check", "words"), FAULTS.values(), ids=FAULTS)
def test_a_fault_in_the_notebook_is_refused_in_one_line_that_says_what_to_do(base, changed, change, check, words):
    message = faults(save_as_colab(changed=changed, change=change), base, check)[check]
    assert all(word in message for word in words) and "\n" not in message, message


@pytest.mark.parametrize(("fault", "check"), [
    ({"text": QUESTIONS.replace("C.Q2", "")}, "pdf"), ({"text": QUESTIONS + "\n??"}, "pdf"), ({"fonttype": 3}, "pdf"),
    ({"text": QUESTIONS + "\nSAMPLE"}, "sample"), ({"stamp": "0123456789ab"}, "stamps"),
])  # fmt: skip
def test_a_fault_in_the_pdf_is_found(base, fault, check):
    write_pdf(base / "a2-writeup.pdf", **fault)
    assert list(faults(save_as_colab(), base, "pdf", "sample", "stamps")) == [check]


def test_a_bundle_is_left_only_if_all_checks_pass_and_sentences_to_rewrite_are_listed(base, capsys):
    (base / "build/writeup-full").mkdir(parents=True)
    (base / "build/writeup-full/claims.txt").write_text("The UNet is better.\n")
    submission.main("full", [submission.check_html, submission.check_cells])
    assert {path.name for path in (base / "build/submission").iterdir()} == set(submission.NAMES)
    assert "unet" in [cell.id for cell in read_notebook(base / "build/submission/a2-cnn.ipynb").cells]
    assert re.search(r"here is no git.*\n.*rewrite.*\n +The UNet is better\.", capsys.readouterr().out)
    (base / "figures/results.json").write_text("{}")
    with pytest.raises(SystemExit, match="1 of 2 checks failed"):
        submission.main("full", [submission.check_executed, submission.check_stamps])
    assert not list((base / "build").glob("submission*"))
    with pytest.raises(SystemExit, match="'ful'"):
        submission.main("ful")


@needs_markus
def test_the_committed_files_are_handed_in_byte_for_byte_but_code_that_differs_from_git_is_not(tmp_path):
    copy_checkout(tmp_path)
    (tmp_path / ".venv-markus").symlink_to(ROOT / ".venv-markus")
    command = [sys.executable, tmp_path / "scripts/make_submission.py"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in submission.NAMES:
        assert (tmp_path / "build/submission" / name).read_bytes() == (ROOT / name).read_bytes()
    (tmp_path / "a2-cnn.ipynb").write_text((ROOT / "a2-cnn.ipynb").read_text().replace("class UNet(", "class UNet2("))
    assert "HEAD in unet:" in subprocess.run(command, capture_output=True, text=True).stdout


@pytest.mark.parametrize(("profile", "folder"), [("full", "figures"), ("quick", "build/quick/figures")])
def test_downloaded_figures_replace_those_of_their_profile_and_other_zips_are_refused(base, capsys, profile, folder):
    results, names = json.dumps({"profile": profile}), {"results.json", "pictures.npz", "new.pdf"}
    (base / "a2-cnn.ipynb").write_text(hashlib.sha256(results.encode()).hexdigest()[:12])
    (base / folder).mkdir(parents=True, exist_ok=True)
    (base / folder / "old.png").touch()
    for fault in ({"results.json"}, {"pictures.npz"}, {"../a.pdf"}, {"a.py"}, set()):  # missing, or strange
        with zipfile.ZipFile(base / "figures.zip", "w") as archive:
            for name in names ^ fault:
                archive.writestr(name, results)
        assert (base / folder / "old.png").exists()
        with pytest.raises(SystemExit, match="nothing was changed") if fault else contextlib.nullcontext():
            unpack_figures.main(base / "figures.zip")
    assert {path.name for path in (base / folder).iterdir()} - {"numbers.tex"} == names
    assert (base / "figures/results.json").read_text() == (results if profile == "full" else RESULTS)
    assert ("git checkout" in capsys.readouterr().out) == (profile == "quick")
