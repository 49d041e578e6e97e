"""How well the nearest ones are of the right class: recall@k and MAP@R.

Every item asks in turn; all others are the gallery. MAP@R: Musgrave, Belongie and Lim 2020 ("A Metric Learning
Reality Check"): with R other items of the query's class, the mean over the first R places of the precision there where
the place is right. Ours takes ties against itself: among equal distances the wrong class comes first, so that an
embedding that does not look scores nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from siamese_core.errors import DataError

ROWS = 2**23  # distances held at once


class Distances(Protocol):
    """What tells how far embeddings are apart."""

    def distance_matrix(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """(Q, D) and (G, D) embeddings -> (Q, G) distances."""
        ...


@dataclass(frozen=True)
class Retrieval:
    """Means over the queries that have another item of their class. `recall` holds (k, share of queries with one of
    their class among the k nearest)."""

    recall: tuple[tuple[int, float], ...]
    map_at_r: float
    queries: int
    per_class: np.ndarray  # (classes,) recall@1 of each class; NaN where a class has no query


def measure(
    embedder: Distances,
    embeddings: np.ndarray,
    labels: np.ndarray,
    ks: tuple[int, ...] = (1, 5, 10),
    progress: Callable[[str, float], None] | None = None,
) -> Retrieval:
    """(N, D) embeddings and (N,) labels 0.. -> Retrieval. Distances are computed in blocks.

    Raises DataError when no class has two items, or distances are not finite numbers.
    """
    labels = np.asarray(labels, dtype=np.int64)
    counts = np.bincount(labels)
    asking = np.flatnonzero(counts[labels] >= 2)
    if not len(asking):
        raise DataError("Similarity search cannot be measured: no class has two items. Add more items.")
    n = len(labels)
    rows = max(1, ROWS // n)
    first_right = np.empty(len(asking), dtype=np.int64)
    precision = np.empty(len(asking))
    for begin in range(0, len(asking), rows):
        these = asking[begin : begin + rows]
        d = np.asarray(embedder.distance_matrix(embeddings[these], embeddings), dtype=np.float64)
        if not np.isfinite(d).all():
            raise DataError("Some distances are not finite numbers; the network's output is broken, so train it anew.")
        d[np.arange(len(these)), these] = np.inf  # nobody finds itself
        right = labels[None, :] == labels[these, None]
        part = slice(begin, begin + len(these))
        first_right[part], precision[part] = _ranked(d, right, counts[labels[these]] - 1)
        if progress:
            progress(f"Asked {begin + len(these)} of {len(asking)}", (begin + len(these)) / len(asking))
    hit = first_right < 1
    asked = np.bincount(labels[asking], minlength=len(counts))
    with np.errstate(invalid="ignore", divide="ignore"):
        per_class = np.bincount(labels[asking], weights=hit, minlength=len(counts)) / np.where(asked, asked, np.nan)
    recall = tuple((k, float((first_right < k).mean())) for k in ks if k < n)
    return Retrieval(recall, float(precision.mean()), len(asking), per_class)


def _ranked(d: np.ndarray, right: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(Q, G) distances and whether each is right, (Q,) how many are -> (place of the first right one, MAP@R)."""
    order = np.lexsort((right, d), axis=1)  # by distance; among equal ones the wrong come first
    found = np.take_along_axis(right, order, axis=1)
    first = found.argmax(axis=1)
    most = int(r.max())
    top = found[:, :most] & (np.arange(most) < r[:, None])
    so_far = np.cumsum(top, axis=1) / np.arange(1, most + 1)
    return first, (so_far * top).sum(axis=1) / r
