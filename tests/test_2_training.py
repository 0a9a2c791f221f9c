"""The training loop, its means, seeds and checkpoints, and the batch-size study."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

SETTINGS = {"batch_size": 8, "num_epochs": 3, "learning_rate": 1e-3}


@pytest.fixture
def data(lib):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (count, 3, 8, 8), dtype=np.uint8) for count in (21, 10)]
    return (*map(lib.prepare_colour_set, images), "hash of the images")


@pytest.fixture
def small(lib, monkeypatch):
    monkeypatch.setattr(lib, "NUM_FILTERS", 4)
    return lib


def train(lib, data, seed=0, **changes):
    return lib.run_colourization("B", lib.ConvTransposeNet, seed, data, **(SETTINGS | changes))


def same_bits(net, other):
    return all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), other.state_dict().values(), strict=True))


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(small, data, tmp_path, monkeypatch):
    first, net = train(small, data)
    monkeypatch.setattr(small, "OUTPUT_DIR", tmp_path / "elsewhere")
    again, net_again = train(small, data)
    other, net_other = train(small, data, seed=1)
    assert first["history"] == again["history"] and same_bits(net, net_again)
    assert first["history"] != other["history"] and not same_bits(net, net_other)


def test_a_run_does_not_depend_on_what_was_drawn_before_it(small, data, tmp_path, monkeypatch):
    first, _ = train(small, data)
    monkeypatch.setattr(small, "OUTPUT_DIR", tmp_path / "elsewhere")
    torch.rand(17), np.random.rand(5)
    assert train(small, data)[0]["history"] == first["history"]


def test_the_order_of_the_images_is_the_starters(small, data, monkeypatch):
    """The starter shuffles the images themselves with numpy's legacy generator, once."""
    seen = []
    monkeypatch.setattr(small, "pixel_loss", lambda logits, labels, **_: (seen.append(labels), logits.sum())[1])
    net = small.ConvTransposeNet(3, 4, 24, 1)
    monkeypatch.setattr(small, "evaluate_colourization", lambda net, dataset: (0.0, 0.0))
    small.train_colourization(net, *data[:2], seed=3, checkpoint=small.OUTPUT_DIR / "order.pt", **SETTINGS)
    labels = data[0].labels.cpu().numpy().copy()
    np.random.seed(3)
    np.random.shuffle(labels)
    assert np.array_equal(torch.cat(seen).cpu().numpy(), np.concatenate([labels] * SETTINGS["num_epochs"]))


def test_losses_are_means_over_images_not_over_batches(small, data, monkeypatch):
    net = small.ConvTransposeNet(3, 4, 24, 1)
    loss, accuracy = small.evaluate_colourization(net, data[0])
    uneven = small.evaluate_colourization(net, data[0], batch_size=8)  # batches of 8, 8 and 5
    with torch.no_grad():
        logits = net.eval()(data[0].grey)
    assert loss == pytest.approx(F.cross_entropy(logits, data[0].labels).item(), rel=1e-5)
    assert uneven == pytest.approx((loss, accuracy), rel=1e-5)
    assert accuracy == (logits.argmax(1) == data[0].labels).double().mean().item()


def test_the_train_loss_weighs_a_short_last_batch_by_its_images(small, data, monkeypatch):
    sizes = {8: 1.0, 5: 9.0}  # a loss by the size of the batch, so that a plain mean over batches would show
    monkeypatch.setattr(small, "pixel_loss", lambda logits, labels, **_: logits.sum() * 0 + sizes[len(labels)])
    monkeypatch.setattr(small, "evaluate_colourization", lambda net, dataset: (0.0, 0.0))
    record, _ = train(small, data, num_epochs=1)
    assert record["history"]["train_loss"] == [pytest.approx((16 * 1 + 5 * 9) / 21)]


