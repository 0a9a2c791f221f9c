"""Check the two files to hand in as MarkUs and a grader would, and put them into build/submission/.

Prints a line per check; exits 1 with the reasons if any fails, and then leaves no bundle behind.

Usage: python scripts/make_submission.py [full|sample]   (sample: shows that a sample's files are refused)
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pypdf
from nbconvert import HTMLExporter

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("a2-cnn.ipynb", "a2-writeup.pdf")
SIZE_LIMIT = 5_000_000  # bytes: MarkUs's default
QUESTIONS = [
    *(f"A.Q{i}" for i in (1, 2, 3)), *(f"B.Q{i}" for i in (1, 2, 3, 4, 5)), *(f"C.Q{i}" for i in (1, 2, 3)),
    *(f"D.1.Q{i}" for i in (1, 2, 3)), *(f"D.2.Q{i}" for i in (1, 2)),
]  # fmt: skip
MARKUS_SCRIPT = """
import sys
from markus_autotest_helpers_notebook.importer import get_cells, import_from_path
notebook = import_from_path(sys.argv[1])
ran = 0
for cell in get_cells(notebook):
    if cell.cell_type == "code" and not cell.metadata.get("markus", {}).get("skip"):
        assert not cell.source.lstrip().lower().startswith("# test"), f"MarkUs takes a cell for a test: {cell.source}"
        cell.run()
        ran += 1
import torch
for name in ("PoolUpsampleNet", "ConvTransposeNet", "UNet"):
    assert getattr(notebook, name)(3, 4, 24, 1)(torch.rand(2, 1, 8, 8)).shape == (2, 24, 8, 8), name
print(f"{ran} cells ran")
"""


def check_sizes(base, notebook):
    sizes = {name: (base / name).stat().st_size for name in NAMES}
    assert all(size < SIZE_LIMIT for size in sizes.values()), f"over {SIZE_LIMIT:,} bytes: {sizes}"
    return ", ".join(f"{name} {size:,} bytes" for name, size in sizes.items())


def check_executed(base, notebook):
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in cells]
    assert counts == list(range(1, len(cells) + 1)), f"execution counts are not 1 to {len(cells)}: {counts[:5]}..."
    errors = [cell.id for cell in cells if any(output.output_type == "error" for output in cell.outputs)]
    assert not errors, f"errors stand in the output of {errors}"
    return f"{len(cells)} code cells in order, without errors"


def check_ids(base, notebook):
    raw = json.loads((base / NAMES[0]).read_text(encoding="utf-8"))  # nbformat mends ids that stand twice
    ids = [cell.get("id", "") for cell in raw["cells"]]
    assert len(ids) == len(set(ids)), "cell ids are not unique"
    unnamed = [i for i in ids if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", i)]
    assert not unnamed, f"ids that are no words: {unnamed[:3]}"
    return f"{len(ids)} stable cell ids"


def check_widgets(base, notebook):
    assert "widgets" not in notebook.metadata, "widget state stands in the metadata"
    assert "widget-view" not in json.dumps(notebook), "a widget stands in an output"
    return "no widgets"


def check_html(base, notebook):
    html, _ = HTMLExporter().from_notebook_node(notebook)
    return f"converts to HTML, {len(html):,} characters"


def check_markus(base, notebook):
    python = ROOT / ".venv-markus/bin/python"
    assert python.exists(), ".venv-markus is missing: run this through `make submission`"
    command = [python, "-c", MARKUS_SCRIPT, base / NAMES[0]]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr.strip().splitlines()[-1]
    return f"definitions import and run through MarkUs's helper: {result.stdout.splitlines()[-1]}"


def read_pdf(base):
    reader = pypdf.PdfReader(base / NAMES[1])
    return reader, "\n".join(page.extract_text() for page in reader.pages)


def check_pdf(base, notebook):
    reader, text = read_pdf(base)
    missing = [question for question in QUESTIONS if question not in text]
    assert not missing, f"sections missing: {missing}"
    assert "??" not in text, "it has a ?? in it"
    return f"{len(reader.pages)} pages, all {len(QUESTIONS)} answers"


def fonts_in(resources):
    """All fonts of a page's resources, those of the figures in it included: {name: font}."""
    resources, fonts = resources.get_object(), {}
    for font in resources.get("/Font", {}).values():
        fonts[font.get_object()["/BaseFont" if "/BaseFont" in font.get_object() else "/Name"]] = font.get_object()
    for part in resources.get("/XObject", {}).values():
        if "/Resources" in part.get_object():
            fonts |= fonts_in(part.get_object()["/Resources"])
    return fonts


def check_fonts(base, notebook):
    fonts = {}
    for page in read_pdf(base)[0].pages:
        fonts |= fonts_in(page["/Resources"])
    for name, font in fonts.items():
        assert font["/Subtype"] != "/Type3", f"{name} is a bitmap font"
        descriptor = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        embedded = {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor["/FontDescriptor"].get_object())
        assert embedded, f"{name} is not embedded"
    return f"{len(fonts)} fonts, all embedded, none bitmap"


def check_sample(base, notebook):
    stamped = [cell.id for cell in notebook.cells if "sample profile" in json.dumps(cell.get("outputs", []))]
    assert not stamped, f"SAMPLE: the notebook's outputs come from the sample profile ({stamped[0]})"
    assert "SAMPLE" not in read_pdf(base)[1], "SAMPLE stands on the PDF's pages"
    return "nothing comes from the sample"


def check_stamps(base, notebook):
    stamp = hashlib.sha256((base / "figures/results.json").read_bytes()).hexdigest()[:12]
    reader, _ = read_pdf(base)
    places = {
        "the notebook": f"stamp {stamp}" in json.dumps(notebook.cells[-1].get("outputs", [])),
        "numbers.tex": f"{{{stamp}}}" in (base / "figures/numbers.tex").read_text(),
        "the PDF": stamp in (reader.metadata.get("/Keywords") or ""),
    }
    wrong = [place for place, agrees in places.items() if not agrees]
    assert not wrong, f"{', '.join(wrong)} belongs to another run than results.json, {stamp}"
    return f"notebook, numbers.tex and PDF belong to results.json, {stamp}"


CHECKS = [
    check_sizes, check_executed, check_ids, check_widgets, check_html, check_markus, check_pdf, check_fonts,
    check_sample, check_stamps,
]  # fmt: skip


def main(profile, root=ROOT, checks=CHECKS):
    base = root if profile == "full" else root / "build/sample"
    bundle = root / "build/submission"
    shutil.rmtree(bundle, ignore_errors=True)
    for name in NAMES:
        if not (base / name).exists():
            sys.exit(f"FAIL  names: {base / name} is missing")
    notebook, failed = nbformat.read(base / NAMES[0], as_version=4), 0
    for check in checks:
        name = check.__name__.removeprefix("check_")
        try:
            print(f"ok    {name}: {check(base, notebook)}")
        except Exception as error:  # a check that cannot be made has failed as well
            failed += 1
            print(f"FAIL  {name}: {error}")
    if failed:
        sys.exit(f"{failed} of {len(checks)} checks failed; nothing was put into {bundle}")
    bundle.mkdir(parents=True)
    for name in NAMES:
        shutil.copy(base / name, bundle)
    print(f"hand in both files of {bundle}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "full")
