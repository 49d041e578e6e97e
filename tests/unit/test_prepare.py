"""From settings to three parts: nothing of one part in another, extra classes in training alone."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import prepare, presets
from siamese_core.config import TrainConfig
from siamese_core.errors import ConfigError, DataError
from siamese_core.modalities.image import ImageItems
from siamese_core.types import InputSpec, LabelledSet
from tests.pictures import class_folders


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


# ---- the shape of what the network reads ----


def wide_photos(classes: int = 6, channels: int = 1) -> LabelledSet:
    pixels = np.random.default_rng(0).integers(0, 256, (classes * 2, channels, 30, 50), dtype=np.uint8)
    items = ImageItems(pixels, InputSpec(channels, 30, 50, "photo"))
    return LabelledSet("wide", items, np.repeat(np.arange(classes), 2), tuple("abcdefghij"[:classes]))


def test_size_width_colour_and_crop_are_the_settings():
    data, config = wide_photos(), TrainConfig(image_size=20)
    assert prepare.fitted_spec(data, config) == InputSpec(1, 20, 20, "photo")
    assert prepare.fitted_spec(data, config.with_values(image_width=34)) == InputSpec(1, 20, 34, "photo")
    assert prepare.fitted_spec(data, config.with_values(colour="colour")).channels == 3
    assert prepare.fitted_spec(wide_photos(channels=3), config).channels == 3
    assert prepare.fitted_spec(wide_photos(channels=3), config.with_values(colour="grey")).channels == 1
    cropped = prepare.fitted_spec(wide_photos(channels=3), config.with_values(crop="ink"))
    assert cropped == InputSpec(1, 20, 20, "ink", crop="ink"), "photos of paper become ink"


def test_what_the_set_has_cropped_stays_cropped():
    items = ImageItems(np.zeros((4, 1, 10, 20), dtype=np.uint8), InputSpec(1, 10, 20, "ink", crop="ink"))
    data = LabelledSet("cut", items, np.array([0, 0, 1, 1]), ("a", "b"))
    assert prepare.fitted_spec(data, TrainConfig(crop="none")).crop == "ink"


def test_a_set_of_four_classes_is_prepared_without_a_test_part(tmp_path):
    class_folders(tmp_path / "few", ("a", "b", "c", "d"), each=3)
    data = prepare.prepare(TrainConfig(dataset=str(tmp_path / "few"), image_size=12, image_width=30))
    assert (data.train.n_classes, data.validation.n_classes, data.test.n_classes, len(data.test)) == (2, 2, 0, 0)
    assert data.names["test"] == []
    assert data.train.items.pixels.shape[1:] == (1, 12, 30)
    again = prepare.prepare(TrainConfig(dataset=str(tmp_path / "few"), image_size=12, image_width=30), names=data.names)
    assert again.train.digest == data.train.digest