@pytest.mark.parametrize("batch_size", [1, 7, 21, 500])
def test_any_batch_size_trains(small, data, batch_size):
    record, _ = train(small, data, batch_size=batch_size, num_epochs=1)
    assert np.isfinite(record["history"]["val_loss"]).all()
    assert record["updates"] == -(-21 // batch_size)


@pytest.mark.parametrize("changes", [{"batch_size": 0}, {"num_epochs": 0}])
def test_settings_that_cannot_train_are_refused(small, data, changes):
    with pytest.raises(ValueError, match="at least 1"):
        train(small, data, **changes)


@pytest.mark.parametrize("name", ["PoolUpsampleNet", "ConvTransposeNet", "UNet"])
def test_training_learns(small, data, name):
    settings = {"batch_size": 4, "num_epochs": 8, "learning_rate": 1e-2}
    record, _ = small.run_colourization("A", getattr(small, name), 0, data, **settings)
    assert record["history"]["train_loss"][-1] < 0.9 * record["history"]["train_loss"][0]


@pytest.mark.parametrize("stop_after", [1, 2])
def test_an_interrupted_run_ends_with_the_bits_of_an_uninterrupted_one(small, data, tmp_path, monkeypatch, stop_after):
    expected, expected_net = train(small, data)
    monkeypatch.setattr(small, "OUTPUT_DIR", tmp_path / "elsewhere")
    save, saved = small.save_checkpoint, []

    def save_then_stop(path, state):
        save(path, state)
        saved.append(path)
        if len(saved) == stop_after:
            raise KeyboardInterrupt

    monkeypatch.setattr(small, "save_checkpoint", save_then_stop)
    with pytest.raises(KeyboardInterrupt):
        train(small, data)
    record, net = train(small, data)
    assert len(saved) == SETTINGS["num_epochs"]  # no epoch was trained twice
    assert record["history"] == expected["history"] and same_bits(net, expected_net)


def test_a_finished_run_is_loaded_and_not_trained_again(small, data, monkeypatch, capsys):
    first, net = train(small, data)
    monkeypatch.setattr(torch.optim.Adam, "step", None)  # any training step would fail
    capsys.readouterr()
    record, loaded = train(small, data)
    assert record == first and same_bits(net, loaded)
    assert len([line for line in capsys.readouterr().out.splitlines() if line.endswith(" s")]) == 3


CHANGES = ["learning_rate", "batch_size", "seed", "data", "net", "palette", "training"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_run_starts_afresh(small, data, monkeypatch, change):
    train(small, data)
    settings = SETTINGS | {"learning_rate": {"learning_rate": 0.01}, "batch_size": {"batch_size": 7}}.get(change, {})
    net_class = small.ConvTransposeNet
    if change == "net":
        doubled = {"forward": lambda self, x: 2 * super(type(self), self).forward(x)}
        net_class = type("ConvTransposeNet", (net_class,), doubled)
    if change == "palette":
        monkeypatch.setattr(small, "COLOURS", small.COLOURS[::-1])
    if change == "training":
        train_epoch = small.train_epoch
        monkeypatch.setattr(small, "train_epoch", lambda *arguments: 1.0 * train_epoch(*arguments))
    changed_data = (*data[:2], "other images") if change == "data" else data
    small.run_colourization("B", net_class, int(change == "seed"), changed_data, **settings)
    assert len(list(small.OUTPUT_DIR.iterdir())) == 2


def test_a_comment_does_not_count_as_another_code(small):
    def plain(x):
        return [x + i for i in range(3)]

    def commented(x):
        # adds a few numbers
        return [x + i for i in range(3)]

    def other(x):
        return [x + i for i in range(4)]

    assert small.code_of(plain) == small.code_of(commented) != small.code_of(other)
    assert " at 0x" not in small.code_of(plain, small.train_colourization, small.make_optimizers)


def test_decorators_do_not_hide_code_and_defaults_count(small):
    @torch.inference_mode()
    def three(x, step=1):
        return x + 3 * step

    @torch.inference_mode()
    def four(x, step=1):
        return x + 4 * step

    @torch.inference_mode()
    def doubled(x, step=2):
        return x + 3 * step

    assert len({small.code_of(three), small.code_of(four), small.code_of(doubled)}) == 3
    before = small.code_of(small.Muon.step)  # PyTorch wraps `step` again when the first optimizer is made
    small.Muon([torch.nn.Parameter(torch.ones(2, 2))], lr=0.1)
    assert small.code_of(small.Muon.step) == before


def test_the_loss_is_the_cross_entropy_of_every_pixel(small):
    torch.manual_seed(0)
    logits, labels = torch.randn(3, 24, 5, 7), torch.randint(0, 24, (3, 5, 7))
    rows = [(logits[i, :, y, x], labels[i, y, x]) for i in range(3) for y in range(5) for x in range(7)]
    expected = sum(row.logsumexp(0) - row[label] for row, label in rows) / len(rows)
    for layout in (torch.contiguous_format, torch.channels_last):
        ours = logits.to(memory_format=layout).requires_grad_()
        loss = small.pixel_loss(ours, labels)
        assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
        assert small.pixel_loss(ours, labels, reduction="sum").item() == pytest.approx(105 * expected.item(), rel=1e-6)
        (slope,) = torch.autograd.grad(loss, ours)
        true = F.one_hot(labels, 24).permute(0, 3, 1, 2)
        assert torch.allclose(slope, (ours.softmax(1) - true) / 105, atol=1e-7)


def test_a_damaged_checkpoint_is_set_aside_and_the_run_starts_afresh(small, data, capsys):
    expected, _ = train(small, data)
    (path,) = small.OUTPUT_DIR.iterdir()
    path.write_bytes(path.read_bytes()[:1000])
    record, _ = train(small, data)
    assert record["history"] == expected["history"]
    assert "cannot be read" in capsys.readouterr().out
    assert path.with_suffix(".damaged").stat().st_size == 1000


def test_a_checkpoint_with_code_in_it_is_not_executed(small, tmp_path):
    class Planted:
        def __reduce__(self):
            return (print, ("planted code ran",))

    torch.save({"net": Planted()}, tmp_path / "planted.pt")
    assert small.load_checkpoint(tmp_path / "planted.pt") is None
    assert (tmp_path / "planted.damaged").exists()


def test_the_study_compares_equal_updates_and_scaled_rates(small, data, monkeypatch):
    for name, value in {"STUDY_BATCH_SIZES": [3, 7, 21], "BATCH_SIZE": 7, "NUM_EPOCHS": 4, "STUDY_UPDATES": 6}.items():
        monkeypatch.setattr(small, name, value)
    baseline = train(small, data, batch_size=7, num_epochs=4)
    study, nets = small.run_batch_study(small.ConvTransposeNet, data, baseline)
    assert list(nets) == [7, 3, 21] and nets[7] is baseline[1]
    assert {size: run["epochs"] for size, run in study["same epochs"].items()} == {3: 4, 7: 4, 21: 4}
    assert study["same updates"][3] is study["same epochs"][3]  # 7 updates an epoch: its first epoch is the comparison
    assert study["same updates"][21]["epochs"] == 6
    assert {size: run["learning_rate"] for size, run in study["scaled rate"].items()} == pytest.approx(
        {3: 1e-3 * 3 / 7, 7: 1e-3, 21: 3e-3}
    )
    summary = small.batch_summary(study)
    assert summary["same updates"][3] == study["same epochs"][3]["history"]["val_loss"][0]
    assert summary["same updates"][21] == study["same updates"][21]["history"]["val_loss"][5]
    assert [small.loss_after_updates(study["same updates"][size], 6)[1] for size in (3, 7, 21)] == [7, 6, 6]


def test_a_longer_run_begins_with_the_shorter_one(small, data):
    """Why a run's first epochs may stand for a shorter run: the recipe does not depend on the number of epochs."""
    short, _ = train(small, data, num_epochs=2)
    long, _ = train(small, data, num_epochs=3)
    assert long["history"]["val_loss"][:2] == short["history"]["val_loss"]


# --- the strong recipe ---

STRONG = {"learning_rate": 0.02, "betas": (0.9, 0.95), "muon": 0.1, "cycle": True, "flips": True}


def test_mirrored_images_keep_their_labels_and_half_of_them_are_mirrored(small):
    grey = torch.rand(400, 1, 4, 4)
    labels = (grey[:, 0] * 1000).long()
    shown, again, other = (small.mirror_half(small.ColourSet(grey, labels), 0, epoch) for epoch in (0, 0, 1))
    assert torch.equal((shown.grey[:, 0] * 1000).long(), shown.labels)
    mirrored = [torch.equal(image, before.flip(-1)) for image, before in zip(shown.grey, grey, strict=True)]
    kept = [torch.equal(image, before) for image, before in zip(shown.grey, grey, strict=True)]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert 160 < sum(mirrored) < 240
    assert torch.equal(shown.grey, again.grey) and not torch.equal(shown.grey, other.grey)


def test_one_cycle_rises_to_its_peak_and_falls_to_nothing(small):
    shares = small.one_cycle(100)
    assert shares.argmax() in (29, 30) and shares.max() == pytest.approx(1, rel=1e-2)
    assert (np.diff(shares[:30]) > 0).all() and (np.diff(shares[30:]) < 0).all()
    assert shares[0] < 0.01 and 0 < shares[-1] < 0.001


@pytest.mark.parametrize("shape", [(32, 288), (24, 9), (5, 5), (64, 288)])
def test_orthogonalizing_brings_all_singular_values_near_one(small, shape):
    matrix = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(small.orthogonalize(matrix))
    assert values.min() > 0.6 and values.max() < 1.3
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    exact = u @ v
    assert torch.nn.functional.cosine_similarity(small.orthogonalize(matrix).flatten(), exact.flatten(), dim=0) > 0.95


def test_muon_goes_down_and_handles_kernels_alone(small):
    net = small.ConvTransposeNet(3, 4, 24, 1)
    adam, muon = small.make_optimizers(net, 0.01, (0.9, 0.95), 0.1)
    ids = [{id(p) for group in optimizer.param_groups for p in group["params"]} for optimizer in (muon, adam)]
    assert ids[0] == {id(p) for p in net.parameters() if p.dim() == 4}
    assert not ids[0] & ids[1] and ids[0] | ids[1] == {id(p) for p in net.parameters()}
    (only_adam,) = small.make_optimizers(net, 0.01, (0.9, 0.999), None)
    assert len(only_adam.param_groups[0]["params"]) == len(list(net.parameters()))
    weight = torch.nn.Parameter(torch.randn(6, 3, generator=torch.Generator().manual_seed(1)))
    optimizer, losses = small.Muon([weight], lr=0.05), []
    for _ in range(60):
        loss = (weight**2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]


def test_an_interrupted_strong_run_ends_with_the_same_bits(small, data, tmp_path, monkeypatch):
    def run(path):
        small.set_seed(0)
        net = small.UNet(3, 4, 24, 1)
        return small.train_colourization(
            net, data[0], data[1], batch_size=7, num_epochs=3, seed=0, checkpoint=path, **STRONG
        )

    expected, expected_net = run(tmp_path / "a.pt")
    save = small.save_checkpoint

    def save_then_stop(path, state):
        save(path, state)
        raise KeyboardInterrupt

    monkeypatch.setattr(small, "save_checkpoint", save_then_stop)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "b.pt")
    monkeypatch.setattr(small, "save_checkpoint", save)
    history, net = run(tmp_path / "b.pt")
    assert history["val_loss"] == expected["val_loss"]
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), expected_net.parameters(), strict=True))
