"""A calibration: its operating points, its probabilities, its doubt, and its JSON read with no trust."""

from __future__ import annotations

import json

import numpy as np
import pytest

from siamese_core import calibration, calibration_fit, curves
from siamese_core.calibration import Calibration
from siamese_core.errors import ConfigError, DataError
from siamese_core.scored import ScoredPairs


def gamma(seed=0, pairs=4000, identities=60, share=0.5):
    """Same pairs near 1, different ones near 3, with a log likelihood ratio that is exactly linear in the distance."""
    rng = np.random.default_rng(seed)
    i = rng.integers(identities, size=pairs)
    same = np.arange(pairs) < share * pairs
    j = np.where(same, i, (i + 1 + rng.integers(identities - 1, size=pairs)) % identities)
    return ScoredPairs(np.where(same, 0.0, 2.0) + 1.0 + 0.8 * rng.normal(size=pairs), same, i, j)


FITTED = calibration.fit(gamma(), source="made up")


@pytest.mark.parametrize("method", calibration.METHODS)
def test_probabilities_are_right_on_other_pairs(method):
    found = calibration.fit(gamma(), method=method)
    other = gamma(1, 20_000)
    told = curves.summary(found.probabilities(other.distances), other.same)
    assert told["ece"] < 0.03
    assert told["brier_skill"] > 0.5
    assert found.quality["brier_skill"] == pytest.approx(told["brier_skill"], abs=0.05)
    assert found.quality["ece"] < 0.03


@pytest.mark.parametrize("method", calibration.METHODS)
def test_probability_falls_with_the_distance_and_no_identity_makes_it_certain(method):
    found = calibration.fit(gamma(), method=method)
    p = found.probabilities(np.linspace(-20, 20, 500))
    assert (np.diff(p) <= 0).all()
    assert p[0] <= 61 / 62
    assert p[-1] >= 1 / 62


def test_the_truth_of_the_logistic_is_found():
    found = calibration.fit(gamma(pairs=40_000, identities=4000), prior=0.5)
    true = 1 / (1 + np.exp((np.array([1.0, 2.0, 3.0]) - 2.0) * 2.0 / 0.8**2))
    np.testing.assert_allclose(found.probabilities(np.array([1.0, 2.0, 3.0])), true, atol=0.02)


@pytest.mark.parametrize("method", calibration.METHODS)
def test_a_prior_multiplies_the_odds_and_the_share_in_the_pairs_does_not(method):
    even, rare = (calibration.fit(gamma(), method=method, prior=p) for p in (0.5, 0.01))
    for d in (1.0, 2.0, 3.0):
        p = even.probability(d)
        odds = p / (1 - p) * (0.01 / 0.99)
        assert rare.probability(d) == pytest.approx(odds / (1 + odds), rel=1e-9)
    skewed = calibration.fit(gamma(pairs=20_000, share=0.1), method=method)
    assert skewed.probability(2.0) == pytest.approx(0.5, abs=0.15)  # 0.1 if the share in the pairs counted


def test_operating_points_are_what_they_say():
    scored = gamma()
    exact = curves.rates(scored)
    far, frr = exact.at(calibration.fit(scored).threshold)
    assert far == pytest.approx(frr, abs=1e-3)
    strict = calibration.fit(scored, "far", (0.01,)).threshold
    assert exact.at(strict)[0] <= 0.01 < exact.at(strict + 0.05)[0]
    best = calibration.fit(scored, "accuracy").threshold
    assert sum(exact.at(best)) == pytest.approx((exact.far + exact.frr).min(), abs=1e-12)
    cheap = calibration.fit(scored, "cost", (10.0, 1.0), prior=0.2).threshold
    cost = 0.8 * 10.0 * exact.far + 0.2 * exact.frr
    found = exact.at(cheap)
    assert 0.8 * 10.0 * found[0] + 0.2 * found[1] == pytest.approx(cost.min(), abs=1e-12)
    for name, value in (("far", (0.01,)), ("cost", (2.0, 1.0))):
        assert calibration.fit(scored, name, value).value == value


def test_a_threshold_lies_in_the_middle_of_its_gap():
    same = np.arange(80) < 40
    apart = ScoredPairs(np.where(same, 1.0, 2.0), same, np.arange(80) % 4, np.where(same, np.arange(80) % 4, 9))
    for point, value in (("eer", ()), ("accuracy", ()), ("far", (0.1,)), ("cost", (1.0, 1.0))):
        assert calibration.fit(apart, point, value).threshold == 1.5


