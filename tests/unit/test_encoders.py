"""The encoder: every size builds, the tail is linear, the maps are positive, both twins share weights."""

from __future__ import annotations

import pytest
import torch

from siamese_core import encoders
from siamese_core.config import ENCODERS, TrainConfig
from siamese_core.errors import ConfigError
from siamese_core.types import InputSpec


def small(size: int = 28, channels: int = 1, **more):
    config = TrainConfig(**{"width": 8, "embedding_size": 6, "image_size": size} | more)
    spec = InputSpec(channels, size, size)
    torch.manual_seed(0)
    return encoders.build(config, spec).eval(), spec


@pytest.mark.parametrize("name", ENCODERS)
def test_every_name_of_the_config_builds(name):
    assert set(encoders.REGISTRY) == set(ENCODERS)
    encoder = encoders.build(TrainConfig(encoder=name), InputSpec())
    assert encoder(torch.rand(3, 1, 28, 28)).shape == (3, 64)


def test_an_unknown_name_lists_the_valid_ones():
    with pytest.raises(ConfigError, match=r"no encoder 'resnet'.*conv4"):
        encoders.build(TrainConfig(encoder="resnet"), InputSpec())


@pytest.mark.parametrize("channels", [1, 3])
def test_every_picture_size_builds_and_its_last_map_is_small(channels):
    for size in range(12, 225):
        encoder, _ = small(size, channels, width=2, embedding_size=2)
        with torch.inference_mode():
            maps = encoder.maps(torch.rand(1, channels, size, size))
            assert tuple(maps.shape[1:]) == encoder.map_shape
            assert 4 <= maps.shape[2] == maps.shape[3] <= 7, size
            assert encoder.tail(maps).shape == (1, 2)


def test_pictures_that_are_not_square_build_or_are_refused_in_one_sentence():
    config = TrainConfig(width=4)
    assert encoders.build(config, InputSpec(1, 28, 40)).maps(torch.rand(2, 1, 28, 40)).shape[2:] == (3, 5)
    with pytest.raises(ConfigError, match="200 x 3 pixels"):
        encoders.build(config, InputSpec(1, 200, 3))


def test_the_default_network_has_the_published_blocks_and_about_half_a_million_parameters():
    encoder = encoders.build(TrainConfig(width=64, embedding_size=128), InputSpec())
    assert sum(p.numel() for p in encoder.parameters()) == 494_432
    assert encoder.map_shape == (64, 7, 7)


def test_the_tail_is_linear_with_its_bias_apart():
    encoder, _ = small(normalise=False)
    encoder = encoder.double()
    a, b = torch.rand(2, 5, 8, 7, 7, dtype=torch.float64)
    whole = encoder.tail(a + b) - encoder.bias
    parts = (encoder.tail(a) - encoder.bias) + (encoder.tail(b) - encoder.bias)
    torch.testing.assert_close(whole, parts, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(encoder.tail(3 * a) - encoder.bias, 3 * (encoder.tail(a) - encoder.bias))
    torch.testing.assert_close(encoder.tail(torch.zeros_like(a)), encoder.bias.expand(5, -1))
    assert encoder.bias.abs().max() > 0


def test_the_output_is_the_tail_of_the_maps():
    for normalise in (False, True):
        encoder, _ = small(normalise=normalise)
        x = torch.rand(4, 1, 28, 28)
        z = encoder.tail(encoder.maps(x))
        if normalise:
            z = z / z.norm(dim=1, keepdim=True)
            torch.testing.assert_close(encoder(x).norm(dim=1), torch.ones(4))
        torch.testing.assert_close(encoder(x), z)


def test_maps_are_after_the_relu():
    for size in (12, 28, 105, 224):
        encoder, _ = small(size)
        maps = encoder.maps(torch.rand(4, 1, size, size))
        assert maps.min() == 0
        assert maps.max() > 0


def test_a_zero_embedding_stays_zero_and_has_a_finite_gradient():
    encoder, _ = small()
    with torch.no_grad():
        encoder.head.weight.zero_()
        encoder.head.bias.zero_()
    z = encoder(torch.rand(2, 1, 28, 28))
    z.sum().backward()
    assert (z == 0).all()
    assert all(torch.isfinite(p.grad).all() for p in encoder.parameters())


def test_an_input_is_read_alone_and_in_any_memory_order():
    encoder, _ = small(channels=3)
    x = torch.rand(5, 3, 28, 28)
    one_by_one = torch.cat([encoder(x[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(encoder(x), one_by_one, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(encoder(x.contiguous(memory_format=torch.channels_last)), encoder(x))


def test_the_same_seed_builds_the_same_network_and_its_weights_travel():
    first, _ = small()
    second, _ = small()
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    torch.manual_seed(1)
    third = encoders.build(TrainConfig(width=8, embedding_size=6), InputSpec()).eval()
    third.load_state_dict({k: v.contiguous() for k, v in first.state_dict().items()})
    x = torch.rand(2, 1, 28, 28)
    assert torch.equal(first(x), third(x))


def test_describe_lists_the_layers_in_order_and_changes_nothing():
    encoder, spec = small()
    encoder.train()
    encoder.blocks[0].eval()
    before = {k: v.clone() for k, v in encoder.state_dict().items()}
    rows = encoders.describe(encoder, spec)
    assert rows[0] == ("blocks.0.conv", (4, 28, 28), 36)
    assert rows[-1] == ("head", (6,), 8 * 7 * 7 * 6 + 6)
    assert sum(count for _, _, count in rows) == sum(p.numel() for p in encoder.parameters())
    assert encoder.training
    assert not encoder.blocks[0].training
    assert encoder.blocks[1].norm.training
    assert all(torch.equal(v, before[k]) for k, v in encoder.state_dict().items())
    assert encoders.describe(encoder, spec) == rows  # no hook stays behind


@pytest.mark.parametrize(("height", "width", "channels"), [(100, 200, 1), (96, 96, 3), (20, 90, 1), (90, 20, 3)])
def test_wide_high_and_coloured_pictures_are_read(height, width, channels):
    spec = InputSpec(channels, height, width)
    encoder = encoders.build(TrainConfig(width=8, embedding_size=6), spec).eval()
    x = torch.rand(2, channels, height, width)
    assert encoder(x).shape == (2, 6)
    assert encoder.maps(x).shape[1:] == encoder.map_shape
    assert max(encoder.map_shape[1:]) <= 7
