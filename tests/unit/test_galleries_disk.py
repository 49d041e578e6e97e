"""Galleries on disk: crashes, two writers at once, damage, a full disk, other versions; adding and removing at will."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from siamese_core import galleries
from siamese_core.errors import DataError
from siamese_core.galleries import store as stores
from tests.commands import ROOT
from tests.galleries import SIZE, Toy, entries, nearest, of_vectors, told

ADDER = """
import sys
from pathlib import Path
import numpy as np
from siamese_core.galleries.store import Entry, Store
name, first, count, batch = sys.argv[1], *map(int, sys.argv[2:])
store = Store(Path(name), 6)
for i in range(first, first + count, batch):
    x = np.random.default_rng(i).normal(size=(batch, 6)).astype(np.float32)
    store.append(x, [Entry(f"{j:016x}", f"p{j}") for j in range(i, i + batch)])
    print(i + batch, flush=True)
"""


def values(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, SIZE)).astype(np.float32)


def adder(gallery, first, count, batch):
    return subprocess.Popen(
        [sys.executable, "-c", ADDER, str(gallery.folder), str(first), str(count), str(batch)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture
def gallery(tmp_path):
    return galleries.create(tmp_path / "g", Toy())


def expected(firsts, batch):
    """Digest -> embedding, as ADDER makes them."""
    return {
        e.digest: row
        for i in firsts
        for e, row in zip(
            entries(batch, i), np.random.default_rng(i).normal(size=(batch, 6)).astype(np.float32), strict=True
        )
    }


def holds(gallery):
    """Digest -> embedding, as they are on the disk."""
    ids, z = gallery.searcher(Toy()).all()
    items = gallery.store.by_id(ids)
    return {items[int(i)].digest: row for i, row in zip(ids, z, strict=True)}


def assert_same(found, wanted):
    assert found.keys() == wanted.keys()
    for digest, row in wanted.items():
        np.testing.assert_array_equal(found[digest], row)


def test_a_killed_process_loses_at_most_its_last_batch(gallery):
    process = adder(gallery, 0, 100_000, 10)
    for _ in range(8):
        said = process.stdout.readline()
    process.kill()
    process.wait()
    rest = process.stdout.read().split()
    done = int(rest[-1] if rest else said)
    count = len(gallery)
    assert done <= count <= done + 10
    assert_same(holds(gallery), expected(range(0, count, 10), 10))
    with (gallery.folder / "vectors.f32").open("ab") as file:
        file.write(b"half a batch, never recorded")
    process = adder(gallery, 0, count + 20, 10)
    assert process.wait() == 0
    assert_same(holds(gallery), expected(range(0, count + 20, 10), 10))


def test_two_processes_that_add_at_once_lose_nothing(gallery):
    both = [adder(gallery, first, 300, 10) for first in (0, 150)]  # half of it is the same
    assert [p.wait() for p in both] == [0, 0]
    assert_same(holds(gallery), expected(range(0, 450, 10), 10))
    state = gallery.store.state()
    assert (state.rows, state.count) == (450, 450)
    assert (gallery.folder / "vectors.f32").stat().st_size == 4 * SIZE * 450


def test_threads_add_remove_and_search_at_once(gallery):
    model, failed = Toy(), []
    x = values(200)
    searcher = gallery.searcher(model)

    def work(part):
        try:
            for i in range(part, 200, 40):
                gallery.add_embeddings(model, x[i : i + 10], entries(10, i))
                searcher.search(x[:2], 3)
                gallery.remove([i.id for i in gallery.store.by_name(f"p{i}")])
        except Exception as e:
            failed.append(e)

    threads = [threading.Thread(target=work, args=(part,)) for part in (0, 10, 20, 30)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed
    assert len(gallery) == 180
    wanted = {e.digest: row for i, (e, row) in enumerate(zip(entries(200), x, strict=True)) if i % 10}
    assert_same(holds(gallery), wanted)


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "search"]), st.lists(st.integers(0, 11), min_size=1, max_size=4)),
    max_size=12,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS, number=st.integers(0, 10**9))
def test_whatever_is_added_and_removed_search_is_right(actions, number, tmp_path):
    """Against a dict: digest -> whether it is in; ids by the order of arrival, anew after a removal."""
    model = Toy()
    x = np.random.default_rng(number % 7).integers(-1, 2, size=(12, SIZE)).astype(np.float32)
    gallery = galleries.create(tmp_path / f"g{time.monotonic_ns()}", model)
    searcher = gallery.searcher(model)
    ids, inside, rows = {}, set(), 0
    for what, which in actions:
        if what == "add":
            told_of = gallery.add_embeddings(model, x[which], [entries(12)[i] for i in which])
            fresh = list(dict.fromkeys(i for i in which if i not in inside))
            assert told_of.added == len(fresh)
            for i in fresh:
                ids[i], rows = rows, rows + 1
            inside.update(which)
        elif what == "remove":
            known = [ids[i] for i in which if i in ids]
            assert gallery.remove(known) == len(inside.intersection(which))
            inside -= set(which)
        else:
            order = sorted(inside, key=ids.__getitem__)
            found = searcher.search(x[which], 3)
            assert told(found) == nearest(model, x[which], x[order], 3, [ids[i] for i in order])
    assert len(gallery) == len(inside)


def test_damage_is_told_in_one_sentence(gallery):
    model = Toy()
    gallery.add_embeddings(model, values(20), entries(20))
    vectors, items = gallery.folder / "vectors.f32", gallery.folder / "items.sqlite"
    whole, table = vectors.read_bytes(), items.read_bytes()
    flipped = bytearray(whole)
    flipped[100] ^= 1
    for data in (whole[:-4], bytes(flipped), b""):
        vectors.write_bytes(data)
        with pytest.raises(DataError, match=r"damaged \(its vectors.f32\)"):
            gallery.searcher(model).search(values(1))
    with pytest.raises(DataError, match=r"vectors\.f32"):
        gallery.add_embeddings(model, values(1, 9), entries(1, 50))
    vectors.write_bytes(whole)
    for data in (b"", b"no table" * 100, table[:5000], table[:3000] + b"\xff" * 3000 + table[6000:]):
        items.write_bytes(data)
        with pytest.raises(DataError, match="g is damaged"):
            gallery.searcher(model).search(values(1))
    items.unlink()
    with pytest.raises(DataError, match=r"items\.sqlite"):
        len(gallery)


def test_a_strangers_table_with_more_in_it_is_refused(gallery):
    db = sqlite3.connect(gallery.folder / "items.sqlite")
    db.execute("CREATE TRIGGER t AFTER INSERT ON items BEGIN DELETE FROM items; END")
    db.commit()
    db.close()
    with pytest.raises(DataError, match="damaged"):
        gallery.add_embeddings(Toy(), values(2), entries(2))


def test_a_table_with_other_things_in_it_is_refused(gallery):
    gallery.add_embeddings(Toy(), values(3), entries(3))
    for change in (
        "UPDATE items SET name = x'ff00'", "UPDATE state SET rows = 'many'", "UPDATE state SET count = -1",
        "UPDATE state SET rows = 10000000", "DELETE FROM state",
    ):  # fmt: skip
        before = (gallery.folder / "items.sqlite").read_bytes()
        db = sqlite3.connect(gallery.folder / "items.sqlite", isolation_level=None)
        db.execute(change)
        db.close()
        with pytest.raises(DataError, match="damaged"):
            gallery.searcher(Toy()).search(values(1))
        (gallery.folder / "items.sqlite").write_bytes(before)
    assert len(gallery.searcher(Toy()).search(values(1))[0].matches) == 3


def test_the_manifest_is_read_strictly(gallery):
    path = gallery.folder / "gallery.json"
    good = json.loads(path.read_text())
    bad = [
        [], {}, good | {"more": 1}, good | {"key": "../x"}, good | {"embedding_size": 0}, good | {"settings": []},
        good | {"input": {"channels": 7}}, good | {"engine": None}, {k: v for k, v in good.items() if k != "run"},
    ]  # fmt: skip
    for value in bad:
        path.write_text(json.dumps(value))
        with pytest.raises(DataError, match="make the gallery anew"):
            galleries.open_gallery(gallery.folder)
    path.write_text(json.dumps(good | {"format": 2}))
    with pytest.raises(DataError, match="has format 2"):
        galleries.open_gallery(gallery.folder)
    path.write_text(json.dumps(good | {"distance": "cosine"}))
    with pytest.raises(DataError, match="not its run's"):
        galleries.open_gallery(gallery.folder).searcher(Toy())
    with pytest.raises(DataError, match="no gallery 'nothing'"):
        galleries.open_gallery("nothing", gallery.folder)


def test_a_full_disk_loses_nothing_and_says_what_to_do(gallery, monkeypatch):
    model = Toy()
    x = values(30)
    real = os.fsync
    calls = []

    def full(number):
        calls.append(number)
        if len(calls) >= 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(number)

    monkeypatch.setattr(stores.os, "fsync", full)
    with pytest.raises(DataError, match=r"disk is full.*passed over"):
        gallery.add(model, of_vectors(x, batch=10))
    assert len(gallery) == 20
    assert (gallery.folder / "vectors.f32").stat().st_size == 4 * SIZE * 20
    monkeypatch.setattr(stores.os, "fsync", real)
    assert gallery.add(model, of_vectors(x)).added == 10
    assert told(gallery.searcher(model).search(x[:2], 4)) == nearest(model, x[:2], x, 4)


def test_a_full_disk_under_the_table(gallery, monkeypatch):
    """SQLite's own limit of pages stands for the disk."""
    model = Toy()
    real = stores.sqlite3.connect

    class Small(sqlite3.Connection):
        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            self.execute("PRAGMA max_page_count = 12")

    monkeypatch.setattr(stores.sqlite3, "connect", lambda *a, **m: real(*a, **m, factory=Small))
    x = values(2000)
    with pytest.raises(DataError, match="disk is full"):
        gallery.add(model, of_vectors(x, batch=100))
    held = len(gallery)
    assert 0 < held < 2000
    assert held % 100 == 0
    monkeypatch.setattr(stores.sqlite3, "connect", real)
    assert gallery.add(model, of_vectors(x, batch=100)).added == 2000 - held
    assert told(gallery.searcher(model).search(x[:2], 4)) == nearest(model, x[:2], x, 4)


def test_a_writer_that_does_not_end_is_told(gallery, monkeypatch):
    monkeypatch.setattr(stores, "WAIT", 0.05)
    db = sqlite3.connect(gallery.folder / "items.sqlite", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    with pytest.raises(DataError, match="another process"):
        gallery.add_embeddings(Toy(), values(2), entries(2))
    assert len(gallery) == 0
    db.execute("ROLLBACK")
    db.close()
    assert gallery.add_embeddings(Toy(), values(2), entries(2)).added == 2


def test_numbers_that_are_none_are_not_stored(gallery):
    x = values(3)
    x[1, 2] = np.inf
    with pytest.raises(DataError, match="not finite"):
        gallery.add_embeddings(Toy(), x, entries(3))
    with pytest.raises(DataError, match="6 numbers"):
        gallery.add_embeddings(Toy(), x[:, :4], entries(3))
    assert len(gallery) == 0
