"""Part D: photos, masks and splits, the frozen network and its kept features, losses, scores, training and records."""

import json
import math
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
import scipy.io
import torch
from notebook import ROOT, code_cells, execute, import_notebook, read_notebook
from segmentation_models_pytorch.losses import JaccardLoss
from torchmetrics.classification import JaccardIndex
from torchvision.models import _utils, segmentation

SAMPLE, VOID = ROOT / "data/sample", 255
SCORES = ("thresholded_iou", "foreground_iou", "mean_iou")
LAST_LAYER = ["classifier.4.weight", "classifier.4.bias"]
SETTINGS = {"learning_rate": 0.05, "batch_size": 3, "num_epochs": 3, "centred": True, "bias_factor": 10}
SPLITS = {  # photo 5 has no mask; 2 is a near duplicate of 8
    "trn1": [1, 2, 3, 5], "val1": [4, 6], "tst1": [7, 8, 9], "trn2": [1, 2, 4, 5], "val2": [3, 6], "tst2": [7, 8, 9],
    "trn3": [1, 3, 4, 5], "val3": [2, 6], "tst3": [7, 8, 9],
}  # fmt: skip


def run_cell(lib, cell_id, **names):
    """Execute one cell in a copy of the notebook's names, with these changes; returns the copy."""
    here = vars(lib) | names
    execute([cell for cell in code_cells() if cell.id == cell_id], here)
    return here


@pytest.mark.parametrize(("end", "zeros", "told"), [(9999, 0, "end"), (-8, 0, "end"), (-8, 8, "CRC"), (None, 0, "54")])
def test_an_archive_that_is_cut_or_damaged_or_has_too_few_images_is_refused(lib, tmp_path, end, zeros, told):
    (tmp_path / "trimaps.tgz").write_bytes((SAMPLE / "trimaps.tgz").read_bytes()[:end] + bytes(zeros))
    with pytest.raises(Exception, match=told):
        lib.read_images(tmp_path / "trimaps.tgz", 55, np.asarray)


def test_mask_colours_become_labels_and_strays_void_but_a_foreign_mask_is_refused(lib):
    pixels = np.full((10, 10, 3), (128, 128, 0), np.uint8)
    pixels[0, :5] = [(128, 0, 0), (0, 0, 0), (0, 128, 0), (0, 0, 128), (128, 0, 128)]
    assert lib.mask_labels(pixels)[0].tolist() == [1, VOID, 0, 0, VOID, 0, 0, 0, 0, 0]
    pixels[:2] = (1, 2, 3)
    with pytest.raises(ValueError, match=r"\[1, 2, 3\]"):
        lib.mask_labels(pixels)


def test_photos_with_a_mask_are_kept_and_masks_resized_without_blending_labels(lib, monkeypatch):
    monkeypatch.setattr(lib, "MIRROR", str(SAMPLE))
    (numbers, photos, masks), splits = lib.load_flowers()
    assert numbers.tolist() == list(range(1, 55)) and photos.shape == (54, 3, 128, 128)
    assert masks.shape == (54, 128, 128) and masks.unique().tolist() == [0, 1, VOID]
    assert set(splits) == set(SPLITS) and splits["trn2"].tolist()[:4] == [5, 6, 7, 9]


@pytest.mark.parametrize("fault", [{"val2": None}, {"tst2": [61]}, {"trn2": [0]}, {"val2": []}])
def test_splits_without_split_2_or_out_of_range_are_refused(lib, tmp_path, fault):
    scipy.io.savemat(tmp_path / "datasplits.mat", {k: v for k, v in (SPLITS | fault).items() if v is not None})
    with pytest.raises((KeyError, ValueError), match=r"val2|photo numbers"):
        lib.read_splits(tmp_path / "datasplits.mat")


