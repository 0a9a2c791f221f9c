"""Executes the whole notebook on a pretended accelerator, which refuses what a GPU refuses.

Its tensors do their work on inner CPU tensors. Refused is what CUDA refuses: tensors of two devices
in one operation (but for copies, and a single number from the CPU in elementwise ones), a tensor's
memory read as numpy's, the CPU's generator for a tensor of the device's. Refused is also what CUDA
takes and the notebook avoids: reading at indices that are on the CPU, anything else that moves
between host and device from one training step of an epoch to the next, and a checkpoint loaded
without saying to which device. It tells nothing about a GPU's numerics, memory and speed.

Usage: python tests/pretended_gpu.py FOLDER [MODE ...] [--notebook PATH] [--until CELL]
  The sample profile cut short, in FOLDER, in one mode after the other (default: fresh).
  again: all is loaded from a finished run there, and no epoch may be trained;
  continue: runs are begun on the CPU, and get their last epoch on the device.
"""

import argparse
import os
import sys
from functools import wraps
from pathlib import Path

import torch
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from cells import NOTEBOOK, ROOT, code_cells, execute, read_notebook, tags

_setup_privateuseone_for_python_backend("pretended")
DEVICE, CPU, aten = torch.device("pretended", 0), torch.device("cpu"), torch.ops.aten
COPIES = (aten.copy_.default, aten._to_copy.default)
WAITS = (  # the host wants their results
    aten._local_scalar_dense.default,
    aten.equal.default,
    aten.nonzero.default,
)
NEW_EPOCH, MOVED = "an epoch begins", []  # MOVED: copies and waits since the last step
AFTER_CELLS = {  # what is executed after a cell, mostly to cut the sample short
    "setup": "DEVICE = CHOSEN",
    "parameters": "SEEDS, NUM_EPOCHS, NUM_FILTERS, STUDY_UPDATES = [0], 2, 8, 3",
    "plotting": "plt.switch_backend('agg'); plt.Figure.savefig = lambda *_, **__: None",
    "load-horses": "train_images, test_images = train_images[:120], test_images[:20]",
    "train-epoch": "train_epoch = watched_epochs(train_epoch)",
    "train": "train = watched_train(train)",
    "load-flowers": "PHOTO_SIZE = 32",
    "hand-in": """  # and what the sample leaves out: saved weights
PROFILE, BACKBONE, WEIGHTS = "quick", "mobilenet_v2", "weights.pth"
URLS[WEIGHTS] = ""
torch.save(mobilenet_v2_deeplab().state_dict(), DATA_DIR / WEIGHTS)
frozen_features(load_segmentation_net(None), flowers.photos[:2])""",
}


class PretendedDevice(TorchDispatchMode):
    """While it is entered, operations are computed on the CPU, or refused with a RuntimeError."""

    def __torch_dispatch__(self, function, _, args=(), kwargs=None):
        leaves, kwargs = tree_leaves((args, kwargs)), kwargs or {}
        tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
        on_host = [tensor for tensor in tensors if not isinstance(tensor, DeviceTensor)]
        source = DEVICE if len(tensors) > len(on_host) else CPU
        device = torch.device(kwargs.get("device") or source)
        mixed = on_host and source == DEVICE
        if mixed and function not in COPIES:
            written = args[0] if function._schema.is_mutable else None
            numbers = all(t.dim() == 0 and t is not written for t in on_host)
            if torch.Tag.pointwise not in function.tags or not numbers:
                shapes = [tuple(t.shape) for t in on_host]
                raise RuntimeError(f"{function}: {shapes} on the CPU, others on {DEVICE}")
        if device != CPU and any(isinstance(leaf, torch.Generator) for leaf in leaves):
            raise RuntimeError(f"{function}: a generator on the CPU for a tensor on {DEVICE}")
        copies = function in COPIES and (mixed or source.type != device.type)
        if copies or (function in WAITS and source == DEVICE):
            MOVED.append(f"{function}")
        known = {id(getattr(t, "inner", t)): t for t in tensors}  # what is changed in place

        def wrap(result):
            return known.get(id(result), result if device == CPU else DeviceTensor(result))

        args, kwargs = tree_map_only(DeviceTensor, lambda tensor: tensor.inner, (args, kwargs))
        if kwargs.get("device"):
            kwargs = kwargs | {"device": CPU}
        return tree_map_only(torch.Tensor, wrap, function(*args, **kwargs))


