"""Check the two files to hand in as a grader would, and put them into build/submission/.

The notebook may be as Colab saves it. Prints a line a check; if one fails, there is no bundle.
--markus also imports the notebook as MarkUs does, with what `make markus` installs.

Usage: python scripts/make_submission.py [full|quick|sample] [--markus]
"""

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import cells
from cells import ROOT, code_cells, code_of, read_at_head, stamp_of

NAMES = ("a2-cnn.ipynb", "a2-writeup.pdf")
SIZE_LIMIT = 5_000_000  # bytes: MarkUs's default
RUN_ALL = "in Colab click Runtime > Restart session and run all, then File > Download > .ipynb"
HIDDEN = "Output hidden; open in https://colab.research.google.com to view."
QUESTIONS = [f"{part}.Q{i}" for part in ("A", "B", "C", "D.1") for i in (1, 2, 3)]
QUESTIONS += ["B.Q4", "B.Q5", "D.2.Q1", "D.2.Q2"]
MARKUS_SCRIPT = """
import sys
from markus_autotest_helpers_notebook.importer import get_cells, import_from_path
notebook = import_from_path(sys.argv[1])
for cell in get_cells(notebook):
    if cell.cell_type == "code" and not cell.metadata.get("markus", {}).get("skip"):
        assert not cell.source.lstrip().lower().startswith("# test"), f"a test? {cell.source}"
        cell.run()
import torch
for name in ("PoolUpsampleNet", "ConvTransposeNet", "UNet"):
    net = getattr(notebook, name)(3, 4, 24, 1)
    assert net(torch.rand(2, 1, 8, 8)).shape == (2, 24, 8, 8), name
"""


def check_sizes(files):
    sizes = {name: (files.folder / name).stat().st_size for name in NAMES}
    assert max(sizes.values()) < SIZE_LIMIT, f"over {SIZE_LIMIT:,} bytes: {sizes}"
    return ", ".join(f"{name} {size:,} bytes" for name, size in sizes.items())


def check_cells(files):
    if files.repository is None:
        return "not compared with the repository's notebook: here is no git, or no commit"
    theirs, ours = ({c.id: c for c in code_cells(nb)} for nb in (files.notebook, files.repository))
    missing = ", ".join(i for i in ours if i not in theirs)
    assert not missing, f"missing code cells: {missing}; take them from git's HEAD, then {RUN_ALL}"
    changed = ", ".join(i for i in ours if code_of(theirs[i]) != code_of(ours[i]))
    advice = f"commit the change; or undo it, and {RUN_ALL}"
    assert not changed, f"code is not as at git's HEAD in {changed}: {advice}"
    added = ", ".join(theirs.keys() - ours) or "none"
    return f"{len(ours)} code cells as in the repository, added: {added}"


def check_executed(files):
    ran = [cell for cell in code_cells(files.notebook) if cell.source.strip()]
    advice = "run all cells again so that the outputs carry their numbers"
    assert any(cell.execution_count for cell in ran), f"no cell has a number: {advice}"
    first = ran[0].execution_count or 1
    for number, cell in enumerate(ran, first):
        count = cell.execution_count
        assert count == number, f"cell {cell.id} ran as [{count or ' '}], not [{number}]: {RUN_ALL}"
        kinds = [output.output_type for output in cell.outputs]
        assert "error" not in kinds, f"cell {cell.id} failed: {RUN_ALL}"
    return f"{len(ran)} code cells in order, [{first}] to [{number}], without errors"


def check_outputs(files):
    ours = {cell.id: cell for cell in code_cells(files.repository)} if files.repository else {}
    for cell in code_cells(files.notebook):
        text = json.dumps(cell.outputs)
        assert HIDDEN not in text, f"the output of cell {cell.id} is hidden: {RUN_ALL}"
        widget = "widget-view" in text
        assert not widget, f"cell {cell.id} shows a widget, which MarkUs cannot: remove it"
        study = files.profile == "quick" and cell.id == "train-strong"
        emptied = cell.id in ours and ours[cell.id].outputs and not cell.outputs and not study
        assert not emptied, f"the output of cell {cell.id} is gone: {RUN_ALL}"
        gone = cells.lacks_picture(cell)
        assert not gone, f"the picture of cell {cell.id} is gone: {RUN_ALL}"
    return "all outputs and pictures are there, no widgets"


def check_html(files):
    if not importlib.util.find_spec("nbconvert"):
        return "not checked here: conversion to HTML, which needs nbconvert"
    from nbconvert import HTMLExporter

    return f"{len(HTMLExporter().from_filename(files.folder / NAMES[0])[0]):,} characters"


def fonts_in(resources):
    """All fonts of a page's resources, those of the figures in it included."""
    resources = resources.get_object()
    yield from (font.get_object() for font in resources.get("/Font", {}).values())
    for part in resources.get("/XObject", {}).values():
        if "/Resources" in part.get_object():
            yield from fonts_in(part.get_object()["/Resources"])


