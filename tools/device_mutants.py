"""Takes the notebook's device moves out, and says which tests/pretended_gpu.py catches.

A move is a `.to(DEVICE)`, a `.cpu()`, a `device=...` or a `map_location=...`. A mutant is executed
fresh, again from what it kept, and continued from the CPU. One without an error is a move that the
notebook can do without, or a fault that the pretended device should refuse.

Usage: device_mutants.py [CELL ...] [--until CELL]   (default: all cells, in a quarter of an hour)
"""

import argparse
import copy
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from cells import ROOT, code_cells, notebook_text, read_notebook, tags

MOVE = re.compile(r"\.to\(DEVICE\)|(?<=\.to\()DEVICE, |\.cpu\(\)|, (?:device|map_location)=[^,()]+")


def error_of(notebook, until, folder, *modes):
    """The line that tells why a notebook fails on the pretended device, or ""."""
    folder.mkdir(exist_ok=True)
    (folder / "mutant.ipynb").write_text(notebook_text(notebook))
    command = [sys.executable, ROOT / "tests/pretended_gpu.py", folder, *modes, "--until", until]
    command += ["--notebook", folder / "mutant.ipynb"]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = done.stderr.strip().splitlines()
    told = [line for line in lines if line.startswith("RuntimeError: cell")] + lines[-1:]
    return told[0].removeprefix("RuntimeError: ")[:150] if done.returncode else ""


def first_error(notebook, until, kept, folder):
    """A notebook's first error in all modes; kept: a finished run that it can load, or None."""
    attempts = [("new", "fresh", "again"), ("begun", "continue")]
    if kept:  # much sooner than fresh
        shutil.copytree(kept, folder / "new")
        attempts.insert(0, ("new", "again"))
    for place, *modes in attempts:
        if error := error_of(notebook, until, folder / place, *modes):
            return error
    return "NOT CAUGHT"


def main(wanted, until):
    original, errors = read_notebook(), []
    with tempfile.TemporaryDirectory() as kept:
        if error := error_of(original, until, Path(kept), "fresh"):
            sys.exit(f"the notebook as it is fails: {error}")
        for number, cell in enumerate(code_cells(original)):
            for match in MOVE.finditer(cell.source) if not wanted or cell.id in wanted else ():
                mutant = copy.deepcopy(original)
                changed = cell.source[: match.start()] + cell.source[match.end() :]
                code_cells(mutant)[number].source = changed
                with tempfile.TemporaryDirectory() as folder:
                    start = kept if "run" in tags(cell) else None
                    errors.append(first_error(mutant, until, start, Path(folder)))
                print(f"{cell.id}, without {match[0]}: {errors[-1]}", flush=True)
    print(f"{len(errors) - errors.count('NOT CAUGHT')} of {len(errors)} mutants caught")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__.partition("Usage: ")[2])
    parser.add_argument("wanted", nargs="*")
    parser.add_argument("--until", default=code_cells()[-1].id)
    main(**vars(parser.parse_args()))
