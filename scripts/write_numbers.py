"""Write numbers.tex and listings/ beside a results.json: the only way by which numbers and code reach the writeup.

Usage: python scripts/write_numbers.py [full|quick|sample]
"""

import ast
import re
import sys

import numpy as np
from claims import holding_claims
from notebook import ROOT, base_folder, code_cells
from results import batch_records, colour_values, differences, load_results, mean_and_sd, runs_of, segmentation_values

LISTED_CELLS = [
    "blocks", "pool-upsample-net", "paddings", "conv-transpose-net", "unet", "learned-parameters", "new-last-layer",
    "segmentation-step", "iou-loss",
]  # fmt: skip
NETS = {"PoolUpsampleNet": "Pool", "ConvTransposeNet": "Conv", "UNet": "UNet"}
LOSSES = {"cross_entropy": "Ce", "iou": "Iou"}
SCORES = {"thresholded_iou": "Thresholded", "foreground_iou": "Foreground", "mean_iou": "Mean"}
LATEX_NAMES = {"AddToHook"}  # LaTeX's own names in camelCase
DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
MISSING, NOT_RUN = r"\textbf{??}", "--"


def spelled(number):
    """A number as letters, since a TeX macro's name may hold no digits."""
    return "".join(DIGITS[int(digit)] for digit in str(number))


def with_spread(values, digits=3, factor=1, unit=""):
    """Mean and standard deviation, rounded, as TeX; a single value says that it is one seed's."""
    mean, sd = mean_and_sd(values)
    spread = "" if sd is None else f" \\pm {factor * sd:.{digits}f}"
    return f"${factor * mean:.{digits}f}{spread}${unit}" + (" (one seed)" if sd is None else "")


def by_seed(values, digits=3, factor=1, signed=False):
    """One number a seed, rounded, as TeX."""
    return ", ".join(f"${factor * value:{'+' if signed else ''}.{digits}f}$" for value in values)


def colour_numbers(results):
    numbers = {}
    for net, short in NETS.items():
        numbers[f"loss{short}"] = with_spread(colour_values(results, net))
        numbers[f"loss{short}Seeds"] = by_seed(colour_values(results, net))
        numbers[f"acc{short}"] = with_spread(colour_values(results, net, "val_accuracy"), 1, 100, r"\,\%")
        numbers[f"parameters{short}"] = f"{runs_of(results, net=net)[0]['parameters']:,}"
        edges = results["summary"]["accuracy_by_distance"][net]
        numbers |= {f"edge{short}": f"{100 * edges[0]:.0f}\\,\\%", f"far{short}": f"{100 * edges[-1]:.0f}\\,\\%"}
        numbers[f"chroma{short}"] = f"{results['summary']['chroma'][net]:.3f}"
        if strong := colour_values(results, net, recipe="strong"):
            numbers[f"strongLoss{short}"] = with_spread(strong)
    for first, second in (("ConvTransposeNet", "PoolUpsampleNet"), ("UNet", "ConvTransposeNet")):
        name = f"{NETS[first]}{NETS[second]}Seeds"
        fall = differences(colour_values(results, second), colour_values(results, first))
        rise = differences(*(colour_values(results, net, "val_accuracy") for net in (first, second)))
        strong = differences(*(colour_values(results, net, recipe="strong") for net in (second, first)))
        numbers |= {f"gap{name}": by_seed(fall), f"accGap{name}": by_seed(rise, 1, 100) + " points"}
        if strong:
            numbers[f"strongGap{name}"] = by_seed(strong)
    return numbers


def batch_numbers(results):
    numbers, chroma = {"chromaTarget": f"{results['summary']['chroma']['target']:.3f}"}, results["summary"]["chroma"]
    sizes = sorted({run["batch_size"] for run in runs_of(results, part="B.5")} | {100})
    finals = {}
    for size in sizes:
        runs, word = batch_records(results, size), spelled(size)
        numbers[f"batchUpdatesMade{word}"] = f"{runs[0]['updates']:,}"
        numbers[f"batchTrain{word}"] = with_spread([run["history"]["train_loss"][-1] for run in runs])
        numbers[f"batchEpochs{word}"] = with_spread([run["history"]["val_loss"][-1] for run in runs])
        for study, name in (("same updates", "Updates"), ("scaled rate", "Scaled")):
            value = results["summary"]["batch_size"][str(size)][study]["mean"]
            numbers[f"batch{name}{word}"] = f"{value:.3f}"
            finals.setdefault(name, []).append(value)
        finals.setdefault("Epochs", []).append(np.mean([run["history"]["val_loss"][-1] for run in runs]))
    for name, values in finals.items():
        numbers[f"batchSpread{name}"] = f"{max(values) - min(values):.3f}"
    numbers["batchWorstGap"] = f"{finals['Epochs'][-1] - finals['Epochs'][0]:.3f}"
    chromas = [value for name, value in chroma.items() if name.startswith("batch ")]
    return numbers | {"chromaBatchMin": f"{min(chromas):.3f}", "chromaBatchMax": f"{max(chromas):.3f}"}


