"""What must hold for every input: counting, paddings, losses, scores and colours, on cases that hypothesis makes up."""

import numpy as np
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

VOID = 255
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
sizes = st.integers(1, 6).map(lambda n: 4 * n)
seeds = st.integers(0, 2**32 - 1)


def masks_from(seed, count, size, values=(0, 1, VOID)):
    generator = torch.Generator().manual_seed(seed)
    return torch.tensor(values)[torch.randint(len(values), (count, size, size), generator=generator)]


@quick
@given(nic=st.integers(1, 4), nf=st.integers(1, 9), nc=st.integers(1, 9), kernel=st.sampled_from([1, 3, 5]), size=sizes)
def test_formula_and_module_count_alike(definitions, nic, nf, nc, kernel, size):
    walked = definitions.count_by_walking(definitions.PoolUpsampleNet(kernel, nf, nc, nic), nic, size)
    extra = walked.pop("extra")
    assert walked == definitions.count_by_formula(nic, nf, nc, kernel, size)
    assert extra["biases"] == 4 * nf + 2 * nc
    assert extra["batch norm weights"] == 8 * nf + 2 * nc


@quick
@given(kernel=st.integers(1, 11), half=st.integers(1, 20))
def test_stride_2_halves_and_doubles_every_even_size(definitions, kernel, half):
    padding, transposed_padding, output_padding = definitions.stride_2_paddings(kernel)
    x = torch.zeros(1, 1, 2 * half, 2 * half)
    down = torch.nn.Conv2d(1, 1, kernel, stride=2, padding=padding)
    up = torch.nn.ConvTranspose2d(1, 1, kernel, stride=2, padding=transposed_padding, output_padding=output_padding)
    if 2 * half + 2 * padding >= kernel:
        assert down(x).shape == (1, 1, half, half)
    assert up(x).shape == (1, 1, 4 * half, 4 * half)
    assert 0 <= output_padding < 2
    assert definitions.same_size_conv(1, 1, kernel)(x).shape == x.shape


@quick
@given(kernel=st.integers(1, 7), height=sizes, width=sizes, nic=st.integers(1, 3))
def test_both_learned_nets_keep_every_allowed_size(definitions, kernel, height, width, nic):
    for net_class in (definitions.ConvTransposeNet, definitions.UNet):
        net = net_class(kernel, 2, 5, nic).eval()
        if min(height, width) // 2 + 2 * ((kernel - 1) // 2) >= kernel:
            assert net(torch.zeros(1, nic, height, width)).shape == (1, 5, height, width)


@quick
@given(seed=seeds, count=st.integers(1, 3), size=st.integers(1, 8), shift=st.floats(-50, 50))
def test_the_iou_loss_is_between_0_and_1_and_sees_differences_of_logits_alone(definitions, seed, count, size, shift):
    pred = torch.randn(count, 2, size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    truth = masks_from(seed, count, size, (0, 1))
    loss = definitions.compute_iou_loss(pred, truth)
    assert 0 <= loss <= 1
    assert torch.allclose(definitions.compute_iou_loss(pred + shift, truth), loss)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    assert torch.allclose(definitions.compute_iou_loss(pred[order], truth[order]), loss)


@quick
@given(seed=seeds, size=st.integers(2, 8))
def test_a_certain_and_right_prediction_has_no_iou_loss_and_full_scores(definitions, seed, size):
    truth = masks_from(seed, 2, size, (0, 1))
    pred = 50.0 * torch.stack([1 - truth, truth], dim=1)
    assert definitions.compute_iou_loss(pred, truth) < 1e-4
    scores = definitions.scores(definitions.count_pixels(truth, truth, 0), 0)
    if (truth == 1).any() and (truth == 0).any():
        assert scores == {"thresholded_iou": 1, "foreground_iou": 1, "mean_iou": 1}


@quick
@given(seed=seeds, count=st.integers(1, 4), size=st.integers(1, 9), void=st.sampled_from([0, VOID]))
def test_counts_and_scores_stay_in_their_ranges(definitions, seed, count, size, void):
    predicted, masks = masks_from(seed, count, size, (0, 1)), masks_from(seed + 1, count, size)
    counts = definitions.count_pixels(predicted, masks, void)
    seen = size * size - ((masks == VOID).sum(dim=(1, 2)) if void == VOID else 0)
    assert torch.equal(counts[:, :4].sum(dim=1), torch.as_tensor(seen).expand(count))
    assert all(0 <= score <= 1 for score in definitions.scores(counts, void).values())


@quick
@given(seed=seeds, count=st.integers(1, 5), size=st.integers(1, 6))
def test_labels_survive_the_way_to_colours_and_back(definitions, seed, count, size):
    cats = np.random.default_rng(seed).integers(0, 24, (count, size, size))
    rgb = definitions.get_cat_rgb(cats, definitions.COLOURS)
    assert rgb.shape == (count, size, size, 3)
    assert np.array_equal(definitions.get_rgb_cat(rgb.transpose(0, 3, 1, 2), definitions.COLOURS)[:, 0], cats)


@quick
@given(seed=seeds, width=st.integers(1, 40), height=st.integers(1, 40))
def test_a_photo_of_any_size_is_colourized_at_its_size(definitions, seed, width, height):
    from PIL import Image

    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    logits, grey = definitions.colour_logits(definitions.UNet(3, 4, 24, 1), Image.fromarray(pixels), longest=64)
    assert logits.shape == (24, height, width) and grey.shape == (height, width)
    images = definitions.colourings(logits, temperatures=(1.0, 0.4))
    assert all(image.shape == (height, width, 3) for image in images.values())
