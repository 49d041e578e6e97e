"""Tasks with foreign queries: what bounds a run's "none of these", and how good that is on other data.

A task has N ways of K examples each and as many foreign queries as known ones: items of classes outside the support
set, of the same group (alphabet) where there are groups, as the hard cases in use are. Where makers are known, half of
a group's makers draw all supports of a task and the others all of its queries, so that a hand gives nothing away.
Open-set tasks after Scheirer, Rocha, Sapkota and Boult 2013; for few shots, Liu, Kang, Li, Hua and Vasconcelos 2020.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from siamese_core import class_rules, metrics, open_set
from siamese_core.errors import ConfigError
from siamese_core.files import write_json
from siamese_core.open_set import OpenSet
from siamese_core.preview import thinned
from siamese_core.runs import Run
from siamese_core.types import Embedder, LabelledSet
from siamese_core.views import Averaged

WAYS = (2, 5, 10, 20)
SHOTS = (1, 2, 5)
QUERIES = 1000  # known ones of each kind of task, about
LEAST_TASKS, MOST_TASKS = 50, 200
MOST_ITEMS = 2500  # of the validation classes
REPLICATES = 500
FEWEST_GROUPS = 5  # to draw intervals over

Progress = Callable[[str, float], None]


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


def fit(
    embedder: Embedder, data: LabelledSet, source: str, seed: int = 0, progress: Progress | None = None
) -> OpenSet | None:
    """Bounds for every kind of task that the data has classes for; None when there is none. `source` says where the
    classes are from. Raises DataError when distances are not numbers."""
    data = thinned(data, MOST_ITEMS)
    data = data.with_items(data.items.fitted(embedder.spec))
    kinds = [(w, k) for w in WAYS for k in SHOTS if _possible(data, w, k)]
    if not kinds:
        return None
    z = {False: embedder.embed(data.items), True: Averaged(embedder).embed(data.items)}
    rows = []
    for i, (w, k) in enumerate(kinds):
        if progress:
            progress("Playing tasks with foreign queries", i / len(kinds))
        tasks = drawn(data, w, k, max(LEAST_TASKS, min(MOST_TASKS, QUERIES // w)), seed)
        for augmented in z:
            for score in open_set.SCORES:
                found = play(embedder, z[augmented], tasks, score)
                row = open_set.row(score, augmented, w, k, found.scores[found.known], found.scores[~found.known])
                rows += [row] if row is not None else []
    groups = 0 if data.class_groups is None else len(data.group_names)
    return OpenSet(tuple(rows), data.n_classes, groups, LEAST_TASKS, source, data.digest)


def _possible(data: LabelledSet, n_way: int, k_shot: int) -> bool:
    try:
        Tasks(data, n_way, k_shot)
    except ConfigError:
        return False
    return True


def save(run: Run, found: OpenSet | None) -> None:
    """Put it into the run's card; None takes what is there away. Raises OSError."""
    card = {k: v for k, v in (run.card() or {"format": 1}).items() if k != open_set.KEY}
    write_json(run.folder / "card.json", card | ({} if found is None else {open_set.KEY: found.to_json()}))


