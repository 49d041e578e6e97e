"""Invented alphabets: alike within a class, different between classes, the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core.datasets import glyph_pen
from siamese_core.datasets.glyph_alphabets import invent
from siamese_core.datasets.glyph_paths import STROKES, walk
from siamese_core.datasets.glyphs import glyphs
from siamese_core.errors import DataError
from siamese_core.types import InputSpec


@pytest.fixture(scope="module")
def pen():
    return glyphs(classes=60, hands=8, alphabets=4, seed=1)


@pytest.fixture(scope="module")
def scan():
    return glyphs(classes=60, hands=8, alphabets=4, seed=1, style="scan", size=8)


def test_labels_groups_and_hands(pen):
    assert len(pen) == 480
    assert pen.items.spec == InputSpec(1, 28, 28, "ink")
    assert pen.class_names[0] == "alphabet01/character01"
    assert pen.class_names[-1] == "alphabet04/character15"
    assert pen.group_names == ("alphabet01", "alphabet02", "alphabet03", "alphabet04")
    assert np.bincount(pen.class_groups).tolist() == [15] * 4
    assert pen.labels.tolist() == list(np.repeat(np.arange(60), 8))
    assert pen.makers.tolist() == list(np.tile(np.arange(8), 60))
    assert "seed 1" in pen.about


@pytest.mark.parametrize(
    ("classes", "alphabets", "sizes"), [(7, 3, [3, 2, 2]), (2, 5, [1, 1]), (1, 1, [1]), (9, 9, [1] * 9)]
)
def test_any_number_of_classes(classes, alphabets, sizes):
    data = glyphs(classes, 2, alphabets=alphabets)
    assert np.bincount(data.class_groups).tolist() == sizes
    assert data.n_classes == classes


def test_same_seed_same_pictures_and_written_down(pen):
    assert glyphs(classes=60, hands=8, alphabets=4, seed=1).digest == pen.digest
    assert glyphs(classes=60, hands=8, alphabets=4, seed=2).digest != pen.digest


def test_no_two_pictures_are_equal(pen):
    assert len(set(pen.items.digests())) == len(pen)


@pytest.mark.parametrize("size", [16, 28, 64, 105])
def test_ink_is_there_and_inside(size):
    data = glyphs(classes=20, hands=5, alphabets=2, size=size)
    pixels = data.items.pixels[:, 0].astype(int)
    assert pixels.shape == (100, size, size)
    ink = (pixels > 90).mean(axis=(1, 2))
    assert ink.min() > 0.004
    assert ink.max() < 0.4
    assert pixels.max(axis=(1, 2)).min() >= 120, "every picture has strong ink"
    edge = np.concatenate([pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]], axis=1)
    assert (edge > 127).mean() < 0.001, "characters lie inside the page"


def test_larger_is_the_same_drawing():
    small, large = glyphs(10, 4, 28, alphabets=1), glyphs(10, 4, 56, alphabets=1)
    shrunk = large.items.fitted(small.items.spec).pixels.astype(float).reshape(40, -1)
    own = small.items.pixels.astype(float).reshape(40, -1)
    similar = [np.corrcoef(a, b)[0, 1] for a, b in zip(own, shrunk, strict=True)]
    assert np.median(similar) > 0.8


def nearest_share(data, blur: int = 14) -> float:
    """Share of pictures whose nearest other one, coarsely seen, is of the same class."""
    x = data.items.fitted(InputSpec(1, blur, blur, "ink")).pixels.reshape(len(data), -1).astype(float)
    x -= x.mean(axis=1, keepdims=True)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    near = x @ x.T - 2 * np.eye(len(x))
    return float(np.mean(data.labels[near.argmax(axis=1)] == data.labels))


def test_classes_can_be_told_apart_but_not_by_pixels_alone(pen, scan):
    assert 0.2 < nearest_share(pen) < 0.95, "chance is 0.015"
    assert 0.3 < nearest_share(scan, 8) < 0.98


def test_characters_of_an_alphabet_are_distinct():
    made = invent(40, np.random.default_rng(3))
    assert len(made.heading) == 40
    assert (made.pieces.sum(axis=1) >= 1).all()
    assert (made.pieces <= 4).all()
    paths = walk(made, 10)
    low, high = paths.boxes()
    clouds = []
    for c in range(40):
        points = paths.points[paths.character == c]
        clouds.append((points - (low[c] + high[c]) / 2) / (high[c] - low[c]).max())
    for i in range(40):
        for j in range(i):
            gap = np.sqrt(((clouds[i][:, None] - clouds[j][None]) ** 2).sum(-1))
            assert max(gap.min(0).mean(), gap.min(1).mean()) > 0.05


def test_strokes_hang_together():
    made = invent(30, np.random.default_rng(0))
    samples = 12
    paths = walk(made, samples)
    for c in range(30):
        for s in range(1, STROKES):
            if not made.pieces[c, s] or np.abs(made.offset[c, s]).any():
                continue
            own = paths.points[paths.stroke == c * STROKES + s]
            parent = paths.points[paths.stroke == c * STROKES + made.parent[c, s]]
            here = own[round(made.here[c, s] * (len(own) - 1))]
            there = parent[round(made.there[c, s] * (len(parent) - 1))]
            np.testing.assert_allclose(here, there, atol=1e-9)


def test_a_hand_keeps_its_pen(pen):
    ink = pen.items.pixels.reshape(60, 8, -1).astype(float).sum(axis=2)
    share = ink / ink.mean(axis=1, keepdims=True)
    first, second = share[:15:2].mean(axis=0), share[1:15:2].mean(axis=0)
    assert np.corrcoef(first, second)[0, 1] > 0.6, "who draws one half of an alphabet thickly draws the other so too"


def test_scans_look_like_the_digits(scan):
    from siamese_core import datasets

    digits = datasets.load("digits").items.pixels[:, 0, 3:-3, 3:-3].astype(float)  # without their paper
    made = scan.items.pixels[:, 0].astype(float)
    assert made.shape[1:] == (8, 8)
    levels = set(np.rint(np.arange(17) * (255 / 16)).astype(int))
    assert set(np.unique(made).astype(int)) <= levels
    assert abs(made.mean() - digits.mean()) < 20
    assert abs((made == 0).mean() - (digits == 0).mean()) < 0.15
    rows = (made > 24).any(axis=2)
    assert np.mean(rows[:, 0] & rows[:, 7]) > 0.85, "they fill the height, as the digits do"


def test_scan_in_another_size_is_the_fitted_scan(scan):
    large = glyphs(classes=60, hands=8, alphabets=4, seed=1, style="scan", size=28)
    np.testing.assert_array_equal(large.items.pixels, scan.items.fitted(large.items.spec).pixels)


@pytest.mark.parametrize(
    "options", [{"classes": 0}, {"hands": 0}, {"alphabets": 0}, {"size": 4}, {"size": 999}, {"style": "brush"}]
)
def test_impossible_wishes(options):
    with pytest.raises(DataError, match="Glyphs need"):
        glyphs(**options)


def test_pen_agrees_with_a_slow_reference():
    rng = np.random.default_rng(0)
    points, picture = rng.uniform(-3, 15, (60, 2)), rng.integers(0, 3, 60)
    seen = glyph_pen.distances(points, picture, 3, 12, 2.5)
    where = np.rint(points * 64) / 64
    inside = ((where >= 0) & (where < 12)).all(axis=1)
    for n in range(3):
        mine = where[inside & (picture == n)]
        for y in range(12):
            for x in range(12):
                gap = np.sqrt(((mine - [x + 0.5, y + 0.5]) ** 2).sum(1)).min() if len(mine) else np.inf
                if gap <= 2.5:
                    assert abs(seen[n, y, x] - gap) < 1e-5
                else:
                    assert seen[n, y, x] > 2.5
    np.testing.assert_array_equal(
        glyph_pen.soft(np.array([[[0.0, 1.0, 1.5, np.inf]]]), np.array([1.0])), [[[255, 128, 0, 0]]]
    )
