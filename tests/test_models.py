"""The three networks, the paddings of question B.4 and the counting of A.3."""

import pytest
import torch
from torch import nn

NETS = ["PoolUpsampleNet", "ConvTransposeNet", "UNet"]
KERNELS = [("PoolUpsampleNet", 3), ("PoolUpsampleNet", 5)]
KERNELS += [(name, kernel) for name in NETS[1:] for kernel in (3, 4, 5)]


def count_by_walking(net, image):
    """Weights, outputs and connections by the course's convention, layer by layer."""
    counts = {"weights": 0, "outputs": 0, "connections": 0}

    def count(layer, inputs, output):
        weights = layer.weight.numel() if isinstance(layer, nn.Conv2d) else 0
        seen = {nn.Conv2d: weights // output.shape[1], nn.MaxPool2d: 4, nn.Upsample: 1}
        counts["weights"] += weights
        counts["outputs"] += output.numel()
        counts["connections"] += output.numel() * seen[type(layer)]

    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.Upsample):
            layer.register_forward_hook(count)
    net.eval()(image)
    return counts


@pytest.mark.parametrize(("name", "count"), [*zip(NETS, (49_728, 49_728, 56_856), strict=True)])
def test_parameter_counts_are_those_of_figure_1(lib, name, count):
    net = getattr(lib, name)(3, 32, 24, 1)
    assert sum(p.numel() for p in net.parameters()) == count


@pytest.mark.parametrize(("name", "kernel"), KERNELS)
@pytest.mark.parametrize(("nic", "height", "width"), [(1, 32, 32), (3, 8, 12)])
def test_every_block_has_the_shape_of_figure_1(lib, name, kernel, nic, height, width):
    net, shapes = getattr(lib, name)(kernel, 4, 7, nic), []
    for block in net.children():
        block.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    net(torch.rand(2, nic, height, width))
    half, full = (height // 2, width // 2), (height, width)
    quarter = (height // 4, width // 4)
    assert shapes == [(4, *half), (8, *quarter), (4, *half), (7, *full), (7, *full)]


@pytest.mark.parametrize("block", ["up1", "up2"])
@pytest.mark.parametrize("name", NETS[1:])
def test_only_the_unet_sees_the_image_past_a_block_that_gives_zeros(lib, name, block):
    def without_image(_, inputs):
        return inputs[0] * (torch.arange(inputs[0].shape[1]) > 0)[:, None, None]

    net = getattr(lib, name)(3, 4, 5, 1).eval()
    getattr(net, block).register_forward_hook(lambda _, __, output: output * 0)
    if block == "up1":  # then only block 1's output passes it
        net.final.register_forward_pre_hook(without_image)
    one, other = net(torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(one, other) == (name != "UNet")


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("shape", [(1, 1, 30, 32), (1, 1, 32, 33), (1, 32, 32)])
def test_images_that_cannot_be_halved_twice_are_refused(lib, name, shape):
    with pytest.raises(ValueError, match="multiples of 4"):
        getattr(lib, name)(3, 4, 5, 1)(torch.rand(shape))


def test_an_even_kernel_of_pool_upsample_net_is_refused(lib):
    with pytest.raises(ValueError, match="kernel is 4, but must be odd"):
        lib.PoolUpsampleNet(4, 4, 5, 1)


def test_paddings_are_the_answers_to_b4(lib):
    paddings = [lib.stride_2_paddings(kernel) for kernel in (3, 4, 5)]
    assert paddings == [(1, 1, 1), (1, 1, 0), (2, 2, 1)]


@pytest.mark.parametrize(
    ("nic", "nf", "nc", "kernel", "size"), [(1, 32, 24, 3, 32), (3, 8, 10, 5, 64)]
)
def test_the_formulas_of_a3_count_what_the_network_does(lib, nic, nf, nc, kernel, size):
    net = lib.PoolUpsampleNet(kernel, nf, nc, nic)
    counts = count_by_walking(net, torch.zeros(1, nic, size, size))
    assert counts.items() <= lib.count_by_formula(nic, nf, nc, kernel, size).items()
