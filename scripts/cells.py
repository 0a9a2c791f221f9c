"""What all scripts share: the notebook's cells, the profiles' folders, the stamp, whole files.

A notebook may be as Colab, VS Code, Jupyter, nbstripout or jupytext saved it: ids and tags that
were moved, rewritten or dropped are put back from the repository's notebook, that at git's HEAD.
"""

import hashlib
import json
import linecache
import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "a2-cnn.ipynb"
PROFILES = ("full", "quick", "sample")
SAVE_AGAIN = "save or download it again, or take the repository's: git checkout a2-cnn.ipynb"


class Node(dict):
    """A JSON object whose keys can be read and set as attributes, too."""

    __setattr__ = dict.__setitem__

    def __getattr__(self, name):
        if name not in self:
            raise AttributeError(name)
        return self[name]


def parse_notebook(content):
    """The notebook in a file's bytes, sources as strings; ValueError in a few words."""
    if b"\0" in content[:100]:
        raise ValueError("it is not UTF-8, but perhaps UTF-16")
    text = content.decode("utf-8-sig").strip()  # UnicodeDecodeError is a ValueError
    if re.search(r"^<<<<<<< ", text, re.MULTILINE):
        raise ValueError("git's conflict markers are in it")
    if text.startswith("<"):
        raise ValueError("it is a web page")
    try:
        notebook = json.loads(text, object_hook=Node)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is empty, cut or damaged: {error}") from None
    try:
        if notebook.nbformat != 4:
            raise ValueError(f"it is of nbformat {notebook.nbformat}, not 4")
        for cell in notebook.cells:
            cell.source = "".join(cell.source)
            cell.metadata = cell.get("metadata") or Node()
            if cell.cell_type == "code":
                cell.setdefault("outputs", [])
                cell.setdefault("execution_count", None)
    except (AttributeError, TypeError):
        raise ValueError("it is no notebook") from None
    return notebook


def read_at_head(name):
    """The bytes of a file at git's HEAD; None without git, or without such a file."""
    if not shutil.which("git"):
        return None
    shown = subprocess.run(["git", "show", f"HEAD:./{name}"], cwd=ROOT, capture_output=True)
    return None if shown.returncode else shown.stdout


def repository_notebook():
    """The notebook at git's HEAD; None without git, or where that is none."""
    content = read_at_head(NOTEBOOK.name)
    try:
        return parse_notebook(content) if content else None
    except ValueError:
        return None


def code_of(cell):
    """A cell's code without form values (`NAME = value  # @param`) and blank ends."""
    lines = [line.rstrip() for line in cell.source.strip().splitlines()]
    return re.sub(r"^(\w+) *=.*# *@param.*", r"\1 = # @param", "\n".join(lines), flags=re.MULTILINE)


def match_cells(notebook, ours):
    """{number of a cell of `notebook`: our cell that it is}, by id, else by code and order."""
    free, matched = {cell.id: cell for cell in ours.cells}, {}
    for number, cell in enumerate(notebook.cells):
        for name in (cell.get("id"), cell.metadata.get("id")):
            if name in free:
                matched[number] = free.pop(name)
    for number, cell in enumerate(notebook.cells):
        same = [our for our in free.values() if code_of(our) == code_of(cell)]
        if number not in matched and same:
            matched[number] = free.pop(same[0].id)
    return matched


def read_notebook(path=NOTEBOOK):
    """The notebook at `path`, as a dict, each cell with its id and tags; SystemExit in one line."""
    try:
        notebook = parse_notebook(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        sys.exit(f"{path} cannot be used: {error}; {SAVE_AGAIN}")
    ours = repository_notebook()
    matched = match_cells(notebook, ours) if ours else {}
    taken = {our.id for our in matched.values()}
    for number, cell in enumerate(notebook.cells):
        name = cell.get("id") or cell.metadata.get("id")
        if number in matched:
            cell.id = matched[number].id
            if not tags(cell):
                cell.metadata |= matched[number].metadata
        else:
            cell.id = f"added-{number}" if not name or name in taken else name
        taken.add(cell.id)
    notebook.nbformat_minor = max(5, notebook.get("nbformat_minor", 0))
    return notebook


def write_whole(path, content):
    """Write text or bytes to `path`: at any time the old file is there or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content.encode() if isinstance(content, str) else content)
    os.replace(partial, path)


def swap_plots(new, folder):
    """Move all files of `new` into `folder`, then remove plots that are not among them."""
    names = {path.name for path in new.iterdir()}
    for name in sorted(names):
        os.replace(new / name, folder / name)
    for path in folder.iterdir():
        if path.suffix in (".pdf", ".png") and path.name not in names:
            path.unlink()


def notebook_text(notebook):
    """A notebook's file, as Jupyter writes it."""
    cells = [{**cell, "source": cell.source.splitlines(keepends=True)} for cell in notebook.cells]
    whole = {**notebook, "cells": cells}
    return json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def tags(cell):
    """The set of a cell's tags."""
    return set(cell["metadata"].get("tags", []))


def code_cells(notebook=None):
    """The code cells of a notebook (ours, unless another is given)."""
    return [cell for cell in (notebook or read_notebook()).cells if cell.cell_type == "code"]


def added_cells(notebook):
    """The code cells that are not the repository's: without tags, and not at git's HEAD."""
    ours = repository_notebook()
    known = {cell.id for cell in ours.cells} if ours else {cell.id for cell in notebook.cells}
    return [cell for cell in code_cells(notebook) if not tags(cell) and cell.id not in known]


def lacks_picture(cell):
    """Whether a cell should have left a picture, and has none."""
    pictures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
    return "figure" in tags(cell) and not pictures


def drawing_hash(notebook=None):
    """A hash of the cells that draw, as drawn_by.txt in a figures folder keeps it."""
    drawing = [code_of(cell) for cell in code_cells(notebook) if tags(cell) & {"plot", "figure"}]
    return hashlib.sha256("\n".join(drawing).encode()).hexdigest()[:12] + "\n"


def execute(cells, namespace):
    """Execute cells in order in `namespace`, so that tracebacks and `inspect` find their source."""
    for cell in cells:
        file = f"<{cell.id} {hashlib.sha256(cell.source.encode()).hexdigest()[:8]}>"  # of this copy
        linecache.cache[file] = len(cell.source), None, cell.source.splitlines(True), file
        exec(compile(cell.source, file, "exec"), namespace)


def import_notebook(profile, notebook=None, name="a2_cnn"):
    """The notebook's definitions under a profile, and no other setting from outside, as a module.

    That is: all its code cells that are not tagged `run`, executed in order.
    """
    kept = {key: os.environ.pop(key) for key in list(os.environ) if key.startswith("A2_")}
    os.environ["A2_PROFILE"] = profile
    module = sys.modules[name] = types.ModuleType(name)
    try:
        execute([cell for cell in code_cells(notebook) if "run" not in tags(cell)], module.__dict__)
    finally:
        del os.environ["A2_PROFILE"]
        os.environ.update(kept)
    return module


def base_folder(profile):
    """Where a profile's notebook, figures and writeup stand: for full, the repository."""
    if profile not in PROFILES:
        sys.exit(f"profile is {profile!r}: it must be one of {', '.join(PROFILES)}")
    return ROOT if profile == "full" else ROOT / "build" / profile


def stamp_of(figures):
    """The stamp of a folder's results.json: the beginning of its SHA-256."""
    return hashlib.sha256((figures / "results.json").read_bytes()).hexdigest()[:12]
