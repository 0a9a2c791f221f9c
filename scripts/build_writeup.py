"""Build the writeup from a profile's figures and numbers, and refuse a PDF with a fault.

full: a2-writeup.pdf from figures/. quick, sample: build/<profile>/a2-writeup.pdf; the sample has SAMPLE on each page.
The PDF is copied to its place only when it is whole. Sentences that these results do not bear out are printed in red,
and listed as ones to rewrite, here and in build/writeup-<profile>/claims.txt.

Usage: python scripts/build_writeup.py [full|quick|sample]
"""

import os
import re
import shutil
import subprocess
import sys

import write_numbers
from notebook import ROOT, base_folder

INSTALL_LATEX = """latexmk was not found. To install LaTeX:
  Debian, Ubuntu, Colab: apt-get update && apt-get install -y --no-install-recommends latexmk texlive-latex-recommended
  macOS:   brew install --cask mactex-no-gui   (or MacTeX from tug.org)
  Windows: MiKTeX or TeX Live, and Perl for latexmk"""


def find_faults(log, numbers):
    """What is wrong with a finished build, by its log and its numbers: a list of sentences."""
    log = log.replace("\n", "\0").replace("\0 ", " ").replace("\0", "\n")
    faults = [f"undefined: {line}" for line in re.findall(r"Warning: (?:Reference|Citation).*undefined.*", log)]
    for points, place in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)(.*)", log):
        if float(points) > 3:
            faults.append(f"a line is {points} pt too wide{place}")
    faults += [f"no value for \\{name}" for name in re.findall(r"\\newcommand{\\(\w+)}{\\textbf{\?\?}}", numbers)]
    return faults


def to_rewrite(log):
    """The sentences of the writeup that these results do not bear out, by the log of its build."""
    claims = sorted(set(re.findall(r"REWRITE claim (\S+)", log)))
    seen = log.count("REWRITE seen")
    return [f"claim {name}" for name in claims] + ([f"{seen} sentences about pictures (\\seen)"] if seen else [])


def main(profile):
    base = base_folder(profile)
    if not shutil.which("latexmk"):
        sys.exit(INSTALL_LATEX)
    if not (base / "figures" / "results.json").exists():
        sys.exit(f"{base / 'figures' / 'results.json'} is missing: run `make run PROFILE={profile}` first")
    write_numbers.main(profile)

    work = ROOT / "build" / f"writeup-{profile}"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(base / "figures", work / "figures")
    shutil.copy(ROOT / "a2-writeup.tex", work)
    # The date in the PDF is not the hour of the build, so that the same input gives the same file.
    environment = os.environ | {"SOURCE_DATE_EPOCH": "1614211200", "FORCE_SOURCE_DATE": "1", "max_print_line": "1000"}
    command = ["latexmk", "-pdf", "-interaction=nonstopmode", "-halt-on-error", "a2-writeup.tex"]
    built = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, errors="replace")
    log_file = work / "a2-writeup.log"
    log = log_file.read_text(errors="replace") if log_file.exists() else built.stdout
    if built.returncode:
        errors = re.findall(r"^!.*(?:\n.*){0,3}", log, re.M)
        sys.exit("LaTeX failed:\n" + ("\n".join(errors) or built.stdout[-2000:]) + f"\nThe whole log: {log_file}")
    faults = find_faults(log, (base / "figures" / "numbers.tex").read_text(encoding="utf-8"))
    if faults and profile == "full":
        sys.exit("The PDF was built, but is not right, and was not copied:\n  " + "\n  ".join(faults))
    for fault in faults:
        print(f"note: {fault}")
    sentences = to_rewrite(log)
    (work / "claims.txt").write_text("".join(f"{line}\n" for line in sentences))
    for line in sentences:
        print(f"to rewrite, red in the PDF: {line}")
    target = base / "a2-writeup.pdf"
    shutil.copy(work / "a2-writeup.pdf", target.with_suffix(".partial"))
    os.replace(target.with_suffix(".partial"), target)
    print(f"writeup: {target}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "full")
