"""A small repository to try the scripts in: a notebook of a few cells, results, writeup, in git."""

import hashlib
import io
import json
import shutil
import subprocess
import sys

import numpy as np
from cells import ROOT
from write_numbers import LISTED_CELLS

DRAWING = """RUNS, FACTS, PICTURES = {}, {}, {}
def save_fig(fig, name):
    fig.savefig(FIGURE_DIR / name, metadata={"CreationDate": None})
    display(fig)
"""
LISTED = "def train_epoch():\n    '''Cut.'''\n    return 1\ndef cross_entropy(): pass"
CELLS = {  # id: (source, tags, whether it has output)
    "setup": ("import matplotlib.pyplot as plt\nfrom pathlib import Path\ndisplay = None", [], 0),
    "parameters": ('PROFILE = "full"  # @param ["full"]\nFIGURE_DIR = Path()', ["parameters"], 0),
    "drawing": (DRAWING, ["plot"], 0),
    "train-pool": ("raise OSError('the real run starts')", ["run"], 1),
    "curves": (
        "fig, ax = plt.subplots()\nax.plot(FACTS['UNet: val_loss'])\nsave_fig(fig, 'curves.pdf')",
        ["run", "figure"], 1,
    ),
    **dict.fromkeys(LISTED_CELLS, (LISTED, [], 0)),
    "hand-in": ("print(stamp)", ["run"], 1),
}  # fmt: skip
FACTS = {
    "UNet: val_loss": [1.1, 1.0, 1.2],
    "UNet minus ConvTransposeNet: val_loss": [-0.0934, -0.05, -0.07],
    "UNet minus ConvTransposeNet: val_accuracy": [0.01, 0.02, 0.03],
    "UNet: parameters": 56856,
    "network": "DeepLabv3 mobilenet_v2",
    "splits": "2",
}
TEX = r"""\documentclass{article}
\usepackage{xcolor,hyperref}
\newcommand{\define}[3]{\expandafter\def\csname #1@#2\endcsname{#3}}
\newcommand{\known}[2]{\ifcsname #1@#2\endcsname\csname #1@#2\endcsname\else\missing{#1}{#2}\fi}
\newcommand{\missing}[2]{\typeout{NO VALUE #1 #2}\isFull{\textbf{??}}{--}}
\newcommand{\isFull}[2]{\ifnum\pdfstrcmp{\csname say@profile\endcsname}{full}=0 #1\else #2\fi}
\newcommand{\fact}{\known{fact}}\newcommand{\spread}{\known{spread}}\newcommand{\say}{\known{say}}
\newcommand{\size}{\known{size}}
\newcommand{\claim}[2]{\ifcsname claim@#1\endcsname #2\else\textcolor{red}{#2}\fi}
\newcommand{\seen}[1]{#1}
\newcommand{\seenStamp}{STAMP}
\input{figures/numbers}
\hypersetup{pdfkeywords={results \csname say@stamp\endcsname}}
\begin{document}
A loss of \spread{UNet: val_loss} with \fact{UNet: parameters} parameters.
\claim{unet-below-conv}{It is lower by \size{UNet minus ConvTransposeNet: val_loss}.}
\seen{The horses are brown.}
\end{document}
"""


def npz(**arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def results(pictures, profile="full", **facts):
    """The text of a results.json."""
    versions = {"torch": "2.14.1+cpu", "matplotlib": "3"}
    provenance = {"seeds": [0, 1, 2], "device": "CPU", "versions": versions}
    provenance["pictures_sha256"] = hashlib.sha256(pictures).hexdigest()
    made = {"schema": 3, "profile": profile, "provenance": provenance, "runs": [{"loss": 1}]}
    return json.dumps(made | {"facts": FACTS | facts})


def printed_text(text):
    return [{"output_type": "stream", "name": "stdout", "text": [text]}]


def make_repository(folder):
    """Make a folder a git repository, with all of it committed."""
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all of it"]):
        subprocess.run([*git, *command], cwd=folder, check=True)


class House:
    def __init__(self, folder):
        self.folder, self.figures = folder, folder / "figures"
        self.notebook = folder / "a2-cnn.ipynb"
        shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=lambda *_: ["__pycache__"])
        self.figures.mkdir()
        pictures = npz(shown=np.zeros(3))
        (self.figures / "pictures.npz").write_bytes(pictures)
        (self.figures / "results.json").write_text(results(pictures))
        (self.figures / "curves.pdf").write_bytes(b"as committed")
        self.stamp = self.stamp_of_results()
        (folder / "a2-writeup.tex").write_text(TEX.replace("STAMP", self.stamp))
        self.write(self.cells())
        make_repository(folder)

    def stamp_of_results(self):
        return hashlib.sha256((self.figures / "results.json").read_bytes()).hexdigest()[:12]

    def cells(self):
        """Its notebook's cells, executed."""
        made = []
        for number, (name, (source, tags, printed)) in enumerate(CELLS.items(), start=1):
            outputs = []
            if printed:
                outputs = printed_text(f"57 runs, full profile, stamp {self.stamp}")
            if "figure" in tags:
                data = {"image/png": "aGk=", "text/plain": ["<Figure>"]}
                outputs = [{"output_type": "display_data", "data": data, "metadata": {}}]
            made.append({
                "cell_type": "code", "id": name, "metadata": {"tags": tags} if tags else {},
                "source": source.splitlines(keepends=True), "outputs": outputs,
                "execution_count": number,
            })  # fmt: skip
        saw = ["### What we saw in Part A\n", "\n", "Brown horses."]
        text = {"cell_type": "markdown", "id": "part-a-saw", "metadata": {}, "source": saw}
        return [*made, text]

    def write(self, cells, minor=5):
        notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": minor}
        self.notebook.write_text(json.dumps(notebook))

    def run(self, script, *arguments, bare=True):
        """Run a script, by a python that has its standard library alone unless told otherwise."""
        command = [sys.executable, *(["-S"] if bare else []), f"scripts/{script}.py", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True)

    def contents(self):
        """{file: bytes} of figures/ and the two files to hand in."""
        files = [*self.figures.rglob("*"), *self.folder.glob("a2-writeup.pdf"), self.notebook]
        return {str(path): path.read_bytes() for path in files if path.is_file()}
