"""Fetching published files from a server of our own: whole and right, or nothing and one sentence."""

from __future__ import annotations

import hashlib
import http.server
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from siamese_core import datasets
from siamese_core.datasets import download, olivetti, omniglot
from siamese_core.datasets.download import fetch
from siamese_core.errors import DataError
from tests.pictures import cross, encoded, zipped

BODY = bytes(range(256)) * 4000
SHA = hashlib.sha256(BODY).hexdigest()
MD5 = hashlib.md5(BODY).hexdigest()


@dataclass
class Server:
    """What is served, and what was asked for."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    """A web server on this machine. /cut/x ends half-way, /chunked/x has no length, /hang/x never answers,
    /moved/x leads to /x."""
    release = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            state.asked.append(self.path)
            way, _, name = self.path.strip("/").rpartition("/")
            body = state.files.get(name)
            if way == "hang":
                release.wait(20)
            if way == "moved":
                self.send_response(302)
                self.send_header("Location", f"/{name}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if body is None or way == "hang":
                self.send_error(404)
                return
            self.send_response(200)
            if way == "chunked":
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"%x\r\n" % len(body) + body[: len(body) // 2])
                self.close_connection = True
                return
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if way == "cut" else body)
            self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        state = Server(f"http://127.0.0.1:{httpd.server_address[1]}", {"x.bin": BODY})
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield state
        release.set()
        httpd.shutdown()
        thread.join()


@pytest.fixture
def nobody() -> str:
    """An address where no one listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


def left(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file())


