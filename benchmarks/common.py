"""What the benchmarks share: the notebook's definitions, timing in turns, the command line.

A benchmark's main prints its table row by row, and returns it: {row: {column: number}}.
"""

import argparse
import contextlib
import datetime
import inspect
import json
import math
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from cells import ROOT, code_cells, execute, import_notebook


def load_notebook():
    """The notebook's definitions, set by A2_PROFILE (default: full), A2_MIRROR and A2_BACKBONE."""
    lib = import_notebook(os.environ.get("A2_PROFILE", "full"))
    lib.DATA_DIR = ROOT / lib.DATA_DIR
    lib.MIRROR = os.environ.get("A2_MIRROR", "")
    lib.BACKBONE = os.environ.get("A2_BACKBONE", lib.BACKBONE)
    # This cell says where the backbone's weights come from.
    execute([cell for cell in code_cells() if cell.id == "fetch"], vars(lib))
    return lib


def timed(function, *arguments):
    """(seconds, result) of a call."""
    started = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - started, result


def compare(repeats, plain, ours):
    """A row from the best of some calls, in turns.

    AssertionError unless both first return the same numbers, but for rounding.
    """
    plain_seconds = our_seconds = math.inf
    for repeat in range(repeats):
        spent, plain_result = timed(plain)
        plain_seconds = min(plain_seconds, spent)
        spent, our_result = timed(ours)
        our_seconds = min(our_seconds, spent)
        if repeat == 0:
            np.testing.assert_allclose(our_result, plain_result, rtol=0.001)
    return ratio_row(plain_seconds, our_seconds)


def ratio_row(plain, ours):
    """A row from the seconds of both ways."""
    return {"plain (s)": plain, "ours (s)": ours, "plain / ours": plain / ours}


def show(name, row):
    """Print a row, and return it."""
    numbers = [f"{column} {value:.4g}" for column, value in row.items()]
    print(f"{name}: {', '.join(numbers)}", flush=True)
    return row


def report(script, question, rows):
    """A table, with what one must know to read it."""
    words = ["python", f"benchmarks/{script}", *sys.argv[1:]]
    for name in ("A2_BACKBONE", "A2_PROFILE"):
        if name in os.environ:
            words.insert(0, f"{name}={os.environ[name]}")
    processor = f"{platform.machine()} with {torch.backends.cpu.get_cpu_capability()}"
    return {
        "script": script,
        "question": question,
        "command": " ".join(words),
        "date": datetime.date.today().isoformat(),
        "machine": f"{processor}, {torch.get_num_threads()} threads",
        "versions": f"python {platform.python_version()}, torch {torch.__version__}",
        "rows": rows,
    }


def run(main, doc):
    """Call main on the CPU, with its settings, whole numbers, from the command line.

    With --json, standard output has the report alone.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    parser = argparse.ArgumentParser(usage=doc)
    parser.add_argument("--json", action="store_true")
    for name, setting in inspect.signature(main).parameters.items():
        parser.add_argument(f"--{name}", type=int, default=setting.default)
    settings = vars(parser.parse_args())
    as_json = settings.pop("json")
    with contextlib.redirect_stdout(sys.stderr if as_json else sys.stdout):
        rows = main(**settings)
    if as_json:
        print(json.dumps(report(Path(sys.argv[0]).name, doc.splitlines()[0], rows), indent=1))
