"""What a network may live on instead of the thing itself: the border, the background, how dark or large a picture is.

A probe tells pairs apart from such things alone. If it does so nearly as well as the network, the figures cannot show
that the network looks at the thing (Geirhos et al., "Shortcut learning in deep neural networks", 2020). Ours is linear:
the distance of the features, in the measure in which pictures of one training class differ (linear discriminant
analysis, Fisher 1936, Rao 1948). The network itself is asked as well, with all but the border covered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from siamese_core import metrics, verifier
from siamese_core.findings import Finding
from siamese_core.modalities.image import ImageItems
from siamese_core.shortcut_features import border, framed, statistics, whitened
from siamese_core.types import Embedder, LabelledSet

MAX_PAIRS = 4000  # of each kind
DRAWS = 200
LEAST = 0.8  # of the AUC, with its interval, that weighs as a problem however weak the network is
NEAR, MUCH = 0.85, 2 / 3  # of what the network is better than chance
FEWEST = 8  # classes from which on classes are drawn anew for an interval; items otherwise


@dataclass(frozen=True)
class Rate:
    """An AUC with its 95% interval."""

    auc: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """A plain dict."""
        return {"auc": self.auc, "low": self.low, "high": self.high}


def probes(measured: LabelledSet, train: LabelledSet | None, embedder: Embedder | None, seed: int = 0) -> list[Finding]:
    """How well pairs of a set of pictures are told apart without looking at the thing itself.

    train gives the measure for the features' distances; without it each feature counts alike. Returns nothing where
    the items are no pictures. Raises DataError when there are no pairs of both kinds.
    """
    if not isinstance(measured.items, ImageItems):
        return []
    groups = measured.class_groups
    pairs = verifier.pairs_of(measured.labels, np.random.default_rng([seed, 17]), MAX_PAIRS, groups)
    drawn = _draws(measured.labels, pairs, measured.n_classes, seed)
    network = None
    if embedder is not None:
        network = rate(_pair_distances(embedder, embedder.embed(measured.items), pairs), pairs.same, drawn)
    source = train if train is not None and train.items.spec == measured.items.spec else None
    found = []
    for kind, features in (("border", border), ("statistics", statistics)):
        known = None if source is None else _features(features, source)
        z = whitened(_features(features, measured), known, None if source is None else source.labels)
        told = rate(np.linalg.norm(z[pairs.first] - z[pairs.second], axis=1), pairs.same, drawn)
        found.append(_probe(kind, told, network, len(measured.counts)))
    if embedder is not None and network is not None:
        covered = measured.items.fitted(embedder.spec)
        z = embedder.embed(ImageItems(framed(covered.pixels, covered.spec.polarity), covered.spec))
        found.append(_covered(rate(_pair_distances(embedder, z, pairs), pairs.same, drawn), network))
    return found


def _features(of: Any, data: LabelledSet) -> np.ndarray:
    found: np.ndarray = of(data.items.pixels, data.items.spec.polarity)  # type: ignore[attr-defined]
    return found


def rate(distances: np.ndarray, same: np.ndarray, weights: np.ndarray) -> Rate:
    """(P,) distances and answers, (R, P) weights of R draws -> the AUC and the interval with 95% of the draws'."""
    d = np.asarray(distances, dtype=np.float64)
    auc = metrics.roc_auc(d, same)
    order = np.argsort(d, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(d[order]) > 0]))
    draws = []
    for w in weights:
        yes = np.add.reduceat((w * same)[order], starts)
        no = np.add.reduceat((w * ~same)[order], starts)
        if yes.sum() and no.sum():
            farther = no.sum() - np.cumsum(no)
            draws.append(float((yes * (farther + no / 2)).sum() / (yes.sum() * no.sum())))
    if len(draws) < 2:
        return Rate(auc, 0.0, 1.0)
    low, high = np.quantile(draws, [0.025, 0.975])
    return Rate(auc, min(float(low), auc), max(float(high), auc))


def _draws(labels: np.ndarray, pairs: verifier.Pairs, n_classes: int, seed: int) -> np.ndarray:
    """(DRAWS, P) how often each pair counts when classes (of few classes: items) are drawn anew, with replacement: a
    pair has two ends, and counts as often as both were drawn."""
    rng = np.random.default_rng([seed, 18])
    if n_classes >= FEWEST:
        times = rng.multinomial(n_classes, np.full(n_classes, 1 / n_classes), size=DRAWS)
        a, b = times[:, labels[pairs.first]], times[:, labels[pairs.second]]
        return np.where(pairs.same, a, a * b)
    times = rng.multinomial(len(labels), np.full(len(labels), 1 / len(labels)), size=DRAWS)
    found: np.ndarray = times[:, pairs.first] * times[:, pairs.second]
    return found


def _pair_distances(embedder: Embedder, z: np.ndarray, pairs: verifier.Pairs) -> np.ndarray:
    return np.asarray(embedder.distances(z[pairs.first], z[pairs.second]), dtype=np.float64)


WHAT = {
    "border": "the outermost border of the pictures alone (a sixteenth of each side)",
    "statistics": "brightness, contrast, size and place of the thing alone, without its shape",
}


def severity_of(told: Rate, network: Rate | None) -> str:
    """How grave it is that so much is told without looking: against what the network is better than chance."""
    edge, own = told.auc - 0.5, 0.45 if network is None else max(0.05, network.auc - 0.5)
    if told.low <= 0.5 or edge < MUCH * own:
        return "fine"
    return "problem" if edge >= NEAR * own and told.low >= LEAST else "look"


def _probe(kind: str, told: Rate, network: Rate | None, classes: int) -> Finding:
    severity = severity_of(told, network)
    by = f"From {WHAT[kind]}, pairs are told apart with AUC {_words(told)}"
    beside = "" if network is None else f", where the network reaches {network.auc:.2f}"
    ends = {
        "fine": "; chance is 0.50, so this is no way around looking at the pictures.",
        "look": "; chance is 0.50, so a good part of the figures could come from there: compare with the border cut "
        "off, or with pictures taken in other places.",
        "problem": "; chance is 0.50, so the figures do not show that the network looks at the thing itself: cut the "
        "pictures closer or even them out, train again, and measure on pictures taken elsewhere.",
    }
    details = {"probe": told.to_json(), "network": None if network is None else network.to_json(), "classes": classes,
               "interval_over": "classes" if classes >= FEWEST else "items"}  # fmt: skip
    return Finding(kind, severity, by + beside + ends[severity], details)


def _covered(told: Rate, network: Rate) -> Finding:
    """The network with all but the border covered."""
    severity = severity_of(told, network)
    by = f"With all but their border covered, the network still tells pairs apart with AUC {_words(told)} " \
         f"(uncovered: {network.auc:.2f})"  # fmt: skip
    ends = {
        "fine": ", so it does not live on the border.",
        "look": ", so it uses the border: look where the pictures of a class were taken, and cut them closer.",
        "problem": ", nearly as well as with the whole picture, so the figures do not show that it looks at the thing "
        "itself; cut the pictures closer and train again.",
    }
    details = {"probe": told.to_json(), "network": network.to_json()}
    return Finding("network on the border", severity, by + ends[severity], details)


def _words(told: Rate) -> str:
    return f"{told.auc:.2f} (95% interval {told.low:.2f} to {told.high:.2f})"
