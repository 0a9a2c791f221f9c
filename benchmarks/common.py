"""What the benchmarks share: the notebook's definitions, timing in turns, the table of ratios, the command line."""

import argparse
import contextlib
import inspect
import io
import math
import os
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from notebook import ROOT, code_cells, execute, import_notebook


def load_notebook(profile="sample"):
    """The notebook's definitions, set by A2_PROFILE (or else `profile`), A2_MIRROR and A2_BACKBONE alone."""
    lib = import_notebook(os.environ.get("A2_PROFILE", profile), name="a2_cnn_benchmark")
    lib.DATA_DIR, lib.MIRROR = ROOT / lib.DATA_DIR, os.environ.get("A2_MIRROR", "")
    lib.BACKBONE = os.environ.get("A2_BACKBONE", lib.BACKBONE)
    execute([cell for cell in code_cells() if cell.id == "fetch"], vars(lib))  # where this network's weights are
    return lib


def in_turns(repeats, *ways):
    """Call some functions in turns, not showing what they print; returns (least seconds, first results) of each."""
    seconds, results = dict.fromkeys(ways, math.inf), {}
    for way in ways * repeats:
        with contextlib.redirect_stdout(io.StringIO()):
            started = time.perf_counter()
            result = way()
            seconds[way] = min(seconds[way], time.perf_counter() - started)
        results.setdefault(way, result)
    return [*seconds.values()], [*results.values()]


class Ratios(dict):
    """{what: time of the plain way over ours}, printed line by line as it grows."""

    def __init__(self, extra=""):
        super().__init__()
        print(f"\n{'':<36}{'plain':>12}{'ours':>12}{'ratio':>11}{extra}")

    def add(self, what, plain, ours, extra=""):
        """Add and print a line from both ways' seconds."""
        self[what] = plain / ours
        print(f"{what:<36}{plain:10.3f} s{ours:10.3f} s{self[what]:9.1f} x{extra}", flush=True)

    def compare(self, what, repeats, plain, ours, limit=None):
        """Add a line from the best of `repeats` calls; returns both seconds. limit: the least seconds possible.

        AssertionError unless the functions first return the same numbers, but for rounding.
        """
        seconds, results = in_turns(repeats, plain, ours)
        self.add(what, *seconds, f"{limit:10.3f} s{seconds[1] / limit:10.1f} x" if limit else "")
        np.testing.assert_allclose(results[1], results[0], rtol=0.01, err_msg=f"{what}: the two ways differ")
        return seconds


def run(main, doc):
    """Call main with settings from the command line, on the CPU; they are whole numbers, or flags if False is given."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, setting in inspect.signature(main).parameters.items():
        kind = {"action": "store_true"} if setting.default is False else {"type": int, "default": setting.default}
        parser.add_argument(f"--{name}", **kind)
    return main(**vars(parser.parse_args()))
