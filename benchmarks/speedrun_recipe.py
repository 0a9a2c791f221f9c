"""How benchmarks/speedrun.py trains each network of Parts A to C to the best published validation loss.

The networks, the loss and the optimizers are the notebook's. What is quicker than 25 plain epochs:
 1. Muon and one cycle of the rate in small batches: many large, well-conditioned steps, so one or two passes do.
 2. Crops first. The networks take any size that divides by 4, and a 16×16 crop costs a quarter of the whole image. The
    last steps see whole images, whose borders are further apart. (The UNet did as well on whole images alone.)
 3. PoolUpsampleNet without its enlarged maps. A 3×3 convolution of a map whose pixels stand four times over is a 4×4
    transposed convolution of the small map, with the kernel blurred by a 2×2 box; and batch norm and ReLU may come
    before the repetition, since they treat all copies alike. Same parameters and answers, 4 taps a pixel in place of 9.
 4. Three Newton-Schulz steps in place of Muon's five.
"""

import math
from functools import partial
from typing import NamedTuple
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch.profiler import record_function


class Recipe(NamedTuple):
    """One run: stages of (passes over the images, height and width of their crops), rates at their peaks."""

    stages: tuple
    batch_size: int
    muon_rate: float
    learning_rate: float  # Adam's, for biases and batch norms
    warm_up: float = 0.2  # share of the steps in which the rates rise
    orthogonal_steps: int = 3


RECIPES = {
    "PoolUpsampleNet": Recipe(((2, 16), (1.5, 32)), 25, 0.1, 0.04),
    "ConvTransposeNet": Recipe(((1, 16), (1, 32)), 25, 0.3, 0.06),
    "UNet": Recipe(((1, 16), (0.8, 32)), 25, 0.3, 0.06),
}


def upsampled_convolution(layer, x):
    """What `layer`, a convolution with a 3×3 kernel, gives for x [B, C, H, W] with each pixel repeated 2×2 times."""
    box = torch.ones(1, 1, 2, 2)
    flipped = layer.weight.flip(2, 3).flatten(0, 1)[:, None]
    blurred = F.conv2d(flipped, box, padding=1).view(*layer.weight.shape[:2], 4, 4)
    return F.conv_transpose2d(x, blurred.transpose(0, 1), layer.bias, stride=2, padding=1)


def forward(net, x):
    """The same answer as net(x), in training, sooner."""
    if type(net).__name__ != "PoolUpsampleNet":
        return net(x)
    convolution, _, norm, relu = net.up1
    x = relu(norm(convolution(net.down2(net.down1(x)))))
    convolution, _, norm, relu = net.up2
    return upsampled_convolution(net.final, relu(norm(upsampled_convolution(convolution, x))))


def batches(images, recipe, seed):
    """Yield (grey, labels) of a ColourSet, batch by batch: shuffled, cropped to the stage's size, half mirrored."""
    generator = torch.Generator().manual_seed(seed)
    for passes, size in recipe.stages:
        order = torch.cat([torch.randperm(len(images.grey), generator=generator) for _ in range(math.ceil(passes))])
        room = images.grey.shape[-1] - size + 1
        for rows in order[: round(passes * len(images.grey))].split(recipe.batch_size):
            top, left, mirror = (int(torch.randint(n, (), generator=generator)) for n in (room, room, 2))
            grey, labels = (x[rows, ..., top : top + size, left : left + size] for x in images)
            yield (grey.flip(-1), labels.flip(-1)) if mirror else (grey, labels)


def num_steps(images, recipe):
    return sum(math.ceil(round(passes * len(images.grey)) / recipe.batch_size) for passes, _ in recipe.stages)


def train(lib, name, images, seed, recipe=None):
    """A network of the notebook `lib`, trained on a ColourSet by its recipe."""
    recipe = recipe or RECIPES[name]
    lib.set_seed(seed)
    net = getattr(lib, name)(lib.KERNEL, lib.NUM_FILTERS, lib.NUM_COLOURS, 1).to(memory_format=torch.channels_last)
    optimizers = lib.muon_and_adam(net, recipe.muon_rate, recipe.learning_rate, betas=(0.9, 0.95))
    cycle = {"total_steps": num_steps(images, recipe) + 1, "pct_start": recipe.warm_up, "cycle_momentum": False}
    schedules = [torch.optim.lr_scheduler.OneCycleLR(o, o.defaults["lr"], div_factor=10, **cycle) for o in optimizers]
    net.train()
    with patch.object(lib, "orthogonalize", partial(lib.orthogonalize, steps=recipe.orthogonal_steps)):
        for grey, labels in batches(images, recipe, seed):
            with record_function("forward"):
                logits = forward(net, grey)
            with record_function("loss"):
                loss = lib.pixel_loss(logits, labels)
            net.zero_grad()
            with record_function("backward"):
                loss.backward()
            with record_function("optimizer"):
                for step in (*optimizers, *schedules):
                    step.step()
    return net
