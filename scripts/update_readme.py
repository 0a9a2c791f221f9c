"""Write the README's tables of results from figures/results.json.

Usage: python scripts/update_readme.py [--check]   (--check: only say if they are stale)
"""

import sys

from cells import ROOT, write_whole
from facts import load_results, written

BEGIN, END = "<!-- results: begin -->\n", "<!-- results: end -->\n"
NETS = {"PoolUpsampleNet": "", "ConvTransposeNet": "PoolUpsampleNet", "UNet": "ConvTransposeNet"}
SCORES = {
    "gentle, starter: thresholded_iou, test": "starter: `thresholded_iou`, void is background",
    "gentle, strict: image_iou, test": "strict: `image_iou`, void is ignored",
    "gentle, strict: mean_iou, test": "strict: `mean_iou`, void is ignored",
}


def results_tables(results):
    """The lines between the markers, as Markdown."""
    facts, provenance = results["facts"], results["provenance"]

    def row(first, *wanted):
        cells = [first]
        for form, name in wanted:
            known = written(name, facts[name]) if name in facts else {form: ""}
            cells.append(known[form].removesuffix(" %"))
        return f"| {' | '.join(cells)} |\n"

    text = "| network | parameters | validation loss | pixels right, % | minus the network above,"
    text += " by seed | strong recipe |\n|---|---:|---:|---:|---:|---:|\n"
    for net, above in NETS.items():
        text += row(
            net, ("fact", f"{net}: parameters"), ("spread", f"{net}: val_loss"),
            ("spread", f"{net}: val_accuracy"), ("signed", f"{net} minus {above}: val_loss"),
            ("spread", f"{net}, strong: val_loss"),
        )  # fmt: skip
    text += f"\nEpoch {facts['epochs']}, the 1,000 test images, mean ± standard deviation over"
    text += f" {facts['seeds']} seeds (each its own initial weights and order of images);"
    text += f" {provenance['device']}, torch {provenance['versions']['torch']}.\n\n"
    text += "| flowers, test photos | cross entropy | IoU loss | IoU minus cross entropy,"
    text += " by seed |\n|---|---:|---:|---:|\n"
    for score, words in SCORES.items():
        losses = [("spread", f"{loss}, {score}") for loss in ("cross entropy", "IoU")]
        text += row(words, *losses, ("signed", f"IoU minus cross entropy, {score}"))
    text += f"\n{facts['network']} at {facts['photo size']}×{facts['photo size']},"
    text += " only `classifier.4` learning, by the gentle recipe;"
    text += " the best epoch is chosen on validation."
    text += f" Starter: split {facts['splits']}; strict: split 2."
    return text + " The handout prints `thresholded_iou` as mIoU.\n"


if __name__ == "__main__":
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    results, _ = load_results(ROOT / "figures")
    updated = before + BEGIN + results_tables(results) + END + after
    if "--check" not in sys.argv:
        write_whole(readme, updated)
    elif updated != text:
        sys.exit("README.md's tables are not made from figures/results.json: run `make readme`")
