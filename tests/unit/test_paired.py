"""Two runs on the same pairs: the difference, its interval and its p-value, against loops and in worlds of chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from siamese_core import metrics, paired
from siamese_core.bootstrap import Bootstrap
from siamese_core.errors import ConfigError, DataError
from siamese_core.paired import Difference, Paired
from siamese_core.scored import ScoredPairs

AT = (1.5, 1.5)


def twins(seed, identities=100, same=10, different=1000, effect=0.7, alike=0.7, gain=0.0):
    """Two runs on the same pairs, equally good but for `gain`: each distance is normal with deviation 1, around 0 or 3,
    identities are good or bad as a whole, and the two runs' errors share `alike` of their variance."""
    rng = np.random.default_rng([seed, 77])
    i = rng.integers(identities, size=different)
    j = (i + rng.integers(1, identities, size=different)) % identities
    own = np.repeat(np.arange(identities), same)
    first, second = np.concatenate([own, i]), np.concatenate([own, j])
    answers = first == second
    shared = [rng.normal(size=n) for n in (identities, len(answers))]
    found = []
    for k in (0, 1):
        of, noise = (np.sqrt(alike) * x + np.sqrt(1 - alike) * rng.normal(size=len(x)) for x in shared)
        moved = np.where(answers, of[first], (of[first] + of[second]) / np.sqrt(2))
        middle = np.where(answers, 0.0, 3.0 + (gain if k == 0 else 0.0))
        d = middle + effect * moved + np.sqrt(1.0 - effect**2) * noise
        found.append(ScoredPairs(d, answers, first, second))
    return found


# ---- against loops ----


def weighted(d, same, w, threshold):
    """The figures of one run whose pairs count w times, in loops over pairs and thresholds."""
    good, bad = w[same].sum(), w[~same].sum()
    far, frr = w[~same & (d <= threshold)].sum() / bad, w[same & (d > threshold)].sum() / good
    near, far_off = d[same], d[~same]
    auc = sum(x * (w[~same] * ((t < far_off) + 0.5 * (t == far_off))).sum() for x, t in zip(w[same], near, strict=True))
    before, eer = (0.0, 1.0), None
    for t in np.sort(d):
        here = (w[~same & (d <= t)].sum() / bad, w[same & (d > t)].sum() / good)
        if here[0] >= here[1]:
            share = (before[1] - before[0]) / ((before[1] - before[0]) + (here[0] - here[1]))
            eer = before[0] + share * (here[0] - before[0])
            break
        before = here
    return {"far": far, "frr": frr, "accuracy": 1 - (far + frr) / 2, "auc": auc / (good * bad), "eer": eer}


def influences(scored, threshold, boot):
    """How much each pair moves each figure, by its definition; (P,) each."""
    d, same = scored.distances, scored.same
    share = np.where(same, 1.0 / same.sum(), 1.0 / (~same).sum())
    crossing, of_far = boot._crossing()[2:]
    crossing = boot.edges[crossing - 1]

    def rates(t, a, b):  # a FAR + b FRR
        return share * np.where(same, b * (d > t), a * (d <= t))

    auc = [
        share[p] * np.mean([(d[q] < d[p]) + 0.5 * (d[q] == d[p]) for q in np.flatnonzero(same)])
        if not same[p]
        else share[p] * np.mean([(d[q] > d[p]) + 0.5 * (d[q] == d[p]) for q in np.flatnonzero(~same)])
        for p in range(len(d))
    ]
    found = {
        "far": rates(threshold, 1, 0), "frr": rates(threshold, 0, 1), "accuracy": rates(threshold, -0.5, -0.5),
        "eer": rates(crossing, of_far, 1 - of_far), "auc": np.array(auc),
    }  # fmt: skip
    for e in found.values():
        e[same] -= e[same].mean()
        e[~same] -= e[~same].mean()
    return found


def slow_shrinkage(e, u, v):
    """True over resampled deviation of a sum of e over pairs of units u and v."""
    units, couples, single = {}, {}, {}
    for x, a, b in zip(e, u, v, strict=True):
        for unit in {a, b}:
            units[unit] = units.get(unit, 0.0) + x
        cells = single if a == b else couples
        cells[min(a, b), max(a, b)] = cells.get((min(a, b), max(a, b)), 0.0) + x
    by_unit, two, one = (sum(x**2 for x in sums.values()) for sums in (units, couples, single))
    return np.sqrt(min(1.0, max(by_unit - two, two + one) / (by_unit + two)))


