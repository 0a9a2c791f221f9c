"""Write numbers.tex and listings/ beside a results.json: the only way by which numbers and code reach the writeup.

Usage: python scripts/write_numbers.py [FOLDER]   (default: figures; the notebook is read from the project's root)
"""

import hashlib
import itertools
import json
import re
import sys
import textwrap
from pathlib import Path

import nbformat
import numpy as np

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
LATEX_NAMES = {"AddToHook"}  # LaTeX's own names in camelCase
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
        return f"neither clearly {words[0]} nor clearly {words[1]}"
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
    numbers["convShows"] = {
        "lower": "Both make detail easier to keep, as the outlines in Figure~\\ref{fig:images} show.",
    }.get(numbers["convAgainstPool"], "Both should make detail easier to keep, but in these runs that does not show.")
    numbers["unetAgainstConv"] = comparison(unet, conv)
    accuracies = (summary[net]["val_accuracy"] for net in ("UNet", "ConvTransposeNet"))
    numbers["unetAccuracyAgainstConv"] = comparison(*accuracies)
    numbers["unetLead"] = {
        "lower": "Why skip connections help:",
        "higher": "Skip connections could be expected to help, though here they did not:",
    }.get(
        numbers["unetAgainstConv"],
        "Why they could be expected to help, though these runs do not settle it:",
    )
    first_epochs = {
        net: np.mean([run["history"]["val_loss"][0] for run in results["runs"] if (run["part"], run["net"]) == net])
        for net in (("B", "ConvTransposeNet"), ("C", "UNet"))
    }
    sooner = first_epochs["C", "UNet"] < first_epochs["B", "ConvTransposeNet"]
    numbers["unetEarly"] = "and after the first epoch the UNet is " + ("ahead" if sooner else "not yet ahead")
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
    best, worst = numbers["batchBestUpdates"], numbers["batchWorstUpdates"]
    numbers["batchTurned"] = f"{best} ends lowest and {worst} highest" + (
        ": the larger batches have by then seen each image more often" if int(best) > int(worst) else ""
    )
    runs = {
        str(run["batch_size"]): run for run in results["runs"]
        if run["net"] == "ConvTransposeNet" and run["seed"] == 0 and run["recipe"] == "handout"
        and run["study"] in (None, "same epochs")
    }  # fmt: skip
    losses, chroma = results["summary"]["batch_size"]["same epochs"], results["summary"]["chroma"]
    training = {size: runs[size]["history"]["train_loss"][-1] for size in losses}
    pairs = list(itertools.combinations(losses, 2))
    alike = sum((training[a] < training[b]) == (losses[a] < losses[b]) for a, b in pairs)
    by_size = chroma["batch sizes"]
    numbers |= {"batchSmallest": min(by_size, key=int), "batchLargest": max(by_size, key=int)}
    numbers |= {"chromaBatchMin": f"{min(by_size.values()):.3f}", "chromaBatchMax": f"{max(by_size.values()):.3f}"}
    numbers["chromaTrue"] = f"{chroma['target']:.3f}"
    numbers["batchTraining"] = (
        f"order {'all' if alike == len(pairs) else f'{alike} of the'} {len(pairs)} pairs of sizes in the same way"
    )
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
            if better.startswith("neither"):
                better = "neither clearly better nor clearly worse than"
            numbers[f"iouAgainstCe{SHORT_PROTOCOLS[protocol]}{name}"] = better
            numbers[f"gapLosses{SHORT_PROTOCOLS[protocol]}{name}"] = f"{abs(iou['mean'] - cross_entropy['mean']):.3f}"
    for protocol, facts in results["summary"]["protocols"].items():
        for fact, value in facts.items():
            name = "".join(word.capitalize() for word in fact.split())
            numbers[f"protocol{SHORT_PROTOCOLS[protocol]}{name}"] = str(value)
    return numbers


def strong_numbers(results):
    summary, handout, numbers = results["summary"]["strong"], results["summary"]["colourization"], {}
    for name, short in SHORT_NETS.items():
        numbers[f"strongLoss{short}"] = with_spread(summary[name]["val_loss"], 3)
        numbers[f"strongGain{short}"] = f"{handout[name]['val_loss']['mean'] - summary[name]['val_loss']['mean']:.3f}"
    pool, conv, unet = (summary[name]["val_loss"] for name in SHORT_NETS)
    numbers["strongConvAgainstPool"] = comparison(conv, pool)
    numbers["strongGapPoolConv"] = f"{abs(conv['mean'] - pool['mean']):.3f}"
    numbers["strongGapConvUNet"] = f"{abs(unet['mean'] - conv['mean']):.3f}"
    lead, strong_lead = (
        comparison(rows["UNet"]["val_loss"], rows["ConvTransposeNet"]["val_loss"]) == "lower"
        for rows in (handout, summary)
    )
    numbers["strongLeadSurvives"] = {
        (True, True): "The UNet's lead survives good training",
        (False, True): "The UNet's lead, which the handout's recipe leaves open, shows under good training",
        (True, False): "The UNet's lead does not survive good training",
        (False, False): "Under neither recipe does the UNet lead clearly",
    }[lead, strong_lead]
    without = dict(results["summary"]["ablation"])
    whole = without.pop("the whole recipe")
    rows = [f"the whole recipe & {with_spread(whole, 3)} & \\\\"]
    rows += [
        f"{name} & {with_spread(row, 3)} & ${row['mean'] - whole['mean']:+.3f}$\\\\" for name, row in without.items()
    ]
    numbers["ablationRows"] = "\n".join(rows)
    idle = " and ".join(name.removeprefix("without ") for name, row in without.items() if not clearly(row, whole))
    numbers["ablationIdle"] = (
        f"Without {idle} the loss cannot be told from the whole recipe's."
        if idle else "Every ingredient earns its place."
    )  # fmt: skip
    return numbers


