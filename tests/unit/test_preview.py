"""What a training will be fed, beside what it is fed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from siamese_core import datasets, prepare, presets, preview
from siamese_core.errors import DataError
from siamese_core.modalities.image import ImageItems
from siamese_core.types import InputSpec, LabelledSet

PLAIN = {"extra_classes": "none", "start_from": "nothing"}


@pytest.fixture(scope="module")
def digits() -> LabelledSet:
    return datasets.load("digits")


def config(preset: str = "quick", **settings):
    return presets.build("digits", preset, **(PLAIN | settings))


def test_it_is_what_prepare_gives(digits):
    c = config(hold_out=["7", "8"])
    found, real = preview.look(digits, c), prepare.prepare(c)
    assert found.names == real.names
    assert found.spec == real.spec
    assert np.array_equal(found.train.items.pixels, real.train.items.pixels)
    assert found.counts.tolist() == real.train.counts.tolist()
    assert not found.part


def test_extra_classes_are_counted_and_drawn(digits, monkeypatch):
    monkeypatch.setattr(prepare, "EXTRA_CLASSES", 40)
    monkeypatch.setattr(prepare, "EXTRA_HANDS", 3)
    c = config(extra_classes="glyphs")
    found = preview.look(digits, c)
    assert len(found.counts) == len(found.own) + 40
    names = [row.name for row in preview.sheet(found, c)]
    assert sum(n.startswith("invented/") for n in names) == 2
    assert sum(n in found.names["train"] for n in names) == 4


def test_a_large_set_is_held_in_part_and_counted_whole(digits, monkeypatch):
    monkeypatch.setattr(preview, "MOST_BYTES", 100 * 28 * 28)
    monkeypatch.setattr(preview, "LEAST_ITEMS", 10)
    found = preview.look(digits, config())
    assert found.part
    assert len(found.train) <= 100
    assert found.train.counts.min() >= 9
    assert found.counts.sum() > 1000


def test_thinning_takes_every_class_alike():
    labels = np.array([0] * 50 + [1] * 3 + [2] * 20)
    items = ImageItems(np.arange(73, dtype=np.uint8).repeat(64).reshape(73, 1, 8, 8), InputSpec(1, 8, 8))
    thin = preview.thinned(LabelledSet("x", items, labels, ("a", "b", "c"), makers=np.arange(73)), 13)
    assert thin.counts.tolist() == [5, 3, 5]
    assert thin.items.pixels[:, 0, 0, 0].tolist() == thin.makers.tolist()
    assert (labels[thin.makers] == thin.labels).all()


def test_possible_pairs_and_triplets_are_counted():
    labels = np.repeat([0, 1, 2], [3, 1, 2])
    i, j = np.triu_indices(6, 1)
    same = labels[i] == labels[j]
    triplets = sum(labels[a] == labels[p] != labels[n] and a != p for a in range(6) for p in range(6) for n in range(6))
    assert preview.possible(np.array([3, 1, 2])) == (int(same.sum()), int((~same).sum()), triplets)


def test_augmentation_is_the_one_of_the_settings(digits):
    still = config(rotation=0.0, scale=0.0, shear=0.0, shift=0.0)
    found = preview.look(digits, still)
    for row in preview.sheet(found, still):
        assert np.array_equal(row.fitted, row.augmented)
    shifted = preview.sheet(found, replace(still, shift=0.3))
    assert any(not np.array_equal(row.fitted, row.augmented) for row in shifted)


def test_mirrors_are_the_eight_of_one_picture(digits):
    found = preview.look(digits, config())
    eight = preview.mirrors(found)
    assert np.array_equal(eight[1], np.rot90(eight[0]))
    assert np.array_equal(eight[4], np.fliplr(eight[0]))
    assert len({p.tobytes() for p in eight}) == 8


def test_pairs_as_the_sampler_draws_them(digits):
    c = config("pairs", batch_size=20, class_copies=False)
    drawn = preview.draw(preview.look(digits, c), c, most=6)
    assert (drawn.kind, drawn.total, drawn.pictures) == ("pairs", 20, 40)
    assert drawn.same == [True] * 3 + [False] * 3
    for (names, copy, pictures), same in zip(drawn.groups, drawn.same, strict=True):
        assert (names[0] == names[1]) is same
        assert copy == 0
        assert pictures.shape == (2, 28, 28)


def test_triplets_and_classes_as_the_sampler_draws_them(digits):
    c = config("triplets", sampler="triplets", mining="all", batch_size=9)
    drawn = preview.draw(preview.look(digits, c), c, most=4)
    assert (drawn.kind, drawn.total, drawn.pictures, len(drawn.groups)) == ("triplets", 9, 27, 4)
    assert all(a == p != n for (a, p, n), _, _ in drawn.groups)
    c = config("triplets", classes_per_batch=5, items_per_class=3, class_copies=False)
    drawn = preview.draw(preview.look(digits, c), c, most=12)
    assert (drawn.kind, drawn.total, drawn.pictures, len(drawn.groups)) == ("classes", 5, 15, 5)
    assert len({names[0] for names, _, _ in drawn.groups}) == 5


def test_what_cannot_be_split_is_told(digits):
    with pytest.raises(DataError, match="at least 4 are needed"):
        preview.look(digits.classes(range(3)), config())
