"""Training: its numbers, seeds and checkpoints; what makes a run train anew; comparisons."""

import linecache

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import TASKS, edited, import_notebook, run_cell, small_problem, train_task


def stop_after(lib, epoch):
    """A show_line that ends the session when the line of an epoch is shown."""

    def show_line(text, line=None):
        if f": {epoch}/" in text:
            raise KeyboardInterrupt

    return show_line


def test_an_evaluation_is_over_all_pixels_whatever_the_batches(lib):
    images = np.random.default_rng(0).integers(0, 256, (130, 3, 8, 8), dtype=np.uint8)
    dataset, net = lib.prepare_colour_set(images), lib.UNet(3, 4, 24, 1)
    result = lib.evaluate_colourization(net, dataset)  # in parts of 100 and 30 images
    logits = net.eval()(dataset.grey).detach()
    right = (logits.argmax(dim=1) == dataset.labels).double().mean().item()
    loss = F.cross_entropy(logits, dataset.labels).item()
    assert result == pytest.approx({"val_loss": loss, "val_accuracy": right}, rel=1e-5)


def test_a_run_of_the_handouts_recipe_is_a_plain_loop_in_the_starters_order(small):
    recipe = small.replace(small.HANDOUT, batch_size=8, epochs=3)
    small.run_colourization(small.UNet, 3, recipe)
    small.set_seed(3)
    net, losses, order = small.UNet(3, 4, 24, 1), [], np.arange(21)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    np.random.seed(3)
    np.random.shuffle(order)  # once, as the starter does it
    grey, labels = small.train_set
    for rows in [order[:8], order[8:16], order[16:]] * 3:
        loss = F.cross_entropy(net.train()(grey[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    expected = [np.average(losses[i : i + 3], weights=[8, 8, 5]) for i in (0, 3, 6)]
    (run,) = small.RUNS.values()
    assert run["history"]["train_loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("save_every", "stop", "trained"), [(1, 2, 5), (5, 4, 7), (5, 6, 2)])
def test_a_run_that_was_stopped_goes_on_from_what_was_saved_to_the_same_bits(
    small, tmp_path, monkeypatch, task, save_every, stop, trained
):
    expected = train_task(small, task)
    monkeypatch.setattr(small, "OUTPUT_DIR", tmp_path)
    monkeypatch.setattr(small, "SAVE_EVERY", save_every)
    with monkeypatch.context() as session, pytest.raises(KeyboardInterrupt):
        session.setattr(small, "show_line", stop_after(small, stop))
        train_task(small, task)
    lines = []
    monkeypatch.setattr(small, "show_line", lambda text, line=None: lines.append(text))
    assert train_task(small, task) == expected
    assert len(lines) == trained + 1  # one as it begins or is loaded
    assert train_task(small, task) == expected and "loaded" in lines[-1]


@pytest.mark.parametrize("damage", ["cut", "bytes of a weight", "code in it"])
def test_a_damaged_checkpoint_trains_anew(small, capsys, damage):
    expected = train_task(small, "handout", epochs=2)
    (path,) = small.OUTPUT_DIR.iterdir()
    content = path.read_bytes()
    if damage == "code in it":
        torch.save({"history": print}, path)
    elif damage == "cut":
        path.write_bytes(content[:1000])
    else:
        weight = np.float32(expected[0]["up1.1.running_var"]).tobytes()
        assert weight in content
        path.write_bytes(content.replace(weight, weight[::-1]))
    assert train_task(small, "handout", epochs=2) == expected
    assert f"{path.name}\n  is damaged" in capsys.readouterr().out
    assert small.load(path)["history"]  # a sound one again


def test_a_loss_that_is_not_finite_is_told_with_run_and_epoch_and_not_saved(small):
    told = "UNet, test, seed 0, epoch 1: the loss is (nan|inf)"
    with pytest.raises(FloatingPointError, match=told):
        train_task(small, "handout", learning_rate=1e30)
    assert not list(small.OUTPUT_DIR.iterdir())


@pytest.mark.parametrize("error", [OSError(28, "No space left"), RuntimeError("PytorchStream")])
def test_a_full_disk_is_told_in_one_line_and_the_old_checkpoint_is_kept(lib, monkeypatch, error):
    def write_half(content, target):
        target.write_bytes(b"half")
        raise error

    path = lib.OUTPUT_DIR / "run.pt"
    lib.save(path, {"epoch": 1})
    monkeypatch.setattr("torch.save", write_half)
    with pytest.raises(OSError, match=r"^[^\n]+run\.pt cannot be written\.[^\n]+disk[^\n]+$"):
        lib.save(path, {"epoch": 2})
    assert lib.load(path) == {"epoch": 1} and list(lib.OUTPUT_DIR.iterdir()) == [path]


def test_a_misspelt_setting_is_a_type_error(small):
    recipe = small.HANDOUT
    for call in (
        lambda: small.Recipe("r", 8, 1, 0.1, batchsize=8),
        lambda: small.replace(recipe, batchsize=8),
        lambda: small.run_colourization(small.UNet, 0, recipe, batchsize=8),
        lambda: small.run_segmentation("IoU", small.strict, 0, recipe, batchsize=8),
    ):
        with pytest.raises(TypeError, match="batchsize"):
            call()


def keys_of(lib, monkeypatch):
    """{run or features: the file that would be its checkpoint}, without training."""
    lib_paths, real = [], lib.checkpoint_path

    class Told(Exception):
        pass

    def tell(*arguments):
        lib_paths.append(real(*arguments).name)
        raise Told

    monkeypatch.setattr(lib, "checkpoint_path", tell)
    recipe, photos = lib.HANDOUT, torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    for call in (
        lambda: lib.run_colourization(lib.PoolUpsampleNet, 0),
        lambda: lib.run_colourization(lib.UNet, 0, lib.replace(recipe, mirror=True)),
        lambda: lib.run_segmentation("cross entropy", lib.strict, 0, recipe),
        lambda: lib.run_segmentation("IoU", lib.strict, 0, recipe),
        lambda: lib.load_features(torch.nn.ReLU(), photos),
    ):
        with pytest.raises(Told):
            call()
    names = ["PoolUpsampleNet", "UNet", "cross entropy", "IoU", "features"]
    return dict(zip(names, lib_paths, strict=True))


COLOURS, FLOWERS = {"PoolUpsampleNet", "UNet"}, {"cross entropy", "IoU"}
EDITS = [  # a text in a cell, what becomes of it, what trains anew
    ("    random.seed(seed)", "    # a remark\n    random.seed(seed)", set()),
    ('def set_seed(seed):\n    """', 'def set_seed(seed):\n    """Anew. ', set()),
    ("#E69F00", "#E69F01", set()),
    ("dashed: training", "training dashed", set()),
    ("return F.cross_entropy(rows", "return 1.0 * F.cross_entropy(rows", COLOURS),
    ("learning_rate=1e-3", "learning_rate=2e-3", COLOURS | FLOWERS),
    ("fused=True", "fused=False", COLOURS | FLOWERS),
    ("        scheduler.step()", "        pass", COLOURS | FLOWERS),
    ("random(len(grey)) < 0.5", "random(len(grey)) < 0.4", COLOURS),
    ("222.5416", "122.5416", COLOURS),
    ("half = self.down1(x)", "half = 1.0 * self.down1(x)", {"UNet"}),
    ("nn.ConvTranspose2d(nf + nf, nc, kernel", "nn.ConvTranspose2d(nf + nf, nc, 5", {"UNet"}),
    ("double = nn.MaxPool2d(2)", "double = nn.MaxPool2d(1 + 1)", {"PoolUpsampleNet"}),
    ('if name.startswith("classifier.4")', 'if name.startswith("classifier.4.w")', FLOWERS),
    ("nn.Conv2d(256, 2, kernel_size=1)", "nn.Conv2d(256, 2, 1, bias=False)", FLOWERS),
    ("(20 * inter", "(19 * inter", FLOWERS),
    ("SMOOTH=1e-6", "SMOOTH=1e-5", {"IoU"}),
    ("[0.485", "[0.486", {"features"}),
    ("list(net.classifier)[:4]", "list(net.classifier)[:3]", {"features"}),
]


@pytest.mark.parametrize(("old", "new", "anew"), EDITS)
def test_an_edit_trains_anew_what_it_shapes_and_nothing_else(small, monkeypatch, old, new, anew):
    monkeypatch.setattr(linecache, "cache", dict(linecache.cache))  # edited sources go there
    before = keys_of(small, monkeypatch)
    changed = edited(old, new)
    vars(changed).update(small_problem(changed), OUTPUT_DIR=small.OUTPUT_DIR)
    after = keys_of(changed, monkeypatch)
    assert {name for name in before if before[name] != after[name]} == anew


def test_other_features_photos_or_void_train_part_d_anew(small, monkeypatch):
    strict, keys = small.strict, []
    changes = [{}, {"features_path": small.Path("others.pt")}]
    for other in ({"train": strict.train[1:]}, {"void_label": 0}, {"best_by": "val_image_iou"}):
        changes.append({"strict": strict._replace(**other)})
    for change in changes:
        with monkeypatch.context() as changed:
            for name, value in change.items():
                changed.setattr(small, name, value)
            keys.append(keys_of(small, changed)["IoU"])
    assert len(set(keys)) == len(changes)


def test_the_strong_recipe_mirrors_half_of_the_images_with_their_labels_anew_in_each_epoch(lib):
    grey = torch.rand(400, 1, 4, 4)
    labels = (1000 * grey[:, 0]).long()
    shown, shown_labels = lib.mirror_half(grey, labels, 0, 0)
    mirrored = (shown == grey.flip(-1)).flatten(1).all(dim=1)
    assert torch.equal(~mirrored, (shown == grey).flatten(1).all(dim=1))
    assert 160 < mirrored.sum() < 240
    assert torch.equal((1000 * shown[:, 0]).long(), shown_labels)
    assert not torch.equal(shown, lib.mirror_half(grey, labels, 0, 1)[0])


def test_the_lines_of_runs_fit_75_columns_even_after_a_quarter_of_an_hour(small, monkeypatch):
    lines, clock = [], iter(range(0, 10**6, 99))
    monkeypatch.setattr(small, "show_line", lambda text, line=None: lines.append(text))
    monkeypatch.setattr(small.time, "perf_counter", lambda: next(clock))
    starter = small.strict._replace(name="starter")
    recipe = small.Recipe("handout", 8, 10, 0.01)
    small.run_segmentation("cross entropy", starter, 0, recipe)
    small.run_colourization(small.ConvTransposeNet, 0, recipe, "same updates")
    assert [line for line in lines if len(line) > 75] == []


def test_comparisons_are_made_seed_by_seed_and_one_seed_compares_nothing(lib, monkeypatch):
    lib.FACTS |= {"UNet: val_loss": [1.0, 2.0], "PoolUpsampleNet: val_loss": [1.5, 2.75]}
    names = lib.compare("UNet", "PoolUpsampleNet", ["val_loss"])
    assert names == ["UNet minus PoolUpsampleNet: val_loss"]
    assert lib.FACTS[names[0]] == [-0.5, -0.75]
    facts = dict(lib.FACTS)
    monkeypatch.setattr(lib, "SEEDS", [0])
    assert list(lib.compare("PoolUpsampleNet", "UNet", ["val_loss"])) == []
    assert facts == lib.FACTS


def add_run(lib, losses, updates, **values):
    """Add a run of Parts A to C to RUNS that ended so."""
    columns = dict.fromkeys(lib.COLUMNS, losses)
    run = {"net": "ConvTransposeNet", "seed": 0, "history": columns, "parameters": 1}
    run |= {"updates": updates, "epochs": len(losses), "evaluated_train_loss": 0.5}
    lib.RUNS[f"run {len(lib.RUNS)}", "study"] = run | dict.fromkeys(columns, losses[-1]) | values


def test_the_quick_profile_has_one_seed_without_spreads_and_the_batch_study_compares_equal_updates(
    monkeypatch,
):
    lib, shown = import_notebook("quick", name="quick"), []
    monkeypatch.setattr(lib, "display", lambda table: shown.append(table.to_html()))
    assert (lib.SEEDS, lib.BATCH_SIZES) == ([0], [32, 100, 512])
    lib.STUDY_UPDATES = 7
    for size, per_epoch in {32: 4, 100: 3, 512: 1}.items():
        losses = [size + epoch / 10 for epoch in range(8)]
        short, updates = losses[:3], 3 * per_epoch
        add_run(lib, short, updates, batch_size=size, study="same epochs")
        add_run(lib, short, updates, batch_size=size, study="scaled rate")
        add_run(lib, losses, 8 * per_epoch, batch_size=size, study="same updates")
    run_cell(lib, "batch-table")
    at_7 = [lib.FACTS[f"batch {size}, seed 0: same updates"] for size in lib.BATCH_SIZES]
    assert at_7 == [32.1, 100.1, 512.6]  # after 8, 6 and 7 updates
    assert lib.FACTS["batch 32: val_loss"] == [32.2]
    assert not [name for name in lib.FACTS if " minus " in name]
    assert "32.2000</td>" in shown[0] and "±" not in shown[0]
    assert "nan" not in "".join(shown).lower()
