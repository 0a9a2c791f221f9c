"""The writeup: its figures, its numbers, its claims, and the PDF that is built from them."""

import copy
import json
import re
import shutil
import subprocess
import sys

import build_writeup
import claims
import numpy as np
import pypdf
import pytest
import write_numbers
from conftest import copy_checkout
from notebook import ROOT
from results import load_results

TEX = (ROOT / "a2-writeup.tex").read_text(encoding="utf-8")
FIGURES = ROOT / "figures"
EXTRA_FIGURES = {  # in the notebook and the README alone
    "palette.pdf", "data.png", "curves_pool.pdf", "images_convt.png", "features.png", "flowers.png",
    "images_strong.png", "images_batch.png", "own_photo_colours.png", "own_photo_flower.png",
    "segmentation_curves.pdf", "strong_curves.pdf", "mistakes.pdf",
}  # fmt: skip
# What no run produces: the handout's score (an IoU of 0.8 counts 0.6, one of 0.5 nothing).
ALLOWED_DECIMALS = {"0.5", "0.6", "0.8", "0.05", "0.1"}


@pytest.fixture(scope="module")
def results():
    return load_results(FIGURES)[0]


@pytest.fixture(scope="module")
def pictures():
    with np.load(FIGURES / "pictures.npz") as archive:
        return dict(archive)


def test_every_figure_exists_and_is_used_or_listed_as_extra():
    used = set(re.findall(r"\\(?:shown|beside)\{(\w+)\}", TEX))
    present = {path.name for path in FIGURES.iterdir() if path.suffix in (".pdf", ".png")}
    assert used <= {name.split(".")[0] for name in present}
    assert {name for name in present if name.split(".")[0] not in used} == EXTRA_FIGURES


def test_numbers_and_listings_are_what_the_scripts_make_of_the_results(tmp_path, monkeypatch):
    for name in ("results.json", "pictures.npz"):
        (tmp_path / "figures").mkdir(exist_ok=True)
        shutil.copy(FIGURES / name, tmp_path / "figures")
    monkeypatch.setattr(write_numbers, "base_folder", lambda profile: tmp_path)
    write_numbers.main("full")
    made = tmp_path / "figures"
    assert (made / "numbers.tex").read_text() == (FIGURES / "numbers.tex").read_text()
    assert "??" not in (made / "numbers.tex").read_text()
    listings = {path.name: path.read_text() for path in (made / "listings").iterdir()}
    assert listings == {path.name: path.read_text() for path in (FIGURES / "listings").iterdir()}
    assert not any('"""' in text for text in listings.values())


def test_no_decimal_and_no_percentage_of_a_result_is_typed():
    body = re.sub(r"(?<!\\)%.*", "", TEX.split(r"\begin{document}")[1])
    body = re.sub(r"\\\\\[\d+pt\]|\\texttt\{[^}]*\}", "", body)
    typed = set(re.findall(r"(?<![A-D])\d*\.\d+|\d+(?:\\,)?\\%|\d{1,3}(?:,|\{,\})\d{3}", body))
    assert typed - {"1,000"} <= ALLOWED_DECIMALS


def test_a_number_that_a_full_run_lacks_is_visible_and_refused(tmp_path, results, monkeypatch, capsys):
    lacking = copy.deepcopy(results)
    lacking["runs"] = [run for run in lacking["runs"] if run["batch_size"] != 64 or run["part"] != "B.5"]
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/results.json").write_text(json.dumps(lacking))
    shutil.copy(FIGURES / "pictures.npz", tmp_path / "figures")
    monkeypatch.setattr(write_numbers, "base_folder", lambda profile: tmp_path)
    write_numbers.main("full")
    text = (tmp_path / "figures/numbers.tex").read_text()
    assert r"\newcommand{\batchEpochsSixFour}{\textbf{??}}" in text
    assert "batchEpochsSixFour" in capsys.readouterr().out
    assert r"no value for \batchEpochsSixFour" in build_writeup.find_faults("", text)
    write_numbers.main("quick")  # where not every size is meant to be there
    assert r"\newcommand{\batchEpochsSixFour}{--}" in (tmp_path / "figures/numbers.tex").read_text()


def test_the_claims_of_the_writeup_are_those_of_the_table():
    assert set(re.findall(r"\\claim\{([\w-]+)\}", TEX.split(r"\begin{document}")[1])) == set(claims.CLAIMS)


def test_every_claim_holds_in_the_committed_results(results):
    assert [name for name, (holds, _) in claims.judge(results).items() if not holds] == []


