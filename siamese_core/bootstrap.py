"""95% intervals of error rates by the vertex bootstrap: identities are drawn anew, not pairs.

A pair has two identities. In a replicate K identities are drawn with replacement, identity i c_i times; a different
pair then counts c_i c_j times, for every copy of the one meets every copy of the other, and a pair within one
identity c_i times, for every copy brings its own pairs (Snijders and Borgatti 1999; Poh, Martin and Bengio 2007 for
biometrics). Distances are first counted in bins at quantiles of both kinds (`binned`): a rate is exact at a bin's
edge, and the thresholds asked for are edges. No replicate looks at single pairs afterwards but as cells (bin, i, j).

From the replicates only their spread is used: percentiles lie on the wrong side for small rates, which are
skewed, and under-cover there. The spread is shrunk by `dyads` where it counts a pair's own chance thrice, widened
by Student's t for K - 1 degrees (Efron's bootstrap is narrow by sqrt((K - 1) / K) as well), and turned into the
interval of Wilson (1927) for as many independent trials as would have this spread. Where no error (or nothing but
errors) was seen there is no spread: then it is Wilson's for as many trials as there are identities, not pairs; for what
makes errors is an identity, and a million pairs of 100 people have met 100 people.

With fewer than `FEWEST` identities the same is done over items, or, when those are not known, over pairs taken as
independent; `unit` says which, and such an interval does not tell what other identities will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from siamese_core import binned, curves, dyads, metrics
from siamese_core.errors import ConfigError
from siamese_core.scored import ScoredPairs

REPLICATES = 500
FEWEST = 10  # identities
# of FAR and FRR, how much of each is in a figure at a threshold
SHARES = {"far": (1.0, 0.0), "frr": (0.0, 1.0), "accuracy": (-0.5, -0.5)}


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95% interval."""

    value: float
    low: float
    high: float

    @property
    def interval(self) -> list[float]:
        """[low, high]."""
        return [self.low, self.high]


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure's replicates, (R,), and how much each pair moves it, (n_different,) and (n_same,): its influence
    function, linearised, times the number of pairs of that kind, up to a constant. An interval is made of these."""

    draws: np.ndarray
    of_different: np.ndarray
    of_same: np.ndarray


@dataclass(frozen=True, eq=False)
class Bands:
    """FAR and FRR with intervals against the threshold, (B,) each, thresholds rising; exact at each of them."""

    thresholds: np.ndarray
    far: np.ndarray
    far_low: np.ndarray
    far_high: np.ndarray
    frr: np.ndarray
    frr_low: np.ndarray
    frr_high: np.ndarray


@dataclass(frozen=True, eq=False)
class Roc:
    """FRR with its interval at chosen false accept rates, (G,) each: the ROC curve's band."""

    far: np.ndarray
    frr: np.ndarray
    frr_low: np.ndarray
    frr_high: np.ndarray


