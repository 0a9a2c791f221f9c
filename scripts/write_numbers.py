"""Write numbers.tex and listings/ beside a results.json: the only way by which numbers and code reach the writeup.

Usage: python scripts/write_numbers.py [FOLDER]   (default: figures; the notebook is read from the project's root)
"""

import hashlib
import json
import re
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
LISTED_CELLS = [
    "blocks", "pool-upsample-net", "paddings", "conv-transpose-net", "unet", "learned-parameters", "new-last-layer",
    "iou-loss",
]  # fmt: skip
SHORT_NETS = {"PoolUpsampleNet": "Pool", "ConvTransposeNet": "Conv", "UNet": "UNet"}
SHORT_LOSSES = {"cross_entropy": "Ce", "iou": "Iou"}
SHORT_SCORES = {"thresholded_iou": "Thresholded", "foreground_iou": "Foreground", "mean_iou": "Mean"}
SHORT_WHEN = {"validation, epoch 10": "Tenth", "validation, best": "Best", "test": "Test"}
SHORT_PROTOCOLS = {"handout": "Handout", "leak-free": "Clean"}
DIGITS = dict(
    zip("0123456789", ["Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"], strict=True)
)


def spelled(number):
    """A number as letters, since a TeX macro's name may hold no digits."""
    return "".join(DIGITS[digit] for digit in str(number))


def with_spread(value, digits, factor=1):
    """Mean and standard deviation, rounded, as TeX."""
    return f"${factor * value['mean']:.{digits}f} \\pm {factor * value['sd']:.{digits}f}$"


def clearly(first, second):
    """Whether two means differ by more than the sum of their standard deviations."""
    return abs(first["mean"] - second["mean"]) > first["sd"] + second["sd"]


def comparison(first, second, words=("lower", "higher")):
    """`first` compared with `second` in words that hold against the spread over seeds."""
    if not clearly(first, second):
        return f"not clearly {words[0]} or {words[1]}"
    return words[0] if first["mean"] < second["mean"] else words[1]


def colour_numbers(results):
    summary, numbers = results["summary"]["colourization"], {}
    for name, row in summary.items():
        short = SHORT_NETS[name]
        numbers[f"valLoss{short}"] = with_spread(row["val_loss"], 3)
        numbers[f"valAccuracy{short}"] = with_spread(row["val_accuracy"], 1, 100) + r"\,\%"
        numbers[f"parameters{short}"] = f"{row['parameters']:,}"
        numbers[f"seconds{short}"] = f"{row['seconds']['mean']:.0f}"
        records = [run for run in results["runs"] if run["net"] == name and run["part"] in ("A", "B", "C")]
        finals = [run["history"]["val_loss"][-1] for run in records]
        numbers[f"seedZeroLoss{short}"] = f"{finals[0]:.3f}"
        numbers[f"rangeLoss{short}"] = f"{min(finals):.3f} to {max(finals):.3f}"
    pool, conv, unet = (summary[name]["val_loss"] for name in SHORT_NETS)
    numbers["convAgainstPool"] = comparison(conv, pool)
    numbers["unetAgainstConv"] = comparison(unet, conv)
    numbers["unetAccuracyAgainstConv"] = comparison(
        summary["UNet"]["val_accuracy"], summary["ConvTransposeNet"]["val_accuracy"]
    )
    numbers["gapPoolConv"] = f"{abs(conv['mean'] - pool['mean']):.3f}"
    numbers["gapConvUNet"] = f"{abs(unet['mean'] - conv['mean']):.3f}"
    return numbers


def batch_numbers(results):
    numbers = {}
    for name, short in (("same epochs", "Epochs"), ("same updates", "Updates"), ("scaled rate", "Scaled")):
        losses = results["summary"]["batch_size"][name]
        for size, loss in losses.items():
            numbers[f"batch{short}{spelled(size)}"] = f"{loss:.3f}"
        numbers[f"batchSpread{short}"] = f"{max(losses.values()) - min(losses.values()):.3f}"
        numbers[f"batchBest{short}"] = min(losses, key=losses.get)
        numbers[f"batchWorst{short}"] = max(losses, key=losses.get)
    return numbers


