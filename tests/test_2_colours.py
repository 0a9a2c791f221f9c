"""Pixels to labels and back."""

import io
import tarfile

import numpy as np
import pytest
from conftest import MIRROR
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


def brute_force(xs, colours):
    distances = ((xs.astype(np.float64)[:, None] - colours[None, :, :, None, None]) ** 2).sum(axis=2)
    return distances.argmin(axis=1)[:, None]


@pytest.mark.parametrize("count", [1, 2, 49, 50, 51, 99, 100, 123])
def test_labels_are_those_of_brute_force_for_any_number_of_images(lib, count):
    xs = np.random.default_rng(count).integers(0, 256, (count, 3, 5, 7)) / 256
    labels = lib.get_rgb_cat(xs, lib.COLOURS)
    assert labels.dtype == np.int64
    assert np.array_equal(labels, brute_force(xs, lib.COLOURS))


# Multiples of 1/8 make exact ties common, which must go to the first of the nearest colours.
eighths = st.integers(0, 8).map(lambda n: n / 8)
image_shapes = st.tuples(st.integers(0, 3), st.just(3), st.integers(1, 4), st.integers(1, 4))


@settings(deadline=None, max_examples=60)
@given(
    xs=hnp.arrays(np.float32, image_shapes, elements=eighths),
    colours=hnp.arrays(np.float64, st.tuples(st.integers(1, 6), st.just(3)), elements=eighths),
)
def test_labels_are_those_of_brute_force_ties_included(definitions, xs, colours):
    assert np.array_equal(definitions.get_rgb_cat(xs, colours), brute_force(xs, colours))


def test_every_colour_of_the_palette_is_its_own_nearest(lib):
    assert len(np.unique(lib.COLOURS, axis=0)) == 24
    xs = lib.COLOURS.T[None, :, None, :]  # one image of 1 x 24 pixels
    assert np.array_equal(lib.get_rgb_cat(xs, lib.COLOURS).ravel(), np.arange(24))
    assert np.array_equal(lib.get_cat_rgb(np.arange(24), lib.COLOURS), lib.COLOURS)


def test_labels_to_colours_adds_an_axis_of_three(lib):
    cats = np.array([[[3, 0], [23, 7]]])
    assert np.array_equal(lib.get_cat_rgb(cats, lib.COLOURS), lib.COLOURS[cats])


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 4, 8, 8), (2, 8, 8, 3)])
def test_images_of_a_wrong_shape_are_refused(lib, shape):
    with pytest.raises(ValueError, match="expected \\[B, 3, H, W\\]"):
        lib.get_rgb_cat(np.zeros(shape), lib.COLOURS)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(lib, value):
    with pytest.raises(ValueError, match="finite"):
        lib.get_rgb_cat(np.full((1, 3, 2, 2), value), lib.COLOURS)


@pytest.mark.parametrize("colours", [np.zeros((0, 3)), np.zeros((4, 2)), np.zeros(3)])
def test_palettes_of_a_wrong_shape_are_refused(lib, colours):
    with pytest.raises(ValueError, match="colours has shape"):
        lib.get_rgb_cat(np.zeros((1, 3, 2, 2)), colours)


@pytest.mark.parametrize("cats", [[24], [-1]])
def test_labels_outside_the_palette_are_refused(lib, cats):
    with pytest.raises(ValueError, match="24 colours"):
        lib.get_cat_rgb(np.array(cats), lib.COLOURS)
    with pytest.raises(ValueError, match="integers"):
        lib.get_cat_rgb(np.array([0.5]), lib.COLOURS)


def test_the_networks_input_is_the_mean_of_the_channels_over_256(lib):
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 4), dtype=np.uint8)
    prepared = lib.prepare_colour_set(images)
    assert np.array_equal(prepared.grey.cpu().numpy(), (images / 256).mean(1, keepdims=True).astype(np.float32))
    assert np.array_equal(prepared.labels.cpu().numpy(), brute_force(images / 256, lib.COLOURS)[:, 0])


@pytest.mark.skipif(not (MIRROR / "kmeans_colour_a2.tar.gz").exists(), reason="needs the mirror's official palette")
def test_the_palette_is_the_official_one_and_labels_every_horse_alike(lib):
    with tarfile.open(MIRROR / "kmeans_colour_a2.tar.gz") as archive:
        content = archive.extractfile("colours/colour_kmeans24_cat7.npy").read()
    official = np.load(io.BytesIO(content), allow_pickle=True, encoding="latin1")[0]  # a file of known checksum
    assert np.abs(official - lib.COLOURS).max() < 0.0001 / 256
    with np.load(MIRROR / "cifar10_horses.npz") as horses:
        images = horses["x_test"] / 256
    assert np.array_equal(lib.get_rgb_cat(images, official), lib.get_rgb_cat(images, lib.COLOURS))
