"""N-way K-shot classification: a query gets the class of the support example that is nearest.

The task: Lake, Salakhutdinov, Gross and Tenenbaum, "One shot learning of simple visual concepts"
(2011). Nearest support: Koch et al. 2015. Prototypes, the mean of a class's examples: Snell, Swersky and
Zemel 2017. Ours marks ties: a query that is equally near to two classes has no class, and is never right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from siamese_core import metrics
from siamese_core.errors import ConfigError, DataError
from siamese_core.types import Embedder, Items, LabelledSet

RULES = ("nearest", "prototype")
MAX_WAYS = 20
EPISODES = 1000


@dataclass(frozen=True)
class Support:
    """S labelled examples: items, labels (S,) int64 into class_names. A value: adding makes a new one."""

    items: Items
    labels: np.ndarray
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.items) != len(self.labels):
            raise DataError(f"The support set has {len(self.items)} examples but {len(self.labels)} labels.")
        empty = sorted(set(range(len(self.class_names))) - {int(v) for v in self.labels})
        if empty:
            raise DataError(f"The class '{self.class_names[empty[0]]}' of the support set has no example; add one.")
        if len(self.class_names) < 2:
            raise DataError("A support set needs at least two classes; add examples of another class.")


@dataclass(frozen=True)
class Ranked:
    """One query's answer. classes and distances (N,) are ranked, nearest first; `nearest` is the index
    of the closest support example; label is None when `tied`: two classes are equally near."""

    label: str | None
    tied: bool
    classes: tuple[str, ...]
    distances: tuple[float, ...]
    nearest: int


@dataclass(frozen=True)
class Episode:
    """Item indices of one task and the way (0..N-1) of each; `classes` (N,) are the set's class indices."""

    classes: np.ndarray
    support: np.ndarray
    support_ways: np.ndarray
    queries: np.ndarray
    query_ways: np.ndarray


def classify(embedder: Embedder, support: Support, queries: Items, rule: str = "nearest") -> list[Ranked]:
    """Rank the support set's classes for each of Q queries.

    rule 'nearest': a class is as far as its nearest example; 'prototype': as its examples' mean. Raises
    ConfigError for another rule, DataError when distances are not numbers.
    """
    if not len(queries):
        return []
    gallery = embedder.embed(support.items)
    z = embedder.embed(queries)
    to_items = embedder.distance_matrix(z, gallery)
    to_classes = class_distances(embedder, z, gallery, support.labels, len(support.class_names), rule)
    ways, tied = metrics.nearest_class(to_classes, np.arange(len(support.class_names)))
    found = []
    for q, row in enumerate(to_classes):
        order = np.argsort(row, kind="stable")
        found.append(
            Ranked(
                label=None if tied[q] else support.class_names[int(ways[q])],
                tied=bool(tied[q]),
                classes=tuple(support.class_names[int(c)] for c in order),
                distances=tuple(float(row[c]) for c in order),
                nearest=int(to_items[q].argmin()),
            )
        )
    return found


def class_distances(
    embedder: Embedder, queries: np.ndarray, gallery: np.ndarray, ways: np.ndarray, n_ways: int, rule: str = "nearest"
) -> np.ndarray:
    """(Q, D) queries and (S, D) examples of n_ways classes -> (Q, N) distances to the classes."""
    if rule not in RULES:
        raise ConfigError(f"There is no rule '{rule}'; use {' or '.join(RULES)}.")
    if rule == "prototype":
        sums = np.zeros((n_ways, gallery.shape[1]), dtype=np.float64)
        np.add.at(sums, ways, gallery)
        means = sums / np.bincount(ways, minlength=n_ways)[:, None]
        return embedder.distance_matrix(queries, means.astype(np.float32))
    to_items = embedder.distance_matrix(queries, gallery)
    found = np.full((len(queries), n_ways), np.inf, dtype=to_items.dtype)
    for way in range(n_ways):
        found[:, way] = to_items[:, ways == way].min(axis=1)
    return found


