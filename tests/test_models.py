"""The networks: the three of figure 1, those with one change each, and the counting of A.3."""

import pytest
import torch
from torch import nn

COUNTS = {  # name: parameters with the handout's sizes
    "PoolUpsampleNet": 49_728,
    "ConvTransposeNet": 49_728,
    "UNet": 56_856,
    "StridedUpsampleNet": 49_728,
    "PoolTransposeNet": 49_728,
    "InputSkipNet": 49_944,
    "HalfSkipNet": 56_640,
    "SmallUNet": 48_909,
    "GreyUNet": 64_800,
}
SKIPS = {  # name: whether it joins block 1's output, and whether the input
    "ConvTransposeNet": (False, False),
    "InputSkipNet": (False, True),
    "HalfSkipNet": (True, False),
    "UNet": (True, True),
    "GreyUNet": (True, True),
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_network_has_the_parameters_of_its_figure(lib, name):
    net = getattr(lib, name)(3, 32, 24, 1)
    assert sum(p.numel() for p in net.parameters()) == COUNTS[name]


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("kernel", [3, 4, 5])
@pytest.mark.parametrize(("nic", "height", "width"), [(1, 32, 32), (3, 8, 12)])
def test_every_block_has_the_shape_of_figure_1(lib, name, kernel, nic, height, width):
    net, shapes = getattr(lib, name)(kernel, 32, 7, nic), []
    for number in range(1, 6):
        block = getattr(net, f"block{number}")
        block.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    net(torch.rand(2, nic, height, width))
    half, full, nf = (height // 2, width // 2), (height, width), 29 if name == "SmallUNet" else 32
    quarter = (height // 4, width // 4)
    assert shapes == [(nf, *half), (2 * nf, *quarter), (nf, *half), (7, *full), (7, *full)]


@pytest.mark.parametrize("name", SKIPS)
def test_a_network_has_the_skip_connections_of_its_figure(lib, name):
    net = getattr(lib, name)(3, 4, 5, 1).eval()
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))

    def reaches(block, silenced):
        """Whether a block still sees which image it is if the block before gives zeros."""
        seen = []
        silence = silenced.register_forward_hook(lambda _, __, output: output * 0)
        look = block.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs[0]))
        net(images)
        silence.remove()
        look.remove()
        return not torch.equal(*seen)

    skips = reaches(net.block4, net.block3), reaches(net.block5, net.block4)
    assert skips == SKIPS[name]


@pytest.mark.parametrize("name", COUNTS)
def test_no_module_stands_in_two_places(lib, name):
    net = getattr(lib, name)(3, 4, 5, 1)
    assert len([*net.named_modules(remove_duplicate=False)]) == len([*net.modules()])


def count_by_walking(net, image):
    """Weights, outputs and connections by the course's convention, layer by layer."""
    counts = {}

    def count(layer, _, output):
        weights = layer.weight.numel() if isinstance(layer, nn.Conv2d) else 0
        seen = {nn.Conv2d: weights // output.shape[1], nn.MaxPool2d: 4, nn.Upsample: 1}
        counts[layer] = weights, output.numel(), output.numel() * seen[type(layer)]

    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.Upsample):
            layer.register_forward_hook(count)
    net.eval()(image)
    return tuple(map(sum, zip(*counts.values(), strict=True)))


@pytest.mark.parametrize("sizes", [(1, 32, 24, 3, 32), (3, 8, 10, 5, 64)])
def test_the_formulas_of_a3_count_what_the_network_does(lib, sizes):
    nic, nf, nc, kernel, size = sizes
    net = lib.PoolUpsampleNet(kernel, nf, nc, nic)
    counts = count_by_walking(net, torch.zeros(1, nic, size, size))
    assert lib.count_by_formula(*sizes) == counts
