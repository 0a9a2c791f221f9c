"""At home in Colab, as far as a stub of `google.colab` can tell: Drive, lost sessions, form fields, the download."""

import re
import sys
import types
import zipfile

import numpy as np
import pytest
import torch
from notebook import execute, import_notebook, read_notebook


@pytest.fixture
def colab(tmp_path, monkeypatch):
    """The calls that a stub of google.colab gets; the working folder is an empty one, as Colab's is."""
    monkeypatch.chdir(tmp_path)
    calls = []
    modules = {name: types.ModuleType(name) for name in ("google", "google.colab")}
    modules["google.colab"].drive = types.SimpleNamespace(mount=lambda folder: calls.append(("mount", folder)))
    modules["google.colab"].files = types.SimpleNamespace(download=lambda path: calls.append(("download", path)))
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return calls


def filled_in(**form):
    """The notebook with these values in its form fields, and its Drive in the working folder."""
    notebook = read_notebook()
    for cell in notebook.cells:
        cell.source = cell.source.replace("/content/drive/MyDrive/a2-cnn", "on-drive")
        for name, value in form.items():
            cell.source = re.sub(rf"^{name} = .*(?=  # @param)", f"{name} = {value!r}", cell.source, flags=re.M)
    return notebook


def start(cell_id, **form):
    """A new session: the notebook's definitions, as a module, then its run cell `cell_id`."""
    notebook = filled_in(**form)
    lib = import_notebook("sample", notebook, name="a2_cnn_in_colab")
    lib.stamp = "0123456789ab"  # of the cell before `hand-in`
    execute([cell for cell in notebook.cells if cell.id == cell_id], lib.__dict__)
    return lib


def train(lib, monkeypatch, stop_after=None):
    """Train a tiny network for 7 epochs; returns (epochs trained here, epochs at each save, history, weights)."""
    epochs, saves, save = [], [], lib.save_checkpoint

    def watched_save(path, state):
        saves.append(len(state["history"]["seconds"]))
        save(path, state)

    def watched_progress(title, history, num_epochs, end=""):
        if not end:
            epochs.append(len(history["seconds"]))
            if epochs[-1] == stop_after:
                raise KeyboardInterrupt

    monkeypatch.setattr(lib, "save_checkpoint", watched_save)
    monkeypatch.setattr(lib, "print_progress", watched_progress)
    images = lib.prepare_colour_set(np.random.default_rng(0).integers(0, 256, (20, 3, 8, 8), dtype=np.uint8))
    settings = {"num_epochs": 7, "batch_size": 8, "flips": True}
    try:
        record, net = lib.run_colourization("A", lib.PoolUpsampleNet, 0, (images, images, "tiny"), **settings)
    except KeyboardInterrupt:
        return epochs, saves, None, None
    return epochs, saves, record["history"], net.state_dict()


def test_with_use_drive_runs_are_kept_there_and_a_lost_session_ends_with_the_same_bits(colab, tmp_path, monkeypatch):
    lib = start("folders", USE_DRIVE=True)
    assert colab == [("mount", "/content/drive")]
    epochs, saves, whole_history, whole_weights = train(lib, monkeypatch)
    assert (epochs, saves) == ([1, 2, 3, 4, 5, 6, 7], [5, 7])
    (checkpoint,) = (tmp_path / "on-drive").iterdir()
    checkpoint.unlink()
    lost = train(start("folders", USE_DRIVE=True), monkeypatch, stop_after=6)
    assert lost[:2] == ([1, 2, 3, 4, 5, 6], [5])
    epochs, saves, history, weights = train(start("folders", USE_DRIVE=True), monkeypatch)
    assert (epochs, saves, history) == ([6, 7], [7], whole_history)
    assert all(torch.equal(weights[name], whole_weights[name]) for name in whole_weights)


@pytest.mark.parametrize(("in_colab", "ticked"), [(True, False), (False, False), (False, True)])
def test_without_it_nothing_is_mounted_and_colab_is_told_what_is_lost(colab, monkeypatch, capsys, in_colab, ticked):
    if not in_colab:
        monkeypatch.delitem(sys.modules, "google.colab")
    lib = start("folders", USE_DRIVE=ticked)
    assert (colab, str(lib.OUTPUT_DIR), lib.SAVE_EVERY) == ([], "outputs", 1)
    assert len(re.findall(r"^USE_DRIVE is not ticked.* lost", capsys.readouterr().out, re.M)) == in_colab


@pytest.mark.parametrize(("in_colab", "ticked"), [(True, True), (True, False), (False, True)])
def test_the_last_cell_hands_the_figures_folder_to_the_browser(colab, monkeypatch, in_colab, ticked):
    if not in_colab:
        monkeypatch.delitem(sys.modules, "google.colab")
    lib = start("folders")
    (lib.FIGURE_DIR / "results.json").write_text("{}")
    start("hand-in", DOWNLOAD=ticked)
    assert [call for call, _ in colab] == ["download"] * (in_colab and ticked)
    assert all(zipfile.ZipFile(path).namelist() == ["results.json"] for _, path in colab)


@pytest.mark.parametrize(("setting", "profile"), [(None, "quick"), ("full", "full")])
def test_the_form_field_chooses_the_profile_unless_a2_profile_does(colab, monkeypatch, setting, profile):
    monkeypatch.setenv("A2_PROFILE", setting) if setting else monkeypatch.delenv("A2_PROFILE", raising=False)
    cells, names = filled_in(PROFILE="quick").cells, {}
    execute([cell for cell in cells if cell.id in ("setup", "parameters", "profiles")], names)
    assert (names["PROFILE"], len(names["SEEDS"])) == (profile, 1 if profile == "quick" else 3)
