"""One look at a trained run from all sides: what the Evaluate page shows and the report prints.

A run is measured on labelled items of classes that it was not fitted to: pairs (same or different), search among the
items, and one-shot tasks, all from one embedding of the set. The value holds what was measured; curves are made from
it where they are drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from siamese_core import curves, metrics, one_shot, retrieval, verifier
from siamese_core.bootstrap import Bands, Bootstrap, Roc, unit_words
from siamese_core.calibration import Calibration
from siamese_core.errors import ConfigError, DataError
from siamese_core.scored import ScoredPairs
from siamese_core.types import InputSpec, Items, LabelledSet

GRID_WAYS = (2, 5, 10, 20)
GRID_SHOTS = (1, 3, 5)
GRID_EPISODES = 300
BANDS = 60  # points of a band
WORST = 12  # pairs of each kind that are worth showing

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Part:
    """How one class, or one group of classes, fared at the threshold. Rates are None where there are no such pairs.

    far: of the different pairs with one side in it; frr: of its same pairs; recall: the share of its items whose
    nearest other item is of their class.
    """

    name: str
    items: int
    same_pairs: int
    different_pairs: int
    far: float | None
    frr: float | None
    recall: float | None


@dataclass(frozen=True)
class Cell:
    """N-way K-shot accuracy over random tasks with its 95% interval."""

    n_way: int
    k_shot: int
    accuracy: float
    low: float
    high: float
    episodes: int


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was measured of a run on a labelled set.

    scored holds positions into that set, labels (N,) its items' classes; rates are exact. threshold is the run's, or
    where FAR and FRR are equal here when it has none (`own_threshold` says which). probability (P,) is None for a run
    without calibration.
    intervals holds 95% intervals of "auc", "eer", "accuracy", "far" and "frr"; bands those of both rates against the
    threshold, and roc that of the FRR at a FAR; intervals_over says what was drawn anew for them.
    """

    run: str
    data: str
    digest: str
    seed: int
    class_names: tuple[str, ...]
    items: int
    threshold: float
    own_threshold: bool
    scored: ScoredPairs
    labels: np.ndarray
    rates: curves.Rates
    probability: np.ndarray | None
    search: retrieval.Retrieval | None
    grid: tuple[Cell, ...]
    classes: tuple[Part, ...]
    groups: tuple[Part, ...]
    warnings: tuple[str, ...] = ()
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    intervals_over: str = ""
    bands: Bands | None = None
    roc: Roc | None = None

    @property
    def eer(self) -> tuple[float, float]:
        """The equal error rate and its threshold."""
        return metrics.eer(self.scored.distances, self.scored.same)

    @property
    def auc(self) -> float:
        """The area under the ROC curve."""
        return curves.auc(self.rates)

    @property
    def far(self) -> float:
        """The share of different pairs accepted at the threshold."""
        return self.rates.at(self.threshold)[0]

    @property
    def frr(self) -> float:
        """The share of same pairs refused at the threshold."""
        return self.rates.at(self.threshold)[1]

    @property
    def accuracy(self) -> float:
        """The mean of the shares of same pairs accepted and different pairs refused, at the threshold."""
        return 1.0 - (self.far + self.frr) / 2.0


