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
    summary, versions = results["summary"]["colourization"], results["provenance"]["versions"]
    lines = [
        "| network | parameters | validation loss | pixels labelled right | seconds a run |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, row in summary.items():
        loss, accuracy = row["val_loss"], row["val_accuracy"]
        lines.append(
            f"| {name} | {row['parameters']:,} | {loss['mean']:.3f} ± {loss['sd']:.3f} "
            f"| {100 * accuracy['mean']:.1f} ± {100 * accuracy['sd']:.1f} % | {row['seconds']['mean']:.0f} |"
        )
    epochs = {run["epochs"] for run in results["runs"] if run["part"] in "ABC"}
    lines.append(
        f"\nFinal epoch of {'/'.join(map(str, sorted(epochs)))}; mean ± standard deviation over "
        f"{len(results['provenance']['seeds'])} seeds, each with its own initial weights and order of images; "
        f"{results['provenance']['device']}, torch {versions['torch']}."
    )
    return "\n".join(lines) + "\n"


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
