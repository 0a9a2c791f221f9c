"""Feed mutated archives, pickles, images, checkpoints and split files to the notebook's readers.

Each must be read, or refused with the documented error; nothing may run, hang, crash or write outside the folder.
Prints a table by kind and exits 1 at the first breach, leaving the file that caused it.

Usage: python tests/fuzz_readers.py [HOW MANY] [SEED]   (default: 10000 files)
"""

import collections
import gzip
import hashlib
import io
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np

SAMPLE = Path(__file__).resolve().parent.parent / "data/sample"
SECONDS_EACH = 20


def mutate(content, rng):
    """Change bits, cut, double or overwrite a stretch of the content, one to four times."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        if len(content) < 8:
            break
        start = int(rng.integers(len(content)))
        stretch = content[start : start + int(rng.integers(1, 40))]
        kind = rng.integers(5)
        if kind == 0:
            content[start] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del content[start:]
        elif kind == 2:
            content[start:start] = stretch * int(rng.integers(1, 4))
        elif kind == 3:
            content[start : start + len(stretch)] = rng.bytes(len(stretch))
        else:
            content[start : start + len(stretch)] = bytes([int(rng.choice([0, 1, 127, 128, 255]))]) * len(stretch)
    return bytes(content)


def pack(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def make_seeds(lib):
    """{kind: (content to mutate, how the mutated content becomes a file, how the notebook reads that)}."""
    import torch

    def read_photos(path):
        for _, content in lib.read_archive(path, lib.PHOTO_NAME):
            lib.decode_image(content)

    def read_masks(path):
        for _, content in lib.read_archive(path, lib.MASK_NAME):
            lib.mask_labels(lib.decode_image(content))

    def read_checkpoint(path):
        lib.load_checkpoint(path)  # sets aside what it cannot read, without an error

    def photo_archive(content):
        return gzip.compress(pack({"jpg/image_0001.jpg": content}), 1)

    def mask_archive(content):
        return gzip.compress(pack({"trimaps/image_0001.png": content}), 1)

    def cifar_archive(content):
        return gzip.compress(pack({f"cifar-10-batches-py/{name}": content for name in batches}), 1)

    def with_digest(content):
        return hashlib.sha256(content).digest() + content

    photos = {m[0]: content for m, content in lib.read_archive(SAMPLE / "17flowers.tgz", r"jpg/image_000[1-3]\.jpg")}
    masks = {m[0]: content for m, content in lib.read_archive(SAMPLE / "trimaps.tgz", r"trimaps/image_000\d\.png")}
    batches = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    batch = pickle.dumps({b"data": np.zeros((3, 3072), np.uint8), b"labels": [7, 1, 7]}, protocol=2)
    net = torch.nn.Conv2d(4, 2, 1)
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.zeros(1, 4, 2, 2)).sum().backward()
    optimizer.step()
    state = io.BytesIO()
    torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict(), "history": {"loss": [1.0]}}, state)
    weights = io.BytesIO()
    torch.save(net.state_dict(), weights)
    horses = io.BytesIO()
    arrays = {"x_train": np.zeros((6, 3, 32, 32), np.uint8), "x_test": np.zeros((2, 3, 32, 32), np.uint8)}
    np.savez(horses, **arrays)
    compressed = io.BytesIO()
    np.savez_compressed(compressed, **arrays)

    def read_batches(path):
        lib.extract_horses(path, path.with_name("horses.npz"))

    def read_weights(path):
        lib.load_weights(torch.nn.Conv2d(4, 2, 1), path)

    cifar = pack({f"cifar-10-batches-py/{name}": batch for name in batches})

    return {
        "horses .npz": (horses.getvalue(), bytes, lib.read_horses),
        "horses .npz, compressed": (compressed.getvalue(), bytes, lib.read_horses),
        "CIFAR pickle": (batch, cifar_archive, read_batches),
        "CIFAR archive, unzipped": (cifar, gzip.compress, read_batches),
        "photo archive": (gzip.compress(pack(photos)), bytes, read_photos),
        "photo archive, unzipped": (pack(photos), gzip.compress, read_photos),
        "photo": (next(iter(photos.values())), photo_archive, read_photos),
        "mask": (next(iter(masks.values())), mask_archive, read_masks),
        "mask archive, unzipped": (pack(masks), gzip.compress, read_masks),
        "split file .mat": ((SAMPLE / "datasplits.mat").read_bytes(), bytes, lib.read_splits),
        "checkpoint": (with_digest(state.getvalue()), bytes, read_checkpoint),
        "checkpoint, digest right": (state.getvalue(), with_digest, read_checkpoint),
        "pre-trained weights": (weights.getvalue(), bytes, read_weights),
    }  # fmt: skip


def watch(folder, breaches):
    """Note every attempt to start a process, open a connection, or write outside `folder`."""

    def hook(event, arguments):
        if event in ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect", "os.fork"):
            breaches.append(f"{event} {arguments}")
        elif event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
            path, _, flags = arguments
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and not os.fsdecode(path).startswith((folder, "/dev/")):
                breaches.append(f"open {path} for writing")

    sys.addaudithook(hook)


def fuzz_kind(kind, count, seed, results):
    """Read `count` mutations of one kind's seed in this process; put {outcome: count} and breaches into `results`."""
    from conftest import load_definitions

    sys.stdout = io.StringIO()  # what the notebook's code prints does not belong into the table
    lib = load_definitions("sample")
    lib.HORSE_COUNTS = {"train": 6, "test": 2}
    content, finish, read = make_seeds(lib)[kind]
    resource.setrlimit(resource.RLIMIT_AS, (16 * 2**30, 16 * 2**30))
    rng, outcomes, breaches, slowest = np.random.default_rng(seed), collections.Counter(), [], 0.0

    def too_slow(*_):
        raise KeyboardInterrupt  # not an Exception: no reader may swallow it

    signal.signal(signal.SIGALRM, too_slow)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutated"
        path.write_bytes(finish(content))
        read(path)  # the seed itself is good
        path.unlink(missing_ok=True)
        watch(folder, breaches)
        for i in range(count):
            path.write_bytes(mutated := finish(mutate(content, rng)))
            started = time.perf_counter()
            signal.alarm(SECONDS_EACH)
            try:
                read(path)
                outcomes["set aside" if path.with_suffix(".damaged").exists() else "read"] += 1
            except ValueError:
                outcomes["refused"] += 1
            except BaseException as error:
                breaches.append(f"{type(error).__name__}: {error}")
            signal.alarm(0)
            slowest = max(slowest, time.perf_counter() - started)
            if breaches:
                kept = Path(tempfile.gettempdir()) / f"breach-{kind.replace(' ', '-')}-{seed}-{i}"
                kept.write_bytes(mutated)
                results.put((kind, dict(outcomes), slowest, f"{breaches[0]}; the file: {kept}"))
                return
            for left in Path(folder).iterdir():
                left.unlink()
    results.put((kind, dict(outcomes), slowest, ""))


