"""The three networks, the paddings of question B.4 and the counting of A.3."""

import pytest
import torch
from torch import nn

NETS = ["PoolUpsampleNet", "ConvTransposeNet", "UNet"]
KERNELS = [("PoolUpsampleNet", 3), ("PoolUpsampleNet", 5), *((name, k) for name in NETS[1:] for k in (3, 4, 5))]


def count_by_walking(net, image):
    """Weights, outputs and connections by the course's convention, from what each layer does with one image."""
    counts = {"weights": 0, "outputs": 0, "connections": 0}

    def count(layer, inputs, output):
        weights = layer.weight.numel() if isinstance(layer, nn.Conv2d) else 0
        seen_by_an_output = {nn.Conv2d: weights // output.shape[1], nn.MaxPool2d: 4, nn.Upsample: 1}[type(layer)]
        counts["weights"] += weights
        counts["outputs"] += output.numel()
        counts["connections"] += output.numel() * seen_by_an_output

    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d, nn.Upsample)):
            layer.register_forward_hook(count)
    net.eval()(image)
    return counts


@pytest.mark.parametrize(("name", "parameters"), [*zip(NETS, (49_728, 49_728, 56_856), strict=True)])
def test_parameter_counts_are_those_of_figure_1(lib, name, parameters):
    assert sum(p.numel() for p in getattr(lib, name)(3, 32, 24, 1).parameters()) == parameters


@pytest.mark.parametrize(("name", "kernel"), KERNELS)
@pytest.mark.parametrize(("nic", "height", "width"), [(1, 32, 32), (3, 8, 12)])
def test_every_block_has_the_shape_of_figure_1(lib, name, kernel, nic, height, width):
    net, shapes = getattr(lib, name)(kernel, 4, 7, nic), []
    for block in net.children():
        block.register_forward_hook(lambda _, __, output: shapes.append(tuple(output.shape[1:])))
    net(torch.rand(2, nic, height, width))
    half, full = (height // 2, width // 2), (height, width)
    assert shapes == [(4, *half), (8, height // 4, width // 4), (4, *half), (7, *full), (7, *full)]


@pytest.mark.parametrize("name", NETS)
def test_layers_stand_in_the_order_of_figure_1(lib, name):
    pools = name == "PoolUpsampleNet"
    down = ["Conv2d", "MaxPool2d", "BatchNorm2d", "ReLU"] if pools else ["Conv2d", "BatchNorm2d", "ReLU"]
    up = ["Conv2d", "Upsample", "BatchNorm2d", "ReLU"] if pools else ["ConvTranspose2d", "BatchNorm2d", "ReLU"]
    *blocks, final = getattr(lib, name)(3, 4, 5, 1).children()
    assert [[type(layer).__name__ for layer in block] for block in blocks] == [down, down, up, up]
    assert type(final) is nn.Conv2d


@pytest.mark.parametrize("block", ["up1", "up2"])
@pytest.mark.parametrize("name", NETS[1:])
def test_only_the_unet_sees_the_image_past_a_block_that_gives_zeros(lib, name, block):
    net = getattr(lib, name)(3, 4, 5, 1).eval()
    getattr(net, block).register_forward_hook(lambda _, __, output: torch.zeros_like(output))
    if block == "up1":  # leave it block 1's output alone: without the input image
        net.final.register_forward_pre_hook(
            lambda _, inputs: inputs[0] * (torch.arange(inputs[0].shape[1]) > 0)[:, None, None]
        )
    one, other = net(torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(one, other) == (name != "UNet")


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("shape", [(1, 1, 30, 32), (1, 1, 32, 33), (1, 32, 32), (0, 1, 32, 32)])
def test_sizes_that_halving_twice_would_change_are_refused(lib, name, shape):
    with pytest.raises(ValueError, match="multiples of 4"):
        getattr(lib, name)(3, 4, 5, 1)(torch.rand(shape))


@pytest.mark.parametrize(("name", "kernel"), [(NETS[0], 4), *((name, k) for name in NETS for k in (0, -1))])
def test_impossible_kernels_are_refused(lib, name, kernel):
    with pytest.raises(ValueError, match=f"kernel is {kernel}"):
        getattr(lib, name)(kernel, 4, 5, 1)


def test_paddings_are_the_answers_to_b4(lib):
    assert [lib.stride_2_paddings(kernel) for kernel in (3, 4, 5)] == [(1, 1, 1), (1, 1, 0), (2, 2, 1)]


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize(("nic", "nf", "nc", "kernel"), [(1, 32, 24, 3), (3, 8, 10, 5), (2, 5, 7, 1), (4, 1, 3, 7)])
def test_the_formula_counts_what_the_network_does(lib, nic, nf, nc, kernel, size):
    counts = count_by_walking(lib.PoolUpsampleNet(kernel, nf, nc, nic), torch.zeros(1, nic, size, size))
    assert lib.count_by_formula(nic, nf, nc, kernel, size) == counts


def test_the_mirrored_answer_is_the_mean_of_two_and_mirrors_with_its_image(lib):
    x, net = torch.rand(2, 1, 4, 4), nn.ZeroPad2d((1, -1, 0, 0))  # which moves an image to the right
    expected = (x.roll(1, -1) * torch.tensor([0, 1, 1, 1]) + x.roll(-1, -1) * torch.tensor([1, 1, 1, 0])) / 2
    assert torch.allclose(lib.WithMirrorImage(net)(x), expected)
