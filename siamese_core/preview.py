"""What a training will be fed and what it will cost, before it is started.

Everything here comes from the code that trains: the split, the fitting, the augmentation, the sampler and
the loop. Shapes: B batch, D embedding size, C H W picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from siamese_core import samplers
from siamese_core.config import TrainConfig
from siamese_core.datasets.splits import split_by_class
from siamese_core.modalities.image import ImageItems
from siamese_core.prepare import face_words, fitted_spec, with_glyphs
from siamese_core.types import Batch, InputSpec, LabelBatch, LabelledSet, PairBatch

if TYPE_CHECKING:
    from torch import Tensor

MOST_BYTES = 96 * 2**20  # of pictures held for a preview
LEAST_ITEMS = 600
COPIES = ("as it is", "turned 90°", "turned 180°", "turned 270°", "mirrored", "mirrored, turned 90°",
          "mirrored, turned 180°", "mirrored, turned 270°")  # fmt: skip


@dataclass(frozen=True)
class Preview:
    """A data set as these settings will feed it.

    train    the training part, fitted, invented extra classes last; of a large set a part of each class
    own      (classes,) how many pictures each of its own training classes has, in the whole set
    counts   (classes,) the same with the extra classes
    names    class names of the three parts; groups: their groups' names, empty where there are none
    """

    spec: InputSpec
    train: LabelledSet
    own: np.ndarray
    counts: np.ndarray
    names: dict[str, list[str]]
    groups: dict[str, list[str]]
    classes: int
    items: int
    validation_items: int
    about: str
    warnings: tuple[str, ...]

    @property
    def part(self) -> bool:
        """Whether only a part of the pictures is held."""
        return len(self.train) < int(self.counts.sum())


def look(whole: LabelledSet, config: TrainConfig, progress: Callable[[str, float], None] | None = None) -> Preview:
    """Split, fit and add to a set as training will. Raises DataError or ConfigError in plain words."""
    split = split_by_class(whole, config.seed, config.hold_out, config.all_classes)
    spec = fitted_spec(whole, config)
    held = max(LEAST_ITEMS, MOST_BYTES // (spec.channels * max(spec.height * spec.width, 1)))
    train = thinned(whole, held).classes(split.train)
    train = train.with_items(train.items.fitted(spec, progress))
    told = face_words(train)
    own = counts = whole.counts[list(split.train)]
    if config.extra_classes == "glyphs":
        train = with_glyphs(train, config.seed, progress)
        counts = np.concatenate([own, train.counts[len(own) :]])
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    return Preview(
        spec, train, own, counts,
        names={part: [whole.class_names[c] for c in of] for part, of in parts.items()},
        groups={part: sorted({whole.group_of(c) or "" for c in of} - {""}) for part, of in parts.items()},
        classes=whole.n_classes,
        items=len(whole),
        validation_items=int(whole.counts[list(split.validation)].sum()),
        about=whole.about,
        warnings=whole.warnings + told,
    )  # fmt: skip


def thinned(data: LabelledSet, most: int) -> LabelledSet:
    """Up to `most` items of a set, every class alike, the same ones each time; all classes stay."""
    if len(data) <= most:
        return data
    order = np.random.default_rng(0).permutation(len(data))
    by_class = order[np.argsort(data.labels[order], kind="stable")]
    starts = np.cumsum(data.counts) - data.counts
    rank = np.empty(len(data), dtype=np.int64)
    rank[by_class] = np.arange(len(data)) - starts[data.labels[by_class]]
    kept = np.sort(order[np.argsort(rank[order], kind="stable")][:most])
    makers = None if data.makers is None else data.makers[kept]
    return replace(data, items=data.items.select(kept), labels=data.labels[kept], makers=makers)


def possible(counts: np.ndarray) -> tuple[int, int, int]:
    """How many pairs of one class, pairs of two classes and triplets (anchor, positive, negative) there are
    among classes with so many pictures: (classes,) -> three numbers."""
    n = [int(c) for c in counts]
    whole = sum(n)
    same = sum(c * (c - 1) // 2 for c in n)
    return same, whole * (whole - 1) // 2 - same, sum(c * (c - 1) * (whole - c) for c in n)


# ---- pictures ----


@dataclass(frozen=True)
class Row:
    """Pictures of one class, (K, H, W) or (K, H, W, 3) uint8: as they were fitted, and as they are fed."""

    name: str
    fitted: np.ndarray
    augmented: np.ndarray


def sheet(preview: Preview, config: TrainConfig, rows: int = 6, columns: int = 6, seed: int = 0) -> list[Row]:
    """A few pictures of a few training classes, after fitting and after augmentation (in no mirror or turn).

    Where there are extra classes, a third of the rows is theirs.
    """
    rng = np.random.default_rng([seed, 5])
    own, every = len(preview.own), preview.train.n_classes
    extra = rows // 3 if every > own else 0
    chosen = [*_spread(0, own, rows - extra, rng), *_spread(own, every, extra, rng)]
    found = []
    for c in chosen:
        mine = rng.permutation(np.flatnonzero(preview.train.labels == c))[:columns]
        some = preview.train.items.select(mine)
        fed = _augmented(config, some, np.zeros(len(mine), dtype=np.int64), seed + c)
        found.append(Row(preview.train.class_names[c], _pictures(some), fed))
    return found


def mirrors(preview: Preview, seed: int = 0) -> np.ndarray:
    """One picture in its eight mirrors and quarter turns, in the order of `COPIES`: (8, H, W) or (8, H, W, 3)."""
    import torch

    from siamese_core import augment

    one = int(np.random.default_rng([seed, 6]).integers(int(preview.train.counts[: len(preview.own)].sum())))
    x = preview.train.items.select(np.full(8, one)).resident("cpu").batch(np.arange(8))
    return _shown(augment.dihedral(x, torch.arange(8)))


@dataclass(frozen=True)
class Drawn:
    """A part of a batch: some of its pairs, triplets or classes (`kind`), each as (class names, mirror or turn
    0..7, pictures), and for pairs whether they are the same; `total` says how many there are in the whole batch,
    `pictures` of how many pictures."""

    kind: str
    groups: list[tuple[list[str], int, np.ndarray]]
    same: list[bool]
    total: int
    pictures: int


def draw(preview: Preview, config: TrainConfig, most: int = 6, seed: int = 0) -> Drawn:
    """A batch as the sampler of these settings draws it, augmented; `most` pairs, triplets or classes of it.

    Raises ConfigError when the data cannot feed the sampler.
    """
    batch = first_batch(preview, config, seed)
    size = images_of(batch)
    if isinstance(batch, LabelBatch):
        k = config.items_per_class
        picks = [np.arange(i * k, i * k + k) for i in range(min(most, len(batch.labels) // k))]
        indices, copies = batch.indices, batch.copies
        return _drawn("classes", preview, config, indices, copies, picks, [], len(batch.labels) // k, size, seed)
    if isinstance(batch, PairBatch):
        b = len(batch.same)
        which = [*np.flatnonzero(batch.same)[: (most + 1) // 2], *np.flatnonzero(batch.same == 0)[: most // 2]]
        indices, same = np.concatenate([batch.first, batch.second]), [bool(batch.same[i]) for i in which]
        picks = [np.array([i, b + i]) for i in which]
        return _drawn("pairs", preview, config, indices, np.tile(batch.copies, 2), picks, same, b, size, seed)
    b = len(batch.anchor)
    indices = np.concatenate([batch.anchor, batch.positive, batch.negative])
    picks = [np.array([i, b + i, 2 * b + i]) for i in range(min(most, b))]
    return _drawn("triplets", preview, config, indices, np.tile(batch.copies, 3), picks, [], b, size, seed)


def first_batch(preview: Preview, config: TrainConfig, seed: int = 0) -> Batch:
    """A batch of these settings, drawn by their sampler. Raises ConfigError."""
    data = preview.train
    rng = np.random.default_rng([config.seed, seed])
    return samplers.build(config, data.labels, data.class_groups, data.makers, rng).next()


def images_of(batch: Batch) -> int:
    """How many pictures a batch encodes."""
    if isinstance(batch, LabelBatch):
        return len(batch.indices)
    return 2 * len(batch.first) if isinstance(batch, PairBatch) else 3 * len(batch.anchor)


def _drawn(
    kind: str, preview: Preview, config: TrainConfig, indices: np.ndarray, copies: np.ndarray,
    picks: list[np.ndarray], same: list[bool], total: int, size: int, seed: int,
) -> Drawn:  # fmt: skip
    groups = []
    data = preview.train
    for pick in picks:
        fed = _augmented(config, data.items.select(indices[pick]), copies[pick], seed + int(pick[0]))
        named = [data.class_names[int(c)] for c in data.labels[indices[pick]]]
        groups.append((named[:1] if kind == "classes" else named, int(copies[pick[0]]), fed))
    return Drawn(kind, groups, same, total, size)


def _spread(first: int, last: int, count: int, rng: np.random.Generator) -> list[int]:
    return sorted(int(c) for c in first + rng.permutation(last - first)[:count])


def _augmented(config: TrainConfig, items: Any, copies: np.ndarray, seed: int) -> np.ndarray:
    import torch

    from siamese_core import augment

    change = augment.build(config, items.spec)
    x = items.resident("cpu").batch(np.arange(len(items)))
    return _shown(change(x, torch.as_tensor(copies), torch.Generator().manual_seed(seed)))


def _shown(x: Tensor) -> np.ndarray:
    """(M, C, H, W) in [0, 1] -> (M, H, W) or (M, H, W, 3) uint8."""
    pixels = (x.clamp(0, 1) * 255).round().byte().numpy()
    return pixels[:, 0] if pixels.shape[1] == 1 else np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))


def _pictures(items: Any) -> np.ndarray:
    assert isinstance(items, ImageItems)
    return np.stack([items.picture(i) for i in range(len(items))])
