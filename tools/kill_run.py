"""Kill training runs at random moments, continue them, and compare their ends with an uninterrupted one's, bit for bit.

A run here is a short one of Part A, a strong one (Muon, one cycle, mirrored images) and one of Part D's last layer, by
the notebook's definitions in the sample profile. Compared are the weights and records that they end with. Exits with 1
on any difference, or if a checkpoint was set aside as damaged. Usage: python tools/kill_run.py [--kills 20]
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
from notebook import ROOT, import_notebook


def segmentation_problem(lib):
    """Stand-ins for Part D's network, features and masks, always the same: (network, segmentation_data, protocol)."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.tensor([0, lib.FLOWER, lib.VOID], dtype=torch.uint8)
    masks = labels[torch.randint(3, (60, 16, 16), generator=generator)]
    features = torch.rand(60, 256, 16, 16, generator=generator)
    features[:, :8] += masks[:, None] == lib.FLOWER
    masks = masks.repeat_interleave(4, dim=1).repeat_interleave(4, dim=2)
    rows = torch.arange(60).numpy()
    net = torch.nn.ModuleDict({"classifier": torch.nn.Sequential(*(torch.nn.Identity() for _ in range(5)))})
    protocol = lib.Protocol("leak-free", rows[:48], rows[48:54], rows[54:], lib.VOID, "mean_iou")
    return net, ((features, masks), "made up"), protocol


def train(folder):
    """The three trainings, with their checkpoints in `folder`; what they end with goes to `folder`/end."""
    lib = import_notebook("sample")
    lib.OUTPUT_DIR = folder
    train_images, test_images = lib.read_horses(ROOT / "data/sample/cifar10_horses.npz")
    data = (lib.prepare_colour_set(train_images[:100]), lib.prepare_colour_set(test_images[:20]), "sample")
    lib.segmentation_net, lib.segmentation_data, protocol = segmentation_problem(lib)
    (folder / "ready").touch()
    short = {"num_epochs": 16, "batch_size": 25}
    _, handout_net = lib.run_colourization("A", lib.PoolUpsampleNet, 0, data, **short)
    _, strong_net = lib.run_colourization("beyond", lib.UNet, 0, data, recipe="strong", **lib.STRONG_RECIPE | short)
    settings = lib.MENDED_SEGMENTATION["leak-free"] | {"num_epochs": 24}
    lib.run_segmentation("D.2", "iou", protocol, 0, settings, "mended")
    nets = (handout_net, strong_net, lib.segmentation_net["classifier"][4])
    weights = {number: net.state_dict() for number, net in enumerate(nets)}
    torch.save({"runs": lib.RUNS, "weights": weights}, folder / "end")


def start(folder, kill_after=None):
    """Train in a process of its own, killed so many seconds into its training; returns (seconds, last line printed)."""
    (folder / "ready").unlink(missing_ok=True)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}  # the same order of sums, so the same bits
    with open(folder / "log", "w") as log:
        process = subprocess.Popen([sys.executable, __file__, "--train", folder], env=environment, stdout=log)
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
    lines = [line for line in (folder / "log").read_text().splitlines() if "epoch" in line]
    return time.perf_counter() - started, lines[-1][:80] if lines else "no epoch done since the start"


def same(one, other):
    """Whether two nests of dictionaries are the same, tensors to the last bit, but for their times."""
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one if key != "seconds")
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


def main(kills, folder):
    """Run, kill and continue in new subfolders until all kills are spent; returns whether all ends agree."""
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
        ends.append(same(torch.load(run / "end", weights_only=True), expected) and not list(run.glob("*.damaged")))
        print("ended with the same bits" if ends[-1] else "ENDED WITH OTHER BITS, or a damaged checkpoint", flush=True)
    print(f"{sum(ends)} of {len(ends)} interrupted runs ended with the bits of the uninterrupted one")
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
