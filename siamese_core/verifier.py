"""Same or different: two inputs, one distance, a threshold.

Pairs are balanced: as many different as same, every class alike however many items it has, and the
different ones from within one group (alphabet) where there are groups, as the hard cases in use are
(Koch, Zemel and Salakhutdinov 2015 verify in this way; they draw different pairs from all alphabets).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from siamese_core import curves, metrics
from siamese_core.bootstrap import Bootstrap, unit_words
from siamese_core.calibration import Calibration, Decision
from siamese_core.errors import DataError
from siamese_core.scored import ScoredPairs
from siamese_core.types import Embedder, Items, LabelledSet

MAX_PAIRS = 20_000  # of each kind


class ThresholdEmbedder(Embedder, Protocol):
    """An embedder that knows the distance up to which it calls two inputs the same, and how sure that is."""

    @property
    def threshold(self) -> float | None: ...

    @property
    def calibration(self) -> Calibration | None: ...


@dataclass(frozen=True)
class Comparison:
    """The verdict on one pair: `same` is None when there is no threshold; `decision`, with what makes it a matter of
    probability, is None until the run is calibrated."""

    distance: float
    threshold: float | None
    same: bool | None
    decision: Decision | None = None

    @property
    def probability(self) -> float | None:
        """Of "same", at the calibration's prior."""
        return None if self.decision is None else self.decision.probability

    @property
    def verdict(self) -> str | None:
        """same, different or not sure."""
        return None if self.decision is None else self.decision.verdict


@dataclass(frozen=True)
class Pairs:
    """P pairs as int64 indices into a set; `same` (P,) bool, half of them true."""

    first: np.ndarray
    second: np.ndarray
    same: np.ndarray

    def __len__(self) -> int:
        return len(self.same)


def compare(trained: ThresholdEmbedder, a_items: Items, b_items: Items) -> list[Comparison]:
    """M items against M items, pair by pair -> M verdicts. Raises DataError when the numbers differ, or when a distance
    is not a finite number."""
    if len(a_items) != len(b_items):
        raise DataError(f"Pairs need as many first inputs as second ones, not {len(a_items)} and {len(b_items)}.")
    distances = trained.distances(trained.embed(a_items), trained.embed(b_items))
    if not np.isfinite(distances).all():
        raise DataError("The distance is not a finite number; the network's output is broken, so train it anew.")
    t, calibration = trained.threshold, trained.calibration
    decisions = [None if calibration is None else calibration.decide(float(d)) for d in distances]
    return [
        Comparison(float(d), t, None if t is None else bool(d <= t), decision)
        for d, decision in zip(distances, decisions, strict=True)
    ]


def pairs_of(
    labels: np.ndarray,
    rng: np.random.Generator,
    max_pairs: int = MAX_PAIRS,
    class_groups: np.ndarray | None = None,
    forged: np.ndarray | None = None,
) -> Pairs:
    """Balanced pairs of a labelled set, no pair twice.

    labels (N,) int; class_groups (classes,) int, indexed by label, or None; at most `max_pairs` of each
    kind. A group with one class draws its different pairs from all classes. forged (classes,) bool or
    None: classes of imitations, of which no two are a same pair. Raises DataError when there is no same
    pair or no different one.
    """
    classes, own = np.unique(labels, return_inverse=True)
    counts = np.bincount(own, minlength=len(classes))
    if len(classes) < 2:
        raise DataError("Different pairs need at least two classes; this set has one. Add another class.")
    if counts.max() < 2:
        raise DataError("Same pairs need a class with at least two items; here every class has one. Add more items.")
    members = np.argsort(own, kind="stable")
    starts = np.cumsum(counts) - counts
    claims = np.ones(len(classes), dtype=bool) if forged is None else ~np.asarray(forged)[classes]
    if counts[claims].max(initial=0) < 2:
        raise DataError("Same pairs need a genuine class with at least two items; forgeries make none. Add more items.")
    first, second, of_class = _same_pairs(members, starts, np.where(claims, counts, 0), max_pairs, rng)
    groups = None if class_groups is None else np.asarray(class_groups)[classes]
    a, b = _different_pairs(members, starts, counts, of_class, groups, rng)
    keep = np.sort(rng.permutation(len(first))[: len(a)])  # as many same pairs as different ones
    same = np.repeat([True, False], [len(keep), len(a)])
    return Pairs(np.concatenate([first[keep], a]), np.concatenate([second[keep], b]), same)


def score(
    trained: ThresholdEmbedder,
    data: LabelledSet,
    seed: int = 0,
    max_pairs: int = MAX_PAIRS,
    embeddings: np.ndarray | None = None,
) -> ScoredPairs:
    """Balanced pairs of a set with their distances; identities are its classes (forgeries: their writer's). Each item
    is encoded once, or not at all where the set's embeddings (N, D) are given.

    Raises DataError as `pairs_of` does, or when the network gives distances that are not numbers.
    """
    pairs = pairs_of(data.labels, np.random.default_rng(seed), max_pairs, data.class_groups, data.forged)
    if embeddings is None:
        used, place = np.unique(np.concatenate([pairs.first, pairs.second]), return_inverse=True)
        z = trained.embed(data.items.select(used))
        a, b = z[place[: len(pairs)]], z[place[len(pairs) :]]
    else:
        a, b = embeddings[pairs.first], embeddings[pairs.second]
    distances = trained.distances(a, b)
    if not np.isfinite(distances).all():
        raise DataError("Some distances are not finite numbers; the network's output is broken, so train it anew.")
    first, second = (data.identities[data.labels[side]] for side in (pairs.first, pairs.second))
    return ScoredPairs(distances, pairs.same, first, second, pairs.first, pairs.second)


