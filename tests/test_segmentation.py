"""Part D: photos, masks and splits, the protocols, the frozen network, losses and scores."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.io
import torch
from conftest import ROOT
from torchmetrics.classification import JaccardIndex
from torchvision.models import _utils, segmentation

SAMPLE, VOID = ROOT / "data/sample", 255
SPLITS = {  # photo 5 has no mask
    "trn1": [1, 2, 3, 5], "val1": [4, 6], "tst1": [7, 8, 9],
    "trn2": [1, 2, 4, 5], "val2": [3, 6], "tst2": [7, 8, 9],
    "trn3": [1, 3, 4, 5], "val3": [2, 6], "tst3": [7, 8, 9],
}  # fmt: skip


def test_mask_colours_become_labels_and_all_others_void(lib):
    colours = [(128, 0, 0), (0, 0, 0), (128, 128, 0), (0, 128, 0), (0, 0, 128), (1, 2, 3)]
    assert lib.mask_labels(np.uint8([colours])).tolist() == [[1, VOID, 0, 0, 0, VOID]]


def test_photos_with_a_mask_are_kept_and_masks_resized_without_blending_labels(lib, monkeypatch):
    monkeypatch.setattr(lib, "MIRROR", str(SAMPLE))
    (numbers, photos, masks), splits = lib.load_flowers()
    assert numbers.tolist() == list(range(1, 55)) and photos.shape == (54, 3, 128, 128)
    assert masks.shape == (54, 128, 128) and masks.unique().tolist() == [0, 1, VOID]
    assert set(splits) == set(SPLITS) and splits["trn2"].tolist()[:4] == [5, 6, 7, 9]


def test_a_split_file_without_split_2_is_refused(lib, tmp_path):
    scipy.io.savemat(tmp_path / "datasplits.mat", {"trn1": [1], "val1": [2], "tst1": [3]})
    with pytest.raises(ValueError, match="no split 2"):
        lib.read_splits(tmp_path / "datasplits.mat")


@pytest.mark.parametrize("alone", [False, True], ids=["all splits", "split 2 alone"])
def test_starter_repeats_photos_and_strict_leaves_near_duplicates_out(lib, monkeypatch, alone):
    numbers = np.array([1, 2, 3, 4, 6, 7, 8, 9])
    photos = torch.randint(20, 230, (8, 3, 32, 32), dtype=torch.uint8)
    photos[0] = photos[5].flip(-1) + 3  # photo 1 is near 7, mirrored
    photos[1] = photos[6] + 4  # 2 is near 8
    photos[3] = photos[7] + 6  # 4 is not near enough to 9
    flowers = lib.FlowerSet(numbers, photos, None)
    splits = {name: np.array(numbers) for name, numbers in SPLITS.items()}
    if alone:
        splits = {name: splits[name] for name in ("trn2", "val2", "tst2")}
    monkeypatch.setattr(lib, "flowers", flowers, raising=False)
    monkeypatch.setattr(lib, "splits", splits, raising=False)
    parts = {}
    for name, protocol in lib.make_protocols().items():
        parts[name] = [numbers[rows].tolist() for rows in protocol[1:4]]
    train, val = [1, 2, 3, 1, 2, 4, 1, 3, 4], [4, 6]
    if alone:
        train, val = [1, 2, 4], [3, 6]
    assert parts == {"starter": [train, val, [7, 8, 9]], "strict": [[4], [3, 6], [7, 8, 9]]}


@pytest.fixture
def deeplab(lib, monkeypatch):
    """A small random DeepLabv3, frozen, and four photos."""
    block = lib.conv_block(torch.nn.Conv2d(3, 8, kernel_size=3, stride=4, padding=1))
    backbone = _utils.IntermediateLayerGetter(block, {"2": "out"})
    net = segmentation.DeepLabV3(backbone, segmentation.deeplabv3.DeepLabHead(8, 21))
    monkeypatch.setattr(lib, "PHOTO_SIZE", 32)
    photos = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    return SimpleNamespace(net=lib.prepare_for_fine_tuning(net), photos=photos)


def test_only_the_last_layers_parameters_learn(lib, deeplab):
    learned = {id(parameter) for parameter in lib.learned_parameters(deeplab.net)}
    named = dict(deeplab.net.named_parameters())
    last_layer = ["classifier.4.weight", "classifier.4.bias"]
    assert [name for name, p in named.items() if id(p) in learned] == last_layer
    assert [name for name, p in named.items() if p.requires_grad] == last_layer


def test_frozen_features_lead_to_the_whole_networks_logits(lib, deeplab):
    logits = lib.predict(
        lib.last_layer_of(deeplab.net), lib.frozen_features(deeplab.net, deeplab.photos)
    )
    whole = deeplab.net(lib.normalize(deeplab.photos))["out"]
    assert logits.shape == (4, 2, 32, 32) and torch.allclose(whole, logits, atol=1e-5)


def test_features_are_kept_and_made_anew_if_their_file_is_damaged(lib, deeplab, monkeypatch):
    features, _ = lib.load_features(deeplab.net, deeplab.photos)
    (path,) = lib.DATA_DIR.iterdir()
    with monkeypatch.context() as watched:
        watched.setattr(lib, "save", None)  # making them again would fail
        assert torch.equal(lib.load_features(deeplab.net, deeplab.photos)[0], features)
    path.write_bytes(path.read_bytes().replace(features.max().numpy().tobytes(), b"ruin"))
    assert torch.equal(lib.load_features(deeplab.net, deeplab.photos)[0], features)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_the_iou_loss_is_the_mean_over_images_of_equations_1_to_3_without_void(lib, dtype):
    generator = torch.Generator().manual_seed(0)
    pred = torch.randn(3, 2, 9, 7, generator=generator).to(dtype)
    gt = torch.randint(2, (3, 9, 7), generator=generator)
    gt[0, :4], gt[2] = VOID, 0
    ious = []
    for logits, truth in zip(pred.double().numpy(), gt.numpy(), strict=True):
        x = np.exp(logits[1]) / np.exp(logits).sum(axis=0)
        x, y = x[truth != VOID], truth[truth != VOID]
        ious.append((x * y).sum() / (x + y - x * y).sum())
    loss = lib.compute_iou_loss(pred, gt)
    assert loss.item() == pytest.approx(1 - np.mean(ious), abs=1e-5)
    assert loss == lib.compute_IoU_loss(pred.float(), gt)  # half precision loses nothing


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


@pytest.mark.parametrize(
    ("pred", "gt"),
    [((1, 3, 4, 4), (1, 4, 4)), ((2, 4, 4), (2, 4, 4)), ((1, 2, 4, 4), (1, 4, 5))],
)
def test_the_iou_loss_refuses_shapes_that_do_not_fit(lib, pred, gt):
    with pytest.raises(ValueError, match=r"\[B, 2, H, W\] and \[B, H, W\]"):
        lib.compute_iou_loss(torch.zeros(pred), torch.zeros(gt))


def test_a_photos_thresholded_score_is_the_handouts_also_exactly_at_its_steps(lib):
    sizes = [0, 50, 51, 55, 56, 60, 80, 95, 96, 100]  # of 100 pixels
    predicted = torch.tensor(sizes)[:, None, None] > torch.arange(100).reshape(10, 10)
    ious, thresholded = lib.photo_scores(predicted, torch.ones(10, 10, 10, dtype=torch.bool))
    assert ious.tolist() == [size / 100 for size in sizes]
    handout = [math.ceil(max(size - 50, 0) / 5) / 10 for size in sizes]
    assert thresholded.tolist() == handout
    nothing = torch.zeros(1, 2, 2, dtype=torch.bool)
    assert [score.item() for score in lib.photo_scores(nothing, nothing)] == [1, 1]


@pytest.mark.parametrize("void_label", [0, VOID])
def test_scores_agree_with_torchmetrics(lib, void_label):
    generator = torch.Generator().manual_seed(0)
    predicted = torch.rand(9, 4, 5, generator=generator) > 0.3
    masks = torch.ones(9, 4, 5, dtype=torch.uint8)
    masks[:7, 0], masks[:, 3, :2], masks[8] = 0, VOID, 0
    predicted[:3] = masks[:3] == 1
    predicted[8], masks[8, 0] = False, VOID  # no flower, and none predicted
    predicted[8, 0] = True  # but in the void
    result = lib.scores(predicted, masks, void_label)

    def ious(called, labels):
        metric = JaccardIndex("multiclass", num_classes=2, average="none", ignore_index=VOID)
        return metric(called.long(), labels)

    labels = masks.long().where(masks != VOID, void_label)
    assert result["mean_iou"] == pytest.approx(ious(predicted, labels).mean().item())
    flower = [ious(*pair)[1].item() for pair in zip(predicted, labels, strict=True)]
    if void_label == VOID:
        flower[8] = 1  # both are empty; torchmetrics says 0
    assert result["image_iou"] == pytest.approx(np.mean(flower))
    _, thresholded = lib.photo_scores(predicted, masks == 1)
    assert result["thresholded_iou"] == pytest.approx(thresholded.mean().item())


@pytest.mark.parametrize(("batch_size", "sizes"), [(3, [3, 3]), (8, [8]), (100, [8])])
def test_a_short_last_batch_is_dropped_and_no_batch_exceeds_the_set(
    small, monkeypatch, batch_size, sizes
):
    seen, loss = [], small.compute_iou_loss

    def watched(pred, gt):
        seen.append(len(gt))
        return loss(pred, gt)

    watched.__wrapped__ = loss
    monkeypatch.setitem(small.LOSSES, "IoU", watched)
    small.run_segmentation("IoU", small.strict, 0, small.Recipe("r", batch_size, 1, 0.01))
    assert seen == sizes
