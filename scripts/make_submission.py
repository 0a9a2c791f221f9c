"""Check the two files to hand in as MarkUs and a grader would, and put them into build/submission/.

The notebook may be as Colab saves it: cells added, form values changed, ids and tags moved or gone (these are put back
from the repository's notebook, the one at git's HEAD). Prints a line a check; if one fails, exits 1 without a bundle.

Usage: python scripts/make_submission.py [full|quick|sample]   (sample: shows that a sample's files are refused)
"""

import json
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pypdf
from nbconvert import HTMLExporter
from notebook import ROOT, base_folder, code_cells, stamp_of

NAMES = ("a2-cnn.ipynb", "a2-writeup.pdf")
SIZE_LIMIT = 5_000_000  # bytes: MarkUs's default
RUN_ALL = "in Colab click Runtime > Restart session and run all, then File > Download > .ipynb"
QUESTIONS = [f"{part}.Q{i}" for part in ("A", "B", "C", "D.1") for i in (1, 2, 3)]
QUESTIONS += ["B.Q4", "B.Q5", "D.2.Q1", "D.2.Q2"]
MARKUS_SCRIPT = """
import sys
from markus_autotest_helpers_notebook.importer import get_cells, import_from_path
notebook = import_from_path(sys.argv[1])
for cell in get_cells(notebook):
    if cell.cell_type == "code" and not cell.metadata.get("markus", {}).get("skip"):
        assert not cell.source.lstrip().lower().startswith("# test"), f"MarkUs takes a cell for a test: {cell.source}"
        cell.run()
import torch
for name in ("PoolUpsampleNet", "ConvTransposeNet", "UNet"):
    assert getattr(notebook, name)(3, 4, 24, 1)(torch.rand(2, 1, 8, 8)).shape == (2, 24, 8, 8), name
"""


def parse_notebook(text, repository=None):
    """The notebook of a file's text; what Colab moves or drops is put back, by ids, from the repository's notebook."""
    raw = json.loads(text)
    ours = {cell.id: cell.metadata for cell in repository.cells} if repository else {}
    for number, cell in enumerate(raw["cells"]):
        ids = [i for i in (cell.get("id"), cell["metadata"].get("id"), f"added-{number}") if i]
        cell["id"] = next((i for i in ids if i in ours), ids[0])
        if repository:
            cell["metadata"] |= ours.get(cell["id"], {"markus": {"skip": True}})  # MarkUs is to skip added cells
    raw["nbformat_minor"] = max(5, raw["nbformat_minor"])
    return nbformat.reader.reads(json.dumps(raw))  # unlike nbformat.read, it mends no id that stands twice


def committed_notebook():
    """The notebook at git's HEAD, or None where there is no git or no commit."""
    if not shutil.which("git"):
        return None
    shown = subprocess.run(["git", "show", f"HEAD:./{NAMES[0]}"], cwd=ROOT, capture_output=True, encoding="utf-8")
    return None if shown.returncode else parse_notebook(shown.stdout)


def code_of(cell):
    """A cell's code without what a Colab form changes: lines such as `NAME = value  # @param ...`."""
    return re.sub(r"^(\w+) *=.*# *@param.*", r"\1 = # @param", cell.source.strip(), flags=re.MULTILINE)


def check_sizes(files):
    sizes = {name: (files.folder / name).stat().st_size for name in NAMES}
    assert all(size < SIZE_LIMIT for size in sizes.values()), f"over {SIZE_LIMIT:,} bytes: {sizes}"
    return ", ".join(f"{name} {size:,} bytes" for name, size in sizes.items())


def check_cells(files):
    ids = [cell.id for cell in files.notebook.cells]
    assert len(ids) == len(set(ids)), f"a cell's id stands twice: {max(ids, key=ids.count)}"
    if files.repository is None:
        return "not compared with the repository's notebook: here is no git, or no commit, to take that from"
    theirs, ours = ({cell.id: cell for cell in code_cells(nb)} for nb in (files.notebook, files.repository))
    missing = ", ".join(i for i in ours if i not in theirs)
    assert not missing, f"missing code cells: {missing}; take them from the repository's notebook, then {RUN_ALL}"
    changed = ", ".join(i for i in ours if code_of(theirs[i]) != code_of(ours[i]))
    assert not changed, f"code is not as at git's HEAD in {changed}: commit the change; or undo it, and {RUN_ALL}"
    return f"{len(ours)} code cells as in the repository, added: {', '.join(sorted(theirs.keys() - ours)) or 'none'}"


def check_executed(files):
    cells = [cell for cell in code_cells(files.notebook) if cell.source.strip()]
    for number, cell in enumerate(cells, cells[0].execution_count or 1):
        count = cell.execution_count
        assert count == number, f"cell {cell.id} was executed as [{count or ' '}], not [{number}]: {RUN_ALL}"
        assert "error" not in [output.output_type for output in cell.outputs], f"cell {cell.id} failed: {RUN_ALL}"
    return f"{len(cells)} code cells in order, [{cells[0].execution_count}] to [{number}], without errors"


