"""What was called what: a confusion table for queries whose classes are known (Kohavi and Provost 1998)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from siamese_core import metrics

OTHER = "another class"  # a row: queries of classes that the support set does not have
NONE = "none of these"  # a column: no class was given
TIE = "tie"


@dataclass(frozen=True, eq=False)
class Confusion:
    """counts (R, C) int64: queries of each true class (rows) by what they were called (columns).

    rows: the support set's classes that have queries, and last `OTHER` where some queries are of none; columns: the
    classes, then `NONE` and `TIE` where they were said. Right: a class called by its name, another class called none.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: np.ndarray
    right: int
    total: int

    @property
    def accuracy(self) -> float:
        """The share of all queries that is right."""
        return self.right / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The accuracy's 95% interval (Wilson 1927)."""
        return metrics.wilson(self.right, self.total)


def confusion(
    said: Sequence[str | None], why: Sequence[str | None], truth: Sequence[str | None], names: Sequence[str]
) -> Confusion:
    """Of M queries: the class said or None, why none was (`TIE` or `NONE`), the class that is true (None: not known,
    and left out), and the support set's classes."""
    kept = [q for q, t in enumerate(truth) if t is not None]
    called = [TIE if why[q] == TIE else NONE if said[q] is None else f"={said[q]}" for q in kept]
    true = [f"={truth[q]}" if truth[q] in set(names) else OTHER for q in kept]  # "=": a class may be called "tie"
    rows = [f"={n}" for n in names if f"={n}" in set(true)] + [w for w in (OTHER,) if w in true]
    columns = [f"={n}" for n in names] + [w for w in (NONE, TIE) if w in called]
    counts = np.zeros((len(rows), len(columns)), dtype=np.int64)
    for t, c in zip(true, called, strict=True):
        counts[rows.index(t), columns.index(c)] += 1
    right = sum(c == (NONE if t == OTHER else t) for t, c in zip(true, called, strict=True))
    plain = [tuple(w.removeprefix("=") for w in words) for words in (rows, columns)]
    return Confusion(plain[0], plain[1], counts, right, len(kept))
