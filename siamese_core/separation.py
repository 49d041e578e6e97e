"""How far classes are apart, by the run's own distance: within and between, d', the silhouette, and who is mistaken.

d' (Green and Swets 1966; in biometrics the decidability of Daugman 1993) is the difference of the mean distances of
different and same pairs over the root of their mean variance: 0 where they lie alike, whatever the unit. The silhouette
(Rousseeuw 1987) of an item is (b - a) / max(a, b), with a its mean distance to the others of its class and b that to
the nearest other class: 1 well inside its class, 0 between two, below 0 nearer to another class. Ours counts classes of
one item, which have no a, as 0, as Rousseeuw does, and is not given for distances below 0, where the quotient means
nothing. Everything is found in one pass over blocks of rows, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 48
ROUNDING = 1e-6  # of the distances: a spread below which they are all alike


@dataclass(frozen=True, eq=False)
class Separation:
    """edges (BINS + 1,), same and different (BINS,) counts of pairs, what lies beyond the edges in the end bins;
    means and deviations of both; d_prime, infinite where nothing overlaps because nothing varies, NaN where all
    distances are equal; silhouette (C,) of each class and of all items, NaN where it is not defined."""

    edges: np.ndarray
    same: np.ndarray
    different: np.ndarray
    same_mean: float
    same_deviation: float
    different_mean: float
    different_deviation: float
    d_prime: float
    silhouette: float
    by_class: np.ndarray


@dataclass(frozen=True, eq=False)
class Confusion:
    """Each item's nearest of another class, for M items of C classes (as numbered here).

    other (M,) the nearest item of another class, and other_distance (M,) to it; wrong (M,) whether it is at least as
    near as the nearest of the item's own class (a tie counts against the network), False where an item has no other of
    its class: such items are not `asked` (M,). labels (M,).
    """

    other: np.ndarray
    other_distance: np.ndarray
    wrong: np.ndarray
    asked: np.ndarray
    labels: np.ndarray

    @property
    def rate(self) -> float:
        """The share of items whose nearest neighbour is of another class; NaN where no class has two items."""
        return float(self.wrong[self.asked].mean()) if self.asked.any() else float("nan")

    def by_class(self, classes: int) -> np.ndarray:
        """(classes,) that share in each class; NaN where nothing was asked."""
        asked = np.bincount(self.labels[self.asked], minlength=classes)
        wrong = np.bincount(self.labels[self.wrong], minlength=classes)
        return np.divide(wrong, asked, out=np.full(classes, np.nan), where=asked > 0)

    def deviation(self) -> float:
        """The standard deviation of the rate when classes are drawn anew (the linearised ratio over classes)."""
        classes = int(self.labels.max()) + 1
        asked = np.bincount(self.labels[self.asked], minlength=classes).astype(float)
        used = asked > 0
        n = int(used.sum())
        if n < 2:
            return 0.0
        off = np.bincount(self.labels[self.wrong], minlength=classes)[used] - self.rate * asked[used]
        return float(np.sqrt(np.square(off).sum() * n / (n - 1))) / float(asked.sum())

    def matrix(self, classes: int) -> np.ndarray:
        """(classes, classes) counts: items of the row's class whose nearest neighbour is of the column's."""
        found = np.zeros((classes, classes), np.int64)
        to = np.where(self.wrong, self.labels[self.other], self.labels)
        np.add.at(found, (self.labels[self.asked], to[self.asked]), 1)
        return found

    def pairs(self, most: int) -> list[tuple[int, int, int, int, int]]:
        """The class pairs that are mistaken most, as (class, the other, items mistaken, one of them, its nearest in the
        other class), both ways together; the nearest example first. Where nothing is mistaken, the pairs that come
        nearest, with 0 items."""
        count: dict[tuple[int, int], int] = {}
        best: dict[tuple[int, int], int] = {}
        which = np.flatnonzero(self.wrong) if self.wrong.any() else np.arange(len(self.wrong))
        for i in which:
            a, b = int(self.labels[i]), int(self.labels[self.other[i]])
            key = (min(a, b), max(a, b))
            count[key] = count.get(key, 0) + 1
            if key not in best or self.other_distance[i] < self.other_distance[best[key]]:
                best[key] = int(i)
        if not self.wrong.any():
            count = dict.fromkeys(count, 0)
        order = sorted(count, key=lambda key: (-count[key], self.other_distance[best[key]], key))[:most]
        return [(int(self.labels[best[key]]), int(self.labels[self.other[best[key]]]), count[key], best[key],
                 int(self.other[best[key]])) for key in order]  # fmt: skip


class Gathered:
    """What the blocks of rows tell, added up. Items are sorted by class: labels (M,) rising, starts (C,), edges."""

    def __init__(self, labels: np.ndarray, edges: np.ndarray) -> None:
        self.labels, self.edges = labels, edges
        self.starts = np.flatnonzero(np.r_[True, labels[1:] != labels[:-1]])
        self.counts = np.diff(np.r_[self.starts, len(labels)])
        self.own = np.repeat(np.arange(len(self.starts)), self.counts)  # (M,) classes without gaps
        self.same, self.all = np.zeros(len(edges) - 1, np.int64), np.zeros(len(edges) - 1, np.int64)
        self.sums = np.zeros((2, 3))  # of same and all pairs: number, distances from the first edge, their squares
        self.silhouettes = np.full(len(labels), np.nan)
        self.other, self.other_distance = np.zeros(len(labels), np.int64), np.full(len(labels), np.inf)
        self.own_distance = np.full(len(labels), np.inf)
        self.negative = False

    def add(self, these: np.ndarray, d: np.ndarray) -> None:
        """Take in (B, M) float64 distances of the items `these`; each item's own becomes infinite."""
        here = np.arange(len(these))
        d[here, these] = 0.0
        self.negative = self.negative or bool(d.min(initial=0.0) < 0)
        self.silhouettes[these] = self._silhouettes(these, np.add.reduceat(d, self.starts, axis=1))
        mask = self.own[these, None] == self.own[None]
        d[here, these] = np.inf
        mask[here, these] = False
        within = d[mask]
        self._count(0, self.same, within)
        d[here, these] = self.edges[0]  # counts for nothing in the sums, and is taken out of the first bin
        self._count(1, self.all, d.ravel())
        self.all[0] -= len(these)
        self.sums[1, 0] -= len(these)
        d[here, these] = np.inf
        self.own_distance[these] = np.where(mask, d, np.inf).min(axis=1)
        if len(self.starts) > 1:
            mask[here, these] = True
            apart = np.where(mask, np.inf, d)
            self.other[these] = apart.argmin(axis=1)
            self.other_distance[these] = apart[here, self.other[these]]

    def _count(self, row: int, bins: np.ndarray, d: np.ndarray) -> None:
        off = d - self.edges[0]
        self.sums[row] += len(d), off.sum(), np.square(off).sum()
        ends = float(self.edges[0]), float(self.edges[-1])
        bins += np.histogram(np.clip(d, *ends), len(bins), ends)[0]

    def _silhouettes(self, these: np.ndarray, sums: np.ndarray) -> np.ndarray:
        """(B, C) sums of distances to each class -> (B,)."""
        here, own = np.arange(len(these)), self.own[these]
        n = self.counts[own]
        a = sums[here, own] / np.maximum(n - 1, 1)
        means = sums / self.counts
        means[here, own] = np.inf
        b = means.min(axis=1)
        larger = np.maximum(a, b)
        found = np.divide(b - a, larger, out=np.zeros(len(these)), where=(larger > 0) & np.isfinite(b))
        return np.where(n > 1, found, 0.0)

    def separation(self) -> Separation | None:
        """None where there are not pairs of both kinds."""
        same, every = self.sums
        different = every - same
        if same[0] < 1 or different[0] < 1:
            return None
        (m0, s0), (m1, s1) = (_moments(row) for row in (same, different))
        pooled = np.sqrt((s0**2 + s1**2) / 2)
        still, gap = ROUNDING * max(abs(m0), abs(m1)), m1 - m0
        if pooled <= still:
            d_prime = float("nan") if abs(gap) <= still else float(np.sign(gap) * np.inf)
        else:
            d_prime = gap / pooled
        each = np.full(len(self.starts), np.nan)
        whole = float("nan")
        if not self.negative:
            each = np.add.reduceat(self.silhouettes, self.starts) / self.counts
            whole = float(self.silhouettes.mean())
        low = float(self.edges[0])
        return Separation(
            self.edges, self.same // 2, (self.all - self.same) // 2, low + m0, s0, low + m1, s1, float(d_prime), whole,
            each,
        )  # fmt: skip

    def confusion(self) -> Confusion | None:
        """None where there is one class only."""
        if len(self.starts) < 2:
            return None
        asked = np.isfinite(self.own_distance)
        wrong = asked & (self.other_distance <= self.own_distance)
        return Confusion(self.other, self.other_distance, wrong, asked, self.labels)


def _moments(row: np.ndarray) -> tuple[float, float]:
    number, total, squares = row
    mean = total / number
    return float(mean), float(np.sqrt(max(squares / number - mean**2, 0.0)))
