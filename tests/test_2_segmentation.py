"""Part D: masks, protocols, losses, scores, the frozen network and its cached features."""

import io
import tarfile

import numpy as np
import pytest
import torch
from conftest import ROOT
from PIL import Image
from segmentation_models_pytorch.losses import JaccardLoss
from torchmetrics.classification import JaccardIndex

VOID = 255
WEIGHTS = ("classifier.4.weight", "classifier.4.bias")


def logits_of(probability):
    """Logits [B, 2, H, W] whose softmax gives this probability of flower [B, H, W]."""
    return torch.stack([torch.zeros_like(probability), torch.logit(probability)], dim=1)


# --- the IoU loss ---


@pytest.mark.parametrize(
    ("probability", "truth", "expected"),
    [
        ([[0.5, 0.5]], [[1, 0]], 1 - 0.5 / 1.5),  # I = 0.5, U = (0.5 + 1 - 0.5) + 0.5
        ([[0.25, 0.75]], [[1, 1]], 1 - 1 / 2),  # I = 1, U = 2
        ([[1e-7, 1e-7]], [[1, 1]], 1.0),
        ([[1 - 1e-7, 1e-7]], [[1, 0]], 0.0),
    ],
)
def test_iou_loss_of_cases_worked_by_hand(lib, probability, truth, expected):
    loss = lib.compute_iou_loss(logits_of(torch.tensor([probability])), torch.tensor([truth]))
    assert loss.item() == pytest.approx(expected, abs=2e-6)


def test_iou_loss_is_the_mean_over_images_not_over_pixels(lib):
    probability = torch.rand(3, 4, 4)
    truth = (torch.rand(3, 4, 4) > 0.5).long()
    each = [lib.compute_iou_loss(logits_of(p[None]), t[None]) for p, t in zip(probability, truth, strict=True)]
    assert lib.compute_iou_loss(logits_of(probability), truth).item() == pytest.approx(
        np.mean([e.item() for e in each])
    )


def test_iou_loss_agrees_with_segmentation_models_pytorch(lib):
    pred, truth = torch.randn(1, 2, 9, 7), (torch.rand(1, 9, 7) > 0.4).long()
    theirs = JaccardLoss("binary", from_logits=True)(pred[:, 1] - pred[:, 0], truth)
    assert lib.compute_iou_loss(pred, truth).item() == pytest.approx(theirs.item(), abs=1e-5)


def test_iou_loss_without_any_flower_is_finite_and_so_is_its_gradient(lib):
    pred = torch.randn(2, 2, 4, 4, requires_grad=True)
    loss = lib.compute_iou_loss(pred, torch.zeros(2, 4, 4, dtype=torch.long))
    loss.backward()
    assert loss.item() == pytest.approx(1.0, abs=1e-5) and torch.isfinite(pred.grad).all()


def test_iou_loss_gradient_is_right_in_double_precision(lib):
    pred = torch.randn(2, 2, 3, 3, dtype=torch.double, requires_grad=True)
    truth = (torch.rand(2, 3, 3) > 0.5).long()
    assert torch.autograd.gradcheck(lambda x: lib.compute_iou_loss(x, truth), pred)


def test_iou_loss_of_half_precision_logits_is_that_of_single_precision(lib):
    pred, truth = torch.randn(1, 2, 300, 300).half(), torch.ones(1, 300, 300, dtype=torch.long)  # sums pass 65504
    assert lib.compute_iou_loss(pred, truth).item() == pytest.approx(lib.compute_iou_loss(pred.float(), truth).item())


def test_pixels_that_are_not_valid_do_not_count(lib):
    pred, truth = torch.randn(1, 2, 4, 6), (torch.rand(1, 4, 6) > 0.5).long()
    valid = torch.ones(1, 4, 6)
    valid[:, :, 4:] = 0
    expected = lib.compute_iou_loss(pred[..., :4], truth[..., :4])
    assert lib.compute_iou_loss(pred, truth, valid=valid).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("loss", ["cross_entropy", "iou"])
def test_both_losses_ignore_the_void(lib, loss):
    pred, truth = torch.randn(2, 2, 4, 6), (torch.rand(2, 4, 6) > 0.5).long()
    truth[:, :, 4:] = VOID
    expected = lib.segmentation_loss(pred[..., :4], truth[..., :4], loss)
    assert lib.segmentation_loss(pred, truth, loss).item() == pytest.approx(expected.item())


