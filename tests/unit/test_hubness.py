"""k-occurrence against a slow loop, ties, and spaces with and without hubs."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import hubness


def distances(x: np.ndarray) -> np.ndarray:
    d = np.linalg.norm(x[:, None] - x[None], axis=2)
    np.fill_diagonal(d, np.inf)
    return d


def test_it_counts_as_a_loop_does():
    d = distances(np.random.default_rng(0).normal(size=(40, 3)))
    expected = np.zeros(40)
    for row in d:
        expected[sorted(range(40), key=lambda j: row[j])[:5]] += 1
    assert hubness.places(d, 5) == pytest.approx(expected)
    assert hubness.places(d[:13], 5) + hubness.places(d[13:], 5) == pytest.approx(expected)


def test_equal_distances_share_the_places():
    d = np.array([[np.inf, 1.0, 2.0, 2.0, 3.0]])
    assert hubness.places(d, 2).tolist() == [0, 1, 0.5, 0.5, 0]
    assert hubness.places(d, 1).tolist() == [0, 1, 0, 0, 0]


def test_golden_figures():
    found = hubness.summary(np.array([0.0] * 9 + [20.0] + [2.0] * 10), 2)
    assert found.anti_hubs == 0.45
    assert found.top == 0.5
    assert found.largest(2).tolist() == [9, 10]
    about = np.array([0.0] * 9 + [20.0] + [2.0] * 10) - 2
    assert found.skewness == pytest.approx((about**3).mean() / (about**2).mean() ** 1.5)
    assert hubness.summary(np.full(20, 3.0), 3).skewness == 0


def test_many_dimensions_have_hubs_and_few_have_not():
    rng = np.random.default_rng(1)
    skewness = {}
    for dims in (2, 100):
        d = distances(rng.normal(size=(400, dims)))
        skewness[dims] = hubness.summary(hubness.places(d, 10), 10).skewness
    assert skewness[2] < 0.5
    assert skewness[100] > 2
