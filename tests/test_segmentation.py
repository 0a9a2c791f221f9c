"""Part D: photos, masks and splits, the frozen network, losses and scores."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import FLOWERS, ROOT, run_cell, small_net, small_task
from PIL import Image
from torchmetrics.classification import JaccardIndex
from torchvision.models import _utils, segmentation

SAMPLE, VOID = ROOT / "data/sample", 255


def test_mask_colours_become_labels_unblended_and_all_others_void(lib, monkeypatch):
    colours = [(128, 0, 0), (0, 0, 0), (128, 128, 0), (0, 128, 0), (0, 0, 128), (1, 2, 3)]
    labels = [1, VOID, 0, 0, 0, VOID]
    monkeypatch.setattr(lib, "PHOTO_SIZE", 9)  # a blend of two labels would be a third
    mask = lib.prepare_mask(Image.fromarray(np.uint8([colours] * 6)))
    assert mask.unique().tolist() == [0, 1, VOID]
    monkeypatch.setattr(lib, "PHOTO_SIZE", 6)
    assert lib.prepare_mask(Image.fromarray(np.uint8([colours] * 6))).tolist() == [labels] * 6


SPLITS = {"trn1": [2, 9], "val1": [5], "tst1": [6], "trn2": [1, 2, 3], "val2": [6], "tst2": [7]}
SPLITS["trn3"] = [9]
ALL_LISTS = {"train": [2, 9, 1, 2, 9], "val": [5], "test": [6]}  # photo 3 has no mask
SPLIT_2 = {"train": [1, 2], "val": [6], "test": [7]}


@pytest.mark.parametrize(("of", "rows"), [("", ALL_LISTS), ("2", SPLIT_2)])
def test_the_starter_trains_on_the_lists_of_all_splits_or_of_split_2_alone(lib, of, rows):
    masked = (9, 7, 6, 5, 2, 1)
    read = {
        "trimaps.tgz": {number: torch.zeros(2, 2) for number in masked},
        "17flowers.tgz": {number: torch.full((3, 2, 2), number) for number in range(10)},
        "datasplits.mat": {name: np.array(SPLITS[name]) for name in SPLITS if of in name},
    }
    names = SimpleNamespace(**vars(lib))
    names.fetch = lambda name, read_file, url: read[name]
    run_cell(names, "load-flowers")
    found = {
        name: names.photos[part, 0, 0, 0].tolist() for name, part in names.starter_rows.items()
    }
    assert found == rows


def test_photos_that_nearly_duplicate_one_of_the_others_are_left_out(lib):
    generator = torch.Generator().manual_seed(0)
    photos = torch.randint(20, 230, (6, 3, 32, 32), dtype=torch.uint8, generator=generator)
    photos[0] = photos[3].flip(-1) + 3  # near, and mirrored
    photos[1] = photos[4] + 4
    photos[2] = photos[5] + 6  # not near enough
    assert lib.without_near_duplicates(photos, [0, 1, 2], [3, 4, 5]) == [2]


@pytest.fixture
def deeplab(lib, monkeypatch):
    """A small random DeepLabv3 that Part D has frozen, and four photos."""
    torch.manual_seed(0)
    layers = torch.nn.Conv2d(3, 8, 3, stride=4), torch.nn.BatchNorm2d(8), torch.nn.ReLU()
    backbone = _utils.IntermediateLayerGetter(torch.nn.Sequential(*layers), {"2": "out"})
    net = segmentation.DeepLabV3(backbone, segmentation.deeplabv3.DeepLabHead(8, 21))
    monkeypatch.setattr(lib, "PHOTO_SIZE", 32)
    photos = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    return SimpleNamespace(net=lib.replace_last_layer(net, seed=0), photos=photos)


def test_only_the_last_layers_parameters_learn(lib, deeplab):
    learned = {id(parameter) for parameter in lib.learned_parameters(deeplab.net)}
    named = dict(deeplab.net.named_parameters())
    last_layer = ["classifier.4.weight", "classifier.4.bias"]
    assert [name for name, p in named.items() if id(p) in learned] == last_layer
    assert [name for name, p in named.items() if p.requires_grad] == last_layer


def test_training_changes_the_last_layer_and_leaves_the_frozen_network_as_it_was(lib, deeplab):
    net, masks = deeplab.net, torch.ones(4, 32, 32, dtype=torch.uint8)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    features = lib.load_features(net, deeplab.photos)
    data = lib.FlowerData(features, masks, [0, 1, 2], [3], [3])
    task = lib.replace(small_task(lib, FLOWERS), data=data)
    lib.fit(lib.LastLayer(net), task, lib.Recipe("", 3, 2, 0.1), seed=0)
    after = net.state_dict()
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed == ["classifier.4.weight", "classifier.4.bias"]


def test_frozen_features_lead_to_the_whole_networks_logits(lib, deeplab):
    features = lib.frozen_features(deeplab.net, deeplab.photos)
    logits = lib.predict(lib.LastLayer(deeplab.net), features)
    whole = deeplab.net(lib.normalize(deeplab.photos))["out"]
    assert logits.shape == (4, 2, 32, 32) and torch.allclose(whole, logits, atol=1e-5)


def test_features_are_kept_and_made_anew_if_their_file_is_damaged(lib, deeplab, monkeypatch):
    features = lib.load_features(deeplab.net, deeplab.photos)
    (path,) = lib.OUTPUT_DIR.iterdir()
    with monkeypatch.context() as watched:
        watched.setattr(lib, "save", None)  # making them again would fail
        assert torch.equal(lib.load_features(deeplab.net, deeplab.photos), features)
    path.write_bytes(path.read_bytes().replace(features.max().numpy().tobytes(), b"ruin"))
    assert torch.equal(lib.load_features(deeplab.net, deeplab.photos), features)


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
    assert lib.compute_IoU_loss is lib.compute_iou_loss


def test_the_iou_loss_is_0_with_a_gradient_if_there_is_no_flower_and_none_is_predicted(lib):
    pred = torch.tensor([200.0, 0.0]).reshape(1, 2, 1, 1).requires_grad_()
    loss = lib.compute_iou_loss(pred, torch.zeros(1, 1, 1))
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


def test_scores_agree_with_torchmetrics_and_leave_the_void_out(lib):
    generator = torch.Generator().manual_seed(0)
    predicted = torch.rand(9, 4, 5, generator=generator) > 0.3
    masks = torch.ones(9, 4, 5, dtype=torch.uint8)
    masks[:7, 0], masks[:, 3, :2], masks[8] = 0, VOID, 0
    predicted[:3] = masks[:3] == 1
    predicted[8], masks[8, 0] = False, VOID  # no flower, and none predicted
    predicted[8, 0] = True  # but in the void
    result = lib.scores(predicted, masks)

    def ious(called, labels):
        metric = JaccardIndex("multiclass", num_classes=2, average="none", ignore_index=VOID)
        return metric(called.long(), labels.long())

    assert result["mean_iou"] == pytest.approx(ious(predicted, masks).mean().item())
    by_photo = [ious(*pair)[1].item() for pair in zip(predicted, masks, strict=True)]
    by_photo[8] = 1  # both are empty; torchmetrics says 0
    assert result["image_iou"] == pytest.approx(np.mean(by_photo))
    _, thresholded = lib.photo_scores(predicted & (masks != VOID), masks == 1)
    assert result["thresholded_iou"] == pytest.approx(thresholded.mean().item())


@pytest.mark.parametrize(("batch_size", "sizes"), [(3, [3, 3]), (8, [8]), (100, [8])])
def test_a_short_last_batch_is_dropped_and_no_batch_exceeds_the_photos(small, batch_size, sizes):
    data = small_task(small, FLOWERS).data
    batches = small.flower_batches(data, batch_size, seed=0, epoch=0)
    assert [len(labels) for _, labels in batches] == sizes
    seen = torch.cat([features for features, _ in batches]).flatten(1)
    assert (torch.cdist(seen, data.features[:8].flatten(1)).min(dim=1).values == 0).all()
    assert len(seen.unique(dim=0)) == sum(sizes)


def test_the_best_threshold_is_that_of_the_largest_image_iou_on_validation(small):
    data, net = small_task(small, FLOWERS).data, small_net(small, FLOWERS)
    threshold = small.best_threshold(data, net)
    logits, labels = small.flower_logits(data, net, data.val), data.masks[data.val]
    ours = small.scores(logits > threshold, labels)["image_iou"]
    others = [small.scores(logits > t / 10, labels)["image_iou"] for t in range(-20, 21)]
    assert ours == max(others) > min(others)
