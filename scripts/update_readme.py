"""Write the README's tables of results from figures/results.json.

Usage: python scripts/update_readme.py [--check]   (--check: write nothing, exit 1 if the tables are not up to date)
"""

import sys

from notebook import ROOT
from results import colour_values, differences, load_results, mean_and_sd, runs_of, segmentation_values

BEGIN, END = "<!-- results: begin -->\n", "<!-- results: end -->\n"
NETS = ("PoolUpsampleNet", "ConvTransposeNet", "UNet")
SCORES = (("handout", "thresholded_iou"), ("handout", "mean_iou"), ("leak-free", "mean_iou"))


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
        gap = by_seed(differences(loss, colour_values(results, above))) if above else ""
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
    for protocol, score in SCORES:
        values = {k: segmentation_values(results, k, score, "test", protocol) for k in ("cross_entropy", "iou")}
        void = "ignored" if protocol == "leak-free" else "background"
        gap = by_seed(differences(values["iou"], values["cross_entropy"]))
        losses = " | ".join(map(spread, values.values()))
        lines.append(f"| {protocol} protocol, {score} (void {void}) | {losses} | {gap} |")
    lines.append(
        f"\n{provenance['segmentation_net']} at {provenance['photo_size']}×{provenance['photo_size']}, only "
        "`classifier.4` learning, the best epoch chosen on validation; split "
        f"{results['summary']['protocols']['handout']['splits']}. `thresholded_iou` is what the handout prints as mIoU."
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
