"""Trustworthiness and continuity: against the reference, a slow oracle, and cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.manifold import trustworthiness

from siamese_core import projection_quality
from siamese_core.errors import DataError
from siamese_core.projection_quality import measure
from tests.embedders import Plain


def pair(n, seed=0, d=6, dims=2, noise=0.3):
    """Embeddings and a map of them that is neither right nor wrong."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, d))
    return z, z[:, :dims] + noise * rng.normal(size=(n, dims))


def oracle(z, points, k):
    """By the definition, one point and one neighbour at a time: the penalties of each point."""
    n = len(z)
    false, lost = np.zeros(n), np.zeros(n)
    for i in range(n):
        others = [j for j in range(n) if j != i]
        truly = sorted(others, key=lambda j: np.linalg.norm(z[i] - z[j]))
        shown = sorted(others, key=lambda j: np.linalg.norm(points[i] - points[j]))
        for j in shown[:k]:
            false[i] += max(truly.index(j) + 1 - k, 0)
        for j in truly[:k]:
            lost[i] += max(shown.index(j) + 1 - k, 0)
    return false, lost


@pytest.mark.parametrize("n", [60, 301])
@pytest.mark.parametrize("k", [1, 5, 12])
@pytest.mark.parametrize("dims", [2, 3])
def test_the_same_as_the_reference(n, k, dims):
    z, points = pair(n, k, dims=dims)
    found = measure(Plain(), z, points, k)
    assert found.trustworthiness == pytest.approx(trustworthiness(z, points, n_neighbors=k), abs=1e-9)
    assert found.continuity == pytest.approx(trustworthiness(points, z, n_neighbors=k), abs=1e-9)
    assert (found.k, found.measured) == (k, n)


@settings(max_examples=25, deadline=None)
@given(st.integers(8, 40), st.integers(1, 6), st.integers(0, 10**6))
def test_the_same_as_the_definition(n, k, seed):
    k = min(k, (n - 1) // 2)
    z, points = pair(n, seed, d=3)
    false, lost = oracle(z, points, k)
    worst = k * (2 * n - 3 * k - 1) / 2
    found = measure(Plain(), z, points, k)
    assert found.trustworthiness == pytest.approx(1 - false.mean() / worst, abs=1e-9)
    assert found.continuity == pytest.approx(1 - lost.mean() / worst, abs=1e-9)
    np.testing.assert_allclose(found.error, (false + lost) / 2 / worst, atol=1e-9)
    assert found.error.mean() == pytest.approx(1 - (found.trustworthiness + found.continuity) / 2, abs=1e-9)
    assert 0 <= found.error.min() <= found.error.max() <= 1


def test_a_perfect_map_and_one_that_knows_nothing():
    z, _ = pair(400)
    perfect = measure(Plain(), z, 3 * z + 1)
    assert (perfect.trustworthiness, perfect.continuity, perfect.error.max()) == (1, 1, 0)
    nothing = measure(Plain(), z, np.random.default_rng(9).normal(size=(400, 2)))
    assert nothing.trustworthiness == pytest.approx(0.5, abs=0.03)
    assert nothing.continuity == pytest.approx(0.5, abs=0.03)


def test_one_point_in_the_wrong_place_has_the_error():
    line = np.arange(50.0)[:, None]
    points = np.column_stack([line[:, 0], np.zeros(50)])
    points[0] = [49.5, 0]
    found = measure(Plain(), line, points, 5)
    assert found.error.argmax() == 0
    assert found.error[0] > 0.9
    assert found.error[20:40].max() == 0


def test_equal_points_that_share_a_place_are_no_error():
    z, _ = pair(30)
    z = np.repeat(z, 3, axis=0)
    found = measure(Plain(), z, z.copy(), 4)
    assert (found.trustworthiness, found.continuity, found.error.max()) == (1, 1, 0)
    same = measure(Plain(), np.ones((20, 3)), np.ones((20, 2)))
    assert (same.trustworthiness, same.continuity) == (1, 1)


def test_it_asks_the_runs_own_distance():
    class Turned(Plain):
        """Near is what a Euclidean eye finds far."""

        def distance_matrix(self, queries, gallery):
            return -super().distance_matrix(queries, gallery)

    z, _ = pair(80)
    assert measure(Turned(), z, z).trustworthiness < 0.3


def test_of_many_points_a_sample_is_measured_exactly(monkeypatch):
    z, points = pair(300, noise=1.0)
    whole = measure(Plain(), z, points)
    monkeypatch.setattr(projection_quality, "EXACT", 299)
    monkeypatch.setattr(projection_quality, "SAMPLE", 100)
    part = measure(Plain(), z, points, seed=4)
    asked = np.isfinite(part.error)
    assert (part.measured, asked.sum()) == (100, 100)
    np.testing.assert_allclose(part.error[asked], whole.error[asked], atol=1e-12)
    assert part.trustworthiness == pytest.approx(whole.trustworthiness, abs=0.03)
    assert not np.array_equal(asked, np.isfinite(measure(Plain(), z, points, seed=5).error))


def test_no_more_distances_are_held_than_fit(monkeypatch):
    class Counting(Plain):
        most = 0

        def distance_matrix(self, queries, gallery):
            found = super().distance_matrix(queries, gallery)
            self.most = max(self.most, found.size)
            return found

    z, points = pair(200)
    whole = measure(Plain(), z, points)
    monkeypatch.setattr(projection_quality, "BLOCK", 1700)
    counting, seen = Counting(), []
    found = measure(counting, z, points, progress=lambda text, fraction: seen.append(fraction))
    assert counting.most <= 1700
    np.testing.assert_array_equal(found.error, whole.error)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_few_points_have_fewer_neighbours_or_nothing_to_say():
    for n in (1, 2, 3):
        assert measure(Plain(), *pair(n)) is None
    assert measure(Plain(), *pair(4)).k == 1
    assert measure(Plain(), *pair(11)).k == 5


def test_broken_distances_are_told():
    z, points = pair(20)
    z[3] = np.nan
    with pytest.raises(DataError, match="not finite"):
        measure(Plain(), z, points)
