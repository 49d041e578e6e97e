"""Recall@k and MAP@R against a slow loop, the library that named MAP@R, and networks that cannot see."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siamese_core import retrieval
from siamese_core.errors import DataError


class Plane:
    """Euclidean distances."""

    def distance_matrix(self, queries, gallery):
        return np.linalg.norm(queries[:, None] - gallery[None], axis=2)


class Blind:
    """All distances are equal."""

    def distance_matrix(self, queries, gallery):
        return np.ones((len(queries), len(gallery)))


def slow(z, labels, ks):
    recalls, precisions = {k: [] for k in ks}, []
    for q in range(len(z)):
        others = [i for i in range(len(z)) if i != q]
        r = sum(labels[i] == labels[q] for i in others)
        if not r:
            continue
        ranked = sorted(others, key=lambda i: (np.linalg.norm(z[q] - z[i]), labels[i] == labels[q]))
        right = [labels[i] == labels[q] for i in ranked]
        for k in ks:
            recalls[k].append(any(right[:k]))
        precisions.append(sum(sum(right[: i + 1]) / (i + 1) for i in range(r) if right[i]) / r)
    return {k: np.mean(v) for k, v in recalls.items()}, np.mean(precisions)


@given(st.integers(0, 10_000), st.booleans())
def test_agrees_with_a_slow_loop(seed, tied):
    rng = np.random.default_rng(seed)
    labels = np.sort(rng.integers(0, 5, 24))
    labels[:4] = [0, 0, 1, 1]
    z = rng.normal(size=(24, 3))
    if tied:
        z = np.round(z)
    found = retrieval.measure(Plane(), z, labels, (1, 3))
    recall, precision = slow(z, labels, (1, 3))
    assert dict(found.recall) == pytest.approx(recall, abs=1e-12)
    assert found.map_at_r == pytest.approx(precision, abs=1e-12)


def test_agrees_with_pytorch_metric_learning():
    calculator = pytest.importorskip("pytorch_metric_learning.utils.accuracy_calculator")
    import torch
    from pytorch_metric_learning.distances import LpDistance
    from pytorch_metric_learning.utils.inference import CustomKNN

    rng = np.random.default_rng(3)
    labels, z = np.repeat(np.arange(8), 6), rng.normal(size=(48, 4))
    wanted = ("precision_at_1", "mean_average_precision_at_r")
    knn = CustomKNN(LpDistance(normalize_embeddings=False))
    theirs = calculator.AccuracyCalculator(include=wanted, knn_func=knn, device=torch.device("cpu")).get_accuracy(
        torch.tensor(z), torch.tensor(labels)
    )
    ours = retrieval.measure(Plane(), z, labels, (1,))
    assert ours.recall[0][1] == pytest.approx(theirs["precision_at_1"], abs=1e-9)
    assert ours.map_at_r == pytest.approx(theirs["mean_average_precision_at_r"], abs=1e-9)


def test_a_network_that_does_not_look_finds_nothing():
    found = retrieval.measure(Blind(), np.zeros((20, 2)), np.repeat(np.arange(4), 5), (1, 5))
    assert found.recall == ((1, 0.0), (5, 0.0))
    assert found.map_at_r == 0.0


def test_blocks_do_not_change_the_answer(monkeypatch):
    rng = np.random.default_rng(1)
    z, labels = rng.normal(size=(30, 4)), np.repeat(np.arange(10), 3)
    whole = retrieval.measure(Plane(), z, labels)
    monkeypatch.setattr(retrieval, "ROWS", 70)
    told = []
    parts = retrieval.measure(Plane(), z, labels, progress=lambda words, share: told.append(share))
    assert parts.recall == whole.recall
    assert parts.map_at_r == whole.map_at_r
    assert np.array_equal(parts.per_class, whole.per_class)
    assert told[-1] == 1.0


def test_single_items_are_found_but_do_not_ask():
    labels = np.array([0, 0, 1])
    found = retrieval.measure(Plane(), np.array([[0.0], [2.0], [0.5]]), labels, (1, 2))
    assert found.queries == 2
    assert found.recall == ((1, 0.0), (2, 1.0))
    assert np.isnan(found.per_class[1])


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(DataError, match="no class has two items"):
        retrieval.measure(Plane(), np.zeros((3, 2)), np.arange(3))
    with pytest.raises(DataError, match="not finite"):
        retrieval.measure(Plane(), np.full((4, 2), np.nan), np.array([0, 0, 1, 1]))
