"""Getting the files from their places, and what can be wrong with each."""

import io
from hashlib import md5
from types import SimpleNamespace

import numpy as np
import pytest
from cells import ROOT

SAMPLE, NAME = ROOT / "data/sample", "datasplits.mat"
GOOD = (SAMPLE / NAME).read_bytes()


@pytest.fixture
def places(lib, tmp_path, monkeypatch):
    """Folders that have NAME, good or not, by their addresses."""
    monkeypatch.setitem(lib.MD5, NAME, md5(GOOD).hexdigest())
    for folder, content in (("good", GOOD), ("cut", GOOD[:-9]), ("html", b"<html>")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / NAME).write_bytes(content)
    return tmp_path.as_uri()


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("mirror", ["", "good", "no"])
def test_the_first_place_that_has_a_file_gives_it(lib, places, monkeypatch, mirror, there):
    monkeypatch.setattr(lib, "MIRROR", mirror and f"{places}/{mirror}")
    if there:
        (lib.DATA_DIR / NAME).write_bytes(GOOD)
    official = "html" if there or mirror == "good" else "good"
    assert "trn2" in lib.fetch(NAME, lib.read_splits, f"{places}/{official}")
    assert lib.FILES == [lib.DATA_DIR / NAME] and lib.FILES[0].read_bytes() == GOOD


@pytest.mark.parametrize(("kind", "reason"), [("html", "MD5"), ("cut", "MD5"), ("no", "No such")])
def test_an_official_download_that_is_not_the_official_one_is_refused_with_every_place(
    lib, places, tmp_path, monkeypatch, kind, reason
):
    monkeypatch.setattr(lib, "MIRROR", str(tmp_path / "no"))
    with pytest.raises(FileNotFoundError) as error:
        lib.fetch(NAME, lib.read_splits, f"{places}/{kind}")
    told = f"{places}/no/{NAME}", f"{places}/{kind}/{NAME}", reason, "A2_MIRROR"
    for part in (*told, f"Put {NAME} into {lib.DATA_DIR}"):
        assert part in str(error.value)
    assert not (lib.DATA_DIR / NAME).exists() and not lib.FILES


def npz(**arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


IMAGES, HORSES = np.zeros((40, 3, 32, 32), np.uint8), "cifar10_horses.npz"
PHOTOS = (SAMPLE / "17flowers.tgz").read_bytes()
FLIPPED = PHOTOS[:90_000] + bytes([PHOTOS[90_000] ^ 4]) + PHOTOS[90_001:]
WRONG = {  # what it is: (file, content, a word of what is told)
    "horses as floats": (HORSES, npz(x_train=IMAGES / 255, x_test=IMAGES), "float64"),
    "too few horses": (HORSES, npz(x_train=IMAGES, x_test=IMAGES), "5000"),
    "a web page": (HORSES, b"\n<!DOCTYPE html><html>Moved</html>", ""),
    "photos for masks": ("trimaps.tgz", PHOTOS, "colours"),
    "damaged photos": ("17flowers.tgz", FLIPPED, ""),
    "a page for weights": ("net.pth", b"<html>", ""),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_file_of_the_wrong_content_is_refused_with_its_name_and_advice_and_stays(
    lib, monkeypatch, what
):
    name, content, word = WRONG[what]
    monkeypatch.setattr(lib, "PROFILE", "full")  # the sample has fewer horses
    readers = {HORSES: lib.read_horses, "trimaps.tgz": lib.read_masks, "net.pth": lib.read_tensors}
    readers["17flowers.tgz"] = lib.read_photos
    path = lib.DATA_DIR / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match="Move it away, and put the right one there") as error:
        lib.fetch(name, readers[name])
    assert str(path) in str(error.value) and word in str(error.value)
    assert path.read_bytes() == content and not lib.FILES


def test_horses_are_taken_from_cifar_10_in_its_order_and_kept(lib, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 20, 32, 32, 3), dtype=np.uint8)

    def cifar(folder, train, download):  # image i has class i % 10
        return SimpleNamespace(data=pixels[int(train)], targets=[*range(10), *range(10)])

    monkeypatch.setattr("torchvision.datasets.CIFAR10", cifar)
    horses = [pixels[part][[7, 17]].transpose(0, 3, 1, 2) for part in (1, 0)]
    assert all(map(np.array_equal, lib.load_horses(), horses))
    monkeypatch.setattr("torchvision.datasets.CIFAR10", None)
    assert all(map(np.array_equal, lib.load_horses(), horses))
