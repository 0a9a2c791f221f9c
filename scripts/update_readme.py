"""Write the README's table of results from figures/results.json.

Usage: python scripts/update_readme.py [--check]   (--check: write nothing, exit 1 if the table is not up to date)
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- results: begin -->\n", "<!-- results: end -->\n"


def results_table(results):
    """The table between the markers, as Markdown."""
    summary, strong = results["summary"]["colourization"], results["summary"]["strong"]
    versions = results["provenance"]["versions"]
    lines = [
        "| network | parameters | validation loss, handout's recipe | pixels labelled right | strong recipe | right |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, row in summary.items():
        values = []
        for recipe in (row, strong[name]):
            loss, accuracy = recipe["val_loss"], recipe["val_accuracy"]
            values.append(f"{loss['mean']:.3f} ± {loss['sd']:.3f}")
            values.append(f"{100 * accuracy['mean']:.1f} ± {100 * accuracy['sd']:.1f} %")
        lines.append(f"| {name} | {row['parameters']:,} | " + " | ".join(values) + " |")
    epochs = {run["epochs"] for run in results["runs"] if run["part"] in ("A", "B", "C")}
    lines.append(
        f"\nFinal epoch of {'/'.join(map(str, sorted(epochs)))}; mean ± standard deviation over "
        f"{len(results['provenance']['seeds'])} seeds, each with its own initial weights and order of images; "
        f"{results['provenance']['device']}, torch {versions['torch']}."
    )
    lines += segmentation_table(results)
    return "\n".join(lines) + "\n"


def segmentation_table(results):
    """Part D's table as Markdown lines."""
    lines = [
        "\n| flowers, test photos | loss | thresholded IoU (the handout's) | foreground IoU | mean IoU |",
        "|---|---|---:|---:|---:|",
    ]
    for protocol, by_loss in results["summary"]["segmentation"].items():
        for loss, rows in by_loss.items():
            scores = (rows[score]["test"] for score in ("thresholded_iou", "foreground_iou", "mean_iou"))
            values = " | ".join(f"{value['mean']:.3f} ± {value['sd']:.3f}" for value in scores)
            lines.append(f"| {protocol} protocol | {loss.replace('_', ' ')} | {values} |")
    data = results["provenance"]["data"]
    lines.append(
        f"\n{data['segmentation_net']} at {data['photo_size']}×{data['photo_size']}, only `classifier.4` "
        "learning; the epoch is chosen on validation. The ResNet-101 weights of the handout could not be fetched where "
        "this ran."
    )
    return lines


def main(check):
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    table = results_table(json.loads((ROOT / "figures" / "results.json").read_text(encoding="utf-8")))
    updated = before + BEGIN + table + END + after
    if check and updated != text:
        sys.exit("README.md's table is not made from figures/results.json: run `make readme`")
    if not check:
        readme.write_text(updated, encoding="utf-8")


if __name__ == "__main__":
    main("--check" in sys.argv[1:])
