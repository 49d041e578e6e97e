"""What a network may live on instead of the thing itself: the border, the background, how dark or large a picture is.

A probe tells pairs apart from such things alone. If it does so nearly as well as the network, the figures cannot show
that the network looks at the thing (Geirhos et al., "Shortcut learning in deep neural networks", 2020). Ours is linear:
the distance of the features, in the measure in which pictures of one training class differ (linear discriminant analysis,
Fisher 1936, Rao 1948). The network itself is asked as well, with all but the border covered.

Also here: the trap of a network whose answer does not depend on the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from siamese_core import metrics, verifier
from siamese_core.findings import Finding, Place
from siamese_core.modalities.fitting import channels, resize
from siamese_core.modalities.image import ImageItems
from siamese_core.types import Embedder, LabelledSet

MAX_PAIRS = 4000  # of each kind
DRAWS = 200
FRAME = 1 / 16  # of a side: how wide the border is
NEAR, HALF = 0.8, 0.5  # of what the network is better than chance
FEWEST = 8  # classes from which on classes are drawn anew for an interval; items otherwise
_SIDE, _DEPTH = 32, 32  # of a border: pixels it is shrunk to, numbers kept of it
_INK = 48  # grey values from the paper at which ink begins
MOST_LOOKED_AT = 256  # items, for the trap


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
    source = train if train is not None and isinstance(train.items, ImageItems) else None
    found = []
    for kind, features in (("border", border), ("statistics", statistics)):
        known = None if source is None else _features(features, source)
        z = whitened(_features(features, measured), known, None if source is None else source.labels)
        told = rate(np.linalg.norm(z[pairs.first] - z[pairs.second], axis=1), pairs.same, drawn)
        found.append(_probe(kind, told, network, len(measured.counts)))
    if embedder is not None and network is not None:
        covered = measured.items
        z = embedder.embed(ImageItems(framed(covered.pixels, covered.spec.polarity), covered.spec))
        found.append(_covered(rate(_pair_distances(embedder, z, pairs), pairs.same, drawn), network))
    return found


def _features(of: Any, data: LabelledSet) -> np.ndarray:
    found: np.ndarray = of(data.items.pixels, data.items.spec.polarity)  # type: ignore[attr-defined]
    return found


def border(pixels: np.ndarray, polarity: str) -> np.ndarray:
    """(N, C, H, W) uint8 -> (N, F) float64: the border's pixels, shrunk; the inside is covered."""
    small = resize(channels(framed(pixels, polarity), pixels.shape[1]), _SIDE, _SIDE).reshape(len(pixels), -1)
    used = small[:, small.std(axis=0) > 0] if len(small) else small
    return used.astype(np.float64) if used.shape[1] else np.zeros((len(pixels), 1))


def framed(pixels: np.ndarray, polarity: str) -> np.ndarray:
    """(N, C, H, W) uint8 with the inside covered: paper for ink, grey for photos; a border of 1/16 of a side stays."""
    height, width = pixels.shape[2:]
    down, right = max(1, round(height * FRAME)), max(1, round(width * FRAME))
    found = pixels.copy()
    found[:, :, down : height - down, right : width - right] = 0 if polarity == "ink" else 128
    return found


