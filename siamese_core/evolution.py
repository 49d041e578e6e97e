"""How a run's embeddings moved while it learnt: each snapshot as a map of the same points, each map turned to the last.

"tsne": dynamic t-SNE (see dynamic_tsne). "pca": the two directions of largest variance at that epoch (Pearson 1901),
turned and mirrored to the map before by orthogonal Procrustes analysis (Schönemann 1966); the scale is the network's.
Embeddings of two numbers are shown as they are. A map depends on the snapshots up to its own alone: new epochs are
added at the end, and no older map moves. Snapshots are read without trust; what cannot be used is left out and told.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from siamese_core import dynamic_tsne
from siamese_core.errors import ConfigError, RunError
from siamese_core.runs import Run

METHODS = ("tsne", "pca")
NAME = re.compile(r"\d{5,6}")
MOST_FRAMES = 400
MOST_BYTES = 64 * 2**20  # of one snapshot
MOST_JUDGED = 800  # points by which a map is judged; of more, some evenly spread
EVERY = 4  # maps between two looks at what there is
NEIGHBOURS = 12  # of trustworthiness

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Frames:
    """F maps of the same M points of C classes.

    epochs (F,) which epoch each is after, 0 before training; maps (F, M, 2) float32; labels (M,) index into names;
    items (M,) where the pictures are (see `snapshots.Watched`), None for runs that did not write it down;
    unseen (C,) whether the network never learns from a class; trust (F,) trustworthiness (k = 12);
    apart (F, C) each class's R-precision by the embeddings themselves (see `r_precision`), whatever the map shows;
    method what was done, notes what was done otherwise than asked or left out, in whole sentences.
    """

    method: str
    epochs: np.ndarray
    maps: np.ndarray
    labels: np.ndarray
    items: np.ndarray | None
    names: tuple[str, ...]
    unseen: np.ndarray
    trust: np.ndarray
    apart: np.ndarray
    notes: tuple[str, ...]
    digests: tuple[str, ...]


@dataclass(frozen=True)
class Snapshot:
    """What one file holds: embeddings (M, D) float64 after an epoch, labels (M,) and items (M,) as `snapshots.Watched`
    numbers them (items None for runs that did not write them down), and a digest of the file."""

    epoch: int
    embeddings: np.ndarray
    labels: np.ndarray
    items: np.ndarray | None
    digest: str

    @property
    def kind(self) -> tuple[tuple[int, int], str]:
        """Snapshots of one kind are of the same points."""
        items = b"" if self.items is None else self.items.tobytes()
        return (self.embeddings.shape[0], self.embeddings.shape[1]), hashlib.sha256(
            self.labels.tobytes() + items
        ).hexdigest()


def present(run: Run) -> list[Path]:
    """The files of a run's snapshots, in the order of the epochs; those with other names are passed over."""
    found = [p for p in (run.folder / "snapshots").glob("*.safetensors") if NAME.fullmatch(p.stem) and p.is_file()]
    return sorted(found, key=lambda p: int(p.stem))


def at(run: Run, epoch: int) -> Snapshot:
    """The snapshot after one epoch, 0 being before training. Raises RunError when there is none that can be used, or
    when it does not say which pictures it is of."""
    paths = {int(path.stem): path for path in present(run)}
    if not paths:
        raise RunError(f"Run {run.name} has no snapshots of its epochs; leave the epoch out, or train it again.")
    if epoch not in paths:
        raise RunError(f"Run {run.name} has no snapshot of epoch {epoch}; it has {_listed(sorted(paths))}.")
    found = read(paths[epoch])
    if found is None:
        raise RunError(f"The snapshot of epoch {epoch} of run {run.name} cannot be read; choose another epoch.")
    if found.items is None:
        raise RunError(f"The snapshots of run {run.name} do not say which pictures they are of; train it again to "
                       "have maps of its epochs.")  # fmt: skip
    return found


def mapped_epochs(run: Run) -> list[int]:
    """Epochs of which `at` can be asked, ascending; none where the last snapshot does not say what it is of."""
    paths = present(run)
    last = read(paths[-1]) if paths else None
    return [int(path.stem) for path in paths] if last is not None and last.items is not None else []


def _listed(epochs: Sequence[int]) -> str:
    """'0 to 8', or '0, 2, 4, ... 8' where some are missing between."""
    if len(epochs) < 3:
        return " and ".join(map(str, epochs))
    if epochs[-1] - epochs[0] == len(epochs) - 1:
        return f"{epochs[0]} to {epochs[-1]}"
    return f"{', '.join(map(str, epochs[:3]))}, ... {epochs[-1]}" if len(epochs) > 4 else ", ".join(map(str, epochs))


