"""Alignment and uniformity against slow loops, with what is known of the sphere and of simplexes."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import uniformity


def slow(x: np.ndarray, labels: np.ndarray) -> tuple[float, float, float]:
    """(alignment, mean over any pair, uniformity) by loops; positives are drawn item first."""
    x = [v / np.linalg.norm(v) for v in x]
    n = len(x)
    square = [[float(((a - b) ** 2).sum()) for b in x] for a in x]
    means = []
    for i in range(n):
        others = [square[i][j] for j in range(n) if j != i and labels[j] == labels[i]]
        means += [np.mean(others)] if others else []
    pairs = [square[i][j] for i in range(n) for j in range(n) if i != j]
    return float(np.mean(means)), float(np.mean(pairs)), float(np.log(np.mean(np.exp(-2 * np.array(pairs)))))


def test_they_are_the_definitions(monkeypatch):
    monkeypatch.setattr(uniformity, "BLOCK", 100)  # several blocks
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(30, 4)) * 3 + 1, rng.choice([0, 1, 1, 1, 7], 30)
    labels[0] = 9  # a class of one item has no positives
    same, every, even = slow(x, labels)
    found = uniformity.alignment(x, labels)
    assert found.same == pytest.approx(same)
    assert found.any == pytest.approx(every)
    assert found.share == pytest.approx(same / every)
    assert uniformity.uniformity(x) == pytest.approx(even)


def test_turning_scaling_and_order_do_not_count():
    rng = np.random.default_rng(1)
    x, labels = rng.normal(size=(25, 3)), rng.integers(0, 3, 25)
    order, turn = rng.permutation(25), np.linalg.qr(rng.normal(size=(3, 3)))[0]
    a, u = uniformity.alignment(x, labels), uniformity.uniformity(x)
    for z, y in ((x @ turn, labels), (x[order], labels[order]), (x * rng.uniform(1, 5, (25, 1)), labels)):
        assert uniformity.alignment(z, y).same == pytest.approx(a.same)
        assert uniformity.uniformity(z) == pytest.approx(u)


def test_points_spread_by_chance_are_as_even_as_the_sphere():
    x = np.random.default_rng(2).normal(size=(3000, 6))
    assert uniformity.uniformity(x) == pytest.approx(uniformity.even(6), abs=0.01)
    around = np.exp(-4 + 4 * np.cos(np.linspace(0, np.pi, 10_001)))  # of one point on a circle
    assert uniformity.even(2) == pytest.approx(float(np.log(around.mean())), abs=1e-3)


def test_classes_that_are_points_of_a_simplex_are_as_tight_as_told():
    corners = np.eye(5) - 1 / 5
    counts = np.array([2, 3, 4, 5, 6])
    x, labels = np.repeat(corners, counts, axis=0), np.repeat(np.arange(5), counts)
    assert uniformity.uniformity(x) == pytest.approx(uniformity.tight(counts))
    assert uniformity.alignment(x, labels).same == pytest.approx(0, abs=1e-12)
    assert uniformity.tight(np.array([0, 4])) == 0


def test_one_point_is_as_uneven_as_can_be():
    x = np.ones((6, 3))
    assert uniformity.uniformity(x) == pytest.approx(0, abs=1e-9)
    assert not uniformity.alignment(x, np.array([0, 0, 0, 1, 1, 1])).share < 1  # never read as good
    assert uniformity.alignment(x, np.arange(6)) is None


def test_zero_embeddings_stay_where_they_are():
    assert uniformity.unit(np.array([[0.0, 0.0], [3.0, 4.0]])).tolist() == [[0, 0], [0.6, 0.8]]
    assert np.isfinite(uniformity.uniformity(np.zeros((3, 2))))
