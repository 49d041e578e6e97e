"""Episodes: N-way K-shot tasks drawn from a labelled set (Vinyals, Blundell, Lillicrap, Kavukcuoglu and Wierstra 2016).

Ours keeps the makers of a class's support and of its queries apart where they are known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from siamese_core.errors import ConfigError
from siamese_core.types import LabelledSet

MAX_WAYS = 20


@dataclass(frozen=True)
class Episode:
    """Item indices of one task and the way (0..N-1) of each; `classes` (N,) are the set's class indices."""

    classes: np.ndarray
    support: np.ndarray
    support_ways: np.ndarray
    queries: np.ndarray
    query_ways: np.ndarray


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
