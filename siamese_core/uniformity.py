"""Alignment and uniformity on the unit sphere.

Wang and Isola 2020 ("Understanding contrastive representation learning through alignment and uniformity on the
hypersphere"): alignment is the mean of |x - y|^2 over positive pairs, uniformity the logarithm of the mean of
exp(-2 |x - y|^2) over all pairs; smaller is better in both. Ours takes two different items of one class as a positive
pair (an item by chance, then another of its class by chance), and scales every embedding to unit length first,
whatever the run's distance. A space that is one point has perfect alignment: it is read beside how far any two items
are apart, and is nothing there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

T = 2.0
BLOCK = 2**22  # products held at once


@dataclass(frozen=True)
class Alignment:
    """Mean squared distances between unit vectors: `same` of two items of one class, `any` of any two items."""

    same: float
    any: float

    @property
    def share(self) -> float:
        """0: each class is a point; 1: two items of a class are as far apart as any two. NaN in a space of one
        point."""
        return self.same / self.any if self.any > 0 else float("nan")


def unit(embeddings: np.ndarray) -> np.ndarray:
    """(N, D) -> (N, D) float64 rows of length 1; a zero row stays zero."""
    x = np.asarray(embeddings, dtype=np.float64)
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0)


def alignment(embeddings: np.ndarray, labels: np.ndarray) -> Alignment | None:
    """(N, D) embeddings and (N,) labels -> Alignment, exact; None where no class has two items."""
    x = unit(embeddings)
    order = np.argsort(labels, kind="stable")
    x, labels = x[order], np.asarray(labels)[order]
    starts = np.flatnonzero(np.r_[True, labels[1:] != labels[:-1]])
    counts = np.diff(np.r_[starts, len(labels)])
    if counts.max(initial=0) < 2:
        return None
    means = np.add.reduceat(x, starts) / counts[:, None]
    about = np.add.reduceat(np.square(x - np.repeat(means, counts, axis=0)).sum(axis=1), starts)
    pairs = counts > 1
    same = 2 * about[pairs] / (counts[pairs] - 1)
    every = 2 * np.square(x - x.mean(axis=0)).sum() / (len(x) - 1)
    return Alignment(float(np.average(same, weights=counts[pairs])), float(every))


def uniformity(embeddings: np.ndarray, progress: Callable[[float], None] | None = None) -> float:
    """(N, D) embeddings -> uniformity over all pairs of two different ones, at most 0; exact, in blocks."""
    x = unit(embeddings)
    n, total = len(x), 0.0
    squares = np.square(x).sum(axis=1)
    rows = max(1, BLOCK // n)
    for i in range(0, n, rows):
        d = squares[i : i + rows, None] + squares[None] - 2 * x[i : i + rows] @ x.T
        total += float(np.exp(-T * np.maximum(d, 0.0)).sum())
        if progress:
            progress(min(1.0, (i + rows) / n))
    diagonal = float(np.exp(-T * np.maximum(squares + squares - 2 * np.einsum("ij,ij->i", x, x), 0.0)).sum())
    return float(np.log((total - diagonal) / (n * (n - 1))))


def even(dims: int) -> float:
    """The uniformity of points spread evenly over the unit sphere in so many dimensions: no space has less."""
    from scipy.special import hyp0f1

    return float(-2 * T + np.log(hyp0f1(dims / 2, T**2)))


def tight(counts: np.ndarray) -> float:
    """The uniformity of classes with so many items (C,), each one point, as far from each other as C points can be (a
    regular simplex: Papyan, Han and Donoho 2020): what training with few classes leads to at best."""
    counts = counts[counts > 0]
    n, c = counts.sum(), len(counts)
    same = float((counts * (counts - 1)).sum() / (n * (n - 1)))
    apart = np.exp(-T * 2 * c / (c - 1)) if c > 1 else 0.0
    return float(np.log(same + (1 - same) * apart))
