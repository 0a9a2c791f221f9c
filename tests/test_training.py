"""Training: its numbers and seeds, runs that are kept, what a run's name depends on."""

import re
from unittest import mock

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from cells import code_cells, execute, import_notebook
from small import COLOURS, FLOWERS, edited, small_net, small_task, train_small


def test_a_run_of_the_handouts_recipe_is_a_plain_loop_in_the_starters_order(lib):
    task, recipe = small_task(lib, COLOURS), lib.replace(lib.HANDOUT, batch_size=8)
    fitted = small_net(lib, COLOURS, seed=3)
    history = lib.fit(fitted, task, recipe, seed=3)
    net, losses, order = small_net(lib, COLOURS, seed=3), [], np.arange(21)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    np.random.seed(3)
    np.random.shuffle(order)  # once, as the starter does it
    for rows in [order[:8], order[8:16], order[16:]] * recipe.epochs:
        loss = F.cross_entropy(net.train()(task.data.grey[rows]), task.data.labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    expected = [np.average(losses[i : i + 3], weights=[8, 8, 5]) for i in range(0, len(losses), 3)]
    assert [row["train_loss"] for row in history] == pytest.approx(expected, rel=1e-5)
    logits, labels = fitted.eval()(task.data.test_grey), task.data.test_labels
    right = (logits.argmax(dim=1) == labels).double().mean().item()
    assert history[-1]["val_accuracy"] == pytest.approx(right)
    assert history[-1]["val_loss"] == pytest.approx(F.cross_entropy(logits, labels).item(), 1e-5)


def test_fit_keeps_the_weights_of_the_first_of_the_best_epochs_and_train_tells_it(lib):
    scores, biases = iter([0.2, 0.7, 0.7, 0.1]), []

    def evaluate(data, net):
        biases.append(net.classifier["4"].bias.tolist())
        return {"val_mean_iou": next(scores), "val_image_iou": 0.5}

    task = lib.replace(small_task(lib, FLOWERS), evaluate=evaluate)
    net = small_net(lib, FLOWERS)
    name = lib.train(net, task, lib.Recipe("test", 4, 4, 0.05), seed=0)
    assert net.classifier["4"].bias.tolist() == biases[1] != biases[2]
    row = lib.RUNS[name]
    assert (row["epoch"], row["val_mean_iou"], row["updates"]) == (2, 0.7, 8)


@pytest.mark.parametrize("part", [COLOURS, FLOWERS])
def test_a_run_killed_and_begun_again_ends_with_the_same_bits_and_a_finished_one_is_read(
    lib, part, monkeypatch, tmp_path, capsys
):
    expected = train_small(lib, part)
    line = capsys.readouterr().out
    assert f"batch {expected[0]['batch_size']}, seed 0: " in line
    assert re.search(r": \d\.\d\d, \d\.\d\d\n", line)  # it shows that it learned
    monkeypatch.setattr(lib, "OUTPUT_DIR", tmp_path / "new")
    killed = mock.Mock(side_effect=[None] * 4 + [KeyboardInterrupt])  # in the second or third epoch
    with monkeypatch.context() as session, pytest.raises(KeyboardInterrupt):
        session.setattr("torch.optim.Adam.step", killed)
        train_small(lib, part)
    assert train_small(lib, part) == expected
    capsys.readouterr()
    monkeypatch.setattr("torch.optim.Adam", None)  # training would fail
    assert train_small(lib, part) == expected and capsys.readouterr().out == line


@pytest.mark.parametrize("damage", ["cut", "flipped", "code in it"])
def test_a_damaged_run_file_is_told_and_made_again(lib, capsys, damage):
    expected = train_small(lib, COLOURS)
    (path,) = lib.OUTPUT_DIR.iterdir()
    content = path.read_bytes()
    weight = np.float32(expected[2]["block3.1.running_var"]).tobytes()
    assert weight in content
    if damage == "code in it":
        torch.save({"history": print}, path)
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(content.replace(weight, weight[::-1]))
    assert train_small(lib, COLOURS) == expected
    assert f"{path.name} is made again" in capsys.readouterr().out
    assert lib.load(path)["history"]  # a sound one again


def names_of(lib, monkeypatch):
    """{run or features: what names its file}, without training."""
    names, task = {}, small_task(lib, COLOURS)
    for name in NETS:
        net = lib.make_net(getattr(lib, name), 0)
        names[name] = lib.fingerprint(net, task, lib.HANDOUT, 0)
    task = small_task(lib, FLOWERS)
    for name, loss in {"IoU": lib.compute_iou_loss, "cross entropy": lib.cross_entropy}.items():
        task, net = lib.replace(task, loss=loss), small_net(lib, FLOWERS)
        names[name] = lib.fingerprint(net, task, lib.HANDOUT_D, 0)
    net = torch.nn.Module()
    net.backbone, net.classifier = torch.nn.Identity(), [torch.nn.Identity()] * 5
    with monkeypatch.context() as patched:
        patched.setattr(lib, "load", lambda path: names.update(features=path.name) or torch.ones(1))
        lib.load_features(net, torch.zeros(1, 3, 8, 8))
    return names


NETS, LOSSES = {"PoolUpsampleNet", "ConvTransposeNet", "UNet"}, {"cross entropy", "IoU"}
EDITS = [  # a text in a cell, what becomes of it, what trains anew
    ("        optimizer.zero_grad()", "        # a remark\n        optimizer.zero_grad()", set()),
    ('"""Train `net`; returns', '"""Trains `net`; returns', set()),
    ('sns.color_palette("colorblind"', 'sns.color_palette("deep"', set()),
    ("return F.cross_entropy(rows", "return 1.0 * F.cross_entropy(rows", NETS),
    ("222.5416", "122.5416", NETS),
    ("learning_rate=1e-3", "learning_rate=2e-3", NETS),
    ("fused=True", "fused=False", NETS | LOSSES),
    ("total_loss += loss.detach()", "total_loss += 2 * loss.detach()", NETS | LOSSES),
    ("half = self.block1(x)  #", "half = 1.0 * self.block1(x)  #", {"UNet"}),
    ("kernel, stride=2, padding=padding\n", "kernel, 2, padding\n", NETS - {"PoolUpsampleNet"}),
    ('if name.startswith("classifier.4")', 'if name.startswith("classifier.4.w")', LOSSES),
    ("(20 * inter", "(19 * inter", LOSSES),
    ("SMOOTH=1e-6", "SMOOTH=1e-5", {"IoU"}),
    ("[0.485", "[0.486", {"features"}),
]


@pytest.mark.parametrize(("old", "new", "anew"), EDITS)
def test_an_edit_gives_new_names_to_the_runs_that_it_shapes_and_to_no_others(
    lib, monkeypatch, old, new, anew
):
    before, after = names_of(lib, monkeypatch), names_of(edited(old, new), monkeypatch)
    assert {name for name in before if before[name] != after[name]} == anew


def test_other_seeds_settings_data_and_weights_give_other_names_and_a_recipes_name_does_not(lib):
    task, recipe = small_task(lib, FLOWERS), lib.HANDOUT_D
    tasks = [task, lib.replace(task, best_by="val_image_iou")]
    for change in ({"train": [0]}, {"val": [0]}, {"features": 2 * task.data.features}):
        tasks.append(lib.replace(task, data=task.data._replace(**change)))
    others = [(other, recipe, 0, 0) for other in tasks]
    others += [(task, recipe, 1, 0), (task, recipe, 0, 1)]
    for change in ({"batch_size": 1}, {"epochs": 1}, {"learning_rate": 1}):
        others.append((task, lib.replace(recipe, **change), 0, 0))
    others.append((task, lib.replace(recipe, name="same epochs"), 0, 0))
    names = []
    for *settings, seed, weights in others:
        names.append(lib.fingerprint(small_net(lib, FLOWERS, weights), *settings, seed))
    assert len(set(names)) == len(names) - 1 and names[-1] == names[0]


def test_one_seed_has_no_spread_and_no_comparison_by_seed(monkeypatch):
    lib, shown = import_notebook("quick", name="quick"), []
    monkeypatch.setattr(lib, "display", lambda data, raw: shown.append(data["text/plain"]))
    for net, loss in {"PoolUpsampleNet": 1.5, "ConvTransposeNet": 1.25}.items():
        row = dict.fromkeys(lib.FINAL, loss) | {"net": net, "seed": 0, "recipe": "handout"}
        lib.RUNS[net] = row
    execute([cell for cell in code_cells() if cell["id"] == "compare-convt"], vars(lib))
    (table,) = lib.TABLES.values()
    assert lib.as_lists(table)["data"][1] == [1.25, None] * 4
    assert "1.250" in shown[0] and "–" in shown[0] and not re.search("nan|<NA>", shown[0])