def test_iou_loss_refuses_shapes_that_do_not_fit_and_an_unknown_loss_is_named(lib):
    with pytest.raises(ValueError, match=r"\(1, 3, 4, 4\)"):
        lib.compute_iou_loss(torch.zeros(1, 3, 4, 4), torch.zeros(1, 4, 4))
    with pytest.raises(ValueError, match=r"\(1, 4, 5\)"):
        lib.compute_iou_loss(torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 5))
    with pytest.raises(ValueError, match="'dice'"):
        lib.segmentation_loss(torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 4), "dice")
    assert lib.compute_IoU_loss is lib.compute_iou_loss


# --- scores ---


@pytest.mark.parametrize("void_label", [0, VOID])
def test_scores_agree_with_torchmetrics(lib, void_label):
    generator = torch.Generator().manual_seed(1)
    predicted = torch.randint(2, (5, 20, 20), generator=generator)
    masks = torch.tensor([0, 1, VOID])[torch.randint(3, (5, 20, 20), generator=generator)]
    seen = masks.where(masks != VOID, void_label)
    scores = lib.scores(lib.count_pixels(predicted, masks, void_label), void_label)
    for average, ours in (("macro", scores["mean_iou"]), ("none", scores["foreground_iou"])):
        theirs = JaccardIndex("multiclass", num_classes=2, average=average, ignore_index=VOID)(predicted, seen)
        assert ours == pytest.approx((theirs if average == "macro" else theirs[1]).item(), abs=1e-6)


@pytest.mark.parametrize(("iou", "expected"), [(0.0, 0), (0.5, 0), (0.51, 0.1), (0.8, 0.6), (0.97, 1.0), (1.0, 1.0)])
def test_the_handouts_score_of_one_image(lib, iou, expected):
    masks = torch.ones(1, 10, 10, dtype=torch.long)
    predicted = (torch.arange(100) < round(100 * iou)).long().reshape(1, 10, 10)
    assert lib.scores(lib.count_pixels(predicted, masks, 0), 0)["thresholded_iou"] == pytest.approx(expected)


def test_the_handouts_score_takes_the_void_for_background_in_both_protocols(lib):
    predicted = torch.randint(2, (4, 8, 8), generator=torch.Generator().manual_seed(0))
    masks = torch.ones(4, 8, 8, dtype=torch.long)
    masks[:, :, 6:] = VOID
    both = [lib.scores(lib.count_pixels(predicted | (masks == 1), masks, label), label) for label in (0, VOID)]
    assert both[0]["thresholded_iou"] == both[1]["thresholded_iou"] < 1
    assert both[1]["foreground_iou"] == 1 > both[0]["foreground_iou"]


# --- masks, archives, protocols ---


def test_mask_colours_become_labels_and_strays_become_void(lib):
    pixels = np.full((10, 10, 3), (128, 128, 0), np.uint8)
    pixels[0, :5] = [(128, 0, 0), (0, 0, 0), (0, 128, 0), (0, 0, 128), (128, 0, 128)]
    assert lib.mask_labels(Image.fromarray(pixels))[0].tolist() == [1, 255, 0, 0, 255, 0, 0, 0, 0, 0]
    with pytest.raises(ValueError, match=r"\(1, 2, 3\)"):
        lib.mask_labels(Image.fromarray(np.full((4, 4, 3), (1, 2, 3), np.uint8)))


@pytest.fixture(scope="module")
def sample(definitions):
    before = definitions.DATA_DIR
    definitions.DATA_DIR = ROOT / "data/sample"
    yield definitions.load_flowers()
    definitions.DATA_DIR = before


def test_resized_masks_have_no_blended_labels(sample):
    assert sample[0].masks.unique().tolist() == [0, 1, VOID]
    assert len(sample[0].numbers) == 54 and sample[0].photos.dtype == torch.uint8


def test_the_handouts_list_repeats_photos_and_trains_on_validation_photos(lib, sample):
    facts = lib.describe_protocol(lib.make_protocols(*sample)["handout"], sample[1])
    labelled = {name: [n for n in numbers if n in sample[0].numbers] for name, numbers in sample[1].items()}
    everything = [*labelled["trn1"], *labelled["trn2"], *labelled["trn3"]]
    assert facts == {
        "splits": "1, 2 and 3", "train": len(everything), "near duplicates left out": 0,
        "repeats": len(everything) - len(set(everything)),
        "validation": len(labelled["val1"]),
        "validation photos also trained on": len(set(labelled["val1"]) & set(everything)),
        "test": len(labelled["tst1"]),
    }  # fmt: skip
    assert facts["repeats"] > 0 and facts["validation photos also trained on"] > 0