def turned(results, *comparisons):
    """The same results with these comparisons the other way round, or with all else that claims rest on."""
    other = copy.deepcopy(results)
    for name in comparisons:
        paired = other["summary"]["paired"][name]
        paired |= {"differences": [-10 * gap for gap in paired["differences"]], "agree": not paired["agree"]}
        paired["mean"] *= -10
    if not comparisons:
        swap = {"cross_entropy": "iou", "iou": "cross_entropy"}
        for run in other["runs"]:
            run["loss"] = swap.get(run.get("loss"))
            run["history"] = {metric: [-value for value in values[::-1]] for metric, values in run["history"].items()}
        summary, batches = other["summary"], [*other["summary"]["batch_size"].values()]
        summary["accuracy_by_distance"] = {k: v[::-1] for k, v in summary["accuracy_by_distance"].items()}
        summary["chroma"] |= {"target": 0.0, "ConvTransposeNet": 1.0}
        for row in batches:
            row["same epochs"], row["scaled rate"] = row["scaled rate"], row["same epochs"]
        for row, updates in zip(batches, [row["same updates"] for row in reversed(batches)], strict=True):
            row["same updates"] = updates
    return other


@pytest.mark.parametrize("name", claims.CLAIMS)
def test_a_claim_turns_red_when_any_number_behind_it_turns(name, results):
    _, behind = claims.judge(results)[name]
    comparisons = [what for what in behind if what in results["summary"]["paired"]]
    for comparison in comparisons:
        assert not claims.judge(turned(results, comparison))[name][0], comparison
    if len(comparisons) < len(behind):
        assert not claims.judge(turned(results))[name][0]


def test_one_seed_decides_nothing(results):
    single = copy.deepcopy(results)
    for paired in single["summary"]["paired"].values():
        paired |= {"differences": paired["differences"][:1], "sd": None, "agree": None}
    held = {name for name, (holds, _) in claims.judge(single).items() if holds}
    assert held and not any(re.search("falls|rises|wavers", claims.CLAIMS[name]) for name in held)


def test_one_seed_has_a_dash_for_its_spread_and_compares_nothing():
    assert write_numbers.with_spread([0.5]) == r"$0.500 \pm \mbox{--}$"
    single = {"summary": {"paired": {"UNet less Pool": {"differences": [0.1]}}}}
    assert write_numbers.gaps_by_seed(single, "UNet less Pool") == ""


def test_what_an_eye_decided_was_decided_about_the_committed_run(results):
    assert re.search(r"\\newcommand\{\\seenStamp\}\{(\w+)\}", TEX)[1] == load_results(FIGURES)[1]


@pytest.mark.parametrize(
    ("log", "fault"),
    [
        ("LaTeX Warning: Reference `fig:x' on page 3 undefined on input line 7.", "undefined"),
        ("Overfull \\hbox (12.5pt too wide) in paragraph at lines 3--4", "12.5 pt too wide"),
    ],
)
def test_a_fault_of_the_build_is_found_in_its_log(log, fault):
    (found,) = build_writeup.find_faults(log, "")
    assert fault in found


def test_without_latex_it_is_told_how_to_install_it(monkeypatch):
    monkeypatch.setattr(build_writeup.shutil, "which", lambda _: None)
    with pytest.raises(SystemExit) as stopped:
        build_writeup.main("full")
    assert all(part in str(stopped.value) for part in ("apt-get install", "brew install", "MiKTeX"))


def build(folder, profile):
    command = [sys.executable, "scripts/build_writeup.py", profile]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


needs_latex = pytest.mark.skipif(not shutil.which("latexmk"), reason="LaTeX is not installed")


@needs_latex
def test_the_committed_pdf_is_what_its_sources_build_and_says_nothing_in_red(tmp_path):
    copy_checkout(tmp_path)
    result = build(tmp_path, "full")
    assert result.returncode == 0 and "to rewrite" not in result.stdout, result.stdout + result.stderr
    pages = [
        [page.extract_text() for page in pypdf.PdfReader(where / "a2-writeup.pdf").pages] for where in (tmp_path, ROOT)
    ]
    assert pages[0] == pages[1]
    assert "not in this run" not in "".join(pages[0]) and len(pages[0]) <= 7


@needs_latex
def test_another_runs_pdf_is_built_with_its_unborne_sentences_red_and_listed(tmp_path, results):
    copy_checkout(tmp_path)
    path = tmp_path / "figures/results.json"
    other = json.loads(path.read_text())
    other["summary"]["paired"]["UNet less ConvTransposeNet: val_loss"]["agree"] = False
    path.write_text(json.dumps(other, indent=1))
    result = build(tmp_path, "full")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "claim unet-below-conv" in result.stdout and "(\\seen)" in result.stdout
    assert "claim unet-below-conv" in (tmp_path / "build/writeup-full/claims.txt").read_text()
    text = "".join(page.extract_text() for page in pypdf.PdfReader(tmp_path / "a2-writeup.pdf").pages)
    assert "not in this run" in text.replace("\n", " ")


@needs_latex
def test_the_samples_pdf_says_so_on_every_page(sample_run):
    result = build(sample_run.folder, "sample")
    assert result.returncode == 0, result.stdout + result.stderr
    pages = pypdf.PdfReader(sample_run.folder / "build/sample/a2-writeup.pdf").pages
    assert all("SAMPLE" in page.extract_text() for page in pages)