def refused(urls: list[str], target: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        fetch(urls, target, **{"sha256": SHA, "timeout": 5, **options})
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


def test_success_with_progress(server, tmp_path):
    seen: list[tuple[str, float]] = []
    target = tmp_path / "deep" / "x.bin"
    assert fetch([f"{server.url}/x.bin"], target, sha256=SHA, md5=MD5, progress=lambda *a: seen.append(a)) == target
    assert target.read_bytes() == BODY
    assert left(tmp_path) == ["x.bin"]
    assert seen[-1] == ("Fetching x.bin", 1.0)
    assert [f for _, f in seen] == sorted(f for _, f in seen)
    assert len(seen) > 2


def test_what_is_there_is_not_fetched_again(server, tmp_path):
    (tmp_path / "x.bin").write_bytes(BODY)
    fetch([f"{server.url}/x.bin"], tmp_path / "x.bin", sha256=SHA)
    assert server.asked == []


def test_what_is_there_but_wrong_is_told_and_kept(server, tmp_path):
    (tmp_path / "x.bin").write_bytes(b"mine")
    text = refused([f"{server.url}/x.bin"], tmp_path / "x.bin")
    assert "delete it" in text
    assert (tmp_path / "x.bin").read_bytes() == b"mine"


def test_wrong_checksum(server, tmp_path):
    server.files["x.bin"] = BODY[:-1] + b"!"
    for kind in ({"sha256": SHA}, {"sha256": None, "md5": MD5}):
        assert "wrong checksum" in refused([f"{server.url}/x.bin"], tmp_path / "x.bin", **kind)
        assert left(tmp_path) == []


@pytest.mark.parametrize("way", ["cut", "chunked"])
def test_truncated(server, tmp_path, way):
    text = refused([f"{server.url}/{way}/x.bin"], tmp_path / "x.bin")
    assert "x.bin could not be fetched" in text
    assert left(tmp_path) == []


def test_truncated_says_how_far_it_came(server, tmp_path):
    assert f"after {len(BODY) // 2:,} of {len(BODY):,} bytes" in refused(
        [f"{server.url}/cut/x.bin"], tmp_path / "x.bin"
    )


def test_offline_says_what_to_fetch_and_where_to_put_it(nobody, tmp_path):
    text = refused([f"{nobody}/x.bin"], tmp_path / "sub" / "x.bin")
    assert f"{nobody}/x.bin" in text
    assert str(tmp_path / "sub" / "x.bin") in text
    assert "refused" in text
    assert left(tmp_path) == []


def test_absent_on_the_server(server, tmp_path):
    assert "404" in refused([f"{server.url}/other.bin"], tmp_path / "x.bin")


def test_a_server_that_hangs_is_given_up(server, tmp_path):
    assert "in time" in refused([f"{server.url}/hang/x.bin"], tmp_path / "x.bin", timeout=0.3)
    assert left(tmp_path) == []


def test_mirrors_are_tried_in_turn_and_redirects_followed(server, nobody, tmp_path):
    urls = [f"{nobody}/x.bin", f"{server.url}/cut/x.bin", f"{server.url}/moved/x.bin"]
    fetch(urls, tmp_path / "x.bin", sha256=SHA)
    assert (tmp_path / "x.bin").read_bytes() == BODY
    assert left(tmp_path) == ["x.bin"]


def test_far_too_large(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "MAX_BYTES", 1000)
    assert "larger" in refused([f"{server.url}/x.bin"], tmp_path / "x.bin")
    assert left(tmp_path) == []


def test_a_place_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert "cannot be saved" in refused([f"{server.url}/x.bin"], tmp_path / "file" / "x.bin")


def test_interrupted_leaves_nothing(server, tmp_path):
    def stop(what: str, fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch([f"{server.url}/x.bin"], tmp_path / "x.bin", sha256=SHA, progress=stop)
    assert left(tmp_path) == []


# ---- whole data sets ----


@pytest.fixture
def published(server, tmp_path, monkeypatch) -> Server:
    """A little Omniglot, published on our server."""
    files = {"images_background/": b""}
    for a in "AB":
        for d in range(3):
            name = f"images_background/{a}/character01/{ord(a):04d}_{d + 1:02d}.png"
            files[name] = encoded(cross(105, at=20 + ord(a) % 10 + 5 * d) > 0)
    body = zipped(tmp_path / "made.zip", files).read_bytes()
    server.files["images_background.zip"] = body
    monkeypatch.setattr(omniglot, "SOURCE", f"{server.url}/")
    monkeypatch.setitem(omniglot.MD5, "images_background", hashlib.md5(body).hexdigest())
    return server


def test_omniglot_is_fetched_once_and_used(published, tmp_path):
    seen: list[str] = []
    data = datasets.load("omniglot", tmp_path / "root", progress=lambda what, _: seen.append(what))
    assert len(data) == 6
    assert data.group_names == ("A", "B")
    assert {"Fetching images_background.zip", "Unpacking images_background.zip", "Reading Omniglot"} <= set(seen)
    assert datasets.load("omniglot", tmp_path / "root").digest == data.digest
    assert published.asked == ["/images_background.zip"]
    assert not [n for n in left(tmp_path / "root") if n.startswith(".")]


def test_an_archive_that_lies_there_is_unpacked_offline(published, nobody, tmp_path, monkeypatch):
    place = tmp_path / "root" / "omniglot-py"
    place.mkdir(parents=True)
    (place / "images_background.zip").write_bytes(published.files["images_background.zip"])
    monkeypatch.setattr(omniglot, "SOURCE", f"{nobody}/")
    assert len(datasets.load("omniglot", tmp_path / "root")) == 6


def test_omniglot_cut_off_leaves_nothing(published, tmp_path, monkeypatch):
    monkeypatch.setattr(omniglot, "SOURCE", f"{published.url}/cut/")
    with pytest.raises(DataError, match=r"images_background\.zip could not be fetched"):
        datasets.load("omniglot", tmp_path / "root")
    assert left(tmp_path / "root") == []


def test_omniglot_offline_names_url_and_place(nobody, tmp_path, monkeypatch):
    monkeypatch.setattr(omniglot, "SOURCE", f"{nobody}/")
    with pytest.raises(DataError) as caught:
        datasets.load("omniglot-evaluation", tmp_path)
    assert f"{nobody}/images_evaluation.zip" in str(caught.value)
    assert str(tmp_path / "omniglot-py" / "images_evaluation.zip") in str(caught.value)


def test_olivetti_is_fetched(server, nobody, tmp_path, monkeypatch):
    faces = np.random.default_rng(0).integers(0, 256, (4096, 400)).astype(np.uint8)
    savemat(tmp_path / "made.mat", {"faces": faces})
    body = (tmp_path / "made.mat").read_bytes()
    server.files["made.mat"] = body
    monkeypatch.setattr(olivetti, "SOURCES", (f"{nobody}/made.mat", f"{server.url}/made.mat"))
    monkeypatch.setattr(olivetti, "SHA256", hashlib.sha256(body).hexdigest())
    data = datasets.load("olivetti", tmp_path / "root")
    assert len(data) == 400
    np.testing.assert_array_equal(data.items.pixels[7, 0].T.ravel(), faces[:, 7])
    assert left(tmp_path / "root") == ["olivettifaces.mat"]


@pytest.mark.data
def test_the_published_small_archive_has_the_checksum_of_its_source(tmp_path):
    small = datasets.data_root() / "omniglot-py" / "images_background_small1.zip"
    if not small.is_file():
        pytest.skip(f"{small} is absent")
    assert fetch(["http://nowhere.invalid/x"], small, md5="e704a628b5459e08445c13499850abc4") == small
    data = datasets.load(str(small))
    assert (len(data), data.n_classes, len(data.group_names)) == (2720, 136, 5)
