"""Curves on hand-made scores, whose every number is known."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import curves, metrics
from siamese_core.errors import DataError
from siamese_core.scored import ScoredPairs


def scored(distances, same):
    same = np.array(same, bool)
    return ScoredPairs(distances, same, np.zeros(len(same)), np.where(same, 0, 1))


# four same pairs at 1 2 3 5, four different ones at 3 4 5 6: two ties between the kinds
HAND = scored([1, 2, 3, 5, 3, 4, 5, 6], [1, 1, 1, 1, 0, 0, 0, 0])


def test_the_vertices_of_hand_made_scores():
    found = curves.rates(HAND)
    np.testing.assert_array_equal(found.thresholds[1:], [1, 2, 3, 4, 5, 6])
    np.testing.assert_allclose(found.far, [0, 0, 0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(found.frr, [1, 0.75, 0.5, 0.25, 0.25, 0, 0])
    assert curves.auc(found) == pytest.approx((4 + 4 + 3.5 + 1.5) / 16)
    assert metrics.eer(HAND.distances, HAND.same) == (0.25, 3.0)
    assert curves.frr_at_far(found, 0.3) == (0.25, 3.0)
    assert found.at(2.5) == (0.0, 0.5)
    assert found.at(0.0) == (0.0, 1.0)


def test_precision_and_recall_of_hand_made_scores():
    precision, recall = curves.precision_recall(curves.rates(HAND))
    np.testing.assert_allclose(precision, [1, 1, 1, 3 / 4, 3 / 5, 4 / 7, 4 / 8])
    np.testing.assert_allclose(recall, [0, 0.25, 0.5, 0.75, 0.75, 1, 1])
    assert curves.average_precision(curves.rates(HAND)) == pytest.approx(0.25 * (1 + 1 + 3 / 4 + 4 / 7))


def test_confusion_and_histogram_count_every_pair():
    table = curves.confusion(HAND, 3)
    assert table == {"accepted_same": 3, "refused_same": 1, "accepted_different": 1, "refused_different": 3}
    bins = curves.histogram(HAND, 5)
    np.testing.assert_allclose(bins["edges"], [1, 2, 3, 4, 5, 6])
    assert bins["same"].tolist() == [1, 1, 1, 0, 1]
    assert bins["different"].tolist() == [0, 0, 1, 1, 2]


def test_det_draws_none_as_half_a_pair():
    x, y = curves.det(curves.rates(HAND))
    assert np.isfinite(x).all()
    assert x[0] == pytest.approx(-1.150349380376008)  # the normal deviate of 1/8
    assert y[0] == pytest.approx(1.150349380376008)
    assert curves.probit(np.array([0.5]), 10) == pytest.approx(0)


def test_a_blind_network_is_at_chance():
    found = curves.rates(scored([1.0] * 6, [1, 1, 1, 0, 0, 0]))
    assert curves.auc(found) == 0.5
    assert curves.average_precision(found) == 0.5


def test_reliability_bins_hold_equally_many():
    p = np.linspace(0, 1, 150)
    found = curves.reliability(p, p > 0.5)
    assert found.counts.tolist() == [10] * 15
    np.testing.assert_allclose(found.predicted, p.reshape(15, 10).mean(1))
    assert found.observed.tolist() == [0.0] * 7 + [0.5] + [1.0] * 7
    assert len(curves.reliability(p[:4], p[:4] > 0).counts) == 4


def test_brier_skill_of_the_base_rate_is_nothing():
    same = np.array([1, 0, 0, 0], bool)
    assert curves.brier_skill(np.full(4, 0.25), same) == pytest.approx(0)
    assert curves.brier_skill(same.astype(float), same) == 1.0
    assert curves.brier(np.full(4, 0.25), same) == pytest.approx(3 / 16)
    assert curves.summary(np.full(4, 0.25), same) == {"ece": 0.0, "brier": 3 / 16, "brier_skill": 0.0}


def test_a_short_curve_is_not_thinned_and_a_long_one_is():
    found = curves.rates(HAND)
    assert len(curves.thin(100, found.far)) == 7
    rng = np.random.default_rng(0)
    same = rng.random(20_000) < 0.5
    long = curves.rates(scored(rng.normal(size=20_000) + 2 * ~same, same))
    thin = long.thinned(500)
    assert len(thin.far) <= 500
    assert curves.auc(thin) == pytest.approx(curves.auc(long), abs=1e-3)
    assert np.isin(thin.thresholds, long.thresholds).all()
    with pytest.raises(ValueError):
        curves.thin(1, found.far)


@pytest.mark.parametrize(
    ("p", "same", "what"),
    [
        ([0.5, 1.5], [1, 0], "between 0 and 1"),
        ([np.nan], [1], "between 0 and 1"),
        ([0.5], [1, 0], "1 prob"),
        ([], [], "0 prob"),
    ],
)
def test_what_is_no_probability_is_refused(p, same, what):
    with pytest.raises(DataError, match=what):
        curves.brier(np.array(p), np.array(same))


def test_one_kind_alone_has_no_curve():
    with pytest.raises(DataError, match="at least 1 same and 1 different"):
        curves.rates(scored([1, 2], [1, 1]))
    with pytest.raises(DataError, match="both kinds"):
        curves.brier_skill(np.array([0.5]), np.array([1]))
