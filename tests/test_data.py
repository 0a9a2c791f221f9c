"""Getting the files from their places, and what can be wrong with each."""

import hashlib
import http.server
import io
import tarfile
import threading
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.io
from conftest import ROOT
from PIL import Image

SAMPLE = ROOT / "data/sample"
GOOD = (SAMPLE / "datasplits.mat").read_bytes()
HTML = b"\n<!DOCTYPE html><html>Moved</html>"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n"
SERVED = {"good": GOOD, "html": HTML, "cut": GOOD[:-10]}  # folder: what it has under every name


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        content = SERVED.get(self.path.split("/")[1])
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def web():
    """The address of a server with the folders of SERVED, and no other."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("mirror", ["", "a folder", "good", "nothing"])
@pytest.mark.parametrize("there", [False, True])
def test_the_first_place_that_has_a_file_gives_it(lib, web, tmp_path, monkeypatch, mirror, there):
    monkeypatch.setitem(lib.MD5, "datasplits.mat", hashlib.md5(GOOD).hexdigest())
    (tmp_path / "datasplits.mat").write_bytes(GOOD)
    folder = str(tmp_path) if mirror == "a folder" else f"{web}/{mirror}"
    monkeypatch.setattr(lib, "MIRROR", mirror and folder)
    if there:
        (lib.DATA_DIR / "datasplits.mat").write_bytes(GOOD)
    official = f"{web}/good" if mirror in ("", "nothing") and not there else f"{web}/html"
    assert "trn2" in lib.fetch("datasplits.mat", lib.read_splits, official)
    assert lib.FILES == [lib.DATA_DIR / "datasplits.mat"]
    assert lib.FILES[0].read_bytes() == GOOD


@pytest.mark.parametrize(("kind", "reason"), [
    ("html", "MD5"), ("cut", "MD5"), ("absent", "404"),
])  # fmt: skip
def test_an_official_download_that_is_not_the_official_one_is_refused_with_every_place(
    lib, web, tmp_path, monkeypatch, kind, reason
):
    monkeypatch.setitem(lib.MD5, "datasplits.mat", hashlib.md5(GOOD).hexdigest())
    monkeypatch.setattr(lib, "MIRROR", str(tmp_path))
    with pytest.raises(FileNotFoundError) as error:
        lib.fetch("datasplits.mat", lib.read_splits, f"{web}/{kind}")
    advice = f"Put datasplits.mat into {lib.DATA_DIR}", "A2_MIRROR"
    for part in (f"{tmp_path}/datasplits.mat", f"{web}/{kind}/datasplits.mat", reason, *advice):
        assert part in str(error.value)
    assert not (lib.DATA_DIR / "datasplits.mat").exists() and not lib.FILES


def npz(train, test):
    content = io.BytesIO()
    np.savez(content, x_train=train, x_test=test)
    return content.getvalue()


def archive(name, ending="jpg", source="trimaps.tgz"):
    """The sample's masks or photos, under names and in a coding of their own."""
    content = io.BytesIO()
    with tarfile.open(SAMPLE / source) as old, tarfile.open(fileobj=content, mode="w:gz") as new:
        images = [member for member in old if member.isfile()]
        for number, member in enumerate(images):
            image = io.BytesIO()
            Image.open(old.extractfile(member)).convert("RGB").save(image, ending.upper()[:4])
            info = tarfile.TarInfo(name.format(number))
            info.size = len(image.getvalue())
            image.seek(0)
            new.addfile(info, image)
    return content.getvalue()


def mat(**lists):
    content = io.BytesIO()
    scipy.io.savemat(content, lists)
    return content.getvalue()


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


IMAGES = np.zeros((40, 3, 32, 32), np.uint8)
HORSES = "cifar10_horses.npz"
WRONG = {  # what it is: (file, content, a word of what is told)
    "horses as floats": (HORSES, npz(IMAGES / 255, IMAGES), "float64"),
    "horses, channels last": (HORSES, npz(IMAGES.transpose(0, 2, 3, 1), IMAGES), "32, 32, 3"),
    "too few horses": (HORSES, npz(IMAGES, IMAGES), "5000"),
    "no horses": (HORSES, HTML, ""),
    "a pointer": (HORSES, LFS, ""),
    "masks as JPEGs": ("trimaps.tgz", archive("x/image_{:04}.jpg", "jpeg"), "colours"),
    "photos for masks": (
        "trimaps.tgz", archive("x/image_{:04}.png", "png", "17flowers.tgz"), "colours",
    ),
    "photos with other names": ("17flowers.tgz", archive("x/{}.jpeg", "jpeg"), "image_0001"),
    "cut photos": ("17flowers.tgz", (SAMPLE / "17flowers.tgz").read_bytes()[:-999], ""),
    "damaged photos": ("17flowers.tgz", flipped((SAMPLE / "17flowers.tgz").read_bytes()), ""),
    "splits without split 2": ("datasplits.mat", mat(trn1=[1], val1=[2], tst1=[3]), "trn2"),
    "a page for weights": ("net.pth", HTML, ""),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_file_of_the_wrong_content_is_refused_with_its_name_and_advice_and_stays(
    lib, monkeypatch, what
):
    name, content, word = WRONG[what]
    monkeypatch.setattr(lib, "PROFILE", "full")  # the sample has fewer horses
    readers = {HORSES: lib.read_horses, "trimaps.tgz": lib.read_masks, "net.pth": lib.read_tensors}
    readers["17flowers.tgz"] = partial(lib.read_images, prepare_image=lib.prepare_photo)
    readers["datasplits.mat"] = lib.read_splits
    path = lib.DATA_DIR / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match="Move it away, and put the right one there") as error:
        lib.fetch(name, readers[name])
    assert str(path) in str(error.value) and word in str(error.value)
    assert path.read_bytes() == content and not lib.FILES


def test_horses_are_taken_from_cifar_10_in_its_order_and_kept(lib, monkeypatch):
    rng = np.random.default_rng(0)
    pixels = {
        train: rng.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8) for train in (True, False)
    }

    def cifar(folder, train, download):  # image i has class i % 10
        return SimpleNamespace(data=pixels[train], targets=[*range(10), *range(10)])

    monkeypatch.setattr("torchvision.datasets.CIFAR10", cifar)
    horses = [pixels[train][[7, 17]].transpose(0, 3, 1, 2) for train in (True, False)]
    assert all(map(np.array_equal, lib.load_horses(), horses))
    monkeypatch.setattr("torchvision.datasets.CIFAR10", None)
    assert all(map(np.array_equal, lib.load_horses(), horses))
