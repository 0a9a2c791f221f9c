"""A small repository to try the scripts in: a notebook of a few cells, results, writeup, in git."""

import hashlib
import json
import re
import shutil
import subprocess
import sys

from cells import ROOT
from tables import stamp_of

CELLS = {  # id: (source, tags)
    "parameters": ('PROFILE = "full"  # @param ["full"]', ["parameters"]),
    "unet": ("class UNet:\n    skips = 2  # shown\n", []),
    "train-pool": ("open('figures/curves.pdf', 'w').close(); raise OSError('no room')", ["run"]),
    "curves": ("save_fig(fig, 'curves.pdf')", ["run", "view"]),
    "hand-in": ("write_results()", ["run"]),
}
MEANS, NETS = [["val_loss", "mean"], ["val_loss", "std"], ["parameters", ""]], ["pool", "UNet"]
NUMBERS = [[1.5, None, 49728.0], [1.1, 0.1, 56856.0]]
TABLES = {
    "parts-a-c": {"columns": MEANS, "index": NETS, "data": NUMBERS},
    "minus": {"columns": [0, 1, 2], "index": ["val_loss"], "data": [[-0.0934, -0.05, -0.07]]},
}
CLAIM = '\nCLAIMS = {"lower": lambda t: falls(t.row("minus", "val_loss"))}\n'
PREAMBLE = (ROOT / "a2-writeup.tex").read_text(encoding="utf-8").split(r"\begin{document}")[0]
BODY = r"""\begin{document}
A loss of \spread{parts-a-c}{UNet}{val_loss}{.3f}, \cell{parts-a-c}{UNet}{parameters}{,} parameters.
\claim{lower}{It is lower by \byseed{minus}{val_loss}{|.3f}.}
\seen{The horses are brown.}
\code{unet:UNet}
\end{document}
"""
PICTURES = b"pictures"


def results(profile="full", pictures=PICTURES):
    """The text of a results.json."""
    provenance = {"seeds": [0, 1, 2], "device": "CPU", "versions": {"torch": "2.14.1+cpu"}}
    provenance["pictures_sha256"] = hashlib.sha256(pictures).hexdigest()
    made = {"schema": 4, "profile": profile, "provenance": provenance}
    return json.dumps(made | {"runs": [], "tables": TABLES})


def make_repository(folder):
    """Make a folder a git repository, with all of it committed."""
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all of it"]):
        subprocess.run([*git, *command], cwd=folder, check=True)


class House:
    def __init__(self, folder):
        self.folder, self.figures = folder, folder / "figures"
        self.notebook, self.tex = folder / "a2-cnn.ipynb", folder / "a2-writeup.tex"
        self.pdf = folder / "a2-writeup.pdf"
        caches = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=caches)
        self.replace(folder / "scripts/claims.py", "\n\n\ndef judge", f"{CLAIM}\n\ndef judge")
        self.figures.mkdir()
        (self.figures / "pictures.npz").write_bytes(PICTURES)
        (self.figures / "results.json").write_text(results())
        (self.figures / "curves.pdf").write_bytes(b"as committed")
        self.stamp = stamp_of(json.loads(results()))
        tex = re.sub(r"(\\seenStamp\}\{)\w*", rf"\g<1>{self.stamp}", PREAMBLE) + BODY
        tex = re.sub(r"(\\student\}\{)[^}]*", r"\g<1>Ann Author", tex)
        self.tex.write_text(tex, encoding="utf-8")
        self.write(self.cells())
        make_repository(folder)

    def cells(self):
        """Its notebook's cells, executed."""
        made = []
        for number, (name, (source, tags)) in enumerate(CELLS.items(), start=1):
            cell = {"cell_type": "code", "id": name, "source": source.splitlines(keepends=True)}
            cell |= {"metadata": {"tags": tags} if tags else {}, "execution_count": number}
            text = f"57 runs, full profile, stamp {self.stamp}"
            printed = {"output_type": "stream", "name": "stdout", "text": [text]}
            data = {"image/png": "aGk=", "text/plain": ["<Figure>"]}
            figure = {"output_type": "display_data", "data": data, "metadata": {}}
            made.append(cell | {"outputs": [printed, figure]})
        saw = {"cell_type": "markdown", "id": "part-a-saw", "metadata": {}}
        return [*made, saw | {"source": ["### What we saw\n", "In the committed run, brown."]}]

    def write(self, cells):
        notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        self.notebook.write_text(json.dumps(notebook))

    def replace(self, path, old, new):
        """Change a text in a file that has it."""
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def run(self, script, *arguments, bare=True):
        """Run a script, by a python that has its standard library alone unless told otherwise."""
        command = [sys.executable, *(["-S"] if bare else []), f"scripts/{script}.py", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True)

    def contents(self):
        """{file: bytes} of figures/ and the two files to hand in."""
        files = [*self.figures.rglob("*"), *self.folder.glob("a2-writeup.pdf"), self.notebook]
        return {str(path): path.read_bytes() for path in files if path.is_file()}
