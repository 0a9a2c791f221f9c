"""Notebooks as people have them, the plots drawn again, and figures.zip: nothing is lost."""

import io
import json
import os
import subprocess
import sys
import zipfile

import cells
import matplotlib
import pytest
from cells import ROOT
from conftest import copy_checkout
from house import House, npz, results


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "ROOT", tmp_path)
    return House(tmp_path)


ADDED = {"cell_type": "code", "id": "69lq2k6UH7WY", "metadata": {}, "source": "!nvidia-smi"}


def with_added_cells(saved):
    drive = {**ADDED, "id": "8f3a", "source": ["from google.colab import drive"]}
    return [ADDED, *saved[:2], drive, *saved[2:]]


def ids_in_metadata(saved):
    for cell in saved:
        cell["metadata"]["id"] = cell.pop("id")
    return saved


def ids_rewritten(saved):
    for number, cell in enumerate(saved):
        cell["id"] = f"{number:08x}"
    return saved


def metadata_gone(saved):
    for cell in saved:
        cell["metadata"] = {}
    return saved


def forms_and_ends_changed(saved):
    saved[1]["source"] = [
        'PROFILE = "quick" # @param ["full"]  \n',
        "FIGURE_DIR = Path()  \n",
        "\n",
    ]
    return metadata_gone(ids_rewritten(saved))


@pytest.mark.parametrize("change", [
    with_added_cells, ids_in_metadata, ids_rewritten, metadata_gone, forms_and_ends_changed,
])  # fmt: skip
def test_cells_get_their_ids_and_tags_back(house, change):
    ours = {cell["id"]: cells.tags(cell) for cell in house.cells()}
    house.write(change(house.cells()), minor=0)
    house.notebook.write_bytes(b"\xef\xbb\xbf" + house.notebook.read_bytes())
    read = cells.read_notebook(house.notebook)
    added = cells.added_cells(read)
    assert len(added) == (2 if change is with_added_cells else 0)
    assert {cell.id: cells.tags(cell) for cell in read.cells if cell not in added} == ours


def test_of_two_cells_with_one_id_the_second_gets_another(house):
    house.write([*house.cells(), {**ADDED, "id": "unet"}])
    ids = [cell.id for cell in cells.read_notebook(house.notebook).cells]
    assert len(set(ids)) == len(ids)


def test_a_notebook_is_written_as_it_was_read():
    text = (ROOT / "a2-cnn.ipynb").read_text(encoding="utf-8")
    assert cells.notebook_text(cells.read_notebook()) == text


NO_NOTEBOOK = {
    "empty": (b"", "empty"),
    "UTF-16": ("{}".encode("utf-16"), "UTF-16"),
    "conflict": (b'<<<<<<< HEAD\n{"cells": []}\n=======\n', "conflict markers"),
    "conflict within": (b'{\n<<<<<<< HEAD\n"cells": []}\n', "conflict markers"),
    "web page": (b"<!DOCTYPE html>", "web page"),
    "cut": (b'{"cells": [', "cut"),
    "not UTF-8": (b'{"cells": "\xe9"}', "utf-8"),
    "nbformat 3": (b'{"nbformat": 3, "worksheets": []}', "nbformat 3"),
    "another JSON": (b"[]", "no notebook"),
    "a cell without source": (b'{"nbformat": 4, "cells": [{}]}', "no notebook"),
}


@pytest.mark.parametrize(("content", "reason"), NO_NOTEBOOK.values(), ids=NO_NOTEBOOK)
def test_what_is_no_notebook_is_told_in_one_line(house, content, reason):
    house.notebook.write_bytes(content)
    with pytest.raises(SystemExit) as stopped:
        cells.read_notebook(house.notebook)
    message = str(stopped.value)
    assert "a2-cnn.ipynb" in message and reason in message and "git checkout" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "script", ["make_figures", "build_writeup", "make_submission", "run_notebook"]
)
def test_no_script_loses_a_file_over_what_is_no_notebook(house, script):
    (house.figures / "numbers.tex").write_text("old")
    (house.folder / "a2-writeup.pdf").write_text("old")
    house.notebook.write_text("<html>")
    before = house.contents()
    done = house.run(script, "full", bare=False)
    assert done.returncode == 1 and "web page" in done.stderr and "Traceback" not in done.stderr
    assert house.contents() == before


def test_figures_are_drawn_from_the_repositorys_cells_alone_whatever_the_backend(
    house, monkeypatch
):
    monkeypatch.setenv("MPLBACKEND", "svg")
    (house.figures / "old.png").touch()
    assert house.run("make_figures", bare=False).returncode == 0
    drawn = (house.figures / "curves.pdf").read_bytes()
    assert drawn.startswith(b"%PDF") and not (house.figures / "old.png").exists()
    (house.figures / "curves.pdf").unlink()
    house.write(with_added_cells(metadata_gone(house.cells())))
    done = house.run("make_figures", bare=False)
    assert done.returncode == 0 and "nvidia-smi" in done.stdout, done.stderr
    assert (house.figures / "curves.pdf").read_bytes() == drawn