def frames(
    run: Run,
    method: str = "tsne",
    known: Frames | None = None,
    progress: Progress | None = None,
    so_far: Callable[[Frames], None] | None = None,
) -> Frames:
    """A run's snapshots as maps that can be played one after the other.

    known: what was found before; maps whose snapshots are still the same are taken over, and no map differs by it.
    progress: called with words and the share done; may raise to end it. so_far: given what there is, now and then, and
    at the end.
    Raises ConfigError for another method, RunError when there is no snapshot that can be used.
    """
    if method not in METHODS:
        raise ConfigError(f"There is no way '{method}' to show epochs; use {' or '.join(METHODS)}.")
    paths = present(run)
    from threadpoolctl import threadpool_limits

    if not paths:
        raise RunError(f"Run {run.name} has no snapshots of its epochs, so that there is nothing to watch.")
    notes = []
    if len(paths) > MOST_FRAMES:
        notes.append(f"Of {len(paths)} snapshots {MOST_FRAMES} are shown.")
        paths = [paths[i] for i in np.linspace(0, len(paths) - 1, MOST_FRAMES).round().astype(int)]
    kinds = [s.kind for s in _all(paths) if s is not None]
    if not kinds:
        raise RunError(f"None of the {len(paths)} snapshots of run {run.name} can be read; train it again.")
    usual = Counter(kinds).most_common(1)[0][0]
    used = _Used(method, usual[0], known)
    used.notes += notes
    with threadpool_limits(1):  # small matrices: more threads wait for each other, and for the training beside
        for i, (path, snapshot) in enumerate(zip(paths, _all(paths), strict=True)):
            if progress:
                progress(f"Mapping epoch {int(path.stem)}", i / len(paths))
            if snapshot is None:
                used.damaged.append(int(path.stem))
            elif snapshot.kind != usual:
                used.others.append(int(path.stem))
            else:
                used.add(snapshot)
                if so_far and len(used.maps) % EVERY == 0:
                    so_far(used.result(run))
    found = used.result(run)
    if so_far:
        so_far(found)
    return found


class _Used:
    """The maps so far, one snapshot after the other."""

    def __init__(self, method: str, shape: tuple[int, int], known: Frames | None) -> None:
        points, size = shape
        self.notes: list[str] = []
        self.method = "plain" if size <= 2 else method
        if self.method == "tsne" and not dynamic_tsne.FEWEST <= points <= dynamic_tsne.MOST:
            self.method = "pca"
            self.notes.append(f"t-SNE is not made of {points} points; they are shown by their principal components.")
        self.known = known if known is not None and known.method == self.method else None
        self.snapshots: list[Snapshot] = []
        self.maps: list[np.ndarray] = []
        self.trust: list[float] = []
        self.apart: list[np.ndarray] = []
        self.affinity: np.ndarray | None = None  # of the last snapshot
        self.damaged: list[int] = []
        self.others: list[int] = []

    def add(self, s: Snapshot) -> None:
        """Take in the next snapshot."""
        i, known = len(self.maps), self.known
        if known is not None and i < len(known.digests) and known.digests[i] == s.digest:
            self.maps.append(known.maps[i])
            self.trust.append(float(known.trust[i]))
            self.apart.append(known.apart[i])
            self.affinity = None
        else:
            self.known = None  # later maps begin at this one
            self.maps.append(self._map(s).astype(np.float32))
            trust, apart = _judged(s.embeddings, self.maps[-1], s.labels)
            self.trust.append(trust)
            self.apart.append(apart)
        self.snapshots.append(s)
        if i:
            self.snapshots[i - 1] = replace(self.snapshots[i - 1], embeddings=np.empty((0, 0)))

    def _map(self, s: Snapshot) -> np.ndarray:
        x = s.embeddings
        if self.method == "plain":
            return np.column_stack([x, np.zeros((len(x), 2 - x.shape[1]))])
        before = self.maps[-1].astype(np.float64) if self.maps else None
        if self.method == "pca":
            return principal(x) if before is None else turned(principal(x), before)
        perplexity = dynamic_tsne.perplexity_for(s.labels)
        last, self.affinity = self.affinity, dynamic_tsne.affinities(x, perplexity)
        if before is None:
            return dynamic_tsne.first(self.affinity, principal(x))
        if last is None:
            last = dynamic_tsne.affinities(self.snapshots[-1].embeddings, perplexity)
        if np.allclose(last, self.affinity, rtol=1e-4, atol=1e-4 / len(x) ** 2):
            return before  # nothing has changed, so nothing moves
        return dynamic_tsne.following(self.affinity, before)

    def result(self, run: Run) -> Frames:
        """All of it, in the run's words."""
        base, notes = self.snapshots[0], [*self.notes]
        for found, words in ((self.damaged, "cannot be read"), (self.others, "are of other points than most")):
            if found:
                one = len(found) == 1
                which = ", ".join(str(e) for e in found[:5]) + (f" and {len(found) - 5} more" if found[5:] else "")
                said = words.replace("are of", "is of") if one else words
                notes.append(f"The snapshot{'' if one else 's'} of epoch{'' if one else 's'} {which} {said}, "
                                  f"and {'is' if one else 'are'} left out.")  # fmt: skip
        used, labels = np.unique(base.labels, return_inverse=True)
        split = run.manifest().get("split") or {}
        unseen, seen = list(split.get("validation", ())), list(split.get("train", ()))
        names = [*unseen, *seen]
        return Frames(
            method=self.method,
            epochs=np.array([s.epoch for s in self.snapshots]),
            maps=np.stack(self.maps),
            labels=labels,
            items=base.items,
            names=tuple(names[c] if c < len(names) else f"class {c}" for c in used),
            unseen=used < len(unseen),
            trust=np.array(self.trust),
            apart=np.stack(self.apart),
            notes=tuple(notes),
            digests=tuple(s.digest for s in self.snapshots),
        )


