"""Training: its numbers, seeds, checkpoints and progress; Muon and mirroring; the batch-size study."""

import contextlib
import linecache
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from notebook import import_notebook, read_notebook

RATES = {"muon_rate": 0.1, "learning_rate": 0.02, "betas": (0.9, 0.95)}
STRONG = {"recipe": "strong", "optimizer": "Muon", "rates": RATES, "cycle": True, "flips": True}
RECIPES = pytest.mark.parametrize("recipe", [{}, STRONG], ids=["handout", "strong"])


def colour_data(lib):
    """What the notebook's colour_data is, of small random images: 21 to train on and 10 to validate."""
    images = np.random.default_rng(0).integers(0, 256, (31, 3, 8, 8), dtype=np.uint8)
    sets = lib.prepare_colour_set(images[:21]), lib.prepare_colour_set(images[21:])
    return (*sets, lib.hash_tensors(*sets[0], *sets[1]))


@pytest.fixture
def data(lib, monkeypatch):
    monkeypatch.setattr(lib, "NUM_FILTERS", 4)
    return colour_data(lib)


def train(lib, data, seed=0, net="UNet", **changes):
    """A run of 3 epochs in batches of 8, unless that is changed: (record, network)."""
    return lib.run_colourization("A", getattr(lib, net), seed, data, **{"batch_size": 8, "num_epochs": 3} | changes)


def same_bits(net, other):
    return all(map(torch.equal, net.state_dict().values(), other.state_dict().values()))


def test_an_evaluation_is_over_all_pixels_whatever_the_batches(lib, data):
    net = lib.UNet(3, 4, 24, 1)
    loss, accuracy, answers = lib.evaluate_colourization(net, data[0], batch_size=8)  # 8, 8 and 5 images
    logits = net.eval()(data[0].grey).detach()
    assert loss == pytest.approx(F.cross_entropy(logits, data[0].labels).item(), rel=1e-5)
    assert torch.equal(answers, logits.argmax(dim=1)) and answers.dtype == torch.uint8
    assert accuracy == pytest.approx((logits.argmax(dim=1) == data[0].labels).double().mean().item())


