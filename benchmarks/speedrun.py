"""How soon is each network of Parts A to C as good as the best that was published for it?

The target is the lowest published validation loss on the 1,000 test images, reached there by 25
epochs. It counts as reached if the mean loss is at or under it. Ours is speedrun_recipe.py, from
the first weights to the last update. Plain is 25 epochs of the plain ways of colourization.py. Both
run in one process with the same threads, in turns: a fifth of the plain run, then a seed of ours.
Seconds are those of training alone. The data are prepared before; validation has its own column.

The recipes were chosen without the test images, by --held_out 500 --epochs 0: trained on 4,500
of the training images and judged on the other 500, by the mean loss of a few seeds.

Usage: A2_MIRROR=... python benchmarks/speedrun.py [--seeds 5] [--epochs 25] [--held_out 0] [--json]
  A2_PROFILE=sample tries it on the drawn sample, whose losses mean nothing here.
"""

import numpy as np
import speedrun_recipe
from colourization import handout_parts, plain_batches, plain_loss, plain_prepare
from common import load_notebook, ratio_row, run, show, timed

TARGETS = {"PoolUpsampleNet": 1.578, "ConvTransposeNet": 1.136, "UNet": 1.059}


def compare(lib, name, images, val_images, seeds, epochs):
    """The row of a network: each seed of ours stands between pieces of one plain run."""
    train_set, val_set = map(lib.prepare_colour_set, (images, val_images))
    order = np.random.RandomState(0).permutation(len(images))
    arrays = plain_prepare(lib, images[order])
    plain_parts = handout_parts(lib, name)
    recipe = speedrun_recipe.RECIPES[name]
    losses, seconds, validation_seconds, plain_seconds = [], [], [], 0
    for seed in range(seeds):
        for _ in range(seed * epochs // seeds, (seed + 1) * epochs // seeds):
            batches = plain_batches(*arrays, lib.HANDOUT.batch_size)
            plain_seconds += timed(lib.train_epoch, *plain_parts, batches, plain_loss)[0]
        spent, net = timed(speedrun_recipe.train, lib, name, train_set, seed, recipe)
        seconds.append(spent)
        spent, scores = timed(lib.evaluate_colourization, net, val_set)
        validation_seconds.append(spent)
        losses.append(scores["val_loss"])
    row = {"target": TARGETS[name], "mean loss": np.mean(losses).item()}
    row |= {"worst loss": max(losses), "passes": sum(passes for passes, _ in recipe.stages)}
    row |= {"validation (s)": np.mean(validation_seconds).item()}
    return row | ratio_row(plain_seconds, np.mean(seconds).item())


def main(seeds=5, epochs=25, held_out=0):
    lib = load_notebook()
    images, val_images = lib.load_horses()
    if held_out:
        order = np.random.RandomState(1234).permutation(len(images))
        images, val_images = images[order[held_out:]], images[order[:held_out]]
    rows = {}
    for name in TARGETS:
        rows[name] = show(name, compare(lib, name, images, val_images, seeds, epochs))
    return rows


if __name__ == "__main__":
    run(main, __doc__)
