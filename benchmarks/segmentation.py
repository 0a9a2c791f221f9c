"""What does an epoch of Part D save by keeping features, rather than using the whole network?

Both ways train a new last layer for an epoch, from the same seed, on training photos of the strict
protocol. They take turns, and the best repetition counts. The last row charges ours with computing
the features once.

Usage: A2_MIRROR=... python benchmarks/segmentation.py [--photos 120] [--epochs 10] [--json]
  A2_BACKBONE names the network. A2_PROFILE=sample takes the drawn sample.
"""

from functools import partial

import torch
from common import compare, load_notebook, ratio_row, run, show, timed
from torch import nn

BATCH_SIZE = 64


class WholeNetwork(nn.Module):
    """From normalized photos [B, 3, S, S] to logits [B, 2, S, S]."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, photos):
        self.net.eval()  # batch norm and dropout of the frozen layers in evaluation mode
        return self.net(photos)["out"]


def one_epoch(lib, segmentation_net, what_to_train, loss_function, inputs, labels):
    """Train a new last layer for an epoch; returns the loss.

    what_to_train: makes, of the segmentation network, the network that takes these inputs.
    """
    lib.set_seed(0)
    net = what_to_train(lib.prepare_for_fine_tuning(segmentation_net))
    recipe = lib.Recipe("gentle", BATCH_SIZE, epochs=1, learning_rate=0.005)
    optimizer = lib.make_optimizer(lib.learned_parameters(segmentation_net), recipe)
    scheduler = lib.make_scheduler(optimizer, recipe, 0)
    batches = zip(inputs.split(BATCH_SIZE), labels.split(BATCH_SIZE), strict=True)
    return lib.train_epoch(net, optimizer, scheduler, batches, loss_function)


def main(photos=120, epochs=10):
    lib = load_notebook()
    lib.flowers, lib.splits = lib.load_flowers()
    used = lib.make_protocols()["strict"].train[:photos]
    labels = lib.flowers.masks[used]  # the losses leave the void out
    pictures = lib.flowers.photos[used]
    net = lib.prepare_for_fine_tuning(lib.load_segmentation_net(pictures))

    def compute_features():
        return torch.cat([lib.frozen_features(net, batch) for batch in pictures.split(16)])

    seconds, features = timed(compute_features)
    print(f"{lib.BACKBONE}: {features.nbytes / 1e6:.0f} MB of features in {seconds:.1f} s")
    normalized = lib.normalize(pictures)
    rows = {}
    plain_sum, our_sum = 0, seconds
    for loss, function in lib.LOSSES.items():
        plain = partial(one_epoch, lib, net, WholeNetwork, function, normalized, labels)
        ours = partial(one_epoch, lib, net, lib.last_layer_of, function, features, labels)
        row = compare(epochs, plain, ours)
        rows[f"{loss}, epoch"] = show(f"{loss}, epoch", row)
        plain_sum += epochs * row["plain (s)"]
        our_sum += epochs * row["ours (s)"]
    name = f"{epochs} epochs of both, with the features"
    rows[name] = show(name, ratio_row(plain_sum, our_sum))
    return rows


if __name__ == "__main__":
    run(main, __doc__)
