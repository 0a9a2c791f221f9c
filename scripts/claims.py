"""What must hold of the facts for each \\claim of the writeup.

To add one, write \\claim{its-name}{the sentence} in a2-writeup.tex, and "its-name": condition in
CLAIMS. A condition is plain Python about the facts: f["name"] is one; f.rises, f.falls and f.wavers
say what the seeds agree on about a difference. What rests on a missing fact does not hold.

Usage: python scripts/claims.py [full|quick|sample]   (each claim, if it holds, what it
looked up; the exit code is 1 if one does not hold)
"""

import sys
from statistics import fmean

from cells import base_folder
from facts import load_results


class Facts(dict):
    """Facts by name, which remember what was looked up; one seed alone agrees on nothing."""

    def __init__(self, facts):
        super().__init__(facts)
        self.looked_up = {}

    def __getitem__(self, name):
        self.looked_up[name] = self.get(name, "missing")
        return super().__getitem__(name)

    def falls(self, name):
        return len(self[name]) > 1 and max(self[name]) < 0

    def rises(self, name):
        return len(self[name]) > 1 and min(self[name]) > 0

    def wavers(self, name):
        return len(self[name]) > 1 and not self.falls(name) and not self.rises(name)

    def improves(self, difference):
        """On every seed the validation loss falls and the accuracy rises."""
        return self.falls(f"{difference}: val_loss") and self.rises(f"{difference}: val_accuracy")

    def by_size(self, what):
        """A fact of each batch size, from the smallest on; the mean over seeds."""
        values = [self[f"batch {size}{what}"] for size in (32, 64, 100, 128, 256, 512)]
        return [fmean(value) if isinstance(value, list) else value for value in values]

    def gain(self, net, other, distance):
        """By how much `net` is right more often than `other`, at a distance from an edge."""
        what = f"accuracy at distance {distance}"
        return self[f"{net}: {what}"] - self[f"{other}: {what}"]

    def times_lower(self, name, other):
        """On how many seeds one fact is lower than another."""
        return sum(ours < theirs for ours, theirs in zip(self[name], self[other], strict=True))

    def apart(self, name, other):
        """The largest difference of two facts on a seed."""
        pairs = zip(self[name], self[other], strict=True)
        return max(abs(ours - theirs) for ours, theirs in pairs)

    def by_epoch(self, column, run, seeds, epochs=(1, 2, 5, 10)):
        """Slopes, or shares called flower, of a loss and a recipe on these seeds."""
        return [self[f"{run}, seed {seed}: {column}, epoch {n}"] for seed in seeds for n in epochs]

    def slopes(self, run, *seeds):
        """The means of p (1 - p) of a loss and a recipe."""
        return self.by_epoch("slope", run, seeds)


def spread(numbers):
    return max(numbers) - min(numbers)


