"""Pixels to labels and back."""

import tarfile

import numpy as np
import pytest
from conftest import MIRROR


def test_a_label_is_the_first_of_the_nearest_colours(lib):
    rng = np.random.default_rng(0)
    for _ in range(20):  # multiples of 1/8 make exact ties common
        images = rng.integers(0, 9, (2, 3, 5, 4)) / 8
        colours = rng.integers(0, 9, (6, 3)) / 8
        offsets = images[:, None] - colours[None, :, :, None, None]
        nearest = (offsets**2).sum(axis=2).argmin(axis=1)[:, None]
        labels = lib.get_rgb_cat(images, colours)
        assert labels.dtype == np.int64 and np.array_equal(labels, nearest)


def test_a_label_becomes_its_colour(lib):
    labels = np.arange(24).reshape(2, 3, 4)
    rgb = lib.get_cat_rgb(labels, lib.COLOURS)
    assert rgb.shape == (2, 3, 4, 3)
    assert all(np.array_equal(rgb[labels == i][0], lib.COLOURS[i]) for i in range(24))


def test_the_input_is_the_mean_over_256_and_the_target_the_nearest_colours(lib):
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 4), dtype=np.uint8)
    grey, labels = lib.prepare(images)
    mean = np.float32((images / 256).mean(axis=1, keepdims=True))
    assert np.array_equal(grey.numpy(), mean)
    assert np.array_equal(labels.numpy()[:, None], lib.get_rgb_cat(images / 256, lib.COLOURS))


OFFICIAL = MIRROR / "kmeans_colour_a2.tar.gz"


@pytest.mark.skipif(not OFFICIAL.exists(), reason="A2_MIRROR has no official palette")
def test_the_palette_is_the_official_one(lib):
    with tarfile.open(OFFICIAL) as archive:
        file = archive.extractfile("colours/colour_kmeans24_cat7.npy")
        official = np.load(file, allow_pickle=True, encoding="latin1")[0]  # of Python 2
    assert np.abs(official - lib.COLOURS).max() < 0.0001 / 256
