"""What must hold for any data: of losses, distances, metrics and samplers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import roc_auc_score

from siamese_core import distances, losses, metrics, samplers
from siamese_core.config import DISTANCES, LOSS_DISTANCES, LOSS_MINING, LOSSES, TrainConfig

MANY = settings(deadline=None, max_examples=40)
FEW = settings(deadline=None, max_examples=8)  # for tests that are repeated over many combinations

COMBINATIONS = [(n, d, m) for n in LOSSES for d in LOSS_DISTANCES[n] for m in LOSS_MINING[n]]
NUMBERS = st.floats(-3, 3, allow_nan=False, width=32)


def make(name: str, distance: str, mining: str, size: int) -> losses.Loss:
    module = distances.build(distance, size).double()
    return losses.build(TrainConfig(loss=name, distance=distance, mining=mining), module)


@st.composite
def labelled(draw, least: int = 1):
    """Embeddings (some equal to others) and labels, as uneven as they come."""
    n, size = draw(st.integers(least, 14)), draw(st.integers(1, 5))
    z = draw(hnp.arrays(np.float64, (n, size), elements=NUMBERS))
    z = z[draw(hnp.arrays(np.int64, n, elements=st.integers(0, n - 1)))] if draw(st.booleans()) else z
    return z, draw(hnp.arrays(np.int64, n, elements=st.integers(0, 4)))


@pytest.mark.parametrize(("name", "distance", "mining"), COMBINATIONS)
@given(batch=labelled())
@FEW
def test_losses_of_classes_are_finite_and_never_negative(name, distance, mining, batch):
    z, labels = batch
    loss = make(name, distance, mining, z.shape[1])
    value = loss.on_classes(torch.tensor(z, requires_grad=True), torch.tensor(labels))
    value.backward()
    assert torch.isfinite(value)
    assert value >= -1e-12


@pytest.mark.parametrize(("name", "distance", "mining"), COMBINATIONS)
@given(labels=st.lists(st.integers(0, 4), min_size=1, max_size=14), size=st.integers(1, 5), seed=st.integers(0, 2**16))
@FEW
def test_losses_of_classes_do_not_mind_the_order_or_the_names_of_classes(name, distance, mining, labels, size, seed):
    """Over numbers without ties: at a tie, what is mined may change with the last digit."""
    rng = np.random.default_rng(seed)
    z, labels = rng.normal(size=(len(labels), size + 1)), np.array(labels)
    loss = make(name, distance, mining, size + 1)
    order, names = rng.permutation(len(z)), rng.permutation(5) + 10
    with torch.no_grad():
        value = loss.on_classes(torch.tensor(z), torch.tensor(labels))
        other = loss.on_classes(torch.tensor(z[order]), torch.tensor(names[labels[order]]))
    torch.testing.assert_close(value, other, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", DISTANCES)
@given(batch=labelled())
@MANY
def test_distances_are_symmetric_never_negative_and_zero_on_identity(name, batch):
    z = torch.tensor(batch[0])
    module = distances.build(name, z.shape[1]).double()
    with torch.no_grad():
        matrix, back = module.matrix(z, z), module.matrix(z.flip(0), z)
        least = float(module.bias) if name == "weighted_l1" else 0.0
        torch.testing.assert_close(matrix, matrix.T, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(back, matrix.flip(0), rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(module.pairs(z, z.flip(0)), module.pairs(z.flip(0), z))
        assert (matrix.diagonal() == least).all()
        assert (module.pairs(z, z) == least).all()
        assert (matrix >= least).all()


@given(batch=labelled(least=3))
@MANY
def test_the_metric_distances_obey_the_triangle(batch):
    z = torch.tensor(batch[0])
    for name in ("euclidean", "manhattan"):
        d = distances.build(name, z.shape[1]).matrix(z, z)
        assert (d[:, :, None] + d[None, :, :] >= d[:, None, :] - 1e-9).all()


@st.composite
def scored(draw):
    """Distances with many ties, and at least one pair of each kind."""
    same, different = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    d = draw(hnp.arrays(np.float64, same + different, elements=st.integers(0, 6) | st.floats(0, 6)))
    return d, np.arange(same + different) < same


@given(scored())
@MANY
def test_auc_is_scikit_learn_s_ties_included(case):
    d, same = case
    assert metrics.roc_auc(d, same) == pytest.approx(roc_auc_score(same, -d), abs=1e-12)


@given(scored())
@MANY
def test_metrics_depend_on_the_order_of_distances_alone(case):
    d, same = case
    stretched = np.exp(np.searchsorted(np.unique(d), d) / 3.0)
    assert metrics.roc_auc(d, same) == pytest.approx(metrics.roc_auc(stretched, same))
    assert metrics.eer(d, same)[0] == pytest.approx(metrics.eer(stretched, same)[0])
    assert metrics.best_threshold(d, same)[1] == pytest.approx(metrics.best_threshold(stretched, same)[1])
    assert metrics.roc_auc(d, same) == pytest.approx(1 - metrics.roc_auc(d, ~same))


@given(scored())
@MANY
def test_the_best_threshold_is_the_best_of_all_and_the_equal_error_rate_is_equal(case):
    d, same = case
    threshold, accuracy = metrics.best_threshold(d, same)
    assert metrics.accuracy_at(d, same, threshold) == pytest.approx(accuracy)
    assert accuracy >= 0.5
    assert accuracy == pytest.approx(max([0.5, *(metrics.accuracy_at(d, same, t) for t in d)]))
    rate, at = metrics.eer(d, same)
    assert 0 <= rate <= 1
    assert 1 - rate <= accuracy + 1e-12
    # (rate, rate) lies on one straight edge of the ROC, the threshold as far along it as the rate
    far, frr, thresholds = metrics.roc_curve(d, same)
    edge = int(np.argmax(far >= frr))
    ends = slice(edge - 1, edge + 1)
    assert far[edge - 1] < frr[edge - 1]
    share = (
        (rate - far[edge - 1]) / np.ptp(far[ends]) if np.ptp(far[ends]) else (frr[edge - 1] - rate) / np.ptp(frr[ends])
    )
    assert far[edge - 1] + share * np.diff(far[ends])[0] == pytest.approx(rate)
    assert frr[edge - 1] + share * np.diff(frr[ends])[0] == pytest.approx(rate)
    assert thresholds[edge - 1] + share * np.diff(thresholds[ends])[0] == pytest.approx(at)


@given(st.integers(1, 6), st.integers(1, 8), st.data())
@MANY
def test_a_tie_is_never_right(queries, gallery, data):
    matrix = data.draw(hnp.arrays(np.float64, (queries, gallery), elements=st.integers(0, 3)))
    labels = data.draw(hnp.arrays(np.int64, gallery, elements=st.integers(0, 3)))
    found, tied = metrics.nearest_class(matrix, labels)
    for row, label, tie in zip(matrix, found, tied, strict=True):
        winners = {int(c) for c, x in zip(labels, row, strict=True) if x == row.min()}
        assert tie == (len(winners) > 1)
        assert label == min(winners)
    assert metrics.one_shot_accuracy(matrix, labels, found) == pytest.approx((~tied).mean())


@st.composite
def uneven_set(draw):
    """Labels of 2 to 12 classes with 1 to 60 items each (one has two at least), shuffled; perhaps groups."""
    counts = draw(st.lists(st.integers(1, 60), min_size=2, max_size=12))
    counts[draw(st.integers(0, len(counts) - 1))] += 1
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    groups = draw(st.none() | hnp.arrays(np.int64, len(counts), elements=st.integers(0, 3)))
    return labels, groups


@given(uneven_set(), st.integers(2, 50), st.integers(0, 2), st.booleans(), st.integers(0, 2**16))
@MANY
def test_pairs_and_triplets_are_always_balanced(case, size, groups_per_batch, copies, seed):
    labels, groups = case
    for name in ("pairs", "triplets"):
        config = TrainConfig(sampler=name, batch_size=size, groups_per_batch=groups_per_batch, class_copies=copies)
        batch = samplers.build(config, labels, groups, None, np.random.default_rng(seed)).next()
        if name == "pairs":
            assert abs(2 * int(batch.same.sum()) - size) <= size % 2
            a, b = labels[batch.first], labels[batch.second]
            assert np.array_equal(a == b, batch.same == 1)
            evenly = [a[batch.same == 1], a[batch.same == 0]]
            itself = batch.first[batch.first == batch.second]
        else:
            assert (labels[batch.anchor] == labels[batch.positive]).all()
            assert (labels[batch.anchor] != labels[batch.negative]).all()
            evenly = [labels[batch.anchor]]
            itself = batch.anchor[batch.anchor == batch.positive]
        assert (np.bincount(labels)[labels[itself]] == 1).all()
        for classes in evenly:  # no class more than once oftener than another
            times = np.bincount(classes, minlength=labels.max() + 1)
            assert times.max() - times.min() <= 1


@given(uneven_set(), st.integers(2, 15), st.integers(2, 6), st.integers(0, 3), st.booleans(), st.integers(0, 2**16))
@MANY
def test_batches_of_classes_are_always_balanced(case, ways, k, groups_per_batch, copies, seed):
    labels, groups = case
    config = TrainConfig(
        classes_per_batch=ways, items_per_class=k, groups_per_batch=groups_per_batch, class_copies=copies
    )
    batch = samplers.build(config, labels, groups, None, np.random.default_rng(seed)).next()
    assert (np.bincount(batch.labels) == k).all()
    assert len(np.unique(batch.labels)) >= 2
    names = {}
    for label, item, copy in zip(batch.labels, batch.indices, batch.copies, strict=True):
        names.setdefault(int(label), set()).add((int(labels[item]), int(copy)))
    assert all(len(name) == 1 for name in names.values())  # one class and one copy a label
    assert len(set.union(*names.values())) == len(names)  # and no two labels for the same