def test_rates_at_any_threshold_are_those_of_the_pairs():
    exact = curves.rates(gamma())
    told = FITTED.rates_at(FITTED.threshold)
    assert (told["far"], told["frr"]) == pytest.approx(exact.at(FITTED.threshold), abs=1e-5)
    for threshold in np.linspace(-1, 6, 40):
        told = FITTED.rates_at(threshold)
        assert (told["far"], told["frr"]) == pytest.approx(exact.at(threshold), abs=0.02)
        assert told["far_low"] <= told["far"] <= told["far_high"]
        assert told["frr_low"] <= told["frr"] <= told["frr_high"]


def test_doubt_lies_between_the_two_sure_probabilities():
    low, high = FITTED.band
    assert FITTED.probability(low) == pytest.approx(0.9, abs=1e-6)
    assert FITTED.probability(high) == pytest.approx(0.1, abs=1e-6)
    assert low < FITTED.threshold < high
    said = [FITTED.decide(d).verdict for d in (low - 0.01, low + 0.01, high - 0.01, high + 0.01)]
    assert said == ["same", "not sure", "not sure", "different"]
    surer = calibration.fit(gamma(), certainty=0.97).band
    assert surer[0] < low < high < surer[1]
    assert "90%" in FITTED.band_rule


def test_a_moved_threshold_moves_the_rates_and_never_says_what_it_denies():
    low, high = FITTED.band
    strict, lax = FITTED.at(low - 0.5), FITTED.at(high + 0.5)
    assert strict.decide(low - 0.1).verdict == "not sure"  # probably the same, but not at this threshold
    assert strict.decide(low - 0.6).verdict == "same"
    assert lax.decide(high + 0.1).verdict == "not sure"
    assert lax.decide(high + 0.6).verdict == "different"
    assert strict.decide(2.0).far < FITTED.decide(2.0).far < lax.decide(2.0).far
    assert strict.decide(2.0).probability == FITTED.decide(2.0).probability
    assert strict.decide(1.7).far_here == FITTED.decide(1.7).far_here == FITTED.rates_at(1.7)["far"]
    np.testing.assert_array_equal(strict.verdicts(np.array([low - 0.1, low - 0.6])), ["not sure", "same"])


def test_a_blind_network_is_never_sure():
    scored = gamma()
    rng = np.random.default_rng(0)
    blind = ScoredPairs(rng.normal(size=len(scored)), scored.same, scored.first_identity, scored.second_identity)
    for method in calibration.METHODS:
        found = calibration.fit(blind, method=method)
        assert set(found.verdicts(np.linspace(-2, 2, 9)).tolist()) == {"not sure"}
    flat = ScoredPairs(np.ones(len(scored)), scored.same, scored.first_identity, scored.second_identity)
    for method in calibration.METHODS:
        found = calibration.fit(flat, method=method)
        assert found.probability(1.0) == pytest.approx(0.5, abs=1e-6)
        assert Calibration.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_identities_with_pairs_enough_get_thresholds_between_their_own_and_everybodys():
    rng = np.random.default_rng(0)
    scored = gamma(pairs=8000, identities=8)
    shifted = scored.distances + np.where((scored.first_identity == 3) | (scored.second_identity == 3), 1.0, 0.0)
    moved = ScoredPairs(shifted, scored.same, scored.first_identity, scored.second_identity)
    found = calibration.fit(moved, names={3: "Ann", 4: "Bob", 99: "nobody"})
    assert set(found.thresholds) == {"Ann", "Bob"}
    assert found.threshold + 0.4 < found.thresholds["Ann"] < found.threshold + 1.2
    assert abs(found.thresholds["Bob"] - found.threshold) < 0.3
    d = float(found.threshold + 0.1 * rng.random())
    assert found.decide(d, "Ann").frr < found.decide(d).frr
    assert found.decide(d, "nobody") == found.decide(d)


def test_json_there_and_back():
    for method in calibration.METHODS:
        found = calibration.fit(gamma(), "far", (0.02,), method, names={1: "one"}, digest="ab", source="words")
        value = json.loads(json.dumps(found.to_json(), allow_nan=False))
        assert Calibration.from_json(value) == found
        assert value["band"] == list(found.band)


