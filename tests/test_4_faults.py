"""Planted faults: each must end in one sentence that names what is wrong, and leave nothing broken behind.

The table of all faults, with the message that a user sees and what was left on disk, goes to build/faults.txt.
"""

import errno
import gzip
import io
import os
import pickle
import re
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import requests
import scipy.io
import torch
from conftest import ROOT, run_untagged_cells
from PIL import Image

HTML = b"<!DOCTYPE html><html><body>301 Moved Permanently</body></html>"
FAULTS = []


def fault(what, message, kept=()):
    """Register a function that plants a fault and lets the notebook's code meet it.

    message: what the error, or the printed text if there is no error, must contain (a regular expression).
    kept: names of files in data and outputs afterwards.
    """

    def register(plant):
        FAULTS.append(pytest.param(what, plant, message, set(kept), id=what.replace(" ", "-")))
        return plant

    return register


@pytest.fixture(scope="module")
def table():
    rows = []
    yield rows
    (ROOT / "build").mkdir(exist_ok=True)
    lines = [f"{i:3d}. {what}\n     -> {said}\n     left: {left}" for i, (what, said, left) in enumerate(rows, 1)]
    (ROOT / "build/faults.txt").write_text("\n".join(lines) + "\n")


class Place:
    """What a planted fault works with: the notebook's definitions, pytest's monkeypatch and a temporary folder."""

    def __init__(self, lib, monkeypatch, folder):
        self.lib, self.monkeypatch, self.folder = lib, monkeypatch, folder
        self.mirror = folder / "mirror"
        self.mirror.mkdir()
        monkeypatch.setattr(lib, "MIRROR", str(self.mirror))
        monkeypatch.setattr("time.sleep", lambda seconds: None)
        monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", self.send)
        self.answer = requests.ConnectionError("no network in this test")

    def send(self, adapter_or_request, request=None, **_):
        if isinstance(self.answer, Exception):
            raise self.answer
        response = requests.Response()
        response.status_code, headers, body = self.answer
        response.headers.update(headers)
        response.raw, response.url, response.request = io.BytesIO(body), "https://somewhere/x", adapter_or_request
        return response

    def archive(self, members, name="17flowers.tgz"):
        """A .tgz in the mirror of (TarInfo or name, bytes)."""
        with tarfile.open(self.mirror / name, "w:gz") as archive:
            for info, content in members:
                info = tarfile.TarInfo(info) if isinstance(info, str) else info
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return self.mirror / name

    def colour_set(self, **change):
        values = {"grey": torch.rand(6, 1, 8, 8), "labels": torch.zeros(6, 8, 8, dtype=torch.long)} | change
        return self.lib.ColourSet(**values)

    def train(self, dataset=None, **change):
        settings = {"batch_size": 2, "num_epochs": 1, "learning_rate": 1e-3, "seed": 0} | change
        net = self.lib.ConvTransposeNet(3, 4, 24, 1)
        dataset = dataset or self.colour_set()
        checkpoint = self.lib.OUTPUT_DIR / "run.pt"
        return self.lib.train_colourization(net, dataset, dataset, checkpoint=checkpoint, **settings)

    def horses(self, **change):
        arrays = {"x_train": np.zeros((600, 3, 32, 32), np.uint8), "x_test": np.zeros((120, 3, 32, 32), np.uint8)}
        arrays = {name: array for name, array in (arrays | change).items() if array is not None}
        np.savez_compressed(self.mirror / "cifar10_horses.npz", **arrays)
        return self.lib.load_horses()

    def splits(self, **change):
        splits = {name: np.arange(1, 5)[None] for name in ("trn2", "val2", "tst2")} | change
        path = self.folder / "datasplits.mat"
        scipy.io.savemat(path, {name: value for name, value in splits.items() if value is not None})
        return self.lib.read_splits(path)


def photo_names(count=60, name="jpg/image_{:04d}.jpg"):
    return [(name.format(i), b"") for i in range(1, count + 1)]


