"""Is one run better than another, or is it chance? Two runs on the very same pairs, and a paired test.

Both runs meet the same hard identities, so their errors rise and fall together, which two intervals beside each other
do not know. Here the same identities are drawn anew for both (`bootstrap`) and each replicate gives a difference: the
paired bootstrap that Bisani and Ney (2004) use on sentences, over vertices. As for a single rate only the spread of
the replicates is used, and shrunk by `dyads`. A pair moves the difference by what it moves the one figure less what
it moves the other; the sums over units, couples and single pairs are of these. At a threshold, pairs that both runs
decide alike thus drop out, as in the test of McNemar (1947). A difference is no rate: its interval is not Wilson's but
Student's, with one degree of freedom less than there are units. The p-value is two-sided and of the same statistic: it
is below 5% where the 95% interval leaves out 0.

Where no pair tells the runs apart there is no spread. To have met no difference does not prove that there is none: the
interval then reaches to both sides as far as Wilson's bound for no event in as many trials as there are units.

What is compared are two trained networks, not two ways of training: another seed gives other networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from siamese_core import metrics
from siamese_core.bootstrap import REPLICATES, Bootstrap, unit_words, units_of
from siamese_core.errors import DataError
from siamese_core.scored import ScoredPairs

FIGURES = ("eer", "auc", "accuracy", "far", "frr")
LEVEL = 0.05


@dataclass(frozen=True)
class Difference:
    """The first run's figure minus the second's, its 95% interval, and the p-value of there being none."""

    value: float
    low: float
    high: float
    p: float

    @property
    def clear(self) -> bool:
        """Whether it is more than chance, at 5%."""
        return self.p < LEVEL

    def values(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {"value": self.value, "interval": [self.low, self.high], "p": self.p}


@dataclass(frozen=True)
class Paired:
    """Differences by name: those of `FIGURES`; None at a threshold that a run does not have.

    unit and identities: what was drawn anew (identities, items or pairs), and how many identities there are;
    over says it in words.
    """

    figures: Mapping[str, Difference | None]
    unit: str
    identities: int
    over: str

    @property
    def eer(self) -> Difference:
        """Of the equal error rate, by which the verdict goes."""
        found = self.figures["eer"]
        assert found is not None
        return found

    def values(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {name: None if d is None else d.values() for name, d in self.figures.items()}


def compare(
    first: ScoredPairs,
    second: ScoredPairs,
    thresholds: tuple[float | None, float | None] = (None, None),
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
    unit: str | None = None,
) -> Paired:
    """The differences of two runs on the same pairs, first minus second; accuracy, FAR and FRR each at its own run's
    threshold.

    Raises DataError when the pairs are not the very same or not of both kinds, ConfigError as `Bootstrap` does.
    """
    _need_the_same(first, second)
    chosen, *_, units = units_of(first, unit)
    if chosen == "pairs":  # each a unit of its own, so that the same ones are drawn for both runs
        each = np.arange(len(first))
        first, second = (replace(s, first=each, second=each) for s in (first, second))
    drawn_as = "items" if chosen == "pairs" else chosen
    sides = [
        Bootstrap(s, () if t is None else (t,), replicates, seed, drawn_as)
        for s, t in zip((first, second), thresholds, strict=True)
    ]
    values = [_values(s, t) for s, t in zip((first, second), thresholds, strict=True)]
    figures: dict[str, Difference | None] = {}
    for name in FIGURES:
        a, b = values[0][name], values[1][name]
        figures[name] = None if a is None or b is None else _difference(a - b, name, sides, thresholds, units)
    return Paired(figures, chosen, first.n_identities, unit_words(chosen, units, first.n_identities))


def _need_the_same(first: ScoredPairs, second: ScoredPairs) -> None:
    for name in ("same", "first_identity", "second_identity", "first", "second"):
        a, b = getattr(first, name), getattr(second, name)
        if (a is None) != (b is None) or (a is not None and not np.array_equal(a, b)):
            raise DataError(
                "The two runs were not scored on the very same pairs; score both on the same data with the same seed."
            )


def _values(scored: ScoredPairs, threshold: float | None) -> dict[str, float | None]:
    """The figures of one run, exactly."""
    d, same = scored.distances, scored.same
    found: dict[str, float | None] = dict.fromkeys(FIGURES)
    found |= {"eer": metrics.eer(d, same)[0], "auc": metrics.roc_auc(d, same)}
    if threshold is not None:
        far, frr = float((d[~same] <= threshold).mean()), float((d[same] > threshold).mean())
        found |= {"far": far, "frr": frr, "accuracy": 1.0 - (far + frr) / 2.0}
    return found


def _difference(
    value: float, name: str, sides: list[Bootstrap], thresholds: tuple[float | None, float | None], units: int
) -> Difference:
    from scipy.special import stdtr, stdtrit

    a, b = (side.figure(name, t or 0.0) for side, t in zip(sides, thresholds, strict=True))
    of_different, of_same = a.of_different - b.of_different, a.of_same - b.of_same
    deviation = 0.0
    if max(np.ptp(of_different), np.ptp(of_same)) > 1e-12:  # else no pair of a kind tells them apart from another
        deviation = float((a.draws - b.draws).std(ddof=1)) * sides[0].shrinkage(of_different, of_same)
    if deviation > 0.0:
        freedom = units - 1
        reach, p = float(stdtrit(freedom, 0.975)) * deviation, 2.0 * float(stdtr(freedom, -abs(value) / deviation))
    else:  # a difference without a spread: as a sign test over the units has it
        reach, p = metrics.wilson_share(0.0, units)[1], 1.0 if abs(value) < 1e-12 else 2.0 ** (1 - units)
    return Difference(value, max(-1.0, value - reach), min(1.0, value + reach), p)


# ---- in words ----


def verdict(found: Paired, first: str, second: str) -> str:
    """One sentence by the equal error rate: which run errs less often, or that these pairs could not show it."""
    d = found.eer
    better, other = (first, second) if d.value <= 0 else (second, first)
    low, high = (d.low, d.high) if d.value <= 0 else (-d.high, -d.low)
    few = "" if found.unit == "identities" else f"{found.identities:,} identit{'y' if found.identities == 1 else 'ies'}"
    if d.clear:
        on = f" on these {few}" if few else ""
        between = f"95% interval {points(high)} to {points(low)}"
        lower = f"equal error rate {points(d.value)} points lower ({between})"
        return f"{better} errs less often than {other}{on}: {lower}, {p_words(d.p)}."
    if points(d.value) == "0.0":
        said = f"their equal error rates are alike (95% interval: up to {points(max(-low, high))} points either way)"
    else:
        between = f"95% interval: {points(low)} lower to {points(high)} higher"
        said = f"the equal error rate of {better} is {points(d.value)} points lower ({between})"
    of = f" of {few}" if few else ""
    return f"No difference between {first} and {second} that these pairs{of} could show: {said}, {p_words(d.p)}."


def points(value: float) -> str:
    """How far a difference is from 0, in percentage points: one decimal, and two where it is small."""
    size = 100.0 * abs(value)
    return f"{size:.2f}" if 0.005 <= size < 0.95 else f"{size:.1f}"


def p_words(p: float) -> str:
    """A p-value: 'p = 0.31', 'p = 0.002', 'p < 0.001'."""
    if p < 0.001:
        return "p < 0.001"
    return "p = 1" if p > 0.995 else f"p = {p:.2f}" if p >= 0.1 else f"p = {p:.3f}"
