"""Write the README's tables of results from figures/results.json.

Usage: python scripts/update_readme.py [--check]   (--check: write nothing, exit 1 if the tables are not up to date)
"""

import sys

from notebook import ROOT
from results import colour_values, gaps, load_results, mean_and_sd, runs_of, segmentation_values

BEGIN, END = "<!-- results: begin -->\n", "<!-- results: end -->\n"
NETS = ("PoolUpsampleNet", "ConvTransposeNet", "UNet")
SCORES = (("handout", "thresholded_iou", "background"), ("leak-free", "mean_iou", "ignored"))


def spread(values, digits=3, factor=1):
    mean, sd = mean_and_sd(values)
    return f"{factor * mean:.{digits}f} ± {factor * sd:.{digits}f}"


def by_seed(values):
    return ", ".join(f"{value:+.3f}" for value in values).replace("-", "−")


def results_tables(results):
    """The lines between the markers, as Markdown."""
    lines = [
        "| network | parameters | validation loss | pixels right, % | less the network above, by seed | strong recipe |"
        " with the mirrored answer |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for above, net in zip(("", *NETS), NETS, strict=False):
        loss = colour_values(results, net)
        gap = by_seed(gaps(results, f"{net} less {above}: val_loss")) if above else ""
        accuracy = spread(colour_values(results, net, "val_accuracy"), 1, 100)
        mirrored = [run["mirrored"]["val_loss"] for run in runs_of(results, net=net, recipe="strong", study=None)]
        strong = f"{spread(colour_values(results, net, recipe='strong'))} | {spread(mirrored)}"
        parameters = runs_of(results, net=net)[0]["parameters"]
        lines.append(f"| {net} | {parameters:,} | {spread(loss)} | {accuracy} | {gap} | {strong} |")
    provenance = results["provenance"]
    lines.append(
        f"\nFinal epoch of 25, the 1,000 test images, mean ± standard deviation over {len(provenance['seeds'])} seeds "
        f"(each its own initial weights and order of images); {provenance['device']}, torch "
        f"{provenance['versions']['torch']}."
    )
    lines += [
        "\n| flowers, test photos | cross entropy | IoU loss | IoU less cross entropy, by seed |",
        "|---|---:|---:|---:|",
    ]
    splits = results["summary"]["protocols"]["handout"]["splits"]
    for protocol, score, void in SCORES:
        both = (segmentation_values(results, loss, score, "test", protocol) for loss in ("cross_entropy", "iou"))
        gap = by_seed(gaps(results, f"IoU less CE, mended, {protocol}, {score}: test"))
        rules = f"the handout's rules on split {splits}" if protocol == "handout" else "leak-free, split 2"
        lines.append(f"| {rules}: `{score}`, void {void} | {' | '.join(map(spread, both))} | {gap} |")
    lines.append(
        f"\n{provenance['segmentation_net']} at {provenance['photo_size']}×{provenance['photo_size']}, only "
        "`classifier.4` learning, the best epoch chosen on validation. `thresholded_iou` is what the handout prints as "
        "mIoU."
    )
    return "\n".join(lines) + "\n"


def main(check):
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    updated = before + BEGIN + results_tables(load_results(ROOT / "figures")[0]) + END + after
    if check and updated != text:
        sys.exit("README.md's tables are not made from figures/results.json: run `make readme`")
    if not check:
        readme.write_text(updated, encoding="utf-8")


if __name__ == "__main__":
    main("--check" in sys.argv[1:])
