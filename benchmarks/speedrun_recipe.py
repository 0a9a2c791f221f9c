"""How benchmarks/speedrun.py trains each network of Parts A to C to the best published loss.

The networks and the loss are the notebook's. What is quicker than 25 plain epochs:
1. Muon (Keller Jordan and others, 2024) and one cycle of the rate, in small batches. Adam scales
   the step of every weight by that weight's own gradients. Muon sees a layer's weights as one
   matrix. It replaces the averaged gradient U S V^T by U V^T: equal steps in all directions.
2. Crops first. The networks take any size that divides by 4, and a 16×16 crop costs a quarter of
   the whole image. The last steps see whole images, whose borders are further apart.
3. PoolUpsampleNet without its enlarged maps. Where each pixel of a map stands four times, a 3×3
   convolution is a 4×4 transposed convolution of the small map, with the kernel blurred by a 2×2
   box. Batch norm and ReLU treat all copies alike, so they may come before the repetition.
   Parameters and predictions are the same.
4. Three Newton-Schulz steps in place of Muon's five.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F


@dataclass(frozen=True)
class Recipe:
    """One run: stages of (passes over the images, height and width of their crops)."""

    stages: tuple
    batch_size: int
    muon_rate: float  # for kernels; both rates are the peaks of a cycle
    learning_rate: float  # Adam's, for biases and batch norms
    warm_up: float = 0.2  # share of the updates in which the rates rise
    rise: float = 10  # the peaks over the first rates
    orthogonal_steps: int = 3


RECIPES = {
    "PoolUpsampleNet": Recipe(((2.5, 16), (1.3, 32)), 40, 0.12, 0.05),
    "ConvTransposeNet": Recipe(((1, 16), (1, 32)), 25, 0.3, 0.06),
    "UNet": Recipe(((1, 16), (0.8, 32)), 25, 0.3, 0.06),
}


def orthogonalize(matrix, steps):
    """Nearly U V^T of a matrix U S V^T: Newton-Schulz steps bring its singular values near 1."""
    x = matrix / (matrix.norm() + 1e-7)
    tall = len(x) > x.shape[1]
    x = x.T if tall else x
    for _ in range(steps):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Gradient descent with momentum and orthogonalized steps, for weights of convolutions."""

    def __init__(self, params, lr, steps, momentum=0.95):
        super().__init__(params, {"lr": lr, "momentum": momentum, "steps": steps})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for weight in group["params"]:
                mean = self.state[weight].setdefault("mean", torch.zeros_like(weight))
                mean.lerp_(weight.grad, 1 - group["momentum"])
                # Nesterov: where the mean is going
                ahead = weight.grad.lerp(mean, group["momentum"])
                matrix = ahead.flatten(1)
                update = orthogonalize(matrix, group["steps"]).reshape(weight.shape)
                scale = max(1, len(matrix) / matrix.shape[1]) ** 0.5
                weight.add_(update, alpha=-group["lr"] * scale)


def upsampled_convolution(layer, x):
    """What `layer`, a 3×3 convolution, gives for x [B, C, H, W] with each pixel there 2×2 times."""
    box = torch.ones(1, 1, 2, 2)
    flipped = layer.weight.flip(2, 3).flatten(0, 1)[:, None]
    blurred = F.conv2d(flipped, box, padding=1).view(*layer.weight.shape[:2], 4, 4)
    return F.conv_transpose2d(x, blurred.transpose(0, 1), layer.bias, stride=2, padding=1)


def forward(net, x):
    """The same logits as net(x), in training, sooner."""
    if type(net).__name__ != "PoolUpsampleNet":
        return net(x)
    convolution, _, norm, relu = net.up1
    x = relu(norm(convolution(net.down2(net.down1(x)))))
    convolution, _, norm, relu = net.up2
    x = relu(norm(upsampled_convolution(convolution, x)))
    return upsampled_convolution(net.final, x)


def crops(images, recipe, seed):
    """Yield (grey, labels) of a ColourSet: shuffled, cropped, half of the batches mirrored."""
    generator = torch.Generator().manual_seed(seed)

    def draw(n):
        return int(torch.randint(n, (), generator=generator))

    num_images = len(images.grey)
    for passes, size in recipe.stages:
        orders = [torch.randperm(num_images, generator=generator) for _ in range(math.ceil(passes))]
        order = torch.cat(orders)[: round(passes * num_images)]
        room = images.grey.shape[-1] - size + 1
        for rows in order.split(recipe.batch_size):
            top, left = draw(room), draw(room)
            grey = images.grey[rows, :, top : top + size, left : left + size]
            labels = images.labels[rows, top : top + size, left : left + size]
            if draw(2):
                grey, labels = grey.flip(-1), labels.flip(-1)
            yield grey, labels


def train(lib, name, images, seed, recipe, batches_of=crops):
    """A network of the notebook `lib`, trained on batches_of(images, recipe, seed)."""
    lib.set_seed(seed)
    net = getattr(lib, name)(lib.KERNEL, lib.NUM_FILTERS, lib.NUM_COLOURS, 1)
    net = net.to(memory_format=torch.channels_last).train()
    kernels = [p for p in net.parameters() if p.dim() == 4]
    others = [p for p in net.parameters() if p.dim() != 4]
    muon = Muon(kernels, recipe.muon_rate, recipe.orthogonal_steps)
    adam = torch.optim.Adam(others, recipe.learning_rate, betas=(0.9, 0.95), fused=True)
    num_updates = 0
    for passes, _ in recipe.stages:
        num_updates += math.ceil(round(passes * len(images.grey)) / recipe.batch_size)
    cycle = {"total_steps": num_updates + 1, "pct_start": recipe.warm_up}
    cycle |= {"div_factor": recipe.rise, "cycle_momentum": False}
    muon_cycle = torch.optim.lr_scheduler.OneCycleLR(muon, recipe.muon_rate, **cycle)
    adam_cycle = torch.optim.lr_scheduler.OneCycleLR(adam, recipe.learning_rate, **cycle)
    for grey, labels in batches_of(images, recipe, seed):
        loss = lib.pixel_loss(forward(net, grey), labels)
        net.zero_grad()
        loss.backward()
        for part in (muon, adam, muon_cycle, adam_cycle):
            part.step()
    return net