def image_bytes(image, kind="JPEG"):
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def special_member(kind, target="/etc/passwd"):
    info = tarfile.TarInfo("jpg/image_0001.jpg")
    info.type, info.linkname = kind, target
    return info


class Planted:
    """A pickle of this object makes a file when it is opened by an unpickler that lets it."""

    def __reduce__(self):
        return (open, ("/tmp/planted-by-a-test", "w"))


# --- downloads ---


@fault("no file, no network, empty mirror", r"cifar10_horses.npz could not be had.*no such file.*no network.*by hand")
def _(place):
    place.lib.load_horses()


@fault("the server does not know the file", r"404")
def _(place):
    place.answer = (404, {}, b"")
    place.lib.fetch("datasplits.mat", place.lib.read_splits)


@fault("the server stays busy", r"503")
def _(place):
    place.answer = (503, {}, b"")
    place.lib.fetch("datasplits.mat", place.lib.read_splits)


@fault("the server answers too slowly", r"timed out")
def _(place):
    place.answer = requests.ReadTimeout("the read timed out")
    place.lib.fetch("datasplits.mat", place.lib.read_splits)


@fault("an HTML page under the name of an archive", r"not a readable archive.*DOCTYPE.*removed")
def _(place):
    place.answer = (200, {}, HTML)
    place.lib.fetch("17flowers.tgz", place.lib.check_photos)


@fault("an HTML page under the name of the CIFAR archive", r"cifar-10-python.tar.gz.*does not match the known hash")
def _(place):
    place.answer = (200, {}, HTML)
    place.lib.load_horses()


@fault("an https address that redirects to plain http", r"leads to an address without https")
def _(place):
    place.answer = (301, {"Location": "http://elsewhere/datasplits.mat"}, b"")
    place.lib.fetch("datasplits.mat", place.lib.read_splits)


@fault("a redirection without end", r"redirects")
def _(place):
    place.answer = (301, {"Location": "https://somewhere/x"}, b"")
    place.lib.fetch("datasplits.mat", place.lib.read_splits)


@fault("a download that announces too many bytes", r"more than 0.1 MB")
def _(place):
    place.answer = (200, {"Content-Length": "10000000000"}, b"x")
    place.lib.fetch("datasplits.mat", place.lib.read_splits)


@fault("a download that has too many bytes and does not say so", r"more than 0.1 MB")
def _(place):
    place.answer = (200, {}, bytes(200_000))
    place.lib.fetch("datasplits.mat", place.lib.read_splits)


@fault("a file in the mirror that is too large", r"more than 0.1 MB")
def _(place):
    (place.mirror / "datasplits.mat").write_bytes(bytes(200_000))
    place.lib.fetch("datasplits.mat", place.lib.read_splits)


@fault("a folder in place of the file", r"datasplits.mat could not be had", kept=["datasplits.mat"])
def _(place):
    (place.lib.DATA_DIR / "datasplits.mat").mkdir(parents=True)
    place.lib.fetch("datasplits.mat", place.lib.read_splits)


@fault("a file in place of the data folder", r"cannot be written.*choose another A2_DATA")
def _(place):
    (place.folder / "file").write_text("")
    place.lib.check_folder(place.folder / "file" / "data", "A2_DATA")


@fault("a data folder without permission", r"cannot be written \(Permission denied\): choose another A2_OUTPUTS")
def _(place):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    place.monkeypatch.setattr(Path, "write_bytes", refuse)
    place.lib.check_folder(place.folder / "locked", "A2_OUTPUTS")


# --- archives ---


