"""Getting the files from their places, and what can be wrong with each."""

import gzip
import hashlib
import http.server
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch

GOOD, OTHER = (gzip.compress(np.random.default_rng(i).bytes(5000), mtime=0) for i in (0, 1))
GOOD_MD5 = "md5:" + hashlib.md5(GOOD).hexdigest()
SERVED = {  # folder: what it has under every name
    "good": GOOD,
    "other": OTHER,
    "html": b"\n<!DOCTYPE html><html>Moved</html>",
    "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n",
    "cut": GOOD[:-10],
    "zipped": GOOD,
}


def short_id(value):
    """A test's id without the hash, which differs where zlib does; None: pytest's own."""
    return "right md5" if value == GOOD_MD5 else None


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind = self.path.split("/")[1]
        content = SERVED.get(kind)
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(GOOD if kind == "cut" else content or b"")))
        if kind == "zipped" and "gzip" in self.headers.get("Accept-Encoding", ""):
            self.send_header("Content-Encoding", "gzip")  # as some servers call a .tgz
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


def read_thing(path):
    if path.read_bytes() != GOOD:
        raise ValueError("not the thing")
    return "the thing"


@pytest.fixture
def fetch_thing(lib, monkeypatch):
    """fetch_thing(official folder, MD5): what `fetch` reads of thing.tgz, which should be GOOD."""

    def fetch_thing(official="", md5=None):
        monkeypatch.setitem(lib.URLS, "thing.tgz", official)
        if md5:
            monkeypatch.setitem(lib.CHECKSUMS, "thing.tgz", md5)
        return lib.fetch("thing.tgz", read_thing)

    return fetch_thing


@pytest.mark.parametrize(
    ("place", "md5", "official"),
    [
        ("data folder", "md5:" + 32 * "0", False),
        ("data folder", GOOD_MD5, True),
        ("mirror folder", None, False),
        ("mirror URL", GOOD_MD5, True),
        ("official address", GOOD_MD5, True),
        ("official address that zips", GOOD_MD5, True),
    ],
    ids=short_id,
)
def test_the_first_place_that_has_a_file_gives_it_and_its_origin_is_kept(
    lib, fetch_thing, web, tmp_path, monkeypatch, capsys, place, md5, official
):
    folder = lib.DATA_DIR if place == "data folder" else tmp_path
    (folder / "thing.tgz").write_bytes(GOOD)
    mirrors = {"mirror folder": f"{tmp_path}", "mirror URL": f"{web}/good/"}
    monkeypatch.setattr(lib, "MIRROR", mirrors.get(place, ""))
    address = f"{web}/zipped" if "zips" in place else f"{web}/good"
    assert fetch_thing(address if "official" in place else f"{web}/other", md5) == "the thing"
    words = "official" if official else "judged by its content"
    assert f"thing.tgz: {words}\n" in capsys.readouterr().out
    sha256 = hashlib.sha256(GOOD).hexdigest()
    assert lib.FILES["thing.tgz"] == {"sha256": sha256, "official": official}
    assert [path.name for path in lib.DATA_DIR.iterdir()] == ["thing.tgz"]


@pytest.mark.parametrize("kind", ["html", "lfs", "other", "cut", "absent"])
def test_a_persons_bad_file_is_kept_aside_and_a_bad_mirror_gives_way(
    lib, fetch_thing, web, monkeypatch, kind
):
    (lib.DATA_DIR / "thing.tgz").write_bytes(GOOD[:100])
    monkeypatch.setattr(lib, "MIRROR", f"{web}/{kind}")
    assert fetch_thing(f"{web}/good", GOOD_MD5) == "the thing"
    files = {path.name: path.read_bytes() for path in lib.DATA_DIR.iterdir()}
    assert files == {"thing.tgz": GOOD, "thing.tgz.damaged": GOOD[:100]}


