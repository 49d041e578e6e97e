"""How a calibration's threshold and probabilities are found; see `calibration`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from siamese_core import curves, metrics
from siamese_core.bootstrap import units_of
from siamese_core.errors import DataError
from siamese_core.scored import ScoredPairs

RATES = ("far", "far_low", "far_high", "frr", "frr_low", "frr_high")
FOLDS = 5
OWN_PAIRS = 20  # of each kind, for a threshold of one's own
OWN_WEIGHT = 100  # pairs at which it counts as much as everybody's
KNOTS = 400

Curve = tuple[tuple[float, ...], tuple[tuple[float, float], ...]]  # coefficients, knots


def threshold_at(scored: ScoredPairs, operating_point: str, value: tuple[float, ...], prior: float) -> float:
    """The threshold of an operating point, midway between two distances. Raises DataError when pairs are too few."""
    if operating_point == "accuracy":
        return metrics.best_threshold(scored.distances, scored.same)[0]
    if operating_point == "eer":
        return _midway(scored, metrics.eer(scored.distances, scored.same)[1])
    found = curves.rates(scored)
    if operating_point == "far":
        if scored.n_different * value[0] < 1.0:
            raise DataError(
                f"A false accept rate of at most {value[0]:g} needs at least {int(np.ceil(1 / value[0])):,} different "
                f"pairs, but there are {scored.n_different:,}; give more pairs, or allow a higher rate."
            )
        return _midway(scored, curves.frr_at_far(found, value[0])[1])
    cost = (1.0 - prior) * value[0] * found.far + prior * value[1] * found.frr
    return _midway(scored, float(found.thresholds[int(np.argmin(cost))]))


def _midway(scored: ScoredPairs, threshold: float) -> float:
    """A threshold with the same errors in the middle of its gap between distances."""
    below = scored.distances[scored.distances <= threshold]
    above = scored.distances[scored.distances > threshold]
    if not len(below) or not len(above):
        return float(threshold)
    low, high = float(below.max()), float(above.min())
    middle = low + (high - low) / 2.0
    return middle if middle < high else low


def probability_curve(scored: ScoredPairs, method: str) -> Curve:
    """The log odds of "same" at even odds, falling with the distance: coefficients, or knots."""
    base = float(np.log(scored.n_same / scored.n_different))
    d = scored.distances
    if method == "logistic":
        from sklearn.linear_model import LogisticRegression

        centre, scale = float(d.mean()), float(d.std()) or 1.0
        model = LogisticRegression(C=1e4, solver="newton-cholesky").fit(((d - centre) / scale)[:, None], scored.same)
        slope = min(float(model.coef_[0, 0]) / scale, 0.0)  # a network that is worse than chance says nothing
        offset = float(model.intercept_[0]) - slope * centre - base if slope < 0.0 else 0.0
        return (slope, offset), ()
    from sklearn.isotonic import IsotonicRegression

    values, place, counts = np.unique(d, return_inverse=True, return_counts=True)
    outcome = np.bincount(place, scored.same) / counts
    share = IsotonicRegression(increasing=False).fit(values, outcome, sample_weight=counts).predict(values)
    starts = np.flatnonzero(np.concatenate([[True], share[1:] != share[:-1]]))
    sizes = np.add.reduceat(counts, starts)
    # half a pair of each kind keeps the odds finite; a step of 0 or 1 is as sure as it is long
    odds = np.log((share[starts] * sizes + 0.5) / ((1.0 - share[starts]) * sizes + 0.5)) - base
    odds = np.minimum.accumulate(odds)
    x = np.add.reduceat(values * counts, starts) / sizes
    kept = curves.thin(KNOTS, x, odds) if len(x) > 1 else np.arange(1)
    return (), tuple((float(a), float(b)) for a, b in zip(x[kept], odds[kept], strict=True))


def log_odds(
    distances: np.ndarray, coefficients: tuple[float, ...], knots: tuple[tuple[float, float], ...]
) -> np.ndarray:
    """(P,) -> (P,) at even odds."""
    if knots:
        x, y = np.array(knots).T
        return np.interp(distances, x, y)
    return coefficients[0] * distances + coefficients[1]


def at_prior(odds: np.ndarray, units: int, prior: float) -> np.ndarray:
    """Log odds at even odds -> probabilities at a prior, none surer than `units` allow (Laplace's rule)."""
    even = 1.0 / (1.0 + np.exp(-np.clip(odds, -500.0, 500.0)))
    even = (units * even + 1.0) / (units + 2.0)
    return prior * even / (prior * even + (1.0 - prior) * (1.0 - even))


def where(falling: Callable[[float], float], level: float, low: float, high: float) -> float | None:
    """Where a falling function passes a level between two places; None when it does not."""
    if not falling(low) >= level >= falling(high):
        return None
    for _ in range(100):
        middle = low + (high - low) / 2.0
        low, high = (middle, high) if falling(middle) >= level else (low, middle)
    return float(low)


def cross_fitted(
    scored: ScoredPairs, method: str, unit: str, units: int, seed: int, folds: np.ndarray | None = None
) -> dict[str, float]:
    """ "ece", "brier" and "brier_skill", every pair judged by a curve that saw neither of its two units.

    The units are cut into folds, unless `folds` (P,) says which fold each pair is of (and no unit is in two); a pair is
    judged with the fold of its first unit. Probabilities are at the pairs' own share of same ones. Without enough pairs
    in the other folds the whole is used (and flatters a little).
    """
    if folds is None:
        _, u, v, count = units_of(scored, unit)
        fold = np.random.default_rng(seed).permutation(np.arange(count) % FOLDS)
        first, second = fold[u], fold[v]
    else:
        first = second = np.asarray(folds)
    probability = np.empty(len(scored))
    whole = probability_curve(scored, method)
    for f in np.unique(first):
        here = first == f
        others = ~here & (second != f)
        curve = whole
        if scored.same[others].any() and not scored.same[others].all():
            curve = probability_curve(scored.select(others), method)
        odds = log_odds(scored.distances[here], *curve)
        probability[here] = at_prior(odds, units, scored.n_same / len(scored))
    return curves.summary(probability, scored.same)


def own_thresholds(scored: ScoredPairs, threshold: float, names: dict[int, str]) -> dict[str, float]:
    """Thresholds of single identities, where each has pairs enough: its own equal error rate's,
    drawn toward everybody's the more, the fewer pairs it has."""
    found = {}
    for identity, name in names.items():
        mine = scored.select((scored.first_identity == identity) | (scored.second_identity == identity))
        fewest = min(mine.n_same, mine.n_different)
        if fewest >= OWN_PAIRS:
            own = _midway(mine, metrics.eer(mine.distances, mine.same)[1])
            found[name] = threshold + fewest / (fewest + OWN_WEIGHT) * (own - threshold)
    return found
