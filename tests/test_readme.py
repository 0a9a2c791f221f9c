"""What the README says can be done: its commands, files, cells and settings exist, and run here."""

import re
import subprocess

import pytest
from cells import ROOT, code_cells

README = (ROOT / "README.md").read_text(encoding="utf-8")
SYSTEM_PYTHON = "/usr/bin/python3"


def test_every_make_target_that_the_readme_names_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"(?:`|^)make ([a-z]+)", README, re.MULTILINE)
    assert len(named) > 8
    for target in named:
        assert re.search(f"^{target}:", makefile, re.MULTILINE), target


def test_every_file_cell_and_setting_that_the_readme_names_exists():
    source = "\n".join(cell.source for cell in code_cells())
    ids = {cell.id for cell in code_cells()}
    for path in re.findall(r"`((?:scripts|tests|data|tools|benchmarks|figures)/[\w./]*)`", README):
        assert (ROOT / path).exists(), path
    for name in re.findall(r"\bA2_[A-Z]+", README):
        assert name in source, name
    row = next(line for line in README.splitlines() if line.startswith("| a network |"))
    for name in re.findall(r"`([\w-]+)`", row):
        assert name in ids, name
    for name in ("plotting", "recipe", "d1-train", "gentle-table", "train-strong", "parameters"):
        assert f"`{name}`" in README and name in ids


@pytest.mark.parametrize("command", ["scripts/claims.py", "scripts/update_readme.py --check"])
def test_commands_that_need_no_packages_run_with_a_bare_python(command):
    bare = [SYSTEM_PYTHON, "-S", "-E", *command.split()]
    result = subprocess.run(bare, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_the_readme_is_short():
    words = [line for line in README.splitlines() if not line.startswith("|")]
    assert len(" ".join(words).split()) <= 750
