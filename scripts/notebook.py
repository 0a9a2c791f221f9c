"""What all scripts, tests and benchmarks share: the notebook's cells, its profiles' folders, and the stamp."""

import hashlib
import linecache
import os
import sys
import types
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "a2-cnn.ipynb"
PROFILES = ("full", "quick", "sample")


def read_notebook(path=NOTEBOOK):
    """The notebook at `path`, as nbformat 4."""
    return nbformat.read(path, as_version=4)


def tags(cell):
    """The set of a cell's tags."""
    return set(cell.metadata.get("tags", []))


def code_cells(notebook=None):
    """The code cells of a notebook (ours, unless another is given)."""
    return [cell for cell in (notebook or read_notebook()).cells if cell.cell_type == "code"]


def execute(cells, namespace):
    """Execute cells in order in `namespace`, so that tracebacks and `inspect` find their source."""
    for cell in cells:
        file = f"<{cell.id} {hashlib.sha256(cell.source.encode()).hexdigest()[:8]}>"  # an edited copy's is another
        linecache.cache[file] = (len(cell.source), None, cell.source.splitlines(keepends=True), file)
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


def check_profile(profile):
    """Exit with a message unless `profile` is one of PROFILES; returns it."""
    if profile not in PROFILES:
        sys.exit(f"profile is {profile!r}: it must be one of {', '.join(PROFILES)}")
    return profile


def base_folder(profile):
    """Where a profile's notebook, figures and writeup stand: the repository itself for the full one."""
    return ROOT if check_profile(profile) == "full" else ROOT / "build" / profile


def stamp_of(figures):
    """The stamp of a folder's results.json: the beginning of its SHA-256."""
    return hashlib.sha256((figures / "results.json").read_bytes()).hexdigest()[:12]


def code_hash(notebook=None):
    """What results.json calls code_sha256: of all code cells up to `write-results`, but for those tagged `figure`."""
    cells = code_cells(notebook)
    last = [cell.id for cell in cells].index("write-results")
    kept = [cell.source.strip() for cell in cells[: last + 1] if "figure" not in tags(cell)]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()
