"""Part D the plain way (every photo through the whole network in each epoch) against ours (frozen features kept).

Both train the same last layer from the same seed on the same photos with both losses, in one process, one after the
other; the time for computing the features counts as ours. Prints seconds, ratio, peak memory and final losses.

Usage: python benchmarks/segmentation.py [--photos 120] [--epochs 10]
  A2_BACKBONE names the network, A2_PROFILE=full and A2_MIRROR the real data (default: the sample, random weights).
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import matplotlib
import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from conftest import run_untagged_cells  # noqa: E402


def peak_memory():
    """The most memory this process has used so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main(num_photos, num_epochs):
    matplotlib.use("Agg")
    os.environ.setdefault("A2_PROFILE", "sample")
    lib = run_untagged_cells("a2_cnn_benchmark")
    flowers, splits = lib.load_flowers()
    protocol = lib.make_protocols(flowers, splits)["leak-free"]
    share = num_photos / (len(protocol.train) + len(protocol.val))
    protocol.train = protocol.train[: max(1, round(share * len(protocol.train)))]
    protocol.val = protocol.val[: max(1, round(share * len(protocol.val)))]
    rows = np.concatenate([protocol.train, protocol.val])
    photos, masks = flowers.photos[rows], flowers.masks[rows]
    protocol.train, protocol.val = np.split(np.arange(len(rows)), [len(protocol.train)])
    net, name = lib.load_pretrained(lib.BACKBONE) if lib.PROFILE == "full" else lib.random_net(lib.BACKBONE, photos)
    net = lib.prepare_for_fine_tuning(net)
    print(
        f"{name}, {len(protocol.train)} training and {len(protocol.val)} validation photos, {num_epochs} epochs a loss"
    )

    def train(inputs, folder):
        losses, epochs = [], []
        for loss in ("cross_entropy", "iou"):
            history, _ = lib.train_segmentation(
                net, inputs, masks, protocol, loss, batch_size=64, num_epochs=num_epochs, learning_rate=0.02,
                centred=False, bias_factor=1, seed=0, checkpoint=Path(folder) / f"{loss}.pt",
            )  # fmt: skip
            losses.append(history["train_loss"][-1])
            epochs += history["seconds"]
        return losses, np.median(epochs)

    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        features = lib.cache_features(net, photos, Path(folder) / "features.pt")
        losses, epoch = train(features, Path(folder) / "ours")
        measured["ours"] = (time.perf_counter() - started, epoch, losses, peak_memory())
        del features
        started = time.perf_counter()
        losses, epoch = train(photos, Path(folder) / "plain")
        measured["plain"] = (time.perf_counter() - started, epoch, losses, peak_memory())

    print(f"\n{'':<8}{'D.1 + D.2':>12}{'an epoch':>12}{'final losses (CE, IoU)':>26}{'peak memory so far':>20}")
    for way, (total, epoch, losses, memory) in measured.items():
        print(f"{way:<8}{total:10.1f} s{epoch:10.2f} s{losses[0]:18.5f}{losses[1]:8.5f}{memory:17.2f} GB")
    (plain, plain_epoch, plain_losses, _), (ours, our_epoch, our_losses, _) = measured["plain"], measured["ours"]
    print(f"ratio{plain / ours:14.1f} x{plain_epoch / our_epoch:10.1f} x")
    assert np.allclose(plain_losses, our_losses, rtol=1e-3), "the two ways did not end with the same losses"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=120, help="how many photos, training and validation together")
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    main(arguments.photos, arguments.epochs)
