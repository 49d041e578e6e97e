"""What scored pairs and probabilities look like as curves: ROC, DET, precision and recall, reliability.

A pair is accepted as "same" when its distance is at or below the threshold. FAR, the false accept rate, is the share
of different pairs that are accepted; FRR, the false reject rate, the share of same pairs that are refused.
Every different distance is one vertex of a curve, so ties are one step; nothing is interpolated but the equal error
rate. Curves have as many points as there are distances: `thin` them before they are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from siamese_core import metrics
from siamese_core.errors import DataError
from siamese_core.scored import ScoredPairs

RELIABILITY_BINS = 15
DRAWN = 2000  # points of a curve that are worth drawing


@dataclass(frozen=True, eq=False)
class Rates:
    """The two error rates against the threshold, (V,) each, thresholds rising; also the ROC's vertices."""

    thresholds: np.ndarray
    far: np.ndarray
    frr: np.ndarray
    n_same: int
    n_different: int

    def at(self, threshold: float) -> tuple[float, float]:
        """FAR and FRR of a threshold, exactly."""
        place = max(0, int(np.searchsorted(self.thresholds, threshold, side="right")) - 1)
        return float(self.far[place]), float(self.frr[place])

    def thinned(self, most: int = DRAWN) -> Rates:
        """The same curve with at most so many of its own points."""
        kept = thin(most, self.far, self.frr, self.thresholds)
        return Rates(self.thresholds[kept], self.far[kept], self.frr[kept], self.n_same, self.n_different)


def rates(scored: ScoredPairs) -> Rates:
    """FAR and FRR at every distance there is. Raises DataError without pairs of both kinds."""
    scored.need()
    far, frr, thresholds = metrics.roc_curve(scored.distances, scored.same)
    return Rates(thresholds, far, frr, scored.n_same, scored.n_different)


def auc(found: Rates) -> float:
    """The area under the ROC curve: how often a same pair is nearer than a different one, ties counting 1/2."""
    return float(np.trapezoid(1.0 - found.frr, found.far))


def frr_at_far(found: Rates, most: float) -> tuple[float, float]:
    """The least FRR of the thresholds whose FAR is at most `most`, and that threshold (the largest such)."""
    place = int(np.searchsorted(found.far, most, side="right")) - 1
    return float(found.frr[place]), float(found.thresholds[place])


def det(found: Rates) -> tuple[np.ndarray, np.ndarray]:
    """FAR and FRR on normal-deviate axes (Martin et al. 1997), (V,) each.

    0 and 1 would lie infinitely far: they are drawn at half a pair, 1/2n and 1 - 1/2n.
    """
    return probit(found.far, found.n_different), probit(found.frr, found.n_same)


def probit(shares: np.ndarray, of: int) -> np.ndarray:
    """Normal deviates of rates among `of` pairs, any shape; 0 and 1 as half a pair away from them."""
    from scipy.special import ndtri

    half = 0.5 / of
    return np.asarray(ndtri(np.clip(shares, half, 1.0 - half)))


