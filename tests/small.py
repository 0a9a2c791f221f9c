"""A small problem of each part, and the notebook's definitions with an edit."""

import numpy as np
import torch
from cells import code_cells, import_notebook, read_notebook
from conftest import SMALL

COLOURS, FLOWERS = "Parts A to C", "Part D"


def edited(old, new):
    """The notebook's definitions, with a text that stands in one of its cells replaced."""
    notebook = read_notebook()
    found = [cell for cell in code_cells(notebook) if old in cell["source"]]
    assert len(found) == 1, f"{len(found)} cells have {old!r}: take another text in this test"
    found[0]["source"] = found[0]["source"].replace(old, new)
    lib = import_notebook("sample", notebook, "edited")
    vars(lib).update(SMALL)
    return lib


def small_task(lib, part):
    """A task on tiny random images, or on features that tell flower from background."""
    rng = np.random.default_rng(0)
    if part == COLOURS:
        images = rng.integers(0, 256, (31, 3, 8, 8), dtype=np.uint8)
        data = lib.ColourData(*lib.prepare(images[:21]), *lib.prepare(images[21:]))
        return lib.Task(data, lib.colour_batches, lib.pixel_loss, lib.evaluate_colours)
    masks = torch.from_numpy(rng.choice(np.uint8([0, lib.FLOWER, lib.VOID]), (14, 8, 8)))
    features = torch.rand(14, 256, 8, 8, generator=torch.Generator().manual_seed(0))
    features[:, :8] += 2 * (masks == lib.FLOWER)[:, None]
    data = lib.FlowerData(features, masks, [*range(8)], [8, 9, 10], [11, 12, 13])
    settings = {"parameters": lib.learned_parameters, "best_by": "val_mean_iou"}
    settings |= {"loss_name": "IoU", "protocol": "strict"}
    functions = lib.flower_batches, lib.compute_iou_loss, lib.evaluate_flowers
    return lib.Task(data, *functions, **settings)


def small_net(lib, part, seed=0):
    """A network as a run of this part begins with it."""
    if part == COLOURS:
        return lib.make_net(lib.UNet, seed)
    layers = [torch.nn.Identity() for _ in range(5)]
    net = torch.nn.ModuleDict({"classifier": torch.nn.Sequential(*layers)})
    return lib.LastLayer(lib.replace_last_layer(net, seed))


def train_small(lib, part):
    """A run of 4 epochs; returns its row and history without times, and its weights as lists."""
    batch_size = 8 if part == COLOURS else 3
    recipe = lib.Recipe("test", batch_size, epochs=4, learning_rate=0.01)
    net = small_net(lib, part)
    name = lib.train(net, small_task(lib, part), recipe, 0)
    weights = {key: tensor.tolist() for key, tensor in net.state_dict().items()}
    return {**lib.RUNS[name], "seconds": 0}, lib.HISTORIES[name], weights
