"""In Colab and on a GPU, as far as a stub of google.colab and pretended_gpu.py can tell."""

import re
import sys
import types
import zipfile

import pytest
import torch
from cells import ROOT, code_cells, execute, import_notebook, read_notebook
from conftest import run_offline
from small import COLOURS, train_small


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
    for cell in notebook["cells"]:
        source = cell["source"].replace("/content/drive/MyDrive/a2-cnn", "on-drive")
        for name, value in form.items():
            field = rf"^{name} = .*(?=  # @param)"
            source = re.sub(field, f"{name} = {value!r}", source, flags=re.MULTILINE)
        cell["source"] = source
    lib = import_notebook("sample", notebook, "in_colab")
    execute([cell for cell in code_cells(notebook) if cell["id"] in run_cells], vars(lib))
    return lib


def test_with_use_drive_finished_runs_are_kept_there_and_read_in_the_next_session(
    calls, tmp_path, monkeypatch
):
    whole = train_small(start("drive", USE_DRIVE=True), COLOURS)
    assert calls == [("mount", "/content/drive")]
    assert len([*(tmp_path / "on-drive").iterdir()]) == 1 and not (tmp_path / "outputs").exists()
    monkeypatch.setattr("torch.optim.Adam", None)  # training would fail
    assert train_small(start("drive", USE_DRIVE=True), COLOURS) == whole


def test_the_last_cell_hands_the_figures_folder_to_the_browser(calls):
    start("hand-in", DOWNLOAD=True)
    ((call, path),) = calls
    names = set(zipfile.ZipFile(path).namelist())
    assert (call, names) == ("download", {"results.json", "pictures.npz"})


hook = "_setup_privateuseone_for_python_backend"
has_hook = hasattr(torch.utils.backend_registration, hook) or torch.__version__ >= "2.14"


@pytest.mark.slow
@pytest.mark.skipif(not has_hook, reason="this torch has no devices made in Python")
def test_the_whole_notebook_runs_on_a_device_and_again_from_what_it_kept(tmp_path):
    printed = run_offline(tmp_path, ROOT / "tests/pretended_gpu.py")
    assert printed.count("cells executed on pretended:0") == 2
