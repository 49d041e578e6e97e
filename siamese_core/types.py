"""The values that every floor shares. Shapes: B batch, D embedding size, C H W image, N items,
Q queries, G gallery, N-way K-shot. All distances are smaller-is-closer.

This file needs numpy alone, so that reading it costs nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from siamese_core.errors import ConfigError, DataError

LARGEST_SIDE = 1024  # of what a network reads, in pixels
FORGED = "forged"  # a class of this name, inside a group, holds imitations of the group's other classes


@dataclass(frozen=True)
class InputSpec:
    """What one input of a network looks like.

    polarity "ink": every picture is turned so that the paper is 0 and the ink is bright, whichever
    way it came; it is fitted whole and padded with paper. polarity "photo": pixels stay as they
    are; the centre is used. crop "ink" (for ink only): the background is taken away and only the
    part that holds ink is fitted, so that place and size on the paper no longer count. crop "face" (for
    photos only): the largest face is brought upright, its eyes to fixed places; the centre is used where
    none is found.
    """

    channels: int = 1
    height: int = 28
    width: int = 28
    polarity: str = "ink"
    kind: str = "image"
    crop: str = "none"

    def to_json(self) -> dict[str, Any]:
        """A plain dict, for config.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> InputSpec:
        """The inverse of `to_json`; raises ConfigError for an unknown key or a size that cannot be."""
        known = set(cls.__dataclass_fields__)
        if not isinstance(value, dict) or set(value) - known:
            raise ConfigError(f"The input description has keys other than {', '.join(sorted(known))}.")
        spec = cls(**value)
        sides = (spec.channels, spec.height, spec.width)
        if any(type(n) is not int or not 1 <= n <= LARGEST_SIDE for n in sides) or spec.channels not in (1, 3):
            raise ConfigError("The input description has a size that no picture can have.")
        if spec.polarity not in ("ink", "photo") or not isinstance(spec.kind, str):
            raise ConfigError("The input description has another polarity than ink or photo.")
        if spec.crop != "none" and (spec.crop, spec.polarity) not in (("ink", "ink"), ("face", "photo")):
            raise ConfigError(
                "The input description has another crop than none, ink for ink on paper, or face for photos."
            )
        return spec


class Resident(Protocol):
    """Items that live on a device, ready to be indexed into batches."""

    def __len__(self) -> int: ...

    def batch(self, indices: Any) -> Any:
        """Network input for these items: (B,) indices -> float tensor (B, C, H, W) in [0, 1]."""
        ...


class Items(Protocol):
    """A sequence of inputs of one kind (pictures today; sentences, sounds and rows later)."""

    @property
    def spec(self) -> InputSpec: ...

    def __len__(self) -> int: ...

    def select(self, indices: np.ndarray) -> Items:
        """These items, in this order: (M,) int -> Items of length M."""
        ...

    def fitted(self, spec: InputSpec, progress: Callable[[str, float], None] | None = None) -> Items:
        """The same items brought to what a network with this spec reads (no change if they fit)."""
        ...

    def digests(self) -> list[str]:
        """One hexadecimal content digest an item; equal items have equal digests."""
        ...

    def resident(self, device: str) -> Resident:
        """The items moved to a device, as uint8, to be indexed there."""
        ...


