"""Executes the whole notebook on a pretended accelerator, which refuses what a GPU refuses, where there is none.

Its tensors do their work on inner CPU tensors. Refused is what CUDA refuses: tensors of two devices in one operation
(but for copies, and a single number from the CPU in elementwise ones), a tensor's memory read as numpy's, the CPU's
generator for a tensor of the device's. Refused is also what CUDA takes and the notebook avoids: index tensors on the
CPU, anything else that moves between host and device from one training step of an epoch to the next, and a checkpoint
loaded without saying to which device. It cannot tell anything about a GPU's numerics, memory and speed.

Usage: python tests/pretended_gpu.py FOLDER [fresh|again|continue] [--notebook PATH]
  The sample profile cut short, in FOLDER. again: all is loaded from a finished run there, and no epoch may be trained;
  continue: runs are begun on the CPU, and get their last epoch on the device.
"""

import argparse
import os
import sys
from functools import partial, wraps
from pathlib import Path

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from notebook import NOTEBOOK, ROOT, code_cells, execute, read_notebook, tags

_setup_privateuseone_for_python_backend("pretended")
DEVICE, CPU, aten = torch.device("pretended", 0), torch.device("cpu"), torch.ops.aten
COPIES = (aten.copy_.default, aten._to_copy.default)
WAITS = (aten._local_scalar_dense.default, aten.equal.default, aten.nonzero.default)  # the host wants their results
NEW_EPOCH, MOVED = "an epoch begins", []  # MOVED: copies and waits since the last training step
AFTER_CELLS = {  # what is executed after a cell, mostly to cut the sample short
    "setup": "DEVICE = CHOSEN",
    "profiles": """
SEEDS, NUM_EPOCHS, BATCH_SIZE, NUM_FILTERS, HELD_OUT, PHOTO_SIZE = [0], 2, 20, 8, 20, 32
STUDY_BATCH_SIZES, STUDY_UPDATES, STRONG_RECIPE["batch_size"] = [20, 30], 6, 20
for settings in (HANDOUT_SEGMENTATION, *MENDED_SEGMENTATION.values()):
    settings.update(batch_size=12, num_epochs=11)  # tables show the tenth""",
    "plotting": "plt.switch_backend('agg'); plt.Figure.savefig = lambda *_, **__: None",
    "load-horses": "train_images, test_images = train_images[:60], test_images[:20]",
    "train-epochs": "train_epochs = watched(train_epochs)",
    "hand-in": """  # and what the sample leaves out: saved weights
PROFILE, BACKBONE, WEIGHTS_NAME, RESOURCES["weights.pth"] = "quick", "mobilenet_v2", "weights.pth", ("", None)
torch.save(mobilenet_v2_deeplab().state_dict(), DATA_DIR / WEIGHTS_NAME)
prepare_for_fine_tuning(load_segmentation_net(None))(normalize(flowers.photos[:2]))""",
}


class PretendedDevice(TorchDispatchMode):
    """While it is entered, all operations are computed on the CPU, or refused with a RuntimeError."""

    def __torch_dispatch__(self, function, _, args=(), kwargs=None):
        leaves, kwargs = tree_leaves((args, kwargs)), kwargs or {}
        tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
        on_host = [tensor for tensor in tensors if not isinstance(tensor, DeviceTensor)]
        source = DEVICE if len(tensors) > len(on_host) else CPU
        device = torch.device(kwargs.get("device") or source)
        mixed = on_host and source == DEVICE
        if mixed and function not in COPIES:
            written = args[0] if function._schema.is_mutable else None
            if torch.Tag.pointwise not in function.tags or any(t.dim() or t is written for t in on_host):
                raise RuntimeError(f"{function}: {[tuple(t.shape) for t in on_host]} on the CPU, others on {DEVICE}")
        if device != CPU and any(isinstance(leaf, torch.Generator) for leaf in leaves):
            raise RuntimeError(f"{function}: a generator on the CPU for a tensor on {DEVICE}")
        if (function in WAITS and source == DEVICE) or (function in COPIES and (mixed or source.type != device.type)):
            MOVED.append(f"{function}")
        known = {id(getattr(t, "inner", t)): t for t in tensors}  # what works in place returns what it was given
        args, kwargs = tree_map_only(DeviceTensor, lambda tensor: tensor.inner, (args, kwargs))
        result = function(*args, **kwargs | ({"device": CPU} if kwargs.get("device") else {}))
        return tree_map_only(torch.Tensor, lambda t: known.get(id(t), t if device == CPU else DeviceTensor(t)), result)