def statistics(pixels: np.ndarray, polarity: str) -> np.ndarray:
    """(N, C, H, W) uint8 -> (N, C + 7) float64: brightness of each channel, spread, and of what differs from the
    border's median: its share, where it begins and ends (top, bottom, left, right) and its aspect (log)."""
    n, _, height, width = pixels.shape
    found = np.zeros((n, pixels.shape[1] + 7))
    step = max(1, 2**24 // max(1, pixels[0].size if n else 1))
    for start in range(0, n, step):
        part = pixels[start : start + step]
        grey = channels(part, 1)[:, 0].astype(np.float32)
        rim = np.concatenate([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], axis=1)
        ink = np.abs(grey - np.median(rim, axis=1)[:, None, None]) > _INK
        top, bottom = _ends(ink.any(axis=2))
        left, right = _ends(ink.any(axis=1))
        aspect = np.log((bottom - top + 1 / height) / (right - left + 1 / width))
        columns = [grey.std(axis=(1, 2)), ink.mean(axis=(1, 2)), top, bottom, left, right, aspect]
        found[start : start + step] = np.concatenate([part.mean(axis=(2, 3)), np.stack(columns, axis=1)], axis=1)
    return found


def _ends(marked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, L) bool -> where the marks begin and end, as shares of L; the middle where there is none."""
    length = marked.shape[1]
    first, last = marked.argmax(axis=1) / length, 1 - marked[:, ::-1].argmax(axis=1) / length
    none = ~marked.any(axis=1)
    return np.where(none, 0.5, first), np.where(none, 0.5, last)


def whitened(features: np.ndarray, known: np.ndarray | None, labels: np.ndarray | None) -> np.ndarray:
    """(N, F) -> (N, D), in which what differs within a class of `known` (M, F) counts little; plain standard scores
    without it."""
    if known is None or labels is None or known.shape[1] != features.shape[1]:
        spread = features.std(axis=0)
        found: np.ndarray = (features - features.mean(axis=0)) / np.where(spread > 1e-9, spread, np.inf)
        return found
    middle, spread = known.mean(axis=0), known.std(axis=0)
    spread = np.where(spread > 1e-9, spread, max(1e-9, float(spread.max(initial=0.0))))
    x, y = (known - middle) / spread, (features - middle) / spread
    if x.shape[1] > _DEPTH:  # the directions in which pictures differ most
        _, axes = np.linalg.eigh(x.T @ x)
        axes = axes[:, -_DEPTH:]
        x, y = x @ axes, y @ axes
    classes, own = np.unique(labels, return_inverse=True)
    means = np.zeros((len(classes), x.shape[1]))
    np.add.at(means, own, x)
    inside = x - (means / np.bincount(own)[:, None])[own]
    scatter = inside.T @ inside / max(1, len(x))
    scatter += (0.05 * np.trace(scatter) / len(scatter) + 1e-9) * np.eye(len(scatter))
    values, vectors = np.linalg.eigh(scatter)
    found = y @ (vectors / np.sqrt(values))
    return found


def rate(distances: np.ndarray, same: np.ndarray, weights: np.ndarray) -> Rate:
    """(P,) distances and answers, (R, P) weights of R draws -> the AUC and the interval that holds 95% of the draws'."""
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
    if told.low <= 0.5 or edge < HALF * own:
        return "fine"
    return "problem" if edge >= NEAR * own else "look"


def _probe(kind: str, told: Rate, network: Rate | None, classes: int) -> Finding:
    severity = severity_of(told, network)
    by = f"From {WHAT[kind]}, pairs are told apart with AUC {_words(told)}"
    beside = "" if network is None else f", where the network reaches {network.auc:.2f}"
    ends = {
        "fine": "; chance is 0.50, so this is no way around looking at the pictures.",
        "look": "; chance is 0.50, so a good part of the figures could come from there: compare with the border cut off, "
        "or with pictures taken in other places.",
        "problem": "; chance is 0.50, so the figures do not show that the network looks at the thing itself: cut the "
        "pictures closer or even them out, train again, and measure on pictures taken elsewhere.",
    }
    details = {"probe": told.to_json(), "network": None if network is None else network.to_json(), "classes": classes,
               "interval_over": "classes" if classes >= FEWEST else "items"}  # fmt: skip
    return Finding(kind, severity, by + beside + ends[severity], details)


def _covered(told: Rate, network: Rate) -> Finding:
    """The network with all but the border covered."""
    severity = severity_of(told, network)
    by = f"With all but their border covered, the network still tells pairs apart with AUC {_words(told)} (uncovered: " \
         f"{network.auc:.2f})"  # fmt: skip
    ends = {
        "fine": ", so it does not live on the border.",
        "look": ", so it uses the border: look where the pictures of a class were taken, and cut them closer.",
        "problem": ", nearly as well as with the whole picture: it has learnt the border, not the thing; cut the pictures "
        "closer and train again.",
    }
    details = {"probe": told.to_json(), "network": network.to_json()}
    return Finding("network on the border", severity, by + ends[severity], details)


def _words(told: Rate) -> str:
    return f"{told.auc:.2f} (95% interval {told.low:.2f} to {told.high:.2f})"


def constant_output(data: LabelledSet, embedder: Embedder, part: str, seed: int = 0) -> list[Finding]:
    """Whether the network's answer depends on the picture at all: on up to 256 different items, and on noise."""
    _, once = np.unique(np.array(data.items.digests()), return_index=True)
    rng = np.random.default_rng([seed, 19])
    items = np.sort(rng.permutation(once)[:MOST_LOOKED_AT])
    if len(items) < 3:
        return []
    chosen = data.items.select(items)
    z = embedder.embed(chosen)
    i, j = np.triu_indices(len(items), 1)
    apart = np.asarray(embedder.distances(z[i], z[j]), dtype=np.float64)
    length = float(np.linalg.norm(z, axis=1).mean())
    spread = float(np.sqrt(z.var(axis=0).sum()))
    kinds = len(np.unique(np.round(apart / max(1e-12, float(apart.max())), 6)))
    details = {"items": len(items), "spread": spread / max(1e-12, length), "different_distances": kinds,
               "pairs": len(apart)}  # fmt: skip
    pictures: tuple[tuple[Place, Place], ...] = (((part, int(items[0])), (part, int(items[-1]))),)
    if not np.isfinite(apart).all() or spread <= 1e-4 * length or apart.max() <= 1e-9:
        return [Finding("constant output", "problem",
                        f"The network gives nearly the same answer to {len(items)} different pictures, so its distances "
                        "say nothing: it has collapsed; train again with a lower learning rate or another loss.",
                        details, pictures)]  # fmt: skip
    if kinds <= max(2, len(apart) // 100):
        return [Finding("constant output", "problem",
                        f"Among {len(apart):,} pairs of different pictures there are only {kinds} different distances, so "
                        "most comparisons are ties and no threshold can part them; train again with another loss or "
                        "distance.", details, pictures)]  # fmt: skip
    noise = _noise_tells_apart(chosen, embedder, z, apart, (i, j), rng)
    if noise is not None and noise["alike"]:
        return [Finding("constant output", "problem",
                        "The network's distances hardly change when the pictures are replaced by noise, so they do not "
                        "depend on the pictures; its weights are broken or it was never trained: train it again.",
                        details | noise, pictures)]  # fmt: skip
    return [Finding("constant output", "fine",
                    f"The network answers differently to {len(items)} different pictures"
                    f"{'' if noise is None else ', and differently to noise'}: it has not collapsed.",
                    details | (noise or {}))]  # fmt: skip


def _noise_tells_apart(
    items: Any, embedder: Embedder, z: np.ndarray, apart: np.ndarray, at: tuple[np.ndarray, np.ndarray], rng: Any
) -> dict[str, Any] | None:
    """Each picture replaced by noise: whether distances, or embeddings, stay what they were."""
    if not isinstance(items, ImageItems):
        return None
    noise = ImageItems(rng.integers(0, 256, items.pixels.shape).astype(np.uint8), items.spec)
    other = embedder.embed(noise)
    again = np.asarray(embedder.distances(other[at[0]], other[at[1]]), dtype=np.float64)
    usual = float(np.median(apart))
    change = float(np.median(np.asarray(embedder.distances(z, other), dtype=np.float64))) / max(1e-12, usual)
    kept = 0.0
    if apart.std() > 0 and again.std() > 0:
        kept = float(np.corrcoef(apart, again)[0, 1])
    return {"moved_by_noise": change, "distances_kept": kept, "alike": bool(kept > 0.95 or change < 0.05)}
