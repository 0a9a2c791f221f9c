"""The notebook on a GPU, as far as a pretended one can tell (pretended_gpu.py)."""

import subprocess
import sys

import pytest
import torch
from cells import ROOT, code_cells, execute
from conftest import offline_environment

# From the version on that CI installs these tests may not be left out: without the hook they fail.
has_hook = hasattr(torch.utils.backend_registration, "_setup_privateuseone_for_python_backend")
left_out = not has_hook and torch.__version__ < "2.14"
pretended = pytest.mark.skipif(left_out, reason="no devices made in Python")
REFUSED = """ours + theirs; theirs.add_(ours); number.add_(ours.sum()); theirs * ours.sum()
torch.cat([ours, theirs]); theirs[ours > 0]; ours[torch.tensor([0])]; torch.equal(ours, theirs)
torch.nn.Linear(2, 2)(ours); ours.numpy(); np.asarray(ours); load("a.pt")
torch.multinomial(ours, 1, generator=torch.Generator())"""
ALLOWED = """ours + number; ours.copy_(theirs); theirs.copy_(ours); ours.cpu() + theirs
ours[[0]]; ours[np.array([0])]; ours.__setitem__(torch.tensor([0]), ours[[1]])
ours.sum().item(); ours.tolist(); torch.nn.Linear(2, 2).to(DEVICE)(ours)"""
TRY_ALL = """
import sys, numpy as np
from pretended_gpu import *
PretendedDevice().__enter__()
for operation in sys.argv[1:]:
    ours, theirs, number = torch.ones(2, device=DEVICE), torch.ones(2), torch.tensor(1.0)
    try:
        eval(operation)
        print(operation)
    except (RuntimeError, TypeError):
        pass"""


def run(*arguments):
    command, environment = [sys.executable, *arguments], offline_environment(OMP_NUM_THREADS="1")
    done = subprocess.run(
        command, cwd=ROOT / "tests", env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pretended
def test_the_whole_notebook_runs_on_a_device_and_again_from_what_it_kept(tmp_path):
    printed = run("pretended_gpu.py", tmp_path, "fresh", "again")
    for mode in ("fresh", "again"):
        assert f"{mode}: {len(code_cells())} cells executed on pretended:0" in printed


@pretended
def test_the_pretended_device_refuses_what_cuda_refuses_and_nothing_else():
    refused, allowed = (text.replace("\n", "; ").split("; ") for text in (REFUSED, ALLOWED))
    assert run("-c", TRY_ALL, *refused, *allowed).splitlines() == allowed


def test_convolutions_are_not_rounded_to_tf32(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    execute([cell for cell in code_cells() if cell.id == "setup"], {})
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32