KINDS = (
    "horses .npz", "horses .npz, compressed", "CIFAR pickle", "CIFAR archive, unzipped", "photo archive",
    "photo archive, unzipped", "photo", "mask", "mask archive, unzipped", "split file .mat", "checkpoint",
    "checkpoint, digest right", "pre-trained weights",
)  # fmt: skip


def main(count, seed=0):
    """Fuzz every kind in a process of its own; returns the number of kinds with a breach."""
    context = multiprocessing.get_context("spawn")
    share, breached = -(-count // len(KINDS)), 0
    print(f"{'kind':<26}{'files':>7}{'read':>7}{'refused':>9}{'set aside':>11}{'slowest':>10}")
    for kind in KINDS:
        results = context.Queue()
        process = context.Process(target=fuzz_kind, args=(kind, share, seed, results))
        process.start()
        process.join(120 + share * SECONDS_EACH)
        if process.exitcode != 0:
            print(f"{kind:<26} the process ended with {process.exitcode}")
            breached += 1
            continue
        _, outcomes, slowest, breach = results.get(timeout=10)
        read, refused, aside = (outcomes.get(name, 0) for name in ("read", "refused", "set aside"))
        print(f"{kind:<26}{sum(outcomes.values()):7}{read:7}{refused:9}{aside:11}{slowest:8.2f} s", flush=True)
        if breach:
            print(f"  BREACH: {breach}")
            breached += 1
    return breached


if __name__ == "__main__":
    breached_kinds = main(*map(int, sys.argv[1:])) if len(sys.argv) > 1 else main(10_000)
    sys.exit(1 if breached_kinds else 0)