def check_html(files):
    widgets = "widgets" in files.notebook.metadata or "widget-view" in json.dumps(files.notebook)
    assert not widgets, f"it holds a widget, which MarkUs cannot show: remove the cell that makes it, then {RUN_ALL}"
    return f"no widgets, {len(HTMLExporter().from_notebook_node(files.notebook)[0]):,} characters of HTML"


def check_markus(files):
    python = ROOT / ".venv-markus/bin/python"
    assert python.exists(), ".venv-markus is missing: run this through `make submission`"
    command = [python, "-c", MARKUS_SCRIPT, files.folder / NAMES[0]]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr.strip().splitlines()[-1]
    return "definitions import and run through MarkUs's helper"


def read_pdf(files):
    reader = pypdf.PdfReader(files.folder / NAMES[1])
    return reader, "\n".join(page.extract_text() for page in reader.pages)


def fonts_in(resources):
    """All fonts of a page's resources, those of the figures in it included."""
    resources = resources.get_object()
    yield from (font.get_object() for font in resources.get("/Font", {}).values())
    for part in resources.get("/XObject", {}).values():
        if "/Resources" in part.get_object():
            yield from fonts_in(part.get_object()["/Resources"])


def check_pdf(files):
    reader, text = read_pdf(files)
    missing = ", ".join(question for question in QUESTIONS if question not in text)
    assert not missing, f"sections missing: {missing}"
    assert "??" not in text, "it has a ?? in it"
    for font in (font for page in reader.pages for font in fonts_in(page["/Resources"])):
        assert font["/Subtype"] != "/Type3", "a page or a figure has a bitmap font"
        descriptor = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        embedded = {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor["/FontDescriptor"].get_object())
        assert embedded, f"font {font.get('/BaseFont')} is not embedded"
    return f"{len(reader.pages)} pages, all {len(QUESTIONS)} answers, all fonts embedded, none bitmap"


def check_sample(files):
    stamped = [cell.id for cell in code_cells(files.notebook) if "sample profile" in json.dumps(cell.outputs)]
    assert not stamped, f"SAMPLE: the notebook's outputs come from the sample profile ({stamped[0]})"
    assert "SAMPLE" not in read_pdf(files)[1], "SAMPLE stands on the PDF's pages"
    return "nothing comes from the sample"


def check_stamps(files):
    outputs = json.dumps([cell.outputs for cell in code_cells(files.notebook) if cell.id == "hand-in"])
    run = re.search(r"(\w+) profile, stamp ([0-9a-f]{12})", outputs) or ["", "no known", ""]
    figures, stamp = files.base / "figures", stamp_of(files.base / "figures")
    places = {
        f"the notebook ({run[1]} profile)": run[2] == stamp,
        "numbers.tex": f"{{{stamp}}}" in (figures / "numbers.tex").read_text(),
        "the PDF": stamp in (read_pdf(files)[0].metadata.get("/Keywords") or ""),
    }
    wrong = ", ".join(place for place, agrees in places.items() if not agrees)
    advice = "take notebook and figures.zip from one session, then `make unpack`, and `make writeup` with its PROFILE"
    assert not wrong, f"{wrong} belongs to another run than {figures / 'results.json'}, stamp {stamp}: {advice}"
    return f"notebook, numbers.tex and PDF belong to results.json, {stamp}"


CHECKS = [check_sizes, check_cells, check_executed, check_html, check_markus, check_pdf, check_sample, check_stamps]


def main(profile, checks=CHECKS):
    bundle, folder = ROOT / "build/submission", ROOT / "build/submission.unchecked"
    base, repository, failed = base_folder(profile), committed_notebook(), 0
    shutil.rmtree(bundle, ignore_errors=True)
    if missing := [name for name in NAMES if not (base / name).exists()]:
        sys.exit(f"FAIL  names: {base / missing[0]} is missing")
    folder.mkdir(parents=True, exist_ok=True)
    notebook = parse_notebook((base / NAMES[0]).read_text(encoding="utf-8"), repository)
    (folder / NAMES[0]).write_text(nbformat.v4.writes(notebook) + "\n", encoding="utf-8")
    shutil.copy(base / NAMES[1], folder)
    files = SimpleNamespace(base=base, folder=folder, notebook=notebook, repository=repository)  # for the checks
    for check in checks:
        name = check.__name__.removeprefix("check_")
        try:
            print(f"ok    {name}: {check(files)}")
        except Exception as error:  # a check that cannot be made has failed as well
            failed += 1
            print(f"FAIL  {name}: {error}")
    claims = ROOT / f"build/writeup-{profile}/claims.txt"
    if claims.exists() and (lines := claims.read_text(encoding="utf-8").splitlines()):
        print("sentences to rewrite, which do not hold in this run:", *lines, sep="\n  ")
    if failed:
        shutil.rmtree(folder)
        sys.exit(f"{failed} of {len(checks)} checks failed; nothing was put into {bundle}")
    folder.rename(bundle)
    print(f"hand in both files of {bundle}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "full")
