"""The writeup: its numbers, its claims, its listings, and the PDF that is built from them."""

import re
import shutil
import subprocess
import sys

import build_writeup
import claims
import pypdf
import pytest
import update_readme
import write_numbers
from cells import ROOT, code_cells
from conftest import copy_checkout
from facts import load_results, written
from house import House

TEX = (ROOT / "a2-writeup.tex").read_text(encoding="utf-8")
BODY = TEX.split(r"\begin{document}")[1]
FIGURES = ROOT / "figures"
# What no run produces: the starter's score (an IoU of 0.8 counts 0.6, one of 0.5 nothing; its own
# rounding at 0.55, 0.60 and 0.85), rates, numbers of images.
ALLOWED_DECIMALS = {"0.5", "0.6", "0.8", "0.55", "0.60", "0.85", "0.1", "0.01", "0.05", "0.005"}
ALLOWED_DECIMALS |= {"0.001", "0.06", "0.9", "0.95", "0.999", "1,000", "1,280"}
needs_latex = pytest.mark.skipif(not shutil.which("latexmk"), reason="LaTeX is not installed")


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


@pytest.mark.parametrize(("name", "value", "forms"), [
    ("UNet: val_loss", [1.0, 1.1], {"fact": "1.050", "spread": "1.050 ± 0.071"}),
    ("a minus b: val_loss", [-0.0934, 0.2], {"signed": "−0.093, +0.200", "size": "0.093, 0.200"}),
    ("UNet: val_loss", [1.0], {"spread": "1.000 ± –"}),
    ("UNet: val_accuracy", [0.5, 0.6], {"spread": "55.0 ± 7.1 %", "seeds": "50.0, 60.0"}),
    ("UNet: accuracy at distance 0", 0.117, {"fact": "12 %"}),
    ("photo 1: called flower, IoU", 0.514, {"fact": "51 %"}),
    ("IoU, handout, seed 0: called_flower, epoch 1", 0.514, {"fact": "51.4 %"}),
    ("IoU, slower, seed 0: slope, epoch 2", 0.0096, {"fact": "1e−02"}),
    ("UNet: parameters", 56856, {"fact": "56,856"}),
    ("splits", "1, 2 and 3", {"fact": "1, 2 and 3"}),
])  # fmt: skip
def test_a_fact_is_written_in_each_form(name, value, forms):
    assert forms.items() <= written(name, value).items()


@pytest.mark.parametrize(("text", "tex"), [
    ("1.050 ± 0.071", r"$1.050 \pm 0.071$"), ("1.000 ± –", r"$1.000 \pm \mbox{--}$"),
    ("−0.093, +0.200", "$-0.093$, $+0.200$"), ("55.0 ± 7.1 %", r"$55.0 \pm 7.1$\,\%"),
    ("1e−18", r"$1 \cdot 10^{-18}$"),
    ("56,856", "$56{,}856$"), ("1, 2 and 3", "1, 2 and 3"), ("a_b", r"a\_b"),
])  # fmt: skip
def test_numbers_are_mathematics_in_tex_and_words_are_not(text, tex):
    assert write_numbers.as_tex(text) == tex


def test_a_listing_has_the_wanted_functions_without_docstrings():
    source = '''import x


@decorated
def wanted(a):
    """Cut.

    Cut, too.
    """

    return "kept"  # why


def other():
    pass
'''
    shown = '@decorated\ndef wanted(a):\n    return "kept"  # why\n'
    assert write_numbers.listing(source, ["wanted"]) == shown
    assert write_numbers.listing(source) == shown + "\n\ndef other():\n    pass\n"


def test_the_listed_cells_give_python_that_is_not_empty():
    sources = {cell.id: cell.source for cell in code_cells()}
    for name in write_numbers.LISTED_CELLS:
        text = write_numbers.listing(sources[name], write_numbers.LISTED_NAMES.get(name))
        compile(text, name, "exec")
        assert "def " in text and '"""' not in text, name


@pytest.mark.parametrize(("values", "holding"), [
    ([-1, -2], ["falls"]), ([1, 2], ["rises"]), ([-1, 1], ["wavers"]), ([1], []),
])  # fmt: skip
def test_seeds_agree_on_a_difference_or_waver_and_one_alone_decides_nothing(values, holding):
    facts = claims.Facts({"gap": values})
    words = ("falls", "rises", "wavers")
    assert [word for word in words if getattr(facts, word)("gap")] == holding


def test_a_claim_rests_on_what_it_looked_up_and_a_missing_fact_bears_nothing_out(monkeypatch):
    monkeypatch.setattr(claims, "CLAIMS", {"lower": lambda f: f["a"] < f["b"]})
    assert claims.judge({"a": 1, "b": 2, "c": 3}) == {"lower": (True, {"a": 1, "b": 2})}
    assert claims.judge({"a": 1}) == {"lower": (False, {"a": 1, "b": "missing"})}


def test_the_claims_of_the_writeup_are_those_of_the_table_and_hold_in_the_committed_results():
    assert set(re.findall(r"\\claim\{([\w-]+)\}", BODY)) == set(claims.CLAIMS)
    results, stamp = load_results(FIGURES)
    assert build_writeup.to_rewrite(TEX, results["facts"], stamp) == []


