"""Labels, the networks of figure 1 and those with one change each, and the counting of A.3."""

import hashlib

import numpy as np
import pytest
import torch

COUNTS = {  # name: parameters with the handout's sizes
    "PoolUpsampleNet": 49_728,
    "ConvTransposeNet": 49_728,
    "UNet": 56_856,
    "StridedUpsampleNet": 49_728,
    "PoolTransposeNet": 49_728,
    "InputSkipNet": 49_944,
    "HalfSkipNet": 56_640,
    "SmallUNet": 48_909,
    "GreyUNet": 75_008,
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_network_has_the_parameters_of_its_figure_and_no_module_in_two_places(lib, name):
    net = getattr(lib, name)(3, 32, 24, 1)
    assert sum(p.numel() for p in net.parameters()) == COUNTS[name]
    assert len([*net.named_modules(remove_duplicate=False)]) == len([*net.modules()])


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("kernel", [3, 4, 5])
def test_every_block_has_the_shape_of_figure_1(lib, name, kernel):
    net, shapes = getattr(lib, name)(kernel, 32, 7, 3), []
    for number in range(1, 6):
        block = getattr(net, f"block{number}")
        block.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    net(torch.rand(2, 3, 8, 12))
    full, half, quarter, nf = (8, 12), (4, 6), (2, 3), 29 if name == "SmallUNet" else 32
    assert shapes == [(nf, *half), (2 * nf, *quarter), (nf, *half), (7, *full), (7, *full)]


def test_the_formulas_of_a3_count_what_was_counted_layer_by_layer(lib):
    assert lib.count_by_formula(1, 32, 24, 3, 32) == (49_248, 126_976, 13_352_960)
    assert lib.count_by_formula(3, 8, 10, 5, 64) == (11_500, 163_840, 18_939_904)


def test_a_label_is_the_first_of_the_nearest_colours(lib):
    rng = np.random.default_rng(0)
    for _ in range(20):  # multiples of 1/8 make exact ties common
        images = rng.integers(0, 9, (2, 3, 5, 4)) / 8
        colours = rng.integers(0, 9, (6, 3)) / 8
        offsets = images[:, None] - colours[None, :, :, None, None]
        nearest = (offsets**2).sum(axis=2).argmin(axis=1)[:, None]
        labels = lib.get_rgb_cat(images, colours)
        assert labels.dtype == np.int64 and np.array_equal(labels, nearest)
        assert np.array_equal(lib.get_cat_rgb(labels, colours)[0, 0, 0, 0], colours[labels.flat[0]])


def test_the_input_is_the_mean_over_256_and_the_target_the_nearest_colours(lib):
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 4), dtype=np.uint8)
    grey, labels = lib.prepare(images)
    mean = np.float32((images / 256).mean(axis=1, keepdims=True))
    assert np.array_equal(grey.numpy(), mean)
    assert np.array_equal(labels.numpy()[:, None], lib.get_rgb_cat(images / 256, lib.COLOURS))


def test_the_palette_is_as_it_was_when_it_was_compared_with_the_official_one(lib):
    digest = hashlib.sha256((256 * lib.COLOURS).tobytes()).hexdigest()
    assert digest.startswith("170b592be4e0")
