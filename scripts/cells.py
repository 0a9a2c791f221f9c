"""What all scripts share: the notebook's cells, the profiles' folders, files written whole."""

import functools
import hashlib
import json
import linecache
import os
import subprocess
import sys
import types
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "a2-cnn.ipynb"
# The user's own settings change no figure; the Makefile has those that python reads before this.
os.environ.update(MPLBACKEND="", PYTHONOPTIMIZE="", MATPLOTLIBRC=os.devnull)


def parse_notebook(content):
    """The notebook in a file's bytes, with sources as strings, and ids (Colab's: in metadata)."""
    notebook = json.loads(content.decode("utf-8-sig"))
    if notebook["nbformat"] != 4:
        raise ValueError(f"its nbformat is {notebook['nbformat']}, not 4")
    for number, cell in enumerate(notebook["cells"]):
        cell["source"] = "".join(cell["source"])
        cell["id"] = cell["metadata"].get("id") or cell.get("id") or f"added-{number}"
    notebook["nbformat_minor"] = 5
    return notebook


@functools.cache
def cells_at_head():
    """{id: cell} of the notebook at git's HEAD; empty without git."""
    command = ["git", "show", f"HEAD:./{NOTEBOOK.name}"]
    try:
        shown = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        return {cell["id"]: cell for cell in parse_notebook(shown.stdout)["cells"]}
    except (OSError, subprocess.CalledProcessError, ValueError, LookupError, TypeError):
        return {}


def read_notebook(path=NOTEBOOK):
    """The notebook at `path`, with tags that an editor dropped; SystemExit in one line."""
    try:
        notebook = parse_notebook(Path(path).read_bytes())
    except (OSError, ValueError, LookupError, TypeError) as error:
        sys.exit(f"{path} cannot be used ({error!r}): download it again, or take git's")
    ours = cells_at_head()
    for cell in notebook["cells"]:
        if cell["id"] in ours and not tags(cell):
            cell["metadata"] |= ours[cell["id"]]["metadata"]
    return notebook


def notebook_text(notebook):
    """A notebook as Jupyter writes it."""
    made = [cell | {"source": cell["source"].splitlines(True)} for cell in notebook["cells"]]
    notebook = notebook | {"cells": made}
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def tags(cell):
    return set(cell["metadata"].get("tags", []))


def code_cells(notebook=None):
    """The code cells of a notebook (ours, unless another is given)."""
    cells = (notebook or read_notebook())["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def own_cells(notebook=None):
    """The code cells but those that a tool or a person added, each of which is told in a line."""
    own, known = [], cells_at_head()
    for cell in code_cells(notebook):
        if known and cell["id"] not in known:
            print(f"not executed: git's HEAD has no such cell: {cell['id']} (to use it, commit)")
        else:
            own.append(cell)
    return own


def execute(cells, namespace):
    """Execute cells in order in `namespace`, so that tracebacks and `inspect` find their source."""
    for cell in cells:
        source = cell["source"]
        file = f"<{cell['id']} {hashlib.sha256(source.encode()).hexdigest()[:8]}>"  # of this copy
        linecache.cache[file] = len(source), None, source.splitlines(True), file
        try:
            code = compile(source, file, "exec")
        except SyntaxError as error:  # such as the marks of a merge
            sys.exit(f"cell {cell['id']} is no Python, line {error.lineno}: {error.msg}")
        exec(code, namespace)


def import_notebook(profile, notebook=None, name="a2_cnn"):
    """The notebook's definitions: its own cells that are not tagged `run`."""
    module = sys.modules[name] = types.ModuleType(name)
    with mock.patch.dict(os.environ, A2_PROFILE=profile):
        execute([cell for cell in own_cells(notebook) if "run" not in tags(cell)], vars(module))
    return module


def base_folder(profile):
    """Where a profile's notebook, figures and writeup stand: for full, the repository."""
    if profile not in ("full", "quick", "sample"):
        sys.exit(f"profile is {profile!r}: it must be full, quick or sample")
    return ROOT if profile == "full" else ROOT / "build" / profile


def write_whole(path, content):
    """Write text or bytes to `path`: at any time the old file is there or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content.encode() if isinstance(content, str) else content)
    os.replace(partial, path)


def replace_plots(folder, files):
    """Write {name: bytes} into a folder, and delete its other plots."""
    for name, content in files.items():
        write_whole(folder / name, content)
    for path in folder.iterdir():
        if path.suffix in (".pdf", ".png") and path.name not in files:
            path.unlink()