def segmentation_numbers(results, pictures):
    numbers, summary = {}, results["summary"]
    for loss, short in LOSSES.items():
        literal = segmentation_values(results, loss, "thresholded_iou", "validation", recipe="handout")
        numbers[f"segHandout{short}ThresholdedBest"] = with_spread(literal)
        for protocol, where in (("handout", "Handout"), ("leak-free", "Clean")):
            for score, name in SCORES.items():
                for when, column in ((10, "Tenth"), ("validation", "Best"), ("test", "Test")):
                    values = segmentation_values(results, loss, score, when, protocol)
                    numbers[f"seg{short}{where}{name}{column}"] = with_spread(values)
        border = pictures[f"borders/{loss}"]  # 40 distances from -19.5 to 19.5
        numbers |= {f"borderInside{short}": f"{border[24]:.2f}", f"borderOutside{short}": f"{border[15]:.2f}"}
    kinds = {"Raw": ("handout", None), "Centred": ("mended", "one rate"), "Mended": ("mended", None)}
    for name, (recipe, study) in kinds.items():
        both = [segmentation_values(results, k, "thresholded_iou", 10, recipe=recipe, study=study) for k in LOSSES]
        if all(both):
            numbers |= {f"study{name}Ce": by_seed(both[0]), f"study{name}Iou": by_seed(both[1])}
            numbers[f"study{name}Gap"] = by_seed(differences(both[1], both[0]), signed=True)
    for name, score, when, protocol in (
        ("iouGapBestSeeds", "thresholded_iou", "validation", "handout"),
        ("iouGapCleanTestSeeds", "mean_iou", "test", "leak-free"),
    ):
        gaps = differences(*(segmentation_values(results, k, score, when, protocol) for k in ("iou", "cross_entropy")))
        numbers[name] = by_seed(gaps, signed=True)
    below = np.mean([pictures[f"ious/{loss}"] <= 0.5 for loss in LOSSES])
    numbers |= {
        "shareBelowHalf": f"{100 * below:.0f}\\,\\%",
        "nearDuplicates": str(summary["near duplicates left out"]),
    }
    numbers["handoutSplits"] = summary["protocols"]["handout"]["splits"]
    why = ", which stands in for the handout's lists (splits 1 and 3 were not to be had)"
    numbers["handoutWhy"] = why if numbers["handoutSplits"] == "2" else ""
    literal = runs_of(results, part="D.1", recipe="handout")[0]
    numbers["handoutUpdates"] = str(literal["updates"])
    numbers["segmentationEpochs"] = str(runs_of(results, part="D.1", recipe="mended")[0]["epochs"])
    return numbers


def general_numbers(results, stamp):
    provenance, seeds = results["provenance"], len(results["provenance"]["seeds"])
    net = provenance["segmentation_net"]
    return {
        "resultsStamp": stamp,
        "resultsProfile": results["profile"],
        "quickMark": ": one seed, no studies" if results["profile"] == "quick" else "",
        "sampleMark": "SAMPLE" if results["profile"] == "sample" else "",
        "segmentationNet": net.replace("_", r"\_"),
        "whyThisNet": "" if "resnet101" in net else " (the handout's ResNet-101 weights could not be fetched here)",
        "photoSize": str(provenance["photo_size"]),
        "deviceUsed": provenance["device"],
        "torchVersion": provenance["versions"]["torch"].split("+")[0],
        "numSeeds": f"{seeds} seeds" if seeds > 1 else "one seed",
        "numEpochs": str(runs_of(results, part="A")[0]["epochs"]),
        "numRuns": str(len(results["runs"])),
    }  # fmt: skip


def count_numbers(results):
    return {
        f"count{what.capitalize()}{name}": f"{count:,}"
        for size, name in (("32", "Small"), ("64", "Large"))
        for what, count in results["summary"]["counts"][size].items()
    }


def used_numbers(tex):
    """The names of the macros in a writeup that stand for numbers of results: camelCase is theirs alone."""
    defined = set(re.findall(r"\\newcommand\{\\(\w+)\}", tex))
    return set(re.findall(r"\\([a-z]+[A-Z][A-Za-z]*)", tex)) - defined - LATEX_NAMES


def without_docstrings(source):
    """Python source with its docstrings cut out, and the blank lines that they leave."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            first, last = node.body[0].lineno - 1, node.body[0].end_lineno
            lines[first:last] = [None] * (last - first)
            if last < len(lines) and not lines[last]:
                lines[last] = None
    return "\n".join(line for line in lines if line is not None) + "\n"


def optimizer_lines(source):
    """The statements of train_segmentation in which the learned parameters go to the optimizer."""
    lines = source.splitlines()
    first = next(i for i, line in enumerate(lines) if "learned_parameters(net)" in line)
    return "\n".join(line.strip() for line in lines[first : first + 3]) + "\n"


def main(profile):
    folder = base_folder(profile) / "figures"
    results, stamp = load_results(folder)
    with np.load(folder / "pictures.npz") as pictures:
        numbers = general_numbers(results, stamp) | colour_numbers(results) | batch_numbers(results)
        numbers |= segmentation_numbers(results, pictures) | count_numbers(results)
        held = holding_claims(results, pictures)
    used = used_numbers((ROOT / "a2-writeup.tex").read_text(encoding="utf-8"))
    missing = used - set(numbers)
    numbers |= dict.fromkeys(missing, MISSING if profile == "full" else NOT_RUN)
    lines = [f"\\newcommand{{\\{name}}}{{{numbers[name]}}}" for name in sorted(used)]
    lines += [f"\\expandafter\\def\\csname claim@{name}\\endcsname{{}}" for name in sorted(held)]
    heading = "% Made from results.json by scripts/write_numbers.py.\n"
    (folder / "numbers.tex").write_text(heading + "\n".join(lines) + "\n", encoding="utf-8")

    cells = {cell.id: cell.source for cell in code_cells()}
    (folder / "listings").mkdir(exist_ok=True)
    for name in LISTED_CELLS:
        (folder / "listings" / f"{name}.py").write_text(without_docstrings(cells[name]), encoding="utf-8")
    (folder / "listings" / "optimizer.py").write_text(optimizer_lines(cells["train-segmentation"]), encoding="utf-8")
    print(f"{folder / 'numbers.tex'}: {len(used)} numbers, {len(held)} claims hold; stamp {stamp}")
    if missing:
        print(f"no value for: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "full")