@dataclass(frozen=True)
class LabelledSet:
    """A labelled data set in memory.

    items         Items of length N
    labels        (N,) int64, an index into class_names
    class_names   one a class; inside a group the name is "group/class"
    class_groups  (classes,) int64 index into group_names, or None (alphabets above characters)
    makers        (N,) int64, who made the item (drawer, writer, subject), or None; within one
                  class equal numbers mean the same person
    about         one sentence: what it is, where from, licence
    """

    name: str
    items: Items
    labels: np.ndarray
    class_names: tuple[str, ...]
    class_groups: np.ndarray | None = None
    group_names: tuple[str, ...] = ()
    makers: np.ndarray | None = None
    about: str = ""
    warnings: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if len(self.items) != len(self.labels):
            raise DataError(f"The set {self.name} has {len(self.items)} items but {len(self.labels)} labels.")
        if len(self.labels) and not 0 <= int(self.labels.min()) <= int(self.labels.max()) < len(self.class_names):
            raise DataError(f"The set {self.name} has labels outside its {len(self.class_names)} class names.")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @cached_property
    def counts(self) -> np.ndarray:
        """(classes,) how many items each class has."""
        return np.bincount(self.labels, minlength=self.n_classes)

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits of the content: items, labels and class names."""
        h = hashlib.sha256()
        for item in self.items.digests():
            h.update(item.encode())
        h.update(np.ascontiguousarray(self.labels, dtype="<i8").tobytes())
        h.update("\0".join(self.class_names).encode())
        return h.hexdigest()[:16]

    @cached_property
    def forged(self) -> np.ndarray:
        """(classes,) bool: classes of imitations, named "group/forged" (skilled forgeries of a writer's
        signature). They are classes to be told apart from, but two of them are no same pair: nobody's hand."""
        grouped = self.class_groups is not None
        return np.array([grouped and name.rpartition("/")[2] == FORGED for name in self.class_names], dtype=bool)

    @cached_property
    def identities(self) -> np.ndarray:
        """(classes,) int64, the class that each class stands for when identities are counted or drawn anew: itself, but
        for imitations the class they imitate, where their group has one (a writer and the forgeries are one writer)."""
        own = np.arange(self.n_classes)
        if self.class_groups is None or not self.forged.any():
            return own
        for c in np.flatnonzero(self.forged):
            genuine = np.flatnonzero((self.class_groups == self.class_groups[c]) & ~self.forged)
            own[c] = genuine[0] if len(genuine) == 1 else c
        return own

    def group_of(self, class_index: int) -> str | None:
        """The group's name of a class, or None where there are no groups."""
        return None if self.class_groups is None else self.group_names[int(self.class_groups[class_index])]

    def classes(self, indices: Sequence[int] | np.ndarray) -> LabelledSet:
        """Only these classes, numbered 0.. in the order given; their items keep their order."""
        indices = np.asarray(indices, dtype=np.int64)
        new = np.full(self.n_classes, -1, dtype=np.int64)
        new[indices] = np.arange(len(indices))
        keep = np.flatnonzero(new[self.labels] >= 0)
        groups, names = None, self.group_names
        if self.class_groups is not None:
            used, groups = np.unique(self.class_groups[indices], return_inverse=True)
            names = tuple(self.group_names[int(g)] for g in used)
        return replace(
            self,
            items=self.items.select(keep),
            labels=new[self.labels[keep]],
            class_names=tuple(self.class_names[int(i)] for i in indices),
            class_groups=groups,
            group_names=names,
            makers=None if self.makers is None else self.makers[keep],
        )

    def with_items(self, items: Items) -> LabelledSet:
        """The same labels over other items of the same number (for example resized ones)."""
        return replace(self, items=items)


@dataclass(frozen=True)
class Split:
    """Class indices of the three parts; no class is in two of them."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


# ---- batches: what a sampler draws and the loop encodes; all arrays are int64 indices into the set ----


@dataclass(frozen=True)
class PairBatch:
    """B explicit pairs, half of them of one class. `copies` (B,) 0..7 names the mirror/rotation
    in which both sides are shown (0: as they are)."""

    first: np.ndarray
    second: np.ndarray
    same: np.ndarray
    copies: np.ndarray


@dataclass(frozen=True)
class TripletBatch:
    """B explicit triplets: anchor and positive of one class, negative of another."""

    anchor: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    copies: np.ndarray


@dataclass(frozen=True)
class LabelBatch:
    """P classes x K items; `labels` (B,) tells which belong together inside this batch only."""

    indices: np.ndarray
    labels: np.ndarray
    copies: np.ndarray


Batch = PairBatch | TripletBatch | LabelBatch


class Embedder(Protocol):
    """What verification, one-shot, search and maps need of a trained network."""

    @property
    def spec(self) -> InputSpec: ...

    def embed(self, items: Items) -> np.ndarray:
        """Items of length N -> (N, D) float32."""
        ...

    def distances(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(M, D) and (M, D) embeddings -> (M,) distances, smaller is closer."""
        ...

    def distance_matrix(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """(Q, D) and (G, D) embeddings -> (Q, G) distances."""
        ...
