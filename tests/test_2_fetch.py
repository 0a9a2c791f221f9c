"""Fetching data: folder, mirror, official address; and what happens when something is wrong with a file."""

import concurrent.futures
import hashlib
import http.server
import io
import pickle
import tarfile
import threading

import numpy as np
import pytest

GOOD = bytes(range(256)) * 40
GOOD_HASH = "sha256:" + hashlib.sha256(GOOD).hexdigest()
HTML = b"<!DOCTYPE html><html><body>301 Moved Permanently</body></html>"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        kind = self.path.strip("/").split("/")[0]
        if kind == "busy" and self.server.busy:
            self.server.busy -= 1
            return self.send_error(503)
        body = {"busy": GOOD, "good": GOOD, "wrong": GOOD[::-1], "html": HTML, "cut": GOOD}.get(kind)
        if body is None:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if kind == "cut" else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.url = f"http://127.0.0.1:{server.server_port}"
        yield server
        server.shutdown()


@pytest.fixture
def fetcher(lib, monkeypatch):
    """fetch(file, check=...) with one known resource, `thing.bin`, whose official address is given."""

    def fetch(official, known_hash=GOOD_HASH, check=lambda path: None):
        monkeypatch.setitem(lib.RESOURCES, "thing.bin", (official, known_hash, 1e6))
        return lib.fetch("thing.bin", check)

    monkeypatch.setattr("time.sleep", lambda seconds: None)
    return fetch


def test_a_busy_server_is_asked_again_and_an_absent_file_is_not(lib, fetcher, server):
    server.busy = 2
    assert fetcher(f"{server.url}/busy/thing.bin").read_bytes() == GOOD
    with pytest.raises(FileNotFoundError, match="404"):
        (lib.DATA_DIR / "thing.bin").unlink()
        fetcher(f"{server.url}/absent/thing.bin")
    assert server.requests == ["/busy/thing.bin"] * 3 + ["/absent/thing.bin"]


def test_a_lost_connection_is_tried_three_times(lib, fetcher, server):
    with pytest.raises(FileNotFoundError):
        fetcher(f"{server.url}/cut/thing.bin")
    assert server.requests == ["/cut/thing.bin"] * 3


def test_two_runs_on_one_data_folder_both_end_with_the_whole_file(lib, fetcher, server):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(fetcher, [f"{server.url}/good/thing.bin"] * 8))
    assert [path.read_bytes() for path in paths] == [GOOD] * 8
    assert left(lib) == ["thing.bin"]


def left(lib):
    return sorted(path.name for path in lib.DATA_DIR.iterdir()) if lib.DATA_DIR.exists() else []


def test_a_good_file_is_downloaded_once(lib, fetcher, server, capsys):
    for _ in range(2):
        assert fetcher(f"{server.url}/good/thing.bin").read_bytes() == GOOD
    assert server.requests == ["/good/thing.bin"]
    assert left(lib) == ["thing.bin"]
    assert "0.0 of 0.0 MB" in capsys.readouterr().out


@pytest.mark.parametrize(("kind", "reason"), [("wrong", "hash"), ("html", "hash"), ("cut", ""), ("absent", "404")])
def test_a_bad_download_is_named_and_nothing_is_left(lib, fetcher, server, kind, reason):
    address = f"{server.url}/{kind}/thing.bin"
    with pytest.raises(FileNotFoundError) as error:
        fetcher(address)
    for part in ("thing.bin could not be had", address, reason, str(lib.DATA_DIR.resolve())):
        assert part in str(error.value)
    assert left(lib) == []


def test_an_html_page_in_place_of_an_archive_fails_the_check_and_is_removed(lib, fetcher, server):
    def check(path):
        if path.read_bytes() != GOOD:
            raise ValueError("not the thing")

    with pytest.raises(FileNotFoundError, match=r"not the thing \(62 bytes beginning with b'<!DOCTYPE html"):
        fetcher(f"{server.url}/html/thing.bin", known_hash=None, check=check)
    assert left(lib) == []


def test_a_server_that_is_down_is_named(lib, fetcher):
    with pytest.raises(FileNotFoundError, match=r"http://127\.0\.0\.1:9/thing\.bin"):
        fetcher("http://127.0.0.1:9/thing.bin")


def test_the_mirror_comes_before_the_official_address(lib, fetcher, server, monkeypatch):
    monkeypatch.setattr(lib, "MIRROR", f"{server.url}/good")
    fetcher(f"{server.url}/wrong/thing.bin")
    assert server.requests == ["/good/thing.bin"]


