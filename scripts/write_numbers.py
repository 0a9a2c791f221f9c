"""Write numbers.tex and listings/ beside a results.json: the only way by which numbers and code reach the writeup.

Usage: python scripts/write_numbers.py [full|quick|sample]
"""

import ast
import re
import sys
import textwrap

import numpy as np
from claims import judge
from notebook import ROOT, base_folder, code_cells
from results import batch_records, colour_values, gaps, load_results, mean_and_sd, runs_of, segmentation_values

LISTED_CELLS = [
    "blocks", "pool-upsample-net", "paddings", "conv-transpose-net", "unet", "learned-parameters", "new-last-layer",
    "segmentation-step", "iou-loss",
]  # fmt: skip
NETS = {"PoolUpsampleNet": "Pool", "ConvTransposeNet": "Conv", "UNet": "UNet"}
LOSSES = {"cross_entropy": "Ce", "iou": "Iou"}
SCORES = {"thresholded_iou": "Thresholded", "mean_iou": "Mean"}
TRAININGS = (("Handout", "handout", "handout"), ("Ours", "handout", "mended"), ("Clean", "leak-free", "mended"))
LOSS_ROWS = (  # macro, comparison in summary.paired, when, protocol, recipe, study; the score is the comparison's
    ("studyRaw", "the handout's settings, handout, thresholded_iou: validation, epoch 10", 10, "handout", "handout"),
    ("studyCentred", "centred, handout, thresholded_iou: validation, epoch 10", 10, "handout", "mended", "one rate"),
    ("studyMended", "mended, handout, thresholded_iou: validation, epoch 10", 10, "handout"),
    ("best", "mended, handout, thresholded_iou: validation, best", "validation", "handout"),
    ("test", "mended, handout, thresholded_iou: test", "test", "handout"),
    ("same", "mended, handout, mean_iou: test", "test", "handout"),
    ("clean", "mended, leak-free, mean_iou: test", "test", "leak-free"),
)
MAY_BE_EMPTY = {"quickMark", "sampleMark", "whyThisNet", "handoutWhy"}
LATEX_NAMES = {"AddToHook"}  # LaTeX's own names in camelCase
DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
MISSING, NOT_RUN = r"\textbf{??}", "--"


def spelled(number):
    """A number as letters, since a TeX macro's name may hold no digits."""
    return "".join(DIGITS[int(digit)] for digit in str(number))


def with_spread(values, digits=3, factor=1, unit=""):
    """Mean and standard deviation, rounded, as TeX; a dash where a single value has no spread."""
    mean, sd = mean_and_sd(values)
    spread = r"\mbox{--}" if sd is None else f"{factor * sd:.{digits}f}"
    return f"${factor * mean:.{digits}f} \\pm {spread}${unit}"


def by_seed(values, digits=3, factor=1, signed=False):
    """One number a seed, rounded, as TeX."""
    return ", ".join(f"${factor * value:{'+' if signed else ''}.{digits}f}$" for value in values)


def gaps_by_seed(results, comparison, digits=3, factor=1, signed=False):
    """The differences of a comparison, one a seed, or how large they are; nothing if one seed compares nothing."""
    differences = gaps(results, comparison)
    values = differences if signed else np.abs(differences)
    return by_seed(values, digits, factor, signed) if len(values) > 1 else ""


def colour_numbers(results):
    numbers = {}
    for net, short in NETS.items():
        numbers[f"loss{short}"] = with_spread(colour_values(results, net))
        numbers[f"train{short}"] = with_spread(colour_values(results, net, "train_loss"))
        numbers[f"acc{short}"] = with_spread(colour_values(results, net, "val_accuracy"), 1, 100, r"\,\%")
        numbers[f"parameters{short}"] = f"{runs_of(results, net=net)[0]['parameters']:,}"
        edges = results["summary"]["accuracy_by_distance"][net]
        numbers |= {f"edge{short}": f"{100 * edges[0]:.0f}\\,\\%", f"far{short}": f"{100 * edges[-1]:.0f}\\,\\%"}
        numbers[f"chroma{short}"] = f"{results['summary']['chroma'][net]:.3f}"
        if strong := colour_values(results, net, recipe="strong"):
            numbers[f"strongLoss{short}"] = with_spread(strong)
    for comparison, name in (
        ("ConvTransposeNet less PoolUpsampleNet", "ConvPool"), ("UNet less ConvTransposeNet", "UNetConv"),
    ):  # fmt: skip
        numbers[f"gap{name}Seeds"] = gaps_by_seed(results, f"{comparison}: val_loss")
        numbers[f"accGap{name}Seeds"] = gaps_by_seed(results, f"{comparison}: val_accuracy", 1, 100)
    numbers["gapUNetFirstSeeds"] = gaps_by_seed(results, "UNet less ConvTransposeNet, first epoch: val_loss")
    numbers["strongGapUNetConvSeeds"] = gaps_by_seed(results, "UNet less ConvTransposeNet, strong recipe: val_loss")
    return numbers


