"""The three networks, the paddings of question B.4 and the counting of A.3."""

import pytest
import torch

NETS = ["PoolUpsampleNet", "ConvTransposeNet", "UNet"]


@pytest.mark.parametrize(("name", "parameters"), list(zip(NETS, [49_728, 49_728, 56_856], strict=True)))
def test_parameter_counts_are_those_of_figure_1(lib, name, parameters):
    assert lib.count_parameters(getattr(lib, name)(3, 32, 24, 1)) == parameters


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize(("kernel", "nf", "nc", "nic", "h", "w"), [(3, 4, 5, 1, 32, 32), (5, 3, 7, 3, 4, 12)])
def test_output_has_a_logit_per_colour_and_pixel(lib, name, kernel, nf, nc, nic, h, w):
    assert getattr(lib, name)(kernel, nf, nc, nic)(torch.rand(2, nic, h, w)).shape == (2, nc, h, w)


@pytest.mark.parametrize("name", NETS[1:])
@pytest.mark.parametrize("kernel", [1, 2, 4, 6, 7])
def test_any_kernel_keeps_the_shapes_of_every_block(lib, name, kernel):
    net, sizes = getattr(lib, name)(kernel, 4, 5, 1), []
    for block in net.children():
        block.register_forward_hook(lambda _, __, output: sizes.append(output.shape[-1]))
    net(torch.rand(1, 1, 32, 32))
    assert sizes == [16, 8, 16, 32, 32]


@pytest.mark.parametrize("name", NETS)
def test_layers_stand_in_the_handouts_order(lib, name):
    middle = {"PoolUpsampleNet": ["MaxPool2d", "MaxPool2d", "Upsample", "Upsample"]}.get(name, [None] * 4)
    net = getattr(lib, name)(3, 4, 5, 1)
    convolutions = ["Conv2d"] * 4 if name == "PoolUpsampleNet" else ["Conv2d"] * 2 + ["ConvTranspose2d"] * 2
    for block, convolution, resize in zip(list(net.children())[:4], convolutions, middle, strict=True):
        expected = [convolution, *([resize] if resize else []), "BatchNorm2d", "ReLU"]
        assert [type(layer).__name__ for layer in block] == expected


@pytest.mark.parametrize("name", NETS)
def test_gradients_reach_every_parameter(lib, name):
    torch.manual_seed(0)
    net = getattr(lib, name)(3, 4, 5, 1)
    # the batch norm takes a convolution's bias out again, so all but those biases must have a gradient above rounding
    net.eval()(torch.rand(2, 1, 8, 8)).square().sum().backward()
    for key, parameter in net.named_parameters():
        assert parameter.grad.abs().sum() > 0, key


def test_the_unets_last_layers_see_block_1_and_the_input(lib):
    net = lib.UNet(3, 4, 5, 2)
    assert net.up2[0].in_channels == 8
    assert net.final.in_channels == 7
    x = torch.rand(1, 2, 8, 8)
    seen = {}
    net.up2.register_forward_hook(lambda _, inputs, __: seen.update(up2=inputs[0]))
    net.final.register_forward_hook(lambda _, inputs, __: seen.update(final=inputs[0]))
    net.eval()(x)
    assert torch.equal(seen["up2"][:, :4], net.down1(x))
    assert torch.equal(seen["final"][:, :2], x)


@pytest.mark.parametrize("kernel", [0, 2, 4, -3])
def test_pool_upsample_net_refuses_a_kernel_that_changes_the_size(lib, kernel):
    with pytest.raises(ValueError, match=f"kernel is {kernel}"):
        lib.PoolUpsampleNet(kernel, 4, 5, 1)


@pytest.mark.parametrize("name", NETS[1:])
@pytest.mark.parametrize("kernel", [0, -1, 2.5])
def test_impossible_kernels_are_refused(lib, name, kernel):
    with pytest.raises(ValueError, match="kernel is"):
        getattr(lib, name)(kernel, 4, 5, 1)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("shape", [(1, 1, 30, 32), (1, 1, 32, 33), (1, 32, 32), (0, 1, 32, 32)])
def test_sizes_that_break_the_shapes_are_refused(lib, name, shape):
    with pytest.raises(ValueError, match="multiples of 4"):
        getattr(lib, name)(3, 4, 5, 1)(torch.rand(shape))


def test_paddings_are_the_answers_to_b4(lib):
    assert [lib.stride_2_paddings(kernel) for kernel in (3, 4, 5)] == [(1, 1, 1), (1, 1, 0), (2, 2, 1)]


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize(("nic", "nf", "nc", "kernel"), [(1, 32, 24, 3), (3, 8, 10, 5), (2, 5, 7, 1), (4, 1, 3, 7)])
def test_counting_by_formula_agrees_with_the_module(lib, nic, nf, nc, kernel, size):
    walked = lib.count_by_walking(lib.PoolUpsampleNet(kernel, nf, nc, nic), nic, size)
    del walked["extra"]
    assert lib.count_by_formula(nic, nf, nc, kernel, size) == walked


def test_counts_of_the_handouts_network(lib):
    small, large = lib.count_by_formula(1, 32, 24), lib.count_by_formula(1, 32, 24, size=64)
    assert small == {"weights": 49_248, "outputs": 126_976, "connections": 13_271_040 + 49_152 + 32_768}
    assert large == {"weights": 49_248, "outputs": 4 * 126_976, "connections": 4 * small["connections"]}


def test_what_the_convention_leaves_out_is_counted_beside_it(lib):
    extra = lib.count_by_walking(lib.PoolUpsampleNet(3, 32, 24, 1), 1)["extra"]
    assert extra["biases"] == 4 * 32 + 2 * 24
    assert extra["batch norm weights"] == 8 * 32 + 2 * 24
    assert extra["batch norm outputs"] == extra["ReLU outputs"] == 640 * 32 + 1024 * 24


def test_counting_a_transposed_convolution_applies_its_weights_at_every_input_pixel(lib):
    walked = lib.count_by_walking(torch.nn.ConvTranspose2d(2, 3, 3, 2, 1, 1, bias=False), 2, size=4)
    assert walked["connections"] == 2 * 3 * 9 * 16


def test_counting_leaves_the_network_as_it_was(lib):
    net = lib.PoolUpsampleNet(3, 2, 2, 1)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    lib.count_by_walking(net, 1)
    assert net.training
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert not any(layer._forward_hooks for layer in net.modules())
