"""Parts A to C the plain way (as the handout's starter does it) against ours, and against the machine's limits.

Plain: all distances from all colours at once, numpy batches turned into tensors in each step, a loss over transposed
copies, contiguous layout, and the data prepared again for each run. Both train the same networks from the same seed on
the same images; each measurement is the median of interleaved repetitions in one process.
The limits: a layer's floating-point operations over the best measured rate of a matrix product, and its bytes over the
measured rate of a copy, whichever takes longer, summed over layers, times three for a training step.

Usage: python benchmarks/colourization.py [--repeats 5]   (A2_PROFILE=full and A2_MIRROR: the real horses)
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

import matplotlib
import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from conftest import run_untagged_cells

NETS = ("PoolUpsampleNet", "ConvTransposeNet", "UNet")


def plain_labels(images, colours):
    """Labels by the norms of all differences at once, 100 images at a time, as floats' argmin."""
    labels = []
    for start in range(0, len(images), 100):
        differences = images[start : start + 100, None] - colours[None, :, :, None, None]  # [100, K, 3, H, W]
        labels.append(np.linalg.norm(differences, axis=2).argmin(axis=1))
    return np.concatenate(labels)


def plain_prepare(lib, images):
    rgb = images / 256
    return rgb.mean(axis=1, keepdims=True), plain_labels(rgb, lib.COLOURS)[:, None]


def plain_loss(logits, labels, num_colours):
    """Cross-entropy over pixels, brought to the front by transposing and copying both sides."""
    flat = logits.transpose(1, 3).contiguous().view(-1, num_colours)
    return F.cross_entropy(flat, labels.transpose(1, 3).contiguous().view(-1))


def plain_batches(grey, labels, batch_size):
    """Batch after batch of numpy arrays, turned into tensors."""
    for start in range(0, len(grey), batch_size):
        batch = slice(start, start + batch_size)
        yield torch.from_numpy(grey[batch]).float(), torch.from_numpy(labels[batch]).long()


def plain_epoch(lib, net, optimizers, grey, labels, batch_size, shares):
    """What train_epoch does, the plain way; returns the mean loss."""
    net.train()
    total_loss = 0.0
    for (x, y), share in zip(plain_batches(grey, labels, batch_size), shares, strict=True):
        loss = plain_loss(net(x), y, lib.NUM_COLOURS)
        net.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = share * group["peak"]
            optimizer.step()
        total_loss += loss.item() * len(x)
    return total_loss / len(grey)


@torch.no_grad()
def plain_evaluate(lib, net, grey, labels, batch_size):
    """What evaluate_colourization does, the plain way: (mean loss, share of pixels labelled right)."""
    net.eval()
    total_loss, total_correct = 0.0, 0
    for x, y in plain_batches(grey, labels, batch_size):
        logits = net(x)
        total_loss += plain_loss(logits, y, lib.NUM_COLOURS).item() * len(x)
        total_correct += (logits.argmax(dim=1, keepdim=True) == y).sum().item()
    return total_loss / len(grey), total_correct / labels.size


def use_plain_ways(lib):
    """Let a namespace with the notebook's definitions and horses train the plain way (for benchmarks/notebook.py)."""
    train_colourization = lib.train_colourization

    def as_arrays(images):
        return images.grey.numpy().astype(np.float64), images.labels[:, None].numpy()

    def train_epoch(net, optimizers, images, batch_size, shares):
        net = net.to(memory_format=torch.contiguous_format)
        return plain_epoch(lib, net, optimizers, *as_arrays(images), batch_size, shares)

    def evaluate_colourization(net, dataset):
        return plain_evaluate(lib, net, *as_arrays(dataset), lib.BATCH_SIZE)

    def prepare_and_train(*arguments, **settings):
        for images in (lib.train_images, lib.test_images):
            plain_prepare(lib, images)
        return train_colourization(*arguments, **settings)

    lib.train_epoch, lib.evaluate_colourization = train_epoch, evaluate_colourization
    lib.train_colourization = prepare_and_train
    lib.CACHED_FEATURES = False


def machine_rates():
    """(floating-point operations a second of a large matrix product, bytes a second moved by a large copy)."""
    a, b = torch.rand(2048, 2048), torch.rand(2048, 2048)
    source, target = torch.rand(2**26), torch.empty(2**26)

    def best(run):
        times = []
        for _ in range(5):
            started = time.perf_counter()
            run()
            times.append(time.perf_counter() - started)
        return min(times)

    return 2 * 2048**3 / best(lambda: torch.mm(a, b)), 8 * 2**26 / best(lambda: target.copy_(source))