class _Embedded:
    """A trained run that has embedded one set already."""

    def __init__(self, trained: verifier.ThresholdEmbedder, items: Items, z: np.ndarray) -> None:
        self._trained, self._items, self._z = trained, items, z

    @property
    def spec(self) -> InputSpec:
        return self._trained.spec

    def embed(self, items: Items) -> np.ndarray:
        return self._z if items is self._items else self._trained.embed(items)

    def distances(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return self._trained.distances(a, b)

    def distance_matrix(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        return self._trained.distance_matrix(queries, gallery)


def measure(
    trained: verifier.ThresholdEmbedder,
    data: LabelledSet,
    *,
    run: str = "",
    seed: int = 0,
    max_pairs: int = verifier.MAX_PAIRS,
    episodes: int = GRID_EPISODES,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure a run on a labelled set, with its own threshold and calibration where it has them.

    Raises DataError when there are no pairs of both kinds, or distances are not finite numbers.
    """
    tell = progress or (lambda words, share: None)
    tell(f"Encoding {len(data):,} items", 0.0)
    data = data.with_items(data.items.fitted(trained.spec, lambda words, share: tell(words, 0.2 * share)))
    z = trained.embed(data.items)
    tell("Scoring pairs", 0.4)
    scored = verifier.score(trained, data, seed, max_pairs, z)
    rates = curves.rates(scored)
    own = trained.threshold
    threshold = metrics.eer(scored.distances, scored.same)[1] if own is None else float(own)
    tell("Drawing the identities anew, for intervals", 0.45)
    boot = Bootstrap(scored, (threshold,), seed=seed)
    far, frr = boot.rates_at(threshold)
    found = {"auc": boot.auc(), "eer": boot.eer(), "accuracy": boot.accuracy_at(threshold), "far": far, "frr": frr}
    tell("Searching", 0.5)
    known = _Embedded(trained, data.items, z)
    search = _search(known, z, data)
    tell("Solving one-shot tasks", 0.6)
    grid = _grid(known, data, seed, episodes, lambda share: tell("Solving one-shot tasks", 0.6 + 0.4 * share))
    return Evaluation(
        run=run,
        data=data.name,
        digest=data.digest,
        seed=seed,
        class_names=data.class_names,
        items=len(data),
        threshold=threshold,
        own_threshold=own is not None,
        scored=scored,
        labels=data.labels,
        rates=rates,
        probability=_probabilities(trained.calibration, scored),
        search=search,
        grid=grid,
        classes=_parts(scored, threshold, data, search, np.arange(data.n_classes), data.class_names),
        groups=_groups(scored, threshold, data, search),
        warnings=tuple(data.warnings),
        intervals={name: (e.low, e.high) for name, e in found.items()},
        intervals_over=unit_words(boot.unit, boot.units, scored.n_identities),
        bands=boot.bands(BANDS),
        roc=boot.roc(np.linspace(0.0, 1.0, BANDS) ** 2),
    )


def warned(found: Evaluation, more: list[str]) -> Evaluation:
    """The same evaluation with further warnings before its own."""
    return replace(found, warnings=(*more, *found.warnings))


def worst(found: Evaluation, count: int = WORST) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the most similar different pairs and of the most different same pairs, worst first; an item
    is shown once in each."""
    d, same = found.scored.distances, found.scored.same
    impostors, genuines = np.flatnonzero(~same), np.flatnonzero(same)
    return (
        _distinct(found.scored, impostors[np.argsort(d[impostors], kind="stable")], count),
        _distinct(found.scored, genuines[np.argsort(-d[genuines], kind="stable")], count),
    )


def _distinct(scored: ScoredPairs, ranked: np.ndarray, count: int) -> np.ndarray:
    if scored.first is None or scored.second is None:
        return ranked[:count]
    seen: set[int] = set()
    kept: list[int] = []
    for p in ranked:
        sides = {int(scored.first[p]), int(scored.second[p])}
        if not sides & seen:
            kept.append(int(p))
            seen |= sides
        if len(kept) == count:
            break
    return np.array(kept, dtype=np.int64)


def _probabilities(calibration: Calibration | None, scored: ScoredPairs) -> np.ndarray | None:
    """Of "same" (P,), at these pairs' own share of same ones."""
    if calibration is None:
        return None
    return calibration.probabilities(scored.distances, scored.n_same / len(scored))


def _search(known: _Embedded, z: np.ndarray, data: LabelledSet) -> retrieval.Retrieval | None:
    try:
        return retrieval.measure(known, z, data.labels)
    except DataError:
        return None  # no class has two items; then there are no same pairs, either, and `score` has said so


def _grid(
    known: _Embedded, data: LabelledSet, seed: int, episodes: int, tell: Callable[[float], None]
) -> tuple[Cell, ...]:
    """Every N and K that this data has classes and items for."""
    ways = sorted({min(n, data.n_classes) for n in GRID_WAYS if n <= max(data.n_classes, GRID_WAYS[0])})
    cells = []
    for i, n_way in enumerate(ways):
        for k, k_shot in enumerate(GRID_SHOTS):
            tell((i + k / len(GRID_SHOTS)) / len(ways))
            try:
                got = one_shot.episodes(known, data, n_way, k_shot, episodes, seed)
            except ConfigError:
                continue  # too few items a class for so many shots
            low, high = got["interval"]
            cells.append(Cell(n_way, k_shot, got["accuracy"], low, high, episodes))
    return tuple(cells)


def _groups(
    scored: ScoredPairs, threshold: float, data: LabelledSet, search: retrieval.Retrieval | None
) -> tuple[Part, ...]:
    if data.class_groups is None:
        return ()
    return _parts(scored, threshold, data, search, data.class_groups, data.group_names)


def _parts(
    scored: ScoredPairs,
    threshold: float,
    data: LabelledSet,
    search: retrieval.Retrieval | None,
    part_of: np.ndarray,
    names: tuple[str, ...],
) -> tuple[Part, ...]:
    """The pairs taken apart: part_of (classes,) tells which part each class belongs to; names one a part."""
    n = len(names)
    wrong = (scored.distances <= threshold) != scored.same
    assert scored.first is not None
    assert scored.second is not None
    first, second = part_of[data.labels[scored.first]], part_of[data.labels[scored.second]]

    def count(which: np.ndarray) -> np.ndarray:
        """Pairs with a side in each part; with both sides in one part, once."""
        other = which & (first != second)
        return np.bincount(first[which], minlength=n) + np.bincount(second[other], minlength=n)

    same, different = count(scored.same), count(~scored.same)
    refused, accepted = count(scored.same & wrong), count(~scored.same & wrong)
    items = np.bincount(part_of[data.labels], minlength=n)
    recall = _recall(search, data, part_of, n)
    return tuple(
        Part(
            name=names[i],
            items=int(items[i]),
            same_pairs=int(same[i]),
            different_pairs=int(different[i]),
            far=_share(accepted[i], different[i]),
            frr=_share(refused[i], same[i]),
            recall=recall[i],
        )
        for i in range(n)
    )


def _recall(search: retrieval.Retrieval | None, data: LabelledSet, part_of: np.ndarray, n: int) -> list[float | None]:
    if search is None:
        return [None] * n
    asked = np.where(data.counts >= 2, data.counts, 0)
    hits = np.nan_to_num(search.per_class) * asked
    return [
        _share(a, b)
        for a, b in zip(
            np.bincount(part_of, weights=hits, minlength=n),
            np.bincount(part_of, weights=asked, minlength=n),
            strict=True,
        )
    ]


def _share(of: float, all_of: float) -> float | None:
    return float(of / all_of) if all_of else None


def summary(found: Evaluation) -> dict[str, Any]:
    """The figures as plain values, for JSON."""
    eer, eer_threshold = found.eer
    search = found.search
    return {
        "run": found.run,
        "data": found.data,
        "digest": found.digest,
        "seed": found.seed,
        "classes": len(found.class_names),
        "items": found.items,
        "pairs": len(found.scored),
        "auc": found.auc,
        "eer": eer,
        "eer_threshold": eer_threshold,
        "average_precision": curves.average_precision(found.rates),
        "threshold": found.threshold,
        "accuracy": found.accuracy,
        "far": found.far,
        "frr": found.frr,
        "intervals": {name: list(between) for name, between in found.intervals.items()},
        "intervals_over": found.intervals_over,
        "recall": None if search is None else dict(search.recall),
        "map_at_r": None if search is None else search.map_at_r,
        "one_shot": [
            {"n_way": c.n_way, "k_shot": c.k_shot, "accuracy": c.accuracy, "interval": [c.low, c.high]}
            for c in found.grid
        ],
        "warnings": list(found.warnings),
    }
