"""Damage the sample's files, a network's weights and a run's checkpoint, and read them.

Each must be refused with a message that names file and place, or be read with the undamaged one's
content. Data and weights go through `fetch`, from a mirror; a checkpoint through `load`. Left out
are .mat files: a damaged one may crash scipy's reader. Exits with 1 if one was wrongly accepted or
failed in any other way. Usage: python tools/fuzz_files.py [--files 2000]
"""

import argparse
import collections
import contextlib
import io
import random
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from cells import ROOT, import_notebook

OUTCOMES = ("refused", "read equal", "wrongly accepted", "other error")
WEIGHTS = "deeplabv3_mobilenet_v2_voc.pth"


def damage(content, rng):
    """(what was done, the damaged bytes): one kind of damage at a random place."""
    a, b = sorted(rng.sample(range(len(content)), 2))
    n = min(rng.choice([1, 4, 16, 64, 512, 4096]), b - a, len(content) - b)
    before, middle, after = content[:a], content[a + n : b], content[b + n :]
    return rng.choice([
        ("a bit flipped", before + bytes([content[a] ^ 1 << rng.randrange(8)]) + content[a + 1 :]),
        ("cut short", before),
        ("zeros", before + bytes(n) + content[a + n :]),
        ("swapped blocks", before + content[b : b + n] + middle + content[a : a + n] + after),
        ("HTML", b"<!DOCTYPE html><html><body>301 Moved Permanently</body></html>"),
        ("garbage appended", content + rng.randbytes(rng.choice([1, 100, 100_000]))),
    ])  # fmt: skip


def as_bytes(content):
    """Arrays, tensors and numbers in containers as bytes, the same for the same content."""
    torch.save(content, buffer := io.BytesIO())
    return buffer.getvalue()


def tiny_net():
    """What stands in for DeepLabv3, always the same."""
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8))


def write_files(lib, mirror):
    """Put a network's weights and a checkpoint beside the data; returns {file: how to read it}."""
    horses = import_notebook("sample", name="sample")  # the other profiles want 6,000
    lib.PROFILE, lib.BACKBONE, lib.mobilenet_v2_deeplab = "full", "mobilenet_v2", tiny_net
    torch.save(tiny_net().state_dict(), mirror / WEIGHTS)
    digest = lib.pooch.file_hash(mirror / WEIGHTS)[:8]
    shutil.copy(mirror / WEIGHTS, mirror / (with_digest := f"tiny-{digest}.pth"))
    lib.save(mirror / "run.pt", {"net": tiny_net().state_dict(), "history": [{"loss": 1.0}]})

    def read_weights(name):
        lib.WEIGHTS = name
        return lib.load_segmentation_net(None).state_dict()

    def read_checkpoint(name):
        if (state := lib.load(mirror / name)) is None:  # and it has printed the file's name
            raise FileNotFoundError(f"in {mirror}")
        return state

    readers = {WEIGHTS: read_weights, with_digest: read_weights, "run.pt": read_checkpoint}
    data = {
        "cifar10_horses.npz": horses.read_horses,
        "17flowers.tgz": lambda path: lib.read_images(path, np.asarray),
        "trimaps.tgz": lambda path: lib.read_images(path, lib.mask_labels),
    }
    readers |= dict.fromkeys(data, lambda name: lib.fetch(name, data[name]))
    lib.URLS = dict.fromkeys(readers, "")  # nothing is downloaded
    return readers


def try_to_read(name, read, expected, folder):
    """(one of OUTCOMES, the message) of reading a file that was damaged."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            return OUTCOMES[1 if as_bytes(read(name)) == expected else 2], ""
        except FileNotFoundError as error:
            message = f"{printed.getvalue()} {error}"
            told = name in message and str(folder / "mirror") in message
            kept = (folder / "data" / name).exists()
            return OUTCOMES[0 if told and not kept else 3], message
        except Exception as error:
            return OUTCOMES[3], f"{type(error).__name__}: {error}"


def main(count, folder):
    """Damage and read `count` files; returns whether all were refused or read equal."""
    lib, mirror = import_notebook("sample"), folder / "mirror"
    lib.DATA_DIR, lib.MIRROR = folder / "data", str(mirror)
    lib.DATA_DIR.mkdir()
    shutil.copytree(ROOT / "data/sample", mirror)
    rng, breaches = random.Random(0), 0
    readers = write_files(lib, mirror)
    print(f"{'file':<34}" + "".join(f"{outcome:>18}" for outcome in OUTCOMES))
    for name, read in readers.items():
        undamaged, outcomes, examples = (mirror / name).read_bytes(), collections.Counter(), {}
        with contextlib.redirect_stdout(io.StringIO()):
            expected = as_bytes(read(name))
        for _ in range(-(-count // len(readers))):
            (lib.DATA_DIR / name).unlink(missing_ok=True)
            what, content = damage(undamaged, rng)
            (mirror / name).write_bytes(content)
            outcome, message = try_to_read(name, read, expected, folder)
            outcomes[outcome] += 1
            if outcome in OUTCOMES[2:]:
                examples[what] = message
        counts = "".join(f"{outcomes[outcome]:18}" for outcome in OUTCOMES)
        print(f"{name:<34}{counts}", flush=True)
        for what, message in examples.items():
            print(f"    {what}: {message or 'read with other content'}")
            breaches += 1
    return not breaches


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    with tempfile.TemporaryDirectory() as name:
        sys.exit(not main(parser.parse_args().files, Path(name)))