def test_a_run_of_the_handouts_recipe_is_a_plain_loop_in_the_starters_order(lib, data):
    record, trained = train(lib, data, seed=3)
    lib.set_seed(3)
    net, losses, order = lib.UNet(3, 4, 24, 1), [], np.arange(21)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    np.random.seed(3)
    np.random.shuffle(order)  # once, as the starter does it
    for rows in [order[:8], order[8:16], order[16:]] * 3:
        loss = F.cross_entropy(net.train()(data[0].grey[rows]), data[0].labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    expected = [np.average(losses[i : i + 3], weights=[8, 8, 5]) for i in (0, 3, 6)]
    assert record["history"]["train_loss"] == pytest.approx(expected, rel=1e-5)
    assert record["history"]["val_loss"][-1] == lib.evaluate_colourization(trained, data[1])[0]


@RECIPES
@pytest.mark.parametrize("net", ["PoolUpsampleNet", "ConvTransposeNet", "UNet"])
def test_every_network_learns(lib, data, net, recipe):
    changes = {"batch_size": 4, "num_epochs": 8, "rates": {"learning_rate": 0.01}} | recipe
    losses = train(lib, data, net=net, **changes)[0]["history"]["train_loss"]
    assert losses[-1] < 0.9 * losses[0]


def test_batches_without_images_are_refused(lib, data):
    with pytest.raises(ValueError, match=r"batch_size=0.*at least 1"):
        train(lib, data, batch_size=0)


def test_a_loss_that_explodes_is_told_by_its_epoch_and_not_saved(lib, data):
    with pytest.raises(FloatingPointError, match=r"seed 0, epoch 1: .*learning rate too high"):
        train(lib, data, rates={"learning_rate": 1e30})
    assert not list(lib.OUTPUT_DIR.iterdir())


@RECIPES
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(lib, data, tmp_path, monkeypatch, recipe):
    (first, net), (_, other_net) = train(lib, data, **recipe), train(lib, data, seed=1, **recipe)
    monkeypatch.setattr(lib, "OUTPUT_DIR", tmp_path)
    torch.rand(3), np.random.rand(3)  # what was drawn before does not matter
    again, net_again = train(lib, data, **recipe)
    assert first["history"] == again["history"] and same_bits(net, net_again) and not same_bits(net, other_net)


@RECIPES
@pytest.mark.parametrize(("save_every", "stop", "saved"), [(1, 2, 1), (1, 3, 2), (5, 5, 0), (5, 7, 5), (5, 8, 7)])
def test_a_run_stopped_anywhere_goes_on_from_what_is_saved_to_the_same_bits(
    lib, data, tmp_path, monkeypatch, capsys, recipe, save_every, stop, saved
):
    def stop_there(line, **_):
        if f"epoch {stop}/7" in line:
            raise KeyboardInterrupt

    expected, expected_net = train(lib, data, num_epochs=7, **recipe)
    monkeypatch.setattr(lib, "OUTPUT_DIR", tmp_path)
    monkeypatch.setattr(lib, "SAVE_EVERY", save_every)
    with monkeypatch.context() as interruption, contextlib.suppress(KeyboardInterrupt):
        interruption.setattr(lib, "print", stop_there, raising=False)
        train(lib, data, num_epochs=7, **recipe)
    capsys.readouterr()
    record, net = train(lib, data, num_epochs=7, **recipe)
    assert capsys.readouterr().out.count("\r") == 7 - saved + 1  # a line for each epoch trained, and the last one
    assert record["history"] == expected["history"] and same_bits(net, expected_net)


@pytest.mark.parametrize("damage", ["cut", "bytes of a weight", "code in it"])
def test_a_damaged_checkpoint_is_set_aside_and_the_run_starts_afresh(lib, data, capsys, damage):
    expected, net = train(lib, data)
    (path,) = lib.OUTPUT_DIR.iterdir()
    content, weight = path.read_bytes(), net.up1[1].running_var.numpy().tobytes()
    if damage == "code in it":
        torch.save({"parts": print}, path)
    else:
        path.write_bytes(content[:1000] if damage == "cut" else content.replace(weight, weight[::-1]))
    damaged = path.read_bytes()
    assert train(lib, data)[0]["history"] == expected["history"]
    assert re.search(f"\n{path.name} cannot be read .*starts afresh\n\rUNet", capsys.readouterr().out)
    assert damaged != content and path.with_suffix(".damaged").read_bytes() == damaged


EDITS = [  # cell, text in it, what becomes of it, does the run train anew?
    ("train-step", "return F.cross", "return 1.0 * F.cross", True),
    ("unet", "half = self.down1(x)", "half = 1.0 * self.down1(x)", True),
    ("unet", "nf, 2 * nf, kernel", "nf, 2 * nf, kernel, bias=False", True),
    ("muon", "3.4445", "3.4444", True),
    ("run-colourization", "torch.manual_seed(seed)", "torch.manual_seed(0)", True),
    ("parameters", "25, 100, 1e-3", "25, 100, 2e-3", True),
    ("palette", "222.5416", "122.5416", True),
    ("train-step", "def train_step", "# a remark\ndef train_step", False),
    ("plot-curves", "loss (nats", "nats (", False),
    ("curves-unet", "save_fig", "print(1)\nsave_fig", False),
    ("train-text", "learning rate", "rate", False),
]


@pytest.mark.parametrize(("cell_id", "old", "new", "anew"), EDITS)
def test_an_edit_trains_anew_if_it_shapes_the_run_or_its_data(lib, data, monkeypatch, cell_id, old, new, anew):
    monkeypatch.setattr(linecache, "cache", dict(linecache.cache))  # where the edited cells' source goes
    notebook, recipe = read_notebook(), STRONG if cell_id == "muon" else {}
    (cell,) = [cell for cell in notebook.cells if cell.id == cell_id and old in cell.source]
    cell.source = cell.source.replace(old, new)
    train(lib, data, **recipe)
    edited = import_notebook("sample", notebook, name="edited")
    edited.NUM_FILTERS, edited.OUTPUT_DIR = 4, lib.OUTPUT_DIR
    train(edited, colour_data(edited), **recipe)
    assert len(list(lib.OUTPUT_DIR.iterdir())) == 1 + anew


def test_progress_is_one_line_that_fills_in_place(lib, data, capsys):
    record, _ = train(lib, data, num_epochs=12)
    before, *states = capsys.readouterr().out.split("\r")
    assert before == "" and [state.endswith("\n") for state in states] == [False] * 12 + [True]
    assert [re.search(r"epoch (\d+)/12", state)[1] for state in states] == [*map(str, range(1, 13)), "12"]
    assert len({len(state.rstrip("\n")) for state in states}) == 1  # so each covers the one before
    assert f"loss {record['history']['val_loss'][-1]:.4f}" in states[-1]


def test_the_strong_recipe_has_one_cycle_of_rates_and_mirrors_half_of_the_images(lib, data, monkeypatch):
    rates, seen, one_step = [], [], lib.train_step

    def step(net, optimizers, grey, labels):
        rates.append([optimizer.param_groups[0]["lr"] for optimizer in optimizers])
        seen.append(grey)
        return one_step(net, optimizers, grey, labels)

    monkeypatch.setattr(lib, "train_step", step)
    train(lib, data, batch_size=21, num_epochs=20, **STRONG)
    shares = np.array(rates) / (RATES["learning_rate"], RATES["muon_rate"])  # of their peaks
    assert np.allclose(shares.max(axis=0), 1, atol=0.03) and set(shares.argmax(axis=0)) <= {5, 6}
    assert shares[[0, -1]].max() < 0.01
    assert 0.4 < np.mean([(grey != seen[0]).any(dim=(1, 2, 3)).numpy() for grey in seen[1:]]) < 0.6


def test_an_image_is_mirrored_with_its_labels_anew_in_each_epoch(lib):
    grey = torch.rand(400, 1, 4, 4)
    dataset = lib.ColourSet(grey, (1000 * grey[:, 0]).long())
    shown, again, later = (lib.mirror_half(dataset, 0, epoch) for epoch in (0, 0, 1))
    mirrored = (shown.grey == grey.flip(-1)).flatten(1).all(dim=1)
    assert torch.equal(~mirrored, (shown.grey == grey).flatten(1).all(dim=1)) and 160 < mirrored.sum() < 240
    assert torch.equal((1000 * shown.grey[:, 0]).long(), shown.labels)
    assert torch.equal(shown.grey, again.grey) and not torch.equal(shown.grey, later.grey)


@pytest.mark.parametrize("shape", [(32, 288), (24, 9), (5, 5)])
def test_orthogonalizing_brings_singular_values_near_one(lib, shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * torch.logspace(0, -1.5, shape[1])
    values = torch.linalg.svdvals(lib.orthogonalize(matrix))
    assert values.min() > 0.6 and values.max() < 1.3


@pytest.mark.parametrize("shape", [(6, 2, 1, 1), (3, 2, 3, 3)])
def test_muons_steps_are_those_of_a_plain_computation(lib, shape):
    rng = np.random.default_rng(0)
    expected, mean, gradients = rng.normal(size=shape), 0, rng.normal(size=(3, *shape))
    weight = torch.nn.Parameter(torch.from_numpy(expected.copy()))
    optimizer = lib.Muon([weight], 0.1)
    for gradient in gradients:
        weight.grad = torch.from_numpy(gradient)
        optimizer.step()
        mean = 0.95 * mean + 0.05 * gradient
        x = (0.95 * mean + 0.05 * gradient).reshape(shape[0], -1)
        x /= np.linalg.norm(x)
        for _ in range(5):
            x = 3.4445 * x - 4.7750 * x @ x.T @ x + 2.0315 * x @ x.T @ x @ x.T @ x
        expected -= 0.1 * np.sqrt(max(1, x.shape[0] / x.shape[1])) * x.reshape(shape)
    assert np.allclose(weight.detach().numpy(), expected, atol=1e-6)


def test_a_table_has_means_and_spreads_and_no_spread_for_one_seed(lib, capsys):
    table = lib.tabulate("net", {"UNet": {"loss": [1.0, 2.0], "share": [0.5]}})
    assert table["UNet"]["share"] == {"mean": 0.5, "sd": None} and table["UNet"]["loss"]["mean"] == 1.5
    assert " ".join(capsys.readouterr().out.split()) == "net loss share UNet 1.5000 ± 0.7071 0.5000 (one seed)"


def test_a_comparison_is_made_seed_by_seed_and_one_seed_gives_no_verdict(lib, capsys):
    one, other = {"loss": [1.0, 2.0], "share": [0.5, 0.9]}, {"loss": [1.5, 2.75], "share": [0.75, 0.4]}
    lib.compare({"UNet less Pool": (one, other), "one seed": ({"loss": [1.0]}, {"loss": [1.0]})})
    paired = lib.SUMMARY["paired"]
    assert paired["UNet less Pool: loss"]["differences"] == [-0.5, -0.75] and paired["UNet less Pool: loss"]["agree"]
    assert paired["UNet less Pool: loss"]["mean"] == -0.625 and paired["UNet less Pool: share"]["agree"] is False
    assert paired["one seed: loss"] == {"differences": [0.0], "mean": 0.0, "sd": None, "agree": None}
    printed = [line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]]
    assert printed == ["yes", "no", "seed"]


def test_the_batch_study_compares_equal_epochs_equal_updates_and_scaled_rates(lib, monkeypatch):
    def run(part, size, study, updates_per_epoch, *losses):
        record = {"part": part, "batch_size": size, "study": study, "history": {"val_loss": losses}}
        lib.RUNS[len(lib.RUNS)] = record | {"epochs": len(losses), "updates": updates_per_epoch * len(losses)}

    monkeypatch.setattr(lib, "STUDY_UPDATES", 7)
    run("B", 100, None, 3, 0.9, 0.8, 0.7)
    run("B", 100, None, 3, 1.9, 1.8, 1.7)
    run("B.5", 32, "same epochs", 4, 0.6, 0.5, 0.4)
    run("B.5", 32, "scaled rate", 4, 0.66, 0.55, 0.44)
    run("B.5", 512, "same epochs", 1, 3.3, 3.2, 3.1)
    run("B.5", 512, "same updates", 1, 3.3, 3.2, 3.1, 3.0, 2.9, 2.8)
    run("B.5", 512, "scaled rate", 1, 3.0, 2.0, 1.0)
    assert lib.batch_losses(32) == {"same epochs": [0.4], "same updates": [0.5], "scaled rate": [0.44]}
    assert lib.batch_losses(100) == {"same epochs": [0.7, 1.7], "same updates": [0.8], "scaled rate": [0.7]}
    assert lib.batch_losses(512) == {"same epochs": [3.1], "same updates": [2.8], "scaled rate": [1.0]}