class DeviceTensor(torch.Tensor):
    """A tensor on the pretended device; its values are those of `inner`."""

    __torch_function__ = torch._C._disabled_torch_function_impl
    __torch_dispatch__ = classmethod(PretendedDevice.__torch_dispatch__)

    @staticmethod
    def __new__(cls, inner):
        layout = {
            "strides": inner.stride(),
            "storage_offset": inner.storage_offset(),
            "dtype": inner.dtype,
        }
        tensor = torch.Tensor._make_wrapper_subclass(cls, inner.shape, device=DEVICE, **layout)
        tensor.inner = inner
        return tensor

    def __getitem__(self, index):
        return super().__getitem__(
            torch.tensor(index).to(DEVICE) if isinstance(index, list) else index
        )

    def __setitem__(self, index, value):  # CUDA takes indices of the CPU
        index = index.to(DEVICE) if isinstance(index, torch.Tensor) else index
        super().__setitem__(index, value)

    def tolist(self):
        return self.cpu().tolist()

    def __reduce_ex__(self, protocol):  # it is saved as a CPU tensor
        return self.inner.__reduce_ex__(protocol)


def load(path, *, map_location, torch_load=torch.load, **options):
    return tree_map_only(
        torch.Tensor, lambda t: t.to(map_location), torch_load(path, map_location=CPU, **options)
    )


def before_step(*_):
    if MOVED and MOVED[0] != NEW_EPOCH:
        raise RuntimeError(f"within an epoch, data moves between host and device: {set(MOVED)}")


def watch(mode):
    """What the notebook's train_epoch and train become in a mode."""

    def watched_epochs(train_epoch):
        @wraps(train_epoch)
        def one_epoch(*arguments):
            if mode == "again":
                raise RuntimeError("an epoch is trained, though all were kept")
            MOVED[:] = [NEW_EPOCH]
            return train_epoch(*arguments)

        return one_epoch

    def watched_train(train):
        @wraps(train)
        def begin(title, path, recipe, *others):
            """Leave out the last epoch, but for its row in the history."""
            shorter = type(recipe)(**vars(recipe) | {"epochs": recipe.epochs - 1})
            history = train(title, path, shorter, *others)
            return history + history[-1:]

        return begin if mode == "begin" else train

    return {"watched_epochs": watched_epochs, "watched_train": watched_train}


def run(cells, mode):
    """Execute code cells; mode begin: on the CPU."""
    device = CPU if mode == "begin" else DEVICE
    namespace = {"__name__": "a2_cnn", "CHOSEN": device} | watch(mode)
    for cell in cells:
        try:
            execute([cell], namespace)
            exec(AFTER_CELLS.get(cell.id, ""), namespace)
        except Exception as error:
            raise RuntimeError(f"cell {cell.id}: {type(error).__name__}: {error}") from error
    print(f"{mode}: {len(cells)} cells executed on {namespace['DEVICE']}")


def make_on_host(make):
    """torch.tensor and the like, by way of the CPU and `.to`."""
    return lambda data, device=CPU, **options: make(data, **options).to(device)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__.partition("Usage: ")[2])
    parser.add_argument("folder", type=Path)
    parser.add_argument("modes", nargs="*", default=["fresh"])
    parser.add_argument("--notebook", type=Path, default=NOTEBOOK)
    parser.add_argument("--until", help="the last cell to execute")
    arguments = parser.parse_args()
    cells = code_cells(read_notebook(arguments.notebook))
    ids = [cell.id for cell in cells]
    assert AFTER_CELLS.keys() <= set(ids)
    cells = cells[: ids.index(arguments.until or ids[-1]) + 1]
    os.chdir(arguments.folder)
    os.environ.update(A2_PROFILE="sample", A2_DATA="data", A2_OUTPUTS="outputs")
    os.environ["A2_MIRROR"] = f"{ROOT}/data/sample"
    torch.set_num_threads(1)  # the tensors are small
    torch.tensor, torch.as_tensor = make_on_host(torch.tensor), make_on_host(torch.as_tensor)
    # A device that is made in Python has no inference tensors.
    torch.load, torch.inference_mode = load, torch.no_grad
    register_optimizer_step_pre_hook(before_step)
    register_optimizer_step_post_hook(lambda *_: MOVED.clear())  # within a step: torch's affair
    with PretendedDevice():
        for mode in arguments.modes:
            if mode == "continue":
                run([cell for cell in cells if "figure" not in tags(cell)], "begin")
            run(cells, mode)