@fault("an archive cut short", r"not a readable archive")
def _(place):
    content = (ROOT / "data/sample/17flowers.tgz").read_bytes()
    (place.mirror / "17flowers.tgz").write_bytes(content[: len(content) // 2])
    place.lib.fetch("17flowers.tgz", place.lib.check_photos)


@fault("an archive with a byte changed", r"not a readable archive")
def _(place):
    content = bytearray((ROOT / "data/sample/17flowers.tgz").read_bytes())
    content[len(content) // 2] ^= 255
    (place.mirror / "17flowers.tgz").write_bytes(content)
    place.lib.fetch("17flowers.tgz", place.lib.check_photos)


@fault("an archive with too few photos", r"it has 59 photos, expected 60")
def _(place):
    place.archive(photo_names(59))
    place.lib.fetch("17flowers.tgz", place.lib.check_photos)


@fault("an archive with too few masks", r"it has 3 masks, expected 54 to 60")
def _(place):
    place.archive(photo_names(3, "trimaps/image_{:04d}.png"), "trimaps.tgz")
    place.lib.fetch("trimaps.tgz", place.lib.check_masks)


@fault("members whose names climb out of the folder", r"it has 0 photos")
def _(place):
    place.archive(photo_names(name="../../jpg/image_{:04d}.jpg"))
    place.lib.fetch("17flowers.tgz", place.lib.check_photos)


@fault("members with absolute names", r"it has 0 photos")
def _(place):
    place.archive(photo_names(name="/jpg/image_{:04d}.jpg"))
    place.lib.fetch("17flowers.tgz", place.lib.check_photos)


def register_special_member(what, kind):
    @fault(f"a {what} in place of a photo", r"it has 59 photos")
    def _(place):
        place.archive([(special_member(kind), b""), *photo_names()[1:]])
        place.lib.fetch("17flowers.tgz", place.lib.check_photos)


for what_it_is, member_type in (
    ("symbolic link", tarfile.SYMTYPE), ("hard link", tarfile.LNKTYPE), ("device", tarfile.CHRTYPE)
):  # fmt: skip
    register_special_member(what_it_is, member_type)


@fault("a bomb of tiny members", r"more than 10000 members")
def _(place):
    place.archive(photo_names(10_001, "x{}"))
    place.lib.fetch("17flowers.tgz", place.lib.check_photos)


@fault("a bomb of one huge member", r"unpacks to more than this data set can have")
def _(place):
    info = tarfile.TarInfo("jpg/image_0001.jpg")
    info.size = 2_000_000_000
    with gzip.open(place.mirror / "17flowers.tgz", "wb", compresslevel=1) as file:
        file.write(info.tobuf())
        for _ in range(110):
            file.write(bytes(10_000_000))
    place.lib.fetch("17flowers.tgz", place.lib.check_photos)


@fault("a huge header in an archive", r"unpacks to more than|not a readable archive")
def _(place):
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 50_000_000
    with gzip.open(place.folder / "x.tgz", "wb", compresslevel=1) as file:
        file.write(info.tobuf() + bytes(50_000_000))
    list(place.lib.read_archive(place.folder / "x.tgz", ".*", most_bytes=1e6))


# --- images ---


@fault("a photo cut short", r"not a readable image.*truncated")
def _(place):
    content = image_bytes(Image.effect_noise((64, 64), 50))
    place.lib.decode_image(content[: len(content) // 2])


@fault("a photo that is a text", r"not a readable image")
def _(place):
    place.lib.decode_image(HTML)


@fault("a photo of 30000x30000 pixels", r"not a readable image.*(30000x30000|exceeds limit)")
def _(place):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    place.lib.decode_image(png)


@fault("a mask of other colours", r"a mask has colours such as \(255, 255, 255\), which stand for nothing")
def _(place):
    place.lib.mask_labels(Image.new("RGB", (8, 8), "white"))


# --- horses, CIFAR, splits ---


@fault("a horse file cut short", r"not an .npz")
def _(place):
    (place.mirror / "cifar10_horses.npz").write_bytes((ROOT / "data/sample/cifar10_horses.npz").read_bytes()[:9999])
    place.lib.load_horses()


@fault("a horse file without test images", r"x_test is not a file in the archive")
def _(place):
    place.horses(x_test=None)


@fault("a horse file with too few images", r"x_train is uint8 \(5, 3, 32, 32\), expected uint8 \(600, 3, 32, 32\)")
def _(place):
    place.horses(x_train=np.zeros((5, 3, 32, 32), np.uint8))


@fault("a horse file of another type", r"x_test is float32")
def _(place):
    place.horses(x_test=np.zeros((120, 3, 32, 32), np.float32))


@fault("a horse file with pickled objects", r"Object arrays cannot be loaded")
def _(place):
    place.horses(x_test=np.array([Planted()], dtype=object))


@fault("a horse file whose member is no array", r"x_test is \|S\d+ \(\), expected uint8")
def _(place):
    with zipfile.ZipFile(place.mirror / "cifar10_horses.npz", "w") as archive:
        np.savez(buffer := io.BytesIO(), x_train=np.zeros((600, 3, 32, 32), np.uint8))
        archive.writestr("x_train.npy", zipfile.ZipFile(buffer).read("x_train.npy"))
        archive.writestr("x_test.npy", b"no array at all")
    place.lib.load_horses()


@fault("a horse file that unpacks to far too much", r"it unpacks to 302 MB")
def _(place):
    place.horses(x_test=np.zeros(300_000_000, np.uint8))


@fault("code in a CIFAR batch", r"data_batch_1 is no batch of CIFAR-10: it calls for (_?io|builtins).open")
def _(place):
    path = place.archive([("cifar-10-batches-py/data_batch_1", pickle.dumps(Planted()))])
    place.lib.extract_horses(path, place.folder / "horses.npz")


@fault("a CIFAR batch that is no pickle", r"data_batch_1 is no batch of CIFAR-10")
def _(place):
    place.lib.extract_horses(place.archive([("cifar-10-batches-py/data_batch_1", HTML)]), place.folder / "horses.npz")


@fault("a CIFAR archive without all batches", r"it has 1 of the 6 batches of CIFAR-10")
def _(place):
    batch = pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [7, 1]}, protocol=2)
    place.lib.extract_horses(place.archive([("cifar-10-batches-py/data_batch_1", batch)]), place.folder / "horses.npz")


@fault("a split file that is a text", r"not a readable .mat file")
def _(place):
    (place.mirror / "datasplits.mat").write_bytes(HTML)
    place.lib.fetch("datasplits.mat", place.lib.read_splits)


@fault("a split file without split 2", r"val2 is missing")
def _(place):
    place.splits(val2=None)


@fault("a split file that names unknown photos", r"tst2 is missing, or holds other things than photo numbers")
def _(place):
    place.splits(tst2=np.array([[1, 61]]))


@fault("a split file with NaN", r"tst2 is missing, or holds other things")
def _(place):
    place.splits(tst2=np.array([[1, np.nan]]))


@fault("a split file with objects", r"trn2 is missing, or holds other things")
def _(place):
    place.splits(trn2=np.array([[1, "two"]], dtype=object))


# --- checkpoints and weights ---


def damaged_checkpoint(place, damage):
    place.train()
    path = place.lib.OUTPUT_DIR / "run.pt"
    path.write_bytes(damage(path.read_bytes()))
    assert place.lib.load_checkpoint(path) is None


@fault("a checkpoint cut short", r"run.pt cannot be read .*starts afresh", kept=["run.damaged"])
def _(place):
    damaged_checkpoint(place, lambda content: content[:1000])


@fault("a checkpoint with one bit changed", r"run.pt cannot be read \(its content does not have", kept=["run.damaged"])
def _(place):
    damaged_checkpoint(place, lambda content: content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])


@fault("an empty checkpoint", r"run.pt cannot be read", kept=["run.damaged"])
def _(place):
    damaged_checkpoint(place, lambda content: b"")


@fault("a checkpoint with code in it", r"run.pt cannot be read .*[Ww]eights.only", kept=["run.damaged"])
def _(place):
    place.lib.save_checkpoint(place.lib.OUTPUT_DIR / "run.pt", {"net": Planted()})
    assert place.lib.load_checkpoint(place.lib.OUTPUT_DIR / "run.pt") is None


@fault(
    "a full disk while a checkpoint is written",
    r"cannot be written \(No space left .*make room",
    kept=["run.pt"],
)
def _(place):
    place.train()
    before = (place.lib.OUTPUT_DIR / "run.pt").read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    place.monkeypatch.setattr(os, "fsync", full)
    try:
        place.train(num_epochs=2)
    finally:
        assert (place.lib.OUTPUT_DIR / "run.pt").read_bytes() == before


@fault("a file in place of the outputs folder", r"cannot be written .*set A2_OUTPUTS to another folder")
def _(place):
    (place.folder / "file").write_text("")
    place.lib.save_checkpoint(place.folder / "file" / "run.pt", {})


@fault("pre-trained weights of another network", r"weights.pth is not a checkpoint of this network")
def _(place):
    torch.save({"other": torch.zeros(2)}, place.folder / "weights.pth")
    place.lib.load_weights(torch.nn.Linear(2, 2), place.folder / "weights.pth")


@fault("pre-trained weights with code in them", r"weights.pth is not a checkpoint of this network.*[Ww]eights.only")
def _(place):
    torch.save(Planted(), place.folder / "weights.pth")
    place.lib.load_weights(torch.nn.Linear(2, 2), place.folder / "weights.pth")


@fault("pre-trained weights that are an HTML page", r"its SHA-256 is .*, which does not begin as its name ends")
def _(place):
    name = place.lib.SEGMENTATION_NETS["mobilenet_v3_large"][1].url.split("/")[-1]
    (place.mirror / name).write_bytes(HTML)
    place.lib.load_pretrained("mobilenet_v3_large")


# --- settings and input ---


def settings_from_outside(place, **settings):
    for name, value in settings.items():
        place.monkeypatch.setenv(name, value)
    run_untagged_cells("a2_cnn_with_a_fault")


@fault("an unknown profile", r"A2_PROFILE is 'ful': it must be 'full' or 'sample'")
def _(place):
    settings_from_outside(place, A2_PROFILE="ful")


@fault("an unknown backbone", r"A2_BACKBONE is 'vgg16': resnet101, resnet50")
def _(place):
    settings_from_outside(place, A2_PROFILE="sample", A2_BACKBONE="vgg16")


@fault("grey images in place of colour images", r"uint8 \(4, 1, 32, 32\), expected uint8 \[N, 3, H, W\]")
def _(place):
    place.lib.prepare_colour_set(np.zeros((4, 1, 32, 32), np.uint8))


@fault("images of floats", r"the images are float64")
def _(place):
    place.lib.prepare_colour_set(np.zeros((4, 3, 32, 32)))


@fault("no images", r"expected \[N, 1, H, W\] and \[N, H, W\] with N at least 1")
def _(place):
    place.train(place.colour_set(grey=torch.zeros(0, 1, 8, 8), labels=torch.zeros(0, 8, 8, dtype=torch.long)))


@fault("fewer labels than images", r"grey is \(6, 1, 8, 8\) and labels \(5, 8, 8\)")
def _(place):
    place.train(place.colour_set(labels=torch.zeros(5, 8, 8, dtype=torch.long)))


@fault("labels beyond the palette", r"labels are torch.int64 from 24 to 24, expected int64 from 0 to 23")
def _(place):
    place.train(place.colour_set(labels=torch.full((6, 8, 8), 24)))


@fault("NaN in the input", r"grey has values that are not finite")
def _(place):
    place.train(place.colour_set(grey=torch.full((6, 1, 8, 8), float("nan"))))


@fault("batches of zero images", r"batch_size=0 .*must be at least 1")
def _(place):
    place.train(batch_size=0)


@fault("zero epochs", r"num_epochs=0 must be at least 1")
def _(place):
    place.train(num_epochs=0)


@fault("a negative learning rate", r"learning_rate=-0.1 between 0 and 1")
def _(place):
    place.train(learning_rate=-0.1)


@fault("a loss that becomes infinite", r"the loss of epoch 1 is (nan|inf): is learning_rate=0.9 too high\?")
def _(place):
    place.monkeypatch.setattr(place.lib.F, "cross_entropy", lambda logits, *_, **__: logits.sum() * float("inf"))
    place.train(learning_rate=0.9)


@fault("an image of odd size", r"shape \(1, 1, 30, 32\), expected \[B, C, H, W\] with H and W multiples of 4")
def _(place):
    place.lib.UNet(3, 4, 24, 1)(torch.zeros(1, 1, 30, 32))


@fault("an even kernel where padding is symmetric", r"kernel is 4: .*only an odd one keeps the size")
def _(place):
    place.lib.PoolUpsampleNet(4, 4, 24, 1)


@fault("a kernel of no size", r"kernel is 0: a whole number of at least 1")
def _(place):
    place.lib.ConvTransposeNet(0, 4, 24, 1)


@fault("pixels without a nearest colour", r"a NaN or an infinity has no nearest colour")
def _(place):
    place.lib.get_rgb_cat(np.full((1, 3, 2, 2), np.inf), place.lib.COLOURS)


@fault("an empty palette", r"expected \[K, 3\] with K at least 1")
def _(place):
    place.lib.get_rgb_cat(np.zeros((1, 3, 2, 2)), np.zeros((0, 3)))


@fault("a label without a colour", r"labels run from 24 to 24, but there are 24 colours")
def _(place):
    place.lib.get_cat_rgb(np.array([24]), place.lib.COLOURS)


@fault("the void handed to the IoU loss as a class", r"gt has values from 255 to 255, expected 0 or 1")
def _(place):
    place.lib.compute_iou_loss(torch.zeros(1, 2, 4, 4), torch.full((1, 4, 4), 255))


@fault("a mask of another size than its logits", r"are not \[B, 2, H, W\] and \[B, H, W\]")
def _(place):
    place.lib.compute_iou_loss(torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 5))


@fault("an unknown loss", r"loss is 'dice', expected 'cross_entropy' or 'iou'")
def _(place):
    place.lib.segmentation_loss(torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 4), "dice")


