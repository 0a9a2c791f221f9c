"""The notebook on a GPU, as far as a pretended one can tell (pretended_gpu.py)."""

import subprocess
import sys

import pytest
import torch
from cells import ROOT, code_cells
from conftest import offline_environment

# From the version on that CI installs this may not be left out: without the hook it fails.
has_hook = hasattr(torch.utils.backend_registration, "_setup_privateuseone_for_python_backend")
left_out = not has_hook and torch.__version__ < "2.14"


@pytest.mark.slow
@pytest.mark.skipif(left_out, reason="no devices made in Python")
def test_the_whole_notebook_runs_on_a_device_and_again_from_what_it_kept(tmp_path):
    command = [sys.executable, ROOT / "tests/pretended_gpu.py", tmp_path]
    environment = offline_environment(OMP_NUM_THREADS="1")
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    told = f"{len(code_cells())} cells executed on pretended:0"
    assert done.stdout.count(told) == 2