def test_numbers_listings_and_tables_are_what_the_scripts_make_of_the_committed_results():
    results, stamp = load_results(FIGURES)
    made = write_numbers.numbers_tex(results, stamp)
    assert (FIGURES / "numbers.tex").read_text(encoding="utf-8") == made
    assert update_readme.results_tables(results) in (ROOT / "README.md").read_text(encoding="utf-8")
    listings = {
        path.stem: path.read_text(encoding="utf-8") for path in (FIGURES / "listings").iterdir()
    }
    sources = {cell.id: cell.source for cell in code_cells()}
    for name in write_numbers.LISTED_CELLS:
        text = write_numbers.listing(sources[name], write_numbers.LISTED_NAMES.get(name))
        assert listings.pop(name) == text
    assert listings == {}


def test_no_decimal_and_no_percentage_of_a_result_is_typed():
    body = re.sub(r"(?<!\\)%.*", "", BODY)
    body = re.sub(r"\\\\\[\d+pt\]|\\texttt\{[^}]*\}|arXiv:[\d.]+", "", body)
    typed = set(re.findall(r"(?<![A-D])\d*\.\d+|\d+(?:\\,)?\\%|\d{1,3}(?:,|\{,\})\d{3}", body))
    assert typed <= ALLOWED_DECIMALS


def test_every_figure_of_the_writeup_is_there():
    names = {path.stem for path in FIGURES.iterdir() if path.suffix in (".pdf", ".png")}
    assert set(re.findall(r"\\shown\{(\w+)\}", BODY)) <= names


@pytest.mark.parametrize(("log", "fault"), [
    ("LaTeX Warning: Reference `fig:x' on page 3 undefined on input line 7.", "undefined"),
    ("Overfull \\hbox (12.5pt too wide) in paragraph at lines 3--4", "12.5 pt too wide"),
    ("NO VALUE spread UNet: val_loss", "no value for \\spread UNet: val_loss"),
])  # fmt: skip
def test_a_fault_of_the_build_is_found_in_its_log(log, fault):
    (found,) = build_writeup.find_faults(log)
    assert fault in found


def test_without_latex_it_is_told_how_to_install_it(house, monkeypatch):
    monkeypatch.setenv("PATH", "")
    before = house.contents()
    told = house.run("build_writeup").stderr
    assert all(part in told for part in ("apt-get install", "brew install", "MiKTeX"))
    assert house.contents() == before


def pdf_text(path):
    return " ".join("".join(page.extract_text() for page in pypdf.PdfReader(path).pages).split())


@needs_latex
def test_the_standard_library_and_latex_build_the_pdf_without_drawing(house):
    done = house.run("build_writeup")
    assert done.returncode == 0, done.stdout + done.stderr
    text = pdf_text(house.folder / "a2-writeup.pdf")
    assert "1.100 ± 0.100" in text and "56,856" in text and "lower by 0.093, 0.050, 0.070" in text
    assert "ok    stamps" in house.run("make_submission").stdout
    assert (house.figures / "curves.pdf").read_bytes() == b"as committed"
    assert "to rewrite" not in done.stdout.lower()
    assert "make figures" in done.stdout  # nobody knows which cells drew it
    assert house.run("make_figures", bare=False).returncode == 0
    assert "make figures" not in house.run("build_writeup").stdout
    house.notebook.write_text(house.notebook.read_text().replace("ax.plot(", "ax.bar("))
    assert "make figures" in house.run("build_writeup").stdout


@needs_latex
def test_what_another_run_does_not_bear_out_is_listed_with_its_line_the_facts_and_what_to_do(house):
    path = house.figures / "results.json"
    path.write_text(path.read_text().replace("-0.0934", "0.0934"))
    told = house.run("build_writeup").stdout
    lines = (house.folder / "a2-writeup.tex").read_text().splitlines()
    for found in (r"\claim{unet-below-conv}", r"\seen{The"):
        (number,) = [i for i, line in enumerate(lines, start=1) if line.startswith(found)]
        assert f"line {number}: " in told
    assert "UNet minus ConvTransposeNet: val_loss: 0.0934, -0.05, -0.07" in told
    assert f"\\seenStamp to {house.stamp_of_results()}" in told and "scripts/claims.py" in told
    assert "unet-below-conv" in (house.folder / "build/writeup-full/claims.txt").read_text()


@needs_latex
@pytest.mark.parametrize("change", [r"\fact{no such fact}", r"\ref{nowhere}", r"\undefined"])
def test_a_pdf_with_a_fault_does_not_replace_the_old_one(house, change):
    assert house.run("build_writeup").returncode == 0
    before = house.contents()
    tex = house.folder / "a2-writeup.tex"
    tex.write_text(tex.read_text().replace("A loss", f"A loss {change}"))
    assert house.run("build_writeup").returncode == 1
    assert house.contents() == before


@needs_latex
def test_a_quick_run_has_a_dash_for_what_it_has_not(house):
    quick = house.folder / "build/quick"
    shutil.copytree(house.figures, quick / "figures")
    path = quick / "figures/results.json"
    made = path.read_text().replace('"profile": "full"', '"profile": "quick"')
    path.write_text(made.replace("UNet minus ConvTransposeNet: val_loss", "unknown"))
    done = house.run("build_writeup", "quick")
    assert done.returncode == 0 and "no value for \\size UNet minus" in done.stdout
    text = pdf_text(quick / "a2-writeup.pdf")
    assert "lower by –." in text and "??" not in text


@needs_latex
def test_the_committed_pdf_is_what_its_sources_build_and_says_nothing_in_red(tmp_path):
    copy_checkout(tmp_path)
    command = [sys.executable, "-S", "scripts/build_writeup.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "to rewrite" not in done.stdout, done.stdout + done.stderr
    assert pdf_text(tmp_path / "a2-writeup.pdf") == pdf_text(ROOT / "a2-writeup.pdf")