def test_it_is_what_slow_loops_give():
    identities, seed = 12, 5
    runs = twins(2, identities, same=3, different=60, effect=0.5)
    u, v, same = runs[0].first_identity, runs[0].second_identity, runs[0].same
    at = (1.3, 1.8)
    found = paired.compare(*runs, at, seed=seed)
    rng, draws = np.random.default_rng(seed), []
    for _ in range(500):
        c = np.bincount(rng.integers(identities, size=identities), minlength=identities).astype(float)
        w = np.where(u == v, c[u], c[u] * c[v])
        if w[same].any() and w[~same].any():
            a, b = (weighted(r.distances, same, w, t) for r, t in zip(runs, at, strict=True))
            draws.append({name: a[name] - b[name] for name in paired.FIGURES})
    ones = np.ones(len(same))
    exact = [weighted(r.distances, same, ones, t) for r, t in zip(runs, at, strict=True)]
    moves = [influences(r, t, Bootstrap(r, (t,), unit="identities")) for r, t in zip(runs, at, strict=True)]
    for name, d in found.figures.items():
        assert d.value == pytest.approx(exact[0][name] - exact[1][name], abs=1e-12)
        spread = np.std([x[name] for x in draws], ddof=1)
        deviation = spread * slow_shrinkage(moves[0][name] - moves[1][name], u, v)
        half = stats.t.ppf(0.975, identities - 1) * deviation
        assert (d.low, d.high) == pytest.approx((d.value - half, d.value + half), abs=1e-5), name
        assert d.p == pytest.approx(2 * stats.t.sf(abs(d.value) / deviation, identities - 1), abs=1e-4), name


# ---- chance and power ----


def accepted(worlds, start=0, **how):
    """For "eer" and "frr": in how many worlds, of two runs that are equally good, the interval of the difference holds
    0; and in how many p is not below 5%."""
    held, calm = ({"eer": 0, "frr": 0} for _ in (0, 1))
    for seed in range(start, start + worlds):
        found = paired.compare(*twins(seed, **how), AT, seed=seed).figures
        for name in held:
            held[name] += found[name].low <= 0.0 <= found[name].high
            calm[name] += found[name].p >= 0.05
    return held, calm


def test_chance_is_seldom_taken_for_a_difference_in_a_few_worlds():
    held, calm = accepted(16, same=4, different=400)
    assert held == calm
    assert min(held.values()) >= 12


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", [{}, {"effect": 0.0}, {"effect": 0.9, "alike": 0.95}, {"same": 3, "different": 4000}])
def test_chance_is_taken_for_a_difference_as_often_as_is_said_in_200_worlds(how):
    # in 600 worlds 94.8 to 96.7%; in 200 that is still uncertain by 1.5 points
    for worlds in accepted(200, 5000, **how):
        for count in worlds.values():
            assert 180 <= count <= 196


def test_pairs_that_are_independent_are_not_counted_thrice():
    wide = []
    for seed in range(4):
        runs = twins(seed, same=1, different=2500, effect=0.0)
        by_identity, by_pair = (
            paired.compare(*runs, AT, unit=unit).figures["far"] for unit in ("identities", "pairs")
        )  # fmt: skip
        wide.append((by_identity.high - by_identity.low) / (by_pair.high - by_pair.low))
    assert np.mean(wide) == pytest.approx(1.0, abs=0.1)  # 1.7 without `dyads`


def test_a_better_run_is_found():
    found = paired.compare(*twins(3, gain=0.7), AT)
    assert found.eer.value < 0
    assert found.eer.high < 0
    assert found.eer.p < 0.001
    assert found.figures["auc"].low > 0
    assert paired.verdict(found, "A", "B").startswith("A errs less often than B: equal error rate ")
    assert found.over == "100 identities"


def test_what_both_find_hard_makes_the_interval_no_wider():
    runs = twins(4, effect=0.9, alike=0.9)
    found = paired.compare(*runs, AT).figures["frr"]
    alone = [Bootstrap(r, AT).rates_at(1.5)[1] for r in runs]
    unpaired = np.hypot(*(e.high - e.low for e in alone))
    assert found.high - found.low < 0.6 * unpaired


# ---- what must hold ----


@pytest.mark.parametrize("unit", ["identities", "pairs"])
def test_swapped_runs_turn_the_sign(unit):
    a, b = twins(5, same=3, different=300)
    there = paired.compare(a, b, (1.4, 1.6), unit=unit)
    back = paired.compare(b, a, (1.6, 1.4), unit=unit)
    for name, d in there.figures.items():
        assert back.figures[name] == Difference(-d.value, -d.high, -d.low, d.p)


@pytest.mark.parametrize("unit", ["identities", "pairs"])
def test_a_run_beside_itself_shows_no_difference_and_claims_no_proof(unit):
    run = twins(6, same=3, different=300)[0]
    found = paired.compare(run, run, AT, unit=unit)
    reach = metrics.wilson(0, 100 if unit == "identities" else len(run))[1]
    for d in found.figures.values():
        assert (d.value, d.p) == (0.0, 1.0)
        assert (d.low, d.high) == pytest.approx((-reach, reach))


