"""Intervals by identities: they cover the truth as often as they say, and say what they are over."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from siamese_core import bootstrap, curves, dyads, metrics
from siamese_core.bootstrap import Bootstrap
from siamese_core.errors import ConfigError, DataError
from siamese_core.scored import ScoredPairs


def world(seed, identities=100, same=10, different=1000, effect=0.7):
    """Pairs of identities that are good or bad as a whole; each distance is normal with deviation 1, around 0 or 3."""
    rng = np.random.default_rng([seed, 99])
    of = effect * rng.normal(size=identities)
    u = np.repeat(np.arange(identities), same)
    i = rng.integers(identities, size=different)
    j = (i + rng.integers(1, identities, size=different)) % identities
    rest = np.sqrt(1.0 - effect**2)
    near = of[u] + rest * rng.normal(size=len(u))
    far = 3.0 + (of[i] + of[j]) / np.sqrt(2.0) + rest * rng.normal(size=different)
    answers = np.repeat([True, False], [len(u), different])
    return ScoredPairs(np.concatenate([near, far]), answers, np.concatenate([u, i]), np.concatenate([u, j]))


def covered(worlds, threshold, effect, start=0):
    """The share of worlds whose intervals of FAR and of FRR contain the true rate."""
    true_far, true_frr = NormalDist(3.0).cdf(threshold), 1.0 - NormalDist().cdf(threshold)
    hits = np.zeros(2)
    for seed in range(start, start + worlds):
        far, frr = Bootstrap(world(seed, effect=effect), (threshold,), seed=seed).rates_at(threshold)
        hits += [far.low <= true_far <= far.high, frr.low <= true_frr <= frr.high]
    return hits / worlds


@pytest.mark.parametrize("effect", [0.0, 0.7])
def test_intervals_cover_the_true_rates_in_a_few_worlds(effect):
    far, frr = covered(30, 1.5, effect)
    assert far >= 0.8
    assert frr >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize(("effect", "threshold"), [(0.0, 1.5), (0.3, 2.0), (0.7, 1.5), (0.7, 1.0), (0.9, 1.5)])
def test_intervals_cover_the_true_rates_in_200_worlds(effect, threshold):
    # in 600 worlds of each kind 92.8 to 97.0%; in 200 that is still uncertain by 1.5 points
    for share in covered(200, threshold, effect, start=400):
        assert 0.90 <= share <= 0.98


def test_identities_with_effects_have_wider_intervals_than_pairs():
    scored = world(0, same=45, different=5000, effect=0.8)
    by_identity, by_pair = (Bootstrap(scored, (1.5,), unit=u).rates_at(1.5) for u in ("identities", "pairs"))
    for wide, narrow in zip(by_identity, by_pair, strict=True):
        assert wide.high - wide.low > 2.0 * (narrow.high - narrow.low)


def test_pairs_that_are_independent_are_not_counted_thrice():
    spreads = []
    for seed in range(20):
        scored = world(seed, same=1, different=4000, effect=0.0)
        of = [Bootstrap(scored, (1.5,), unit=u).rates_at(1.5)[0] for u in ("identities", "pairs")]
        spreads.append((of[0].high - of[0].low) / (of[1].high - of[1].low))
    assert np.mean(spreads) == pytest.approx(1.0, abs=0.1)  # 1.7 without `dyads`


def test_values_are_those_of_the_pairs_themselves():
    scored = world(1)
    boot, exact = Bootstrap(scored, (1.5, 0.7)), curves.rates(scored)
    for threshold in (1.5, 0.7):
        assert tuple(e.value for e in boot.rates_at(threshold)) == pytest.approx(exact.at(threshold), abs=1e-12)
    accuracy = metrics.accuracy_at(scored.distances, scored.same, 1.5)
    assert boot.accuracy_at(1.5).value == pytest.approx(accuracy, abs=1e-12)
    assert boot.auc().value == pytest.approx(curves.auc(exact), abs=1e-4)
    assert boot.eer().value == pytest.approx(metrics.eer(scored.distances, scored.same)[0], abs=2e-3)
    assert boot.frr_at_far(0.05).value == pytest.approx(curves.frr_at_far(exact, 0.05)[0], abs=0.01)


def test_replicates_weigh_pairs_by_how_often_their_identities_were_drawn():
    scored = world(2, identities=12, same=3, different=60)
    kinds = Bootstrap(scored)._kinds
    drawn = np.random.default_rng(0).integers(0, 4, (12, 5)).astype(np.float32)
    for kind in kinds:
        found = dyads.weigh(dyads.cells_of(kind), drawn, kind.n_bins)
        slow = np.zeros_like(found)
        for b, u, v in zip(kind.bins, kind.u, kind.v, strict=True):
            slow[b] += drawn[u] if u == v else drawn[u] * drawn[v]
        np.testing.assert_array_equal(found, slow)


def test_the_sums_behind_the_spread_are_the_slow_ones():
    scored = world(3, identities=9, same=4, different=50, effect=0.5)
    boot = Bootstrap(scored, unit="identities")
    found = dyads.spread(*boot._kinds)
    for at in (5, 20, 40):
        for name, couple, kind in (("ff", "f", boot._different), ("rr", "r", boot._same)):
            error = (kind.bins <= at) - (kind.bins <= at).mean()
            units, cells = np.zeros(9), {}
            for e, u, v in zip(error / len(kind), kind.u, kind.v, strict=True):
                units[u] += e
                units[v] += e if u != v else 0.0
                cells[min(u, v), max(u, v)] = cells.get((min(u, v), max(u, v)), 0.0) + e
            assert found.by_unit[name][at] == pytest.approx((units**2).sum(), abs=1e-12)
            two = sum(x**2 for (u, v), x in cells.items() if u != v)
            one = sum(x**2 for (u, v), x in cells.items() if u == v)
            assert found.couples[couple][at] == pytest.approx(two, abs=1e-12)
            assert found.single[couple][at] == pytest.approx(one, abs=1e-12)


def test_where_no_error_was_seen_the_bound_is_by_identities():
    scored = world(4, identities=50)
    apart = ScoredPairs(np.where(scored.same, 0.1, 0.9), scored.same, scored.first_identity, scored.second_identity)
    boot = Bootstrap(apart, (0.5,))
    expected = metrics.wilson(0, 50)
    for found in (*boot.rates_at(0.5), boot.eer()):
        assert (found.low, found.high) == expected
    assert boot.auc().interval == pytest.approx([1.0 - expected[1], 1.0])


def test_the_same_seed_gives_the_same_intervals():
    scored = world(5)
    a, b, c = (Bootstrap(scored, (1.5,), seed=s).rates_at(1.5) for s in (0, 0, 1))
    assert a == b != c


def test_few_identities_fall_back_to_items_and_then_to_pairs_and_say_so():
    rng = np.random.default_rng(0)
    i, j = np.triu_indices(30, 1)
    of = np.arange(30) % 2
    parts = (rng.normal(size=len(i)) + 2 * (of[i] != of[j]), of[i] == of[j], of[i], of[j])
    boot = Bootstrap(ScoredPairs(*parts, i, j))
    assert (boot.unit, boot.units) == ("items", 30)
    assert bootstrap.unit_words("items", 30, 2) == "2 identities: intervals over pictures"
    far, frr = boot.rates_at(1.0)
    assert far.low < far.value < far.high
    assert frr.low < frr.value < frr.high
    assert Bootstrap(ScoredPairs(*parts)).unit == "pairs"
    assert bootstrap.unit_words("identities", 1200, 1200) == "1,200 identities"


def table(people=200, alone=True):
    """60 same pairs of 20 people, and 100 different ones, of people with one picture each (`alone`) or of the 20."""
    rng = np.random.default_rng(1)
    same = np.repeat([True, False], [60, 100])
    u = np.concatenate([np.arange(60) % 20, 20 + np.arange(100) if alone else np.arange(100) % 20])
    v = np.where(same, u, u + 100 if alone else (u + 1) % 20)
    return ScoredPairs(
        np.where(same, 0.1, 0.9) + 0.01 * rng.random(160), same, u, v, np.arange(160), 160 + np.arange(160)
    )


def test_a_rate_has_no_more_trials_than_pairs_of_its_kind_have_identities_nor_than_there_are():
    boot = Bootstrap(table(), (0.5,))
    assert (boot.unit, boot.trials) == ("identities", (100, 20))  # 200 people in 100 different pairs
    far, frr = boot.rates_at(0.5)
    assert (far.low, far.high) == metrics.wilson(0, 100)
    assert (frr.low, frr.high) == metrics.wilson(0, 20)
    assert boot.eer().high == metrics.wilson(0, 20)[1]
    assert boot.frr_at_far(0.1).high == metrics.wilson(0, 20)[1]
    assert Bootstrap(table(alone=False)).trials == (20, 20)
    assert Bootstrap(table(), unit="items").trials == (100, 60)
    assert Bootstrap(table(), unit="pairs").trials == (100, 60)


def test_few_identities_in_pairs_of_one_kind_are_few():
    few = table()
    identity = np.where(few.same, few.first_identity % 9, few.first_identity)
    few = ScoredPairs(few.distances, few.same, identity, np.where(few.same, identity, few.second_identity),
                      few.first, few.second)  # fmt: skip
    assert few.n_identities == 209
    assert Bootstrap(few).unit == "items"
    assert bootstrap.unit_words("items", 209, 209) == (
        "209 identities, but few in pairs of one kind: intervals over pictures"
    )
    assert bootstrap.unit_words("linked", 60, 60) == "60 identities, as far as the labels tell"


@pytest.mark.slow
@pytest.mark.parametrize("effect", [0.0, 0.5, 0.8])
def test_intervals_cover_where_same_and_different_pairs_have_other_identities(effect):
    hits = np.zeros(2)
    for seed in range(200):
        rng = np.random.default_rng([seed, 5])
        of, same = rng.normal(size=300), np.repeat([True, False], [60, 100])
        u = np.concatenate([rng.integers(20, size=60), rng.integers(20, 300, size=100)])
        v = np.where(same, u, 20 + (u - 20 + rng.integers(1, 280, size=160)) % 280)
        shared = effect * np.where(same, of[u], (of[u] + of[v]) / np.sqrt(2.0))
        d = np.where(same, 0.0, 3.0) + shared + np.sqrt(1.0 - effect**2) * rng.normal(size=160)
        far, frr = Bootstrap(ScoredPairs(d, same, u, v), (1.5,), seed=seed).rates_at(1.5)
        true = 1.0 - NormalDist().cdf(1.5)
        hits += [far.low <= true <= far.high, frr.low <= true <= frr.high]
    assert (hits / 200 >= 0.90).all()
    assert (hits / 200 <= 0.985).all()


def test_bands_are_exact_at_their_thresholds_and_hold_those_asked_for():
    scored = world(6)
    found, exact = Bootstrap(scored, (1.5,)).bands(60), curves.rates(scored)
    assert len(found.thresholds) <= 60
    assert 1.5 in found.thresholds
    for k, threshold in enumerate(found.thresholds):
        assert (found.far[k], found.frr[k]) == pytest.approx(exact.at(threshold), abs=1e-12)
    assert (found.far_low <= found.far).all()
    assert (found.far <= found.far_high).all()
    assert (found.frr_low <= found.frr).all()
    assert (found.frr <= found.frr_high).all()
    roc = Bootstrap(scored).roc(np.array([0.01, 0.1, 0.5]))
    assert (np.diff(roc.frr) <= 0).all()
    assert (roc.frr_low <= roc.frr).all()
    assert (roc.frr <= roc.frr_high).all()


def test_what_cannot_be_resampled_is_refused():
    scored = world(7)
    with pytest.raises(ConfigError, match="at least 500"):
        Bootstrap(scored, replicates=100)
    with pytest.raises(ConfigError, match="no unit 'people'"):
        Bootstrap(scored, unit="people")
    with pytest.raises(DataError, match="at least 1 same"):
        Bootstrap(scored.select(~scored.same))


def test_errors_of_both_kinds_meet_with_their_signs():
    scored = world(9, identities=9, same=20, different=2000, effect=0.8)
    boot = Bootstrap(scored, unit="identities")
    at, units, couples = int(np.searchsorted(boot.edges, 1.0)), np.zeros(9), {}
    for kind, sign in ((boot._different, 0.5), (boot._same, -0.5)):  # FRR counts what is not accepted
        error = sign * ((kind.bins <= at) - (kind.bins <= at).mean()) / len(kind)
        for e, u, v in zip(error, kind.u, kind.v, strict=True):
            units[u] += e
            units[v] += e if u != v else 0.0
            couples[min(u, v), max(u, v)] = couples.get((min(u, v), max(u, v)), 0.0) + e
    two = sum(x**2 for (u, v), x in couples.items() if u != v)
    one = sum(x**2 for (u, v), x in couples.items() if u == v)
    true, resampled = max((units**2).sum() - two, two + one), (units**2).sum() + two
    found = dyads.spread(*boot._kinds).shrinkage(np.array(0.5), np.array(0.5))[at]
    assert found == pytest.approx(np.sqrt(min(true / resampled, 1.0)), abs=1e-9)
    assert dyads.spread(*boot._kinds).shrinkage(np.array(0.5), np.array(-0.5))[at] != pytest.approx(found, abs=1e-5)
