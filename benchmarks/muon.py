"""What do 25 epochs with Muon bring, and what does the mean over an image and its mirror image?

The numbers are losses on the 1,000 test images. The recipe is the notebook's strong one at commit
593cacb: Muon for kernels, Adam for the rest, one cycle of the rates, and images mirrored with
probability 1/2 in each epoch. It was chosen on 500 training images held out for that. A mirrored
horse has mirrored colours, so the mean of two logits is a prediction too.

Usage: A2_MIRROR=... python benchmarks/muon.py [--seeds 3] [--epochs 25] [--json]
"""

import numpy as np
from common import load_notebook, run, show
from speedrun_recipe import Recipe, train
from torch import nn


def strong_recipe(name, epochs):
    """PoolUpsampleNet learns best in small batches, the other two in large ones."""
    settings = {"warm_up": 0.3, "rise": 1e6, "orthogonal_steps": 5}
    stages = ((epochs, 32),)
    if name == "PoolUpsampleNet":
        return Recipe(stages, 50, muon_rate=0.15, learning_rate=0.06, **settings)
    return Recipe(stages, 200, muon_rate=0.2, learning_rate=0.08, **settings)


class WithMirrorImage(nn.Sequential):
    """The mean of a network's logits for an image and for its mirror image, mirrored back."""

    def forward(self, x):
        mirrored = super().forward(x.flip(-1))
        return (super().forward(x) + mirrored.flip(-1)) / 2


def main(seeds=3, epochs=25):
    lib = load_notebook()
    train_set, test_set = map(lib.prepare_colour_set, lib.load_horses())

    def batches_of(images, recipe, seed):
        order = np.random.RandomState(seed).permutation(len(images.grey))
        grey, labels = images.grey[order], images.labels[order]
        for epoch in range(epochs):
            pair = lib.mirror_half(grey, labels, seed, epoch)
            yield from zip(*[part.split(recipe.batch_size) for part in pair], strict=True)

    rows = {}
    for name in lib.NETS:
        recipe = strong_recipe(name, epochs)
        row = {}
        for seed in range(seeds):
            net = train(lib, name, train_set, seed, recipe, batches_of)
            scores = lib.evaluate_colourization(net, test_set)
            row[f"seed {seed}"] = scores["val_loss"]
            scores = lib.evaluate_colourization(WithMirrorImage(net), test_set)
            row[f"seed {seed}, with mirror image"] = scores["val_loss"]
        rows[name] = show(name, row)
    return rows


if __name__ == "__main__":
    run(main, __doc__)