@pytest.mark.parametrize("alone", [False, True], ids=["all splits", "split 2 alone"])
def test_protocols_keep_repeats_count_leaks_and_leave_out_near_duplicates(lib, alone):
    train, val = ([1, 2, 4], [3, 6]) if alone else ([1, 2, 3, 1, 2, 4, 1, 3, 4], [4, 6])
    facts = ["2", 3, 0, 0, 2, 3] if alone else ["1, 2 and 3", 9, 5, 1, 2, 3]  # the fourth: validation also trained on
    numbers, photos = np.array([1, 2, 3, 4, 6, 7, 8, 9]), torch.randint(250, (8, 3, 32, 32), dtype=torch.uint8)
    photos[1], photos[3] = photos[6] + 1, photos[4] + 2  # 2 is near 8; 4 is not near enough to 6
    flowers = lib.FlowerSet(numbers, photos, torch.zeros(8, 32, 32, dtype=torch.uint8))
    splits = {name: np.array(numbers) for name, numbers in SPLITS.items() if name.endswith("2") or not alone}
    protocols = run_cell(lib, "protocols-run", load_flowers=lambda: (flowers, splits))["protocols"]
    parts = {name: [numbers[rows].tolist() for rows in protocol[1:4]] for name, protocol in protocols.items()}
    assert parts == {"handout": [train, val, [7, 8, 9]], "leak-free": [[1, 4], [3, 6], [7, 8, 9]]}
    assert list(lib.SUMMARY["protocols"]["handout"].values()) == facts and lib.SUMMARY["near duplicates left out"] == 1


@pytest.fixture
def problem(lib):
    """A small random DeepLabv3 (net), photos with red squares, data = (their features, masks), and a protocol."""
    torch.manual_seed(0)
    block = lib.conv_block(torch.nn.Conv2d(3, 8, kernel_size=3, stride=4, padding=1))
    backbone, head = _utils.IntermediateLayerGetter(block, {"2": "out"}), segmentation.deeplabv3.DeepLabHead(8, 21)
    net = lib.prepare_for_fine_tuning(segmentation.DeepLabV3(backbone, head))
    masks = torch.zeros(14, 32, 32, dtype=torch.uint8)
    for i, mask in enumerate(masks):
        mask[i : i + 16, i + 2 : i + 18], mask[i + 2 : i + 14, i + 4 : i + 16] = VOID, 1
    photos = torch.randint(100, (14, 3, 32, 32), dtype=torch.uint8)
    photos[:, 0][masks == 1] = 255
    protocol = lib.Protocol("leak-free", *np.split(np.arange(14), [8, 11]), VOID, "mean_iou")
    return SimpleNamespace(net=net, photos=photos, data=(lib.frozen_features(net, photos), masks), protocol=protocol)


def train(lib, problem, name="run", loss="iou", seed=0, **changes):
    """Train the last layer of problem.net; returns (its weights, the history without times)."""
    path, settings = lib.OUTPUT_DIR / f"{name}.pt", SETTINGS | changes
    history = lib.train_segmentation("", problem.net, problem.data, problem.protocol, loss, path, seed=seed, **settings)
    del history["seconds"]
    return {name: weights.tolist() for name, weights in problem.net.classifier[4].state_dict().items()}, history


def test_only_the_last_layer_learns_and_no_batch_norms_statistics_move(lib, problem):
    named, learned = list(problem.net.named_parameters()), set(lib.learned_parameters(problem.net))
    assert [n for n, p in named if p.requires_grad] == LAST_LAYER == [n for n, p in named if p in learned]
    before = {name: tensor.clone() for name, tensor in problem.net.state_dict().items()}
    train(lib, problem, seed=5)
    lib.frozen_features(problem.net, problem.photos)
    assert [n for n, after in problem.net.state_dict().items() if not torch.equal(before[n], after)] == LAST_LAYER


def test_kept_features_lead_to_the_whole_networks_logits_and_are_made_anew_if_damaged(lib, problem, capsys):
    flowers, protocols = lib.FlowerSet(None, problem.photos, problem.data[1]), {"leak-free": problem.protocol}
    names = {"flowers": flowers, "protocols": protocols, "load_segmentation_net": lambda photos: problem.net}
    features = run_cell(lib, "prepare-segmentation", **names)["features"]
    with torch.inference_mode():
        logits = torch.nn.functional.interpolate(problem.net.classifier[4](features), (32, 32), mode="bilinear")
        assert torch.allclose(problem.net(lib.normalize(problem.photos))["out"], logits, atol=1e-5)
    again = run_cell(lib, "prepare-segmentation", frozen_features=None, **names)  # computing them again would fail
    (path,) = lib.DATA_DIR.iterdir()
    path.write_bytes(path.read_bytes().replace(features.max().numpy().tobytes(), b"ruin"))
    anew = run_cell(lib, "prepare-segmentation", **names)
    assert torch.equal(again["features"], features) and torch.equal(anew["features"], features)
    assert f"{path.name} cannot be read" in capsys.readouterr().out


