"""The benchmarks compare like with like: the plain ways give what the notebook's own functions give."""

import sys

import numpy as np
import pytest
import torch
from conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
import colourization as plain


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (30, 3, 32, 32), dtype=np.uint8)


def test_plain_preparation_gives_the_same_images_and_labels(lib, images):
    grey, labels = plain.plain_prepare(lib, images)
    ours = lib.prepare_colour_set(images)
    assert np.allclose(grey, ours.grey.numpy(), atol=1e-6)
    assert np.array_equal(labels[:, 0], ours.labels.numpy())


@pytest.mark.parametrize("name", plain.NETS)
def test_a_plain_evaluation_and_epoch_give_the_same_losses(lib, images, name):
    measured = []
    for way in ("plain", "ours"):
        lib.set_seed(0)
        net = getattr(lib, name)(3, 4, lib.NUM_COLOURS, 1)
        optimizers, shares = lib.make_optimizers(net, 0.01, (0.9, 0.999), None), [0.5, 1.0, 0.5]
        if way == "plain":
            data = plain.plain_prepare(lib, images)
            evaluated = plain.plain_evaluate(lib, net, *data, 10)
            train_loss = plain.plain_epoch(lib, net, optimizers, *data, 10, shares)
        else:
            net, data = net.to(memory_format=torch.channels_last), lib.prepare_colour_set(images)
            evaluated = lib.evaluate_colourization(net, data)
            train_loss = lib.train_epoch(net, optimizers, data, 10, shares)
        measured.append((*evaluated, train_loss))
    assert measured[0] == pytest.approx(measured[1], rel=1e-3)


def test_a_plain_notebook_trains_by_the_plain_functions(lib, images, tmp_path, monkeypatch):
    for name in ("train_epoch", "evaluate_colourization", "train_colourization", "CACHED_FEATURES"):
        monkeypatch.setattr(lib, name, getattr(lib, name))  # put back afterwards
    monkeypatch.setattr(lib, "train_images", images, raising=False)
    monkeypatch.setattr(lib, "test_images", images, raising=False)
    calls = []
    for name in ("plain_prepare", "plain_epoch", "plain_evaluate"):
        function = getattr(plain, name)
        monkeypatch.setattr(plain, name, lambda *a, name=name, function=function: (calls.append(name), function(*a))[1])
    plain.use_plain_ways(lib)
    data = lib.prepare_colour_set(images)
    lib.train_colourization(
        lib.UNet(3, 2, 24, 1), data, data, batch_size=10, num_epochs=2, learning_rate=0.01, seed=0,
        checkpoint=tmp_path / "plain.pt",
    )  # fmt: skip
    assert calls == ["plain_prepare", "plain_prepare", *["plain_epoch", "plain_evaluate"] * 2]
    assert lib.CACHED_FEATURES is False
