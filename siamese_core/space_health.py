"""The health of a space: what its embeddings look like as a whole, by the run's own distance.

Joins `spectrum` (directions), `uniformity` (on the unit sphere), `separation` (distances within and between classes,
who is mistaken) and `hubness`. What needs all pairs is measured on at most `MOST` items, drawn from the seed, among
themselves; the rest on all. A space that is one point is told as such: what would flatter it (perfect alignment, no
hubs) is not given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from siamese_core import hubness, separation, spectrum, uniformity
from siamese_core.errors import DataError
from siamese_core.hubness import Hubness
from siamese_core.retrieval import Distances
from siamese_core.separation import Confusion, Separation
from siamese_core.spectrum import Spectrum
from siamese_core.uniformity import Alignment

MOST = 10_000  # items whose distances to each other are measured
BLOCK = 2**22  # distances held at once
EDGE_ROWS = 256  # items by which a histogram's ends are chosen

Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Health:
    """items N of `classes`, embeddings of `dims` numbers, of which `measured` (M,) are compared with each other;
    indices in `confusion` and `hubs` are positions in `measured`, `counts` (C,) how many items of each class are among
    them.

    different: how many different embeddings there are. alignment, apart (Separation), confusion, hubs: None where there
    is nothing to measure (one class, no class with two items, few items), or where the space is one point.
    """

    items: int
    classes: int
    dims: int
    measured: np.ndarray
    counts: np.ndarray
    different: int
    spectrum: Spectrum
    alignment: Alignment | None
    uniformity: float
    apart: Separation | None
    confusion: Confusion | None
    hubs: Hubness | None

    @property
    def collapsed(self) -> bool:
        """Whether all embeddings are one point."""
        return self.spectrum.collapsed

    @property
    def tight(self) -> float:
        """The uniformity that classes of these sizes have when each is a point, as far apart as can be."""
        return uniformity.tight(self.counts)

    def values(self) -> dict[str, Any]:
        """The figures as plain values; NaN and None where something is not defined."""
        a, s, c, h = self.alignment, self.apart, self.confusion, self.hubs
        return {
            "collapsed": self.collapsed,
            "different": self.different,
            "dead_dimensions": self.spectrum.dead,
            "effective_rank": self.spectrum.effective_rank,
            "components_90": self.spectrum.components(0.9),
            "variance": self.spectrum.shares[:20].tolist(),
            "alignment": a.same if a else None,
            "any_pair": a.any if a else None,
            "uniformity": self.uniformity,
            "uniformity_even": uniformity.even(self.dims),
            "uniformity_tight": self.tight,
            "same_mean": s.same_mean if s else None,
            "same_deviation": s.same_deviation if s else None,
            "different_mean": s.different_mean if s else None,
            "different_deviation": s.different_deviation if s else None,
            "d_prime": s.d_prime if s else None,
            "silhouette": s.silhouette if s else None,
            "confusion": c.rate if c else None,
            "hubness_k": h.k if h else None,
            "skewness": h.skewness if h else None,
            "anti_hubs": h.anti_hubs if h else None,
            "top_hundredth": h.top if h else None,
        }


def measure(
    embedder: Distances,
    embeddings: np.ndarray,
    labels: np.ndarray,
    seed: int = 0,
    progress: Progress | None = None,
    most: int = MOST,
) -> Health:
    """(N, D) embeddings and their (N,) labels -> Health. `progress(text, fraction)` may raise to end it.

    Raises DataError for fewer than two items, and where embeddings or distances are not finite numbers.
    """
    tell = progress or (lambda text, fraction: None)
    embeddings, labels = np.asarray(embeddings), np.asarray(labels, dtype=np.int64)
    n = len(embeddings)
    tell("Looking at the directions", 0.0)
    found = spectrum.of(embeddings)
    part = np.arange(n) if n <= most else np.sort(np.random.default_rng([seed, 55]).permutation(n)[:most])
    z, y = embeddings[part], labels[part]
    tell("Looking at the sphere", 0.05)
    even = uniformity.uniformity(z, lambda share: tell("Looking at the sphere", 0.05 + 0.15 * share))
    apart, confusion, hubs, aligned = None, None, None, None
    if not found.collapsed:
        aligned = uniformity.alignment(embeddings, labels)
        apart, confusion, hubs = _pairs(embedder, z, y, lambda share: tell("Comparing all pairs", 0.2 + 0.8 * share))
    return Health(
        items=n, classes=len(np.unique(labels)), dims=embeddings.shape[1], measured=part, counts=np.bincount(y),
        different=different(embeddings), spectrum=found, alignment=aligned, uniformity=even, apart=apart,
        confusion=confusion, hubs=hubs,
    )  # fmt: skip


def different(embeddings: np.ndarray) -> int:
    """How many different rows (N, D) has."""
    rows = np.ascontiguousarray(embeddings + 0.0)  # -0 is 0
    return len(np.unique(rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))))


def _pairs(
    embedder: Distances, z: np.ndarray, y: np.ndarray, tell: Callable[[float], None]
) -> tuple[Separation | None, Confusion | None, Hubness | None]:
    """All that one pass over the distances between all items tells."""
    m = len(z)
    order = np.argsort(y, kind="stable")
    z, y = z[order], y[order]
    gathered = separation.Gathered(y, _edges(embedder, z))
    k = hubness.K
    occurrence = np.zeros(m)
    rows = max(1, BLOCK // m)
    for i in range(0, m, rows):
        these = np.arange(i, min(i + rows, m))
        d = _distances(embedder, z[these], z)
        gathered.add(these, d)
        if m >= hubness.FEWEST:
            occurrence += hubness.places(d, k)
        tell(float(these[-1] + 1) / m)
    back = np.empty(m, np.int64)
    back[order] = np.arange(m)
    hubs = hubness.summary(occurrence[back], k) if m >= hubness.FEWEST else None
    c = gathered.confusion()
    if c is not None:
        c = Confusion(order[c.other][back], c.other_distance[back], c.wrong[back], c.asked[back], y[back])
    return gathered.separation(), c, hubs


def _edges(embedder: Distances, z: np.ndarray) -> np.ndarray:
    """The ends of the histogram, from some items evenly spread among all, and what is between."""
    some = np.unique(np.linspace(0, len(z) - 1, min(len(z), EDGE_ROWS)).round().astype(int))
    d = _distances(embedder, z[some], z)
    d[np.arange(len(some)), some] = np.nan
    low, high = float(np.nanmin(d)), float(np.nanmax(d))
    return np.linspace(low, high if high > low else low + max(abs(low), 1.0) * 1e-6, separation.BINS + 1)


def _distances(embedder: Distances, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    d = np.array(embedder.distance_matrix(a, b), dtype=np.float64)
    if not np.isfinite(d).all():
        raise DataError("Some distances are not finite numbers; the network's output is broken, so train it anew.")
    return d
