"""Tasks with foreign queries: drawn from a labelled set, and played by a rule.

A task has N ways of K examples each and as many foreign queries as known ones: items of classes outside the support
set, of the same group (alphabet) where there are groups, as the hard cases in use are. Where makers are known, half of
a group's makers draw all supports of a task and the others all of its queries, so that a hand gives nothing away.
Open-set tasks after Scheirer, Rocha, Sapkota and Boult 2013; for few shots, Liu, Kang, Li, Hua and Vasconcelos 2020.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from siamese_core import class_rules, metrics, open_set
from siamese_core.errors import ConfigError
from siamese_core.types import Embedder, LabelledSet


@dataclass(frozen=True)
class Task:
    """Item indices: support (N K,) with ways, known queries (N,) in the order of the ways, and foreign ones (N,)."""

    group: int
    support: np.ndarray
    ways: np.ndarray
    known: np.ndarray
    foreign: np.ndarray


class Tasks:
    """Draws open-set tasks. Raises ConfigError when no group has more classes than ways, with items enough."""

    def __init__(self, data: LabelledSet, n_way: int, k_shot: int) -> None:
        if n_way < 2 or k_shot < 1:
            raise ConfigError(f"A task needs at least 2 ways and 1 shot, not {n_way} and {k_shot}.")
        self.n_way, self.k_shot = n_way, k_shot
        self._makers = data.makers
        self._members = [np.flatnonzero(data.labels == c) for c in range(data.n_classes)]
        enough = np.array([c for c, m in enumerate(self._members) if len(m) > k_shot], dtype=np.int64)
        whole = np.zeros(data.n_classes, dtype=np.int64)
        self._group_of = whole if data.class_groups is None else data.class_groups
        groups = np.unique(self._group_of)
        self.within = data.class_groups is not None
        pools = {int(g): enough[self._group_of[enough] == g] for g in groups}
        self._pools = {g: p for g, p in pools.items() if len(p) > n_way}
        self.left_out = len(pools) - len(self._pools)
        if not self._pools and self.within and len(enough) > n_way:  # groups too small: foreign queries from anywhere
            self.within, self.left_out, self._pools = False, 0, {0: enough}
        if not self._pools:
            largest = max((len(p) for p in pools.values()), default=0)
            raise ConfigError(
                f"{n_way} ways of {k_shot} shots with foreign queries need {n_way + 1} classes with at least "
                f"{k_shot + 1} items each, but there are {largest}."
            )

    def draw(self, rng: np.random.Generator) -> Task:
        """One task."""
        group = int(rng.choice(list(self._pools)))
        classes = rng.permutation(self._pools[group])
        inside, outside = classes[: self.n_way], classes[self.n_way :]
        hands = self._hands(classes, rng)
        drawn = [self._parts(int(c), hands, rng) for c in inside]
        rest = np.concatenate([self._parts(int(c), hands, rng)[1] for c in outside])
        return Task(
            group,
            np.concatenate([s for s, _ in drawn]),
            np.repeat(np.arange(self.n_way), self.k_shot),
            np.array([q[0] for _, q in drawn]),
            rng.permutation(rest)[: self.n_way],
        )

    def _hands(self, classes: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
        """Half of the makers: those of the supports."""
        if self._makers is None or not self.within:
            return None
        makers = np.unique(np.concatenate([self._makers[self._members[int(c)]] for c in classes]))
        return rng.permutation(makers)[: max(1, len(makers) // 2)]

    def _parts(self, c: int, hands: np.ndarray | None, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A class's support, and the items that may be queries."""
        items = rng.permutation(self._members[c])
        if hands is not None and self._makers is not None:
            theirs = np.isin(self._makers[items], hands)
            if theirs.sum() >= self.k_shot and not theirs.all():
                return items[theirs][: self.k_shot], items[~theirs]
        return items[: self.k_shot], items[self.k_shot :]


@dataclass(frozen=True, eq=False)
class Played:
    """Queries of many tasks: scores (M,), whether known, the task and the group of each, and whether a known query's
    nearest class is its own (ties are not)."""

    scores: np.ndarray
    known: np.ndarray
    task: np.ndarray
    group: np.ndarray
    right: np.ndarray

    @property
    def auroc(self) -> float:
        """How often a known query scores below a foreign one."""
        return metrics.roc_auc(self.scores, self.known)


def drawn(data: LabelledSet, n_way: int, k_shot: int, count: int, seed: int) -> list[Task]:
    """`count` tasks, always the same for a seed. Raises ConfigError as `Tasks` does."""
    tasks, rng = Tasks(data, n_way, k_shot), np.random.default_rng([seed, n_way, k_shot])
    return [tasks.draw(rng) for _ in range(count)]


def play(
    embedder: Embedder, z: np.ndarray, tasks: list[Task], rule: str, tell: Callable[[float], None] = lambda share: None
) -> Played:
    """Let a rule answer tasks on embeddings z (N, D) of the data's items."""
    fit, score = class_rules.build(rule), open_set.score_of(rule)
    fit_score = None if score == rule else class_rules.build(score)
    parts: list[tuple[np.ndarray, ...]] = []
    for t, task in enumerate(tasks):
        n_way, queries = len(task.known), z[np.concatenate([task.known, task.foreign])]
        near = fit(embedder, z[task.support], task.ways, n_way)(queries)
        far = near if fit_score is None else fit_score(embedder, z[task.support], task.ways, n_way)(queries)
        found, tied = metrics.nearest_class(near, np.arange(n_way))
        size = len(queries)
        known = np.arange(size) < n_way
        right = known & ~tied
        right[:n_way] &= found[:n_way] == np.arange(n_way)
        parts.append((far.min(axis=1), known, np.full(size, t), np.full(size, task.group), right))
        if t % 20 == 19:
            tell((t + 1) / len(tasks))
    return Played(*(np.concatenate(column) for column in zip(*parts, strict=True)))
