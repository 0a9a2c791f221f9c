"""Pixels to labels and back."""

import tarfile

import numpy as np
import pytest
from conftest import MIRROR
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

# Multiples of 1/8 make exact ties common, which must go to the first of the nearest colours.
eighths = st.integers(0, 8).map(lambda n: n / 8)
shapes = st.tuples(st.integers(0, 3), st.just(3), st.integers(1, 4), st.integers(1, 4))


@settings(deadline=None, max_examples=60)
@given(hnp.arrays(np.float32, shapes, elements=eighths), hnp.arrays(float, (5, 3), elements=eighths))
def test_a_label_is_the_first_of_the_nearest_colours(definitions, images, colours):
    distances = ((images[:, None] - colours[None, :, :, None, None]) ** 2).sum(axis=2)
    labels = definitions.get_rgb_cat(images, colours)
    assert labels.dtype == np.int64 and np.array_equal(labels, distances.argmin(axis=1)[:, None])


def test_every_label_is_that_of_its_own_colour(lib):
    labels = np.arange(24).reshape(2, 3, 4)
    rgb = lib.get_cat_rgb(labels, lib.COLOURS)
    assert rgb.shape == (2, 3, 4, 3) and np.array_equal(rgb[1, 2, 3], lib.COLOURS[23])
    assert np.array_equal(lib.get_rgb_cat(np.moveaxis(rgb, -1, 1), lib.COLOURS)[:, 0], labels)


@pytest.mark.parametrize("images", [np.zeros((3, 8, 8)), np.zeros((2, 8, 8, 3)), np.full((1, 3, 2, 2), np.nan)])
def test_images_of_another_shape_or_without_finite_values_are_refused(lib, images):
    with pytest.raises(ValueError, match=r"are not \[B, 3, H, W\]|must not contain infs or NaNs"):
        lib.get_rgb_cat(images, lib.COLOURS)


@pytest.mark.parametrize("label", [24, -1, 0.5])
def test_labels_outside_the_palette_are_refused(lib, label):
    with pytest.raises(ValueError, match="from 0 to 23"):
        lib.get_cat_rgb([label], lib.COLOURS)


def test_the_input_is_the_mean_of_the_channels_over_256_and_the_target_the_nearest_colours(lib):
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 4), dtype=np.uint8)
    grey, labels = (tensor.cpu().numpy() for tensor in lib.prepare_colour_set(images))
    assert np.array_equal(grey, (images / 256).mean(axis=1, keepdims=True).astype(np.float32))
    assert np.array_equal(labels, lib.get_rgb_cat(images / 256, lib.COLOURS)[:, 0])


@pytest.mark.skipif(not (MIRROR / "kmeans_colour_a2.tar.gz").exists(), reason="A2_MIRROR has no official palette")
def test_the_palette_is_the_official_one(lib):
    with tarfile.open(MIRROR / "kmeans_colour_a2.tar.gz") as archive:
        file = archive.extractfile("colours/colour_kmeans24_cat7.npy")  # a pickle of Python 2
        official = np.load(file, allow_pickle=True, encoding="latin1")[0]
    assert np.abs(official - lib.COLOURS).max() < 0.0001 / 256
