"""How soon is each network of Parts A to C as good as the best that anyone has published for it?

The target is the lowest published validation loss on the 1,000 test images, reached there by 25 epochs. Ours is
speedrun_recipe.py, from the first weights to the last step; plain is 25 epochs of colourization.py's plain loop
(contiguous tensors, Adam at 1e-3, batches of 100). Both run in one process with the same threads, in turns: a fifth of
the plain run, then a seed of ours. Seconds are those of training alone; the data are prepared before, and validation is
told apart. The target counts as reached if the mean over the seeds is at or under it.

Recipes were chosen as --held_out judges them: trained on 4,500 of the training images and judged on the other 500
(those that the notebook's ablation holds out), by the mean loss of a few seeds, without the test images.

Usage: A2_MIRROR=... python benchmarks/speedrun.py [--seeds 5] [--epochs 25] [--json] [--held_out] [--trace]
  json: one object on standard output, the table on standard error; trace: where a run's time goes.
  A2_PROFILE=sample tries it on the drawn sample, whose losses mean nothing here.
"""

import contextlib
import sys
import time
from json import dumps
from types import SimpleNamespace

import numpy as np
import speedrun_recipe
import torch
from colourization import machine_rates, plain_epoch, plain_prepare
from common import load_notebook, run
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

TARGETS = {"PoolUpsampleNet": 1.578, "ConvTransposeNet": 1.136, "UNet": 1.059}
STARTER_THREADS = 5
PARTS = ("forward", "loss", "backward", "optimizer")
CONVOLUTIONS = ("aten::convolution", "aten::convolution_backward")  # transposed ones and what they call included


def timed(function, *arguments):
    """(seconds, result) of a call."""
    started = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - started, result


def plain_run(lib, name, arrays):
    """A new network and a function that trains it for one more plain epoch, in the order of seed 0."""
    lib.set_seed(0)
    net = getattr(lib, name)(lib.KERNEL, lib.NUM_FILTERS, lib.NUM_COLOURS, 1)
    order = np.random.RandomState(0).permutation(len(arrays[0]))
    images, adam = [array[order] for array in arrays], lib.adam(net, lib.LEARNING_RATE)
    return net, lambda: plain_epoch(net, adam, [], images, lib.BATCH_SIZE)


def compare(lib, name, data, seeds, epochs):
    """The record of one network: ours for each seed, between pieces of one plain run."""
    net, plain = plain_run(lib, name, data.train_arrays)
    ours, losses, plain_seconds, validation = [], [], 0.0, []
    for seed in range(seeds):
        for _ in range(seed * epochs // seeds, (seed + 1) * epochs // seeds):
            plain_seconds += timed(plain)[0]
        seconds, trained = timed(speedrun_recipe.train, lib, name, data.train, seed)
        ours.append(seconds)
        seconds, (loss, _, _) = timed(lib.evaluate_colourization, trained, data.test)
        losses.append(loss)
        validation.append(seconds)
    plain_loss = lib.evaluate_colourization(net.to(memory_format=torch.channels_last), data.test)[0]
    threads = torch.get_num_threads()
    torch.set_num_threads(STARTER_THREADS)
    starter_epoch, _ = timed(plain_run(lib, name, data.train_arrays)[1])
    torch.set_num_threads(threads)
    recipe = speedrun_recipe.RECIPES[name]
    return {
        "target": TARGETS[name], "losses": losses, "reached": bool(np.mean(losses) <= TARGETS[name]),
        "seconds": np.mean(ours).item(), "plain_seconds": plain_seconds, "ratio": plain_seconds / np.mean(ours).item(),
        "plain_losses": [plain_loss], "validation_seconds": np.mean(validation).item(),
        "epochs": sum(passes for passes, _ in recipe.stages), "steps": speedrun_recipe.num_steps(data.train, recipe),
        "pixels_seen": sum(passes * size**2 for passes, size in recipe.stages) / data.train.grey.shape[-1] ** 2,
        "starter_epoch_seconds": starter_epoch, "plain_epochs": epochs,
    }  # fmt: skip


def show_trace(lib, name, images, rate):
    """Print the share of each part of a run's time, and how far the whole is above its arithmetic's limit."""
    with FlopCounterMode(display=False) as counter:
        speedrun_recipe.train(lib, name, images, 0)
    seconds, _ = timed(speedrun_recipe.train, lib, name, images, 0)
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        whole, _ = timed(speedrun_recipe.train, lib, name, images, 0)
    events = {event.key: event for event in profiler.key_averages()}
    shares = {part: events[part].cpu_time_total / 1e6 / whole for part in PARTS}
    shares["data and the rest"] = 1 - sum(shares.values())
    shares["(convolutions, of all)"] = sum(events[k].cpu_time_total for k in CONVOLUTIONS) / 1e6 / whole
    print(f"{name}: {seconds:.2f} s; " + ", ".join(f"{part} {share:.0%}" for part, share in shares.items()))
    limit = counter.get_total_flops() / rate
    flops = counter.get_total_flops() / 1e9
    print(f"    {flops:.0f} GFLOP of convolutions and Muon, {seconds / limit:.1f} times what these take at full rate")


def judge_held_out(lib, images, seeds):
    """Print each recipe's losses on the training images that it is not shown here, and its seconds."""
    order = np.random.RandomState(1234).permutation(len(images.grey))  # as the notebook's ablation draws them
    train, val = (
        lib.ColourSet(images.grey[rows], images.labels[rows]) for rows in (order[lib.HELD_OUT :], order[: lib.HELD_OUT])
    )
    for name in TARGETS:
        runs = [timed(speedrun_recipe.train, lib, name, train, seed) for seed in range(seeds)]
        losses = [lib.evaluate_colourization(net, val)[0] for _, net in runs]
        seconds = np.mean([seconds for seconds, _ in runs])
        print(f"{name:<18}{np.mean(losses):8.4f} ({max(losses):.4f}){seconds:8.2f} s", flush=True)


def main(seeds=5, epochs=25, json=False, held_out=False, trace=False):
    with contextlib.redirect_stdout(sys.stderr if json else sys.stdout):
        lib = load_notebook("full")
        images = lib.load_horses()
        train, test = map(lib.prepare_colour_set, images)
        print(f"{torch.get_num_threads()} threads, {seeds} seeds; loss: mean (worst)")
        if held_out:
            return judge_held_out(lib, train, seeds)
        data = SimpleNamespace(train=train, test=test, train_arrays=plain_prepare(lib, images[0]))
        rate = machine_rates()[0] if trace else None
        print(f"{'':<18}{'target':>8}{'loss':>18}{'ours':>10}{'plain':>10}{'ratio':>9}{'epochs':>8}{'validation':>12}")
        records = {}
        for name in TARGETS:
            records[name] = record = compare(lib, name, data, seeds, epochs)
            loss = f"{np.mean(record['losses']):.4f} ({max(record['losses']):.4f})"
            print(
                f"{name:<18}{record['target']:8.3f}{loss:>18}{record['seconds']:8.2f} s{record['plain_seconds']:8.1f} s"
                f"{record['ratio']:7.1f} x{record['epochs']:8g}{record['validation_seconds']:10.2f} s",
                flush=True,
            )
            if trace:
                show_trace(lib, name, train, rate)
    if json:
        print(dumps(records))
    return records


if __name__ == "__main__":
    run(main, __doc__)
