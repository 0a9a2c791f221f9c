"""Build the writeup from a profile's figures and numbers, and refuse a PDF with a fault.

full: a2-writeup.pdf from figures/. quick, sample: build/<profile>/a2-writeup.pdf. Needs LaTeX and
python alone, takes the plots as they are, and replaces the PDF only by a whole one. Sentences that
these results do not bear out are red, and listed here and in build/writeup-<profile>/claims.txt.

Usage: python scripts/build_writeup.py [full|quick|sample]
"""

import os
import re
import shutil
import subprocess
import sys

import write_numbers
from cells import ROOT, base_folder, drawing_hash, write_whole
from claims import CLAIMS, in_words, judge
from facts import load_results

INSTALL_LATEX = """latexmk was not found. To install LaTeX:
  Debian, Ubuntu, Colab: apt-get update &&
      apt-get install -y --no-install-recommends latexmk texlive-latex-recommended lmodern
  macOS:   brew install --cask mactex-no-gui   (or MacTeX from tug.org)
  Windows: MiKTeX or TeX Live, and Perl for latexmk"""
HOW_TO_CLEAR = """To clear one: rewrite the sentence in a2-writeup.tex; or change what the claim
needs, in scripts/claims.py; or, for \\seen, look at the pictures, then set \\seenStamp to"""


def find_faults(log):
    """What is wrong with a finished build, by its log: a list of sentences."""
    faults = re.findall(r"Warning: ((?:Reference|Citation).*undefined.*)", log)
    for points, place in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)(.*)", log):
        if float(points) > 3:
            faults.append(f"a line is {points} pt too wide{place}")
    for asked in sorted(set(re.findall(r"NO VALUE (.*)", log))):
        faults.append(f"no value for \\{asked}")
    return faults


def to_rewrite(tex, facts, stamp):
    """The sentences of a writeup that these results do not bear out: lines of text."""
    judged, lines = judge(facts), []
    seen_stamp = re.search(r"\\seenStamp\}\{(\w*)\}", tex)
    for number, line in enumerate(re.sub(r"(?<!\\)%.*", "", tex).splitlines(), start=1):
        for name in re.findall(r"\\claim\{([\w-]+)\}", line):
            if name not in CLAIMS:
                lines.append(f"line {number}: claim {name} is not in scripts/claims.py")
            elif not judged[name][0]:
                lines.append(f"line {number}: claim {name} does not hold. The facts:")
                lines += in_words(judged[name][1])
        for words in re.findall(r"\\seen\{([^#}]{1,40})", line):
            if seen_stamp and seen_stamp[1] != stamp:
                lines.append(f"line {number}: \\seen, of another run's pictures: {words}...")
    return lines


def run_latex(work):
    """Build a2-writeup.tex in a folder; returns its log, or ends with LaTeX's errors."""
    # The PDF's date is not the hour of the build, so that the same input gives the same file.
    settings = {
        "SOURCE_DATE_EPOCH": "1614211200",
        "FORCE_SOURCE_DATE": "1",
        "max_print_line": "999",
    }
    command = ["latexmk", "-pdf", "-interaction=nonstopmode", "-halt-on-error", "a2-writeup.tex"]
    built = subprocess.run(command, cwd=work, env=os.environ | settings, capture_output=True)
    log_file = work / "a2-writeup.log"
    log = log_file.read_text(errors="replace") if log_file.exists() else ""
    if built.returncode:
        errors = re.findall(r"^!.*(?:\n.*){0,3}", log, re.MULTILINE)
        sys.exit("\n".join(["LaTeX failed:", *errors, f"The whole log: {log_file}"]))
    return log


def main(profile):
    base = base_folder(profile)
    figures = base / "figures"
    if not shutil.which("latexmk"):
        sys.exit(INSTALL_LATEX)
    write_numbers.main(profile)
    results, stamp = load_results(figures, profile)
    drawn_by = figures / "drawn_by.txt"
    if not drawn_by.exists() or drawn_by.read_text(encoding="utf-8") != drawing_hash():
        print("the notebook's figure cells are not those that drew: `make figures` is due")

    work = ROOT / "build" / f"writeup-{profile}"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(figures, work / "figures")
    shutil.copy(ROOT / "a2-writeup.tex", work)
    faults = find_faults(run_latex(work))
    for fault in faults:
        print(f"fault: {fault}")
    if faults and profile == "full":
        sys.exit("The PDF was built, but has these faults, and was not put in its place")

    tex = (work / "a2-writeup.tex").read_text(encoding="utf-8")
    lines = to_rewrite(tex, results["facts"], stamp)
    write_whole(work / "claims.txt", "".join(f"{line}\n" for line in lines))
    if lines:
        print("Sentences to rewrite in a2-writeup.tex, red in the PDF:", *lines, sep="\n  ")
        print(HOW_TO_CLEAR, stamp)
    write_whole(base / "a2-writeup.pdf", (work / "a2-writeup.pdf").read_bytes())
    print(f"writeup: {base / 'a2-writeup.pdf'}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "full")