def test_with_split_2_alone_the_handout_protocol_uses_it_and_says_so(lib, sample):
    second = {name: numbers for name, numbers in sample[1].items() if name.endswith("2")}
    protocol = lib.make_protocols(sample[0], second)["handout"]
    assert set(sample[0].numbers[protocol.train]) == set(second["trn2"]) & set(sample[0].numbers)
    assert lib.describe_protocol(protocol, second)["splits"] == "2"


def test_leak_free_parts_are_disjoint_and_near_duplicates_are_left_out(lib, sample):
    flowers, splits = sample
    protocol = lib.make_protocols(flowers, splits)["leak-free"]
    assert len(np.unique(np.concatenate([protocol.train, protocol.val, protocol.test]))) == sum(
        map(len, (protocol.train, protocol.val, protocol.test))
    )
    source = np.searchsorted(flowers.numbers, splits["trn2"][0])  # the generator plants its twin in tst2
    assert source not in protocol.train
    assert protocol.left_out == len(set(splits["trn2"]) & set(flowers.numbers)) - len(protocol.train) == 1


@pytest.mark.parametrize("fault", ["html", "truncated", "too few", "other names"])
def test_a_wrong_archive_is_refused(lib, tmp_path, fault):
    path, source = tmp_path / "17flowers.tgz", ROOT / "data/sample/17flowers.tgz"
    if fault == "html":
        path.write_bytes(b"<!DOCTYPE html>")
    elif fault == "truncated":
        path.write_bytes(source.read_bytes()[:-20_000])
    else:
        with tarfile.open(path, "w:gz") as archive:
            for number in range(1, 60 if fault == "too few" else 61):
                name = f"jpg/image_{number:04d}.jpg" if fault == "too few" else f"../jpg/image_{number:04d}.jpg"
                archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(ValueError, match=r"archive|photos"):
        lib.check_photos(path)


@pytest.mark.parametrize("fault", ["html", "no split 2", "unknown photo"])
def test_a_wrong_split_file_is_refused(lib, tmp_path, fault):
    import scipy.io

    path = tmp_path / "datasplits.mat"
    splits = scipy.io.loadmat(ROOT / "data/sample/datasplits.mat")
    if fault == "no split 2":
        splits.pop("val2")
    elif fault == "unknown photo":
        splits["tst2"][0, 0] = 61
    scipy.io.savemat(path, {name: value for name, value in splits.items() if not name.startswith("__")})
    if fault == "html":
        path.write_bytes(b"<!DOCTYPE html>")
    with pytest.raises(ValueError, match=r"mat file|missing"):
        lib.read_splits(path)


# --- the network ---


@pytest.mark.parametrize("backbone", ["resnet101", "resnet50", "mobilenet_v3_large", "mobilenet_v2"])
def test_every_backbone_builds_offline_and_its_last_layer_has_256_inputs(lib, backbone, monkeypatch):
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", None)  # any download would fail
    net = lib.prepare_for_fine_tuning(lib.build_segmentation_net(backbone))
    assert net.classifier[4].weight.shape == (2, 256, 1, 1)
    assert [name for name, p in net.named_parameters() if p.requires_grad] == list(WEIGHTS)
    assert [p.shape for p in lib.learned_parameters(net)] == [(2, 256, 1, 1), (2,)]
    with torch.inference_mode():
        assert lib.segmentation_logits(net, torch.zeros(1, 3, 64, 64, dtype=torch.uint8)).shape[:2] == (1, 2)


def test_the_dilated_mobilenet_keeps_an_eighth_of_the_size(lib):
    assert lib.mobilenet_v2_deeplab().eval().backbone(torch.zeros(1, 3, 64, 64))["out"].shape == (1, 320, 8, 8)


def test_an_unknown_backbone_is_named(lib):
    with pytest.raises(ValueError, match="'vgg'"):
        lib.build_segmentation_net("vgg")


