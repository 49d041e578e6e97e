"""Dynamic t-SNE: affinities against a slow loop, and maps that grow out of each other."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import dynamic_tsne


def blobs(seed: int = 0, apart: float = 6.0, classes: int = 3, each: int = 15) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), each)
    return rng.normal(size=(classes, 8))[labels] * apart + rng.normal(size=(classes * each, 8)), labels


def test_affinities_are_those_of_the_definition():
    x, _ = blobs(classes=2, each=6)
    found = dynamic_tsne.affinities(x, 4.0)
    assert found.sum() == pytest.approx(1.0, abs=1e-5)
    assert np.array_equal(found, found.T)
    n = len(x)
    slow = np.zeros((n, n))
    for i in range(n):
        d = np.array([((x[i] - x[j]) ** 2).sum() for j in range(n)])
        low, high = 0.0, 1e6
        for _ in range(200):
            beta = (low + high) / 2
            p = np.array([0.0 if j == i else np.exp(-(d[j] - min(d[:i].tolist() + d[i + 1 :].tolist())) * beta)
                          for j in range(n)])  # fmt: skip
            p /= p.sum()
            entropy = -sum(v * np.log(v) for v in p if v > 0)
            low, high = (beta, high) if entropy > np.log(4.0) else (low, beta)
        slow[i] = p
    np.testing.assert_allclose(found, (slow + slow.T) / (2 * n), atol=1e-5)


def test_a_map_keeps_classes_together_and_the_next_one_moves_little():
    x, labels = blobs()
    p = dynamic_tsne.affinities(x, 8.0)
    first = dynamic_tsne.first(p, x[:, :2])
    middles = np.stack([first[labels == c].mean(axis=0) for c in range(3)])
    nearest = ((first[:, None] - middles[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert np.array_equal(nearest, labels)
    nudged = x + np.random.default_rng(1).normal(size=x.shape) * 0.05
    second = dynamic_tsne.following(dynamic_tsne.affinities(nudged, 8.0), first)
    fresh = dynamic_tsne.first(dynamic_tsne.affinities(nudged, 8.0), nudged[:, :2] * [-1, 1], seed=1)
    moved = np.linalg.norm(second - first, axis=1).mean()
    assert 0 < moved < 0.08 * np.linalg.norm(fresh - first, axis=1).mean()


def test_the_same_input_gives_the_same_map():
    x, _ = blobs()
    p = dynamic_tsne.affinities(x, 8.0)
    assert np.array_equal(dynamic_tsne.first(p, x[:, :2]), dynamic_tsne.first(p, x[:, :2]))


@pytest.mark.parametrize(
    "x", [np.zeros((12, 3)), np.repeat(np.eye(4), 3, axis=0), np.eye(12) * 1e-6 + 1, np.eye(12) * 1e4]
)
def test_points_in_one_place_or_far_apart_give_numbers(x):
    p = dynamic_tsne.affinities(x, 3.0)
    assert np.isfinite(p).all()
    first = dynamic_tsne.first(p, x[:, :2])
    assert np.isfinite(first).all()
    assert np.isfinite(dynamic_tsne.following(p, first)).all()


@pytest.mark.parametrize(
    ("counts", "perplexity"), [([20] * 14, 16.0), ([200, 200], 30.0), ([2] * 3, 5 / 3), ([3, 3], 2.0), ([5], 2.0)]
)
def test_the_perplexity_follows_the_classes_and_fits_the_points(counts, perplexity):
    labels = np.repeat(np.arange(len(counts)), counts)
    assert dynamic_tsne.perplexity_for(labels) == pytest.approx(max(2.0, perplexity))