def batch_numbers(results):
    summary, chroma = results["summary"]["batch_size"], results["summary"]["chroma"]
    numbers = {"chromaTarget": f"{chroma['target']:.3f}"}
    first = []  # the first seed's losses
    for size in sorted({run["batch_size"] for run in runs_of(results, part="B.5")} | {100}):
        runs, word = batch_records(results, size), spelled(size)
        numbers[f"batchUpdatesMade{word}"] = f"{runs[0]['updates']:,}"
        numbers[f"batchTrain{word}"] = with_spread([run["history"]["train_loss"][-1] for run in runs])
        numbers[f"batchEpochs{word}"] = with_spread([run["history"]["val_loss"][-1] for run in runs])
        for study, name in (("same updates", "Updates"), ("scaled rate", "Scaled")):
            numbers[f"batch{name}{word}"] = f"{summary[str(size)][study]['mean']:.3f}"
        first.append(runs[0]["history"]["val_loss"][-1])
        numbers[f"batchFirst{word}"] = f"{first[-1]:.3f}"
    numbers["batchSpreadFirst"] = f"{np.ptp(first):.3f}"
    numbers["batchSpreadScaled"] = f"{np.ptp([row['scaled rate']['mean'] for row in summary.values()]):.3f}"
    numbers["equalUpdates"] = str(max(run["updates"] for run in runs_of(results, study="same updates")))
    numbers["gapBatchWorstSeeds"] = gaps_by_seed(results, "batch 512 less 32: val_loss")
    numbers["gapBatchNoiseSeeds"] = gaps_by_seed(results, "batch 64 less 32: val_loss", signed=True)
    numbers["gapBatchTrainSeeds"] = gaps_by_seed(results, "batch 64 less 32: train_loss")
    chromas = [value for name, value in chroma.items() if name.startswith("batch ")]
    return numbers | {"chromaBatchMin": f"{min(chromas):.3f}", "chromaBatchMax": f"{max(chromas):.3f}"}


def segmentation_numbers(results, pictures):
    numbers, summary = {}, results["summary"]
    for loss, short in LOSSES.items():
        for where, protocol, recipe in TRAININGS:
            for score, name in SCORES.items():
                for when, column in (("validation", "Best"), ("test", "Test")):
                    values = segmentation_values(results, loss, score, when, protocol, recipe)
                    numbers[f"seg{where}{short}{name}{column}"] = with_spread(values)
    for name, comparison, *which in LOSS_ROWS:
        (score,) = (score for score in SCORES if score in comparison)
        for loss, short in LOSSES.items():
            numbers[f"{name}{short}"] = by_seed(segmentation_values(results, loss, score, *which))
        numbers[f"{name}Gap"] = gaps_by_seed(results, f"IoU less CE, {comparison}", signed=True)
    below = np.mean([values <= 0.5 for name, values in pictures.items() if name.startswith("ious/")])
    literal, ours, clean = (
        runs_of(results, part="D.1", recipe=recipe, protocol=protocol)[0] for _, protocol, recipe in TRAININGS
    )
    splits = summary["protocols"]["handout"]["splits"]
    why = ", which stands in for the handout's lists (splits 1 and 3 were not to be had)"
    return numbers | {
        "shareBelowHalf": f"{100 * below:.0f}\\,\\%",
        "nearDuplicates": str(summary["near duplicates left out"]),
        "handoutSplits": splits,
        "handoutWhy": why if splits == "2" else "",
        "handoutUpdates": str(literal["updates"]),
        "photosTrain": str(summary["protocols"]["handout"]["train"]),
        "photosVal": str(summary["protocols"]["handout"]["validation"]),
        "photosTest": str(summary["protocols"]["handout"]["test"]),
        "segmentationEpochs": str(ours["epochs"]),
        "rateHandout": str(literal["learning_rate"]),
        "rateOurs": str(ours["learning_rate"]),
        "rateClean": str(clean["learning_rate"]),
    }


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
    """Python source with its docstrings cut out, and the line above marked as having had one."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            first, last = node.body[0].lineno - 1, node.body[0].end_lineno
            lines[first - 1] += "  # docstring cut"
            lines[first:last] = [None] * (last - first)
            if last < len(lines) and not lines[last]:
                lines[last] = None
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line for line in lines if line is not None)) + "\n"


def training_lines(source):
    """Of train_segmentation: from the learned parameters to the last step of an epoch."""
    lines = source.splitlines()
    first, last = (
        next(i for i, line in enumerate(lines) if part in line) for part in ("weight, bias", "segmentation_step(")
    )
    return textwrap.dedent("\n".join(lines[first : last + 1])) + "\n"


def main(profile):
    folder = base_folder(profile) / "figures"
    results, stamp = load_results(folder)
    with np.load(folder / "pictures.npz") as pictures:
        numbers = general_numbers(results, stamp) | colour_numbers(results) | batch_numbers(results)
        numbers |= segmentation_numbers(results, pictures) | count_numbers(results)
    held = [name for name, (holds, _) in judge(results).items() if holds]
    used = used_numbers((ROOT / "a2-writeup.tex").read_text(encoding="utf-8"))
    missing = {name for name in used if not numbers.get(name) and name not in MAY_BE_EMPTY}
    numbers |= dict.fromkeys(missing, MISSING if profile == "full" else NOT_RUN)
    lines = [f"\\newcommand{{\\{name}}}{{{numbers[name]}}}" for name in sorted(used)]
    lines += [f"\\expandafter\\def\\csname claim@{name}\\endcsname{{}}" for name in sorted(held)]
    heading = "% Made from results.json by scripts/write_numbers.py.\n"
    (folder / "numbers.tex").write_text(heading + "\n".join(lines) + "\n", encoding="utf-8")

    cells = {cell.id: cell.source for cell in code_cells()}
    (folder / "listings").mkdir(exist_ok=True)
    for name in LISTED_CELLS:
        (folder / "listings" / f"{name}.py").write_text(without_docstrings(cells[name]), encoding="utf-8")
    (folder / "listings" / "train.py").write_text(training_lines(cells["train-segmentation"]), encoding="utf-8")
    print(f"{folder / 'numbers.tex'}: {len(used)} numbers, {len(held)} claims hold; stamp {stamp}")
    if missing:
        print(f"no value for: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "full")