def test_the_iou_loss_is_the_mean_over_images_of_equations_1_to_3_and_0_if_none_is_there_or_called(lib):
    torch.manual_seed(0)
    pred, truth = torch.randn(3, 2, 9, 7), (torch.rand(3, 9, 7) > torch.tensor([0.1, 0.5, 0.9])[:, None, None]).int()
    x, y = np.exp(pred[:, 1].numpy()) / np.exp(pred.numpy()).sum(axis=1), truth.numpy()
    equations = 1 - (x * y).sum(axis=(1, 2)) / (x + y - x * y).sum(axis=(1, 2))
    assert lib.compute_iou_loss(pred, truth).item() == pytest.approx(equations.mean(), abs=1e-6)
    theirs = [JaccardLoss("binary")(p[1:] - p[:1], t[None]).item() for p, t in zip(pred, truth, strict=True)]
    assert lib.compute_iou_loss(pred, truth).item() == pytest.approx(np.mean(theirs), abs=1e-6)
    sure = torch.tensor([200.0, 0.0]).reshape(1, 2, 1, 1).requires_grad_()  # of the background: 0 / 0 but for SMOOTH
    loss = lib.compute_iou_loss(sure, torch.zeros(1, 1, 1))
    loss.backward()
    assert loss.item() == 0 and sure.grad.isfinite().all() and lib.compute_IoU_loss is lib.compute_iou_loss


@pytest.mark.parametrize("name", ["compute_iou_loss", "iou_loss", "cross_entropy"])
def test_pixels_that_are_void_or_not_valid_do_not_count(lib, name):
    pred, labels, loss = torch.randn(2, 2, 4, 6), torch.randint(2, (2, 4, 6)), getattr(lib, name)
    expected, void = loss(pred[..., :4], labels[..., :4]).item(), torch.arange(6).expand(2, 4, 6) > 3
    given = (labels, 1e-6, ~void) if name == "compute_iou_loss" else (labels.where(~void, VOID),)
    assert loss(pred, *given).item() == pytest.approx(expected)


@pytest.mark.parametrize(("pred", "gt"), [((1, 3, 4, 4), (1, 4, 4)), ((2, 4, 4), (2, 4, 4)), ((1, 2, 4, 4), (1, 4, 5))])
def test_the_iou_loss_refuses_shapes_that_do_not_fit(lib, pred, gt):
    with pytest.raises(ValueError, match=r"are not \[B, 2, H, W\] and \[B, H, W\]"):
        lib.compute_iou_loss(torch.zeros(pred), torch.zeros(gt))


@pytest.mark.parametrize("void_label", [0, VOID])
def test_scores_agree_with_torchmetrics_and_with_a_plain_loop_over_images(lib, void_label):
    called = (torch.tensor([0, 10, 11, 12, 16, 19, 20, 0, 5])[:, None] > torch.arange(20)).reshape(9, 4, 5)
    masks = torch.ones(9, 4, 5, dtype=torch.uint8)
    masks[7:], masks[6, 3], masks[8, 0] = 0, VOID, VOID  # void called; no flower, none called; none, void called
    hits, unions = (area.sum(dim=(1, 2)).tolist() for area in (called & (masks == 1), called | (masks == 1)))
    ious = [hit / union if union else 1 for hit, union in zip(hits, unions, strict=True)]
    thresholded = [math.ceil(round(min(max(20 * (iou - 0.5), 0), 10), 9)) / 10 for iou in ious]  # the handout's
    assert [values.tolist() for values in lib.image_ious(called, masks)] == [ious, thresholded]
    labels = masks.long().where(masks != VOID, void_label)
    pooled = JaccardIndex("multiclass", num_classes=2, average="none", ignore_index=VOID)(called.long(), labels)
    expected = dict(zip(SCORES, (np.mean(thresholded), pooled[1].item(), pooled.mean().item()), strict=True))
    assert lib.scores(called, masks, void_label) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("loss", ["cross_entropy", "iou"])
def test_training_learns_and_the_same_seed_gives_the_same_bits_even_if_interrupted(lib, problem, monkeypatch, loss):
    expected = train(lib, problem, "whole", loss, num_epochs=9)
    assert expected[1]["train_loss"][-1] < 0.7 * expected[1]["train_loss"][0] and expected[1]["val_mean_iou"][-1] > 0.8
    for _ in range(2):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(lib, "print_progress", Mock(side_effect=[None, None, KeyboardInterrupt]))
            train(lib, problem, "interrupted", loss, num_epochs=9)
    assert train(lib, problem, "interrupted", loss, num_epochs=9) == expected
    assert train(lib, problem, "other", loss, num_epochs=9, seed=1) != expected


