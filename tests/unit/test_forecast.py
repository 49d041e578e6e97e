"""What a training will cost, beside what it costs."""

from __future__ import annotations

import pytest

from siamese_core import encoders, forecast, presets
from siamese_core.types import InputSpec

SPEC = InputSpec(1, 12, 12, "ink")
SMALL = {"image_size": 12, "width": 8, "embedding_size": 8, "extra_classes": "none", "device": "cpu"}


def config(preset: str = "quick", **settings):
    return presets.build("digits", preset, **(SMALL | settings))


@pytest.mark.parametrize("preset", ["quick", "koch"])
def test_the_network_is_the_one_that_is_trained(preset):
    c = config(preset)
    found = forecast.network(c, SPEC)
    encoder = encoders.build(c, SPEC)
    own = c.embedding_size + 1 if c.distance == "weighted_l1" else 0
    assert found.parameters == sum(p.numel() for p in encoder.parameters()) + own
    assert found.layers[-1].shape == (8,)
    assert [layer.name for layer in found.layers] == [*(f"Block {i}" for i in (1, 2, 3, 4)), "Embedding"]
    assert found.megabytes == pytest.approx(found.parameters * 4e-6)


@pytest.mark.parametrize(("preset", "more"), [("pairs", {}), ("triplets", {"groups_per_batch": 2}), ("koch", {})])
def test_speed_is_measured_for_every_kind_of_batch(preset, more):
    speed = forecast.measure(config(preset, **more), SPEC)
    assert speed.picture > 0
    assert speed.looked_at > 0
    assert speed.device == "cpu"


def test_a_large_network_is_not_tried_out(monkeypatch):
    monkeypatch.setattr(forecast, "MOST_PARAMETERS", 100)
    assert forecast.measure(config(), SPEC) is None


def test_a_large_batch_is_measured_smaller():
    large = config(image_size=200, classes_per_batch=500, items_per_class=60, start_from="nothing")
    smaller = forecast._smaller(large, InputSpec(1, 200, 200))
    assert forecast.pictures_a_batch(smaller) * 200 * 200 * 8 / 64 <= 2 * forecast.MOST_PIXELS
    assert smaller.items_per_class >= 2


def test_a_process_of_its_own_gives_the_same_kind_of_answer():
    assert forecast.measure_apart(config(), SPEC).device == "cpu"


def test_a_process_that_fails_is_no_answer(monkeypatch):
    monkeypatch.setattr(forecast.sys, "executable", "/no/such/python")
    assert forecast.measure_apart(config(), SPEC) is None


def test_the_forecast_is_the_loops_arithmetic():
    speed = forecast.Speed(0.001, 0.0005, "cpu")
    free = config(epochs=10, steps_per_epoch=0, max_seconds=0.0)
    found = forecast.forecast(free, speed, 100, 950, 2000)  # 10 steps of 0.1 s, then 800 looked at in 0.4 s
    assert (found.seconds, found.epochs, found.steps_per_epoch) == (pytest.approx(14.0), 10, 10)
    assert not found.limited
    cut = forecast.forecast(free.with_values(max_seconds=7.0), speed, 100, 950, 2000)
    assert (cut.seconds, cut.epochs, cut.limited) == (7.0, 5, True)
