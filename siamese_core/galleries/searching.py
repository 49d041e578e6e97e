"""Searching a gallery: candidates from its engine, then the run's own distance, so that what is told is the run's.

Equal distances are in order of id. A searcher sees what others add or remove: it looks at every search whether the
gallery has changed.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from siamese_core.errors import ConfigError, DataError
from siamese_core.galleries import engines, spaces
from siamese_core.galleries.exact import Exact
from siamese_core.galleries.manifest import Manifest, Model
from siamese_core.galleries.store import Item, State, Store
from siamese_core.types import Items

COMBINE = ("each", "mean", "best")
MOST_BY_INDEX = 1000  # matches; more, or a tenth of all, are found exactly


@dataclass(frozen=True)
class Match:
    """A picture that was found: its item, its distance, the probability that it is the same (None where the run is not
    calibrated), which of several query pictures it is nearest to, and whether the network sees the very same picture as
    a query (False where the query is an embedding)."""

    item: Item
    distance: float
    probability: float | None
    query: int = 0
    same: bool = False


@dataclass(frozen=True)
class Found:
    """The nearest first; `asked` of the `total` that could be found. `fewer`: the gallery has not so many."""

    matches: tuple[Match, ...]
    asked: int
    total: int

    @property
    def fewer(self) -> bool:
        """Whether more were asked for than there are."""
        return self.asked > self.total


@dataclass(frozen=True)
class _View:
    """The gallery as it was at one moment."""

    state: State
    vectors: np.ndarray
    gone: np.ndarray
    index: engines.Index | None
    tail: Exact  # of the rows that the index does not hold

    @property
    def indexed(self) -> int:
        return 0 if self.index is None else self.index.rows


class Searcher:
    """A gallery and its run, ready to search; threads may share it. Make it with `Gallery.searcher`."""

    def __init__(self, manifest: Manifest, store: Store, model: Model) -> None:
        self._key = manifest.key
        self._store = store
        self._model = model
        self._space = spaces.of(model)
        self._engine = engines.build(manifest, store, self._space)
        self._lock = threading.Lock()
        self._seen: _View | None = None

    def __len__(self) -> int:
        return self._view().state.count

    @property
    def indexed(self) -> int:
        """How many rows the engine's index holds; the others are searched exactly."""
        return self._view().indexed

    def search(
        self, queries: Items | np.ndarray, k: int = 10, combine: str = "each", without: Sequence[int] = ()
    ) -> list[Found]:
        """The k nearest of each of Q pictures (or (Q, D) embeddings) -> Q answers; one answer for all of them together
        where they are combined: "mean" searches with the mean of their embeddings, "best" takes for each picture of the
        gallery the nearest of the queries. Items whose ids are in `without` are not found.

        Raises ConfigError for a k below 1 or another way to combine, DataError for no queries or numbers that are not
        finite.
        """
        if k < 1:
            raise ConfigError(f"The number of matches is {k}, but must be at least 1.")
        if combine not in COMBINE:
            raise ConfigError(f"There is no way '{combine}' to combine queries; use {', '.join(COMBINE)}.")
        z = self._embedded(queries)
        digests = [""] * len(z) if isinstance(queries, np.ndarray) else queries.digests()
        z = z.mean(axis=0, keepdims=True) if combine == "mean" else z
        view = self._view()
        left = np.setdiff1d(np.asarray(without, dtype=np.int64), view.gone)
        left = left[(left >= 0) & (left < view.state.rows)]
        ranked = self._ranked(view, z, k, left)
        if combine == "best":
            ranked = [_best(ranked, k)]
        else:
            ranked = [(rows, distances, np.zeros(len(rows), np.int64)) for rows, distances, _ in ranked]
        asked = [{d} for d in digests] if combine == "each" else [set(digests)]
        return self._told(view, ranked, asked, k, len(left))

    def like(self, item: int, k: int = 10) -> Found:
        """The k nearest to a picture of the gallery, without itself. Raises DataError when it is not in."""
        return self.search(self.embeddings([item]), k, without=[item])[0]

    def embeddings(self, ids: Sequence[int] | np.ndarray) -> np.ndarray:
        """(M, D) float32 embeddings of items. Raises DataError when one is not in the gallery."""
        view = self._view()
        wanted = np.asarray(ids, dtype=np.int64)
        bad = (wanted < 0) | (wanted >= view.state.rows) | np.isin(wanted, view.gone)
        if bad.any():
            raise DataError(f"There is no picture {wanted[bad][0]} in the gallery {self._store.label} any more.")
        return np.array(view.vectors[wanted])

    @property
    def version(self) -> str:
        """Another one whenever the gallery has changed, and for every gallery."""
        return f"{self._key} {self._view().state}"

    def ids(self) -> np.ndarray:
        """(N,) int64 ids of all that is in, in order."""
        view = self._view()
        return np.setdiff1d(np.arange(view.state.rows), view.gone)

    def all(self) -> tuple[np.ndarray, np.ndarray]:
        """(N,) ids and (N, D) float32 embeddings of all that is in."""
        view = self._view()
        ids = np.setdiff1d(np.arange(view.state.rows), view.gone)
        return ids, np.array(view.vectors[ids])

    def _embedded(self, queries: Items | np.ndarray) -> np.ndarray:
        z = queries if isinstance(queries, np.ndarray) else self._model.embed(queries)
        z = np.ascontiguousarray(z, dtype=np.float32)
        if z.ndim != 2 or z.shape[1] != self._store.size or not len(z):
            raise DataError(f"A search needs at least one picture, as {self._store.size} numbers each; not {z.shape}.")
        if not np.isfinite(z).all():
            raise DataError("The embedding is not of finite numbers; the network's output is broken, so train it anew.")
        return z

    def _view(self) -> _View:
        with self._lock:
            state = self._store.state()
            if self._seen is None or self._seen.state != state:
                self._seen = self._opened(state)
            return self._seen

    def _opened(self, state: State) -> _View:
        gone = self._store.removed()
        index = self._engine.open(state.rows)
        tail = self._exact(state, gone, 0 if index is None else index.rows)
        return _View(state, self._store.vectors(0, state.rows, verify=False), gone, index, tail)

    def _exact(self, state: State, gone: np.ndarray, first: int) -> Exact:
        """The rows from `first` on, in memory."""
        x = self._space.apply(self._store.vectors(first, state.rows))
        return Exact(self._space, x, gone[gone >= first] - first, self._model.distance_matrix)

    def _ranked(
        self, view: _View, z: np.ndarray, k: int, without: np.ndarray
    ) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """(Q, D) -> for each query (rows, distances, the query's number), nearest first, at most k."""
        more = k + len(without)
        placed = self._space.apply(z)
        if view.index is not None and more > min(MOST_BY_INDEX, view.indexed // 10):
            rows = self._exact(view.state, view.gone, 0).candidates(placed, more)
        else:
            rows = [r + view.indexed for r in view.tail.candidates(placed, more)]
            if view.index is not None:
                near = view.index.candidates(placed, more, view.gone)
                rows = [np.concatenate([a, b]) for a, b in zip(near, rows, strict=True)]
        rows = [r[~np.isin(r, without)] for r in rows] if len(without) else rows
        counts = [len(r) for r in rows]
        every = np.concatenate(rows)
        of = np.repeat(np.arange(len(z)), counts)
        d = np.asarray(self._model.distances(z[of], view.vectors[every]), dtype=np.float64)
        if not np.isfinite(d).all():
            raise DataError("Some distances are not finite numbers; the network's output is broken, so train it anew.")
        found = []
        for q, end in enumerate(np.cumsum(counts)):
            part = slice(end - counts[q], end)
            order = np.lexsort((every[part], d[part]))[:k]
            found.append((every[part][order], d[part][order], of[part][order]))
        return found

    def _told(
        self,
        view: _View,
        ranked: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
        asked: list[set[str]],
        k: int,
        without: int,
    ) -> list[Found]:
        items = self._store.by_id(sorted({int(i) for rows, _, _ in ranked for i in rows}))
        calibration = self._model.calibration
        found = []
        for (rows, distances, of), digests in zip(ranked, asked, strict=True):
            sure = [None] * len(rows) if calibration is None else calibration.probabilities(distances).tolist()
            found.append(
                Found(
                    tuple(
                        Match(items[int(i)], float(d), p, int(q), items[int(i)].digest.split(" ")[0] in digests)
                        for i, d, p, q in zip(rows, distances, sure, of, strict=True)
                        if int(i) in items  # removed this moment
                    ),
                    k,
                    max(0, view.state.count - without),
                )
            )
        return found


def _best(ranked: list[tuple[np.ndarray, np.ndarray, np.ndarray]], k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers to several queries as one: every row by its nearest query."""
    rows, distances, of = (np.concatenate([r[i] for r in ranked]) for i in range(3))
    order = np.lexsort((of, distances, rows))
    rows, distances, of = rows[order], distances[order], of[order]
    first = np.concatenate([[True], rows[1:] != rows[:-1]]) if len(rows) else np.zeros(0, bool)
    rows, distances, of = rows[first], distances[first], of[first]
    order = np.lexsort((rows, distances))[:k]
    return rows[order], distances[order], of[order]
