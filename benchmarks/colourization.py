"""How long does an epoch of each network of Parts A to C take by the starter's plain loop, by ours, and at the least?

An epoch is an evaluation and a training. Plain: all distances from all colours at once, numpy batches turned into
tensors in each step, a loss over transposed copies, contiguous layout. Both ways begin with the same seed's weights and
the same Adam and see the same images, in turns; the best repetition counts. The data's preparation has a line of its
own: the plain way repeats it in each run.
The limit: a layer's floating-point operations over the best measured rate of a matrix product, or its bytes over the
measured rate of a copy, whichever takes longer, summed over layers; three times that for a step of training.

Usage: python benchmarks/colourization.py [--repeats 5]   (A2_PROFILE=full, and A2_MIRROR: the real horses)
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from common import Ratios, in_turns, load_notebook, run
from torch import nn


def plain_prepare(lib, images):
    """Grey images [N, 1, H, W] and labels [N, H, W]: by the norms of all differences, 100 images at a time."""
    rgb, labels = images / 256, []
    for start in range(0, len(rgb), 100):
        differences = rgb[start : start + 100, None] - lib.COLOURS[None, :, :, None, None]  # [100, K, 3, H, W]
        labels.append(np.linalg.norm(differences, axis=2).argmin(axis=1))
    return rgb.mean(axis=1, keepdims=True), np.concatenate(labels)


def plain_batches(images, batch_size):
    """Batch after batch of (grey images, labels), numpy arrays of doubles and integers, turned into tensors."""
    grey, labels = map(np.asarray, images)
    for start in range(0, len(grey), batch_size):
        x, y = (array[start : start + batch_size] for array in (grey, labels))
        yield torch.from_numpy(x.astype(np.float64, order="C")).float(), torch.from_numpy(y)  # C: channels first


def plain_loss(logits, labels):
    """Cross-entropy over pixels, brought to the front by transposing and copying both sides."""
    flat = logits.transpose(1, 3).contiguous().view(-1, logits.shape[1])
    return F.cross_entropy(flat, labels.transpose(1, 2).contiguous().view(-1))


def plain_epoch(net, optimizers, schedules, images, batch_size):
    """What the notebook's train_epoch does, the plain way."""
    net.to(memory_format=torch.contiguous_format).train()
    total_loss = 0.0
    for x, y in plain_batches(images, batch_size):
        loss = plain_loss(net(x), y)
        net.zero_grad()
        loss.backward()
        for step in (*optimizers, *schedules):
            step.step()
        total_loss += loss.item() * len(x)
    return torch.tensor(total_loss)


@torch.no_grad()
def plain_evaluate(net, dataset, batch_size=100):
    """What the notebook's evaluate_colourization does, the plain way."""
    net.eval()
    total_loss, total_correct, answers = 0.0, 0, []
    for x, y in plain_batches(dataset, batch_size):
        logits = net(x)
        total_loss += plain_loss(logits, y).item() * len(x)
        answers.append(logits.argmax(dim=1))
        total_correct += (answers[-1] == y).sum().item()
    answers = torch.cat(answers)
    return total_loss / len(answers), total_correct / answers.numel(), answers.to(torch.uint8)


def use_plain_ways(lib):
    """Let a namespace with the notebook's definitions and horses train the plain way (for benchmarks/notebook.py)."""
    train_colourization = lib.train_colourization

    def prepare_and_train(*arguments, **settings):
        for images in (lib.train_images, lib.test_images):
            plain_prepare(lib, images)
        return train_colourization(*arguments, **settings)

    lib.train_epoch, lib.evaluate_colourization = plain_epoch, plain_evaluate
    lib.train_colourization = prepare_and_train


def machine_rates():
    """(floating-point operations a second of a large matrix product, bytes a second moved by a large copy)."""
    a, b = torch.rand(2048, 2048), torch.rand(2048, 2048)
    source, target = torch.rand(2**26), torch.empty(2**26)
    (product, copy), _ = in_turns(5, lambda: torch.mm(a, b), lambda: target.copy_(source))
    return 2 * 2048**3 / product, 8 * 2**26 / copy


@torch.no_grad()
def least_seconds(net, batch, flops_rate, copy_rate):
    """The least time of a forward pass: what each layer's arithmetic or traffic takes at full rate."""
    seconds = []

    def count(layer, inputs, output):
        flops = 0
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            applied_to = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
            flops = 2 * layer.weight.numel() * applied_to[:, 0].numel()
        moved = 4 * (inputs[0].numel() + output.numel())
        seconds.append(max(flops / flops_rate, moved / copy_rate))

    for layer in net.modules():
        if not list(layer.children()):
            layer.register_forward_hook(count)
    net(batch)
    return sum(seconds)


def main(repeats=5):
    lib = load_notebook()
    horses, size = lib.load_horses(), lib.BATCH_SIZE
    flops, copied = rates = machine_rates()
    print(f"{torch.get_num_threads()} threads; matrix product {flops / 1e9:.0f} GFLOP/s, copy {copied / 1e9:.1f} GB/s")
    print(f"{len(horses[0])} training and {len(horses[1])} test images, batch size {size}")
    ratios = Ratios(f"{'limit':>12}{'ours/limit':>12}")
    both = lambda: plain_prepare(lib, horses[0])[1], lambda: lib.prepare_colour_set(horses[0]).labels
    ratios.compare("data preparation", repeats, *both)
    arrays = [plain_prepare(lib, images) for images in horses]
    sets = [lib.prepare_colour_set(images) for images in horses]

    def new_net(name):
        lib.set_seed(0)
        net = getattr(lib, name)(lib.KERNEL, lib.NUM_FILTERS, lib.NUM_COLOURS, 1)
        return net.to(memory_format=torch.channels_last)

    def one_epoch(net, train, evaluate, images, test_images):
        adam = lib.adam(net, lib.LEARNING_RATE)
        return lambda: (*evaluate(net, test_images, size)[:2], train(net, adam, [], images, size).item())

    for name in lib.NET_COLOURS:
        plain = one_epoch(new_net(name), plain_epoch, plain_evaluate, *arrays)
        ours = one_epoch(new_net(name), lib.train_epoch, lib.evaluate_colourization, *sets)
        training, test = (math.ceil(len(images) / size) for images in horses)
        limit = (3 * training + test) * least_seconds(new_net(name), sets[0].grey[:size], *rates)
        ratios.compare(f"{name}, epoch", repeats, plain, ours, limit)
    return ratios


if __name__ == "__main__":
    run(main, __doc__)
