"""Pictures of a gallery that are nearly the same: all pairs whose distance is at most a threshold, found exactly.

Every picture is held against every other, in blocks, so the time grows with the square of their number; it can be
stopped. Pairs that hang together are one group (connected components).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from siamese_core.errors import ConfigError
from siamese_core.galleries import spaces
from siamese_core.galleries.exact import extent, rounding
from siamese_core.galleries.manifest import Model
from siamese_core.galleries.searching import Searcher

ROWS = 1024  # of a block
MOST = 10_000  # pairs kept

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Duplicates:
    """The nearest pairs, at most MOST of `total`: first < second (P,) ids, distances (P,), nearest first and equal ones
    by id; `groups` of ids that the pairs join, largest first; the threshold; whether it was stopped before the end."""

    first: np.ndarray
    second: np.ndarray
    distances: np.ndarray
    total: int
    groups: tuple[tuple[int, ...], ...]
    threshold: float
    stopped: bool = False


def find(
    searcher: Searcher,
    model: Model,
    threshold: float | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Duplicates:
    """All pairs of pictures at most `threshold` apart (None: the run's own threshold).

    Raises ConfigError when neither is known.
    """
    reach = model.threshold if threshold is None else threshold
    if reach is None:
        raise ConfigError(f"The run {model.name} has no threshold; say how near two pictures must be.")
    ids, z = searcher.all()
    kept = np.empty((0, 2), dtype=np.int64), np.empty(0)
    total, stopped = 0, False
    for done, first, second, d in _blocks(model, z, float(reach)):
        total += len(d)
        pairs, distances = np.concatenate([kept[0], np.stack([first, second], 1)]), np.concatenate([kept[1], d])
        order = np.lexsort((pairs[:, 1], pairs[:, 0], distances))[:MOST]
        kept = pairs[order], distances[order]
        if progress:
            progress(f"Compared {done:,} of {len(z):,} pictures with all: {total:,} pairs", _share(done, len(z)))
        if should_stop and should_stop() and done < len(z):
            stopped = True
            break
    first, second = ids[kept[0][:, 0]], ids[kept[0][:, 1]]
    return Duplicates(first, second, kept[1], total, groups_of(first, second), float(reach), stopped)


def groups_of(first: np.ndarray, second: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """(P,) and (P,) ids of pairs -> the ids that hang together, largest groups first, then by id."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ids, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    a, b = np.split(places, 2)
    edges = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(len(ids), len(ids)))
    _, group = connected_components(edges, directed=False)
    found: dict[int, list[int]] = {}
    for i, g in zip(ids.tolist(), group.tolist(), strict=True):
        found.setdefault(g, []).append(i)
    return tuple(tuple(g) for g in sorted(found.values(), key=lambda g: (-len(g), g)))


def _share(done: int, n: int) -> float:
    """Of all pairs, how many have been looked at when `done` rows are through."""
    return 1.0 - ((n - done) / max(1, n)) ** 2


def _blocks(model: Model, z: np.ndarray, reach: float) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Of (N, D) embeddings, by blocks of rows: rows done, and the pairs (i < j) at most `reach` apart."""
    space = spaces.of(model)
    x = space.apply(z)
    sizes = extent(space.metric, x)
    limit = space.reach(reach) + rounding(space.metric, x.shape[1], 2 * float(sizes.max(initial=0.0)))
    for begin in range(0, len(z), ROWS):
        end = min(begin + ROWS, len(z))
        pairs = []
        for left in range(begin, len(z), ROWS):
            right = min(left + ROWS, len(z))
            a, b = x[begin:end], x[left:right]
            if space.metric == "l2":
                scores = sizes[begin:end, None] + sizes[None, left:right] - 2 * (a @ b.T)
            else:
                scores = _l1(a, b) if space.metric else model.distance_matrix(a, b)
            i, j = np.nonzero(scores <= limit)
            pairs.append(np.stack([i + begin, j + left], 1)[i + begin < j + left])
        found = np.concatenate(pairs)
        d = np.asarray(model.distances(z[found[:, 0]], z[found[:, 1]]), dtype=np.float64)
        near = d <= reach
        yield end, found[near, 0], found[near, 1], d[near]


def _l1(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    import torch

    return torch.cdist(torch.from_numpy(a), torch.from_numpy(b), p=1.0).numpy()
