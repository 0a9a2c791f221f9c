"""Kill the sample run again and again, continue it, and compare the end with that of an uninterrupted run, bit for bit.

Compared are results.json without its times, and every tensor of every checkpoint.

Usage: python tests/kill_run.py [KILLS] [SEED]   (default: 20 kills)
"""

import json
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import torch
from conftest import copy_checkout, start_sample_run


class Run:
    """The notebook's sample profile in a checkout of its own, started as a process as often as wanted."""

    def __init__(self, folder):
        self.folder, self.outputs, self.kills = folder, folder / "outputs", []
        folder.mkdir(parents=True, exist_ok=True)
        copy_checkout(folder)

    def start(self, kill_after=None):
        """Run; after `kill_after` seconds kill the process and its kernel with SIGKILL. Returns (output, exit code)."""
        process = start_sample_run(self.folder)
        if kill_after:
            threading.Timer(kill_after, kill_all, [process.pid]).start()
        output = process.stdout.read()
        return output, process.wait()

    def kill(self, seconds):
        """Kill the run once and note what was on disk before and after; returns False if it had ended already."""
        before = self.files()
        output, code = self.start(kill_after=seconds)
        cells = [line for line in output.splitlines() if line.startswith("[")]
        self.kills.append((seconds, cells[-1].split("cell ")[-1] if cells else "starting", before, self.files()))
        return code == -signal.SIGKILL

    def files(self):
        """{name: readable} of the checkpoints on disk."""
        return {path.name: readable(path) for path in sorted(self.outputs.glob("*.pt"))}


def results_without_times(folder):
    """results.json of a sample run in `folder`, without its times."""

    def without_times(value):
        if isinstance(value, dict):
            return {key: without_times(part) for key, part in value.items() if key != "seconds"}
        return [without_times(part) for part in value] if isinstance(value, list) else value

    return without_times(json.loads((folder / "build/sample/figures/results.json").read_text()))


def load_state(path):
    """The state in a checkpoint, behind the 32 bytes of its checksum."""
    with open(path, "rb") as file:
        file.seek(32)
        return torch.load(file, weights_only=True)


def tensors(folder):
    """{checkpoint and name in it: bytes} of all tensors that the run in `folder` left."""
    found = {}

    def collect(name, value):
        if isinstance(value, torch.Tensor):
            found[name] = value.numpy().tobytes()
        elif isinstance(value, dict):
            for key, part in value.items():
                collect(f"{name}/{key}", part)

    for path in sorted((folder / "outputs").glob("*.pt")):
        collect(path.name, load_state(path))
    return found


def kill_all(pid):
    """SIGKILL to a process and all that it started, which includes the notebook's kernel."""
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in processes:
        process.kill()


def readable(path):
    """Whether a checkpoint can be loaded."""
    try:
        load_state(path)
        return True
    except Exception:
        return False


def kill_and_finish(run, kills, rng, shortest, longest):
    """Kill a run `kills` times after random times, then let it end; returns a table as text."""
    while len(run.kills) < kills:
        if not run.kill(rng.uniform(shortest, longest)):
            break  # it ended before
    output, code = run.start()
    assert code == 0, output[-3000:]
    lines = [f"{'kill':>5}{'after':>9}  {'in cell':<34}{'checkpoints':>12}{'readable':>10}{'lost':>6}"]
    for i, (seconds, cell, before, after) in enumerate(run.kills, 1):
        lost = sorted(set(before) - set(after))
        lines.append(f"{i:5}{seconds:7.1f} s  {cell:<34}{len(after):12}{sum(after.values()):10}{len(lost):6}")
    return "\n".join(lines)


def main(kills=20, seed=0):
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Run(Path(folder) / "whole"), Run(Path(folder) / "killed")
        started = time.perf_counter()
        output, code = whole.start()
        assert code == 0, output[-3000:]
        seconds = time.perf_counter() - started
        print(f"uninterrupted: {seconds:.0f} s", flush=True)
        # the first seconds of each start go to imports and to loading what is done, so each kill comes a little later
        print(kill_and_finish(killed, kills, random.Random(seed), 4, 12 + 1.6 * seconds / kills))
        damaged = list(killed.outputs.glob("*.damaged"))
        same_results = results_without_times(killed.folder) == results_without_times(whole.folder)
        print(f"results.json the same but for times: {same_results}")
        ours, theirs = tensors(killed.folder), tensors(whole.folder)
        same = ours.keys() == theirs.keys() and all(ours[name] == theirs[name] for name in theirs)
        print(f"all {len(theirs)} tensors of {len(whole.files())} checkpoints the same bits: {same}")
        print(f"checkpoints set aside as damaged: {len(damaged)}")
        return same_results and same and not damaged


if __name__ == "__main__":
    sys.exit(0 if main(*map(int, sys.argv[1:])) else 1)
