"""The writeup: its numbers, its claims, and the PDF that is built from them."""

import json
import zipfile

import build_writeup
import pypdf
import pytest
from cells import ROOT, read_notebook
from claims import CLAIMS, judge
from conftest import needs_latex
from house import results
from make_submission import pdf_info
from tables import Tables, filled_in, stamp_of, written


@pytest.mark.parametrize(("asked", "tex", "plain"), [
    ("cell/parts-a-c/UNet/parameters/,", "$56{,}856$", "56,856"),
    ("cell/minus/val_loss/0/.0e", r"$-9\cdot10^{-2}$", "−9e−02"),
    ("spread/parts-a-c/UNet/val_loss/.1%", r"$110.0 \pm 10.0\,\%$", "110.0 ± 10.0 %"),
    ("spread/parts-a-c/pool/val_loss/.3f", r"$1.500 \pm \mbox{--}$", "1.500 ± –"),
    ("byseed/minus/val_loss/|.3f", "$0.093$, $0.050$, $0.070$", "0.093, 0.050, 0.070"),
    ("column/minus/1/+.1f", "$-0.1$", "−0.1"),
    ("about/seeds", "3 seeds", "3 seeds"),
])  # fmt: skip
def test_a_number_is_written_as_the_writeup_and_the_readme_ask_for_it(asked, tex, plain):
    kind, *place = asked.split("/")
    made = json.loads(results())
    assert written(Tables(made), build_writeup.in_tex, kind, *place) == tex
    text = f"a <!--{kind} {'/'.join(place)}-->"
    assert filled_in(f"{text}old<!---->", made) == f"{text}{plain}<!---->"


def test_a_place_that_two_numbers_have_is_refused():
    made = json.loads(results())
    made["tables"]["minus"]["columns"] = ["0", "0", "2"]
    with pytest.raises(LookupError, match="no number at: minus, val_loss, 0"):
        Tables(made)("minus", "val_loss", "0")
    for end in ("", "<!---->"):
        with pytest.raises(SystemExit, match="README"):
            filled_in(f"<!--cell minus/val_loss/0/,-->1{end}", made)


CHANGES = (lambda n: -n, lambda n: n + 1000, lambda n: n - 1000)


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_holds_and_all_that_it_looks_up_can_make_it_false(committed, name):
    tables, may_fail = Tables(committed), set()
    assert CLAIMS[name](tables)
    looked_up = set(tables.looked_up)
    for (table, row, column), number in list(tables.numbers.items()):
        places = {f"{table}, {row}, {column}", f"{table}, {row}", f"{table}, {column}"}
        for change in CHANGES if places & looked_up else ():
            tables.numbers[table, row, column] = change(number)
            if not CLAIMS[name](tables):
                may_fail |= places
        tables.numbers[table, row, column] = number
    assert looked_up <= may_fail
    if not looked_up:  # it rests on what is known of the run as a whole
        tables.about = dict.fromkeys(tables.about, "another")
        assert not CLAIMS[name](tables)


def test_a_claim_does_not_hold_if_a_number_is_missing_and_one_seed_agrees_on_nothing(committed):
    one = json.loads(json.dumps(committed))
    for table in one["tables"].values():
        table["columns"], table["data"] = table["columns"][:1], [row[:1] for row in table["data"]]
    assert not any(holds for holds, looked_up in judge(one).values() if looked_up)
    one["tables"]["iou"] = committed["tables"]["iou"]
    assert not judge(one)["iou-one-seed"][0]


def test_the_committed_writeup_and_readme_are_what_their_sources_say(committed, tmp_path):
    writeup, judged, stamp = build_writeup.Writeup(), judge(committed), stamp_of(committed)
    assert writeup.to_rewrite(judged, stamp) == []
    keywords = pdf_info(ROOT / "a2-writeup.pdf", "Keywords")
    assert stamp in keywords and writeup.hash in keywords
    numbers, faults = build_writeup.numbers_tex(committed, writeup, judged)
    assert faults == [] and numbers == (ROOT / "figures/numbers.tex").read_text(encoding="utf-8")
    build_writeup.write_listings(tmp_path, writeup, read_notebook())
    folders = tmp_path, ROOT / "figures/listings"
    listings = [{path.name: path.read_text() for path in folder.iterdir()} for folder in folders]
    assert listings[0] == listings[1]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert filled_in(readme, committed) == readme


def test_without_latex_the_way_to_overleaf_and_how_to_install_it_are_told(house, monkeypatch):
    (house.figures / "curves.png").touch()
    monkeypatch.setenv("PATH", "")
    done = house.run("build_writeup")
    assert done.returncode == 1
    for part in ("make latex", "mactex", "MiKTeX", "overleaf.com"):
        assert part in done.stderr, done.stderr
    names = set(zipfile.ZipFile(house.folder / "build/writeup-full.zip").namelist())
    listing = "figures/listings/unet-UNet.py"
    assert {"a2-writeup.tex", "figures/numbers.tex", "figures/curves.png", listing} <= names


def test_what_another_run_does_not_bear_out_is_listed_with_its_line_numbers_and_advice(
    house, monkeypatch
):
    house.replace(house.figures / "results.json", "-0.0934", "0.0934")
    house.replace(house.figures / "results.json", '"device": "CPU"', '"device": "GPU"')
    monkeypatch.setenv("PATH", "")  # it is told before LaTeX runs
    told = house.run("build_writeup").stdout
    lines = house.tex.read_text().splitlines()
    for found in (r"\claim{lower}", r"\seen{The"):
        (number,) = [i for i, line in enumerate(lines, start=1) if line.startswith(found)]
        assert f"line {number}: " in told
    assert "0.0934, -0.05, -0.07" in told and "scripts/claims.py" in told
    assert house.stamp not in told and "set \\seenStamp to" in told
    house.replace(house.tex, "A loss", "50% of a loss")
    assert "after: 50" in house.run("build_writeup").stderr


@needs_latex
@pytest.mark.slow
def test_the_standard_library_and_latex_build_a_pdf_that_can_be_handed_in(house):
    done = house.run("build_writeup")
    assert done.returncode == 0, done.stdout + done.stderr
    (page,) = pypdf.PdfReader(house.pdf).pages
    text = " ".join(page.extract_text().split())
    assert "1.100 ± 0.100, 56,856" in text and "lower by 0.093, 0.050, 0.070" in text
    assert "skips = 2 # shown" in text and "Sentences to rewrite" not in done.stdout
    assert house.run("make_submission").returncode == 0


@needs_latex
@pytest.mark.slow
@pytest.mark.parametrize("change", [r"\cell{minus}{no}{val_loss}{,} \ref{no}", r"\undefined"])
def test_a_pdf_with_a_fault_is_told_and_does_not_replace_the_old_one(house, change):
    house.pdf.write_text("old")
    house.replace(house.tex, "A loss", f"A loss {change}")
    house.replace(house.tex, r"\claim{lower}", r"\claim{higher}")
    done = house.run("build_writeup")
    assert done.returncode == 1 and "claim higher is not in" in done.stdout
    assert done.stdout.count("fault: line") == change.count(r"\cell")
    assert done.stdout.count("fault: Reference") == change.count(r"\ref")
    assert house.pdf.read_text() == "old"