@fault("no photos to train on", r"the numbers of photos must all be at least 1")
def _(place):
    none = np.array([], dtype=int)
    protocol = place.lib.Protocol("handout", none, none, none, 0, "thresholded_iou")
    settings = {"batch_size": 2, "num_epochs": 1, "learning_rate": 0.1, "centred": True, "bias_factor": 1, "seed": 0}
    place.lib.train_segmentation(None, None, None, protocol, "iou", checkpoint=None, **settings)


@pytest.mark.parametrize(("what", "plant", "message", "kept"), FAULTS)
def test_a_planted_fault_is_named_and_leaves_nothing_broken(
    lib, monkeypatch, tmp_path, capsys, table, what, plant, message, kept
):
    place = Place(lib, monkeypatch, tmp_path)
    try:
        plant(place)
        said = capsys.readouterr().out
    except (OSError, ValueError, FloatingPointError) as error:
        said = f"{type(error).__name__}: {error}"
    said = " ".join(said.split()).replace(str(tmp_path), "...")
    left = {path.name for folder in (lib.DATA_DIR, lib.OUTPUT_DIR) if folder.exists() for path in folder.iterdir()}
    table.append((what, said, ", ".join(sorted(left)) or "nothing"))
    assert re.search(message, said), said
    assert left == kept
    assert not Path("/tmp/planted-by-a-test").exists()


def test_there_are_at_least_forty_faults():
    assert len(FAULTS) >= 40


def test_no_mutated_file_runs_code_hangs_or_ends_in_another_error():
    """A short form of `python tests/fuzz_readers.py 10000`."""
    command = [sys.executable, ROOT / "tests/fuzz_readers.py", "390", "1"]
    fuzzed = subprocess.run(command, capture_output=True, text=True)
    assert fuzzed.returncode == 0, fuzzed.stdout + fuzzed.stderr
