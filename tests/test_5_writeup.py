"""The writeup: its figures, its numbers, and words that stay true when the numbers change."""

import copy
import json
import re
import shutil
import subprocess
import sys

import pypdf
import pytest
from conftest import ROOT, load_script

numbers = load_script("write_numbers")
builder = load_script("build_writeup")
TEX = (ROOT / "a2-writeup.tex").read_text()
EXTRA_FIGURES = {  # in the notebook and the README alone
    "palette.pdf", "data.png", "curves_pool.pdf", "images_convt.png", "features.png", "flowers.png",
    "own_photo_colours.png", "own_photo_flower.png", "images_strong.png",
}  # fmt: skip
# Constants of the task, which no run produces: the handout's score (an IoU of 0.8 counts 0.6, one of 0.5 nothing).
ALLOWED_DECIMALS = {"0.5", "0.6", "0.8"}


@pytest.fixture(scope="module")
def results():
    return json.loads((ROOT / "figures/results.json").read_text())


def prose(tex):
    """The text between \\begin{document} and the end, without comments, figure widths, lengths and listings."""
    body = tex.split(r"\begin{document}")[1]
    body = re.sub(r"(?<!\\)%.*", "", body)
    body = re.sub(r"\\begin\{lstlisting\}.*?\\end\{lstlisting\}", "", body, flags=re.S)
    return re.sub(r"\\includegraphics\[[^]]*\]|\\\\\[\d+pt\]", "", body)


def test_every_figure_exists_and_is_used_or_listed_as_extra():
    used = set(re.findall(r"\\includegraphics\[[^]]*\]\{(\w+)\}", TEX))
    present = {path.name for path in (ROOT / "figures").iterdir() if path.suffix in (".pdf", ".png")}
    assert used <= {name.split(".")[0] for name in present}
    assert {name for name in present if name.split(".")[0] not in used} == EXTRA_FIGURES


def test_the_macros_used_are_the_macros_defined():
    defined = set(re.findall(r"\\newcommand\{\\(\w+)\}", (ROOT / "figures/numbers.tex").read_text()))
    assert numbers.used_numbers(TEX) == defined


def test_numbers_and_listings_are_what_the_scripts_make_of_the_results(tmp_path):
    shutil.copy(ROOT / "figures/results.json", tmp_path)
    numbers.main(tmp_path)
    assert (tmp_path / "numbers.tex").read_text() == (ROOT / "figures/numbers.tex").read_text()
    made = {path.name: path.read_text() for path in (tmp_path / "listings").iterdir()}
    assert made == {path.name: path.read_text() for path in (ROOT / "figures/listings").iterdir()}
    assert "??" not in (tmp_path / "numbers.tex").read_text()


def test_no_decimal_and_no_percentage_of_a_result_is_typed():
    """The rule: a number with a decimal point, a percentage, or one with separated thousands comes from a macro."""
    typed = set(re.findall(r"\d+\.\d+|\d+(?:\\,)?\\%|\d{1,3}(?:,|\{,\})\d{3}", prose(TEX)))
    assert typed <= ALLOWED_DECIMALS


def test_the_rule_finds_a_typed_result():
    planted = TEX.replace(r"\end{document}", "The loss is 1.585.\n\\end{document}")
    assert "1.585" in re.findall(r"\d+\.\d+", prose(planted))


def scaled(results, net, factor):
    """The results as if a network's losses had been `factor` times what they were."""
    changed = copy.deepcopy(results)
    row = changed["summary"]["colourization"][net]
    row["val_loss"]["mean"] *= factor
    for run in changed["runs"]:
        if run["net"] == net and run["part"] in "ABC":
            run["history"]["val_loss"] = [factor * loss for loss in run["history"]["val_loss"]]
    return changed


def test_worse_results_of_a_network_change_the_words(results):
    words = numbers.all_numbers(scaled(results, "UNet", 2), "stamp")
    assert words["unetAgainstConv"] == "higher"
    assert words["unetLead"] == "Skip connections could be expected to help, though here they did not:"
    assert words["unetEarly"] == "and after the first epoch the UNet is not yet ahead"
    words = numbers.all_numbers(scaled(results, "ConvTransposeNet", 3), "stamp")
    assert words["convAgainstPool"] == "higher"
    assert words["convShows"] == "Both should make detail easier to keep, but in these runs that does not show."
    assert words["unetAgainstConv"] == "lower"


def test_networks_that_differ_less_than_their_seeds_are_not_told_apart(results):
    changed = copy.deepcopy(results)
    summary = changed["summary"]["colourization"]
    summary["UNet"]["val_loss"] = dict(summary["ConvTransposeNet"]["val_loss"])
    words = numbers.all_numbers(changed, "stamp")
    assert words["unetAgainstConv"] == "neither clearly lower nor clearly higher"
    assert words["unetLead"].endswith("though these runs do not settle it:")


