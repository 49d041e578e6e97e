"""The N-way K-shot laboratory: how accuracy changes with the number of classes and of examples, and what is hard.

Accuracy over random tasks of unseen classes (Vinyals et al. 2016), by the network and, on the very same tasks, by the
nearest neighbour on plain pixels (`baseline`), against chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from siamese_core import baseline, class_rules, metrics
from siamese_core.episode_sampler import Sampler
from siamese_core.errors import ConfigError, DataError
from siamese_core.one_shot import interval
from siamese_core.types import Embedder, InputSpec, Items, LabelledSet

WAYS = (2, 5, 10, 15, 20)
SHOTS = (1, 2, 3, 5, 10)
EPISODES = 200
HARDEST = 12
MOST_KNOWN = 8000  # items whose distances are all held at once

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Cell:
    """N-way K-shot accuracy with its 95% interval, by the network and by plain pixels on the same tasks."""

    n_way: int
    k_shot: int
    accuracy: float
    low: float
    high: float
    pixels: float
    pixels_low: float
    pixels_high: float

    @property
    def chance(self) -> float:
        """Of naming a class at random."""
        return 1.0 / self.n_way


@dataclass(frozen=True)
class Hard:
    """A class that is hard: how often its queries were named rightly in the largest tasks of one example, with a 95%
    interval; what they were called most often instead, and how often."""

    name: str
    accuracy: float
    low: float
    high: float
    queries: int
    instead: str | None
    times: int


@dataclass(frozen=True)
class Laboratory:
    """What was measured; cells are there for every N and K that the data has classes and items for."""

    cells: tuple[Cell, ...]
    hardest: tuple[Hard, ...]
    rule: str
    episodes: int
    seed: int
    within_groups: bool
    classes: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        cells = [asdict(c) | {"chance": c.chance} for c in self.cells]
        return asdict(self) | {"cells": cells, "hardest": [asdict(h) for h in self.hardest]}


def study(
    embedder: Embedder,
    data: LabelledSet,
    ways: tuple[int, ...] = WAYS,
    shots: tuple[int, ...] = SHOTS,
    episodes: int = EPISODES,
    seed: int = 0,
    *,
    rule: str = "nearest",
    within_groups: bool = False,
    progress: Progress | None = None,
) -> Laboratory:
    """Measure every N and K that is possible. Raises ConfigError when none is, or for an unknown rule."""
    if episodes < 2:
        raise ConfigError(f"The number of tasks is {episodes}, but must be at least 2.")
    class_rules.build(rule)
    tell = progress or (lambda words, share: None)
    pixels = baseline.Pixels(embedder.spec)
    tell(f"Encoding {len(data):,} items", 0.0)
    seen = (_seen(embedder, data, rule), _seen(pixels, data, "nearest"))
    kinds = _kinds(data, ways, shots, within_groups)
    cells, largest = [], None
    for i, sampler in enumerate(kinds):
        tell(f"Solving {sampler.n_way}-way {sampler.k_shot}-shot tasks", 0.1 + 0.9 * i / len(kinds))
        right, called = _solved(sampler, seen, rule, episodes, seed, data.n_classes)
        (low, high), (p_low, p_high) = interval(right[0]), interval(right[1])
        one, other = float(right[0].mean()), float(right[1].mean())
        cells.append(Cell(sampler.n_way, sampler.k_shot, one, low, high, other, p_low, p_high))
        if sampler.k_shot == min(s.k_shot for s in kinds):
            largest = called
    assert largest is not None
    return Laboratory(tuple(cells), _hardest(largest, data), rule, episodes, seed, within_groups, data.n_classes)


@dataclass(frozen=True, eq=False)
class _Known:
    """All distances of a set, worked out once; its embeddings (N, 1) are places in it."""

    table: np.ndarray
    spec: InputSpec

    def embed(self, items: Items) -> np.ndarray:
        return np.arange(len(items))[:, None]

    def distances(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        found: np.ndarray = self.table[a[:, 0], b[:, 0]]
        return found

    def distance_matrix(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        found: np.ndarray = self.table[np.ix_(queries[:, 0], gallery[:, 0])]
        return found


def _seen(embedder: Embedder, data: LabelledSet, rule: str) -> tuple[Embedder, np.ndarray]:
    """The embeddings of the data; where only distances between items are asked for, those, worked out once."""
    z = embedder.embed(data.items)
    if rule != "nearest" or len(z) > MOST_KNOWN:
        return embedder, z
    known = _Known(embedder.distance_matrix(z, z), embedder.spec)
    return known, known.embed(data.items)


def _kinds(data: LabelledSet, ways: tuple[int, ...], shots: tuple[int, ...], within_groups: bool) -> list[Sampler]:
    """A sampler for every N and K that is possible, fewer ways first. Raises ConfigError when none is."""
    found, why = [], None
    for n in sorted({min(n, data.n_classes) for n in ways}):
        for k in sorted(set(shots)):
            try:
                found.append(Sampler(data, n, k, 1, within_groups))
            except ConfigError as e:
                why = why or e
    if not found:
        raise why or ConfigError("There is no number of ways or shots to measure.")
    return found


def _solved(
    sampler: Sampler, seen: tuple[tuple[Embedder, np.ndarray], ...], rule: str, episodes: int, seed: int, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """(2, E) accuracies of the network and of pixels, and how often the network called a class of the data another:
    (classes, classes + 1) counts, ties last."""
    fits = (class_rules.build(rule), class_rules.build("nearest"))
    rng = np.random.default_rng([seed, sampler.n_way, sampler.k_shot])
    right, called = np.empty((2, episodes)), np.zeros((n_classes, n_classes + 1), dtype=np.int64)
    for e in range(episodes):
        task = sampler.draw(rng)
        for which, ((embedder, z), fit) in enumerate(zip(seen, fits, strict=True)):
            near = fit(embedder, z[task.support], task.support_ways, sampler.n_way)(z[task.queries])
            found, tied = metrics.nearest_class(near, np.arange(sampler.n_way))
            right[which, e] = ((found == task.query_ways) & ~tied).mean()
            if which == 0:
                np.add.at(called, (task.classes[task.query_ways], np.where(tied, n_classes, task.classes[found])), 1)
    return right, called


def _hardest(called: np.ndarray, data: LabelledSet) -> tuple[Hard, ...]:
    """The classes whose queries were named rightly most rarely, by the upper end of the interval."""
    found = []
    for c, row in enumerate(called):
        queries, own = int(row.sum()), int(row[c])
        if not queries or own == queries:
            continue
        low, high = metrics.wilson(own, queries)
        others = np.delete(row[:-1], c)
        other = int(others.argmax())
        name = data.class_names[other + (other >= c)] if others[other] else None
        found.append(Hard(data.class_names[c], own / queries, low, high, queries, name, int(others[other])))
    return tuple(sorted(found, key=lambda h: (h.high, h.accuracy))[:HARDEST])


def table(found: Laboratory, of: str = "accuracy") -> tuple[list[int], list[int], np.ndarray]:
    """Ways (rows), shots (columns) and a grid of one field of the cells, NaN where there is none. Raises DataError."""
    if not found.cells:
        raise DataError("Nothing was measured.")
    ways, shots = (sorted({getattr(c, n) for c in found.cells}) for n in ("n_way", "k_shot"))
    grid = np.full((len(ways), len(shots)), np.nan)
    for c in found.cells:
        grid[ways.index(c.n_way), shots.index(c.k_shot)] = getattr(c, of)
    return ways, shots, grid
