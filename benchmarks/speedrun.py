"""How soon is each network of Parts A to C as good as the best that was published for it?

The target is the lowest published loss on the test images, reached there in 25 epochs. Ours has to
reach it in the mean over five seeds. Plain is 25 epochs by the plain ways of colourization.py, in
turns with the seeds of ours. Seconds are those of training alone. Ours has small batches, Muon, one
cycle, 16×16 crops at first, and PoolUpsampleNet without its enlarged maps. The recipes were chosen
without the test images, on 500 training images that were left out.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from colourization import make_epoch
from common import load_notebook, run, timed


class Recipe(NamedTuple):
    """One cycle of the rates, whose peaks these are; half of the batches are mirrored."""

    stages: list  # (passes over the images, height and width of random crops)
    batch_size: int
    adam_rate: float
    muon_rate: float = 0  # Muon is for kernels; without it, Adam is for all
    muon_steps: int = 5
    warm_up: float = 0.3  # share of the updates in which the rates rise
    rise: float = 1e6  # the peaks over the first rates


QUICK = {"muon_steps": 3, "warm_up": 0.2, "rise": 10}
RECIPES = {
    "PoolUpsampleNet": Recipe([(2.2, 16), (1.1, 32)], 40, 0.05, 0.1, **QUICK),
    "ConvTransposeNet": Recipe([(1, 16), (0.6, 32)], 25, 0.06, 0.3, **QUICK),
    "UNet": Recipe([(1, 16), (0.7, 32)], 25, 0.06, 0.3, **QUICK),
}
TARGETS = {"PoolUpsampleNet": 1.578, "ConvTransposeNet": 1.136, "UNet": 1.059}


def orthogonalize(matrix, steps):
    """Nearly U V^T of a matrix U S V^T: Newton-Schulz steps bring its singular values near 1."""
    x = matrix / (matrix.norm() + 1e-7)
    tall = len(x) > x.shape[1]
    x = x.T if tall else x
    for _ in range(steps):
        square = x @ x.T
        polynomial = torch.addmm(square, square, square, beta=-4.7750, alpha=2.0315)
        x = torch.addmm(x, polynomial, x, beta=3.4445)
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum whose steps are orthogonalized (Keller Jordan and others, 2024), for kernels."""

    def __init__(self, kernels, lr, steps):
        super().__init__(kernels, {"lr": lr, "steps": steps})

    @torch.no_grad()
    def step(self):
        (group,) = self.param_groups
        for weight in group["params"]:
            mean = self.state[weight].setdefault("mean", torch.zeros_like(weight))
            mean.lerp_(weight.grad, 0.05)
            ahead = weight.grad.lerp(mean, 0.95).flatten(1)  # Nesterov: where the mean is going
            update = orthogonalize(ahead, group["steps"]).reshape(weight.shape)
            scale = max(1, len(ahead) / ahead.shape[1]) ** 0.5
            weight.add_(update, alpha=-group["lr"] * scale)


# A 3×3 kernel's nine numbers times this matrix: the kernel flipped and blurred by a 2×2 box, 4×4.
NINE = torch.eye(9).view(9, 1, 3, 3).flip(2, 3)
BLUR = F.conv2d(NINE, torch.ones(1, 1, 2, 2), padding=1).flatten(1)


def upsampled_convolution(layer, x):
    """What `layer`, a 3×3 convolution, gives for x [B, C, H, W] with each pixel there 2×2 times."""
    kernel = (layer.weight.flatten(2) @ BLUR).unflatten(2, (4, 4)).transpose(0, 1)
    return F.conv_transpose2d(x, kernel, layer.bias, stride=2, padding=1)


def forward(net, x):
    """The logits net(x), sooner: PoolUpsampleNet without its enlarged maps."""
    if type(net).__name__ != "PoolUpsampleNet":
        return net(x)
    convolution, _, norm, relu = net.block3
    x = relu(norm(convolution(net.block2(net.block1(x)))))
    convolution, _, norm, relu = net.block4
    x = relu(norm(upsampled_convolution(convolution, x)))
    return upsampled_convolution(net.block5, x)


def draw_batches(recipe, num_images, seed):
    """A run's batches: a list of (rows, top and left of their crops, size, mirrored or not)."""
    generator = torch.Generator().manual_seed(seed)

    def draw(n):
        return int(torch.randint(n, (), generator=generator))

    batches = []
    for passes, size in recipe.stages:
        orders = [torch.randperm(num_images, generator=generator) for _ in range(math.ceil(passes))]
        order = torch.cat(orders)[: round(passes * num_images)]
        for rows in order.split(recipe.batch_size):
            batches.append((rows, draw(33 - size), draw(33 - size), size, draw(2)))
    return batches


def train(lib, name, recipe, seed):
    """A network of the notebook `lib`, trained on lib.data."""
    net = lib.make_net(getattr(lib, name), seed).train()
    kernels = [p for p in net.parameters() if recipe.muon_rate and p.dim() == 4]
    others = [p for p in net.parameters() if not (recipe.muon_rate and p.dim() == 4)]
    parts = [torch.optim.Adam(others, recipe.adam_rate, betas=(0.9, 0.95), fused=True)]
    if kernels:
        parts.append(Muon(kernels, recipe.muon_rate, recipe.muon_steps))
    batches = draw_batches(recipe, len(lib.data.grey), seed)
    cycle = {"total_steps": len(batches) + 1, "pct_start": recipe.warm_up}
    cycle |= {"anneal_strategy": "linear", "div_factor": recipe.rise, "cycle_momentum": False}
    for optimizer in list(parts):
        rate = optimizer.defaults["lr"]
        parts.append(torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, **cycle))
    for rows, top, left, size, mirrored in batches:
        grey = lib.data.grey[rows, :, top : top + size, left : left + size]
        labels = lib.data.labels[rows, top : top + size, left : left + size]
        if mirrored:
            grey, labels = grey.flip(-1), labels.flip(-1)
        loss = lib.pixel_loss(forward(net, grey), labels)
        net.zero_grad()
        loss.backward()
        for part in parts:
            part.step()
    return net


def main():
    lib = load_notebook()
    for name, recipe in RECIPES.items():
        plain_epoch = make_epoch(lib, name, plain=True)
        losses, ours, plain = [], [], 0
        for seed in range(5):
            for _ in range(5):
                plain += timed(plain_epoch)[0]
            spent, net = timed(train, lib, name, recipe, seed)
            ours.append(spent)
            losses.append(lib.evaluate_colours(lib.data, net)["val_loss"])
        row = {"target": TARGETS[name], "mean loss": np.mean(losses), "worst loss": max(losses)}
        row |= {"plain (s)": plain, "ours (s)": np.mean(ours)}
        yield name, row | {"plain / ours": plain / np.mean(ours)}


if __name__ == "__main__":
    run(main, __doc__)