def principal(x: np.ndarray) -> np.ndarray:
    """The two directions of largest variance: (M, D) -> (M, 2) about 0; missing ones are 0. Signs are fixed."""
    centred = x - x.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * (sizes[:2, None] > 1e-9 * max(float(sizes[0]), 1e-300))
    largest = np.abs(axes).argmax(axis=1)
    signs = np.where(axes[np.arange(len(axes)), largest] < 0, -1.0, 1.0)
    points = np.zeros((len(x), 2))
    points[:, : len(axes)] = centred @ (axes * signs[:, None]).T
    return points


def turned(points: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """Turned and mirrored, never scaled, so that points (M, 2) come nearest to `onto` (M, 2); both about 0."""
    from scipy.linalg import orthogonal_procrustes

    return points @ orthogonal_procrustes(points, onto)[0]


def _judged(x: np.ndarray, points: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """How far to believe a map (Venna and Kaski 2001), and how far its classes are apart, whatever the map."""
    from sklearn.manifold import trustworthiness

    codes = np.unique(labels, return_inverse=True)[1]
    every = -(-len(x) // MOST_JUDGED)
    part = x[::every]
    k = min(NEIGHBOURS, (len(part) - 1) // 2)
    trust = float(trustworthiness(part, points[::every], n_neighbors=k)) if k else 1.0
    return trust, r_precision(part, codes[::every], int(codes.max()) + 1)


def r_precision(x: np.ndarray, codes: np.ndarray, classes: int) -> np.ndarray:
    """Of the R points nearest to one, R being how many others its class has, the share that are of its class: (M, D)
    embeddings and (M,) codes -> (classes,) means. NaN for a class of less than two points. Among equal distances
    another class comes first, so that a network which maps all to one place gets nothing."""
    norms = (x**2).sum(axis=1)
    d = np.maximum(norms[:, None] + norms[None] - 2 * x @ x.T, 0.0).round(12)
    np.fill_diagonal(d, np.inf)
    found = np.full(classes, np.nan)
    for c in range(classes):
        mine, others = np.flatnonzero(codes == c), np.flatnonzero(codes != c)
        r = len(mine) - 1
        if r > 0:
            order = np.argsort(d[np.ix_(mine, [*others, *mine])], axis=1, kind="stable")[:, :r]
            found[c] = (order >= len(others)).mean()
    return found


def _all(paths: Sequence[Path]) -> Iterator[Snapshot | None]:
    """Snapshots one after the other; None for one that cannot be used."""
    return (read(path) for path in paths)


def read(path: Path) -> Snapshot | None:
    """A snapshot, read without trust; None where the file is too large, damaged, or not finite numbers."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        data = path.read_bytes()
        tensors = load(data)
        x, labels, items = tensors["embeddings"], tensors["labels"], tensors.get("items")
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None
    whole = [labels] if items is None else [labels, items]
    fits = x.ndim == 2 and x.dtype.kind == "f" and x.size and all(a.shape == x.shape[:1] for a in whole)
    if not fits or any(a.dtype != np.int64 or a.min() < 0 for a in whole) or not np.isfinite(x).all():
        return None
    return Snapshot(int(path.stem), x.astype(np.float64), labels, items, hashlib.sha256(data).hexdigest()[:16])
