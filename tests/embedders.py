"""Embedders whose every answer is known beforehand, and items for them."""

from __future__ import annotations

import numpy as np

from siamese_core.types import InputSpec, LabelledSet


class Numbers:
    """Items that are plain vectors, (N, D): what an embedder for tests reads."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = np.asarray(values, dtype=np.float32)
        self.spec = InputSpec(1, 1, self.values.shape[1])

    def __len__(self) -> int:
        return len(self.values)

    def select(self, indices: np.ndarray) -> Numbers:
        return Numbers(self.values[indices])

    def fitted(self, spec: InputSpec, progress: object = None) -> Numbers:
        return self

    def digests(self) -> list[str]:
        return [v.tobytes().hex()[:16] for v in self.values]


class Plain:
    """An embedder of Numbers: the vectors themselves, compared by Euclidean distance."""

    threshold: float | None = 0.5
    calibration = None

    def __init__(self) -> None:
        self.spec = InputSpec()
        self.embedded = 0

    def embed(self, items: Numbers) -> np.ndarray:
        self.embedded += len(items)
        return items.values

    def distances(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.linalg.norm(a - b, axis=1)

    def distance_matrix(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        return np.linalg.norm(queries[:, None] - gallery[None], axis=2)


class Constant(Plain):
    """An embedder that has collapsed: everything is the same to it."""

    def embed(self, items: Numbers) -> np.ndarray:
        return np.ones((len(items), 4), dtype=np.float32)


class Random(Plain):
    """An embedder that does not look: every item somewhere, whatever it is."""

    def embed(self, items: Numbers) -> np.ndarray:
        return np.random.default_rng(1).normal(size=(len(items), 8)).astype(np.float32)


def numbers(
    classes: int = 8, per_class: int = 10, groups: int = 0, makers: int = 0, spread: float = 0.1, seed: int = 0
) -> LabelledSet:
    """A labelled set of vectors in clusters, `spread` wide, around centres 10 apart or so."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), per_class)
    values = 10 * rng.normal(size=(classes, 6))[labels] + spread * rng.normal(size=(len(labels), 6))
    return LabelledSet(
        name="numbers",
        items=Numbers(values),  # type: ignore[arg-type]
        labels=labels,
        class_names=tuple(f"g{c % groups}/c{c}" if groups else f"c{c}" for c in range(classes)),
        class_groups=np.arange(classes) % groups if groups else None,
        group_names=tuple(f"g{g}" for g in range(groups)),
        makers=np.tile(np.arange(per_class) % makers, classes) if makers else None,
    )
