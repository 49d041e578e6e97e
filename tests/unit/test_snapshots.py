"""Which pictures are watched, and what is written of them."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load_file

from siamese_core import presets, snapshots
from siamese_core.modalities.image import ImageItems
from siamese_core.prepare import Prepared, prepare
from siamese_core.types import InputSpec, LabelledSet, Split

SMALL = {"image_size": 12, "width": 8, "embedding_size": 8, "extra_classes": "none", "device": "cpu"}


@pytest.fixture(scope="module")
def data() -> Prepared:
    """The digits, 6 classes to learn from and 2 to validate on."""
    return prepare(presets.build("digits", **SMALL))


def test_unseen_and_learnt_classes_are_watched_alike(data):
    config = presets.build("digits", **SMALL)
    found = snapshots.choose(data, config)
    assert found.unseen == len(data.validation)
    assert np.unique(found.labels).tolist() == list(range(8))
    assert set(np.unique(found.labels, return_counts=True)[1]) == {snapshots.PER_CLASS}
    assert len(np.unique(found.items)) == len(found.items)
    for item, label in zip(found.items, found.labels, strict=True):
        seen = item >= found.unseen
        part, first = (data.train, data.validation.n_classes) if seen else (data.validation, 0)
        assert part.labels[item - found.unseen * seen] + first == label
    again = snapshots.choose(data, config)
    assert np.array_equal(again.items, found.items)
    other = snapshots.choose(data, config.with_values(seed=1))
    assert not np.array_equal(other.items, found.items)


def test_places_lead_back_to_the_pictures(data):
    from siamese_core import datasets

    found = snapshots.choose(data, presets.build("digits", **SMALL))
    whole = datasets.load("digits")
    at = snapshots.places(whole, data.names, found.items)
    names = data.names["validation"] + data.names["train"]
    assert [whole.class_names[c] for c in whole.labels[at]] == [names[c] for c in found.labels]
    last = data.train.items.fitted(data.spec)
    assert np.array_equal(whole.items.select(at[-1:]).fitted(data.spec).pixels[0],
                          last.pixels[found.items[-1] - found.unseen])  # fmt: skip
    assert snapshots.places(whole, data.names, np.array([len(whole)])) is None


def made(train: int, validation: int, own: int, side: int = 12, each: int = 20) -> Prepared:
    """Parts of so many classes, of which `own` of the training part are its own and the others are invented."""
    spec = InputSpec(1, side, side, "ink")

    def part(name: str, classes: int) -> LabelledSet:
        labels = np.repeat(np.arange(classes), each)
        pixels = np.zeros((len(labels), 1, side, side), np.uint8)
        return LabelledSet(name, ImageItems(pixels, spec), labels, tuple(f"{name}{c}" for c in range(classes)))

    parts = {"train": part("t", train), "validation": part("v", validation), "test": part("e", 2)}
    names = {kind: list(of.class_names) for kind, of in parts.items()} | {"train": [f"t{c}" for c in range(own)]}
    return Prepared(spec, **parts, split=Split((), (), ()), about={}, names=names)


def test_invented_classes_are_not_watched_and_learning_from_all_watches_those():
    config = presets.build("digits", **SMALL)
    assert snapshots.choose(made(40, 2, own=6), config).labels.max() == 7
    config = presets.build("digits", **(SMALL | {"all_classes": True}))
    data = prepare(config)
    found = snapshots.choose(data, config)
    assert found.unseen == 0
    assert np.unique(found.labels).tolist() == list(range(10))
    assert np.array_equal(data.train.labels[found.items], found.labels)


def test_many_classes_are_thinned_and_large_pictures_too():
    config = presets.build("digits", **SMALL)
    data = made(120, 40, own=120)
    found = snapshots.choose(data, config)
    assert len(np.unique(found.labels)) == snapshots.CLASSES
    assert len(np.unique(found.labels[found.items < found.unseen])) == snapshots.UNSEEN
    assert len(found.items) == 20 * snapshots.CLASSES
    assert len(snapshots.choose(made(20, 20, own=20, side=96), config).items) <= snapshots.FEWEST
    assert len(np.unique(snapshots.choose(made(2, 20, own=2), config).labels)) == snapshots.CLASSES


def test_a_snapshot_is_written_small_and_nothing_that_is_no_number(data, tmp_path):
    watched = snapshots.choose(data, presets.build("digits", **SMALL))
    asked = []

    def embed(part, items):
        asked.append((part, items))
        return np.full((len(items), 8), 0.1 if part == "train" else 0.5, np.float32)

    snapshots.save(tmp_path, 7, watched, embed)
    found = load_file(tmp_path / "snapshots" / "00007.safetensors")
    assert [part for part, _ in asked] == ["validation", "train"]
    assert asked[1][1].max() < len(data.train)
    assert found["embeddings"].dtype == np.float16
    unseen = watched.items < watched.unseen
    np.testing.assert_allclose(found["embeddings"][:, 0], np.where(unseen, 0.5, 0.1), atol=1e-3)
    assert np.array_equal(found["labels"], watched.labels)
    assert np.array_equal(found["items"], watched.items)
    snapshots.save(tmp_path, 8, watched, lambda part, items: np.full((len(items), 8), 1e6, np.float32))
    assert not (tmp_path / "snapshots" / "00008.safetensors").exists()


@pytest.mark.parametrize("epochs", [1, 3, 120, 121, 1000, 100_000])
def test_long_runs_keep_so_many_with_the_first_and_the_last(epochs):
    kept = [e for e in range(epochs + 1) if snapshots.wanted(e, epochs)]
    assert kept[0] == 0
    assert kept[-1] == epochs
    assert len(kept) <= snapshots.MOST + 2
