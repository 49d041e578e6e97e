"""From settings to three parts: nothing of one part in another, extra classes in training alone."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import prepare, presets
from siamese_core.errors import ConfigError, DataError
from siamese_core.modalities.image import ImageItems
from siamese_core.types import InputSpec, LabelledSet


def test_parts_share_no_class_and_no_item():
    p = prepare.prepare(presets.build("digits", extra_classes="none"))
    assert sorted(p.names["train"] + p.names["validation"] + p.names["test"]) == [str(i) for i in range(10)]
    assert len(p.train) + len(p.validation) + len(p.test) == 1797
    digests = [set(part.items.digests()) for part in (p.train, p.validation, p.test)]
    assert not digests[0] & digests[1]
    assert not digests[0] & digests[2]
    assert p.train.items.spec == InputSpec(1, 28, 28, "ink")


def test_held_out_classes_are_the_test_part():
    p = prepare.prepare(presets.build("digits", extra_classes="none", hold_out=["7", "8", "9"]))
    assert p.names["test"] == ["7", "8", "9"]


def test_a_resumed_run_keeps_its_split_whatever_the_seed():
    first = prepare.prepare(presets.build("digits", extra_classes="none", seed=1))
    again = prepare.prepare(presets.build("digits", extra_classes="none", seed=5), names=first.names)
    assert again.names == first.names
    assert np.array_equal(again.train.items.pixels, first.train.items.pixels)
    gone = {**first.names, "train": [*first.names["train"], "eleven"]}
    with pytest.raises(DataError, match="'eleven' is gone"):
        prepare.prepare(presets.build("digits", extra_classes="none"), names=gone)


def test_extra_classes_come_after_the_own_ones_and_stay_out_of_the_other_parts(monkeypatch):
    monkeypatch.setattr(prepare, "EXTRA_CLASSES", 40)
    monkeypatch.setattr(prepare, "EXTRA_HANDS", 3)
    plain = prepare.prepare(presets.build("digits", extra_classes="none"))
    more = prepare.prepare(presets.build("digits", extra_classes="glyphs"))
    own = plain.train.n_classes
    assert more.train.n_classes == own + 40
    assert more.train.class_names[:own] == plain.train.class_names
    assert all(n.startswith("invented/") for n in more.train.class_names[own:])
    assert np.array_equal(more.train.items.pixels[: len(plain.train)], plain.train.items.pixels)
    assert (more.train.labels[len(plain.train) :] >= own).all()
    assert len(set(more.train.class_groups[:own].tolist())) == 1
    assert more.train.class_groups[own:].min() > more.train.class_groups[:own].max()
    assert more.validation.class_names == plain.validation.class_names
    assert more.names == plain.names


def test_extra_classes_need_ink():
    items = ImageItems(np.zeros((4, 3, 16, 16), np.uint8), InputSpec(3, 16, 16, "photo"))
    photos = LabelledSet("photos", items, np.array([0, 0, 1, 1]), ("a", "b"))
    with pytest.raises(ConfigError, match="ink on paper"):
        prepare.with_glyphs(photos, 0)
