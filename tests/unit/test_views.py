"""Test-time augmentation: what moves, and what an average of views is."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import views
from siamese_core.baseline import Pixels
from siamese_core.modalities.image import ImageItems
from siamese_core.types import InputSpec
from siamese_core.views import VIEWS, Averaged, moved
from tests.pictures import cross


def items(polarity: str = "ink") -> ImageItems:
    return ImageItems(np.stack([255 - cross(at=8), 255 - cross(at=10)])[:, None], InputSpec(1, 20, 20, polarity))


def test_nothing_moves_without_a_move():
    some = items()
    assert moved(some, 0, 0, 0) is some


def test_a_shift_is_a_shift():
    some = items()
    np.testing.assert_array_equal(moved(some, 0, 0.1, 0).pixels[..., 2:], some.pixels[..., :-2])  # 2 of 20 pixels
    np.testing.assert_array_equal(moved(some, 0, 0, 0.1).pixels[:, :, 2:], some.pixels[:, :, :-2])


def test_ink_is_padded_with_paper_and_photos_with_their_border():
    bright = ImageItems(np.full((1, 1, 20, 20), 200, np.uint8), InputSpec(1, 20, 20, "ink"))
    assert moved(bright, 0, 0.1, 0).pixels[..., :2].max() == 0
    photo = ImageItems(bright.pixels, InputSpec(1, 20, 20, "photo"))
    assert moved(photo, 0, 0.1, 0).pixels.min() == 200


def test_the_mean_is_over_all_views():
    some, pixels = items(), Pixels(InputSpec(1, 20, 20))
    slow = np.mean([pixels.embed(moved(some, *view)) for view in VIEWS], axis=0)
    np.testing.assert_allclose(Averaged(pixels).embed(some), slow, atol=1e-6)


def test_unit_embeddings_stay_so():
    class Unit(Pixels):
        def embed(self, items):
            z = super().embed(items)
            return z / np.linalg.norm(z, axis=1, keepdims=True)

    averaged = Averaged(Unit(InputSpec(1, 20, 20)))
    z = averaged.embed(items())
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1.0, atol=1e-6)
    assert averaged.distances(z[:1], z[1:])[0] == pytest.approx(averaged.distance_matrix(z[:1], z[1:])[0, 0])


def test_views_are_modest():
    assert max(abs(v[0]) for v in VIEWS) <= 10
    assert views.SHIFT <= 0.05