SPOILED = {
    "an unknown key": {"thresold": 1.0},
    "a word for a number": {"threshold": "low"},
    "no number": {"threshold": float("nan")},
    "endless": {"threshold": float("inf")},
    "yes for a number": {"prior": True},
    "a prior of none": {"prior": 0.0},
    "doubt in everything": {"certainty": 0.5},
    "another method": {"method": "guess"},
    "another point": {"operating_point": "best"},
    "another format": {"format": 2},
    "half a pair": {"same_pairs": 2.5},
    "no unit": {"units": 0},
    "rising": {"coefficients": [1.0, 0.0]},
    "one coefficient": {"coefficients": [-1.0]},
    "knots as well": {"knots": [[0.0, 1.0]]},
    "a broken name": {"thresholds": {"a": None}},
    "no quality": {"quality": {}},
    "a number for words": {"source": 3},
    "no table": {"rates": [1, 2]},
    "a column gone": {"rates": {"distance": [0, 1]}},
    "a list for a value": {"value": {}},
}


@pytest.mark.parametrize("change", SPOILED.values(), ids=SPOILED)
def test_what_is_no_calibration_is_refused_in_one_sentence(change):
    with pytest.raises(DataError, match="calibrat") as e:
        Calibration.from_json(FITTED.to_json() | change)
    assert str(e.value).count(". ") == 0


@pytest.mark.parametrize("column", ["distance", "far", "far_high", "frr"])
@pytest.mark.parametrize("bad", [float("nan"), -0.5, 2.0, None])
def test_a_table_that_is_none_is_refused(column, bad):
    rates = {k: list(v) for k, v in FITTED.rates.items()}
    rates[column][len(rates[column]) // 2] = bad if column != "distance" or bad != 2.0 else -99.0
    if column == "distance" and bad == -0.5:
        rates[column][-1] = -99.0
    with pytest.raises(DataError, match="rates"):
        Calibration.from_json(FITTED.to_json() | {"rates": rates})


def test_a_missing_key_and_no_object_are_refused():
    value = FITTED.to_json()
    value.pop("digest")
    for broken in (value, None, [], "calibration"):
        with pytest.raises(DataError):
            Calibration.from_json(broken)


def test_too_few_pairs_or_identities_are_said_with_what_to_do():
    scored = gamma()
    few = np.flatnonzero(scored.same)[:19].tolist() + np.flatnonzero(~scored.same).tolist()
    with pytest.raises(
        DataError, match="at least 20 same and 20 different pairs, but there are 19 and 2,000; give more"
    ):
        calibration.fit(scored.select(np.array(few)))
    one = ScoredPairs(scored.distances, scored.same, np.zeros(4000), np.zeros(4000))
    with pytest.raises(DataError, match="at least two identities"):
        calibration.fit(one)
    with pytest.raises(DataError, match="at least 100,000 different pairs"):
        calibration.fit(scored, "far", (1e-5,))


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ({"operating_point": "best"}, "no operating point 'best'"),
        ({"method": "guess"}, "no calibration method"),
        ({"prior": 0.0}, "prior"),
        ({"certainty": 1.0}, "certainty"),
        ({"operating_point": "far"}, "false accept rate"),
        ({"operating_point": "far", "value": (1.5,)}, "false accept rate"),
        ({"operating_point": "cost", "value": (1.0,)}, "two costs"),
        ({"operating_point": "cost", "value": (1.0, float("nan"))}, "two costs"),
        ({"value": (0.1,)}, "takes no value"),
    ],
)
def test_settings_that_cannot_be_are_refused(how, what):
    with pytest.raises(ConfigError, match=what):
        calibration.fit(gamma(), **how)


def test_distances_that_are_no_numbers_are_not_judged():
    for bad in (float("nan"), float("inf")):
        with pytest.raises(DataError, match="not a finite number"):
            FITTED.decide(bad)
        with pytest.raises(DataError, match="finite"):
            FITTED.at(bad)


def test_what_it_was_fitted_on_is_told():
    assert (FITTED.unit, FITTED.units, FITTED.same_pairs, FITTED.different_pairs) == ("identities", 60, 2000, 2000)
    assert FITTED.digest == gamma().digest
    assert FITTED.source == "made up"
    assert FITTED.intervals_are_over == "60 identities"


def test_a_calibration_judges_itself_on_identities_it_did_not_see(monkeypatch):
    seen, curve = [], calibration_fit.probability_curve

    def spy(scored, method):
        seen.append(set(scored.first_identity) | set(scored.second_identity))
        return curve(scored, method)

    monkeypatch.setattr(calibration_fit, "probability_curve", spy)
    calibration.fit(gamma())
    left_out = [set(range(60)) - s for s in seen if len(s) < 60]
    assert len(left_out) == calibration_fit.FOLDS
    assert all(len(s) == 12 for s in left_out)
    assert set.union(*left_out) == set(range(60))
