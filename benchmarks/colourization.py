"""How long is an epoch of Parts A to C by the starter's plain ways, by ours, and at the least?

The evaluation is left out. The plain ways are these:
- labels from the distances of all pixels from all colours at once,
- numpy arrays that are turned into tensors in each step,
- a loss over transposed copies,
- the contiguous layout of tensors.
Both begin with the weights of seed 0 and the handout's recipe, and see the same images. They take
turns, and the best repetition counts. The limit is the convolutions' arithmetic at the rate of a
large matrix product. Preparing the data, which the starter repeats in each run, has its own row.

Usage: A2_MIRROR=... python benchmarks/colourization.py [--repeats 5] [--json]
  A2_PROFILE=sample takes the drawn sample.
"""

import numpy as np
import torch
import torch.nn.functional as F
from common import compare, load_notebook, run, show, timed
from torch.utils.flop_counter import FlopCounterMode


def plain_prepare(lib, images):
    """Grey images [N, 1, H, W] and labels [N, H, W], as numpy arrays."""
    rgb = images / 256
    labels = []
    for start in range(0, len(rgb), 100):
        pixels = rgb[start : start + 100, None]
        differences = pixels - lib.COLOURS[None, :, :, None, None]  # [100, K, 3, H, W]
        labels.append(np.linalg.norm(differences, axis=2).argmin(axis=1))
    return rgb.mean(axis=1, keepdims=True), np.concatenate(labels)


def plain_batches(grey, labels, batch_size):
    """Yield pairs (grey, labels) of tensors, made anew from numpy arrays."""
    for start in range(0, len(grey), batch_size):
        x = grey[start : start + batch_size].astype(np.float64, order="C")
        y = labels[start : start + batch_size]
        yield torch.from_numpy(x).float(), torch.from_numpy(y)


def plain_loss(logits, labels):
    """Cross-entropy over pixels, brought to the front by transposing and copying both sides."""
    rows = logits.transpose(1, 3).contiguous().view(-1, logits.shape[1])
    return F.cross_entropy(rows, labels.transpose(1, 2).contiguous().view(-1))


def handout_parts(lib, name, memory_format=torch.contiguous_format):
    """(net, optimizer, scheduler) of seed 0 by the handout's recipe."""
    lib.set_seed(0)
    net = getattr(lib, name)(lib.KERNEL, lib.NUM_FILTERS, lib.NUM_COLOURS, 1)
    net = net.to(memory_format=memory_format)
    optimizer = lib.make_optimizer(net.parameters(), lib.HANDOUT)
    return net, optimizer, lib.make_scheduler(optimizer, lib.HANDOUT, 0)


def compare_epochs(lib, name, repeats, arrays, images):
    """The row of a network; arrays and images: the same, for the plain ways and for ours."""
    plain_parts = handout_parts(lib, name)
    our_parts = handout_parts(lib, name, torch.channels_last)
    size = lib.HANDOUT.batch_size

    def plain():
        return lib.train_epoch(*plain_parts, plain_batches(*arrays, size), plain_loss)

    def ours():
        batches = zip(images.grey.split(size), images.labels.split(size), strict=True)
        return lib.train_epoch(*our_parts, batches, lib.pixel_loss)

    row = compare(repeats, plain, ours)
    with FlopCounterMode(display=False) as counter:
        ours()
    matrix = torch.rand(1024, 1024)
    product = min(timed(torch.mm, matrix, matrix)[0] for _ in range(5))
    row["limit (s)"] = counter.get_total_flops() * product / (2 * 1024**3)
    row["ours / limit"] = row["ours (s)"] / row["limit (s)"]
    return row


def main(repeats=5):
    lib = load_notebook()
    horses, _ = lib.load_horses()

    def plain_labels():
        return plain_prepare(lib, horses)[1]

    def our_labels():
        return lib.prepare_colour_set(horses).labels

    row = compare(repeats, plain_labels, our_labels)
    rows = {"data preparation": show("data preparation", row)}
    arrays = plain_prepare(lib, horses)
    images = lib.prepare_colour_set(horses)
    for name in lib.NETS:
        row = compare_epochs(lib, name, repeats, arrays, images)
        rows[f"{name}, epoch"] = show(f"{name}, epoch", row)
    return rows


if __name__ == "__main__":
    run(main, __doc__)