@pytest.mark.parametrize(
    ("kind", "md5", "reason"),
    [
        ("other", GOOD_MD5, "hash"),
        ("other", None, "not the thing"),
        ("html", None, "web page"),
        ("lfs", None, "version https://git"),
        ("cut", None, "IncompleteRead"),
        ("absent", None, "404"),
    ],
    ids=short_id,
)
def test_what_cannot_be_had_is_told_with_every_place_and_leaves_nothing(
    lib, fetch_thing, web, tmp_path, monkeypatch, kind, md5, reason
):
    (tmp_path / "thing.tgz").mkdir()  # a place that cannot be read
    monkeypatch.setattr(lib, "MIRROR", str(tmp_path))
    with pytest.raises(FileNotFoundError) as error:
        fetch_thing(f"{web}/{kind}", md5)
    told = str(error.value)
    places = [lib.DATA_DIR / "thing.tgz", tmp_path / "thing.tgz", f"{web}/{kind}/thing.tgz"]
    advice = [f"into {lib.DATA_DIR.resolve()}", "A2_MIRROR"]
    for part in (*map(str, places), reason, *advice):
        assert part in told
    assert max(map(len, told.splitlines())) < 400
    assert not list(lib.DATA_DIR.iterdir()) and not lib.FILES


def test_weights_whose_digest_is_not_that_of_their_name_are_refused(lib, monkeypatch):
    torch.save({"weight": torch.zeros(1)}, lib.DATA_DIR / "net.pth")
    content = (lib.DATA_DIR / "net.pth").read_bytes()
    for digest in (hashlib.sha256(content).hexdigest()[:8], "0123abcd"):
        name = f"net-{digest}.pth"
        (lib.DATA_DIR / name).write_bytes(content)
        monkeypatch.setitem(lib.URLS, name, "")
        if digest != "0123abcd":
            lib.fetch(name)
            continue
        with pytest.raises(FileNotFoundError, match=f"{name}.*SHA-256"):
            lib.fetch(name)


def test_what_a_checkpoint_lacks_is_told_in_short_lines_and_the_file_is_kept(lib, monkeypatch):
    for name, value in {
        "PROFILE": "full",
        "BACKBONE": "mobilenet_v2",
        "WEIGHTS": "net.pth",
    }.items():
        monkeypatch.setattr(lib, name, value)
    monkeypatch.setitem(lib.URLS, "net.pth", "")
    torch.save({"module.weight": torch.zeros(1)}, lib.DATA_DIR / "net.pth")
    with pytest.raises(FileNotFoundError, match="Missing key") as error:
        lib.load_segmentation_net(None)
    assert max(map(len, str(error.value).splitlines())) < 400
    assert [path.name for path in lib.DATA_DIR.iterdir()] == ["net.pth.damaged"]


def test_horses_of_another_number_are_refused_outside_the_sample(lib, tmp_path, monkeypatch):
    images = np.zeros((600, 3, 32, 32), np.uint8)
    np.savez(tmp_path / "horses.npz", x_train=images, x_test=images[:120])
    assert [len(part) for part in lib.read_horses(tmp_path / "horses.npz")] == [600, 120]
    monkeypatch.setattr(lib, "PROFILE", "full")
    with pytest.raises(ValueError, match="600"):
        lib.read_horses(tmp_path / "horses.npz")


def test_horses_are_taken_from_cifar_10_in_its_order_and_kept(lib, monkeypatch):
    rng = np.random.default_rng(0)
    pixels = {
        train: rng.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8) for train in (True, False)
    }

    def cifar(folder, train, download):  # image i has class i % 10
        return SimpleNamespace(data=pixels[train], targets=[*range(10), *range(10)])

    monkeypatch.setattr(lib, "CIFAR10", cifar)
    horses = [pixels[train][[7, 17]].transpose(0, 3, 1, 2) for train in (True, False)]
    assert all(map(np.array_equal, lib.load_horses(), horses))
    monkeypatch.setattr(lib, "CIFAR10", None)
    assert all(map(np.array_equal, lib.load_horses(), horses))
