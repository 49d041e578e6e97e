"""Plain pixels: what a network must beat."""

from __future__ import annotations

import numpy as np

from siamese_core.baseline import MOST_SIDE, Pixels
from siamese_core.modalities.image import ImageItems
from siamese_core.one_shot import episodes
from siamese_core.types import InputSpec, LabelledSet

SMALL = InputSpec(1, 12, 12, "ink")


def strokes(noise: int) -> LabelledSet:
    """Four classes of six pictures: a stroke each, with so much noise."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 6)
    pixels = rng.integers(0, noise + 1, (24, 1, 12, 12)).astype(np.uint8)
    for i, c in enumerate(labels):
        pixels[i, 0, 3 * c] = 255
    return LabelledSet("strokes", ImageItems(pixels, SMALL), labels, ("a", "b", "c", "d"))


def test_pixels_compare_pictures_as_they_are():
    data = strokes(40)
    pixels = Pixels(SMALL)
    z = pixels.embed(data.items)
    assert z.shape == (24, 144)
    assert 0 <= z.min() <= z.max() == 1
    matrix = pixels.distance_matrix(z[:5], z)
    assert (matrix[np.arange(5), np.arange(5)] == 0).all()
    np.testing.assert_allclose(matrix[0], np.sqrt(((z - z[0]) ** 2).sum(1)), rtol=1e-5)
    np.testing.assert_allclose(pixels.distances(z[:5], z[5:10]), np.diag(pixels.distance_matrix(z[:5], z[5:10])))


def test_pixels_solve_what_pixels_can_solve():
    assert episodes(Pixels(SMALL), strokes(40), k_shot=1, n_episodes=30)["accuracy"] == 1.0


def test_large_pictures_are_shrunk():
    spec = Pixels(InputSpec(3, 224, 200, "photo")).spec
    assert (spec.channels, spec.height, spec.width, spec.polarity) == (3, MOST_SIDE, MOST_SIDE, "photo")
    items = ImageItems(np.zeros((2, 1, 90, 90), np.uint8), InputSpec(1, 90, 90, "ink"))
    assert Pixels(InputSpec(1, 100, 100, "ink")).embed(items).shape == (2, MOST_SIDE**2)
