"""What is watched of a training: the same pictures through the network before it and after each epoch.

Some classes that the network never learns from and some that it does, so that people can see both part. A snapshot is
small; a run keeps at most `MOST` of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from siamese_core.config import TrainConfig
from siamese_core.files import write_atomic
from siamese_core.prepare import Prepared
from siamese_core.types import LabelledSet

MOST = 120  # snapshots of a run; long runs are thinned
POINTS = 600  # pictures watched at most
FEWEST = 140  # of large pictures, where looking takes time from learning
PIXELS = 600 * 28 * 28  # that one look may cost
UNSEEN, CLASSES = 8, 14  # classes watched at most: unseen ones, and all together (people tell that many colours apart)
PER_CLASS = 60


@dataclass(frozen=True)
class Watched:
    """The points, unseen classes first.

    items   (M,) int64: positions in the validation part, and after its end those in the training part
    labels  (M,) int64: classes of the validation part, and after them those of the training part
    unseen  how many items the validation part has; 0 where the network learns from all classes
    """

    items: np.ndarray
    labels: np.ndarray
    unseen: int


def choose(data: Prepared, config: TrainConfig) -> Watched:
    """The points of a run; drawn from its seed, so that resuming watches the same ones."""
    rng = np.random.default_rng([config.seed, 78])
    own = len(data.names["train"])  # invented extra classes come after these and are nobody's data
    validation = None if config.all_classes else data.validation
    unseen = _classes(validation, validation.n_classes, rng) if validation else np.empty(0, np.int64)
    seen = _classes(data.train, own, rng)
    seen = seen[: CLASSES - min(UNSEEN, len(unseen))]
    unseen = unseen[: CLASSES - len(seen)]
    pixels = data.spec.channels * data.spec.height * data.spec.width
    room = min(POINTS, max(FEWEST, PIXELS // pixels)) // max(1, len(seen) + len(unseen))
    per_class = min(PER_CLASS, max(2, room))
    items, labels = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    first_item, first_class = (len(validation), validation.n_classes) if validation else (0, 0)
    for part, classes, item, of in ((validation, unseen, 0, 0), (data.train, seen, first_item, first_class)):
        for c in np.sort(classes) if part is not None else ():
            assert part is not None
            mine = np.sort(rng.permutation(np.flatnonzero(part.labels == c))[:per_class])
            items.append(mine + item)
            labels.append(np.full(len(mine), c + of))
    return Watched(np.concatenate(items), np.concatenate(labels).astype(np.int64), first_item)


def _classes(data: LabelledSet, count: int, rng: np.random.Generator) -> np.ndarray:
    """Those of the first `count` classes with more than one picture, without imitations, in a random order."""
    usable = np.flatnonzero((data.counts[:count] > 1) & ~data.forged[:count])
    return rng.permutation(usable)


def places(whole: LabelledSet, names: Mapping[str, Sequence[str]], items: np.ndarray) -> np.ndarray | None:
    """Where watched items are in the whole set: (M,) of `Watched.items` -> (M,); None where the set has not got them.

    names: class names of the parts "validation" and "train", as in config.json.
    """
    index = {name: c for c, name in enumerate(whole.class_names)}
    of = {part: [index.get(name, -1) for name in names.get(part, ())] for part in ("validation", "train")}
    order = np.concatenate([np.flatnonzero(np.isin(whole.labels, of[part])) for part in ("validation", "train")])
    fits = len(items) and 0 <= int(items.min()) <= int(items.max()) < len(order)
    return order[items] if fits else None


def wanted(epoch: int, epochs: int) -> bool:
    """Whether a snapshot is kept of this epoch; 0 is before training."""
    return epoch % max(1, -(-epochs // MOST)) == 0 or epoch == epochs


def save(folder: Path, epoch: int, watched: Watched, embed: Callable[[str, np.ndarray], np.ndarray]) -> None:
    """Write snapshots/NNNNN.safetensors, half precision; nothing where embeddings are too large for that.

    `embed("validation" or "train", (M,) positions)` gives (M, D) embeddings. Raises OSError.
    """
    import torch
    from safetensors.torch import save as packed

    unseen = watched.items < watched.unseen
    parts = [("validation", watched.items[unseen]), ("train", watched.items[~unseen] - watched.unseen)]
    found = np.concatenate([embed(part, items) for part, items in parts if len(items)])
    with np.errstate(over="ignore"):
        half = found.astype(np.float16)
    if not np.isfinite(half).all():
        return
    (folder / "snapshots").mkdir(exist_ok=True)
    tensors = {
        "embeddings": torch.from_numpy(half),
        "labels": torch.from_numpy(watched.labels),
        "items": torch.from_numpy(watched.items),
    }
    write_atomic(folder / "snapshots" / f"{epoch:05d}.safetensors", packed(tensors))
