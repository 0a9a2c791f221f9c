"""Build the writeup: numbers.tex and listings/ from a profile's results, then the PDF by LaTeX.

Argument: full (default), from and in the repository; quick or sample, in build/<profile>/. Needs
LaTeX and python alone. Sentences that the results do not bear out are red; a fault ends the build.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

from cells import NOTEBOOK, ROOT, base_folder, code_cells, read_notebook, write_whole
from claims import judge
from tables import Tables, load_results, stamp_of, written

TEX = ROOT / "a2-writeup.tex"
# Debian's packages, each with the beginnings of the names of its files.
LATEX = [line.split() for line in Path(__file__).with_name("latex.txt").open(encoding="utf-8")]
ARGUMENTS = {"cell": 4, "spread": 4, "byseed": 3, "column": 3, "about": 1}
NO_LATEX = """There is no latexmk. `make latex` prints how to install LaTeX on Debian, Ubuntu and
Colab. On macOS: brew install --cask mactex-no-gui. On Windows: MiKTeX, and Perl for latexmk.
Or at overleaf.com: New project > Upload project, with the .zip below (a2-writeup.tex, the main
document, and figures/ with numbers.tex and listings/); compile by pdfLaTeX; put the PDF into its
place, then `make submission`.
The .zip: {}
The PDF's place: {}"""
HOW_TO_CLEAR = """Rewrite it; or change its claim's condition, in scripts/claims.py; or, for \\seen,
look at the pictures and the notebook's texts on "the committed run", then set \\seenStamp to"""


class Writeup:
    """a2-writeup.tex, read once, and what it asks for, with the numbers of its lines."""

    def __init__(self):
        # LaTeX wants a letter and its accent as one character.
        self.text = unicodedata.normalize("NFC", TEX.read_text(encoding="utf-8"))
        self.hash = hashlib.sha256(self.text.encode()).hexdigest()[:12]
        self.body = re.sub(r"(?<!\\)%.*", "", self.text)
        self.requests = {("about", name): 0 for name in ("stamp", "profile", "text")}
        for kind, count in ARGUMENTS.items():
            for line, *arguments in self.find(rf"\\{kind}" + r"\s*\{([^{}]*)\}" * count):
                request = kind, *(re.sub(r"\s+", " ", argument) for argument in arguments)
                self.requests.setdefault(request, line)
        self.claims = self.find(r"\\claim\{([\w-]+)\}")
        self.seen = self.find(r"\\seen\{([^#}]{1,40})")
        self.listings = self.find(r"\\code\{([\w-]+):?(\w*)\}")
        self.seen_stamp = "".join(re.findall(r"\\seenStamp\}\{(\w*)\}", self.body))
        if found := re.search(r"(.{,30}[^%\n\\])%", self.text.partition(r"\begin{document}")[2]):
            sys.exit(f"{TEX.name}: write \\% for %, which begins a comment, after: {found[1]}")
        for sign in re.findall(r"\\student\w*\}\{[^}\n]*?(?<!\\)([&%#_$])", self.text):
            sys.exit(f"in \\student, write \\{sign} for {sign}")

    def find(self, pattern):
        """[(line, *groups)] of the places where a pattern stands."""
        matches = re.finditer(pattern, self.body)
        return [(self.body.count("\n", 0, m.start()) + 1, *m.groups()) for m in matches]

    def to_rewrite(self, judged, stamp):
        """The sentences that these results do not bear out: texts."""
        told = []
        for line, name in self.claims:
            if name not in judged:
                told.append(f"line {line}: claim {name} is not in scripts/claims.py")
            elif not judged[name][0]:
                told.append(f"line {line}: claim {name} does not hold")
                for place, numbers in judged[name][1].items():
                    told[-1] += f"\n      {place}: {numbers}"
        for line, words in self.seen:
            if self.seen_stamp != stamp:
                told.append(f"line {line}: \\seen, of another run's pictures: {words}...")
        return told


def in_tex(text, sd=None):
    """A number in mathematics, alone or with its standard deviation; other words as they are."""
    if not re.fullmatch(r"[+-]?[\d,]{1,11}(\.\d+)?(e[+-]\d+)?%?", text):  # a stamp has 12 digits
        return re.sub(r"([%_&#])", r"\\\1", text)
    number = text.rstrip("%")
    if sd:
        number += r" \pm " + sd.rstrip("%").replace("–", r"\mbox{--}")
    number = number.replace(",", "{,}").replace("e+", "e")
    number = re.sub(r"e(-?)0*(\d+)", r"\\cdot10^{\1\2}", number)
    return f"${number}\\,\\%$" if text.endswith("%") else f"${number}$"


