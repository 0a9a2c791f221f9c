"""At home in Colab, as far as a stub of `google.colab` can tell."""

import re
import sys
import types
import zipfile

import pytest
from cells import code_cells, execute, import_notebook, read_notebook
from conftest import ROOT, small_problem, train_task


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """The calls that a stub of google.colab gets; the working folder is empty, as Colab's."""
    monkeypatch.chdir(tmp_path)
    calls = []
    colab = types.ModuleType("google.colab")
    colab.drive = types.SimpleNamespace(mount=lambda folder: calls.append(("mount", folder)))
    colab.files = types.SimpleNamespace(download=lambda path: calls.append(("download", path)))
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    return calls


def start(*run_cells, **form):
    """A new session: these values in the form fields, and some of the run cells."""
    notebook = read_notebook()
    for cell in notebook.cells:
        cell.source = cell.source.replace("/content/drive/MyDrive/a2-cnn", "on-drive")
        for name, value in form.items():
            field = rf"^{name} = .*(?=  # @param)"
            cell.source = re.sub(field, f"{name} = {value!r}", cell.source, flags=re.MULTILINE)
    lib = import_notebook("sample", notebook, "in_colab")
    lib.MIRROR = f"{ROOT}/data/sample"
    execute([cell for cell in code_cells(notebook) if cell.id in run_cells], vars(lib))
    return lib


def train(lib, monkeypatch, stop_after=None):
    """Train for 7 epochs; returns (epochs at each save, what train_task does)."""
    saves, save = [], lib.save

    def watched_save(path, content):
        saves.append(len(content["history"]))
        save(path, content)

    def watched_line(text, line=None):
        if f": {stop_after}/" in text:
            raise KeyboardInterrupt

    monkeypatch.setattr(lib, "save", watched_save)
    monkeypatch.setattr(lib, "show_line", watched_line)
    vars(lib).update(small_problem(lib))
    try:
        return saves, train_task(lib, "handout")
    except KeyboardInterrupt:
        return saves, None


def test_with_use_drive_runs_are_kept_there_and_a_lost_session_ends_with_the_same_bits(
    calls, tmp_path, monkeypatch
):
    lib = start("load-horses", USE_DRIVE=True)
    assert calls == [("mount", "/content/drive")]
    saves, whole = train(lib, monkeypatch)
    assert saves == [5, 7]
    (checkpoint,) = (tmp_path / "on-drive").iterdir()
    checkpoint.unlink()
    assert train(start(USE_DRIVE=True), monkeypatch, stop_after=6) == ([5], None)
    assert train(start(USE_DRIVE=True), monkeypatch) == ([7], whole)


@pytest.mark.parametrize(("in_colab", "ticked"), [(True, False), (False, True)])
def test_without_colab_or_use_drive_nothing_is_mounted(calls, monkeypatch, in_colab, ticked):
    if not in_colab:
        monkeypatch.delitem(sys.modules, "google.colab")
    lib = start("load-horses", USE_DRIVE=ticked)
    assert (calls, str(lib.OUTPUT_DIR), lib.SAVE_EVERY) == ([], "outputs", 1)


@pytest.mark.parametrize(("in_colab", "ticked"), [(True, True), (True, False), (False, True)])
def test_the_last_cell_hands_the_figures_folder_to_the_browser(
    calls, monkeypatch, in_colab, ticked
):
    if not in_colab:
        monkeypatch.delitem(sys.modules, "google.colab")
    start("load-horses", "hand-in", DOWNLOAD=ticked)
    assert [call for call, _ in calls] == ["download"] * (in_colab and ticked)
    for _, path in calls:
        assert set(zipfile.ZipFile(path).namelist()) == {"results.json", "pictures.npz"}


@pytest.mark.parametrize(("setting", "profile"), [(None, "quick"), ("full", "full")])
def test_the_form_field_chooses_the_profile_unless_a2_profile_does(
    calls, monkeypatch, setting, profile
):
    monkeypatch.delenv("A2_PROFILE", raising=False)
    if setting:
        monkeypatch.setenv("A2_PROFILE", setting)
    names, field = {}, 'PROFILE = "full"  # @param'
    for cell in code_cells():
        if cell.id in ("threads", "setup", "parameters"):
            cell.source = cell.source.replace(field, 'PROFILE = "quick"  # @param')
            execute([cell], names)
    assert (names["PROFILE"], len(names["SEEDS"])) == (profile, 1 if profile == "quick" else 3)