def test_a_mirror_may_be_a_folder_and_is_left_as_it_is(lib, fetcher, tmp_path, monkeypatch):
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror/thing.bin").write_bytes(GOOD)
    monkeypatch.setattr(lib, "MIRROR", str(tmp_path / "mirror"))
    assert fetcher(None).read_bytes() == GOOD
    assert (tmp_path / "mirror/thing.bin").read_bytes() == GOOD


def test_a_bad_mirror_gives_way_to_the_official_address(lib, fetcher, server, monkeypatch):
    monkeypatch.setattr(lib, "MIRROR", f"{server.url}/html")
    assert fetcher(f"{server.url}/good/thing.bin").read_bytes() == GOOD


def test_a_damaged_file_in_the_data_folder_is_replaced(lib, fetcher, server):
    lib.DATA_DIR.mkdir(parents=True)
    (lib.DATA_DIR / "thing.bin").write_bytes(GOOD[:100])
    assert fetcher(f"{server.url}/good/thing.bin").read_bytes() == GOOD


def test_all_places_tried_are_told(lib, fetcher, server, monkeypatch):
    monkeypatch.setattr(lib, "MIRROR", "/nowhere")
    with pytest.raises(FileNotFoundError) as error:
        fetcher(f"{server.url}/absent/thing.bin")
    assert "/nowhere/thing.bin" in str(error.value) and f"{server.url}/absent/thing.bin" in str(error.value)


@pytest.mark.parametrize("fault", ["truncated", "html", "wrong shape", "wrong type", "array missing", "pickled"])
def test_a_wrong_horse_file_is_refused(lib, tmp_path, fault):
    path = tmp_path / "horses.npz"
    arrays = {"x_train": np.zeros((600, 3, 32, 32), np.uint8), "x_test": np.zeros((120, 3, 32, 32), np.uint8)}
    if fault == "wrong shape":
        arrays["x_test"] = arrays["x_test"][1:]
    elif fault == "wrong type":
        arrays["x_train"] = arrays["x_train"].astype(np.float32)
    elif fault == "array missing":
        del arrays["x_test"]
    elif fault == "pickled":
        arrays["x_test"] = np.array([{"a": 1}], dtype=object)
    np.savez(path, **arrays)
    if fault == "truncated":
        path.write_bytes(path.read_bytes()[:5000])
    elif fault == "html":
        path.write_bytes(HTML)
    with pytest.raises(ValueError, match="x_t"):
        lib.read_horses(path)


def make_cifar_archive(path):
    """A small archive in the layout of the official one: per batch 20 images, of which image i has class i % 10."""
    rng = np.random.default_rng(0)
    batches = {}
    with tarfile.open(path, "w:gz") as archive:
        for name in (
            "data_batch_4",
            "test_batch",
            "data_batch_3",
            "batches.meta",
            *map("data_batch_{}".format, (2, 5, 1)),
        ):
            batch = {b"data": rng.integers(0, 256, (20, 3072), dtype=np.uint8), b"labels": [i % 10 for i in range(20)]}
            content = pickle.dumps(batch, protocol=2)
            batches[name] = batch
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return batches


def test_horses_are_kept_from_the_official_archive_in_their_order(lib, tmp_path, monkeypatch):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    batches = make_cifar_archive(mirror / "cifar-10-python.tar.gz")
    md5 = hashlib.md5((mirror / "cifar-10-python.tar.gz").read_bytes()).hexdigest()
    monkeypatch.setitem(lib.RESOURCES, "cifar-10-python.tar.gz", (None, f"md5:{md5}", 1e6))
    monkeypatch.setattr(lib, "MIRROR", str(mirror))
    monkeypatch.setattr(lib, "HORSE_COUNTS", {"train": 10, "test": 2})

    train, test = lib.load_horses()
    expected = [batches[f"data_batch_{i}"][b"data"][k].reshape(3, 32, 32) for i in range(1, 6) for k in (7, 17)]
    assert np.array_equal(train, expected)
    assert np.array_equal(test, batches["test_batch"][b"data"][[7, 17]].reshape(2, 3, 32, 32))
    (lib.DATA_DIR / "cifar-10-python.tar.gz").unlink()
    assert np.array_equal(lib.load_horses()[0], train)  # from the horses' own file now


def test_without_mirror_and_network_the_error_names_file_addresses_and_folder(lib, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(lib, "MIRROR", "/nowhere")
    with pytest.raises(FileNotFoundError) as error:
        lib.load_horses()
    for part in (
        "cifar10_horses.npz",
        "/nowhere/cifar10_horses.npz",
        "/nowhere/cifar-10-python.tar.gz",
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        str(lib.DATA_DIR.resolve()),
    ):
        assert part in str(error.value)
    assert left(lib) == []