def numbers_tex(results, writeup, judged):
    """(the text of numbers.tex, a line for each number that is asked for and missing)."""
    tables, lines, faults = Tables(results), ["% Made by scripts/build_writeup.py."], []
    tables.about["text"] = writeup.hash
    for request, line in writeup.requests.items():
        kind, *place = [re.sub(r"\\([%_&#])", r"\1", part).strip() for part in request]
        try:
            text = written(tables, in_tex, kind, *place)
        except (LookupError, ValueError, TypeError) as reason:
            text = r"\missing"
            faults.append(f"line {line}: \\{kind}{{{'}{'.join(place)}}}: {reason}")
        lines.append(f"\\define{{{'@'.join(request)}}}{{{text}}}")
    for _, name in writeup.claims:
        if name in judged and judged[name][0]:
            lines.append(f"\\define{{claim@{name}}}{{}}")
    return "\n".join(lines) + "\n", faults


def listing(source, name):
    """A function or class of a cell, or all, without docstrings; or a cell that has none at all."""
    source = re.sub(r'\n +"""(?s:.*?)"""\n\n?', "\n", source)
    begins = re.compile(rf"^(def|class) {name or '.*'}\b", re.MULTILINE)
    parts = [part.strip() for part in source.split("\n\n\n") if begins.search(part)]
    text = "\n\n\n".join(parts) if parts or name else source.strip()
    return text and f"{text}\n"


def write_listings(folder, writeup, notebook):
    """Write the pieces of code that the writeup shows; LaTeX tells the file of one that is not."""
    sources = {cell["id"]: cell["source"] for cell in code_cells(notebook)}
    shutil.rmtree(folder, ignore_errors=True)
    for _, cell, name in writeup.listings:
        if text := listing(sources.get(cell, ""), name):
            write_whole(folder / (f"{cell}-{name}.py" if name else f"{cell}.py"), text)


def run_latex(work):
    """Build a2-writeup.tex in a folder; returns its faults, or ends with LaTeX's errors."""
    command = ["latexmk", "-norc", "-pdf", "-interaction=nonstopmode", "-halt-on-error", TEX.name]
    built = subprocess.run(command, cwd=work, capture_output=True)
    path = work / "a2-writeup.log"
    log = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    if built.returncode:
        errors = re.findall(r"^!.*(?:\n.*){0,3}", log, re.MULTILINE)
        for letter in re.findall(r"Unicode character (\S+)", log)[:1]:
            errors.append(f"the PDF's fonts have no {letter}: write it in plain Latin letters")
        for name in re.findall(r"(?:File `|Font \S+?=)([\w.-]+).*not (?:found|loadable)", log):
            packages = [package for package, *files in LATEX if name.startswith(tuple(files))]
            errors.append(f"{name} is missing; Debian's package: {' '.join(packages) or 'none'}")
        errors = "\n".join(errors) or built.stderr.decode(errors="replace")[-1000:]
        sys.exit(f"LaTeX failed:\n{errors}\nIts log: {path}")
    return re.findall(r"Warning: ((?:Reference|Citation).*undefined.*)", log)


def main(profile):
    base = base_folder(profile)
    pdf, work = base / "a2-writeup.pdf", ROOT / "build" / f"writeup-{profile}"
    results, writeup = load_results(base / "figures", profile), Writeup()
    judged, stamp = judge(results), stamp_of(results)
    write_listings(base / "figures/listings", writeup, read_notebook(base / NOTEBOOK.name))
    numbers, faults = numbers_tex(results, writeup, judged)
    write_whole(base / "figures/numbers.tex", numbers)
    if told := writeup.to_rewrite(judged, stamp):
        print("Sentences to rewrite in a2-writeup.tex, red in the PDF:", *told, sep="\n  ")
        print(HOW_TO_CLEAR, stamp, flush=True)

    shutil.rmtree(work, ignore_errors=True)
    not_for_latex = shutil.ignore_patterns("results.json", "pictures.npz")
    shutil.copytree(base / "figures", work / "figures", ignore=not_for_latex)
    write_whole(work / TEX.name, writeup.text)
    faults += run_latex(work) if shutil.which("latexmk") else []
    if faults and profile != "full":
        faults = [f"{len(faults)} places of the writeup have no number in a {profile} run"]
    for fault in faults:
        print(f"fault: {fault}")
    if not shutil.which("latexmk"):
        sys.exit(NO_LATEX.format(shutil.make_archive(work, "zip", work), pdf))
    if faults and profile == "full":
        sys.exit(f"{work / pdf.name} has these faults, and was not put in place of {pdf}")
    write_whole(pdf, (work / pdf.name).read_bytes())
    print(f"writeup: {pdf}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "full")
