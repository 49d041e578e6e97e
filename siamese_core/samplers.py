"""Which items make up a training batch. Classes are drawn evenly however unbalanced the set.

Explicit pairs: Bromley et al. (1993), Koch et al. (2015). Triplets: Schroff et al. (2015). P classes x
K items: Hermans et al. (2017). Classes from a few groups (alphabets) at a time: within-alphabet episodes
as in Vinyals et al. (2016) and Koch et al. (2015). All randomness comes from one generator, and a
sampler keeps no other state, so that restoring the generator resumes the stream.
"""

from __future__ import annotations

import numpy as np

from siamese_core.config import TrainConfig
from siamese_core.errors import ConfigError
from siamese_core.types import Batch, LabelBatch, PairBatch, TripletBatch

COPIES = 8  # mirrors and quarter turns


class Sampler:
    """Base of all samplers: the items of each class, and even draws from them.

    labels (N,), class_groups (classes,) or None, makers (N,) or None. Raises ConfigError, in one
    sentence, when there is only one class or when no class has two items.
    """

    def __init__(
        self,
        config: TrainConfig,
        labels: np.ndarray,
        class_groups: np.ndarray | None,
        makers: np.ndarray | None,
        rng: np.random.Generator,
    ) -> None:
        self.config, self.rng = config, rng
        self.order = np.argsort(labels, kind="stable")
        names, self.starts, self.counts = np.unique(labels[self.order], return_index=True, return_counts=True)
        if len(names) < 2:
            raise ConfigError("The training part has fewer than two classes with pictures; add another class.")
        if self.counts.max() < 2:
            raise ConfigError(
                "Every class of the training part has only one picture; give at least one class a second one."
            )
        self.makers = makers
        grouped = class_groups is not None and config.groups_per_batch > 0
        groups = np.asarray(class_groups)[names] if grouped else np.zeros(len(names), dtype=np.int64)
        self.grouped = grouped
        # classes sorted by group; `place` is where a class stands in that order
        self.by_group = np.argsort(groups, kind="stable")
        self.place = np.empty(len(names), dtype=np.int64)
        self.place[self.by_group] = np.arange(len(names))
        _, self.group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        self.group_sizes, self.group_starts = sizes, np.cumsum(sizes) - sizes

    def next(self) -> Batch:
        """The next batch; indices are into the labels given."""
        raise NotImplementedError

    @property
    def n_classes(self) -> int:
        """How many classes have items."""
        return len(self.starts)

    def spread(self, count: int, among: int) -> np.ndarray:
        """`count` draws of 0..among-1 in random order, each number as often as any other (or once more)."""
        whole = [self.rng.permutation(among) for _ in range(count // among)]
        return np.concatenate([*whole, self.rng.choice(among, count % among, replace=False)])

    def copies(self, count: int) -> np.ndarray:
        """(count,) mirrors and quarter turns 0..7; zeros unless they count as classes."""
        return self.rng.integers(COPIES, size=count) if self.config.class_copies else np.zeros(count, dtype=np.int64)

    def one_item(self, classes: np.ndarray) -> np.ndarray:
        """A random item of each class: (B,) -> (B,)."""
        return self.order[self.starts[classes] + self.rng.integers(self.counts[classes])]

    def two_items(self, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Two different items of each class (twice the only one if it has one): (B,) -> two (B,)."""
        counts, starts = self.counts[classes], self.starts[classes]
        first = self.rng.integers(counts)
        second = self.rng.integers(np.maximum(counts - 1, 1))
        second += (second >= first) & (counts > 1)
        return self.order[starts + first], self.order[starts + second]

    def another_class(self, classes: np.ndarray) -> np.ndarray:
        """A different class for each: of the same group where groups count and it has another, else of all."""
        sizes, starts = self.group_sizes[self.group[classes]], self.group_starts[self.group[classes]]
        alone = sizes < 2
        sizes, starts = np.where(alone, self.n_classes, sizes), np.where(alone, 0, starts)
        other = starts + self.rng.integers(sizes - 1)
        return self.by_group[other + (other >= self.place[classes])]

    def some_items(self, classes: np.ndarray, k: int) -> np.ndarray:
        """K items of each class: (S,) -> (S, K).

        They are different items by different makers as far as the class has them. A class with fewer
        than K items repeats them evenly. Of a very large class, 4 K + 32 random items are looked at.
        """
        counts = self.counts[classes][:, None]
        width = int(min(counts.max(), 4 * k + 32))
        at = np.broadcast_to(np.arange(width), (len(classes), width))
        valid = at < counts
        if width < counts.max():
            at = np.sort(np.where(counts > width, self.rng.integers(counts, size=at.shape), at), axis=1)
            valid = at < counts
            valid[:, 1:] &= at[:, 1:] != at[:, :-1]
        # a random order, the invalid last
        shuffled = np.argsort(np.where(valid, self.rng.random(at.shape), 2.0), axis=1)
        at = np.take_along_axis(np.where(valid, at, 0), shuffled, axis=1)
        items = self.order[self.starts[classes][:, None] + at]
        held = valid.sum(1, keepdims=True)
        if self.makers is not None:
            turn = _turn(np.where(np.arange(width) < held, self.makers[items], np.iinfo(np.int64).max))
            turn[np.arange(width) >= held] = width
            items = np.take_along_axis(items, np.argsort(turn, axis=1, kind="stable"), axis=1)
        return np.take_along_axis(items, np.arange(k) % held, axis=1)


def _turn(makers: np.ndarray) -> np.ndarray:
    """In each row, how many earlier entries have the same maker: (S, W) -> (S, W)."""
    order = np.argsort(makers, axis=1, kind="stable")
    ordered = np.take_along_axis(makers, order, axis=1)
    column = np.broadcast_to(np.arange(makers.shape[1]), makers.shape)
    new = np.ones(makers.shape, dtype=bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    turn = np.empty(makers.shape, dtype=np.int64)
    np.put_along_axis(turn, order, column - np.maximum.accumulate(np.where(new, column, 0), axis=1), axis=1)
    return turn


class PairSampler(Sampler):
    """Explicit pairs, half of one class and half of two; an odd batch differs by one, either way."""

    def next(self) -> PairBatch:
        """batch_size pairs in random order. Two different items of one class, or of two classes."""
        size = self.config.batch_size
        positives = (size + int(self.rng.integers(2))) // 2
        same = self.rng.permutation(np.arange(size) < positives)
        first, second = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
        first[same], second[same] = self.two_items(self.spread(positives, self.n_classes))
        classes = self.spread(size - positives, self.n_classes)
        first[~same], second[~same] = self.one_item(classes), self.one_item(self.another_class(classes))
        return PairBatch(first, second, same.astype(np.int64), self.copies(size))


class TripletSampler(Sampler):
    """Explicit triplets: two different items of one class and one of another."""

    def next(self) -> TripletBatch:
        """batch_size triplets."""
        size = self.config.batch_size
        classes = self.spread(size, self.n_classes)
        anchor, positive = self.two_items(classes)
        return TripletBatch(anchor, positive, self.one_item(self.another_class(classes)), self.copies(size))


class ClassSampler(Sampler):
    """P classes x K items, all pairs of which the loss may use.

    With groups: P classes (or all it has) of each of groups_per_batch groups (or all there are); one
    mirror or turn a group. Without: P classes of all, and class x copy is a class of its own.
    """

    def next(self) -> LabelBatch:
        """P x K items, class by class; labels 0.. number the classes of this batch."""
        ways, k = self.config.classes_per_batch, self.config.items_per_class
        if self.grouped:
            chosen = self.rng.choice(
                len(self.group_sizes), min(self.config.groups_per_batch, len(self.group_sizes)), replace=False
            )
            taken = np.minimum(self.group_sizes[chosen], ways)
            classes = np.concatenate(
                [
                    self.by_group[self.group_starts[g] + self.rng.choice(self.group_sizes[g], t, replace=False)]
                    for g, t in zip(chosen, taken, strict=True)
                ]
            )
            copies = np.repeat(self.copies(len(chosen)), taken)
            if len(classes) < 2:  # one group of one class: nothing to tell it from
                classes = np.append(classes, self.another_class(classes))
                copies = np.repeat(copies, 2)
        else:
            versions = COPIES if self.config.class_copies else 1
            total = self.n_classes * versions
            classes, copies = np.divmod(self.rng.choice(total, min(ways, total), replace=False), versions)
        items = self.some_items(classes, k)
        return LabelBatch(items.ravel(), np.repeat(np.arange(len(classes)), k), np.repeat(copies, k))


SAMPLERS: dict[str, type[Sampler]] = {"pairs": PairSampler, "triplets": TripletSampler, "classes": ClassSampler}


def build(
    config: TrainConfig,
    labels: np.ndarray,
    class_groups: np.ndarray | None,
    makers: np.ndarray | None,
    rng: np.random.Generator,
) -> Sampler:
    """The sampler of these settings over (N,) labels, (classes,) groups and (N,) makers.

    Raises ConfigError for an unknown name, a single class, or one item a class everywhere.
    """
    if config.sampler not in SAMPLERS:
        raise ConfigError(f"There are no batches of '{config.sampler}'; choose one of: {', '.join(SAMPLERS)}.")
    return SAMPLERS[config.sampler](config, labels, class_groups, makers, rng)
