"""Chroma, embedded and as a real server: agrees with exact search; stopped, slow or foreign servers are told."""

from __future__ import annotations

import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from siamese_core import galleries
from siamese_core.errors import ConfigError
from siamese_core.galleries import chroma_index
from tests.galleries import SIZE, Toy, entries, told

pytest.importorskip("chromadb")

pytestmark = pytest.mark.slow
COUNT = 1500


def values(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, SIZE)).astype(np.float32)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """`chroma run` in a process of its own."""

    def __init__(self, folder, port):
        self.url = f"http://127.0.0.1:{port}"
        program = Path(sys.executable).with_name("chroma")
        with open(folder.parent / "chroma.log", "ab") as log:
            self.process = subprocess.Popen(
                [str(program), "run", "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder.parent,
            )  # fmt: skip
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the server did not start")

    def stop(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(tmp_path):
    running = Server(tmp_path / "server", free_port())
    yield running
    running.stop()


def filled(path, model, **settings):
    gallery = galleries.create(path, model, engine="chroma", **settings)
    gallery.add_embeddings(model, values(COUNT), entries(COUNT))
    gallery.update(model)
    return gallery


def recall(gallery, model, q):
    found = told(gallery.searcher(model).search(q, 10))
    exact = told(gallery._exact(model).search(q, 10))
    return np.mean([len(set(a) & set(b)) / 10 for (a, _), (b, _) in zip(found, exact, strict=True)])


@pytest.mark.parametrize("distance", ["euclidean", "cosine", "manhattan", "weighted_l1"])
def test_embedded_it_agrees_with_exact_search(distance, tmp_path):
    model = Toy(distance)
    gallery = filled(tmp_path / "g", model)
    assert gallery.searcher(model).indexed == COUNT
    assert recall(gallery, model, values(20, 1)) >= 0.98


def test_a_server_by_the_same_code_through_its_restart(tmp_path, server):
    model = Toy()
    gallery = filled(tmp_path / "g", model, url=server.url, timeout=3)
    searcher = gallery.searcher(model)
    q = values(20, 1)
    assert searcher.indexed == COUNT
    assert recall(gallery, model, q) >= 0.99
    before = told(searcher.search(q, 5))
    gallery.remove([before[0][0][0]])
    gallery.add_embeddings(model, q[1:2], entries(1, COUNT))
    after = told(searcher.search(q[:2], 5))  # neither is known to the server yet
    assert before[0][0][0] not in after[0][0]
    assert after[1][0][0] == COUNT
    gallery.update(model)
    assert gallery.searcher(model).indexed == COUNT + 1

    server.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    for act in (lambda: gallery.searcher(model).search(q, 5), lambda: gallery.update(model)):
        with pytest.raises(galleries.EngineError, match="did not answer within 3 s"):
            act()
    with pytest.raises(galleries.EngineError, match="did not answer"):
        searcher.search(q[:1], 5)
    assert time.monotonic() - began < 30
    server.process.send_signal(signal.SIGCONT)
    time.sleep(0.5)
    assert told(searcher.search(q[:2], 5))[1][0][0] == COUNT

    port = int(server.url.rsplit(":", 1)[1])
    server.stop()
    for act in (lambda: searcher.search(q[:1], 5), lambda: gallery.searcher(model).search(q, 5)):
        with pytest.raises(galleries.EngineError, match=r"cannot be reached.*retry"):
            act()
    assert len(gallery) == COUNT  # what is here is still here
    again = Server(tmp_path / "server", port)
    try:
        assert told(searcher.search(q[:2], 5))[1][0][0] == COUNT
        assert gallery.delete() == ""
        import chromadb

        client = chromadb.HttpClient("127.0.0.1", port)
        assert client.list_collections() == []
    finally:
        again.stop()


def test_a_server_that_has_lost_everything_is_filled_again(tmp_path, server):
    model = Toy()
    gallery = filled(tmp_path / "g", model, url=server.url)
    port = int(server.url.rsplit(":", 1)[1])
    searcher = gallery.searcher(model)
    searcher.search(values(1), 3)
    server.stop()
    fresh = Server(tmp_path / "other", port)
    try:
        with pytest.raises(galleries.EngineError, match="has lost the pictures"):
            searcher.search(values(1), 3)
        assert gallery.searcher(model).indexed == 0  # searched exactly meanwhile
        gallery.update(model)
        assert gallery.searcher(model).indexed == COUNT
    finally:
        fresh.stop()
    assert "stay on the server" in gallery.delete()


def test_what_answers_but_is_no_chroma_is_told(tmp_path):
    class Web(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"welcome")

        def log_message(self, *_):
            pass

    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    try:
        gallery = galleries.create(tmp_path / "g", Toy(), engine="chroma", url=f"http://127.0.0.1:{web.server_port}")
        gallery.add_embeddings(Toy(), values(5), entries(5))
        with pytest.raises(galleries.EngineError, match="no Chroma server"):
            gallery.update(Toy())
    finally:
        web.shutdown()


def test_addresses_and_settings_that_cannot_be(tmp_path):
    for url in (
        "127.0.0.1:8000",
        "ftp://host",
        "http://",
        "http://host:99999",
        "http://me:secret@host",
        "http://h/p?x=1",
    ):
        with pytest.raises(ConfigError, match="no server's address"):
            galleries.create(tmp_path / "g", Toy(), engine="chroma", url=url)
    with pytest.raises(ConfigError, match="no setting"):
        galleries.create(tmp_path / "g", Toy(), engine="chroma", kind="ivf")
    with pytest.raises(ConfigError, match="negative weights"):
        galleries.create(tmp_path / "g", Toy("weighted_l1", weight=[-1] * SIZE), engine="chroma")
    assert chroma_index._address("https://host") == ("host", 443, True)
    assert not os.listdir(tmp_path)


def test_the_database_holds_nothing_of_what_is_removed(tmp_path, server):
    model = Toy()
    gallery = filled(tmp_path / "g", model, url=server.url, timeout=3)

    def held(row):
        collection = chroma_index.package().HttpClient(host="127.0.0.1", port=int(server.url.rpartition(":")[2]))
        name = f"siamese-{gallery.manifest.key}"
        found = collection.get_collection(name, embedding_function=None).get([str(row)], include=["embeddings"])
        return np.asarray(found["embeddings"][0])

    assert held(5).any()
    assert gallery.remove([5]) == 1
    assert not held(5).any()
    assert held(6).any()
    server.stop()
    with pytest.raises(galleries.EngineError, match="pictures are out"):
        gallery.remove([6])
    assert len(gallery) == COUNT - 2