def check_pdf(files):
    assert files.pdf.startswith(b"%PDF") and b"%%EOF" in files.pdf[-1024:], "it is no whole PDF"
    if not importlib.util.find_spec("pypdf"):
        return "not checked here: text and fonts of the PDF, which need pypdf"
    import pypdf

    pages = pypdf.PdfReader(files.folder / NAMES[1]).pages
    text = "\n".join(page.extract_text() for page in pages)
    missing = ", ".join(question for question in QUESTIONS if question not in text)
    assert not missing, f"sections missing: {missing}"
    assert "??" not in text, "it has a ?? in it"
    assert "SAMPLE" not in text, "SAMPLE stands on the PDF's pages"
    for font in (font for page in pages for font in fonts_in(page["/Resources"])):
        assert font["/Subtype"] != "/Type3", "a page or a figure has a bitmap font"
        font = font.get("/DescendantFonts", [font])[0].get_object()
        embedded = "/FontFile" in " ".join(font["/FontDescriptor"])
        assert embedded, f"font {font.get('/BaseFont')} is not embedded"
    return f"{len(pages)} pages, all {len(QUESTIONS)} answers, all fonts embedded, none bitmap"


def check_stamps(files):
    last = json.dumps([cell.outputs for cell in code_cells(files.notebook) if cell.id == "hand-in"])
    run = re.search(r"(\w+) profile, stamp ([0-9a-f]{12})", last) or ["", "no known", ""]
    assert run[1] != "sample", "SAMPLE: the notebook's outputs come from the sample profile"
    figures = files.base / "figures"
    stamp = stamp_of(figures)
    as_latex = "".join(f"\\000{letter}" for letter in stamp)
    places = {
        f"the notebook ({run[1]} profile)": run[2] == stamp,
        "numbers.tex": f"{{{stamp}}}" in (figures / "numbers.tex").read_text(encoding="utf-8"),
        "the PDF": as_latex.encode() in files.pdf or stamp.encode() in files.pdf,
    }
    wrong = ", ".join(place for place, agrees in places.items() if not agrees)
    advice = "take notebook and figures.zip from one session, then `make unpack writeup`"
    assert not wrong, f"{wrong} belongs to another run than results.json, {stamp}: {advice}"
    return f"notebook, numbers.tex and PDF belong to results.json, {stamp}"


def check_markus(files):
    python = ROOT / ".venv-markus/bin/python"
    assert python.exists(), ".venv-markus is missing: run `make markus`"
    command = [python, "-c", MARKUS_SCRIPT, files.folder / NAMES[0]]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr.strip().splitlines()[-1]
    return "definitions import and run through MarkUs's helper"


CHECKS = [
    check_sizes,
    check_cells,
    check_executed,
    check_outputs,
    check_html,
    check_pdf,
    check_stamps,
]


def texts_to_rewrite(files):
    """Sentences of the writeup and texts of the notebook that are still about another run."""
    claims = ROOT / f"build/writeup-{files.profile}/claims.txt"
    texts = claims.read_text(encoding="utf-8").splitlines() if claims.exists() else []
    committed = hashlib.sha256(read_at_head("figures/results.json") or b"").hexdigest()
    if files.repository and not committed.startswith(stamp_of(files.base / "figures")):
        ours = {cell.id: cell.source.strip() for cell in files.repository.cells}
        heading = ""
        for cell in files.notebook.cells:
            if cell.cell_type == "markdown":
                heading = [heading, *re.findall(r"^#+ (.*)", cell.source, re.MULTILINE)][-1]
            if cell.id.endswith("-saw") and cell.source.strip() == ours.get(cell.id):
                texts.append(f"the notebook's text under: {heading}")
    return texts


def main(profile, checks=CHECKS):
    bundle, folder = ROOT / "build/submission", ROOT / "build/submission.unchecked"
    base = cells.base_folder(profile)
    shutil.rmtree(bundle, ignore_errors=True)
    for name in (*NAMES, "figures/results.json", "figures/numbers.tex"):
        if not (base / name).exists():
            sys.exit(f"FAIL  names: {base / name} is missing")
    notebook, repository = cells.read_notebook(base / NAMES[0]), cells.repository_notebook()
    known = {cell.id for cell in (repository or notebook).cells}
    for cell in notebook.cells:
        if cell.id not in known:
            cell.metadata |= {"markus": {"skip": True}}  # MarkUs is not to run what was added
    cells.write_whole(folder / NAMES[0], cells.notebook_text(notebook))
    shutil.copy(base / NAMES[1], folder)
    files = SimpleNamespace(base=base, folder=folder, notebook=notebook, repository=repository)
    files.profile, files.pdf = profile, (base / NAMES[1]).read_bytes()
    failed = 0
    for check in checks:
        name = check.__name__.removeprefix("check_")
        try:
            print(f"ok    {name}: {check(files)}")
        except Exception as error:  # a check that cannot be made has failed as well
            failed += 1
            print(f"FAIL  {name}: {error}")
    if texts := texts_to_rewrite(files):
        print("to rewrite, which is about another run:", *texts, sep="\n  ")
    if failed:
        shutil.rmtree(folder)
        sys.exit(f"{failed} of {len(checks)} checks failed; nothing was put into {bundle}")
    folder.rename(bundle)
    print(f"hand in both files of {bundle}")
    if check_markus not in checks:
        print("not checked here: the import by MarkUs (`make markus`, which installs 1 GB or more)")


if __name__ == "__main__":
    names = [word for word in sys.argv[1:] if word != "--markus"]
    more = [check_markus] if "--markus" in sys.argv else []
    main(names[0] if names else "full", CHECKS + more)
