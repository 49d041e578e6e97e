"""Galleries: exact search against a loop, what is added, removed, refused, and what others do meanwhile."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from siamese_core import calibration, galleries, trained
from siamese_core.distances import REGISTRY
from siamese_core.errors import ConfigError, DataError
from siamese_core.galleries import sources, spaces
from tests.commands import scribble
from tests.embedders import numbers
from tests.galleries import SIZE, Toy, Vectors, entries, nearest, of_vectors, told

RNG = np.random.default_rng


def values(count, seed=0, steps=None):
    """Vectors; with `steps`, on a grid, so that many distances are equal."""
    x = RNG(seed).normal(size=(count, SIZE)).astype(np.float32)
    return x if steps is None else (np.round(x * steps) / steps).astype(np.float32)


def filled(model, x, path, labels=None, **settings):
    gallery = galleries.create(path / "g", model, **settings)
    gallery.add_embeddings(model, x, entries(len(x), labels=labels))
    return gallery


@pytest.mark.parametrize("distance", [*REGISTRY, "mixed"])
@pytest.mark.parametrize("steps", [None, 1])
def test_the_nearest_are_those_of_a_loop(distance, steps, tmp_path):
    mixed = {"weight": [-1, 2, 0, 1, -0.5, 1]}
    model = Toy("weighted_l1", **mixed) if distance == "mixed" else Toy(distance)
    x, q = values(150, 1, steps), values(4, 2, steps)
    x[50] = x[10] = q[0]
    x[20] = 0
    searcher = filled(model, x, tmp_path).searcher(model)
    for k in (1, 12):
        for (ids, d), (true_ids, true_d) in zip(told(searcher.search(q, k)), nearest(model, q, x, k), strict=True):
            assert ids == true_ids
            assert d == pytest.approx(
                true_d, rel=1e-6, abs=1e-6
            )  # a product with weights is rounded as the batch is large


def test_very_long_and_very_near_vectors_lose_no_digits(tmp_path):
    x = values(200, 3) * 1e-3 + 100
    model = Toy("euclidean")
    searcher = filled(model, x, tmp_path).searcher(model)
    assert told(searcher.search(x[:5], 6)) == nearest(model, x[:5], x, 6)


def test_a_weighted_distance_with_a_negative_weight_has_no_space():
    assert spaces.of(Toy("weighted_l1", weight=[1, 1, 1, 1, 1, -0.1])).metric == ""
    assert spaces.of(Toy("weighted_l1")).metric == "l1"


def test_what_is_equal_comes_in_order_of_id_and_k_may_be_too_large(tmp_path):
    model = Toy()
    x = np.zeros((9, SIZE), np.float32)
    found = filled(model, x, tmp_path).searcher(model).search(x[:1], 20)[0]
    assert [m.item.id for m in found.matches] == list(range(9))
    assert (found.asked, found.total, found.fewer) == (20, 9, True)


def test_several_pictures_as_one_query(tmp_path):
    model = Toy()
    x, q = values(80), values(3, 9)
    searcher = filled(model, x, tmp_path).searcher(model)
    assert told(searcher.search(q, 5, "mean")) == nearest(model, q.mean(0, keepdims=True), x, 5)
    best = searcher.search(q, 6, "best")[0]
    d = np.stack([model.distances(np.repeat(one[None], 80, 0), x) for one in q])
    order = np.lexsort((np.arange(80), d.min(0)))[:6]
    assert [m.item.id for m in best.matches] == order.tolist()
    assert [m.query for m in best.matches] == d.argmin(0)[order].tolist()


def test_like_a_stored_picture_leaves_itself_out(tmp_path):
    model = Toy()
    x = values(30)
    searcher = filled(model, x, tmp_path).searcher(model)
    rest = np.delete(np.arange(30), 4)
    assert told([searcher.like(4, 3)]) == nearest(model, x[4:5], x[rest], 3, rest)
    found = searcher.like(4, 30)
    assert (len(found.matches), found.total, found.fewer) == (29, 29, True)
    with pytest.raises(DataError, match="no picture 30"):
        searcher.like(30)


def test_the_query_that_is_in_is_said(tmp_path):
    model = Toy()
    x = values(20)
    gallery = galleries.create(tmp_path / "g", model)
    gallery.add(model, of_vectors(x))
    found = gallery.searcher(model).search(Vectors(x[3:5]), 2)
    assert [[m.same for m in one.matches] for one in found] == [[True, False], [True, False]]
    assert not gallery.searcher(model).search(x[3:4], 1)[0].matches[0].same


def test_pictures_are_added_once_and_encoded_once(tmp_path):
    model = Toy()
    x = values(40)
    gallery = galleries.create(tmp_path / "g", model)
    seen = []
    assert gallery.add(model, of_vectors(x[:25]), lambda *a: seen.append(a)).added == 25
    assert [round(f, 2) for _, f in seen] == [0.32, 0.64, 0.96, 1.0]
    again = gallery.add(model, of_vectors(np.concatenate([x, x[30:]])))
    assert (again.added, again.duplicates) == (15, 35)
    assert model.embedded == 40
    assert len(gallery) == 40
    assert again.words() == "15 added, 35 were in already."


def test_stopped_it_goes_on_where_it_was(tmp_path):
    model = Toy()
    gallery = galleries.create(tmp_path / "g", model)
    x = values(40)
    first = gallery.add(model, of_vectors(x), should_stop=lambda: len(gallery) >= 16)
    assert (first.added, first.stopped) == (16, True)
    rest = gallery.add(model, of_vectors(x))
    assert (rest.added, rest.duplicates, rest.stopped) == (24, 16, False)


def test_what_is_removed_is_not_found_nor_kept_and_can_come_back(tmp_path):
    model = Toy()
    x = values(30)
    gallery = galleries.create(tmp_path / "g", model)
    gallery.add(model, of_vectors(x, labels=["secret"] * 30))
    searcher = gallery.searcher(model)
    assert searcher.search(x[7:8], 1)[0].matches[0].item.id == 7
    assert gallery.remove([7, 7, 99]) == 1
    assert searcher.search(x[7:8], 30)[0].total == 29
    rest = np.delete(np.arange(30), 7)
    for k in (3, 30):
        assert told(searcher.search(x[7:8], k)) == nearest(model, x[7:8], x[rest], k, rest)
    assert gallery.remove(list(range(30))) == 29
    assert searcher.search(x[7:8], 3)[0].matches == ()
    assert b"secret" not in (gallery.folder / "items.sqlite").read_bytes()
    back = gallery.add(model, of_vectors(x[7:8]))
    assert back.added == 1
    assert [m.item.id for m in searcher.search(x[7:8], 3)[0].matches] == [30]  # a new picture


def test_a_searcher_sees_what_others_add(tmp_path):
    model = Toy()
    x = values(20)
    gallery = filled(model, x[:10], tmp_path)
    searcher = gallery.searcher(model)
    assert len(searcher) == 10
    galleries.open_gallery(gallery.folder).add_embeddings(model, x[10:], entries(10, 10))
    assert told(searcher.search(x[12:13], 3)) == nearest(model, x[12:13], x, 3)


def test_items_by_text_by_name_and_in_pages(tmp_path):
    model = Toy()
    gallery = filled(model, values(12), tmp_path, labels=["Cat", "dog"] * 6)
    assert [i.id for i in gallery.items(2, 3)] == [2, 3, 4]
    assert [i.id for i in gallery.items(text="cat", limit=3)] == [0, 2, 4]
    assert [i.id for i in gallery.items(text="p1")] == [1, 10, 11]
    assert [i.id for i in gallery.store.by_name("p4")] == [4]


def test_near_duplicates_are_those_of_a_loop(tmp_path, monkeypatch):
    from siamese_core.galleries import duplicates

    monkeypatch.setattr(duplicates, "ROWS", 7)
    for distance in ("euclidean", "cosine", "weighted_l1"):
        model = Toy(distance)
        x = values(40, 4, steps=1)
        gallery = filled(model, x, tmp_path / distance)
        gallery.remove([5, 6])
        ids = [i for i in range(40) if i not in (5, 6)]
        d = {(i, j): float(model.distances(x[i : i + 1], x[j : j + 1])[0]) for i in ids for j in ids if i < j}
        limit = float(np.quantile(list(d.values()), 0.1))
        found = gallery.duplicates(model, limit)
        expected = sorted((v, i, j) for (i, j), v in d.items() if v <= limit)
        rows = zip(found.distances.tolist(), found.first.tolist(), found.second.tolist(), strict=True)
        assert list(rows) == expected
        assert found.total == len(expected) > 10
    assert filled(model, x[:1], tmp_path / "one").duplicates(model, 1.0).groups == ()


def test_groups_hang_together():
    from siamese_core.galleries.duplicates import groups_of

    assert groups_of(np.array([9, 1, 2]), np.array([10, 2, 5])) == ((1, 2, 5), (9, 10))


def test_recall_over_labelled_pictures(tmp_path):
    model = Toy()
    x = np.repeat(10 * values(4), 3, axis=0) + 0.01 * values(12, 1)
    gallery = filled(model, x, tmp_path, labels=np.repeat(list("abcd"), 3))
    found, asked = gallery.retrieval(model)
    assert (found.recall[0], found.map_at_r, asked) == ((1, 1.0), 1.0, 12)
    with pytest.raises(DataError, match="has a class"):
        filled(model, x, tmp_path / "bare").retrieval(model)


def test_another_run_or_other_weights_are_refused_with_the_remedy(tmp_path):
    gallery = filled(Toy(), values(5), tmp_path)
    for other in (Toy(weights="bbbb"), Toy(weights="bbbb", name="other")):
        for act in (gallery.searcher, gallery.duplicates, lambda m: gallery.add(m, of_vectors(values(2)))):
            with pytest.raises(DataError, match="make a new gallery with"):
                act(other)
    with pytest.raises(DataError, match="earlier training of this run"):
        gallery.check(Toy(weights="bbbb"))


def test_bad_questions_and_names(tmp_path):
    model = Toy()
    searcher = filled(model, values(5), tmp_path).searcher(model)
    with pytest.raises(ConfigError, match="at least 1"):
        searcher.search(values(1), 0)
    with pytest.raises(ConfigError, match="combine"):
        searcher.search(values(1), 1, "worst")
    for wrong in (values(0), values(1)[:, :3], np.full((1, SIZE), np.nan, np.float32)):
        with pytest.raises(DataError):
            searcher.search(wrong)
    with pytest.raises(DataError, match="already"):
        galleries.create(tmp_path / "g", model)
    with pytest.raises(ConfigError, match="name"):
        galleries.create("no good", model, folder=tmp_path)
    with pytest.raises(ConfigError, match="exact, faiss, chroma"):
        galleries.create("g", model, engine="magic", folder=tmp_path)
    with pytest.raises(ConfigError, match="no settings"):
        galleries.create("g", model, folder=tmp_path, links=3)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="other files"):
        galleries.create(tmp_path / "full", model)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["full", "g"]


def test_a_shelf_of_galleries_with_a_broken_one(tmp_path):
    model = Toy()
    for name in ("b", "a", "c"):
        galleries.create(name, model, folder=tmp_path)
    (tmp_path / ".galleries" / "c" / "gallery.json").write_text("{")
    found, wrong = galleries.all_galleries(tmp_path)
    assert [g.name for g in found] == ["a", "b"]
    assert len(wrong) == 1
    assert "gallery c" in wrong[0]
    assert galleries.open_gallery("a", tmp_path).delete() == ""
    assert not galleries.is_gallery("a", tmp_path)


def test_pictures_of_a_real_run_come_with_probability_and_thumbnail(tmp_path):
    model = trained.load("starter")
    for i in range(6):
        scribble(tmp_path / "pictures" / f"c{i % 2}" / f"{i}.png", i)
    (tmp_path / "pictures" / "c0" / "bad.png").write_bytes(b"no picture")
    gallery = galleries.create("g", model, folder=tmp_path)
    added = gallery.add(model, sources.of_folder(tmp_path / "pictures"))
    assert (added.added, added.failed) == (6, 1)
    assert "bad.png" in added.problems[0]
    upload = sources.of_files([("q.png", (tmp_path / "pictures" / "c0" / "2.png").read_bytes())])
    query = next(upload.batches(model.spec)).items
    first = gallery.searcher(model).search(query, 1)[0].matches[0]
    assert (first.item.name, first.item.label, first.same) == ("c0/2.png", "c0", True)
    assert first.item.file == str(tmp_path / "pictures" / "c0" / "2.png")
    assert isinstance(model.calibration, calibration.Calibration)
    assert first.probability == pytest.approx(model.calibration.probability(first.distance))
    assert gallery.thumbnails([first.item.id])[first.item.id].startswith(b"\x89PNG")


def test_a_zip_and_a_set_are_sources_too(tmp_path):
    scribble(tmp_path / "one.png")
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as file:
        file.write(tmp_path / "one.png", "wrapped/cats/one.png")
        file.write(tmp_path / "one.png", "wrapped/dogs/two.png")
    spec = Toy().spec
    batch = next(sources.of_place(str(tmp_path / "z.zip")).batches(spec))
    assert (batch.names, batch.labels) == (["cats/one.png", "dogs/two.png"], ["cats", "dogs"])
    batch = next(sources.of_set(numbers(3, 2, groups=2)).batches(spec))
    assert batch.names == ["g0/c0 #1", "g0/c0 #2", "g1/c1 #1", "g1/c1 #2", "g0/c2 #1", "g0/c2 #2"]
    assert batch.groups == ["g0", "g0", "g1", "g1", "g0", "g0"]
    with pytest.raises(DataError, match="no pictures at"):
        sources.of_place(str(tmp_path / "nothing"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no picture in"):
        sources.of_place(str(tmp_path / "empty"))
