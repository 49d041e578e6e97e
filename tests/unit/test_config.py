"""Settings: round trip, unknown keys and wrong types, every problem at once in plain words."""

from __future__ import annotations

import dataclasses
import json
from itertools import product

import pytest

from siamese_core.config import (
    DISTANCES,
    LOSS_DISTANCES,
    LOSS_MINING,
    LOSS_SAMPLERS,
    LOSSES,
    MINING,
    SAMPLERS,
    TrainConfig,
    defaults,
)
from siamese_core.errors import ConfigError

# something else than the default, of the right type and in range
OTHER = {
    "dataset": "glyphs", "hold_out": ("Greek", "Latin"), "all_classes": True, "extra_classes": "glyphs",
    "image_size": 32, "image_width": 32, "colour": "colour", "crop": "ink",
    "start_from": "starter",
    "encoder": "conv4", "width": 16, "embedding_size": 32, "distance": "euclidean", "normalise": False,
    "loss": "triplet", "margin": 1.5, "temperature": 0.2, "sampler": "triplets", "mining": "all", "batch_size": 10,
    "classes_per_batch": 5, "items_per_class": 3, "groups_per_batch": 2, "class_copies": True, "rotation": 3.0,
    "scale": 0.0, "shear": 0.0, "shift": 0.0, "epochs": 2, "steps_per_epoch": 7, "max_seconds": 9.0,
    "learning_rate": 0.1, "weight_decay": 0.0, "average": 0.0, "seed": 5, "device": "cpu",
}  # fmt: skip


def test_the_defaults_can_be_trained():
    assert TrainConfig().problems() == []
    assert TrainConfig().check() == TrainConfig()
    assert TrainConfig(**defaults()) == TrainConfig()


def test_settings_survive_json():
    for config in (TrainConfig(), TrainConfig(**OTHER)):
        assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert TrainConfig(**OTHER).problems() == []
    assert set(OTHER) == {f.name for f in dataclasses.fields(TrainConfig)}


def test_settings_are_frozen_and_copied_with_values():
    config = TrainConfig()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 3
    assert config.with_values(seed=3).seed == 3
    assert config.seed == 0


def test_every_unknown_key_and_wrong_type_is_told_at_once():
    with pytest.raises(ConfigError) as caught:
        TrainConfig.from_dict({"epochz": 3, "margn": 1, "epochs": "ten", "normalise": 1, "seed": True, "hold_out": "a"})
    assert len(caught.value.problems) == 6
    text = str(caught.value)
    for part in (
        "'epochz'",
        "'margn'",
        "'epochs' must be a whole number, not 'ten'",
        "'normalise' must be true or false",
        "'seed' must be a whole number, not True",
        "'hold_out' must be a list of names",
    ):
        assert part in text


def test_a_whole_number_will_do_for_a_number_but_not_the_other_way():
    assert TrainConfig.from_dict({"margin": 2}).margin == 2.0
    assert type(TrainConfig.from_dict({"margin": 2}).margin) is float
    with pytest.raises(ConfigError, match="whole number"):
        TrainConfig.from_dict({"epochs": 2.0})


@pytest.mark.parametrize("name", sorted(OTHER))
def test_each_setting_is_told_when_out_of_range_or_not_among_its_choices(name):
    field = next(f for f in dataclasses.fields(TrainConfig) if f.name == name)
    wrong = ["nonsense"] if field.metadata["choices"] else []
    if field.metadata["low"] is not None:
        wrong += [field.metadata["low"] - 1, field.metadata["high"] + 1, float("nan")]
    for value in wrong:
        found = [p for p in TrainConfig(**{name: value}).problems() if p.startswith(field.metadata["label"])]
        assert len(found) == 1
        assert "must be" in found[0]


def test_all_problems_come_at_once_one_sentence_each():
    config = TrainConfig(image_size=3, loss="bce", distance="cosine", sampler="triplets", mining="hard", epochs=0)
    found = config.problems()
    assert len(found) == 5
    for word in ("Picture size", "distance 'cosine'", "batches of 'triplets'", "Mining", "Epochs"):
        assert any(word in p for p in found), word
    assert all(p.endswith(".") and "\n" not in p for p in found)
    with pytest.raises(ConfigError) as caught:
        config.check()
    assert caught.value.problems == tuple(found)


def test_exactly_the_combinations_of_the_tables_can_be_trained():
    for loss, distance, sampler, mining in product(LOSSES, DISTANCES, SAMPLERS, MINING):
        fits = (
            distance in LOSS_DISTANCES[loss]
            and sampler in LOSS_SAMPLERS[loss]
            and (mining in LOSS_MINING[loss] if sampler == "classes" else mining == "all")
        )
        found = TrainConfig(loss=loss, distance=distance, sampler=sampler, mining=mining).problems()
        assert (not found) == fits, (loss, distance, sampler, mining, found)
        if distance not in LOSS_DISTANCES[loss]:
            assert any(loss in p and distance in p and LOSS_DISTANCES[loss][0] in p for p in found)
        if sampler not in LOSS_SAMPLERS[loss]:
            assert any(loss in p and sampler in p and LOSS_SAMPLERS[loss][0] in p for p in found)


def test_margins_that_cannot_work_are_told():
    for loss in ("contrastive", "triplet"):
        assert "above 0" in TrainConfig(loss=loss, margin=0.0).problems()[0]
    assert TrainConfig(loss="supcon", margin=0.0).problems() == []
    assert "at most 2" in TrainConfig(loss="contrastive", distance="cosine", margin=2.5).problems()[0]
    assert TrainConfig(loss="contrastive", distance="manhattan", margin=2.5).problems() == []


def test_every_setting_has_what_a_form_needs():
    for field in dataclasses.fields(TrainConfig):
        m = field.metadata
        assert m["label"]
        assert m["help"].endswith(".")
        assert m["section"] in {"Data", "Network", "Training", "Batches", "Augmentation"}
        assert (m["low"] is None) == (m["high"] is None)
        assert m["low"] is None or m["low"] <= field.default <= m["high"]
        assert m["choices"] is None or field.default in m["choices"]


def test_pictures_may_be_wider_than_high():
    assert TrainConfig(image_size=30).picture == (30, 30)
    wide = TrainConfig(image_size=100, image_width=200)
    assert wide.picture == (100, 200)
    assert wide.problems() == []
    assert "0 or between 12 and 448" in TrainConfig(image_width=5).problems()[0]
    (turned,) = wide.with_values(class_copies=True).problems()
    assert "100 x 200" in turned
    assert "quarter-turned" in turned
    assert TrainConfig(image_size=28, image_width=28, class_copies=True).problems() == []


def test_settings_of_runs_from_before_width_colour_and_crop_can_be_read():
    old = {k: v for k, v in TrainConfig().to_dict().items() if k not in ("image_width", "colour", "crop")}
    assert TrainConfig.from_dict(old) == TrainConfig()
