"""Every item's nearest other: against a slow loop, and with ties against the network."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import nearest
from siamese_core.errors import DataError
from tests.embedders import Plain


def test_it_is_the_nearest_by_brute_force(monkeypatch):
    monkeypatch.setattr(nearest, "ROWS", 100)  # several blocks
    rng = np.random.default_rng(0)
    z, labels = rng.normal(size=(40, 5)), rng.integers(0, 4, 40)
    found = nearest.each(Plain(), z, labels)
    for i in range(40):
        distances = {j: float(np.linalg.norm(z[i] - z[j])) for j in range(40) if j != i}
        assert found.indices[i] == min(distances, key=lambda j: distances[j])
        assert found.distances[i] == pytest.approx(min(distances.values()), rel=1e-6)


def test_a_tie_counts_against_the_network():
    z = np.array([[0.0], [1.0], [-1.0], [9.0]])
    assert nearest.each(Plain(), z, np.array([0, 0, 1, 1])).indices[0] == 2
    assert nearest.each(Plain(), z, np.array([0, 1, 0, 1])).indices[0] == 1
    assert nearest.each(Plain(), np.zeros((4, 2)), np.array([0, 0, 0, 1])).indices.tolist()[:3] == [3, 3, 3]


def test_items_of_one_class_have_neighbours_too():
    assert nearest.each(Plain(), np.array([[0.0], [1.0], [3.0]]), np.zeros(3, int)).indices.tolist() == [1, 0, 1]


def test_progress_ends_at_the_end_and_may_stop_it(monkeypatch):
    monkeypatch.setattr(nearest, "ROWS", 20)
    told = []
    nearest.each(Plain(), np.eye(10), np.arange(10), lambda text, share: told.append((text, share)))
    assert told[-1] == ("Found the nearest neighbours of 10 of 10 points", 1.0)
    assert len(told) == 5

    def stop(text, share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nearest.each(Plain(), np.eye(10), np.arange(10), stop)


def test_what_cannot_be_compared_is_told():
    with pytest.raises(DataError, match="One item alone"):
        nearest.each(Plain(), np.zeros((1, 2)), np.zeros(1, int))
    with pytest.raises(DataError, match="not finite"):
        nearest.each(Plain(), np.array([[0.0], [np.nan]]), np.zeros(2, int))