POOL, CONV, UNET = "PoolUpsampleNet", "ConvTransposeNet", "UNet"
EPOCHS, UPDATES, RATE = ", seed 0: same epochs", ", seed 0: same updates", ", seed 0: scaled rate"
EVALUATED = "evaluated_train_loss"
AT_EDGE, FAR = "accuracy at distance 0", "accuracy at distance 7"
RAW, GENTLE = "IoU, handout, starter", "IoU minus cross entropy, gentle"
ENTROPY = "cross entropy, handout"
CLAIMS = {
    "edge-pool": lambda f: f[f"{POOL}: {AT_EDGE}"] + 0.1 < f[f"{POOL}: {FAR}"],
    "chroma-pool": lambda f: f[f"{POOL}: chroma"] < f["target: chroma"],
    "chroma-conv": lambda f: (
        f[f"{CONV}: chroma"] < f[f"{POOL}: chroma"]
        and f[f"{CONV}: {FAR}"] > f[f"{POOL}: {FAR}"] + 0.05
    ),
    "chroma-unet": lambda f: f[f"{CONV}: chroma"] < f[f"{UNET}: chroma"] < f["target: chroma"],
    "conv-below-pool": lambda f: f.improves(f"{CONV} minus {POOL}"),
    "conv-gain-at-edges": lambda f: f.gain(CONV, POOL, 0) > 2 * f.gain(CONV, POOL, 7),
    "train-evaluated": lambda f: f.apart(f"{CONV}: {EVALUATED}", f"{CONV}: val_loss") < 0.01,
    "batch-order": lambda f: (
        f.by_size(": val_loss") == sorted(f.by_size(": val_loss"))
        and f.rises("batch 512 minus batch 32: val_loss")
    ),
    "batch-noise": lambda f: f.wavers("batch 64 minus batch 32: val_loss"),
    "batch-train": lambda f: (
        f.falls("batch 64 minus batch 32: train_loss")
        and f.by_size(": train_loss")[1:] == sorted(f.by_size(": train_loss")[1:])
    ),
    "batch-train-evaluated": lambda f: (
        f.times_lower(f"batch 32: {EVALUATED}", f"batch 64: {EVALUATED}") == 2
    ),
    "batch-turned": lambda f: (
        max(f.by_size(UPDATES)) == f[f"batch 32{UPDATES}"]
        and max(f.by_size(UPDATES)[4:]) < min(f.by_size(UPDATES)[:4])
    ),
    "batch-edges": lambda f: (
        f.by_size(f": {AT_EDGE}") == sorted(f.by_size(f": {AT_EDGE}"), reverse=True)
    ),
    "batch-dull": lambda f: (
        max(f.by_size(": chroma")) < f["target: chroma"]
        and max(f.by_size(": chroma")) == f["batch 32: chroma"]
        and min(f.by_size(": chroma")) == f["batch 64: chroma"]
    ),
    "batch-scaled": lambda f: (
        spread(f.by_size(RATE)) < spread(f.by_size(EPOCHS)) / 2
        and min(f.by_size(RATE)) == f[f"batch 100{RATE}"]
        and max(f.by_size(RATE)) == f[f"batch 512{RATE}"]
    ),
    "unet-below-conv": lambda f: f.improves(f"{UNET} minus {CONV}"),
    "unet-lead-at-edges": lambda f: f.gain(UNET, CONV, 0) > 2 * abs(f.gain(UNET, CONV, 7)),
    "strong-lead": lambda f: (
        f.falls(f"{UNET} minus {CONV}, strong: val_loss")
        and fmean(f[f"{UNET} minus {CONV}, strong: val_loss"])
        > fmean(f[f"{UNET} minus {CONV}: val_loss"])
    ),
    "this-network": lambda f: (f["network"], f["splits"]) == ("DeepLabv3 mobilenet_v2", "2"),
    "iou-handout-fails": lambda f: (
        sorted(f[f"{RAW}: thresholded_iou, validation"])[1] < 0.01
        and max(f[f"{RAW}: thresholded_iou, validation"]) > 0.3
        and f.falls("IoU minus cross entropy, handout, starter: thresholded_iou, validation")
    ),
    "iou-saturates": lambda f: (
        min(f.by_epoch("called_flower", "IoU, handout", [1, 2], [1, 10])) > 0.999
    ),
    "iou-one-recovers": lambda f: (
        f["IoU, handout, seed 0: called_flower, epoch 1"] > 0.99
        and f["IoU, handout, seed 0: called_flower, epoch 10"] < 0.5
    ),
    "iou-slope": lambda f: (
        max(f.slopes("IoU, handout", 1, 2)) == f["IoU, handout, seed 2: slope, epoch 1"]
        and min(f.slopes("IoU, handout", 0)) > 50 * max(f.slopes("IoU, handout", 1, 2))
        and min(f.slopes("IoU, slower", 0, 1, 2)) > 1000 * max(f.slopes("IoU, handout", 1, 2))
    ),
    "entropy-slope": lambda f: (
        max(f.by_epoch("slope", ENTROPY, [0, 2], [1])) < f["IoU, handout, seed 2: slope, epoch 1"]
        and min(f.by_epoch("slope", ENTROPY, [0, 2], [2])) > 0.01
        and max(f.by_epoch("called_flower", ENTROPY, [0, 2], [1])) < 0.0001
    ),
    "iou-slower": lambda f: min(f["IoU, slower, starter: thresholded_iou, validation"]) > 0.3,
    "iou-longer": lambda f: (
        f["IoU, longer, starter: thresholded_iou, validation"][1] < 0.01
        and f["IoU, longer, starter: thresholded_iou, validation"][2] > 0.3
        and f["IoU, handout, seed 1: slope, epoch 10"] < f["IoU, handout, seed 2: slope, epoch 10"]
    ),
    "iou-finds-more": lambda f: all(
        f[f"photo {n}: {what}, IoU"] > f[f"photo {n}: {what}, cross entropy"]
        for n in range(1, 7)
        for what in ("flower found", "called flower")
    ),
    "iou-image-leads": lambda f: (
        f.rises(f"{GENTLE}, starter: image_iou, validation")
        and f.rises(f"{GENTLE}, starter: image_iou, test")
    ),
    "iou-mean-trails": lambda f: (
        f.falls(f"{GENTLE}, starter: mean_iou, validation")
        and f.falls(f"{GENTLE}, starter: mean_iou, test")
    ),
    "iou-thresholded-wavers": lambda f: (
        f.wavers(f"{GENTLE}, starter: thresholded_iou, validation")
        and f.falls(f"{GENTLE}, starter: thresholded_iou, test")
        and sorted(f[f"{GENTLE}, starter: thresholded_iou, test"])[1] > -0.003
    ),
    "iou-strict-trails": lambda f: (
        f.falls(f"{GENTLE}, strict: thresholded_iou, validation")
        and f.falls(f"{GENTLE}, strict: thresholded_iou, test")
        and f.falls(f"{GENTLE}, strict: mean_iou, validation")
        and f.falls(f"{GENTLE}, strict: mean_iou, test")
        and max(map(abs, f[f"{GENTLE}, strict: image_iou, validation"])) < 0.005
        and max(map(abs, f[f"{GENTLE}, strict: image_iou, test"])) < 0.005
    ),
}


def judge(facts):
    """{claim: (whether these facts bear it out, those that it looked up)}."""
    judged = {}
    for name, condition in CLAIMS.items():
        known = Facts(facts)
        try:
            holds = bool(condition(known))
        except (KeyError, IndexError):  # a run without studies, or of one seed
            holds = False
        judged[name] = holds, known.looked_up
    return judged


def in_words(looked_up):
    """What a claim looked up, a line a fact."""
    lines = []
    for name, value in looked_up.items():
        values = value if isinstance(value, list) else [value]
        rounded = [round(v, 4) if isinstance(v, float) else v for v in values]
        lines.append(f"      {name}: {', '.join(map(str, rounded))}")
    return lines


if __name__ == "__main__":
    profile = sys.argv[1] if len(sys.argv) > 1 else "full"
    results, _ = load_results(base_folder(profile) / "figures", profile)
    judged = judge(results["facts"])
    for name, (holds, looked_up) in judged.items():
        print(f"{'holds' if holds else 'NOT  '}  {name}", *in_words(looked_up), sep="\n")
    sys.exit(not all(holds for holds, _ in judged.values()))