def least_seconds(net, batch, flops_rate, copy_rate):
    """The least time of a training step: three times what each layer's arithmetic or traffic takes at full rate."""
    seconds = []

    def count(layer, inputs, output):
        flops = 0
        if hasattr(layer, "weight") and layer.weight.dim() == 4:
            applied_to = inputs[0] if isinstance(layer, torch.nn.ConvTranspose2d) else output
            flops = 2 * layer.weight.numel() * applied_to[:, 0].numel()
        moved = 4 * (inputs[0].numel() + output.numel())
        seconds.append(max(flops / flops_rate, moved / copy_rate))

    layers = [module for module in net.modules() if not list(module.children())]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    with torch.no_grad():
        net(batch)
    for hook in hooks:
        hook.remove()
    return 3 * sum(seconds)


def interleaved(ways, repeats):
    """{name: median seconds} of several functions called in turns."""
    times = {name: [] for name in ways}
    for repeat in range(repeats + 1):
        for name, run in ways.items():
            started = time.perf_counter()
            run()
            if repeat:  # the first round warms up
                times[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in times.items()}


def show(what, times, extra=""):
    ratio = times["plain"] / times["ours"]
    print(f"{what:<34}{times['plain']:10.3f} s{times['ours']:10.3f} s{ratio:9.1f} x{extra}", flush=True)


def compare_net(lib, name, plain_data, plain_test, train_set, test_set, repeats, rates):
    """Measure a training epoch and an evaluation of one network both ways, and print them."""
    lib.set_seed(0)
    net = getattr(lib, name)(lib.KERNEL, lib.NUM_FILTERS, lib.NUM_COLOURS, 1)
    lib.set_seed(0)
    plain = getattr(lib, name)(lib.KERNEL, lib.NUM_FILTERS, lib.NUM_COLOURS, 1)
    net = net.to(memory_format=torch.channels_last)
    optimizers = lib.make_optimizers(net, 1e-3, (0.9, 0.999), None)
    plain_optimizers = lib.make_optimizers(plain, 1e-3, (0.9, 0.999), None)
    size = lib.BATCH_SIZE
    num_steps = lib.num_batches(len(train_set.grey), size)
    times = interleaved(
        {
            "plain": lambda: plain_epoch(lib, plain, plain_optimizers, *plain_data, size, [1.0] * num_steps),
            "ours": lambda: lib.train_epoch(net, optimizers, train_set, size, [1.0] * num_steps),
        },
        repeats,
    )
    limit = num_steps * least_seconds(net, train_set.grey[:size], *rates)
    show(f"{name}, training epoch", times, f"{limit:10.3f} s{times['ours'] / limit:10.1f} x")
    times = interleaved(
        {
            "plain": lambda: plain_evaluate(lib, plain, *plain_test, size),
            "ours": lambda: lib.evaluate_colourization(net, test_set),
        },
        repeats,
    )
    show(f"{name}, evaluation", times)


def main(repeats):
    matplotlib.use("Agg")
    os.environ.setdefault("A2_PROFILE", "sample")
    lib = run_untagged_cells("a2_cnn_benchmark")
    train_images, test_images = lib.load_horses()
    flops, copied = rates = machine_rates()
    print(f"{torch.get_num_threads()} threads; matrix product {flops / 1e9:.0f} GFLOP/s, copy {copied / 1e9:.1f} GB/s")
    print(f"{len(train_images)} training and {len(test_images)} test images, batch size {lib.BATCH_SIZE}\n")
    print(f"{'':<34}{'plain':>12}{'ours':>12}{'ratio':>11}{'limit':>12}{'ours/limit':>12}")

    ways = {
        "plain": lambda: plain_prepare(lib, train_images), "ours": lambda: lib.prepare_colour_set(train_images)
    }  # fmt: skip
    times = interleaved(ways, 1)
    show("data preparation", times)
    show("  for the 20 runs of Parts A to C", {"plain": 20 * times["plain"], "ours": times["ours"]})
    plain_data, plain_test = plain_prepare(lib, train_images), plain_prepare(lib, test_images)
    train_set, test_set = lib.prepare_colour_set(train_images), lib.prepare_colour_set(test_images)
    assert np.array_equal(plain_data[1][:, 0], train_set.labels.numpy()), "the two ways label pixels differently"
    for name in NETS:
        compare_net(lib, name, plain_data, plain_test, train_set, test_set, repeats, rates)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    main(parser.parse_args().repeats)