@pytest.mark.parametrize("fault", ["truncated", "foreign", "code", "empty"])
def test_a_wrong_checkpoint_is_refused_with_a_reason(lib, tmp_path, fault):
    path = tmp_path / "weights.pth"
    net = torch.nn.Linear(2, 2)

    class Planted:
        def __reduce__(self):
            return (print, ("planted code ran",))

    torch.save({"foreign": {"other": torch.zeros(2)}, "code": Planted()}.get(fault, net.state_dict()), path)
    if fault == "truncated":
        path.write_bytes(path.read_bytes()[:500])
    elif fault == "empty":
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"weights\.pth is not a checkpoint of this network"):
        lib.load_weights(net, path)


def test_a_downloaded_checkpoint_must_have_the_digest_in_its_name(lib, tmp_path, monkeypatch):
    (tmp_path / "mirror").mkdir()
    name = lib.SEGMENTATION_NETS["mobilenet_v3_large"][1].url.split("/")[-1]
    (tmp_path / "mirror" / name).write_bytes(b"not the weights")
    monkeypatch.setattr(lib, "MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(FileNotFoundError, match="does not begin as its name ends"):
        lib.load_pretrained("mobilenet_v3_large")
    assert list(lib.DATA_DIR.iterdir()) == []


# --- training ---

SETTINGS = {
    "batch_size": 4, "num_epochs": 3, "learning_rate": 0.02, "centred": True, "bias_factor": 10, "seed": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def segmentation(definitions, sample):
    """A small problem: a MobileNetV3 with random weights and 14 photos; (net, photos, features, masks, protocol)."""
    flowers, _ = sample
    net, _ = definitions.random_net("mobilenet_v3_large", flowers.photos[:14])
    net = definitions.prepare_for_fine_tuning(net)
    with torch.inference_mode():
        features = definitions.frozen_features(net, flowers.photos[:14])
    rows = np.arange(14)
    protocol = definitions.Protocol("leak-free", rows[:8], rows[8:11], rows[11:], VOID, "mean_iou")
    return net, flowers.photos[:14], features.clone(), flowers.masks[:14], protocol


def layer_of(net):
    return {name: tensor.clone() for name, tensor in net.classifier[4].state_dict().items()}


def test_the_mean_feature_is_over_photos_and_positions_of_the_given_rows(lib, segmentation):
    net, photos, features, _, _ = segmentation
    rows = np.array([1, 4, 4, 9, 2])
    expected = features[rows].mean(dim=(0, 2, 3))
    assert torch.allclose(lib.mean_features(net, features, rows, batch_size=2), expected, atol=1e-6)
    assert torch.allclose(lib.mean_features(net, photos, rows, batch_size=2), expected, atol=1e-4)


def test_the_centred_layer_is_an_ordinary_one_with_another_bias(lib):
    features, mean = torch.rand(2, 256, 3, 3), torch.rand(256)
    layer, plain = lib.CentredLastLayer(mean), torch.nn.Conv2d(256, 2, 1)
    plain.load_state_dict(layer.plain_state())
    expected = torch.nn.functional.conv2d(features - mean[:, None, None], layer.weight, layer.bias)
    assert torch.allclose(layer(features), expected, atol=1e-5)
    assert torch.allclose(plain(features), expected, atol=1e-5)


@pytest.mark.parametrize("loss", ["cross_entropy", "iou"])
def test_centring_trains_as_on_features_less_their_mean(lib, segmentation, tmp_path, loss):
    net, _, features, masks, protocol = segmentation
    lib.train_segmentation(net, features, masks, protocol, loss, checkpoint=tmp_path / "a.pt", **SETTINGS)
    centred = features - features[protocol.train].mean(dim=(0, 2, 3), keepdim=True)
    expected = net.classifier[4](features)
    settings = SETTINGS | {"centred": False}
    lib.train_segmentation(net, centred, masks, protocol, loss, checkpoint=tmp_path / "b.pt", **settings)
    assert torch.allclose(net.classifier[4](centred), expected, atol=1e-3)
    assert type(net.classifier[4]) is torch.nn.Conv2d


def test_the_bias_learns_at_its_own_rate(lib, segmentation, tmp_path):
    net, _, features, masks, protocol = segmentation
    first = {}
    for factor in (0, 1, 5):  # Adam's first step is the rate itself
        settings = SETTINGS | {"batch_size": 8, "num_epochs": 1, "centred": False, "bias_factor": factor}
        path = tmp_path / f"{factor}.pt"
        lib.train_segmentation(net, features, masks, protocol, "cross_entropy", checkpoint=path, **settings)
        first[factor] = layer_of(net)
    assert torch.equal(first[1]["weight"], first[5]["weight"])
    moved = {factor: (first[factor]["bias"] - first[0]["bias"]).abs() for factor in (1, 5)}
    assert torch.allclose(moved[1], torch.full((2,), 0.02), rtol=1e-3)
    assert torch.allclose(moved[5], torch.full((2,), 0.1), rtol=1e-3)


@pytest.mark.parametrize("loss", ["cross_entropy", "iou"])
def test_the_whole_network_and_the_kept_features_train_alike(lib, segmentation, tmp_path, loss):
    net, photos, features, masks, protocol = segmentation
    short, _ = lib.train_segmentation(net, features, masks, protocol, loss, checkpoint=tmp_path / "a.pt", **SETTINGS)
    layer = layer_of(net)
    whole, _ = lib.train_segmentation(net, photos, masks, protocol, loss, checkpoint=tmp_path / "b.pt", **SETTINGS)
    assert whole["train_loss"] == pytest.approx(short["train_loss"], rel=1e-3)
    for name, tensor in layer_of(net).items():
        assert torch.allclose(tensor, layer[name], atol=1e-3)


def test_training_changes_the_last_layer_and_nothing_else(lib, segmentation, tmp_path):
    net, photos, _, masks, protocol = segmentation
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    lib.train_segmentation(net, photos, masks, protocol, "iou", checkpoint=tmp_path / "a.pt", **SETTINGS | {"seed": 5})
    changed = {name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == set(WEIGHTS)


def test_the_frozen_check_notices_a_change_and_other_features(lib, segmentation):
    net, photos, features, _, _ = segmentation
    frozen = [tensor for name, tensor in net.state_dict().items() if name not in WEIGHTS]
    lib.check_frozen(net, lib.hash_tensors(*frozen), features, photos)
    with pytest.raises(AssertionError, match="other logits"):
        lib.check_frozen(net, lib.hash_tensors(*frozen), features + 1, photos)
    with pytest.raises(AssertionError, match="frozen tensor"):
        lib.check_frozen(net, "0" * 64, features, photos)


def test_an_interrupted_segmentation_run_ends_with_the_same_bits(lib, segmentation, tmp_path, monkeypatch):
    net, _, features, masks, protocol = segmentation
    expected, _ = lib.train_segmentation(
        net, features, masks, protocol, "iou", checkpoint=tmp_path / "a.pt", **SETTINGS
    )
    layer, save = layer_of(net), lib.save_checkpoint

    def save_then_stop(path, state):
        save(path, state)
        raise KeyboardInterrupt

    monkeypatch.setattr(lib, "save_checkpoint", save_then_stop)
    with pytest.raises(KeyboardInterrupt):
        lib.train_segmentation(net, features, masks, protocol, "iou", checkpoint=tmp_path / "b.pt", **SETTINGS)
    monkeypatch.setattr(lib, "save_checkpoint", save)
    torch.manual_seed(99)
    again, _ = lib.train_segmentation(net, features, masks, protocol, "iou", checkpoint=tmp_path / "b.pt", **SETTINGS)
    assert {k: v for k, v in again.items() if k != "seconds"} == {k: v for k, v in expected.items() if k != "seconds"}
    assert all(torch.equal(tensor, layer[name]) for name, tensor in layer_of(net).items())


def test_the_layer_that_is_kept_is_the_best_epochs(lib, segmentation, tmp_path):
    net, _, features, masks, protocol = segmentation
    history, _ = lib.train_segmentation(
        net, features, masks, protocol, "cross_entropy", checkpoint=tmp_path / "a.pt", **SETTINGS | {"num_epochs": 8}
    )
    _, scores, _ = lib.evaluate_segmentation(net, features, masks, protocol.val, protocol)
    assert scores["mean_iou"] == pytest.approx(max(history["val_mean_iou"]))


def test_features_are_computed_once_and_kept(lib, segmentation, monkeypatch):
    net, photos, features, _, _ = segmentation
    path = lib.OUTPUT_DIR / "features.pt"
    first = lib.cache_features(net, photos, path)
    assert torch.allclose(first, features, atol=1e-4)
    monkeypatch.setattr(lib, "frozen_features", None)  # computing them again would fail
    assert torch.equal(lib.cache_features(net, photos, path), first)
