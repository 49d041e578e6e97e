"""Signatures of unseen writers: is this one genuine, given one reference or the writer's set of them?

The task of SigComp 2011 (Liwicki et al., ICDAR 2011) and of Hafemann, Sabourin and Oliveira, "Learning
features for offline handwritten signature verification" (2017): a questioned signature is compared with
genuine ones of the writer who is claimed. It is genuine (same), or different: a skilled forgery of that
writer, or a random one, another writer's genuine signature. Ours differs: one threshold for all writers, and
nothing is fitted to the writers it is measured on. Two forgeries are never compared: nobody claims them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from siamese_core import metrics
from siamese_core.errors import ConfigError, DataError
from siamese_core.types import LabelledSet
from siamese_core.verifier import ThresholdEmbedder

REFERENCES = 12
RULES: dict[str, Callable[..., np.ndarray]] = {"nearest": np.min, "mean": np.mean}


@dataclass(frozen=True)
class Writer:
    """One writer's signatures: indices into the set, (G,) genuine and (F,) skilled forgeries."""

    name: str
    genuine: np.ndarray
    forged: np.ndarray


def writers_of(data: LabelledSet) -> list[Writer]:
    """The writers with two genuine signatures or more and a forgery. Raises DataError when there are none."""
    found = []
    for g, name in enumerate(data.group_names if data.class_groups is not None else ()):
        mine = data.class_groups[data.labels] == g  # type: ignore[index]
        forged = data.forged[data.labels]
        writer = Writer(name, np.flatnonzero(mine & ~forged), np.flatnonzero(mine & forged))
        if len(writer.genuine) >= 2 and len(writer.forged):
            found.append(writer)
    if not found:
        raise DataError(
            f"{data.name} has no writer with two genuine signatures and a forgery; give folders 001 and 001_forg, "
            "or 001/genuine and 001/forged, for each writer."
        )
    return found


def measure(
    trained: ThresholdEmbedder, data: LabelledSet, references: int = REFERENCES, seed: int = 0
) -> dict[str, Any]:
    """Error rates of a network on the writers of a set that it was not trained on.

    One reference: every two genuine signatures of a writer, against every genuine one with every forgery
    of it. A set: each signature against up to `references` genuine ones of the writer, never itself and as many
    for a genuine as for a forged one, by the nearest's distance and by the mean of all. Random forgeries:
    for each writer as many genuine signatures of others, drawn by the seed, as there are genuine questions.

    Returns rows, each with "references" (1 or the most that were used), "rule", "forgeries" (skilled or
    random), "auc", "eer", "eer_threshold", "genuine" and "forged" (how many were questioned); above them the figures of
    one reference and skilled forgeries, with the accuracy at the run's own threshold (None without one).
    Raises ConfigError for fewer than one reference or a negative seed, DataError when there is no writer to measure.
    """
    if references < 1 or seed < 0:
        raise ConfigError("At least 1 reference is needed, and a seed of at least 0.")
    writers = writers_of(data)
    z = trained.embed(data.items)
    rng = np.random.default_rng(seed)
    strangers = [np.concatenate([w.genuine for w in writers if w is not me] or [me.genuine[:0]]) for me in writers]
    asked: dict[tuple[int, str, str], list[tuple[np.ndarray, np.ndarray]]] = {}
    for me, others in zip(writers, strangers, strict=True):
        near = np.asarray(trained.distance_matrix(z, z[me.genuine]), dtype=np.float64)
        for sort in ("skilled", "random"):
            own, wrong = _one(near, me, others, sort, rng)
            asked.setdefault((1, "one", sort), []).append((own, wrong))
            used = min(references, len(me.genuine) - 1)
            own_set, wrong_set = _set(near, me, others, sort, used, rng)
            for rule, least in RULES.items():
                pair = (least(own_set, axis=1), least(wrong_set, axis=1))
                asked.setdefault((references, rule, sort), []).append(pair)
    most = min(references, max(len(w.genuine) - 1 for w in writers))
    rows = [
        _row(min(count, most), rule, sort, answers)
        for (count, rule, sort), answers in asked.items()
        if sum(len(wrong) for _, wrong in answers)
    ]
    head = rows[0]
    own, wrong = (np.concatenate(side) for side in zip(*asked[1, "one", "skilled"], strict=True))
    accuracy = None
    if trained.threshold is not None:
        accuracy = float(metrics.accuracy_at(*_answers(own, wrong), trained.threshold))
    return {
        "protocol": "signatures",
        **{key: head[key] for key in ("auc", "eer", "eer_threshold")},
        "threshold": trained.threshold,
        "accuracy": accuracy,
        "pairs": head["genuine"] + head["forged"],
        "writers": len(writers),
        "genuine": int(sum(len(w.genuine) for w in writers)),
        "forged": int(sum(len(w.forged) for w in writers)),
        "references": references,
        "rows": rows,
        "seed": seed,
        "warnings": [],
    }


def _one(
    near: np.ndarray, me: Writer, others: np.ndarray, sort: str, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Distances of one reference to genuine signatures and to forgeries of a sort, every pair once."""
    i, j = np.triu_indices(len(me.genuine), 1)
    own = near[me.genuine[i], j]
    if sort == "skilled":
        return own, near[me.forged].ravel()
    drawn = rng.choice(len(others) * len(me.genuine), min(len(own), len(others) * len(me.genuine)), replace=False)
    row, column = np.divmod(drawn, len(me.genuine))
    return own, near[others[row], column]


def _set(
    near: np.ndarray, me: Writer, others: np.ndarray, sort: str, used: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Distances (questions, used) of every genuine signature, and of forgeries, to `used` references."""
    count = len(me.genuine)
    own = np.stack([near[g, rng.permutation(np.delete(np.arange(count), i))[:used]] for i, g in enumerate(me.genuine)])
    wrong = me.forged if sort == "skilled" else rng.choice(others, min(count, len(others)), replace=False)
    drawn = [near[f, rng.permutation(count)[:used]] for f in wrong]
    return own, np.stack(drawn) if drawn else np.empty((0, used))


def _row(references: int, rule: str, sort: str, answers: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    own, wrong = (np.concatenate(side) for side in zip(*answers, strict=True))
    distances, same = _answers(own, wrong)
    eer, threshold = metrics.eer(distances, same)
    return {
        "references": references,
        "rule": rule,
        "forgeries": sort,
        "auc": metrics.roc_auc(distances, same),
        "eer": eer,
        "eer_threshold": threshold,
        "genuine": len(own),
        "forged": len(wrong),
    }


def _answers(own: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([own, wrong]), np.repeat([True, False], [len(own), len(wrong)])