class Sampler:
    """Draws episodes from a labelled set: distinct items, distinct classes.

    Where makers are known and a class has enough of them, its queries are drawn by other people than
    its support. Raises ConfigError when there are too few classes or too few items a class.
    """

    def __init__(
        self, data: LabelledSet, n_way: int | None, k_shot: int = 1, queries: int = 1, within_groups: bool = False
    ) -> None:
        if k_shot < 1 or queries < 1:
            raise ConfigError(f"An episode needs at least one shot and one query, not {k_shot} and {queries}.")
        self.k_shot, self.queries = k_shot, queries
        self._makers = data.makers
        self._members = [np.flatnonzero(data.labels == c) for c in range(data.n_classes)]
        enough = np.array([c for c, m in enumerate(self._members) if len(m) >= k_shot + queries], dtype=np.int64)
        pools = [enough]
        if within_groups:
            if data.class_groups is None:
                raise ConfigError("This data has no groups of classes, so its ways cannot be drawn within groups.")
            pools = [enough[data.class_groups[enough] == g] for g in np.unique(data.class_groups[enough])]
        largest = max((len(p) for p in pools), default=0)
        self.n_way = min(MAX_WAYS, largest) if n_way is None else n_way
        if largest < 2 or largest < self.n_way:
            where = "in any one group" if within_groups else "in this data"
            raise ConfigError(
                f"{max(self.n_way, 2)} ways of {k_shot} shots and {queries} queries need {max(self.n_way, 2)} classes "
                f"with at least {k_shot + queries} items each, but there are {largest} {where}."
            )
        if self.n_way < 2:
            raise ConfigError(f"A task needs at least 2 ways, not {self.n_way}.")
        self._pools = [p for p in pools if len(p) >= self.n_way]
        self.groups_left_out = len(pools) - len(self._pools)

    def draw(self, rng: np.random.Generator) -> Episode:
        """One episode."""
        pool = self._pools[int(rng.integers(len(self._pools)))]
        classes = rng.permutation(pool)[: self.n_way]
        drawn = [self._draw_class(int(c), rng) for c in classes]
        ways = np.arange(self.n_way)
        return Episode(
            classes=classes,
            support=np.concatenate([s for s, _ in drawn]),
            support_ways=np.repeat(ways, self.k_shot),
            queries=np.concatenate([q for _, q in drawn]),
            query_ways=np.repeat(ways, self.queries),
        )

    def _draw_class(self, c: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        items = rng.permutation(self._members[c])
        support, rest = items[: self.k_shot], items[self.k_shot :]
        if self._makers is not None:
            others = rest[~np.isin(self._makers[rest], self._makers[support])]
            if len(others) >= self.queries:
                rest = others
        return support, rest[: self.queries]


def sample_episode(
    data: LabelledSet, n_way: int, k_shot: int, queries: int, rng: np.random.Generator, within_groups: bool = False
) -> Episode:
    """One episode of a labelled set (see Sampler, which is quicker for many)."""
    return Sampler(data, n_way, k_shot, queries, within_groups).draw(rng)


def episodes(
    embedder: Embedder,
    data: LabelledSet,
    n_way: int | None = None,
    k_shot: int = 1,
    n_episodes: int = EPISODES,
    seed: int = 0,
    *,
    queries: int = 1,
    within_groups: bool = False,
    rule: str = "nearest",
    progress: Callable[[str, float], None] | None = None,
) -> dict[str, Any]:
    """Accuracy over random episodes, `queries` a way; each item is embedded once.

    n_way None: 20, or as many as there are. The 95% interval is the normal approximation over the
    episodes' accuracies. Returns n_way, k_shot, accuracy, interval (lo, hi), episodes, chance, rule and
    groups_left_out (groups with fewer classes than ways). Raises ConfigError as Sampler does.
    """
    if n_episodes < 1:
        raise ConfigError(f"The number of episodes is {n_episodes}, but must be at least 1.")
    sampler = Sampler(data, n_way, k_shot, queries, within_groups)
    rng = np.random.default_rng(seed)
    z = embedder.embed(data.items)
    right = np.empty(n_episodes)
    for e in range(n_episodes):
        task = sampler.draw(rng)
        near = class_distances(embedder, z[task.queries], z[task.support], task.support_ways, sampler.n_way, rule)
        found, tied = metrics.nearest_class(near, np.arange(sampler.n_way))
        right[e] = ((found == task.query_ways) & ~tied).mean()
        if progress and e % 50 == 49:
            progress(f"Episode {e + 1} of {n_episodes}", (e + 1) / n_episodes)
    low, high = interval(right)
    return {
        "n_way": sampler.n_way,
        "k_shot": k_shot,
        "accuracy": float(right.mean()),
        "interval": [low, high],
        "episodes": n_episodes,
        "chance": 1.0 / sampler.n_way,
        "rule": rule,
        "groups_left_out": sampler.groups_left_out,
    }


def interval(values: np.ndarray) -> tuple[float, float]:
    """95% interval of the mean of (E,) accuracies by the normal approximation, kept inside 0..1; all of
    0..1 for a single one."""
    if len(values) < 2:
        return 0.0, 1.0
    mean = float(np.mean(values))
    half = metrics.Z95 * float(np.std(values, ddof=1)) / float(np.sqrt(len(values)))
    return max(0.0, mean - half), min(1.0, mean + half)
