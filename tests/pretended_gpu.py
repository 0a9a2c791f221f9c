"""Executes the whole notebook on a pretended accelerator, which refuses what a GPU refuses.

Refused is what CUDA refuses: tensors of two devices in one operation (but for copies, and a single
number from the CPU in elementwise ones), a tensor's memory read as numpy's. Refused is also more
than one copy or wait in an epoch. It runs in the current folder.
"""

import os
import sys
from functools import wraps
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from cells import ROOT, code_cells, execute, tags

_setup_privateuseone_for_python_backend("pretended")
DEVICE, CPU, aten = torch.device("pretended", 0), torch.device("cpu"), torch.ops.aten
COPIES = (aten.copy_.default, aten._to_copy.default)
WAITS = (aten._local_scalar_dense.default, aten.equal.default, aten.nonzero.default)
MOVED = []  # copies between host and device, and waits, since an epoch began
AFTER_CELLS = {  # what is executed after a cell, mostly to cut the sample short
    "imports": "DEVICE = CHOSEN",
    "parameters": "SEEDS, EPOCHS = [0], 1",
    "horses": "all_horses = load_horses; load_horses = lambda: [x[:40] for x in all_horses()]",
    "shapes": "NUM_FILTERS = 8",
    "train-epoch": "train_epoch = watched(train_epoch)",
    "plotting": "plt.switch_backend('agg'); save_fig = lambda fig, name: plt.close(fig)",
    "read-flowers": "PHOTO_SIZE = 32",
    "train-last-layer": "HANDOUT_D = replace(HANDOUT_D, epochs=2)",
    "hand-in": """  # and what the sample leaves out: saved weights
PROFILE, BACKBONE, WEIGHTS = "quick", "mobilenet_v2", "weights.pth"
torch.save(mobilenet_v2_deeplab().state_dict(), DATA_DIR / WEIGHTS)
frozen_features(load_deeplab(None), photos[:2])""",
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
        layout = {"strides": inner.stride(), "storage_offset": inner.storage_offset()}
        layout |= {"dtype": inner.dtype, "device": DEVICE}
        tensor = torch.Tensor._make_wrapper_subclass(cls, inner.shape, **layout)
        tensor.inner = inner
        return tensor

    def __getitem__(self, index):
        index = torch.tensor(index).to(DEVICE) if isinstance(index, list) else index
        return super().__getitem__(index)

    def __format__(self, spec):
        return format(self.cpu(), spec)

    def tolist(self):
        return self.cpu().tolist()

    def __reduce_ex__(self, protocol):  # it is saved as a CPU tensor
        return self.inner.__reduce_ex__(protocol)


def watched(train_epoch):
    @wraps(train_epoch)
    def one_epoch(*arguments):
        MOVED.clear()
        loss = train_epoch(*arguments)
        if len(MOVED) > 1:
            raise RuntimeError(f"within an epoch, data moves between host and device: {set(MOVED)}")
        return loss

    return one_epoch


def run(cells):
    """Execute code cells on the device."""
    namespace = {"__name__": "a2_cnn", "CHOSEN": DEVICE, "watched": watched}
    assert AFTER_CELLS.keys() <= {cell["id"] for cell in cells}
    for cell in cells:
        try:
            execute([cell], namespace)
            exec(AFTER_CELLS.get(cell["id"], ""), namespace)
        except Exception as error:
            raise RuntimeError(f"cell {cell['id']}: {type(error).__name__}: {error}") from error
    print(f"{len(cells)} cells executed on {namespace['DEVICE']}")


def on_host(make):
    """torch.tensor and the like, by way of the CPU and `.to`."""
    return lambda data, device=CPU, **options: make(data, **options).to(device)


if __name__ == "__main__":
    os.environ.update(A2_PROFILE="sample", A2_MIRROR=f"{ROOT}/data/sample")
    torch.tensor, torch.as_tensor = on_host(torch.tensor), on_host(torch.as_tensor)
    torch.inference_mode = torch.no_grad  # a device made in Python has no inference tensors
    with PretendedDevice():
        run(code_cells())
        kept = {path: path.stat().st_mtime_ns for path in Path("outputs").iterdir()}
        run([cell for cell in code_cells() if "view" not in tags(cell)])
    if kept != {path: path.stat().st_mtime_ns for path in Path("outputs").iterdir()}:
        raise RuntimeError("what was kept was made again")
