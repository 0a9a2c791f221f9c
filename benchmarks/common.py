"""A benchmark prints its rows. With `--json`, it also writes them to `results/`, and this file anew
from all reports, as `python benchmarks/common.py` does. `A2_MIRROR` names a folder or URL with the
data. `A2_PROFILE=sample` tries a benchmark on drawn pictures, in a minute or two.
"""

import json
import os
import platform
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from cells import base_folder, code_cells, execute, tags, write_whole

FOLDER = base_folder(os.environ.get("A2_PROFILE", "full")) / "benchmarks"


def load_notebook(run_cell="prepare-run"):
    """The notebook's definitions, by the A2_* settings, and what this `run` cell binds."""
    lib = sys.modules["benchmarked"] = types.ModuleType("benchmarked")
    cells = [cell for cell in code_cells() if "run" not in tags(cell) or cell.id == run_cell]
    execute(cells, vars(lib))
    if "--held-out" in sys.argv:  # a tenth of the training images, in place of the test images
        grey, labels, *_ = lib.data
        order = np.random.RandomState(1234).permutation(len(grey))
        judged, rest = np.split(order, [len(grey) // 10])
        lib.data = lib.ColourData(grey[rest], labels[rest], grey[judged], labels[judged])
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
    for name in ("colourization", "segmentation", "speedrun", "strong"):
        text += f"\n## {name}.py\n\n"
        path = folder / "results" / f"{name}.json"
        if path.exists():
            about, command, commit, *made, rows = json.loads(path.read_text()).values()
            text += f"{about}\n\n`{command}`: commit {commit}, {', '.join(made)}\n"
            text += f"\n```\n{as_text(rows)}\n```\n"
        else:
            text += f"Not measured yet: `python benchmarks/{name}.py --json`\n"
    return text


def run(main, doc):
    """Print main's rows; with --json, write them and README.md."""
    if not {*sys.argv[1:]} <= {"--json", "--held-out"}:
        sys.exit(doc)
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    rows = {}
    for name, row in main():
        print(as_text({name: row}), flush=True)
        rows[name] = row
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
        "rows": rows,
    }
    if "--json" in sys.argv:
        path = FOLDER / "results" / f"{script.stem}.json"
        write_whole(path, json.dumps(report, indent=1) + "\n")
        write_whole(FOLDER / "README.md", readme(FOLDER))


if __name__ == "__main__":
    write_whole(FOLDER / "README.md", readme(FOLDER))