def measure(
    trained: Any, data: LabelledSet, n_way: int = 20, k_shot: int = 1, count: int = 300, seed: int = 0, *,
    rule: str = "nearest", rate: float = open_set.RATE, augment: bool = False, progress: Progress | None = None,
) -> dict[str, Any]:  # fmt: skip
    """How well a run accepts known queries and refuses foreign ones, by the bound of its own card.

    Returns auroc with its interval (over groups where there are at least five, else over tasks), per group, the false
    accept and false reject rates that come out at the bound for `rate`, and the closed-set accuracy. Raises ConfigError
    for settings or data that cannot be, DataError when the card cannot be used.
    """
    if count < 1:
        raise ConfigError(f"The number of tasks is {count}, but must be at least 1.")
    if rule not in class_rules.REGISTRY:
        raise ConfigError(f"There is no rule '{rule}' here; use {', '.join(class_rules.REGISTRY)}.")
    open_set.check_rate(rate)
    kind, tasks = Tasks(data, n_way, k_shot), drawn(data, n_way, k_shot, count, seed)
    tell = progress or (lambda words, share: None)
    tell(f"Encoding {len(data):,} items", 0.0)
    z = (Averaged(trained) if augment else trained).embed(data.items)
    played = play(trained, z, tasks, rule, lambda share: tell("Playing tasks", share))
    by_group = kind.within and len(np.unique(played.group)) >= FEWEST_GROUPS
    unit = played.group if by_group else played.task
    low, high = _interval(played, unit, seed)
    known = open_set.of_card(trained.card)
    score = open_set.score_of(rule)
    rejection = None if known is None else known.rejection(score, augment, n_way, k_shot, rate)
    warnings = [f"{kind.left_out} groups have too few classes and were left out."] if kind.left_out else []
    if rejection is None:
        warnings.append("This run's card has no bound for 'none of these', so far and frr are null; `calibrate` mends "
                        "that where its validation classes are enough.")  # fmt: skip
    return {
        "protocol": "open-set",
        "n_way": n_way,
        "k_shot": k_shot,
        "auroc": played.auroc,
        "interval": [low, high],
        "intervals_over": f"{len(np.unique(unit))} {'groups' if by_group else 'tasks'}",
        "per_group": _per_group(played, data) if kind.within else {},
        **_at(played, None if rejection is None else rejection.bound, unit, seed),
        "rate": rate,
        "accuracy": float(played.right[played.known].mean()),
        "queries": int(played.known.sum()),
        "foreign": int((~played.known).sum()),
        "foreign_from": "the same group" if kind.within else "all other classes",
        "episodes": count,
        "rule": rule,
        "augment": augment,
        "classes": data.n_classes,
        "seed": seed,
        "warnings": warnings,
    }


def _at(played: Played, bound: float | None, unit: np.ndarray, seed: int) -> dict[str, Any]:
    """What comes out at a bound: far, frr with intervals, and the share of known queries let in and named rightly."""
    if bound is None:
        return {k: None for k in ("bound", "far", "far_interval", "frr", "frr_interval", "accepted_right")}
    let_in = played.scores <= bound
    wrong = {"far": (let_in, ~played.known), "frr": (~let_in, played.known)}
    found: dict[str, Any] = {"bound": bound}
    for name, (what, of) in wrong.items():
        found[name] = float(what[of].mean())
        found[f"{name}_interval"] = _share_interval(what[of], unit[of], seed)
    return found | {"accepted_right": float((let_in & played.right)[played.known].mean())}


def _per_group(played: Played, data: LabelledSet) -> dict[str, float]:
    found = {}
    for g in np.unique(played.group):
        of = played.group == g
        found[data.group_names[int(g)]] = metrics.roc_auc(played.scores[of], played.known[of])
    return dict(sorted(found.items(), key=lambda kv: kv[1]))


def _interval(played: Played, unit: np.ndarray, seed: int) -> tuple[float, float]:
    """95% interval of the AUROC: units drawn anew (Efron 1979), and as wide as Student's t says for so few."""
    rng, names = np.random.default_rng(seed), np.unique(unit)
    if len(names) < 2:
        return 0.0, 1.0
    places = [np.flatnonzero(unit == u) for u in names]
    values = []
    for _ in range(REPLICATES if len(names) < 50 else 200):
        some = np.concatenate([places[i] for i in rng.integers(len(names), size=len(names))])
        values.append(metrics.roc_auc(played.scores[some], played.known[some]))
    return _around(played.auroc, float(np.std(values)), len(names))


def _share_interval(what: np.ndarray, unit: np.ndarray, seed: int) -> list[float]:
    """95% interval of a rate over units of unlike size."""
    names, place = np.unique(unit, return_inverse=True)
    if len(names) < 2:
        return [0.0, 1.0]
    hits, sizes = np.bincount(place, weights=what), np.bincount(place)
    picks = np.random.default_rng(seed).integers(len(names), size=(REPLICATES, len(names)))
    values = hits[picks].sum(1) / sizes[picks].sum(1)
    return list(_around(float(what.mean()), float(values.std()), len(names)))


def _around(value: float, spread: float, units: int) -> tuple[float, float]:
    half = metrics.student95(units - 1) * spread * float(np.sqrt(units / (units - 1)))
    return max(0.0, value - half), min(1.0, value + half)


def of_validation(run: Run, data: LabelledSet, model: Any) -> OpenSet | None:
    """Fit on a run's validation classes and put it into its card. Raises DataError or OSError."""
    found = fit(model, data, f"{data.n_classes} validation classes of {data.name}", run.config().seed)
    save(run, found)
    return found
