"""Getting the files: from the data folder, the mirror or the official address, and what can be wrong with each."""

import errno
import functools
import hashlib
import http.server
import os
import pickle
import shutil
import threading
from unittest.mock import Mock

import numpy as np
import pytest
import torchvision
from conftest import MIRROR, ROOT
from notebook import code_cells, execute

GOOD = b"good" * 5000
GOOD_MD5 = hashlib.md5(GOOD).hexdigest()
FULL_DISK = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def web(tmp_path):
    """The address of a server that has thing.bin in several folders, good or not."""
    for kind, content in {"good": GOOD, "other": GOOD[::-1], "html": b"<!DOCTYPE html><html>Moved"}.items():
        (tmp_path / "web" / kind).mkdir(parents=True)
        (tmp_path / "web" / kind / "thing.bin").write_bytes(content)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "web")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def fetch_thing(lib, monkeypatch):
    """fetch_thing(official address, its MD5): what `fetch` reads of the resource thing.bin, which should be GOOD."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between two tries

    def read(path):
        if path.read_bytes() != GOOD:
            raise ValueError("not the thing")
        return "the thing"

    def fetch_thing(official="", md5=None):
        monkeypatch.setitem(lib.RESOURCES, "thing.bin", (official, md5))
        return lib.fetch("thing.bin", read)

    return fetch_thing


@pytest.fixture
def mirror(lib, tmp_path, monkeypatch):
    """An empty folder as the mirror, and no official addresses."""
    (tmp_path / "mirror").mkdir()
    monkeypatch.setattr(lib, "MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setattr(lib, "RESOURCES", {name: ("", md5) for name, (_, md5) in lib.RESOURCES.items()})
    return tmp_path / "mirror"


@pytest.mark.parametrize(
    ("place", "md5"),
    [("data folder", "0" * 32), ("data folder", GOOD_MD5), ("mirror", None), ("official address", None)],
)
def test_the_first_place_that_has_a_file_gives_it_and_its_origin_is_kept(
    lib, fetch_thing, web, monkeypatch, capsys, place, md5
):
    if place == "data folder":
        (lib.DATA_DIR / "thing.bin").write_bytes(GOOD)
    monkeypatch.setattr(lib, "MIRROR", "" if place == "official address" else f"{web}/good")
    assert fetch_thing(f"{web}/good/thing.bin?official", md5) == "the thing"
    official = place == "official address" or md5 == GOOD_MD5
    assert f"from the {place}, {'official' if official else 'judged by its content'}\n" in capsys.readouterr().out
    record = {"sha256": hashlib.sha256(GOOD).hexdigest(), "official": official}
    assert lib.FILES["thing.bin"] == record and os.listdir(lib.DATA_DIR) == ["thing.bin"]


@pytest.mark.parametrize("kind", ["html", "other", "absent"])
def test_a_damaged_file_and_a_bad_mirror_give_way_to_the_official_address(lib, fetch_thing, web, monkeypatch, kind):
    (lib.DATA_DIR / "thing.bin").write_bytes(GOOD[:100])
    monkeypatch.setattr(lib, "MIRROR", f"{web}/{kind}/")
    assert fetch_thing(f"{web}/good/thing.bin", GOOD_MD5) == "the thing"
    assert (lib.DATA_DIR / "thing.bin").read_bytes() == GOOD and os.listdir(lib.DATA_DIR) == ["thing.bin"]


@pytest.mark.parametrize(
    ("kind", "md5", "reason"),
    [("other", GOOD_MD5, "hash"), ("absent", None, "404"), ("html", None, "begins with b'<!DOCTYPE html><'; removed")],
)
def test_what_cannot_be_had_is_told_and_leaves_nothing(lib, fetch_thing, web, monkeypatch, kind, md5, reason):
    monkeypatch.setattr(lib, "MIRROR", "/nowhere")
    with pytest.raises(FileNotFoundError) as error:
        fetch_thing(f"{web}/{kind}/thing.bin", md5)
    places = (f"{lib.DATA_DIR}/thing.bin", "/nowhere/thing.bin", f"{web}/{kind}/thing.bin")
    for part in ("thing.bin could not be had", *places, reason, f"by hand into {lib.DATA_DIR.resolve()}", "A2_MIRROR"):
        assert part in str(error.value)
    assert os.listdir(lib.DATA_DIR) == [] and not lib.FILES


def test_the_samples_files_load(lib, mirror, monkeypatch):
    monkeypatch.setattr(lib, "MIRROR", str(ROOT / "data/sample"))
    assert [images.shape for images in lib.load_horses()] == [(600, 3, 32, 32), (120, 3, 32, 32)]
    flowers, _ = lib.load_flowers()
    assert flowers.photos.shape == (54, 3, 128, 128) and set(flowers.masks.unique().tolist()) == {0, 1, 255}


@pytest.mark.skipif(not (MIRROR / "cifar10_horses.npz").exists(), reason="A2_MIRROR has no cifar10_horses.npz")
def test_the_real_horses_load(lib, mirror, monkeypatch):
    monkeypatch.setattr(lib, "MIRROR", str(MIRROR))
    monkeypatch.setattr(lib, "HORSE_COUNTS", {"train": 5000, "test": 1000})
    assert [images.shape for images in lib.load_horses()] == [(5000, 3, 32, 32), (1000, 3, 32, 32)]


HORSES = {"x_train": np.zeros((600, 3, 32, 32), np.uint8), "x_test": np.zeros((120, 3, 32, 32), np.uint8)}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"x_test": HORSES["x_test"][1:]}, "uint8 images (119, 3, 32, 32), expected uint8 (120, 3, 32, 32)"),
        ({"x_train": np.float32(HORSES["x_train"])}, "float32 images (600, 3, 32, 32), expected uint8"),
        ({"x_test": np.array([{}])}, "Object arrays cannot be loaded"),
    ],
)
def test_horses_of_another_number_or_type_are_refused(lib, mirror, change, reason):
    np.savez(mirror / "cifar10_horses.npz", **HORSES | change)
    with pytest.raises(FileNotFoundError) as error:
        lib.fetch("cifar10_horses.npz", lib.read_horses)
    assert reason in str(error.value) and os.listdir(lib.DATA_DIR) == []


def test_horses_are_taken_from_the_official_archive_in_its_order(lib, mirror, monkeypatch):
    """A small archive in the official layout: in each batch of 20, image i has class i % 10."""
    rng, folder, cifar = np.random.default_rng(0), mirror / "cifar-10-batches-py", torchvision.datasets.CIFAR10
    names, batches = [f"data_batch_{i}" for i in range(1, 6)], {}
    folder.mkdir()
    for name in ("batches.meta", "test_batch", *names[::-1]):
        batches[name] = rng.integers(0, 256, (20, 3072), dtype=np.uint8)
        content = {"data": batches[name], "labels": [i % 10 for i in range(20)], "label_names": [*"0123456789"]}
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    shutil.make_archive(mirror / "cifar-10-python", "gztar", mirror, folder.name)
    md5 = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in mirror.rglob("*") if path.is_file()}
    monkeypatch.setattr(cifar, "tgz_md5", md5["cifar-10-python.tar.gz"])
    monkeypatch.setattr(cifar, "train_list", [[name, md5[name]] for name in names])
    monkeypatch.setattr(cifar, "test_list", [["test_batch", md5["test_batch"]]])
    monkeypatch.setattr(cifar, "meta", cifar.meta | {"md5": md5["batches.meta"]})
    monkeypatch.setattr(lib, "HORSE_COUNTS", {"train": 10, "test": 2})
    expected = [np.concatenate([batches[name][[7, 17]] for name in names]), batches["test_batch"][[7, 17]]]
    assert all(map(np.array_equal, lib.load_horses(), [images.reshape(-1, 3, 32, 32) for images in expected]))
    shutil.rmtree(mirror)
    assert len(lib.load_horses()[0]) == 10  # from the horses' own file now


@pytest.mark.parametrize("fault", ["no permission", "a file in its place"])
@pytest.mark.parametrize(("folder", "setting"), [("DATA_DIR", "A2_DATA"), ("OUTPUT_DIR", "A2_OUTPUTS")])
def test_an_unusable_folder_is_told_with_the_setting_that_moves_it(lib, tmp_path, monkeypatch, fault, folder, setting):
    monkeypatch.setattr(lib, folder, tmp_path / "folder")
    if fault == "no permission":
        monkeypatch.setattr(os, "makedirs", Mock(side_effect=PermissionError()))
    else:
        (tmp_path / "folder").touch()
    with pytest.raises(OSError, match=f"{tmp_path}/folder.*{setting}"):
        execute([cell for cell in code_cells() if cell.id == "folders"], dict(vars(lib)))


def test_a_full_disk_under_a_download_is_told_with_its_setting(lib, fetch_thing, monkeypatch):
    monkeypatch.setattr(shutil, "copyfile", Mock(side_effect=FULL_DISK))
    with pytest.raises(OSError, match=r"(?s)No space left on device.*A2_DATA"):
        fetch_thing()


@pytest.mark.parametrize("error", [FULL_DISK, RuntimeError("PytorchStreamWriter failed\nat somewhere")])
def test_a_full_disk_under_a_checkpoint_is_one_line_and_the_old_one_is_kept(lib, monkeypatch, error):
    def write_half(state, target):
        target.write_bytes(b"half")
        raise error

    path = lib.OUTPUT_DIR / "run.pt"
    lib.save_checkpoint(path, {"epoch": 1})
    monkeypatch.setattr("torch.save", write_half)
    with pytest.raises(OSError, match=r"^[^\n]+run.pt cannot be written \([^\n]+A2_OUTPUTS[^\n]+$"):
        lib.save_checkpoint(path, {"epoch": 2})
    assert lib.load_checkpoint(path) == {"epoch": 1}
    assert [path.name for path in lib.OUTPUT_DIR.iterdir()] == ["run.pt"]