class DeviceTensor(torch.Tensor):
    """A tensor on the pretended device; its values are those of `inner`."""

    __torch_function__ = torch._C._disabled_torch_function_impl
    __torch_dispatch__ = classmethod(PretendedDevice.__torch_dispatch__)

    @staticmethod
    def __new__(cls, inner):
        layout = {"strides": inner.stride(), "storage_offset": inner.storage_offset(), "dtype": inner.dtype}
        tensor = torch.Tensor._make_wrapper_subclass(cls, inner.shape, device=DEVICE, **layout)
        tensor.inner = inner
        return tensor

    def __getitem__(self, index):
        return super().__getitem__(torch.tensor(index).to(DEVICE) if isinstance(index, list) else index)

    def tolist(self):
        return self.cpu().tolist()

    def __reduce_ex__(self, protocol):  # it is saved as a CPU tensor
        return self.inner.__reduce_ex__(protocol)


def load(path, *, map_location, torch_load=torch.load, **options):
    return tree_map_only(torch.Tensor, lambda t: t.to(map_location), torch_load(path, map_location=CPU, **options))


def before_step(*_):
    if MOVED and MOVED[0] != NEW_EPOCH:
        raise RuntimeError(f"from one step of an epoch to the next, data moves between host and device: {set(MOVED)}")


def train(mode, train_epochs, title, one_epoch, num_epochs, *others):
    """What train_epochs does, which must train no epoch that was kept, and in mode begin leaves out the last."""
    left_out = int(mode == "begin" and num_epochs != 10)
    kept = {"again": num_epochs, "continue": num_epochs - 1}.get(mode, 0)

    def watched_epoch(epoch):
        if epoch < kept:
            raise RuntimeError(f"{title}: epoch {epoch + 1} is trained, though {kept} were kept")
        MOVED[:] = [NEW_EPOCH]
        return one_epoch(epoch)

    history = train_epochs(title, watched_epoch, num_epochs - left_out, *others)
    return {column: numbers + numbers[-1:] * left_out for column, numbers in history.items()}


def run(cells, mode):
    """Execute code cells; mode begin: on the CPU."""
    namespace = {"__name__": "a2_cnn", "CHOSEN": CPU if mode == "begin" else DEVICE}
    assert AFTER_CELLS.keys() <= {cell.id for cell in cells}
    namespace["watched"] = lambda train_epochs: wraps(train_epochs)(partial(train, mode, train_epochs))
    for cell in cells:
        try:
            execute([cell], namespace)
            exec(AFTER_CELLS.get(cell.id, ""), namespace)
        except Exception as error:
            raise RuntimeError(f"cell {cell.id}: {type(error).__name__}: {error}") from error
    print(f"{mode}: {len(cells)} cells executed on {namespace['DEVICE']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__.partition("Usage: ")[2])
    parser.add_argument("folder", type=Path)
    parser.add_argument("mode", nargs="?", default="fresh", choices=("fresh", "again", "continue"))
    parser.add_argument("--notebook", type=Path, default=NOTEBOOK)
    arguments = parser.parse_args()
    cells = code_cells(read_notebook(arguments.notebook))
    os.chdir(arguments.folder)
    os.environ.update(A2_PROFILE="sample", A2_DATA="data", A2_OUTPUTS="outputs", A2_MIRROR=f"{ROOT}/data/sample")
    torch.set_num_threads(1)  # the tensors are small
    for make in (torch.tensor, torch.as_tensor):  # they go through `.to`
        setattr(torch, make.__name__, lambda data, make=make, device=CPU, **options: make(data, **options).to(device))
    torch.load, torch.inference_mode = load, torch.no_grad  # a device made in Python has no inference tensors
    register_optimizer_step_pre_hook(before_step)
    register_optimizer_step_post_hook(lambda *_: MOVED.clear())  # what moves within a step is torch's affair
    with PretendedDevice():
        if arguments.mode == "continue":
            run([cell for cell in cells if "figure" not in tags(cell)], "begin")
        run(cells, arguments.mode)
