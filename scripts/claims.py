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
    """How much of one change's gain in loss another one brings, by seed."""
    gains = t.row("alone-minus", f"{part} minus {other}")
    all_gains = t.row("alone-minus", f"{whole} minus {other}")
    return [gain / all_of_it for gain, all_of_it in zip(gains, all_gains, strict=True)]


def both_ends(t):
    strides = shares(t, "StridedUpsampleNet", CONVT, POOL)
    transposed = shares(t, "PoolTransposeNet", CONVT, POOL)
    sums = [one + other for one, other in zip(strides, transposed, strict=True)]
    gained = falls(t.row("alone-minus", f"{CONVT} minus {POOL}"))
    alone = strides + transposed
    return gained and min(alone) > 0 and max(alone) < 0.25 and max(sums) < 1


def in_order(numbers):
    """From the smallest on."""
    return numbers == sorted(numbers)


def spread(numbers):
    return max(numbers) - min(numbers)


def all_learned(t, run):
    return t("learned", run, "learned") == t("learned", run, "seeds")


def minus(t, run, other):
    """Differences in validation mIoU by seed."""
    pairs = zip(t.row("flower-seeds", run), t.row("flower-seeds", other), strict=True)
    return [ours - theirs for ours, theirs in pairs]


def ious(t):
    """(image IoU, mean IoU) of the IoU loss by the handout's recipe, for each seed."""
    columns = (t.column("iou", f"val_{score}_iou") for score in ("image", "mean"))
    return list(zip(*columns, strict=True))


CLAIMS = {
    "pool-below-table": lambda t: (
        final(t, POOL) > final(t, "grey table") + 0.3
        and final(t, POOL, "val_accuracy") < final(t, "grey table", "val_accuracy") - 0.1
    ),
    "train-evaluated": lambda t: abs(final(t, CONVT, "eval_train_loss") - final(t, CONVT)) < 0.01,
    "convt-below-pool": lambda t: improves(t, "convt-minus-pool"),
    "convt-above-table": lambda t: final(t, CONVT) > final(t, "grey table"),
    "both-ends": both_ends,
    "unet-below-convt": lambda t: improves(t, "unet-minus-convt"),
    "half-skip": lambda t: (
        falls(t.row("alone-minus", "UNet minus ConvTransposeNet"))
        and min(shares(t, "HalfSkipNet", UNET, CONVT)) > 0.5
    ),
    "small-unet": lambda t: (
        falls(t.row("alone-minus", "UNet minus ConvTransposeNet"))
        and min(shares(t, "SmallUNet", UNET, CONVT)) > 0.8
        and t("alone", "SmallUNet", "parameters mean") < t("alone", CONVT, "parameters mean")
    ),
    "input-skip": lambda t: (
        falls(t.row("alone-minus", "HalfSkipNet minus ConvTransposeNet"))
        and max(shares(t, "InputSkipNet", "HalfSkipNet", CONVT)) < 0.25
    ),
    "grey-unet": lambda t: falls(t.row("alone-minus", "GreyUNet minus UNet")),
    "batch-order": lambda t: (
        in_order(t.column("batch-epochs", "val_loss mean"))
        and rises(t.row("batch-minus", "batch 512"))
    ),
    "batch-train": lambda t: (
        in_order(t.column("batch-epochs", "eval_train_loss mean"))
        and t("batch-epochs", "32", "train_loss mean")
        > max(t("batch-epochs", size, "train_loss mean") for size in ("64", "100"))
    ),
    "batch-modes": lambda t: (
        t("batch-modes", "32", "training mode")
        > max(t("batch-modes", size, "training mode") for size in ("64", "100"))
        and t("batch-modes", "32", "evaluation mode")
        < min(t("batch-modes", size, "evaluation mode") for size in ("64", "100"))
    ),
    "batch-turned": lambda t: (
        t("batch-updates", "512", "mean") == min(t.column("batch-updates", "mean"))
        and t("batch-updates", "32", "mean") == max(t.column("batch-updates", "mean"))
        and t("batch-updates", "512", "mean") + 2 * t("batch-updates", "512", "std")
        < t("batch-updates", "32", "mean") - 2 * t("batch-updates", "32", "std")
        and max(abs(number - 250) for number in t.column("batch-updates", "updates")) < 65
    ),
    "iou-fails": lambda t: (
        t("learned", "IoU, handout D", "learned") == sum(mean > 0.5 for _, mean in ious(t)) == 1
        # The background's IoU is 0, and the flower's its share.
        and all(abs(image - 2 * mean) < 1e-6 for image, mean in ious(t) if mean < 0.5)
        and t("iou", "1", "val_mean_iou") < 0.5 < t("iou", "0", "val_mean_iou")
    ),
    "iou-below": lambda t: falls(minus(t, "IoU, handout D", "cross entropy, handout D")),
    "iou-first-updates": lambda t: (
        t("first-updates", "1", "seed 1 mean z") < 1
        and t("first-updates", "2", "seed 1 mean z") > 5
        and t("first-updates", "30", "seed 1 mean z") > 50
        and t.column("first-updates", "seed 1 unsure")[1:] == [0] * 7
        and t("first-updates", "1", "seed 1 grad") > 0.1 > t("first-updates", "1", "seed 0 grad")
        and max(t.column("first-updates", "seed 1, beta1 = 0 grad")[1:-1]) < 3e-5
        and spread(t.column("first-updates", "seed 1, beta1 = 0 mean z")[1:-1]) < 3
        and t("first-updates", "30", "seed 1, beta1 = 0 mean z")
        < t("first-updates", "20", "seed 1, beta1 = 0 mean z") - 1
        and min(t.column("first-updates", "seed 0 unsure")) > 0.02
        and t("first-updates", "30", "seed 0 mean z") < 0
    ),
    "iou-slower": lambda t: (
        all_learned(t, "IoU, slower")
        and all_learned(t, "cross entropy, handout D")
        and t("learned", "IoU, handout D", "learned") < t("learned", "IoU, handout D", "seeds")
    ),
    "slower-mixed": lambda t: (
        sum(number < 0 for number in minus(t, "IoU, slower", "cross entropy, slower")) == 5
    ),
    "gentle-learns": lambda t: all(
        mean - 2 * sd > 0.5
        for mean, sd in zip(
            t.column("gentle-starter-val", "val_mean_iou mean"),
            t.column("gentle-starter-val", "val_mean_iou std"),
            strict=True,
        )
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
        and 0 < t("verdict", "moved", "mean") < 2 * t("verdict", "moved", "sem")
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
        except (LookupError, ZeroDivisionError):
            holds = False
        judged[name] = holds, tables.looked_up
    return judged