def segmentation_numbers(results):
    numbers = {}
    for protocol, by_loss in results["summary"]["segmentation"].items():
        for loss, rows in by_loss.items():
            prefix = SHORT_LOSSES[loss] + SHORT_PROTOCOLS[protocol]
            for score, short_score in SHORT_SCORES.items():
                for when, short_when in SHORT_WHEN.items():
                    numbers[f"seg{prefix}{short_score}{short_when}"] = with_spread(rows[score][when], 3)
            numbers[f"seg{prefix}Epochs"] = ", ".join(map(str, rows["best_epochs"]))
        for score, when, name in [
            ("thresholded_iou", "validation, epoch 10", "Tenth"),
            ("thresholded_iou", "validation, best", "Best"),
            ("mean_iou", "test", "Test"),
        ]:
            cross_entropy, iou = (by_loss[loss][score][when] for loss in SHORT_LOSSES)
            better = comparison(iou, cross_entropy, ("worse than", "better than"))
            if better.startswith("not"):
                better = "not clearly better or worse than"
            numbers[f"iouAgainstCe{SHORT_PROTOCOLS[protocol]}{name}"] = better
            numbers[f"gapLosses{SHORT_PROTOCOLS[protocol]}{name}"] = f"{abs(iou['mean'] - cross_entropy['mean']):.3f}"
    for protocol, facts in results["summary"]["protocols"].items():
        for fact, value in facts.items():
            name = "".join(word.capitalize() for word in fact.split())
            numbers[f"protocol{SHORT_PROTOCOLS[protocol]}{name}"] = str(value)
    return numbers


def count_numbers(results):
    numbers = {}
    for size, short in (("32", "Small"), ("64", "Large")):
        for what, count in results["summary"]["counts"][size].items():
            numbers[f"count{what.capitalize()}{short}"] = f"{count:,}"
    return numbers


def missing_numbers(numbers):
    """A visible ?? for each number that the writeup uses (its macros alone are in camelCase) and the results lack."""
    used = set(re.findall(r"\\([a-z]+[A-Z][A-Za-z]*)", (ROOT / "a2-writeup.tex").read_text(encoding="utf-8")))
    return dict.fromkeys(used - set(numbers), r"\textbf{??}")


def general_numbers(results, stamp):
    provenance = results["provenance"]
    colour = next(run for run in results["runs"] if run["part"] == "A")
    return {
        "resultsStamp": stamp,
        "resultsProfile": results["profile"],
        "segmentationNet": provenance["data"]["segmentation_net"].replace("_", r"\_"),
        "photoSize": str(provenance["data"]["photo_size"]),
        "device": provenance["device"],
        "torchVersion": provenance["versions"]["torch"].split("+")[0],
        "numSeeds": str(len(provenance["seeds"])),
        "numEpochs": str(colour["epochs"]),
        "numRuns": str(len(results["runs"])),
        "segmentationEpochs": str(next(run for run in results["runs"] if run["part"] == "D.1")["epochs"]),
        "sampleMark": "SAMPLE" if results["profile"] == "sample" else "",
    }


def main(folder):
    content = (folder / "results.json").read_bytes()
    results, stamp = json.loads(content), hashlib.sha256(content).hexdigest()[:12]
    numbers = general_numbers(results, stamp) | colour_numbers(results) | batch_numbers(results)
    numbers |= segmentation_numbers(results) | count_numbers(results)
    missing = missing_numbers(numbers)
    numbers |= missing
    lines = [f"\\newcommand{{\\{name}}}{{{value}}}" for name, value in sorted(numbers.items())]
    (folder / "numbers.tex").write_text(
        "% Made from results.json by scripts/write_numbers.py.\n" + "\n".join(lines) + "\n"
    )

    cells = {cell.id: cell.source for cell in nbformat.read(ROOT / "a2-cnn.ipynb", as_version=4).cells}
    (folder / "listings").mkdir(exist_ok=True)
    for name in LISTED_CELLS:
        (folder / "listings" / f"{name}.py").write_text(cells[name] + "\n")
    print(f"{folder / 'numbers.tex'}: {len(numbers)} macros; {len(LISTED_CELLS)} listings; stamp {stamp}")
    if missing:
        print(f"no value for: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "figures")
