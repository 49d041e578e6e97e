"""What bounds a run's "none of these", and how good that is on other data: tasks with foreign queries, played."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from siamese_core import class_rules, metrics, open_set
from siamese_core.errors import ConfigError
from siamese_core.files import write_json
from siamese_core.open_set import OpenSet
from siamese_core.open_set_tasks import Played, Tasks, drawn, play
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
