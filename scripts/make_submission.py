"""Check the two files to hand in, and put them into build/submission/ when nothing is left to do.

Argument: full (default), quick or sample.
"""

import json
import re
import shutil
import sys

import cells
from build_writeup import Writeup
from cells import NOTEBOOK, ROOT
from claims import judge
from tables import load_results, stamp_of

NAMES = (NOTEBOOK.name, "a2-writeup.pdf")
RUN_ALL = "run all of it: `make run`, or in Colab Runtime > Restart session and run all; download"


def told_by(notebook_cells):
    """(profile, stamp) that the last cell has printed."""
    last = json.dumps([cell["outputs"] for cell in notebook_cells if cell["id"] == "hand-in"])
    return (re.findall(r"(\w+) profile, stamp (\w+)", last) or [("unknown", "")])[0]


def pdf_info(pdf, key):
    """A text of a PDF's metadata, in plain letters; pdfTeX writes \\000 before each."""
    found = re.search(rf"/{key} ?\(([^)]*)", pdf.read_bytes().decode("latin-1"))
    return re.sub(r"\\\d{3}", "", found[1]) if found else ""


def check_files(base, notebook, ours):
    """What is left to do with the files, a line each."""
    for copy in {*ROOT.glob("a2-cnn*.ipynb"), *base.glob("a2-cnn*.ipynb")}:
        if copy.name != NOTEBOOK.name:
            yield f"'{copy.name}' lies beside {NOTEBOOK.name}: move it over that, or delete it"
    if missing := ours.keys() - {cell["id"] for cell in notebook["cells"]}:
        yield f"cells are missing: {', '.join(missing)}; take them from git's HEAD, then {RUN_ALL}"
    ran = [cell for cell in cells.code_cells(notebook) if cell["source"].strip()]
    for number, cell in enumerate(ran, ran[0]["execution_count"] or 1):
        if cell["execution_count"] != number:
            yield f"cell {cell['id']} is [{cell['execution_count']}], not [{number}]: {RUN_ALL}"
            break
    for cell in ran:
        kinds = {kind for output in cell["outputs"] for kind in output.get("data", {})}
        wanted = "image/png" if "save_fig(" in cell["source"] else "text/plain"
        if "view" in cells.tags(cell) and wanted not in kinds:
            yield f"the table or picture of cell {cell['id']} is gone: {RUN_ALL}"
        if any(output["output_type"] == "error" for output in cell["outputs"]):
            yield f"cell {cell['id']} failed: {RUN_ALL}"


def check_run(base, results, notebook, ours):
    """What is left to do until all is of one run, a line each."""
    stamp, writeup = stamp_of(results), Writeup()
    profile, told = told_by(notebook["cells"])
    numbers = (base / "figures/numbers.tex").read_text(encoding="utf-8")
    keywords = pdf_info(base / NAMES[1], "Keywords")
    if "sample" in (profile, results["profile"]):
        yield "SAMPLE: these are results of the drawn sample; run the quick or full profile"
    places = {f"the notebook ({profile} profile)": told, "numbers.tex": numbers, "PDF": keywords}
    if wrong := [place for place, text in places.items() if stamp not in text]:
        advice = "take notebook and figures.zip from one session, then `make unpack writeup`"
        yield f"{', '.join(wrong)}: of another run than results.json, {stamp}; {advice}"
    if r"{\missing}" in numbers and results["profile"] == "full":
        yield "numbers are missing in the PDF: `make writeup` lists them"
    if writeup.hash not in keywords:
        yield "the PDF was built from another a2-writeup.tex: `make writeup`"
    if not pdf_info(base / NAMES[1], "Author"):
        yield r"the PDF has no name: put yours into \student in a2-writeup.tex, then `make writeup`"
    for sentence in writeup.to_rewrite(judge(results), stamp):
        yield f"a2-writeup.tex, {sentence}"
    texts = []
    for cell in notebook["cells"]:
        unchanged = cell["source"] == ours.get(cell["id"], {}).get("source")
        another = writeup.seen_stamp != stamp or (unchanged and told_by(ours.values())[1] != told)
        if "committed run" in cell["source"] and another:
            texts.append(cell["id"])
    if texts:
        yield f"rewrite the notebook's {', '.join(texts)}, about another run; then set \\seenStamp"


def main(profile):
    base, bundle = cells.base_folder(profile), ROOT / "build/submission"
    shutil.rmtree(bundle, ignore_errors=True)
    for name in (*NAMES, "figures/results.json", "figures/numbers.tex"):
        if not (base / name).exists():
            sys.exit(f"{base / name} is missing: see README.md, Handing it in")
    results = load_results(base / "figures", profile)
    notebook, ours = cells.read_notebook(base / NOTEBOOK.name), cells.cells_at_head()
    left = [*check_files(base, notebook, ours), *check_run(base, results, notebook, ours)]
    if left:
        sys.exit("\n- ".join(["Not yet: build/submission was not made. Left to do:", *left]))
    notebook["metadata"].pop("widgets", None)  # a viewer may refuse it without its state
    for cell in notebook["cells"]:
        if ours and cell["id"] not in ours:
            cell["metadata"] |= {"markus": {"skip": True}}  # MarkUs is not to run what was added
    cells.write_whole(bundle / NOTEBOOK.name, cells.notebook_text(notebook))
    shutil.copy(base / NAMES[1], bundle)
    print(f"checked; hand in both files of {bundle}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "full")
