"""The faiss engine: near to exact, what it does not hold yet is found too, its files are checked, absent it is said."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from siamese_core import galleries
from siamese_core.errors import ConfigError, DataError
from siamese_core.galleries import faiss_index
from tests.galleries import SIZE, Toy, entries, nearest, told

pytest.importorskip("faiss")
COUNT = 3000


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Indexes from a few hundred rows on."""
    monkeypatch.setattr(faiss_index, "LEAST", 500)
    monkeypatch.setattr(faiss_index, "BLOCK", 700)


def values(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, SIZE)).astype(np.float32)


def made(path, model, count=COUNT, **settings):
    gallery = galleries.create(path / "g", model, engine="faiss", **settings)
    gallery.add_embeddings(model, values(count), entries(count))
    gallery.update(model)
    return gallery


@pytest.mark.parametrize(
    ("distance", "kind"),
    [
        ("euclidean", "ivf"),
        ("cosine", "ivf"),
        ("squared_euclidean", "hnsw"),
        ("manhattan", "hnsw"),
        ("weighted_l1", ""),
    ],
)
def test_it_agrees_with_exact_search(distance, kind, tmp_path):
    model = Toy(distance)
    gallery = made(tmp_path, model, kind=kind)
    searcher = gallery.searcher(model)
    assert searcher.indexed == COUNT
    q = values(40, 1)
    found = searcher.search(q, 10)
    exact = gallery._exact(model).search(q, 10)
    right = [
        len({m.item.id for m in a.matches} & {m.item.id for m in b.matches}) for a, b in zip(found, exact, strict=True)
    ]
    assert np.mean(right) >= 9.9
    for a, b in zip(found, exact, strict=True):
        mine = {m.item.id: m.distance for m in a.matches}
        for m in b.matches:
            assert mine.get(m.item.id, m.distance) == pytest.approx(m.distance, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("kind", ["ivf", "hnsw"])
def test_new_rows_are_found_before_the_index_has_them_and_removed_ones_are_not(kind, tmp_path):
    model = Toy()
    gallery = made(tmp_path, model, kind=kind)
    searcher = gallery.searcher(model)
    x = np.concatenate([values(COUNT), values(100, 5)])
    gallery.add_embeddings(model, x[COUNT:], entries(100, COUNT))
    gallery.update(model)
    assert searcher.indexed == COUNT  # a thirtieth more is not worth it
    assert told(searcher.search(x[COUNT + 7 : COUNT + 8], 1))[0][0] == [COUNT + 7]
    gallery.remove([COUNT + 7, 3])
    for i in (3, COUNT + 7):
        ids = [m.item.id for m in searcher.search(x[i : i + 1], 5)[0].matches]
        assert i not in ids
        assert len(ids) == 5
    gallery.add_embeddings(model, values(600, 6), entries(600, COUNT + 100))
    gallery.update(model)
    assert searcher.indexed == COUNT + 700
    assert 3 not in [m.item.id for m in searcher.search(x[3:4], 5)[0].matches]
    assert len(list(gallery.folder.glob("index-*.faiss"))) == 1


def test_many_matches_are_found_exactly(tmp_path):
    model = Toy()
    searcher = made(tmp_path, model, 1000).searcher(model)
    assert told(searcher.search(values(2, 3), 400)) == nearest(model, values(2, 3), values(1000), 400)
    assert len(searcher.search(values(1, 3), 5000)[0].matches) == 1000


def test_a_small_gallery_has_no_index(tmp_path):
    model = Toy()
    gallery = made(tmp_path, model, 400)
    assert gallery.searcher(model).indexed == 0
    assert told(gallery.searcher(model).search(values(2, 3), 4)) == nearest(model, values(2, 3), values(400), 4)


def test_an_index_that_is_damaged_foreign_or_missing_is_not_read_and_is_made_again(tmp_path, monkeypatch):
    model = Toy()
    gallery = made(tmp_path, model)
    path = next(gallery.folder.glob("index-*.faiss"))
    good, about = path.read_bytes(), (gallery.folder / "index.json").read_text()

    def refuse(*_):
        raise AssertionError("faiss was given a file that is not ours")

    with monkeypatch.context() as patch:
        patch.setattr(faiss_index.package(), "read_index", refuse)
        for data in (good[:-1], good[:500] + b"\xff" + good[501:], b""):
            path.write_bytes(data)
            assert gallery.searcher(model).indexed == 0
        path.write_bytes(good)
        key = gallery.manifest.key
        for other in ("{", about.replace(key, "0" * 16), about.replace('"format": 1', '"format": 9'), "[]"):
            (gallery.folder / "index.json").write_text(other)
            assert gallery.searcher(model).indexed == 0
    q = values(1, 3)
    assert told(gallery.searcher(model).search(q, 4)) == nearest(model, q, values(COUNT), 4)
    gallery.update(model)
    assert gallery.searcher(model).indexed == COUNT


def test_stopped_while_building_nothing_is_left(tmp_path):
    model = Toy()
    gallery = galleries.create(tmp_path / "g", model, engine="faiss", kind="hnsw")
    gallery.add_embeddings(model, values(COUNT), entries(COUNT))
    seen = []
    gallery.update(model, lambda *a: seen.append(a), lambda: len(seen) >= 2)
    assert [f for _, f in seen] == [700 / COUNT, 1400 / COUNT]
    assert not list(gallery.folder.glob("index*"))


def test_a_full_disk_is_told_and_the_pictures_stay(tmp_path, monkeypatch):
    model = Toy()
    gallery = galleries.create(tmp_path / "g", model, engine="faiss")
    gallery.add_embeddings(model, values(COUNT), entries(COUNT))

    def full(index, path):
        with open(path, "wb") as file:
            file.write(b"half")
        raise RuntimeError("write error: No space left on device")

    monkeypatch.setattr(faiss_index.package(), "write_index", full)
    with pytest.raises(DataError, match="the pictures are in"):
        gallery.update(model)
    assert sorted(p.name for p in gallery.folder.iterdir()) == ["gallery.json", "items.sqlite", "vectors.f32"]
    assert len(gallery) == COUNT


def test_settings_that_cannot_be(tmp_path):
    for settings, why in [
        ({"kind": "flat"}, "ivf"), ({"links": 2}, "4 to 128"), ({"probes": 1.5}, "whole number"),
        ({"speed": 1}, "no setting"),
    ]:  # fmt: skip
        with pytest.raises(ConfigError, match=why):
            galleries.create(tmp_path / "g", Toy(), engine="faiss", **settings)
    with pytest.raises(ConfigError, match="negative weights"):
        galleries.create(tmp_path / "g", Toy("weighted_l1", weight=[-1] * SIZE), engine="faiss")
    with pytest.raises(ConfigError, match="hnsw"):
        galleries.create(tmp_path / "g", Toy("manhattan"), engine="faiss", kind="ivf")
    assert not (tmp_path / "g").exists()


@pytest.mark.parametrize(
    ("engine", "name", "pip"), [("faiss", "faiss", "faiss-cpu"), ("chroma", "chromadb", "chromadb")]
)
def test_a_missing_package_says_what_to_install(engine, name, pip, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=f"pip install {pip}"):
        galleries.create(tmp_path / "g", Toy(), engine=engine)


def test_the_index_holds_nothing_of_what_is_removed(tmp_path):
    model = Toy()
    gallery = made(tmp_path, model)
    x = values(COUNT)
    assert gallery.remove([7]) == 1
    assert not list(gallery.folder.glob("index*"))
    searcher = gallery.searcher(model)
    assert searcher.indexed == 0
    assert 7 not in [m.item.id for m in searcher.search(x[7:8], 20)[0].matches]
    gallery.update(model)
    searcher = gallery.searcher(model)
    assert searcher.indexed == COUNT
    assert 7 not in [m.item.id for m in searcher.search(x[7:8], 20)[0].matches]
