"""A benchmark (`.venv/bin/python benchmarks/...`) measures on the CPU and prints its rows. With
`--json`, it also writes them to `results/`, and this file anew from all reports. `A2_MIRROR` names
a folder or URL with the data. `A2_PROFILE=sample` tries one on drawn pictures, in a minute or two.
"""

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from cells import base_folder, code_cells, execute, import_notebook, write_whole

PROFILE = os.environ.get("A2_PROFILE", "full")
FOLDER = base_folder(PROFILE) / "benchmarks"


def load_notebook(run_cell="prepare-run"):
    """The notebook's definitions, by the A2_* settings, and what this `run` cell binds."""
    lib = import_notebook(PROFILE, name="benchmarked")
    execute([cell for cell in code_cells() if cell["id"] == run_cell], vars(lib))
    return lib


def timed(function, *arguments):
    """(seconds, result) of a call."""
    started = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - started, result


def compare(ways):
    """The fastest of five calls of each way, in turns; an error unless they give the same loss."""
    seconds, losses = {}, {}
    for _ in range(5):
        for name, way in ways.items():
            spent, loss = timed(way)
            losses.setdefault(name, loss)
            seconds[name] = min(spent, seconds.get(name, spent))
    np.testing.assert_allclose(list(losses.values()), losses["plain"], rtol=0.001)
    row = {f"{name} (s)": spent for name, spent in seconds.items()}
    return row | {"plain / ours": seconds["plain"] / seconds["ours"]}


def as_text(rows):
    """A table of {row: {column: number}}."""
    return pd.DataFrame(rows).T.to_string(float_format="{:.4g}".format, na_rep="–")


def readme(folder):
    """README.md, from the reports in a folder's results/."""
    text = f"# Benchmarks\n\n{__doc__}"
    for path in sorted((folder / "results").glob("*.json")):
        about, command, commit, *made, rows = json.loads(path.read_text()).values()
        text += f"\n## {path.stem}.py\n\n{about}\n\n"
        text += f"`{command}`: commit {commit}, {', '.join(made)}\n"
        text += f"```\n{as_text(rows)}\n```\n"
    return text


def run(main, doc):
    """Print main's rows; with --json, write them and README.md."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    script = Path(sys.argv[0])
    git = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    processor = f"{platform.machine()} with {torch.backends.cpu.get_cpu_capability()}"
    report = {
        "about": doc.strip(),
        "command": " ".join(["python", f"benchmarks/{script.name}", *sys.argv[1:]]),
        "commit": subprocess.run(git, capture_output=True, text=True).stdout.strip(),
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{processor}, {torch.get_num_threads()} threads",
        "versions": f"python {platform.python_version()}, torch {torch.__version__}",
        "rows": {},
    }
    for name, row in main():
        print(as_text({name: row}), flush=True)
        report["rows"][name] = row
    if "--json" in sys.argv:
        path = FOLDER / "results" / f"{script.stem}.json"
        write_whole(path, json.dumps(report, indent=1) + "\n")
        write_whole(FOLDER / "README.md", readme(FOLDER))
