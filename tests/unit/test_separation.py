"""Distances within and between classes, d', silhouettes and confusion, against slow loops and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import silhouette_samples

from siamese_core import space_health
from siamese_core.separation import BINS
from tests.embedders import Plain


@pytest.fixture
def space():
    """Thirty-six items of four classes that overlap, in no order."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat([0, 1, 2, 5], [9, 12, 14, 1]))
    return rng.normal(size=(6, 3))[labels] + rng.normal(size=(36, 3)), labels


def measured(z, labels, monkeypatch=None):
    if monkeypatch is not None:
        monkeypatch.setattr(space_health, "BLOCK", 200)  # several blocks
    return space_health.measure(Plain(), z, labels)


def test_distances_and_d_prime_are_those_of_a_loop(space, monkeypatch):
    z, labels = space
    s = measured(z, labels, monkeypatch).apart
    same, different = [], []
    for i in range(36):
        for j in range(i + 1, 36):
            (same if labels[i] == labels[j] else different).append(np.linalg.norm(z[i] - z[j]))
    assert (s.same_mean, s.same_deviation) == pytest.approx((np.mean(same), np.std(same)))
    assert (s.different_mean, s.different_deviation) == pytest.approx((np.mean(different), np.std(different)))
    d_prime = (np.mean(different) - np.mean(same)) / np.sqrt((np.var(same) + np.var(different)) / 2)
    assert s.d_prime == pytest.approx(d_prime)
    assert len(s.edges) == BINS + 1
    assert s.same.tolist() == np.histogram(np.clip(same, s.edges[0], s.edges[-1]), s.edges)[0].tolist()
    assert s.different.tolist() == np.histogram(np.clip(different, s.edges[0], s.edges[-1]), s.edges)[0].tolist()


def test_silhouettes_are_those_of_scikit_learn(space, monkeypatch):
    z, labels = space
    s = measured(z, labels, monkeypatch).apart
    expected = silhouette_samples(z, labels)
    assert s.silhouette == pytest.approx(expected.mean())
    assert s.by_class == pytest.approx([expected[labels == c].mean() for c in (0, 1, 2, 5)])


def test_confusion_is_that_of_a_loop(space, monkeypatch):
    z, labels = space
    c = measured(z, labels, monkeypatch).confusion
    matrix = np.zeros((6, 6), int)
    for i in range(36):
        order = sorted((j for j in range(36) if j != i), key=lambda j: np.linalg.norm(z[i] - z[j]))
        other = next(j for j in order if labels[j] != labels[i])
        assert c.other[i] == other
        assert c.asked[i] == (labels[i] != 5)  # the only one of its class has no right answer
        if c.asked[i]:
            assert c.wrong[i] == (labels[order[0]] != labels[i])
            matrix[labels[i], labels[order[0]]] += 1
    assert c.matrix(6).tolist() == matrix.tolist()
    assert c.rate == pytest.approx(1 - np.trace(matrix) / 35)
    assert c.by_class(6)[[0, 1, 2]] == pytest.approx([1 - matrix[k, k] / matrix[k].sum() for k in (0, 1, 2)])
    assert np.isnan(c.by_class(6)[5])
    a, b, count, i, j = c.pairs(3)[0]
    both = matrix + matrix.T
    np.fill_diagonal(both, 0)
    assert count == both.max() == both[a, b]
    assert (labels[i], labels[j]) == (a, b)
    assert c.wrong[i]


def test_order_of_the_items_does_not_count(space):
    z, labels = space
    order = np.random.default_rng(5).permutation(36)
    one, other = measured(z, labels), measured(z[order], labels[order])
    for name, value in one.values().items():
        assert other.values()[name] == pytest.approx(value), name
    assert (order[other.confusion.other] == one.confusion.other[order]).all()
    assert other.hubs.occurrence == pytest.approx(one.hubs.occurrence[order])


def test_a_tie_is_wrong():
    z, labels = np.array([[0.0], [1.0], [-1.0], [9.0]]), np.array([0, 0, 1, 1])
    assert measured(z, labels).confusion.wrong.tolist() == [True, False, True, True]
    assert measured(np.repeat(np.eye(2), 2, axis=0), np.array([0, 1, 0, 1])).confusion.rate == 1  # each beside another


def test_classes_that_are_points_have_no_bound_and_equal_distances_no_answer():
    z = np.repeat(np.eye(3), 2, axis=0)
    found = measured(z, np.repeat(np.arange(3), 2))
    assert np.isinf(found.apart.d_prime)
    assert found.confusion.rate == 0
    assert [pair[2] for pair in found.confusion.pairs(5)] == [0, 0]  # nothing is mistaken: what is nearest, with 0
    simplex = np.eye(4)
    assert np.isnan(measured(simplex, np.array([0, 0, 1, 1])).apart.d_prime)


def test_distances_below_nought_have_no_silhouette():
    class Shifted(Plain):
        def distance_matrix(self, queries, gallery):
            return super().distance_matrix(queries, gallery) - 3

    rng = np.random.default_rng(1)
    z, labels = rng.normal(size=(20, 2)), np.repeat([0, 1], 10)
    found, plain = space_health.measure(Shifted(), z, labels), space_health.measure(Plain(), z, labels)
    assert np.isnan(found.apart.silhouette)
    assert found.apart.d_prime == pytest.approx(plain.apart.d_prime)  # wherever zero is
    assert found.apart.same_mean == pytest.approx(plain.apart.same_mean - 3)
    assert found.confusion.rate == plain.confusion.rate


def test_the_deviation_over_classes_is_that_of_classes_drawn_anew():
    rng = np.random.default_rng(2)
    z = np.repeat(rng.normal(size=(60, 2)), 8, axis=0) + 0.15 * rng.normal(size=(480, 2))
    labels = np.repeat(np.arange(60), 8)
    c = measured(z, labels).confusion
    wrong = np.array([c.wrong[labels == k].sum() for k in range(60)])
    drawn = [wrong[rng.integers(0, 60, 60)].sum() / 480 for _ in range(4000)]
    assert c.deviation() == pytest.approx(np.std(drawn), rel=0.05)