class Bootstrap:
    """Replicates of scored pairs; ask it for figures. Seeded: the same pairs and seed give the same intervals.

    thresholds: those whose rates will be asked for. Raises DataError without pairs of both kinds, ConfigError for fewer
    than 500 replicates or an unknown unit.
    """

    def __init__(
        self,
        scored: ScoredPairs,
        thresholds: tuple[float, ...] = (),
        replicates: int = REPLICATES,
        seed: int = 0,
        unit: str | None = None,
    ) -> None:
        if replicates < REPLICATES:
            raise ConfigError(f"An interval needs at least {REPLICATES} replicates, not {replicates}.")
        scored.need()
        self.unit, u, v, self.units = units_of(scored, unit)
        self.edges = binned.edges(scored, thresholds)
        self._asked = np.searchsorted(self.edges, [t for t in thresholds if np.isfinite(t)]) + 1
        if self.unit == "pairs":
            self.units = min(scored.n_same, scored.n_different)
        bins = np.searchsorted(self.edges, scored.distances, side="left")
        sides = (np.zeros(len(bins), np.int64),) * 2 if self.unit == "pairs" else (u, v)
        self._different, self._same = (
            dyads.Dyads(bins[k], sides[0][k], sides[1][k], self.units, len(self.edges))
            for k in (~scored.same, scored.same)
        )
        self.far, self.frr = binned.rates(*(np.bincount(k.bins, minlength=k.n_bins)[:, None] for k in self._kinds))
        rng = np.random.default_rng(seed)
        if self.unit == "pairs":
            drawn = tuple(dyads.drawn_pairs(k, replicates, rng) for k in self._kinds)
        else:
            drawn = dyads.drawn_units(self._kinds, self.units, replicates, rng)
        keep = (drawn[0].sum(0) > 0) & (drawn[1].sum(0) > 0)
        self._far, self._frr = binned.rates(drawn[0][:, keep], drawn[1][:, keep])  # (B + 1, R)

    @property
    def _kinds(self) -> tuple[dyads.Dyads, dyads.Dyads]:
        return self._different, self._same

    def rates_at(self, threshold: float) -> tuple[Estimate, Estimate]:
        """FAR and FRR of a threshold; exact if it was among `thresholds`, else of the next edge below."""
        at = self._vertex(threshold)
        return self._estimate(at, 1.0, 0.0), self._estimate(at, 0.0, 1.0)

    def accuracy_at(self, threshold: float) -> Estimate:
        """Balanced accuracy, 1 - (FAR + FRR) / 2, of a threshold."""
        error = self._estimate(self._vertex(threshold), 0.5, 0.5)
        return Estimate(1.0 - error.value, 1.0 - error.high, 1.0 - error.low)

    def eer(self) -> Estimate:
        """The equal error rate."""
        value, draws, at, of_far = self._crossing()
        return self._interval(value, draws, self._shrinkage(at, of_far, 1.0 - of_far))

    def auc(self) -> Estimate:
        """The area under the ROC curve."""
        found = self.figure("auc")
        value = float(binned.area(self.far, self.frr)[0])
        return self._interval(value, found.draws, self.shrinkage(found.of_different, found.of_same))

    def figure(self, name: str, threshold: float = 0.0) -> Figure:
        """What the spread of "eer", "auc", "far", "frr" or "accuracy" is made of; the last three at a threshold."""
        if name == "auc":  # a different pair brings the share of same pairs that are nearer, and the other way round
            draws = binned.area(self._far, self._frr)
            of_different, of_same = 1.0 - binned.middle(self.frr[:, 0]), 1.0 - binned.middle(self.far[:, 0])
            return Figure(draws, of_different[self._different.bins], of_same[self._same.bins])
        if name == "eer":
            _, draws, at, of_far = self._crossing()
            of_frr = 1.0 - of_far
        else:
            at, (of_far, of_frr) = self._vertex(threshold), SHARES[name]
            draws = of_far * self._far[at] + of_frr * self._frr[at]
        return Figure(draws, of_far * (self._different.bins < at), -of_frr * (self._same.bins < at))

    def shrinkage(self, of_different: np.ndarray, of_same: np.ndarray) -> float:
        """How much too wide the replicates are of a figure that pairs move by so much, or of a difference of two."""
        return 1.0 if self.unit == "pairs" else dyads.shrinkage_of_mean(*self._kinds, of_different, of_same)

    def frr_at_far(self, most: float) -> Estimate:
        """The FRR of the largest threshold whose FAR is at most `most`."""
        at = int(np.searchsorted(self.far[:, 0], most, side="right")) - 1
        places = (self._far <= most).sum(axis=0) - 1
        draws = np.take_along_axis(self._frr, places[None], axis=0)[0]
        return self._interval(float(self.frr[at, 0]), draws, self._shrinkage(at, *self._along_roc(at)))

    def roc(self, far: np.ndarray) -> Roc:
        """FRR and its band at rising false accept rates (G,)."""
        found = [self.frr_at_far(float(x)) for x in far]
        return Roc(np.asarray(far), *(np.array([getattr(e, k) for e in found]) for k in ("value", "low", "high")))

    def bands(self, most: int = 256) -> Bands:
        """FAR and FRR with intervals at no more than `most` thresholds, those asked for among them."""
        kept = curves.thin(most - len(self._asked), curves.probit(self.far[:, 0], len(self._different)), self.frr[:, 0])
        kept = np.union1d(kept, self._asked.astype(np.int64))
        found = [(self._estimate(int(at), 1.0, 0.0), self._estimate(int(at), 0.0, 1.0)) for at in kept]
        columns = [np.array([getattr(e[k], name) for e in found]) for k in (0, 1) for name in ("value", "low", "high")]
        before = np.nextafter(self.edges[0], -np.inf)
        return Bands(np.concatenate([[before], self.edges])[kept], *columns)

    def _vertex(self, threshold: float) -> int:
        return int(np.searchsorted(self.edges, threshold, side="right"))

    def _crossing(self) -> tuple[float, np.ndarray, int, float]:
        """The equal error rate, its replicates, the vertex after it, and the share in which FAR's errors move it."""
        value, at = binned.eer(self.far, self.frr)
        rise, fall = self._slopes()
        of_far = float(fall[at[0]]) / max(float(rise[at[0]] + fall[at[0]]), 1e-12)
        return float(value[0]), binned.eer(self._far, self._frr)[0], int(at[0]), of_far

    def _estimate(self, at: int, of_far: float, of_frr: float) -> Estimate:
        """of_far FAR + of_frr FRR at vertex `at`; both shares add up to 1."""
        value = float(of_far * self.far[at, 0] + of_frr * self.frr[at, 0])
        draws = of_far * self._far[at] + of_frr * self._frr[at]
        return self._interval(value, draws, self._shrinkage(at, of_far, of_frr))

    def _shrinkage(self, at: int, of_far: float, of_frr: float) -> float:
        if self.unit == "pairs":
            return 1.0
        return float(self._spread.shrinkage(np.asarray(of_far), np.asarray(of_frr))[max(0, at - 1)])

    @cached_property
    def _spread(self) -> dyads.Spread:
        return dyads.spread(*self._kinds)

    def _slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """How FAR rises and FRR falls around every vertex, a few bins wide: (B + 1,) each, a bin."""
        wide = max(1, len(self.edges) // 50)
        places = np.arange(len(self.far))
        low, high = np.maximum(places - wide, 0), np.minimum(places + wide, len(self.far) - 1)
        return (self.far[high] - self.far[low])[:, 0], (self.frr[low] - self.frr[high])[:, 0]

    def _along_roc(self, at: int) -> tuple[float, float]:
        """The shares in which errors of FAR and FRR move the FRR at a fixed FAR, adding up to 1."""
        rise, fall = self._slopes()
        total = max(float(rise[at] + fall[at]), 1e-12)
        return float(fall[at]) / total, float(rise[at]) / total

    def _interval(self, value: float, draws: np.ndarray, shrink: float) -> Estimate:
        low, high = interval(value, float(draws.std(ddof=1)) * shrink if len(draws) > 1 else 0.0, self.units)
        return Estimate(value, low, high)


def interval(rate: float, deviation: float, units: int) -> tuple[float, float]:
    """The 95% interval of a rate with this standard deviation, seen on so many units; see the head of this file."""
    if not 0.0 < rate < 1.0 or deviation <= 0.0 or units < 2:
        return metrics.wilson_share(rate, units, metrics.Z95)
    return metrics.wilson_share(rate, rate * (1.0 - rate) / deviation**2, metrics.student95(units - 1))


def units_of(scored: ScoredPairs, unit: str | None) -> tuple[str, np.ndarray, np.ndarray, int]:
    """(unit, first (P,), second (P,), how many): what is resampled, numbered from 0.

    Identities where there are enough, else items, else pairs, unless `unit` says which. Raises ConfigError.
    """
    if unit not in (None, "identities", "items", "pairs"):
        raise ConfigError(f"There is no unit '{unit}' to resample; use identities, items or pairs.")
    if unit is None:
        unit = "identities" if scored.n_identities >= FEWEST else "items"
    if unit == "items" and (scored.first is None or scored.second is None):
        unit = "pairs"
    first, second = scored.first_identity, scored.second_identity
    if unit == "pairs":
        each = np.arange(len(scored))
        return unit, each, each, len(scored)
    if unit == "items":
        assert scored.first is not None
        assert scored.second is not None
        first, second = scored.first, scored.second
    names, place = np.unique(np.concatenate([first, second]), return_inverse=True)
    return unit, place[: len(first)], place[len(first) :], len(names)


def unit_words(unit: str, units: int, identities: int) -> str:
    """What intervals are over, in words: "40 identities", or "2 identities: intervals over 360 pictures"."""
    if unit == "identities":
        return f"{units:,} identities"
    few = f"{identities:,} {'identity' if identities == 1 else 'identities'}"
    return f"{few}: intervals over {'pictures' if unit == 'items' else 'pairs'}"
