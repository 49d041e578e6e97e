"""N-way K-shot classification: a query gets the class of a support set that is nearest, a tie, or "none of these".

The task: Lake, Salakhutdinov, Gross and Tenenbaum, "One shot learning of simple visual concepts"
(2011). How a class is near: `class_rules`; when nothing is near enough: `open_set`. Ours marks ties: a query that is
equally near to two classes has no class, and is never right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from siamese_core import class_rules, metrics, open_set
from siamese_core.calibration import Calibration
from siamese_core.class_rules import Choice
from siamese_core.confusion import NONE, TIE
from siamese_core.episode_sampler import Episode, Sampler, sample_episode
from siamese_core.errors import ConfigError, DataError
from siamese_core.open_set import OpenSet, Rejection
from siamese_core.support_set import SupportSet
from siamese_core.types import Embedder, InputSpec, Items, LabelledSet
from siamese_core.views import Averaged

__all__ = ["Classifier", "Episode", "Ranked", "Sampler", "Support", "classify", "episodes", "interval", "prepare",
           "sample_episode", "support_of"]  # fmt: skip

RULES = class_rules.NAMES
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

    @property
    def shots(self) -> np.ndarray:
        """(N,) examples of each class."""
        return np.bincount(self.labels, minlength=len(self.class_names))


@dataclass(frozen=True)
class Ranked:
    """One query's answer. Everything of the classes is ranked, nearest first (N,).

    label          None when there is no answer; `why` is then "tie" (two classes are equally near, or have the same
                   picture as an example) or "none of these"
    distances      by the rule; for the head: minus the logarithm of the class's probability
    examples       index of each class's nearest support example, by the run's own distance
    probabilities  that the query and that example are of one class, by the run's calibration; None without one
    nearest        the index of the closest support example of all
    score          what is compared with the bound of `Rejection`; foreign: the share of queries of other classes that
                   come as near, None where that is not known
    same_as        index of a support example that is the very same picture to the network, or None
    """

    label: str | None
    tied: bool
    classes: tuple[str, ...]
    distances: tuple[float, ...]
    nearest: int
    why: str | None = None
    examples: tuple[int, ...] = ()
    probabilities: tuple[float, ...] | None = None
    score: float | None = None
    foreign: float | None = None
    same_as: int | None = None


@dataclass(frozen=True, eq=False)
class Classifier:
    """A support set as a run sees it, with a rule that is fitted to it; made by `prepare`, and never changed.

    gallery   (S, D) embeddings of the examples; plain: without test-time augmentation
    """

    embedder: Embedder
    support: Support
    choice: Choice
    augment: bool
    gallery: np.ndarray
    plain: np.ndarray
    calibration: Calibration | None
    known: OpenSet | None
    _fitted: dict[str, class_rules.Fitted]

    @property
    def rule(self) -> str:
        """The rule's name."""
        return self.choice.rule

    @property
    def n_way(self) -> int:
        """How many classes there are."""
        return len(self.support.class_names)

    @property
    def k_shot(self) -> float:
        """Examples a class, on average."""
        return len(self.support.labels) / self.n_way

    def rejection(self, rate: float = open_set.RATE) -> Rejection | None:
        """When a query is none of these, at a false accept rate; None when the run cannot tell. Raises ConfigError."""
        open_set.check_rate(rate)
        found = None
        if self.known is not None:
            score = open_set.score_of(self.rule)
            found = self.known.rejection(score, self.augment, self.n_way, self.k_shot, rate)
        if found is None and self.calibration is not None:
            found = open_set.from_pairs(self.calibration, len(self.plain), rate)
        return found

    def answer(self, queries: Items, reject: float | None = None) -> list[Ranked]:
        """Rank the classes for each of Q queries. reject: the false accept rate at which a query is none of these;
        None: every query gets its nearest class. Raises DataError when distances are not numbers, ConfigError."""
        rejection = None if reject is None else self.rejection(reject)
        if not len(queries):
            return []
        queries = queries.fitted(self.embedder.spec)
        plain = self.embedder.embed(queries)
        z = Averaged(self.embedder).embed(queries) if self.augment else plain
        near = self._fitted[self.rule](z)
        ways, tied = metrics.nearest_class(near, np.arange(self.n_way))
        apart = self.embedder.distance_matrix(plain, self.plain)
        scores, foreign = self._scores(z, near, apart, rejection)
        same, doubled = self._same(queries)
        tied |= doubled
        why = [TIE if t else None for t in tied]
        if rejection is not None:
            why = [NONE if far else w for far, w in zip(scores > rejection.bound, why, strict=True)]
        return self._ranked(near, ways, why, tied, apart, scores, foreign, same)

    def _scores(
        self, z: np.ndarray, near: np.ndarray, apart: np.ndarray, rejection: Rejection | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """(Q,) what refuses, and the shares of foreign queries that come as near."""
        if self.known is None or (rejection is not None and rejection.by == "pairs"):
            return apart.min(axis=1), None
        score = open_set.score_of(self.rule)
        far = near if score == self.rule else self._fitted[score](z)
        scores = far.min(axis=1)
        return scores, self.known.foreign(scores, score, self.augment, self.n_way, self.k_shot)

    def _same(self, queries: Items) -> tuple[list[int | None], np.ndarray]:
        """For each query the first example that is the same to the network, and (Q,) bool: two classes have it."""
        places: dict[str, list[int]] = {}
        for i, digest in enumerate(self.support.items.fitted(self.embedder.spec).digests()):
            places.setdefault(digest, []).append(i)
        found = [places.get(digest, []) for digest in queries.digests()]
        doubled = [len({int(self.support.labels[i]) for i in mine}) > 1 for mine in found]
        return [mine[0] if mine else None for mine in found], np.array(doubled, dtype=bool)

    def _ranked(
        self, near: np.ndarray, ways: np.ndarray, why: list[str | None], tied: np.ndarray, apart: np.ndarray,
        scores: np.ndarray, foreign: np.ndarray | None, same: list[int | None],
    ) -> list[Ranked]:  # fmt: skip
        names = self.support.class_names
        members = [np.flatnonzero(self.support.labels == way) for way in range(self.n_way)]
        examples = np.stack([m[apart[:, m].argmin(axis=1)] for m in members], axis=1)  # (Q, N)
        nearest = np.take_along_axis(apart, examples, axis=1)
        likely = None
        if self.calibration is not None:
            likely = self.calibration.probabilities(nearest.ravel()).reshape(nearest.shape)
        order = np.argsort(near, axis=1, kind="stable")
        count = len(order)

        def rows(values: np.ndarray | None) -> list[Any]:
            """Of (Q, N) values those of each query in its order; None for each where there are none."""
            if values is None:
                return [None] * count
            return [tuple(row) for row in np.take_along_axis(values, order, axis=1).tolist()]

        return [
            Ranked(
                label=None if no else names[way],
                tied=alike,
                classes=tuple([names[c] for c in row]),
                distances=distances,
                nearest=closest,
                why=no,
                examples=shown,
                probabilities=sure,
                score=score,
                foreign=share,
                same_as=twin,
            )
            for no, way, alike, row, distances, closest, shown, sure, score, share, twin in zip(
                why, ways.tolist(), tied.tolist(), order.tolist(), rows(near), apart.argmin(axis=1).tolist(),
                rows(examples), rows(likely), scores.tolist(),
                [None] * count if foreign is None else foreign.tolist(), same, strict=True,
            )
        ]  # fmt: skip


def support_of(given: SupportSet, spec: InputSpec) -> Support:
    """A support set of pictures as a network with this spec sees it.

    Raises DataError when it is empty, or has a single class or a picture that cannot be used."""
    given.check()
    return Support(given.items(spec), given.labels, given.names)


def prepare(embedder: Embedder, support: Support, rule: str = class_rules.AUTO, augment: bool = False) -> Classifier:
    """Fit a rule to a support set. The run's calibration and card, where the embedder has them, say when a query is
    none of these. Raises ConfigError for an unknown rule, DataError for a card that cannot be used."""
    if rule not in RULES:
        class_rules.build(rule)
    plain = embedder.embed(support.items)
    gallery = Averaged(embedder).embed(support.items) if augment else plain
    if not np.isfinite(gallery).all():
        raise DataError("The network's output for the support set is not finite numbers; train it anew.")
    ways, n = support.labels, len(support.class_names)
    choice = class_rules.choose(embedder, gallery, ways, n) if rule == class_rules.AUTO else Choice(rule, "", {})
    wanted = {choice.rule, open_set.score_of(choice.rule)}
    return Classifier(
        embedder=embedder,
        support=support,
        choice=choice,
        augment=augment,
        gallery=gallery,
        plain=plain,
        calibration=getattr(embedder, "calibration", None),
        known=open_set.of_card(getattr(embedder, "card", {})),
        _fitted={name: class_rules.build(name)(embedder, gallery, ways, n) for name in wanted},
    )


def classify(embedder: Embedder, support: Support, queries: Items, rule: str = "nearest") -> list[Ranked]:
    """Rank the support set's classes for each of Q queries, none of which is refused (see `Classifier.answer`).

    Raises ConfigError for an unknown rule, DataError when distances are not numbers.
    """
    return prepare(embedder, support, rule).answer(queries) if len(queries) else []


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
    fit = class_rules.build(rule)
    for e in range(n_episodes):
        task = sampler.draw(rng)
        near = fit(embedder, z[task.support], task.support_ways, sampler.n_way)(z[task.queries])
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
