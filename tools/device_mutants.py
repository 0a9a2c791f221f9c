"""Takes the notebook's device moves out one by one, and says which of these mutants tests/pretended_gpu.py catches.

A move is a `.to(DEVICE)`, the DEVICE of a `.to(DEVICE, memory_format=...)`, a `.cpu()`, a `device=...` or a
`map_location=...` in a code cell. A mutant is executed fresh, again from what it kept, and continued from the CPU, up
to its first error. One without any is a move that the notebook can do without, or a fault to be refused by the
pretended device.

Usage: python tools/device_mutants.py [CELL ...]   (default: all cells; about a quarter of an hour)
"""

import copy
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from notebook import ROOT, code_cells, read_notebook, tags

MOVE = re.compile(r"\.to\(DEVICE\)|(?<=\.to\()DEVICE, |\.cpu\(\)|, (?:device|map_location)=[^,()]+")


def error_of(notebook, folder, mode):
    """The line that tells why a notebook fails on the pretended device, or "" if it does not."""
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook, folder / "mutant.ipynb")
    command = [sys.executable, ROOT / "tests/pretended_gpu.py", folder, mode, "--notebook", folder / "mutant.ipynb"]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = done.stderr.strip().splitlines()
    told = [line for line in lines if line.startswith("RuntimeError: cell")] + lines[-1:]
    return f"{mode}: {told[0].removeprefix('RuntimeError: ')}" if done.returncode else ""


def first_error(notebook, kept, folder):
    """The first error of a notebook in all modes; kept: the folder of a finished run that it can load, or None."""
    if kept:  # much sooner than fresh
        shutil.copytree(kept, folder / "kept")
    attempts = [("kept", "again")] if kept else []
    for place, mode in [*attempts, ("new", "fresh"), ("new", "again"), ("begun", "continue")]:
        if error := error_of(notebook, folder / place, mode):
            return error
    return ""


def main(wanted):
    original, caught, moves = read_notebook(), 0, 0
    with tempfile.TemporaryDirectory() as kept:
        if error := error_of(original, Path(kept), "fresh"):
            sys.exit(f"nothing can be said: the notebook as it is fails. {error}")
        for number, cell in enumerate(code_cells(original)):
            for match in MOVE.finditer(cell.source) if not wanted or cell.id in wanted else ():
                mutant = copy.deepcopy(original)
                changed = cell.source[: match.start()] + cell.source[match.end() :]
                code_cells(mutant)[number].source = changed
                with tempfile.TemporaryDirectory() as folder:
                    error = first_error(mutant, kept if "run" in tags(cell) else None, Path(folder))
                line = cell.source[: match.end()].count("\n")
                print(f"{cell.id}, line {line + 1}, without {match[0]}: {cell.source.splitlines()[line].strip()}")
                print(f"    {error[:150] or 'NOT CAUGHT'}", flush=True)
                caught, moves = caught + bool(error), moves + 1
    print(f"{caught} of {moves} mutants caught")


if __name__ == "__main__":
    main(sys.argv[1:])
