"""Starting from a trained run's weights: taken over exactly, refused in words, and remembered."""

from __future__ import annotations

import pytest
import torch

from siamese_core import beginnings, presets, trained
from siamese_core.errors import ConfigError
from siamese_core.training import Trainer
from siamese_core.types import InputSpec


def test_the_digits_preset_goes_on_from_the_starter_and_other_shapes_do_not():
    assert presets.build("digits").start_from == "starter"
    assert presets.build("digits", "pairs").start_from == "nothing"
    assert presets.build("digits", width=8).start_from == "nothing"
    assert presets.build("digits", image_size=28).start_from == "starter"
    assert presets.build("glyphs").start_from == "nothing"


def test_another_shape_is_refused_with_what_differs():
    config = presets.build("digits", width=8, image_size=20, start_from="starter")
    with pytest.raises(ConfigError) as e:
        beginnings.check(config)
    assert "Width must be 64" in str(e.value)
    assert "Picture size must be 28" in str(e.value)
    assert beginnings.encoder_weights(presets.build("digits", "pairs")) is None
    assert beginnings.seen_before(presets.build("digits", "pairs")) == set()


def test_training_begins_with_the_starter_s_weights_to_the_bit():
    from siamese_core import prepare

    config = presets.build("digits", extra_classes="none", device="cpu")
    p = prepare.prepare(config)
    t = Trainer(config, p.spec, p.train, p.validation, "cpu", beginnings.encoder_weights(config))
    theirs = trained.load("starter").encoder.state_dict()
    for mine in (t.encoder.state_dict(), t.average.state_dict()):
        assert all(torch.equal(mine[k], v) for k, v in theirs.items())
    assert len(beginnings.seen_before(config)) > 5000


def test_weights_for_colour_are_refused():
    from siamese_core import prepare

    config = presets.build("digits", extra_classes="none", device="cpu")
    p = prepare.prepare(config)
    weights = beginnings.encoder_weights(config)
    with pytest.raises(ConfigError, match="another network"):
        Trainer(config, InputSpec(3, 28, 28), p.train, p.validation, "cpu", weights)
