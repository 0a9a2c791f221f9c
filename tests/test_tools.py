"""Each of the tools for a few seconds; by hand they take minutes (their docstrings say how)."""

import subprocess
import sys

import pytest
from cells import ROOT
from conftest import offline_environment

TOOLS = {  # command: how its last line ends
    "fuzz_files.py --files 30": "0                 0",
    "kill_run.py --kills 1": "1 of 1 interrupted runs ended with the same bits",
    "device_mutants.py prepare-run --until prepare-run": "1 of 1 mutants caught",
}


@pytest.mark.parametrize("command", TOOLS)
def test_a_tool_runs_and_finds_nothing_wrong(command):
    name, *arguments = command.split()
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / name, *arguments],
        env=offline_environment(OMP_NUM_THREADS="1"), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert done.stdout.rstrip().endswith(TOOLS[command])
