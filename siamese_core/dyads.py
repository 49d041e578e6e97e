"""Pairs that share a side are not independent of each other: what that does to the spread of an error rate.

A pair has two units (identities, or items): one bad identity spoils all pairs it is in. The variance of a mean over
such pairs sums over all couples of pairs with a unit in common (Fafchamps and Gubert 2007; Aronow, Samii and
Assenova 2015). Resampling units (the vertex bootstrap) gives that sum and, besides, counts the chance that is a
pair's own three times, once for each unit and once for their product (Owen 2007 for the same effect in tables):
its intervals are then up to 1.7 times too wide. `shrinkage` is the ratio of the two spreads, which sets ours right.

Everything here is worked out once for all thresholds: pairs are counted in bins of distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLOCK = 2**22  # numbers held at once


@dataclass(frozen=True, eq=False)
class Dyads:
    """P pairs of one kind, in bins: `bins` (P,), and the two units of each, 0..n_units - 1."""

    bins: np.ndarray
    u: np.ndarray
    v: np.ndarray
    n_units: int
    n_bins: int

    def __len__(self) -> int:
        return len(self.bins)

    def totals(self) -> np.ndarray:
        """(n_units,) in how many pairs each unit is; a pair within one unit counts once."""
        own = self.u == self.v
        return np.bincount(self.u, minlength=self.n_units) + np.bincount(self.v[~own], minlength=self.n_units)

    def touching(self, low: int, high: int) -> np.ndarray:
        """(high - low, n_bins): how many pairs of each bin each of these units is in, a pair within one once."""
        found = np.zeros((high - low) * self.n_bins)
        for side, counted in ((self.u, None), (self.v, self.u != self.v)):
            here = (side >= low) & (side < high)
            if counted is not None:
                here &= counted
            found += np.bincount((side[here] - low) * self.n_bins + self.bins[here], minlength=len(found))
        return found.reshape(high - low, self.n_bins)

    def cells(self, within: bool) -> np.ndarray:
        """(n_bins,): the sum over couples of units of (k - rate n)^2, k of a couple's n pairs accepted up to each bin;
        of single units (`within`) or of couples of two."""
        kept = (self.u == self.v) == within
        bins, low, high = self.bins[kept], np.minimum(self.u, self.v)[kept], np.maximum(self.u, self.v)[kept]
        order = np.lexsort((bins, low * self.n_units + high))
        key = (low * self.n_units + high)[order]
        new = np.concatenate([[True], key[1:] != key[:-1]]) if len(key) else np.zeros(0, bool)
        starts = np.flatnonzero(new)
        sizes = np.diff(np.concatenate([starts, [len(key)]]))
        rank, size = np.arange(len(key)) - np.repeat(starts, sizes), np.repeat(sizes, sizes)

        def up_to(weights: np.ndarray) -> np.ndarray:
            return np.cumsum(np.bincount(bins[order], weights=weights, minlength=self.n_bins))

        rate = np.cumsum(np.bincount(self.bins, minlength=self.n_bins)) / len(self)
        square = up_to(2.0 * rank + 1.0)  # r-th acceptance of a couple: k^2 grows by 2r + 1
        return np.maximum(square - 2 * rate * up_to(size) + rate**2 * float((sizes.astype(float) ** 2).sum()), 0.0)


@dataclass(frozen=True, eq=False)
class Spread:
    """Sums behind the variance of FAR and FRR at the upper edge of every bin, (n_bins,) each, in units of rate^2."""

    by_unit: dict[str, np.ndarray]  # "ff", "rr", "fr": over units, of FAR's and FRR's errors
    couples: dict[str, np.ndarray]  # "f", "r": over couples of two units
    single: dict[str, np.ndarray]  # "f", "r": over pairs within one unit

    def shrinkage(self, of_far: np.ndarray, of_frr: np.ndarray) -> np.ndarray:
        """How much too wide the vertex bootstrap is for of_far * FAR + of_frr * FRR, at every bin: (n_bins,) at most 1.

        Where the sum for the true variance comes out below what independent couples would give, it is that.
        """
        # FRR counts refusals: its errors are those of acceptance with the sign turned
        a, b = of_far, -of_frr
        by_unit = a**2 * self.by_unit["ff"] + 2 * a * b * self.by_unit["fr"] + b**2 * self.by_unit["rr"]
        couples = a**2 * self.couples["f"] + b**2 * self.couples["r"]
        single = a**2 * self.single["f"] + b**2 * self.single["r"]
        return ratio(by_unit, couples, single)


def spread(different: Dyads, same: Dyads) -> Spread:
    """The sums for both kinds of pairs, over the same units and bins."""
    n_units, n_bins = different.n_units, different.n_bins
    totals, kinds = (different.totals(), same.totals()), (different, same)
    rates = [np.cumsum(np.bincount(k.bins, minlength=n_bins)) / len(k) for k in kinds]
    sums = {"ff": np.zeros(n_bins), "rr": np.zeros(n_bins), "fr": np.zeros(n_bins)}
    step = max(1, BLOCK // n_bins)
    for low in range(0, n_units, step):
        high = min(low + step, n_units)
        f, r = (
            (np.cumsum(k.touching(low, high), axis=1) - rate * total[low:high, None]) / len(k)
            for k, rate, total in zip(kinds, rates, totals, strict=True)
        )
        sums["ff"] += np.einsum("ub,ub->b", f, f)
        sums["rr"] += np.einsum("ub,ub->b", r, r)
        sums["fr"] += np.einsum("ub,ub->b", f, r)
    couples = {name: k.cells(within=False) / len(k) ** 2 for name, k in (("f", different), ("r", same))}
    single = {name: k.cells(within=True) / len(k) ** 2 for name, k in (("f", different), ("r", same))}
    return Spread(sums, couples, single)


def shrinkage_of_mean(different: Dyads, same: Dyads, of_different: np.ndarray, of_same: np.ndarray) -> float:
    """The same for a sum of two means, each of a value a pair: (n_different,) and (n_same,) -> at most 1."""
    by_unit, couples, single = np.zeros(different.n_units), 0.0, 0.0
    for k, values in ((different, of_different), (same, of_same)):
        error = (values - values.mean()) / len(k)
        own = k.u == k.v
        by_unit += np.bincount(k.u, weights=error, minlength=k.n_units)
        by_unit += np.bincount(k.v[~own], weights=error[~own], minlength=k.n_units)
        key = np.minimum(k.u, k.v) * k.n_units + np.maximum(k.u, k.v)
        for kept in (own, ~own):
            _, place = np.unique(key[kept], return_inverse=True)
            square = float((np.bincount(place, weights=error[kept]) ** 2).sum())
            single, couples = (single + square, couples) if kept is own else (single, couples + square)
    return float(ratio(np.array((by_unit**2).sum()), np.array(couples), np.array(single)))


def ratio(by_unit: np.ndarray, couples: np.ndarray, single: np.ndarray) -> np.ndarray:
    """True over vertex-bootstrap standard deviation, from the three sums; 1 where there is no spread."""
    true, resampled = np.maximum(by_unit - couples, couples + single), by_unit + couples
    found = np.ones_like(resampled, dtype=float)
    np.divide(true, resampled, out=found, where=resampled > 0)
    return np.sqrt(np.minimum(found, 1.0))


# ---- the replicates ----


def drawn_pairs(kind: Dyads, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """(B, R) weights of the bins when every pair is drawn by itself."""
    counts = np.bincount(kind.bins, minlength=kind.n_bins)
    return rng.multinomial(len(kind), counts / len(kind), size=replicates).T


def drawn_units(
    kinds: tuple[Dyads, Dyads], units: int, replicates: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(B, R) weights of the bins of both kinds when units are drawn anew."""
    found = [np.empty((k.n_bins, replicates), np.float32) for k in kinds]
    cells = [cells_of(k) for k in kinds]
    step = min(replicates, max(16, 4 * BLOCK // units))
    for start in range(0, replicates, step):
        stop = min(start + step, replicates)
        drawn = np.empty((units, stop - start), np.float32)
        for r in range(stop - start):
            drawn[:, r] = np.bincount(rng.integers(units, size=units), minlength=units)
        for weights, of_kind in zip(found, cells, strict=True):
            weights[:, start:stop] = weigh(of_kind, drawn, len(weights))
    return found[0], found[1]


def cells_of(kind: Dyads) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The different (bin, u, v) there are, by rising bin, u <= v, and how many pairs each holds."""
    low, high = np.minimum(kind.u, kind.v), np.maximum(kind.u, kind.v)
    key, counts = np.unique((kind.bins * kind.n_units + low) * kind.n_units + high, return_counts=True)
    rest, v = np.divmod(key, kind.n_units)
    bins, u = np.divmod(rest, kind.n_units)
    return bins, u, v, counts.astype(np.float32)


def weigh(cells: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], drawn: np.ndarray, n_bins: int) -> np.ndarray:
    """(units, R) how often each unit was drawn -> (n_bins, R) weights of the bins, in blocks of cells."""
    found = np.zeros((n_bins, drawn.shape[1]), np.float32)
    step = max(1, BLOCK // 4 // drawn.shape[1])
    for start in range(0, len(cells[0]), step):
        bins, u, v, counts = (column[start : start + step] for column in cells)
        weight = drawn[u]
        other = drawn[v]
        other[u == v] = 1.0
        weight *= other
        if counts.max() > 1:
            weight *= counts[:, None]
        first = np.flatnonzero(np.concatenate([[True], bins[1:] != bins[:-1]]))
        found[bins[first]] += np.add.reduceat(weight, first, axis=0)
    return found
