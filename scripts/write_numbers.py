"""Write numbers.tex and listings/ beside a results.json: so numbers and code reach the writeup.

numbers.tex has \\define{form}{name}{text} for each thing that TeX may ask for: \\fact, \\spread,
\\seeds, \\signed or \\size of a fact by its name; \\say of the run as a whole; claims that hold.

Usage: python scripts/write_numbers.py [full|quick|sample]
"""

import ast
import re
import sys

from cells import base_folder, code_cells, write_whole
from claims import judge
from facts import load_results, written

LISTED_CELLS = [
    "pool-upsample-net", "conv-transpose-net", "unet", "learned-parameters", "new-last-layer",
    "run-segmentation", "train-epoch", "train", "iou-loss", "evaluate-segmentation",
]  # fmt: skip
# Only these functions of these cells; of the others, all functions and classes.
LISTED_NAMES = {"train-epoch": ["train_epoch"], "evaluate-segmentation": ["cross_entropy"]}


def as_tex(text):
    """A text of facts.written for TeX: numbers in mathematics, one by one; words as they are."""
    if not text.lstrip("+−")[:1].isdigit() or " and " in text:
        return text.replace("_", r"\_")
    for plain, tex in {"±": r"\pm", "–": r"\mbox{--}", "−": "-"}.items():
        text = text.replace(plain, tex)
    text = re.sub(r"e-0?(\d+)", r" \\cdot 10^{-\1}", text)
    numbers, unit, _ = text.partition(" %")
    parts = [f"${number.replace(',', '{,}')}$" for number in numbers.split(", ")]
    return ", ".join(parts) + (r"\,\%" if unit else "")


def sentences(results, stamp):
    """What the writeup says of a run beside its facts."""
    provenance = results["provenance"]
    seeds = len(provenance["seeds"])
    return {
        "stamp": stamp,
        "profile": results["profile"],
        "torch": provenance["versions"]["torch"].split("+")[0],
        "device": provenance["device"].replace("_", r"\_"),
        "seeds": f"{seeds} seeds" if seeds > 1 else "one seed",
    }


def numbers_tex(results, stamp):
    """The text of numbers.tex."""
    lines = ["% Made from results.json by scripts/write_numbers.py: \\define{form}{name}{text}."]
    for name, value in results["facts"].items():
        for form, text in written(name, value).items():
            lines.append(f"\\define{{{form}}}{{{name}}}{{{as_tex(text)}}}")
    for name, text in sentences(results, stamp).items():
        lines.append(f"\\define{{say}}{{{name}}}{{{text}}}")
    for name, (holds, _) in judge(results["facts"]).items():
        if holds:
            lines.append(f"\\define{{claim}}{{{name}}}{{}}")
    return "\n".join(lines) + "\n"


def listing(source, names=None):
    """These functions and classes of a cell, or all of them, without docstrings."""
    tree, lines, shown = ast.parse(source), source.splitlines(), []
    kinds = ast.FunctionDef | ast.ClassDef
    for node in ast.walk(tree):
        if isinstance(node, kinds) and ast.get_docstring(node):
            first, last = node.body[0].lineno - 1, node.body[0].end_lineno
            if lines[last : last + 1] == [""]:
                last += 1
            lines[first:last] = [None] * (last - first)
    for node in tree.body:
        if isinstance(node, kinds) and (names is None or node.name in names):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            part = [line for line in lines[first - 1 : node.end_lineno] if line is not None]
            shown.append("\n".join(part).replace("  # fmt: skip", ""))
    return "\n\n\n".join(shown) + "\n"


def main(profile):
    folder = base_folder(profile) / "figures"
    results, stamp = load_results(folder, profile)
    sources = {cell.id: cell.source for cell in code_cells()}
    for name in LISTED_CELLS:
        if name not in sources:
            sys.exit(f"the notebook has no cell {name}, which the writeup lists: put it back")
        text = listing(sources[name], LISTED_NAMES.get(name))
        write_whole(folder / "listings" / f"{name}.py", text)
    for path in (folder / "listings").iterdir():
        if path.stem not in LISTED_CELLS:
            path.unlink()
    write_whole(folder / "numbers.tex", numbers_tex(results, stamp))
    print(f"{folder / 'numbers.tex'}: {len(results['facts'])} facts, stamp {stamp}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "full")
