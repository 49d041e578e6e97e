"""How far to believe a map: trustworthiness, continuity, and the error of each point.

Venna and Kaski 2001 ("Neighborhood preservation in nonlinear projection methods: an experimental study"). Of a
point's k nearest on the map, those that are not among its k nearest in truth are false neighbours; of its k nearest in
truth, those that the map shows farther off are lost ones. Each counts by how far down the other ranking it stands:

    trustworthiness = 1 - 2 / (N k (2N - 3k - 1)) * sum over points and false neighbours of (true rank - k)
    continuity      = 1 - 2 / (N k (2N - 3k - 1)) * sum over points and lost neighbours of (rank on the map - k)

1 is a map without error; a map that knows nothing has about 0.5. Ours ranks in the original space by any distance
(the run's own), and counts equal distances as equal: a rank is one more than the number of points that are strictly
nearer. Above `EXACT` points the sums are taken over a random sample of points, each still ranked among all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from siamese_core.errors import DataError
from siamese_core.retrieval import Distances

K = 12
EXACT = 10_000  # points up to which all of them are measured
SAMPLE = 4_000  # of more points, so many are
BLOCK = 2**22  # distances held at once


@dataclass(frozen=True, eq=False)
class Quality:
    """trustworthiness and continuity 0..1 with k neighbours; error (N,) of each point: 1 minus the mean of its own
    share in both, so 0 where its neighbours are right and 1 where the farthest points stand beside it; NaN where it was
    not measured. `measured` is how many points were: all N, or the sample."""

    trustworthiness: float
    continuity: float
    error: np.ndarray
    k: int
    measured: int


def measure(
    embedder: Distances,
    embeddings: np.ndarray,
    points: np.ndarray,
    k: int = K,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> Quality | None:
    """(N, D) embeddings and their (N, dims) points -> Quality, with fewer neighbours where there are few points; None
    for fewer than 4 points, where nothing can be wrong. Raises DataError when distances are not finite."""
    n = len(points)
    k = min(k, (n - 1) // 2)
    if k < 1 or n < 4:
        return None
    asked = np.arange(n)
    if n > EXACT:
        asked = np.sort(np.random.default_rng(seed).permutation(n)[:SAMPLE])
    false, lost = np.empty(len(asked)), np.empty(len(asked))
    rows = max(1, BLOCK // n)
    for i in range(0, len(asked), rows):
        these = asked[i : i + rows]
        original = np.array(embedder.distance_matrix(embeddings[these], embeddings), dtype=np.float64)
        if not np.isfinite(original).all():
            raise DataError("Some distances are not finite numbers; the network's output is broken, so train it anew.")
        shown = np.zeros_like(original)
        for d in range(points.shape[1]):
            shown += np.subtract.outer(points[these, d], points[:, d]) ** 2
        for distances in (original, shown):
            distances[np.arange(len(these)), these] = np.inf  # nobody is its own neighbour
        false[i : i + rows] = _penalties(shown, original, k)
        lost[i : i + rows] = _penalties(original, shown, k)
        if progress:
            progress("Measuring how far to believe the map", (i + len(these)) / len(asked))
    worst = k * (2 * n - 3 * k - 1) / 2
    error = np.full(n, np.nan)
    error[asked] = (false + lost) / 2 / worst
    return Quality(1 - float(false.mean()) / worst, 1 - float(lost.mean()) / worst, error, k, len(asked))


def _penalties(here: np.ndarray, there: np.ndarray, k: int) -> np.ndarray:
    """For each row (B, N): the k nearest by `here`, and by how much their ranks in `there` exceed k, summed (B,)."""
    near = np.argpartition(here, k - 1, axis=1)[:, :k]
    distances = np.take_along_axis(there, near, axis=1)
    kth = np.partition(there, k - 1, axis=1)[:, k - 1]
    penalties = np.zeros(len(here))
    rows, columns = np.nonzero(distances > kth[:, None])
    for row, column in zip(rows, columns, strict=True):
        penalties[row] += max(np.count_nonzero(there[row] < distances[row, column]) + 1 - k, 0)
    return penalties
