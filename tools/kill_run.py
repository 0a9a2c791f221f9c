"""Kill training runs at random moments, continue them, and compare how they end, bit for bit.

A run here is a short one of Part A, a strong one (one cycle, mirrored images) and one of Part D's
last layer, by the notebook's definitions in the sample profile. Compared with an uninterrupted run
are weights and histories. Exits with 1 on any difference, or if a checkpoint was called damaged.
Usage: python tools/kill_run.py [--kills 20]
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from cells import ROOT, import_notebook


def small_flowers(lib):
    """Bind stand-ins for Part D's network and photos, always the same; returns a protocol."""
    torch.manual_seed(0)
    lib.features, masks = torch.rand(60, 256, 16, 16), torch.randint(2, (60, 64, 64)).byte()
    lib.flowers, lib.features_path = lib.FlowerSet(None, None, masks), Path("made-up.pt")
    layers = [torch.nn.Identity() for _ in range(5)]
    lib.segmentation_net = torch.nn.ModuleDict({"classifier": torch.nn.Sequential(*layers)})
    lib.PHOTO_SIZE, lib.FACTS["network"] = 64, "none"
    rows = list(range(60))
    return lib.Protocol("strict", rows[:48], rows[48:54], rows[54:], lib.VOID, "val_mean_iou")


def train(folder):
    """The three trainings, with checkpoints in `folder`; how they end goes to `folder`/end."""
    lib = import_notebook("sample")
    lib.OUTPUT_DIR, lib.NUM_FILTERS = folder, 8
    images, _ = lib.read_horses(ROOT / "data/sample/cifar10_horses.npz")
    lib.train_set, lib.test_set = map(lib.prepare_colour_set, (images[:100], images[100:120]))
    protocol = small_flowers(lib)
    (folder / "ready").touch()
    recipe = lib.Recipe("handout", batch_size=25, epochs=8, learning_rate=1e-3)
    strong = lib.replace(recipe, name="strong", one_cycle=True, mirror=True)
    end = {
        0: lib.run_colourization(lib.PoolUpsampleNet, 0, recipe).state_dict(),
        1: lib.run_colourization(lib.UNet, 0, strong).state_dict(),
        2: lib.run_segmentation("IoU", protocol, 0, recipe).state_dict(),
    }
    end |= {run["checkpoint"]: run["history"] for run in lib.RUNS.values()}
    torch.save(end, folder / "end")


def start(folder, kill_after=None):
    """Train in a process of its own, killed after some seconds; returns (seconds, last line)."""
    (folder / "ready").unlink(missing_ok=True)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    with open(folder / "log", "a") as log:
        command = [sys.executable, __file__, "--train", folder]
        process = subprocess.Popen(command, env=environment, stdout=log)
        while process.poll() is None and not (folder / "ready").exists():
            time.sleep(0.02)
        started = time.perf_counter()
        try:
            process.wait(kill_after)
        except subprocess.TimeoutExpired:
            process.kill()  # SIGKILL
            process.wait()
    if process.returncode > 0:
        sys.exit(f"the training itself failed, with exit code {process.returncode}")
    lines = [line for line in (folder / "log").read_text().splitlines() if ", seed" in line]
    return time.perf_counter() - started, lines[-1] if lines else "no run begun"


def same(one, other):
    """Whether two nests of dictionaries are the same, tensors to the last bit."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


def main(kills, folder):
    """Run, kill and continue until all kills are spent; returns whether all ends agree."""
    (whole := folder / "whole").mkdir()
    seconds_whole, _ = start(whole)
    print(f"uninterrupted: {seconds_whole:.0f} s of training", flush=True)
    expected, ends = torch.load(whole / "end", weights_only=True), []
    while kills:
        (run := folder / f"run {len(ends)}").mkdir()
        while not (run / "end").exists():
            seconds, line = start(run, random.uniform(0, seconds_whole / 2) if kills else None)
            if not (run / "end").exists():
                kills -= 1
                print(f"killed after {seconds:4.1f} s, {kills:2} kills left: {line}", flush=True)
        equal = same(torch.load(run / "end", weights_only=True), expected)
        ends.append(equal and "is damaged" not in (run / "log").read_text())
    print(f"{sum(ends)} of {len(ends)} interrupted runs ended with the same bits")
    return all(ends)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.train:
        train(arguments.train)
    else:
        with tempfile.TemporaryDirectory() as name:
            sys.exit(not main(arguments.kills, Path(name)))
