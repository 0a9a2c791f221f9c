"""What does an update of Part D save by keeping features, rather than using the whole network?

Both ways train a new last layer, from the same seed, on the same 64 photos, in turns; the best of
five counts. Computing the features once has its own column. `A2_BACKBONE` names the network.
"""

from functools import partial

import torch
from common import compare, load_notebook, run, timed


def update(lib, deeplab, loss_function, labels, photos, features=None):
    """Train a new last layer once, on features if there are any; returns the loss."""
    last_layer = lib.LastLayer(lib.replace_last_layer(deeplab, seed=0))
    optimizer = torch.optim.Adam(lib.learned_parameters(last_layer), lr=0.005, fused=True)
    logits = deeplab(photos)["out"] if features is None else last_layer(features)
    loss = loss_function(logits, labels)
    loss.backward()
    optimizer.step()
    return loss.item()


def main():
    lib = load_notebook("load-flowers")
    rows = lib.starter_rows["train"][:64]
    photos, labels = lib.photos[rows], lib.masks[rows]
    deeplab = lib.load_deeplab(photos)
    seconds, features = timed(lib.frozen_features, deeplab, photos)
    photos = lib.normalize(photos)
    for name, loss in {"cross entropy": lib.cross_entropy, "IoU": lib.compute_iou_loss}.items():
        plain = partial(update, lib, deeplab, loss, labels, photos)
        row = compare({"plain": plain, "ours": partial(plain, features.clone())})
        yield f"{lib.BACKBONE}, {name}", row | {"features (s)": seconds}


if __name__ == "__main__":
    run(main, __doc__)
