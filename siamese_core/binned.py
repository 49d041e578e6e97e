"""Distances counted in bins, and the error rates of many weightings of the bins at once: what `bootstrap` works with.

B bins, R weightings (replicates). Vertex k of a curve accepts the first k bins; there are B + 1 of them.
"""

from __future__ import annotations

import numpy as np

from siamese_core.scored import ScoredPairs

BINS = 1024


def edges(scored: ScoredPairs, thresholds: tuple[float, ...]) -> np.ndarray:
    """(B,) upper edges of bins, rising: quantiles of both kinds, close together where rates are small."""
    asked = [t for t in thresholds if np.isfinite(t)]
    found = [np.array([scored.distances.max(), *asked])]
    for d, smallest in ((scored.distances[~scored.same], 0), (scored.distances[scored.same], -1)):
        n, many = len(d), BINS // 4
        even, steep = np.linspace(0, n - 1, many), np.geomspace(1, n, many) - 1
        ranks = np.concatenate([even, steep if smallest == 0 else n - 1 - steep]).round().astype(np.int64)
        ranks = np.unique(ranks)
        found.append(np.partition(d, ranks)[ranks])
    return np.unique(np.concatenate(found))


def rates(different: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(B, R) weights of bins -> FAR and FRR at every vertex, (B + 1, R); the first accepts nothing."""
    far, accepted = (np.cumsum(k, axis=0, dtype=np.float64) for k in (different, same))
    far, accepted = far / far[-1], accepted / accepted[-1]
    nothing = np.zeros((1, far.shape[1]))
    return np.concatenate([nothing, far]), 1.0 - np.concatenate([nothing, accepted])


def eer(far: np.ndarray, frr: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(B + 1, R) rates -> (R,) equal error rates and the vertices after the crossing."""
    after = np.argmax(far >= frr, axis=0)
    columns = np.arange(far.shape[1])
    gap = far - frr
    before, here = gap[after - 1, columns], gap[after, columns]
    share = -before / (here - before)
    start = far[after - 1, columns]
    return start + share * (far[after, columns] - start), after


def area(far: np.ndarray, frr: np.ndarray) -> np.ndarray:
    """(B + 1, R) rates -> (R,) areas under the ROC curve."""
    accepted = 1.0 - frr
    return (np.diff(far, axis=0) * (accepted[1:] + accepted[:-1]) / 2).sum(axis=0)


def middle(at_vertices: np.ndarray) -> np.ndarray:
    """(B + 1,) -> (B,): halfway through each bin, where ties within it count 1/2."""
    return (at_vertices[1:] + at_vertices[:-1]) / 2