def study_numbers(results):
    """Part D's study of the last layer: every seed's score for the IoU loss, mean and spread for both."""
    numbers, names = {}, {"raw features": "Raw", "centred": "Centred", "centred, faster bias": "Full"}
    for name, by_loss in results["summary"]["last_layer_study"].items():
        for loss, values in by_loss.items():
            spread = {"mean": np.mean(values), "sd": np.std(values, ddof=1)}
            numbers[f"study{names[name]}{SHORT_LOSSES[loss]}"] = with_spread(spread, 3)
            numbers[f"study{names[name]}{SHORT_LOSSES[loss]}Seeds"] = ", ".join(f"{value:.3f}" for value in values)
    return numbers


def count_numbers(results):
    numbers = {}
    for size, short in (("32", "Small"), ("64", "Large")):
        for what, count in results["summary"]["counts"][size].items():
            numbers[f"count{what.capitalize()}{short}"] = f"{count:,}"
    return numbers


def used_numbers(tex):
    """The names of the macros in a writeup that stand for numbers and words of results: camelCase is theirs alone."""
    defined = set(re.findall(r"\\newcommand\{\\(\w+)\}", tex))
    return set(re.findall(r"\\([a-z]+[A-Z][A-Za-z]*)", tex)) - defined - LATEX_NAMES


def general_numbers(results, stamp):
    provenance = results["provenance"]
    colour = next(run for run in results["runs"] if run["part"] == "A")
    return {
        "resultsStamp": stamp,
        "resultsProfile": results["profile"],
        "segmentationNet": provenance["data"]["segmentation_net"].replace("_", r"\_"),
        "whyThisNet": ""
        if "resnet101" in provenance["data"]["segmentation_net"]
        else " (the handout's ResNet-101 weights could not be downloaded where this ran)",
        "photoSize": str(provenance["data"]["photo_size"]),
        "deviceUsed": provenance["device"],
        "torchVersion": provenance["versions"]["torch"].split("+")[0],
        "numSeeds": str(len(provenance["seeds"])),
        "numEpochs": str(colour["epochs"]),
        "numRuns": str(len(results["runs"])),
        "segmentationEpochs": str(next(run for run in results["runs"] if run["part"] == "D.1")["epochs"]),
        "sampleMark": "SAMPLE" if results["profile"] == "sample" else "",
    }


def optimizer_lines(source):
    """The statements of train_segmentation in which the learned parameters go to the optimizer."""
    lines = source[source.index("    weight, bias = learned_parameters(net)") : source.index("    history, best = ")]
    return textwrap.dedent(lines)


def all_numbers(results, stamp):
    """{macro: text} of everything that a writeup may say of these results."""
    numbers = general_numbers(results, stamp) | colour_numbers(results) | batch_numbers(results)
    numbers |= segmentation_numbers(results) | count_numbers(results)
    return numbers | strong_numbers(results) | study_numbers(results)


def main(folder):
    content = (folder / "results.json").read_bytes()
    results, stamp = json.loads(content), hashlib.sha256(content).hexdigest()[:12]
    numbers = all_numbers(results, stamp)
    used = used_numbers((ROOT / "a2-writeup.tex").read_text(encoding="utf-8"))
    missing = used - set(numbers)
    numbers = {name: numbers.get(name, r"\textbf{??}") for name in used}
    lines = [f"\\newcommand{{\\{name}}}{{{value}}}" for name, value in sorted(numbers.items())]
    (folder / "numbers.tex").write_text(
        "% Made from results.json by scripts/write_numbers.py.\n" + "\n".join(lines) + "\n"
    )

    cells = {cell.id: cell.source for cell in nbformat.read(ROOT / "a2-cnn.ipynb", as_version=4).cells}
    (folder / "listings").mkdir(exist_ok=True)
    for name in LISTED_CELLS:
        (folder / "listings" / f"{name}.py").write_text(cells[name] + "\n")
    (folder / "listings" / "optimizer.py").write_text(optimizer_lines(cells["train-segmentation"]))
    print(f"{folder / 'numbers.tex'}: {len(numbers)} macros; {len(LISTED_CELLS) + 1} listings; stamp {stamp}")
    if missing:
        print(f"no value for: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "figures")