@pytest.mark.parametrize(("shift", "word"), [(0.2, "better than"), (-0.2, "worse than")])
def test_the_winning_loss_is_named_by_the_results(results, shift, word):
    changed = copy.deepcopy(results)
    for by_loss in changed["summary"]["segmentation"].values():
        for score, rows in by_loss["iou"].items():
            if score != "best_epochs":
                for when in rows:
                    rows[when] = by_loss["cross_entropy"][score][when] | {
                        "mean": by_loss["cross_entropy"][score][when]["mean"] + shift, "sd": 0.001,
                    }  # fmt: skip
    words = numbers.all_numbers(changed, "stamp")
    for place in ("HandoutTenth", "HandoutBest", "CleanTest"):
        assert words[f"iouAgainstCe{place}"] == word


def test_a_number_that_the_results_lack_is_visible_and_refused(tmp_path, results, capsys):
    lacking = copy.deepcopy(results)
    lacking["summary"]["batch_size"]["same epochs"].pop("64")
    (tmp_path / "results.json").write_text(json.dumps(lacking))
    numbers.main(tmp_path)
    text = (tmp_path / "numbers.tex").read_text()
    assert r"\newcommand{\batchEpochsSixFour}{\textbf{??}}" in text
    assert "no value for: batchEpochsSixFour" in capsys.readouterr().out
    assert builder.find_faults("", text) == [r"no value for \batchEpochsSixFour"]


@pytest.mark.parametrize(
    ("log", "fault"),
    [
        ("LaTeX Warning: Reference `fig:x' on page 3 undefined on input line 7.", "undefined"),
        ("Overfull \\hbox (12.5pt too wide) in paragraph at lines 3--4", "12.5 pt too wide"),
        ("Overfull \\hbox (12.5pt too wide) detected at line 3", "12.5 pt too wide"),
    ],
)
def test_a_fault_of_the_build_is_found_in_its_log(log, fault):
    (found,) = builder.find_faults(log, "")
    assert fault in found
    assert builder.find_faults("Overfull \\hbox (1.5pt too wide) in paragraph at lines 3--4", "") == []


def test_without_latex_it_is_told_how_to_install_it(monkeypatch):
    monkeypatch.setattr(builder.shutil, "which", lambda _: None)
    with pytest.raises(SystemExit) as stopped:
        builder.main("full")
    for part in ("apt-get install", "brew install", "MiKTeX"):
        assert part in str(stopped.value)


def test_without_results_it_is_told_what_to_run(monkeypatch, tmp_path):
    monkeypatch.setattr(builder.shutil, "which", lambda _: "/usr/bin/latexmk")
    monkeypatch.setattr(builder, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match="run `make run PROFILE=sample` first"):
        builder.main("sample")


@pytest.fixture(scope="module")
def copy_of_writeup(tmp_path_factory):
    """What the writeup is built from, in a folder of its own."""
    folder = tmp_path_factory.mktemp("writeup")
    for name in ("a2-cnn.ipynb", "a2-writeup.tex"):
        shutil.copy(ROOT / name, folder)
    for name in ("figures", "scripts"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def build(folder):
    return subprocess.run([sys.executable, "scripts/build_writeup.py"], cwd=folder, capture_output=True, text=True)


needs_latex = pytest.mark.skipif(not shutil.which("latexmk"), reason="needs latexmk")


@needs_latex
def test_the_committed_pdf_is_what_the_build_makes(copy_of_writeup):
    built = build(copy_of_writeup)
    assert built.returncode == 0, built.stdout + built.stderr

    def pages(folder):
        return [page.extract_text() for page in pypdf.PdfReader(folder / "a2-writeup.pdf").pages]

    assert pages(copy_of_writeup) == pages(ROOT)
    assert 6 <= len(pages(ROOT)) <= 9


@needs_latex
@pytest.mark.parametrize("fault", ["a figure is missing", "an unknown reference", "an overlong line", "LaTeX stops"])
def test_a_faulty_writeup_is_not_copied(copy_of_writeup, tmp_path, fault):
    folder = tmp_path / "copy"
    shutil.copytree(copy_of_writeup, folder)
    (folder / "a2-writeup.pdf").write_bytes(b"the last good one")
    planted = {
        "a figure is missing": r"\includegraphics{nothing}",
        "an unknown reference": r"\ref{fig:nothing}",
        "an overlong line": r"\mbox{" + "long " * 60 + "}",
        "LaTeX stops": r"\undefinedcommand",
    }[fault]
    (folder / "a2-writeup.tex").write_text(TEX.replace(r"\end{document}", planted + "\n\n\\end{document}"))
    built = build(folder)
    assert built.returncode == 1, built.stdout
    assert {"a figure is missing": "nothing", "an unknown reference": "undefined", "an overlong line": "too wide",
            "LaTeX stops": "Undefined control sequence"}[fault] in built.stderr  # fmt: skip
    assert (folder / "a2-writeup.pdf").read_bytes() == b"the last good one"
