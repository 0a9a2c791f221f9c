"""How long is an epoch of Parts A to C by the starter's plain ways, and by ours?

Plain are batches made from numpy arrays in each step, a loss over transposed copies, and torch's
usual order in memory. Both train the network of seed 0 by the handout's recipe, without evaluation,
in turns; the best of five epochs counts.
"""

import numpy as np
import torch
import torch.nn.functional as F
from common import compare, load_notebook, run


def plain_batches(batches):
    """As in the starter, each step makes tensors of numpy arrays."""
    for grey, labels in batches:
        grey = grey.numpy().astype(np.float64, order="C")
        yield torch.from_numpy(grey).float(), torch.from_numpy(labels.numpy())


def plain_loss(logits, labels):
    """Cross-entropy over pixels, brought to the front by transposing and copying both sides."""
    rows = logits.transpose(1, 3).contiguous().view(-1, logits.shape[1])
    return F.cross_entropy(rows, labels.transpose(1, 2).contiguous().view(-1))


def make_epoch(lib, name, plain):
    """A function that trains for one more epoch, and returns its loss."""
    net, data, loss = lib.make_net(getattr(lib, name), seed=0), lib.data, lib.pixel_loss
    if plain:
        net = net.to(memory_format=torch.contiguous_format)
        data = data._replace(grey=data.grey.clone(memory_format=torch.contiguous_format))
        loss = plain_loss
    optimizer = torch.optim.Adam(net.parameters(), lib.HANDOUT.learning_rate, fused=True)

    def epoch():
        batches = lib.colour_batches(data, lib.HANDOUT.batch_size, seed=0, epoch=0)
        if plain:
            batches = plain_batches(batches)
        return lib.train_epoch(net, batches, loss, optimizer)

    return epoch


def main():
    lib = load_notebook()
    for name in lib.NETS:
        plain, ours = (make_epoch(lib, name, plain) for plain in (True, False))
        yield f"{name}, epoch", compare({"plain": plain, "ours": ours})


if __name__ == "__main__":
    run(main, __doc__)
