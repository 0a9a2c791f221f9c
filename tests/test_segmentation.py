"""Part D: masks and near duplicates, the frozen network, losses and scores."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from small import FLOWERS, small_task

VOID = 255


def test_mask_colours_become_labels_unblended_and_all_others_void(lib, monkeypatch):
    colours = [(128, 0, 0), (0, 0, 0), (128, 128, 0), (0, 128, 0), (0, 0, 128), (1, 2, 3)]
    mask = Image.fromarray(np.uint8([colours] * 6))
    monkeypatch.setattr(lib, "PHOTO_SIZE", 6)
    assert lib.prepare_mask(mask).tolist() == [[1, VOID, 0, 0, 0, VOID]] * 6
    monkeypatch.setattr(lib, "PHOTO_SIZE", 9)  # a blend of two labels would be a third
    assert lib.prepare_mask(mask).unique().tolist() == [0, 1, VOID]


def test_photos_that_nearly_duplicate_one_of_the_others_are_left_out(lib):
    generator = torch.Generator().manual_seed(0)
    photos = torch.randint(20, 230, (6, 3, 32, 32), dtype=torch.uint8, generator=generator)
    photos[0] = photos[3].flip(-1) + 3  # near, and mirrored
    photos[1] = photos[4] + 4
    photos[2] = photos[5] + 6  # not near enough
    assert lib.without_near_duplicates(photos, [0, 1, 2], [3, 4, 5]) == [2]


def test_all_is_frozen_but_the_last_layer_whose_parameters_learn(lib):
    net = lib.replace_last_layer(lib.mobilenet_v2_deeplab(), seed=0)
    learned = {id(parameter) for parameter in lib.learned_parameters(net)}
    last_layer = ["classifier.4.weight", "classifier.4.bias"]
    assert [name for name, p in net.named_parameters() if id(p) in learned] == last_layer
    assert [name for name, p in net.named_parameters() if p.requires_grad] == last_layer
    assert not any(
        module.training for name, module in net.named_modules() if name != "classifier.4"
    )


def test_the_iou_loss_is_the_mean_over_images_of_equations_1_to_3_without_void(lib):
    generator = torch.Generator().manual_seed(0)
    pred = torch.randn(3, 2, 9, 7, generator=generator)
    gt = torch.randint(2, (3, 9, 7), generator=generator)
    gt[0, :4], gt[2] = VOID, 0
    ious = []
    for logits, truth in zip(pred.double().numpy(), gt.numpy(), strict=True):
        x = np.exp(logits[1]) / np.exp(logits).sum(axis=0)
        x, y = x[truth != VOID], truth[truth != VOID]
        ious.append((x * y).sum() / (x + y - x * y).sum())
    assert lib.compute_iou_loss(pred, gt).item() == pytest.approx(1 - np.mean(ious), abs=1e-5)
    pred = torch.tensor([200.0, 0.0]).reshape(1, 2, 1, 1).requires_grad_()
    loss = lib.compute_IoU_loss(pred, torch.zeros(1, 1, 1))  # no flower, and none predicted
    loss.backward()
    assert loss.item() == 0 and pred.grad.isfinite().all()


def test_cross_entropy_is_over_the_pixels_that_are_not_void(lib):
    pred, labels = torch.randn(2, 2, 4, 6), torch.randint(2, (2, 4, 6), dtype=torch.uint8)
    expected = lib.cross_entropy(pred[..., :4], labels[..., :4]).item()
    labels[..., 4:] = VOID
    assert lib.cross_entropy(pred, labels).item() == pytest.approx(expected)


def test_a_photos_thresholded_score_is_the_handouts_also_exactly_at_its_steps(lib):
    sizes = [0, 50, 51, 55, 56, 60, 80, 95, 96, 100]  # of 100 pixels
    predicted = torch.tensor(sizes)[:, None, None] > torch.arange(100).reshape(10, 10)
    ious, thresholded = lib.photo_scores(predicted, torch.ones(10, 10, 10, dtype=torch.bool))
    assert ious.tolist() == [size / 100 for size in sizes]
    handout = [math.ceil(max(size - 50, 0) / 5) / 10 for size in sizes]
    assert thresholded.tolist() == handout
    nothing = torch.zeros(1, 2, 2, dtype=torch.bool)
    assert [score.item() for score in lib.photo_scores(nothing, nothing)] == [1, 1]


def iou(first, second):
    return ((first & second).sum() / (first | second).sum()).item()


def test_scores_are_by_photo_or_of_flower_and_background_at_once_and_leave_the_void_out(lib):
    predicted = torch.rand(8, 4, 5, generator=torch.Generator().manual_seed(0)) > 0.3
    masks = torch.ones(8, 4, 5, dtype=torch.uint8)
    masks[:7, 0], masks[:, 3, :2] = 0, VOID
    predicted[:3] = masks[:3] == 1
    known, flower = masks != VOID, masks == 1
    by_photo = [iou(predicted[i] & known[i], flower[i]) for i in range(8)]
    both = [iou(predicted & known, flower), iou(~predicted & known, masks == 0)]
    _, thresholded = lib.photo_scores(predicted & known, flower)
    expected = {"image_iou": np.mean(by_photo), "thresholded_iou": thresholded.mean().item()}
    assert lib.scores(predicted, masks) == pytest.approx(expected | {"mean_iou": np.mean(both)})


@pytest.mark.parametrize(("batch_size", "sizes"), [(3, [3, 3]), (8, [8]), (100, [8])])
def test_a_short_last_batch_is_dropped_and_no_photo_comes_twice(lib, batch_size, sizes):
    data = small_task(lib, FLOWERS).data
    batches = lib.flower_batches(data, batch_size, seed=0, epoch=0)
    assert [len(labels) for _, labels in batches] == sizes
    seen = torch.cat([features for features, _ in batches]).flatten(1)
    assert len(seen.unique(dim=0)) == sum(sizes)
    assert (torch.cdist(seen, data.features[:8].flatten(1)).min(dim=1).values == 0).all()
