"""What must hold of the tables for each \\claim of the writeup.

To add one, write \\claim{its-name}{the sentence} in a2-writeup.tex, and "its-name": condition in
CLAIMS. A condition is plain Python: t("table", "row", "column") is a number of a shown table, t.row
and t.column are lists. One that asks for a missing number does not hold.
"""

from tables import Tables

POOL, CONVT, UNET = "PoolUpsampleNet", "ConvTransposeNet", "UNet"


def falls(differences):
    """On every seed; one alone agrees on nothing."""
    return len(differences) > 1 and max(differences) < 0


def rises(differences):
    return len(differences) > 1 and min(differences) > 0


def improves(t, table):
    """On every seed the validation loss falls and the accuracy rises."""
    return falls(t.row(table, "val_loss")) and rises(t.row(table, "val_accuracy"))


def final(t, net, column="val_loss"):
    """A network's mean after the last epoch."""
    return t("parts-a-c", net, f"{column} mean")


def shares(t, part, whole, other):
    """How much of one change's gain in loss another one brings, by seed; nan without a gain."""
    gains = t.row("alone-minus", f"{part} minus {other}")
    all_gains = t.row("alone-minus", f"{whole} minus {other}")
    if not falls(all_gains):
        return [float("nan")]
    return [gain / all_of_it for gain, all_of_it in zip(gains, all_gains, strict=True)]


def in_order(numbers):
    return numbers == sorted(numbers)


def batch_32_above(t, table, column):
    """It lies above 64 and 100."""
    return t(table, "32", column) > max(t(table, size, column) for size in ("64", "100"))


def minus(t, run, other):
    """Differences in thresholded IoU on validation, by seed."""
    pairs = zip(t.row("flower-seeds", run), t.row("flower-seeds", other), strict=True)
    return [ours - theirs for ours, theirs in pairs]


def seed_0_alone_learns(t):
    by_seed, usual = t.row("flower-seeds", "IoU, handout D"), t.column("iou", "val_mean_iou")
    alike = max(by_seed[1:]) - min(by_seed[1:]) < 1e-3 and max(usual[1:]) - min(usual[1:]) < 1e-3
    return alike and usual[0] > 0.5 > usual[1] and by_seed[0] > by_seed[1]


def calls_all_flower(t):
    scores = zip(t.column("iou", "val_image_iou"), t.column("iou", "val_mean_iou"), strict=True)
    return all(mean > 0.5 or abs(image - 2 * mean) < 1e-6 for image, mean in scores)


def first_updates(t):
    rows = "first-updates"
    z, unsure = t.column(rows, "seed 1 mean z"), t.column(rows, "seed 1 unsure")
    bare, pushes = (t.column(rows, f"seed 1, beta1 = 0 {name}") for name in ("mean z", "grad"))
    fails = z[0] < 1 and z[1] > 5 and z[-1] > 50 and max(unsure[1:]) == 0
    stays = max(bare[1:-1]) - min(bare[1:-1]) < 3 and max(pushes[1:-1]) < 3e-5
    gradients = [t(rows, "1", f"seed {seed} grad") for seed in (1, 0)]
    learns = min(t.column(rows, "seed 0 unsure")) > 0.02 and t(rows, "30", "seed 0 mean z") < 0
    return fails and stays and bare[-1] < bare[-2] - 1 and learns and gradients[0] > gradients[1]


