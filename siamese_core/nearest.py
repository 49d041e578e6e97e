"""Every item's nearest other item in the original space: what a map is judged by, point by point.

Exact: all N x N distances are computed, in blocks. A tie counts against the network, as everywhere here: among equal
distances an item of another class comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from siamese_core.errors import DataError
from siamese_core.retrieval import Distances

ROWS = 2**23  # distances held at once


@dataclass(frozen=True)
class Nearest:
    """indices (N,) of the nearest other item, and distances (N,) float32 to it, in the run's own distance."""

    indices: np.ndarray
    distances: np.ndarray


def each(
    embedder: Distances,
    embeddings: np.ndarray,
    labels: np.ndarray,
    progress: Callable[[str, float], None] | None = None,
) -> Nearest:
    """(N, D) embeddings and their (N,) labels -> Nearest. `progress(text, fraction)` may raise to end it.

    Raises DataError when there are fewer than two items, or distances are not finite numbers.
    """
    n = len(embeddings)
    if n < 2:
        raise DataError("One item alone has no nearest neighbour; use more items.")
    indices, distances = np.empty(n, np.int64), np.empty(n, np.float32)
    rows = max(1, ROWS // n)
    for begin in range(0, n, rows):
        these = np.arange(begin, min(begin + rows, n))
        d = np.array(embedder.distance_matrix(embeddings[these], embeddings), dtype=np.float32)
        if not np.isfinite(d).all():
            raise DataError("Some distances are not finite numbers; the network's output is broken, so train it anew.")
        here = np.arange(len(these))
        d[here, these] = np.inf  # nobody is its own neighbour
        found = d.argmin(axis=1)
        least = d[here, found]
        d[labels[these, None] == labels[None, :]] = np.inf
        other = d.argmin(axis=1)
        tied = d[here, other] <= least
        indices[these] = np.where(tied, other, found)
        distances[these] = least
        if progress:
            progress(f"Found the nearest neighbours of {these[-1] + 1:,} of {n:,} points", (these[-1] + 1) / n)
    return Nearest(indices, distances)
