"""How long does an epoch of Part D take from kept features, and how long with each photo through the whole network?

Both ways are the notebook's own training of the last layer, validation included, from the same seed on the same photos
of the leak-free protocol, in turns; the best epoch counts. The last line charges ours with computing the features once.

Usage: python benchmarks/segmentation.py [--photos 120] [--epochs 10]   (photos: training and validation together)
  A2_BACKBONE names the network, A2_PROFILE=full and A2_MIRROR the real data (default: the sample, random weights).
"""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from common import Ratios, in_turns, load_notebook, run


class WholeNetwork:
    """Stands in the place of kept features, but sends the photos asked for through the whole network each time."""

    def __init__(self, lib, net, photos):
        self.lib, self.net, self.photos = lib, net, photos

    def __getitem__(self, rows):
        seen = []  # by the last layer: the notebook's training applies that once more, with gradients
        hook = self.net.classifier[4].register_forward_pre_hook(lambda _, inputs: seen.extend(inputs))
        with torch.no_grad():
            self.net(self.lib.normalize(self.photos[rows]))["out"]
        hook.remove()
        return seen[0]


def main(photos=120, epochs=10):
    lib = load_notebook()
    flowers, splits = lib.load_flowers()
    protocol = lib.make_protocols(flowers, splits)["leak-free"]
    share = photos / (len(protocol.train) + len(protocol.val))
    parts = [rows[: max(1, round(share * len(rows)))] for rows in (protocol.train, protocol.val)]
    used = np.concatenate(parts)
    train, val = np.split(np.arange(len(used)), [len(parts[0])])
    protocol, photos, masks = protocol._replace(train=train, val=val), flowers.photos[used], flowers.masks[used]
    net = lib.prepare_for_fine_tuning(lib.load_segmentation_net(photos))
    # raw features: their mean, which centring wants, costs the plain way a pass, but only one in a run of 40 epochs
    settings = lib.MENDED_SEGMENTATION["leak-free"] | {"centred": False, "bias_factor": 1, "num_epochs": 1, "seed": 0}

    def one_epoch(inputs, loss):
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = Path(folder) / "epoch.pt"
            history = lib.train_segmentation(loss, net, (inputs, masks), protocol, loss, checkpoint, **settings)
        return history["train_loss"] + history["val_loss"]

    batches = photos.split(16)
    (once,), (features,) = in_turns(1, lambda: torch.cat([lib.frozen_features(net, batch) for batch in batches]))
    print(f"DeepLabv3 {lib.BACKBONE}, {len(train)} training and {len(val)} validation photos")
    print(f"features, computed once: {once:.1f} s, {features.nbytes / 1e6:.0f} MB")
    ratios, seconds = Ratios(), []
    for loss in lib.LOSSES:
        plain, ours = partial(one_epoch, WholeNetwork(lib, net, photos), loss), partial(one_epoch, features, loss)
        seconds.append(ratios.compare(f"{loss}, epoch", epochs, plain, ours))
    plain, ours = (epochs * sum(column) for column in zip(*seconds, strict=True))
    ratios.add(f"{epochs} epochs of each, with features", plain, once + ours)
    return ratios


if __name__ == "__main__":
    run(main, __doc__)
