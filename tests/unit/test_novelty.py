"""What is usual and what is not: against numpy's own formula, and pictures that no training has seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from siamese_core import novelty
from siamese_core.errors import DataError


def blurred(x: torch.Tensor) -> torch.Tensor:
    """Feature maps for tests: coarse means of the picture and of its edges."""
    edges = torch.nn.functional.pad(x.diff(dim=3).abs(), (0, 1))
    return torch.nn.functional.avg_pool2d(torch.cat([x, edges], 1), 4)


def strokes(count: int, seed: int) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    paper = np.zeros((count, 1, 16, 16), np.float32)
    for sheet in paper:
        for _ in range(2):
            y, x = rng.integers(2, 9, 2)
            sheet[0, y : y + 2, x : x + 5] = rng.uniform(0.7, 1.0)
    return torch.from_numpy(paper)


@pytest.fixture(scope="module")
def usual() -> novelty.Novelty:
    train, validation = (novelty.features(blurred, strokes(n, s)).numpy() for n, s in ((300, 0), (200, 1)))
    return novelty.fit(train, validation)


def test_distances_are_mahalanobis():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(4, 4))
    train = rng.normal(size=(50_000, 4)) @ mixing
    found = novelty.fit(train, train[:100])
    covariance = 0.9 * np.cov(train.T) + 0.1 * np.diag(np.var(train, axis=0, ddof=1))
    x = rng.normal(size=(5, 4))
    slow = [np.sqrt((v - train.mean(0)) @ np.linalg.inv(covariance) @ (v - train.mean(0))) for v in x]
    assert found.distances(x) == pytest.approx(slow, rel=1e-3)
    assert found.usual[0] == pytest.approx(np.median(found.distances(train[:100])))


def test_what_is_like_the_training_is_usual(usual):
    assert usual.unlike(novelty.features(blurred, strokes(400, 2)).numpy()).mean() < 0.02


@pytest.mark.parametrize("what", ["noise", "blank", "inverted", "grey"])
def test_what_no_training_has_seen_is_unlike(usual, what):
    x = {
        "noise": torch.rand(20, 1, 16, 16, generator=torch.Generator().manual_seed(0)),
        "blank": torch.zeros(20, 1, 16, 16),
        "inverted": 1 - strokes(20, 3),
        "grey": torch.full((20, 1, 16, 16), 0.5),
    }[what]
    assert usual.unlike(novelty.features(blurred, x).numpy()).all()


def test_a_constant_feature_does_not_break_it():
    rng = np.random.default_rng(0)
    train = np.column_stack([rng.normal(size=100), np.ones(100)])
    found = novelty.fit(train, train)
    assert np.isfinite(found.distances(train)).all()
    assert found.unlike(np.array([[0.0, 5.0]]))[0]


def test_large_networks_are_looked_at_in_part():
    x = torch.rand(2, 1, 8, 8)
    assert novelty.features(lambda x: x.repeat(1, 1000, 1, 1), x).shape == (2, 2 * novelty.MOST_MAPS + 6)
    assert novelty.features(lambda x: x.mean((2, 3), keepdim=True), x).shape == (2, 1 + 6)  # one number a map


def test_too_little_to_learn_from_is_refused():
    with pytest.raises(DataError, match="at least 20"):
        novelty.fit(np.zeros((30, 2)), np.zeros((3, 2)))
    with pytest.raises(DataError, match="not finite"):
        novelty.fit(np.full((30, 2), np.nan), np.zeros((30, 2)))


def test_features_that_are_no_numbers_are_unlike_anything(usual):
    row = np.full((2, len(usual.mean)), np.nan)
    row[1] = np.inf
    assert usual.unlike(row).all()
