"""Ways of naming a query from a support set's embeddings: one published idea, one file.

A rule is fitted on (S, D) embeddings of S examples with their classes (S,) 0..N-1, and then takes (Q, D) queries to
(Q, N) distances to the classes, smaller is closer. Use them through `siamese_core.one_shot`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from siamese_core import metrics
from siamese_core.class_rules import head, nearest, prototype
from siamese_core.errors import ConfigError
from siamese_core.types import Embedder

Fitted = Callable[[np.ndarray], np.ndarray]  # (Q, D) -> (Q, N)
Rule = Callable[[Embedder, np.ndarray, np.ndarray, int], Fitted]

REGISTRY: dict[str, Rule] = {  # the simplest first: it is taken where several are equally good
    "nearest": nearest.fit,
    "prototype": prototype.fit,
    "head": head.fit,
}
TITLES = {"nearest": "nearest support picture", "prototype": "class prototypes", "head": "a head adapted to it"}
AUTO = "auto"
NAMES = (*REGISTRY, AUTO)


@dataclass(frozen=True)
class Choice:
    """A rule, why it was taken, in words, and each rule's leave-one-out accuracy where it was measured."""

    rule: str
    reason: str
    accuracies: dict[str, float]
    tested: int = 0  # examples that were left out


def build(name: str) -> Rule:
    """A rule by its name. Raises ConfigError for an unknown one."""
    if name not in REGISTRY:
        raise ConfigError(f"There is no rule '{name}'; use {', '.join(REGISTRY)} or {AUTO}.")
    return REGISTRY[name]


def choose(embedder: Embedder, gallery: np.ndarray, ways: np.ndarray, n_ways: int) -> Choice:
    """The rule that names most of the support set's own examples rightly when they are left out (Stone 1974).

    (S, D), (S,) -> Choice. One example of each class is left out at a time, so that a class of K examples is seen with
    K - 1; classes with one example stay in. A tie is never right; of equally good rules the simplest is taken.
    """
    folds = _folds(ways, n_ways)
    if not folds:
        reason = "Every class has one example, so none can be left out to try the rules: the nearest picture decides."
        return Choice("nearest", reason, {})
    right = dict.fromkeys(REGISTRY, 0)
    for out in folds:
        kept = np.setdiff1d(np.arange(len(ways)), out)
        for name, fit in REGISTRY.items():
            far = fit(embedder, gallery[kept], ways[kept], n_ways)(gallery[out])
            found, tied = metrics.nearest_class(far, np.arange(n_ways))
            right[name] += int(((found == ways[out]) & ~tied).sum())
    tested = sum(len(out) for out in folds)
    best = max(REGISTRY, key=lambda name: right[name])
    return Choice(best, _reason(best, right, tested), {k: v / tested for k, v in right.items()}, tested)


def _folds(ways: np.ndarray, n_ways: int) -> list[np.ndarray]:
    """Positions to leave out, together: the first example of every class that has two, then the second, and so on."""
    members = [m for m in (np.flatnonzero(ways == w) for w in range(n_ways)) if len(m) > 1]
    longest = max((len(m) for m in members), default=0)
    return [np.array([m[i] for m in members if i < len(m)], dtype=np.int64) for i in range(longest)]


def _reason(best: str, right: dict[str, int], tested: int) -> str:
    told = ", ".join(f"{TITLES[name]} {right[name]}" for name in right)
    equal = [name for name in right if right[name] == right[best]]
    why = "the best" if len(equal) == 1 else "the simplest of the best"
    return f"Of {tested} examples left out in turn were named rightly: {told}. {TITLES[best].capitalize()}: {why}."