FAILURES = {
    "a figure cell fails": ("a2-cnn.ipynb", lambda text: text.replace("ax.plot(", "ax.plt(")),
    "older results": ("figures/results.json", lambda text: text.replace('a": 3', 'a": 2')),
    "damaged results": ("figures/results.json", lambda text: text[:50]),
}  # fmt: skip


@pytest.mark.parametrize(("name", "change"), FAILURES.values(), ids=FAILURES)
def test_what_cannot_be_drawn_leaves_all_plots(house, name, change):
    (house.folder / name).write_text(change((house.folder / name).read_text()))
    before = house.contents()
    done = house.run("make_figures", bare=False)
    assert done.returncode == 1 and (
        name.startswith("a2") or "make run PROFILE=full" in done.stderr
    )
    assert house.contents() == before


def zipped(**files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


PICTURES = npz(new=[1.0])
FILES = {"results.json": results(PICTURES), "pictures.npz": PICTURES, "new.pdf": "new"}
OTHERS = {
    "listings/unet.py": "x",
    "more/strange.png": "x",
    "numbers.tex": "x",
    ".DS_Store": "x",
    "notes.txt": "x",
}
IN_A_FOLDER = {f"figures/{name}": text for name, text in (FILES | OTHERS).items()}
MACOSX = {"__MACOSX/figures/._results.json": "x", "__MACOSX/figures/._new.pdf": "x"}
EXPLORER = {name.replace("/", "\\"): text for name, text in IN_A_FOLDER.items()}


@pytest.mark.parametrize("files", [FILES, FILES | OTHERS, IN_A_FOLDER | MACOSX, EXPLORER])
def test_figures_zip_is_unpacked_as_people_have_it(house, files):
    (house.folder / "figures.zip").write_bytes(zipped(**files))
    done = house.run("unpack_figures")
    assert done.returncode == 0 and "next: make writeup submission" in done.stdout, done.stderr
    names = {path.name for path in house.figures.iterdir()}
    assert names == {*FILES, "drawn_by.txt"}  # curves.pdf was another run's
    assert (house.figures / "results.json").read_text() == FILES["results.json"]


def test_a_quick_runs_figures_go_to_their_profile(house):
    quick = results(PICTURES, "quick")
    (house.folder / "figures.zip").write_bytes(zipped(**FILES | {"results.json": quick}))
    before = house.contents()
    done = house.run("unpack_figures")
    assert "build/quick/a2-cnn.ipynb" in done.stdout and "PROFILE=quick" in done.stdout
    assert (house.folder / "build/quick/figures/results.json").read_text() == quick
    assert house.contents() == before


STRANGE = {
    "no zip": b"<html>",
    "cut": zipped(**FILES)[:-30],
    "no results": zipped(**{"new.pdf": "x"}),
    "no pictures": zipped(**{"results.json": FILES["results.json"]}),
    "two results": zipped(**FILES | {"more/results.json": "{}"}),
    "mixed": zipped(**FILES | {"pictures.npz": npz(other=[2.0])}),
    "not ours": zipped(**FILES | {"results.json": "[]"}),
    "profile": zipped(**FILES | {"results.json": results(PICTURES, "../x")}),
}


@pytest.mark.parametrize("content", STRANGE.values(), ids=STRANGE)
def test_another_zip_is_refused_in_one_line_and_nothing_changes(house, content):
    (house.folder / "figures.zip").write_bytes(content)
    before = house.contents()
    done = house.run("unpack_figures")
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert house.contents() == before


def test_the_committed_figures_are_drawn_again_byte_for_byte_without_data(tmp_path):
    provenance = json.loads((ROOT / "figures/results.json").read_text())["provenance"]
    if matplotlib.__version__ != provenance["versions"]["matplotlib"]:
        pytest.skip("the committed figures were drawn with another matplotlib")
    if (ROOT / "figures/drawn_by.txt").read_text() != cells.drawing_hash():
        pytest.skip("a figure cell has changed: make figures")
    copy_checkout(tmp_path)
    before = {path.name: path.read_bytes() for path in (tmp_path / "figures").glob("*.p*")}
    nowhere = {"https_proxy": "http://127.0.0.1:9", "A2_DATA": str(tmp_path / "none")}
    command = [sys.executable, "scripts/make_figures.py", "full"]
    subprocess.run(command, cwd=tmp_path, check=True, env=os.environ | nowhere)
    drawn = {path.name: path.read_bytes() for path in (tmp_path / "figures").glob("*.p*")}
    assert drawn.items() >= before.items()