def test_runs_that_decide_every_pair_alike_do_not_differ():
    a, _ = twins(7, same=3, different=300)
    moved = replace(a, distances=a.distances + np.where(a.distances > 1.5, 1.0, -1.0))
    found = paired.compare(a, moved, AT).figures
    reach = metrics.wilson(0, 100)[1]
    for name in ("far", "frr", "accuracy"):
        assert (found[name].value, found[name].p) == (0.0, 1.0)
        assert (found[name].low, found[name].high) == pytest.approx((-reach, reach))
    apart = [replace(a, distances=np.where(a.same, 0.1, 0.9) + k * 1e-3 * a.distances) for k in (1, 2)]
    for d in paired.compare(*apart, (0.5, 0.5)).figures.values():
        assert (d.value, d.p, d.high) == pytest.approx((0.0, 1.0, reach), abs=1e-12)


def test_a_perfect_run_beside_one_that_cannot_see():
    a, _ = twins(8, same=3, different=300)
    perfect, blind = (replace(a, distances=d) for d in (np.where(a.same, 0.1, 0.9), np.ones(len(a))))
    found = paired.compare(perfect, blind).figures
    assert found["eer"].value == -0.5
    assert found["eer"].high < 0
    assert found["eer"].p < 1e-20
    assert found["auc"].value == 0.5


def test_few_identities_are_said():
    rng = np.random.default_rng(0)
    i, j = np.triu_indices(30, 1)
    of = np.arange(30) % 2
    runs = [
        ScoredPairs(rng.normal(size=len(i)) + 2 * (of[i] != of[j]), of[i] == of[j], of[i], of[j], i, j) for _ in (0, 1)
    ]
    found = paired.compare(*runs)
    assert (found.unit, found.over) == ("items", "2 identities: intervals over pictures")
    assert "these pairs of 2 identities could show" in paired.verdict(found, "A", "B")
    bare = [replace(r, first=None, second=None) for r in runs]
    assert paired.compare(*bare).over == "2 identities: intervals over pairs"


def test_a_run_without_a_threshold_is_compared_where_it_can_be():
    found = paired.compare(*twins(9, same=2, different=200), (1.5, None))
    assert [name for name, d in found.figures.items() if d is None] == ["accuracy", "far", "frr"]
    assert found.values()["far"] is None
    assert set(found.values()["eer"]) == {"value", "interval", "p"}


def test_other_pairs_are_refused():
    a, b = twins(10, same=2, different=200)
    each = np.arange(len(b))
    for other in (
        b.select(np.arange(len(b) - 1)),
        replace(b, first=each, second=each),
        replace(b, second_identity=np.where(b.same, b.second_identity, (b.second_identity + 1) % 100)),
        replace(b, same=b.same & (each > 0)),
    ):
        with pytest.raises(DataError, match="not scored on the very same pairs"):
            paired.compare(a, other)
    with pytest.raises(DataError, match="at least 1 same"):
        paired.compare(a.select(~a.same), b.select(~b.same))
    with pytest.raises(ConfigError, match="at least 500"):
        paired.compare(a, b, replicates=100)


# ---- in words ----


def said(value, low, high, p, unit="identities", identities=40):
    return paired.verdict(Paired({"eer": Difference(value, low, high, p)}, unit, identities, ""), "A", "B")


def test_the_verdict_in_words():
    better = "errs less often than"
    lower = "equal error rate 2.1 points lower (95% interval 0.80 to 3.4), p = 0.002."
    assert said(-0.021, -0.034, -0.008, 0.002) == f"A {better} B: {lower}"
    assert said(0.021, 0.008, 0.034, 0.002) == f"B {better} A: {lower}"
    assert said(-0.021, -0.034, -0.008, 0.002, "items", 3) == f"A {better} B on these 3 identities: {lower}"
    nothing = "No difference between A and B that these pairs could show: "
    one = "points lower (95% interval: 1.6 lower to 1.1 higher), p = 0.62."
    assert said(-0.004, -0.016, 0.011, 0.62) == f"{nothing}the equal error rate of A is 0.40 {one}"
    assert said(0.004, -0.011, 0.016, 0.62) == f"{nothing}the equal error rate of B is 0.40 {one}"
    assert said(0.0, -0.037, 0.037, 1.0) == (
        f"{nothing}their equal error rates are alike (95% interval: up to 3.7 points either way), p = 1."
    )


def test_p_values_in_words():
    assert [paired.p_words(p) for p in (1e-9, 0.002, 0.0496, 0.31, 0.999)] == [
        "p < 0.001", "p = 0.002", "p = 0.050", "p = 0.31", "p = 1",
    ]  # fmt: skip