CLAIMS = {
    "pool-below-table": lambda t: (
        final(t, POOL) > final(t, "grey table") + 0.3
        and final(t, POOL, "val_accuracy") < final(t, "grey table", "val_accuracy") - 0.1
    ),
    "train-evaluated": lambda t: abs(final(t, CONVT, "eval_train_loss") - final(t, CONVT)) < 0.01,
    "convt-below-pool": lambda t: improves(t, "convt-minus-pool"),
    "convt-above-table": lambda t: final(t, CONVT) > final(t, "grey table"),
    "both-ends": lambda t: all(
        0 < share < 0.25
        for change in ("StridedUpsampleNet", "PoolTransposeNet")
        for share in shares(t, change, CONVT, POOL)
    ),
    "unet-below-convt": lambda t: improves(t, "unet-minus-convt"),
    "half-skip": lambda t: min(shares(t, "HalfSkipNet", UNET, CONVT)) > 0.5,
    "small-unet": lambda t: (
        min(shares(t, "SmallUNet", UNET, CONVT)) > 0.8
        and t("alone", "SmallUNet", "parameters mean") < t("alone", CONVT, "parameters mean")
    ),
    "input-skip": lambda t: max(shares(t, "InputSkipNet", "HalfSkipNet", CONVT)) < 0.25,
    "grey-unet": lambda t: falls(t.row("alone-minus", "GreyUNet minus UNet")),
    "batch-order": lambda t: (
        in_order(t.column("batch-epochs", "val_loss mean"))
        and rises(t.row("batch-minus", "batch 512"))
    ),
    "batch-train": lambda t: (
        in_order(t.column("batch-epochs", "eval_train_loss mean"))
        and batch_32_above(t, "batch-epochs", "train_loss mean")
    ),
    "batch-modes": lambda t: (
        batch_32_above(t, "batch-modes", "training mode")
        and in_order(t.column("batch-modes", "evaluation mode"))
    ),
    "batch-turned": lambda t: (
        t("batch-updates", "512", "mean") == min(t.column("batch-updates", "mean"))
        and t("batch-updates", "32", "mean") == max(t.column("batch-updates", "mean"))
        and max(abs(number - 250) for number in t.column("batch-updates", "updates")) < 65
    ),
    "iou-one-seed": seed_0_alone_learns,
    "iou-fails": calls_all_flower,  # the background's IoU is 0, and the flower's its share
    "iou-below": lambda t: falls(minus(t, "IoU, handout D", "cross entropy, handout D")),
    "iou-first-updates": first_updates,
    "iou-slower": lambda t: (
        t("learned", "IoU, slower", "learned") == 8
        and t("learned", "cross entropy, handout D", "learned") == 8
        and t("learned", "IoU, handout D", "learned") < 4
    ),
    "slower-mixed": lambda t: (
        sum(n < 0 for n in minus(t, "IoU, slower", "cross entropy, slower")) == 5
    ),
    "gentle-learns": lambda t: (
        min(t.column("gentle-starter-val", "val_mean_iou mean")) > 0.75
        and max(t.column("gentle-starter-val", "val_mean_iou std")) < 0.1
    ),
    "verdict": lambda t: (
        falls(t.row("gentle-starter-minus", "val_mean_iou"))
        and falls(t.row("gentle-starter-minus", "test_mean_iou"))
        and falls(t.row("gentle-starter-minus", "test_thresholded_iou"))
        and not falls(t.row("gentle-starter-minus", "val_thresholded_iou"))
        and not rises(t.row("gentle-starter-minus", "val_thresholded_iou"))
        and rises(t.row("gentle-starter-minus", "val_image_iou"))
        and rises(t.row("gentle-starter-minus", "test_image_iou"))
        and 0 < t("verdict", "cross entropy", "mean") < 2 * t("verdict", "cross entropy", "sem")
        and 0 < t("verdict", "moved", "mean") < t("verdict", "cross entropy", "mean")
    ),
    "this-network": lambda t: (
        t.about["network"] == "DeepLabv3 mobilenet_v2"
        and t.row("photos", "starter")[:3] == [453, 192, 201]
    ),
}


def judge(results):
    """{claim: (whether these results bear it out, what it looked up)}."""
    judged = {}
    for name, condition in CLAIMS.items():
        tables = Tables(results)
        try:
            holds = bool(condition(tables))
        except (LookupError, ValueError, ZeroDivisionError):
            holds = False
        judged[name] = holds, tables.looked_up
    return judged