def precision_recall(found: Rates) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall of "same", (V,) each, recall rising; precision is 1 where nothing is accepted."""
    right = (1.0 - found.frr) * found.n_same
    accepted = right + found.far * found.n_different
    precision = np.ones_like(right)
    np.divide(right, accepted, out=precision, where=accepted > 0)
    return precision, 1.0 - found.frr


def average_precision(found: Rates) -> float:
    """Precision averaged over the steps of recall, without interpolation (as scikit-learn has it)."""
    precision, recall = precision_recall(found)
    return float((np.diff(recall) * precision[1:]).sum())


def histogram(scored: ScoredPairs, bins: int = 40) -> dict[str, np.ndarray]:
    """How the distances lie: "edges" (bins + 1,), and the counts "same" and "different" (bins,)."""
    edges = np.histogram_bin_edges(scored.distances, bins)
    kinds = (("same", scored.same), ("different", ~scored.same))
    return {"edges": edges} | {name: np.histogram(scored.distances[of], edges)[0] for name, of in kinds}


def confusion(scored: ScoredPairs, threshold: float) -> dict[str, int]:
    """Numbers of pairs at a threshold: accepted and refused, same and different."""
    accepted = scored.distances <= threshold
    right, wrong = int((accepted & scored.same).sum()), int((accepted & ~scored.same).sum())
    return {
        "accepted_same": right,
        "refused_same": scored.n_same - right,
        "accepted_different": wrong,
        "refused_different": scored.n_different - wrong,
    }


# ---- probabilities ----


@dataclass(frozen=True, eq=False)
class Reliability:
    """Bins of equally many pairs, by rising probability: (bins,) each."""

    predicted: np.ndarray  # the mean probability in the bin
    observed: np.ndarray  # the share of its pairs that are same
    counts: np.ndarray

    @property
    def ece(self) -> float:
        """The expected calibration error: how far the two lie apart, averaged over pairs (Naeini et al. 2015)."""
        return float((self.counts * np.abs(self.predicted - self.observed)).sum() / self.counts.sum())


def reliability(probability: np.ndarray, same: np.ndarray, bins: int = RELIABILITY_BINS) -> Reliability:
    """The reliability diagram of (P,) probabilities of "same", in bins of equal mass (fewer when P is small).

    Pairs of equal probability that fall into two bins share their outcome, so that the order of the pairs does
    not matter. Raises DataError for probabilities outside [0, 1].
    """
    p, y = _probabilities(probability, same)
    values, place, counts = np.unique(p, return_inverse=True, return_counts=True)
    outcome = np.repeat(np.bincount(place, weights=y) / counts, counts)
    parts = np.array_split(np.arange(len(p)), min(bins, len(p)))
    starts, sizes = np.array([part[0] for part in parts]), np.array([len(part) for part in parts])
    predicted = np.add.reduceat(np.repeat(values, counts), starts) / sizes
    return Reliability(predicted, np.add.reduceat(outcome, starts) / sizes, sizes)


def ece(probability: np.ndarray, same: np.ndarray, bins: int = RELIABILITY_BINS) -> float:
    """The expected calibration error in bins of equal mass; see `reliability`."""
    return reliability(probability, same, bins).ece


def brier(probability: np.ndarray, same: np.ndarray) -> float:
    """The mean squared distance of probability and outcome (Brier 1950)."""
    p, y = _probabilities(probability, same)
    return float(((p - y) ** 2).mean())


def brier_skill(probability: np.ndarray, same: np.ndarray) -> float:
    """How much of the base rate's Brier score is saved: 1 is perfect, 0 is as good as always saying the base rate.

    Raises DataError when all pairs are of one kind.
    """
    p, y = _probabilities(probability, same)
    base = float(y.mean())
    if base in (0.0, 1.0):
        raise DataError("The Brier skill needs pairs of both kinds.")
    return 1.0 - brier(p, y) / (base * (1.0 - base))


def summary(probability: np.ndarray, same: np.ndarray) -> dict[str, float]:
    """ "ece", "brier" and "brier_skill" of (P,) probabilities."""
    return {
        "ece": ece(probability, same),
        "brier": brier(probability, same),
        "brier_skill": brier_skill(probability, same),
    }


def thin(most: int, *columns: np.ndarray) -> np.ndarray:
    """Positions of at most `most` points of a curve, rising, the ends among them: (V,) columns -> (M,) int64.

    They lie evenly along the curve (every column scaled to the same length), so that a steep stretch keeps as many
    points as it shows. Raises ValueError for fewer than two.
    """
    if most < 2:
        raise ValueError("A curve has at least two points.")
    n = len(columns[0])
    if n <= most:
        return np.arange(n)
    length = np.zeros(n)
    for column in columns:
        reach = float(column.max() - column.min())
        if reach > 0:
            length[1:] += np.cumsum(np.abs(np.diff(column))) / reach
    kept = np.searchsorted(length, np.linspace(0.0, length[-1], most))
    return np.unique(np.concatenate([[0], kept[1:-1], [n - 1]]))


def _probabilities(probability: Any, same: Any) -> tuple[np.ndarray, np.ndarray]:
    p, y = np.asarray(probability, dtype=np.float64).ravel(), np.asarray(same).ravel().astype(np.float64)
    if len(p) != len(y) or not len(p):
        raise DataError(f"There are {len(p)} probabilities but {len(y)} answers.")
    if not (np.isfinite(p).all() and p.min() >= 0.0 and p.max() <= 1.0):
        raise DataError("Some probabilities are not numbers between 0 and 1.")
    return p, y
