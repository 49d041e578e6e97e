"""Curves agree with scikit-learn and with slow loops to nine digits, however many distances are tied."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from siamese_core import curves, metrics
from siamese_core.scored import ScoredPairs

NEAR = {"rtol": 0, "atol": 1e-9}


@st.composite
def pairs(draw, most=60):
    """Scored pairs of both kinds; their distances are few whole numbers (many ties), or many."""
    count = draw(st.integers(2, most))
    ties = st.integers(0, 4).map(float)
    free = st.floats(-5, 5, allow_subnormal=False)
    distances = draw(st.lists(draw(st.sampled_from([ties, free])), min_size=count, max_size=count))
    same = [True, False, *draw(st.lists(st.booleans(), min_size=count - 2, max_size=count - 2))]
    return ScoredPairs(distances, same, np.zeros(count, int), np.where(same, 0, 1))


@given(pairs())
def test_roc_is_scikit_learns(scored):
    found = curves.rates(scored)
    far, tpr, thresholds = oracle.roc_curve(scored.same, -scored.distances, drop_intermediate=False)
    np.testing.assert_allclose(found.far, far, **NEAR)
    np.testing.assert_allclose(1 - found.frr, tpr, **NEAR)
    np.testing.assert_array_equal(found.thresholds[1:], -thresholds[1:])
    assert curves.auc(found) == pytest.approx(oracle.roc_auc_score(scored.same, -scored.distances), abs=1e-9)


@given(pairs())
def test_precision_and_recall_are_scikit_learns(scored):
    precision, recall = curves.precision_recall(curves.rates(scored))
    p, r, _ = oracle.precision_recall_curve(scored.same, -scored.distances)
    np.testing.assert_allclose(precision, p[::-1], **NEAR)
    np.testing.assert_allclose(recall, r[::-1], **NEAR)
    expected = oracle.average_precision_score(scored.same, -scored.distances)
    assert curves.average_precision(curves.rates(scored)) == pytest.approx(expected, abs=1e-9)


@given(pairs(most=30), st.floats(-6, 6))
def test_rates_at_a_threshold_are_counted(scored, threshold):
    far, frr = curves.rates(scored).at(threshold)
    accepted = [d <= threshold for d in scored.distances]
    wrong = sum(a for a, s in zip(accepted, scored.same, strict=True) if not s)
    missed = sum(not a for a, s in zip(accepted, scored.same, strict=True) if s)
    assert far == pytest.approx(wrong / scored.n_different, abs=1e-9)
    assert frr == pytest.approx(missed / scored.n_same, abs=1e-9)
    table = oracle.confusion_matrix(scored.same, accepted, labels=[False, True])
    found = curves.confusion(scored, threshold)
    refused, accepted = table.T.tolist()
    assert refused == [found["refused_different"], found["refused_same"]]
    assert accepted == [found["accepted_different"], found["accepted_same"]]


@given(pairs())
def test_det_is_scikit_learns_on_normal_axes(scored):
    from statistics import NormalDist

    found = curves.rates(scored)
    x, y = curves.det(found)
    for shares, of, drawn in ((found.far, scored.n_different, x), (found.frr, scored.n_same, y)):
        slow = [NormalDist().inv_cdf(min(max(s, 0.5 / of), 1 - 0.5 / of)) for s in shares]
        np.testing.assert_allclose(drawn, slow, **NEAR)
    far, frr, _ = oracle.det_curve(scored.same, -scored.distances)
    ours = {(round(a, 9), round(b, 9)) for a, b in zip(found.far, found.frr, strict=True)}
    assert {(round(a, 9), round(b, 9)) for a, b in zip(far, frr, strict=True)} <= ours


@given(pairs())
def test_eer_lies_where_the_interpolated_rates_cross(scored):
    from scipy.optimize import brentq

    found = curves.rates(scored)
    place = np.arange(len(found.far))
    crossing = brentq(
        lambda x: np.interp(x, place, found.far) - np.interp(x, place, found.frr), 0, place[-1], xtol=1e-14
    )
    rate, _ = metrics.eer(scored.distances, scored.same)
    assert rate == pytest.approx(np.interp(crossing, place, found.far), abs=1e-9)


@given(pairs(), st.floats(0, 1))
def test_frr_at_a_far_is_the_best_that_is_allowed(scored, most):
    found = curves.rates(scored)
    frr, threshold = curves.frr_at_far(found, most)
    assert frr == min(b for a, b in zip(found.far, found.frr, strict=True) if a <= most)
    assert found.at(threshold)[1] == frr


@st.composite
def probabilities(draw):
    """(P,) probabilities and outcomes, some of them equal."""
    count = draw(st.integers(2, 80))
    p = draw(st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.25, 1.0])), min_size=count, max_size=count))
    return np.array(p), np.array([True, False, *draw(st.lists(st.booleans(), min_size=count - 2, max_size=count - 2))])


@given(probabilities(), st.integers(1, 20), st.randoms())
def test_ece_is_the_slow_one_and_knows_no_order(found, bins, random):
    p, same = found
    outcome = [float(np.mean(same[p == v])) for v in p]  # equal probabilities share their outcome
    ranked = sorted(zip(p, outcome, strict=True))
    total = 0.0
    for part in np.array_split(np.arange(len(p)), min(bins, len(p))):
        mine = [ranked[i] for i in part]
        total += abs(sum(a for a, _ in mine) - sum(b for _, b in mine)) / len(p)
    assert curves.ece(p, same, bins) == pytest.approx(total, abs=1e-9)
    order = random.sample(range(len(p)), len(p))
    assert curves.ece(p[order], same[order], bins) == pytest.approx(total, abs=1e-9)


@given(probabilities())
def test_brier_is_scikit_learns(found):
    p, same = found
    assert curves.brier(p, same) == pytest.approx(oracle.brier_score_loss(same, p), abs=1e-9)
    base = np.full(len(p), same.mean())
    skill = 1 - oracle.brier_score_loss(same, p) / oracle.brier_score_loss(same, base)
    assert curves.brier_skill(p, same) == pytest.approx(skill, abs=1e-9)


@given(pairs(), st.integers(2, 30))
def test_a_thinned_curve_keeps_its_ends_and_its_shape(scored, most):
    found = curves.rates(scored)
    kept = curves.thin(most, found.far, found.frr)
    assert len(kept) <= most
    assert (np.diff(kept) > 0).all()
    assert (kept[0], kept[-1]) == (0, len(found.far) - 1)
    steps = np.abs(np.diff(found.far)) + np.abs(np.diff(found.frr))
    gaps = [steps[a:b].sum() for a, b in pairwise(kept)]
    assert max(gaps) <= 2 * 2 / (most - 1) + steps.max() + 1e-9  # no stretch is left out
