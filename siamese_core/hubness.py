"""Hubs: items that are among the nearest of far too many others, and anti-hubs, which are among nobody's.

Radovanović, Nanopoulos and Ivanović 2010 ("Hubs in space: popular nearest neighbors in high-dimensional data"). An
item's k-occurrence is how many others have it among their k nearest; its mean is k, and its skewness (third
standardised moment) says how much a few items take from the rest: about 0 without hubs. Ours shares the places left
among items at an equal k-th distance, so that no order of the items counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

K = 10
FEWEST = 20  # items below which occurrences say nothing


@dataclass(frozen=True, eq=False)
class Hubness:
    """k; occurrence (M,), how many others have an item among their k nearest; skewness; anti_hubs: the share of items
    that nobody has; top: the share of all places that the most frequent hundredth of the items takes (0.01 if all
    were alike)."""

    k: int
    occurrence: np.ndarray
    skewness: float
    anti_hubs: float
    top: float

    def largest(self, count: int) -> np.ndarray:
        """The items that most others have among their nearest, the most frequent first: indices (count,)."""
        return np.argsort(-self.occurrence, kind="stable")[:count]


def places(distances: np.ndarray, k: int) -> np.ndarray:
    """(B, M) distances, an item's own infinite -> (M,) how many of the B have each of the M among their k nearest."""
    kth = np.partition(distances, k - 1, axis=1)[:, k - 1 : k]
    nearer = distances < kth
    found = nearer.sum(axis=0, dtype=np.float64)
    tied = distances == kth
    left = (k - nearer.sum(axis=1)) / tied.sum(axis=1)
    return found + left @ tied


def summary(occurrence: np.ndarray, k: int) -> Hubness:
    """What the occurrences (M,) say. Skewness is 0 where all are alike."""
    about = occurrence - occurrence.mean()
    deviation = float(np.sqrt(np.square(about).mean()))
    skewness = float((about**3).mean() / deviation**3) if deviation > 1e-9 * k else 0.0
    most = np.sort(occurrence)[::-1][: max(1, round(len(occurrence) / 100))]
    return Hubness(k, occurrence, skewness, float((occurrence < 1e-9).mean()), float(most.sum() / occurrence.sum()))
