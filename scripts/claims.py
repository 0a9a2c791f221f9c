"""What must hold in results.json (and pictures.npz) for each \\claim of the writeup, seed by seed.

Usage: python scripts/claims.py [full|quick|sample]   (prints each claim, the numbers behind it, and whether it holds)
"""

import sys

import numpy as np
from notebook import base_folder
from results import batch_records, colour_values, differences, load_results, segmentation_values

POOL, CONV, UNET = "PoolUpsampleNet", "ConvTransposeNet", "UNet"


def all_above(values, least=0.0):
    """Whether there are several numbers, all above `least`: one seed decides nothing."""
    return len(values) > 1 and min(values) > least


def loss_falls(results, better, worse, **which):
    return differences(colour_values(results, worse, **which), colour_values(results, better, **which))


def accuracy_rises(results, better, worse):
    return differences(*(colour_values(results, net, "val_accuracy") for net in (better, worse)))


def edge_and_rest(results, net):
    """Accuracy at an edge and far from one."""
    distances = results["summary"]["accuracy_by_distance"][net]
    return distances[0], distances[-1]


def batch_finals(results, size):
    return [run["history"]["val_loss"][-1] for run in batch_records(results, size)]


def batch_training(results, size):
    return [run["history"]["train_loss"][-1] for run in batch_records(results, size)]


def control(results, study):
    """{batch size: final validation loss} of a control of B.5."""
    return {int(size): row[study]["mean"] for size, row in results["summary"]["batch_size"].items()}


def iou_leads(results, score, when, protocol="handout", **which):
    return differences(
        *(segmentation_values(results, loss, score, when, protocol, **which) for loss in ("iou", "cross_entropy"))
    )


def conv_gain(results):
    (conv_edge, conv_far), (pool_edge, pool_far) = edge_and_rest(results, CONV), edge_and_rest(results, POOL)
    return conv_edge - pool_edge, conv_far - pool_far


def unet_gain(results):
    (unet_edge, unet_far), (conv_edge, conv_far) = edge_and_rest(results, UNET), edge_and_rest(results, CONV)
    return unet_edge - conv_edge, unet_far - conv_far


def border(pictures, index):
    return pictures["borders/iou"][index] - pictures["borders/cross_entropy"][index]


# name: (numbers behind it, whether they bear it out)
CLAIMS = {
    "edge-pool": (lambda r, p: edge_and_rest(r, POOL), lambda v: v[0] + 0.1 < v[1]),
    "chroma-pool": (lambda r, p: [r["summary"]["chroma"][name] for name in (POOL, "target")], lambda v: v[0] < v[1]),
    "conv-below-pool": (
        lambda r, p: (loss_falls(r, CONV, POOL), accuracy_rises(r, CONV, POOL)),
        lambda v: all(map(all_above, v)),
    ),
    "conv-gain-at-edges": (lambda r, p: conv_gain(r), lambda v: v[0] > 0.1 and v[0] > 2 * v[1]),
    "batch-order": (
        lambda r, p: [batch_finals(r, size) for size in (32, 64, 100, 128, 256, 512)],
        lambda v: all_above(differences(v[-1], v[0])) and list(map(np.mean, v)) == sorted(map(np.mean, v)),
    ),
    "batch-noise": (
        lambda r, p: differences(batch_finals(r, 32), batch_finals(r, 64)),
        lambda v: len(v) > 1 and min(v) < 0 < max(v),
    ),
    "batch-train": (
        lambda r, p: [batch_training(r, size) for size in (32, 64, 100, 128, 256, 512)],
        lambda v: all_above(differences(v[0], v[1])) and list(map(np.mean, v[1:])) == sorted(map(np.mean, v[1:])),
    ),
    "batch-turned": (
        lambda r, p: control(r, "same updates"),
        lambda v: min(v, key=v.get) == 512 and max(v, key=v.get) == 32 and list(v.values()) != sorted(v.values())[::-1],
    ),
    "batch-scaled": (
        lambda r, p: [np.ptp(list(control(r, study).values())) for study in ("scaled rate", "same epochs")],
        lambda v: v[0] < v[1] / 2,
    ),
    "unet-below-conv": (
        lambda r, p: (loss_falls(r, UNET, CONV), accuracy_rises(r, UNET, CONV)),
        lambda v: all(map(all_above, v)),
    ),
    "unet-lead-at-edges": (lambda r, p: unet_gain(r), lambda v: v[0] > 0.03 and v[0] > 2 * abs(v[1])),
    "unet-sooner": (lambda r, p: loss_falls(r, UNET, CONV, epoch=0), all_above),
    "strong-lead": (
        lambda r, p: (loss_falls(r, UNET, CONV, recipe="strong"), loss_falls(r, UNET, CONV)),
        lambda v: all_above(v[0]) and np.mean(v[0]) < np.mean(v[1]) / 2,
    ),
    "iou-raw-fails": (
        lambda r, p: segmentation_values(r, "iou", "thresholded_iou", 10, recipe="handout"),
        lambda v: len(v) == 3 and sum(score < 0.1 for score in v) == 2,
    ),
    "iou-centred-trails": (
        lambda r, p: (
            segmentation_values(r, "iou", "thresholded_iou", 10, study="one rate"),
            iou_leads(r, "thresholded_iou", 10, study="one rate"),
        ),
        lambda v: all_above(v[0], 0.3) and all_above([-gap for gap in v[1]]),
    ),
    "iou-mended": (
        lambda r, p: (iou_leads(r, "thresholded_iou", "validation"), iou_leads(r, "mean_iou", "test", "leak-free")),
        lambda v: all_above(v[0]) and all_above([-gap for gap in v[1]]) and max(map(abs, v[0] + v[1])) < 0.02,
    ),
    "borders": (lambda r, p: (border(p, 24), border(p, 15)), lambda v: v[0] > 0.02 and abs(v[1]) < v[0]),
}  # fmt: skip


def holding_claims(results, pictures):
    """The names of the claims that these results bear out; one whose numbers are not there does not hold."""
    held = set()
    for name, (numbers, holds) in CLAIMS.items():
        try:
            if holds(numbers(results, pictures)):
                held.add(name)
        except (KeyError, IndexError, ValueError):  # a run without studies, or with other batch sizes
            continue
    return held


def main(profile):
    folder = base_folder(profile) / "figures"
    results, _ = load_results(folder)
    with np.load(folder / "pictures.npz") as pictures:
        held = holding_claims(results, pictures)
        for name, (numbers, _) in CLAIMS.items():
            try:
                print(f"{'holds' if name in held else 'NOT  '}  {name}: {numbers(results, pictures)}")
            except (KeyError, IndexError, ValueError) as error:
                print(f"NOT    {name}: no numbers ({error!r})")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "full")