def test_a_run_ends_with_the_weights_of_its_first_best_epoch(lib, problem, monkeypatch):
    def train_with_scores(*by_epoch):
        remaining = iter(by_epoch)
        monkeypatch.setattr(lib, "scores", lambda *_: dict.fromkeys(SCORES, next(remaining)))
        return train(lib, problem, str(by_epoch), num_epochs=len(by_epoch))[0]

    assert train_with_scores(0.1, 0.9, 0.5, 0.9) == train_with_scores(0.1, 0.9) != train_with_scores(0.1, 0.2, 0.3, 0.9)


def test_the_centred_layer_becomes_the_plain_one_with_the_same_answers(lib, problem, monkeypatch):
    features, evaluate, seen = problem.data[0], lib.evaluate_segmentation, []
    mean = lib.mean_features(features, np.array([1, 4, 4, 2]))
    assert torch.allclose(mean[:, 0, 0], features[[1, 4, 4, 2]].mean(dim=(0, 2, 3)), atol=1e-6)
    monkeypatch.setattr(lib, "evaluate_segmentation", lambda *given: seen.append(evaluate(*given)) or seen[-1])
    train(lib, problem, num_epochs=1)
    after = (problem.net.classifier[4], problem.data, problem.protocol.val, problem.protocol)
    assert torch.allclose(evaluate(*after)[2], seen[0][2], atol=1e-5)  # probabilities after and during training
    assert not torch.allclose(evaluate(*after, mean=mean)[2], seen[0][2], atol=1e-2)  # the mean matters here


def test_a_short_last_batch_is_dropped_and_no_batch_exceeds_the_set(lib, problem, monkeypatch):
    seen, step = [], lib.segmentation_step
    monkeypatch.setattr(lib, "segmentation_step", lambda *given: seen.append(len(given[2])) or step(*given))
    for batch_size in (3, 8, 100):
        train(lib, problem, str(batch_size), num_epochs=1, batch_size=batch_size)
    assert seen == [3, 3, 8, 8]


def record(lib, problem, data_hash="data", protocol=None, **changes):
    """(checkpoint name, record) of a run by the definitions `lib`."""
    lib.segmentation_net, lib.segmentation_data = problem.net, (problem.data, data_hash)
    lib.run_segmentation("D.2", "iou", protocol or problem.protocol, 0, SETTINGS | changes, "mended")
    return lib.RUNS.popitem()


def test_a_finished_run_is_loaded_and_its_record_has_what_results_json_promises(lib, problem):
    key, run = record(lib, problem)
    assert record(lib, problem) == (key, run)  # to the last digit of its seconds
    expected = {"part": "D.2", "recipe": "mended", "loss": "iou", "protocol": "leak-free", "seed": 0, "batch_size": 3}
    assert run.items() >= (expected | {"epochs": 3, "updates": 6, "net": "DeepLabv3 mobilenet_v3_large"}).items()
    columns = ["train_loss", "val_loss", *(f"val_{name}" for name in SCORES)]
    assert {name: len(values) for name, values in run["history"].items()} == dict.fromkeys(columns, 3)
    assert run["validation"]["mean_iou"] == max(run["history"]["val_mean_iou"]) and set(run["test"]) == set(SCORES)
    assert run["best_epoch"] == 1 + int(np.argmax(run["history"]["val_mean_iou"])) and json.dumps(run)


def test_data_protocol_settings_and_the_losss_code_each_make_another_run(lib, problem):
    moved = {"train": np.arange(9), "val": np.array([9, 10])}  # a photo across the boundary
    protocols = [{"train": np.arange(7)}, moved, {"void_label": 0}, {"score": "thresholded_iou"}]
    changes = [{"protocol": problem.protocol._replace(**change)} for change in protocols]
    changes += [{}, {"data_hash": "other"}, {"learning_rate": 0.01}, {"bias_factor": 1}]
    keys = {record(lib, problem, **change)[0] for change in changes}
    notebook = read_notebook()
    (cell,) = [cell for cell in notebook.cells if cell.id == "iou-loss"]
    cell.source = cell.source.replace("SMOOTH=1e-6", "SMOOTH=1e-5")
    edited = import_notebook("sample", notebook, "edited")
    edited.OUTPUT_DIR = lib.OUTPUT_DIR
    assert len(keys) == len(changes) and record(edited, problem)[0] not in keys
