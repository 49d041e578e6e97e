"""Metrics on hand-made scores, and the trap: an embedding that does not look must score chance or worse."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from siamese_core import distances, metrics
from siamese_core.config import DISTANCES
from siamese_core.errors import DataError


def scores(same, different):
    return np.array([*same, *different], dtype=float), np.array([1] * len(same) + [0] * len(different))


# ---- the trap ----


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize("value", [0.0, 1.0, -0.37])
def test_a_collapsed_embedding_scores_chance_or_worse_everywhere(name, value):
    import torch

    z = torch.full((24, 7), value)
    module = distances.build(name, 7)
    with torch.no_grad():
        matrix = module.matrix(z, z).numpy()
        pairs = module.pairs(z, z.roll(1, 0)).numpy()
    labels, same = np.arange(24) // 4, np.arange(24) % 2
    assert metrics.roc_auc(pairs, same) == 0.5
    assert metrics.eer(pairs, same)[0] == 0.5
    threshold, accuracy = metrics.best_threshold(pairs, same)
    assert accuracy == 0.5
    assert metrics.accuracy_at(pairs, same, threshold) == 0.5
    assert metrics.cross_fit_accuracy(pairs, same, np.random.default_rng(0)) == 0.5
    assert metrics.one_shot_accuracy(matrix, labels, labels) == 0.0
    assert metrics.nearest_class(matrix, labels)[1].all()


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_broken_embedding_is_said_and_never_scored(broken):
    for whole in (True, False):
        d, same = scores([1, 2, 3], [4, 5, 6])
        matrix = np.arange(12.0).reshape(3, 4)
        d[slice(None) if whole else 2] = broken
        matrix[slice(None) if whole else (1, 2)] = broken
        for call in (
            lambda d=d, same=same: metrics.roc_auc(d, same),
            lambda d=d, same=same: metrics.roc_curve(d, same),
            lambda d=d, same=same: metrics.eer(d, same),
            lambda d=d, same=same: metrics.best_threshold(d, same),
            lambda d=d, same=same: metrics.accuracy_at(d, same, 3.5),
            lambda d=d, same=same: metrics.cross_fit_accuracy(d, same, np.random.default_rng(0)),
            lambda m=matrix: metrics.nearest_class(m, np.arange(4)),
            lambda m=matrix: metrics.one_shot_accuracy(m, np.arange(4), np.arange(3)),
        ):
            with pytest.raises(DataError, match="not finite"):
                call()
    with pytest.raises(DataError, match="threshold is not a number"):
        metrics.accuracy_at(*scores([1], [2]), np.nan)


def test_pairs_of_one_kind_only_or_of_other_lengths_are_said():
    for same, different in (([], [1, 2]), ([1, 2], []), ([], [])):
        with pytest.raises(DataError, match="at least one pair of one class"):
            metrics.roc_auc(*scores(same, different))
    with pytest.raises(DataError, match="3 distances but 2 answers"):
        metrics.eer(np.arange(3.0), np.array([0, 1]))


# ---- verification ----


@pytest.mark.parametrize(
    ("same", "different", "auc"),
    [
        ([1, 2], [3, 4], 1.0),
        ([3, 4], [1, 2], 0.0),
        ([1, 3], [2, 4], 0.75),
        ([1, 2], [2, 3], 3.5 / 4),  # one tie counts a half
        ([5, 5, 5], [5, 5], 0.5),
    ],
)
def test_auc_by_hand(same, different, auc):
    assert metrics.roc_auc(*scores(same, different)) == auc


@pytest.mark.parametrize(
    ("same", "different", "rate", "threshold"),
    [
        ([1, 2], [3, 4], 0.0, 2.0),
        ([1, 2, 3, 4], [2.5, 3.5, 5, 6], 0.25, 3.0),  # a vertex on the diagonal
        ([1, 4], [2, 3, 5], 0.5, 2.5),  # between (1/3, 1/2) and (2/3, 1/2)
        ([1, 2, 2], [2, 3, 3], 2 / 9, 1 + 2 / 3),  # a tie makes a slanted edge from (0, 2/3) to (1/3, 0)
        ([7, 7, 7], [7], 0.5, 7.0),
        ([3, 4], [1, 2], 1.0, 2.0),
    ],
)
def test_eer_by_hand(same, different, rate, threshold):
    found = metrics.eer(*scores(same, different))
    assert found == (pytest.approx(rate, abs=1e-12), pytest.approx(threshold, abs=1e-12))


def test_roc_curve_by_hand():
    far, frr, thresholds = metrics.roc_curve(*scores([1, 2, 2, 5], [2, 4]))
    assert far.tolist() == [0, 0, 0.5, 1, 1]
    assert frr.tolist() == [1, 0.75, 0.25, 0.25, 0]
    assert thresholds[1:].tolist() == [1, 2, 4, 5]
    assert thresholds[0] < 1


@pytest.mark.parametrize(
    ("same", "different", "threshold", "accuracy"),
    [
        ([1, 2], [4, 5], 3.0, 1.0),
        ([1, 2, 9], [4, 5], 3.0, 5 / 6),
        ([1, 2], [2, 3], 1.5, 0.75),  # or 2.5: as good and as wide
        ([1, 1.1], [1.05, 3], 2.05, 0.75),  # between 1.1 and 3, the wider of two equally good gaps
    ],
)
def test_best_threshold_by_hand(same, different, threshold, accuracy):
    d, y = scores(same, different)
    assert metrics.best_threshold(d, y) == (pytest.approx(threshold), pytest.approx(accuracy))
    assert metrics.accuracy_at(d, y, threshold) == pytest.approx(accuracy)


def test_accuracy_is_balanced_and_the_threshold_itself_is_accepted():
    d, y = scores([1] * 98 + [3, 3], [1, 3])
    assert metrics.accuracy_at(d, y, 1.0) == pytest.approx((0.98 + 0.5) / 2)
    assert metrics.accuracy_at(d, y, 0.99) == 0.5
    assert metrics.accuracy_at(d, y, 99.0) == 0.5


def test_cross_fitting_is_honest_where_choosing_on_the_same_pairs_is_not():
    results, greedy = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        d, y = rng.random(20), np.arange(20) % 2
        results.append(metrics.cross_fit_accuracy(d, y, rng))
        greedy.append(metrics.best_threshold(d, y)[1])
    assert np.mean(results) == pytest.approx(0.5, abs=0.03)
    assert np.mean(greedy) > 0.6


def test_cross_fitting_separable_pairs_is_right_for_any_folds_and_repeats():
    d, y = scores(np.linspace(0, 1, 30), np.linspace(2, 3, 20))
    for folds in (2, 5, 20):
        assert metrics.cross_fit_accuracy(d, y, np.random.default_rng(0), folds) > 0.97
    noisy = d + np.random.default_rng(1).random(50) * 3
    runs = {metrics.cross_fit_accuracy(noisy, y, np.random.default_rng(4)) for _ in range(3)}
    assert len(runs) == 1


def test_cross_fitting_needs_a_pair_of_each_kind_a_fold():
    with pytest.raises(DataError, match="2 folds need"):
        metrics.cross_fit_accuracy(*scores([1], [2, 3, 4]), np.random.default_rng(0))
    with pytest.raises(DataError, match="at least 2 folds"):
        metrics.cross_fit_accuracy(*scores([1, 2], [3, 4]), np.random.default_rng(0), folds=1)


# ---- one-shot ----


def test_the_nearest_item_s_class_wins_and_ties_between_classes_are_no_answer():
    gallery = np.array([4, 4, 9, 2])
    matrix = np.array(
        [
            [3.0, 1, 2, 5],  # class 4
            [1, 1, 2, 5],  # a tie within class 4 is an answer
            [1, 3, 1, 5],  # a tie of 4 and 9 is none
            [2, 2, 2, 2],  # all tie
            [5, 5, 4, 1],  # class 2
        ]
    )
    found, tied = metrics.nearest_class(matrix, gallery)
    assert found[[0, 1, 4]].tolist() == [4, 4, 2]
    assert tied.tolist() == [False, False, True, True, False]
    assert metrics.one_shot_accuracy(matrix, gallery, np.array([4, 4, 4, 4, 9])) == 2 / 5
    assert metrics.one_shot_accuracy(matrix, gallery, np.array([4, 4, 9, 2, 2])) == 3 / 5


def test_shapes_that_do_not_fit_are_said():
    with pytest.raises(DataError, match="do not go with 3 gallery labels"):
        metrics.nearest_class(np.zeros((2, 4)), np.arange(3))
    with pytest.raises(DataError, match="gallery labels"):
        metrics.nearest_class(np.zeros((2, 0)), np.arange(0))
    with pytest.raises(DataError, match="do not go with 1 query labels"):
        metrics.one_shot_accuracy(np.zeros((2, 4)), np.arange(4), np.arange(1))
    with pytest.raises(DataError, match="query labels"):
        metrics.one_shot_accuracy(np.zeros((0, 4)), np.arange(4), np.arange(0))


# ---- intervals ----


@pytest.mark.parametrize(("k", "n"), [(0, 10), (10, 10), (1, 3), (37, 50), (380, 400), (0, 1)])
def test_wilson_is_scipy_s(k, n):
    want = stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert metrics.wilson(k, n) == (pytest.approx(want.low, abs=1e-12), pytest.approx(want.high, abs=1e-12))


def test_wilson_of_nothing_is_everything_and_of_nonsense_an_error():
    assert metrics.wilson(0, 0) == (0.0, 1.0)
    for k, n in ((3, 2), (-1, 5)):
        with pytest.raises(DataError):
            metrics.wilson(k, n)


@pytest.mark.parametrize("freedom", [1, 2, 3, 5, 19, 599])
def test_student_s_point_is_within_its_error(freedom):
    assert metrics.student95(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=2e-3)


def test_wilson_takes_parts_of_trials():
    assert metrics.wilson_share(0.25, 8) == metrics.wilson(2, 8)
    low, high = metrics.wilson_share(0.25, 7.5)
    assert low < metrics.wilson(2, 8)[0] < metrics.wilson(2, 8)[1] < high