def measure(
    scored: ScoredPairs, threshold: float | None, calibration: Calibration | None = None, seed: int = 0
) -> dict[str, Any]:
    """How well same and different are told apart, with 95% intervals, and how far the probabilities can be believed.

    Returns auc, eer and the threshold where it is met; accuracy, far and frr at the threshold given (None without
    one); ece, brier and brier_skill of the calibration's probabilities at these pairs' own share of same ones (None
    without one); the numbers of pairs and identities. Raises DataError without pairs of both kinds.
    """
    boot = Bootstrap(scored, () if threshold is None else (threshold,), seed=seed)
    found = {"auc": boot.auc(), "eer": boot.eer(), "accuracy": None, "far": None, "frr": None}
    if threshold is not None:
        found["far"], found["frr"] = boot.rates_at(threshold)
        found["accuracy"] = boot.accuracy_at(threshold)
    exact = {
        "auc": metrics.roc_auc(scored.distances, scored.same),
        "eer": metrics.eer(scored.distances, scored.same)[0],
    }
    values = {k: None if e is None else e.value for k, e in found.items()} | exact
    quality: dict[str, float | None] = {"ece": None, "brier": None, "brier_skill": None}
    if calibration is not None:
        probability = calibration.probabilities(scored.distances, scored.n_same / len(scored))
        quality |= curves.summary(probability, scored.same)
    return {
        **values,
        "intervals": {k: None if e is None else e.interval for k, e in found.items()},
        "intervals_over": unit_words(boot.unit, boot.units, scored.n_identities),
        "eer_threshold": metrics.eer(scored.distances, scored.same)[1],
        "threshold": threshold,
        **quality,
        "pairs": len(scored),
        "identities": scored.n_identities,
    }


def _same_pairs(
    members: np.ndarray, starts: np.ndarray, counts: np.ndarray, max_pairs: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Up to `max_pairs` same pairs, the classes taking turns: (first, second, class)."""
    possible = counts * (counts - 1) // 2
    quota = _fair_shares(possible, max_pairs)
    first, second = [], []
    for c in np.flatnonzero(quota):
        k = rng.choice(int(possible[c]), int(quota[c]), replace=False)
        j = ((1 + np.sqrt(1 + 8 * k.astype(np.float64))) // 2).astype(np.int64)
        j -= j * (j - 1) // 2 > k  # the square root may have been rounded up
        i = k - j * (j - 1) // 2
        first.append(members[starts[c] + i])
        second.append(members[starts[c] + j])
    return np.concatenate(first), np.concatenate(second), np.repeat(np.arange(len(counts)), quota)


def _fair_shares(possible: np.ndarray, total: int) -> np.ndarray:
    """Share `total` among classes evenly; what a small class cannot use goes to the larger ones."""
    order = np.argsort(possible, kind="stable")
    shares = np.zeros(len(possible), dtype=np.int64)
    left = total
    for rank, c in enumerate(order):
        shares[c] = min(int(possible[c]), left // (len(order) - rank))
        left -= shares[c]
    return shares


def _different_pairs(
    members: np.ndarray,
    starts: np.ndarray,
    counts: np.ndarray,
    of_class: np.ndarray,
    groups: np.ndarray | None,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """One different pair for each entry of `of_class`, if there are so many; no pair twice."""
    pool, begin, size, place = _pools(len(counts), groups)
    kept = np.empty(0, dtype=np.int64)
    n = len(members)
    wanted = of_class
    for _ in range(20):
        c = wanted
        r = rng.integers(size[c] - 1)
        other = pool[begin[c] + r + (r >= place[c])]
        a = members[starts[c] + rng.integers(counts[c])]
        b = members[starts[other] + rng.integers(counts[other])]
        keys = np.concatenate([kept, np.minimum(a, b) * n + np.maximum(a, b)])
        _, at = np.unique(keys, return_index=True)
        kept = keys[np.sort(at)]
        missing = len(of_class) - len(kept)
        if missing == 0:
            break
        wanted = rng.choice(of_class, missing)
    return kept // n, kept % n


def _pools(n_classes: int, groups: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For every class, where the classes lie that it is told apart from: (pool, begin, size, own place)."""
    everyone = np.arange(n_classes)
    begin, size, place = np.zeros(n_classes, np.int64), np.full(n_classes, n_classes), everyone.copy()
    if groups is None:
        return everyone, begin, size, place
    order = np.argsort(groups, kind="stable")
    for g in np.unique(groups):
        inside = np.flatnonzero(groups[order] == g)
        if len(inside) > 1:
            mine = order[inside]
            begin[mine], size[mine], place[mine] = n_classes + inside[0], len(inside), np.arange(len(inside))
    return np.concatenate([everyone, order]), begin, size, place
