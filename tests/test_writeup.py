"""The writeup: its numbers, its claims, its listings, and the PDF that is built from them."""

import json
import shutil
import subprocess
import sys
import zipfile

import build_writeup
import pypdf
import pytest
import update_readme
from cells import ROOT, Node
from claims import CLAIMS, judge
from conftest import copy_checkout, needs_latex
from house import LISTED, House, results
from tables import Tables, written


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


@pytest.mark.parametrize(("asked", "tex", "plain"), [
    ("cell/parts-a-c/UNet/parameters/,", "$56{,}856$", "56,856"),
    ("cell/parts-a-c/UNet/val_loss std/.1%", r"$10.0\,\%$", "10.0 %"),
    ("cell/minus/val_loss/0/.0e", r"$-9\cdot10^{-2}$", "−9e−02"),
    ("spread/parts-a-c/UNet/val_loss/.3f", r"$1.100 \pm 0.100$", "1.100 ± 0.100"),
    ("spread/parts-a-c/pool/val_loss/.3f", r"$1.500 \pm \mbox{--}$", "1.500 ± –"),
    ("byseed/minus/val_loss/|.3f", "$0.093$, $0.050$, $0.070$", "0.093, 0.050, 0.070"),
    ("column/losses/val_loss/+.1f", "$+1.5$, $+1.1$", "+1.5, +1.1"),
    ("about/torch", "2.14.1", "2.14.1"),
    ("about/seeds", "3 seeds", "3 seeds"),
])  # fmt: skip
def test_a_number_is_written_as_the_writeup_and_the_readme_ask_for_it(asked, tex, plain):
    kind, *place = asked.split("/")
    made = json.loads(results())
    assert written(Tables(made), build_writeup.in_tex, kind, *place) == tex
    text = f"a <!--{kind} {'/'.join(place)}-->"
    assert update_readme.filled_in(f"{text}old<!---->", made) == f"{text}{plain}<!---->"


def test_a_listing_has_the_wanted_definitions_without_docstrings():
    shown = "class UNet:\n    skips = 2  # shown\n"
    assert build_writeup.listing(Node(source=LISTED), "UNet") == shown
    both = f"def block():\n    return 1\n\n\n{shown}"
    assert build_writeup.listing(Node(source=LISTED), "") == both


CHANGES = (lambda n: -n, lambda n: n + 1000, lambda n: n - 1000)


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_holds_and_all_that_it_looks_up_can_make_it_false(committed, name):
    tables, may_fail = Tables(committed), set()
    assert CLAIMS[name](tables)
    for (table, row, column), number in tables.numbers.items():
        places = {f"{table}, {row}, {column}", f"{table}, {row}", f"{table}, {column}"}
        for change in CHANGES if places & tables.looked_up.keys() else ():
            altered = Tables(committed)
            altered.numbers[table, row, column] = change(number)
            if not CLAIMS[name](altered):
                may_fail |= places
    assert tables.looked_up.keys() <= may_fail
    if not may_fail:  # it rests on what is known of the run as a whole
        tables.about = dict.fromkeys(tables.about, "another")
        assert not CLAIMS[name](tables)


def test_a_claim_does_not_hold_if_a_number_is_missing_and_one_seed_agrees_on_nothing(committed):
    one = json.loads(json.dumps(committed))
    for table in one["tables"].values():
        table["columns"], table["data"] = table["columns"][:1], [row[:1] for row in table["data"]]
    assert not any(holds for holds, looked_up in judge(one).values() if looked_up)


def test_the_committed_writeup_is_what_its_sources_build_without_red(committed, tmp_path):
    copy_checkout(tmp_path)
    command = [sys.executable, "-S", "scripts/build_writeup.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "Sentences to rewrite" not in done.stdout and "fault" not in done.stdout, done.stdout
    for path in [ROOT / "figures/numbers.tex", *ROOT.glob("figures/listings/*")]:
        assert path.read_bytes() == (tmp_path / path.relative_to(ROOT)).read_bytes(), path
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert update_readme.filled_in(readme, committed) == readme
    if shutil.which("latexmk"):
        built, kept = (pdf_text(folder / "a2-writeup.pdf") for folder in (tmp_path, ROOT))
        assert built == kept and "??" not in kept


def pdf_text(path):
    return " ".join("".join(page.extract_text() for page in pypdf.PdfReader(path).pages).split())


def test_without_latex_the_way_to_overleaf_and_how_to_install_it_are_told(house, monkeypatch):
    (house.figures / "curves.png").touch()
    monkeypatch.setenv("PATH", "")
    done = house.run("build_writeup")
    assert done.returncode == 1
    for part in ("apt-get install", "lmodern", "mactex", "MiKTeX", "overleaf.com"):
        assert part in done.stderr, done.stderr
    names = set(zipfile.ZipFile(house.folder / "build/writeup-full.zip").namelist())
    listing = "figures/listings/unet-UNet.py"
    assert {"a2-writeup.tex", "figures/numbers.tex", "figures/curves.png", listing} <= names


@needs_latex
@pytest.mark.slow
def test_the_standard_library_and_latex_build_a_pdf_that_can_be_handed_in(house):
    done = house.run("build_writeup")
    assert done.returncode == 0, done.stdout + done.stderr
    text = pdf_text(house.folder / "a2-writeup.pdf")
    assert "1.100 ± 0.100, 56,856" in text and "lower by 0.093, 0.050, 0.070" in text
    assert "Sentences to rewrite" not in done.stdout
    assert house.run("make_submission").returncode == 0


@needs_latex
@pytest.mark.slow
def test_what_another_run_does_not_bear_out_is_listed_with_its_line_numbers_and_advice(house):
    house.replace(house.figures / "results.json", "-0.0934", "0.0934")
    house.replace(house.figures / "results.json", '"device": "CPU"', '"device": "GPU"')
    told = house.run("build_writeup").stdout
    lines = house.tex.read_text().splitlines()
    for found in (r"\claim{lower}", r"\seen{The"):
        (number,) = [i for i, line in enumerate(lines, start=1) if line.startswith(found)]
        assert f"line {number}: " in told
    assert "0.0934, -0.05, -0.07" in told and "scripts/claims.py" in told
    assert house.stamp not in told and "set \\seenStamp to" in told


@needs_latex
@pytest.mark.slow
@pytest.mark.parametrize("change", [r"\cell{losses}{no}{val_loss}{,}", r"\ref{no}", r"\undefined"])
def test_a_pdf_with_a_fault_is_told_and_does_not_replace_the_old_one(house, change):
    (house.folder / "a2-writeup.pdf").write_text("old")
    house.replace(house.tex, "A loss", f"A loss {change}")
    house.replace(house.tex, r"\claim{lower}", r"\claim{higher}")
    done = house.run("build_writeup")
    assert done.returncode == 1 and "claim higher is not in" in done.stdout
    assert (house.folder / "a2-writeup.pdf").read_text() == "old"
