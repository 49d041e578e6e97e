"""How good a gallery's search is, where its pictures have classes: every picture asks, all others may answer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from siamese_core import retrieval
from siamese_core.errors import DataError
from siamese_core.galleries.manifest import Model
from siamese_core.galleries.searching import Searcher
from siamese_core.galleries.store import Store

MOST = 10_000  # pictures; of more a sample is taken


def measure(
    searcher: Searcher,
    store: Store,
    model: Model,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> tuple[retrieval.Retrieval, int]:
    """Recall@k and MAP@R by exact distances, and over how many pictures: all that are labelled, or MOST of them drawn
    by chance. Raises DataError when no class has two pictures."""
    ids, labels = store.labels()
    if not len(ids):
        raise DataError("No picture of this gallery has a class; add pictures in class folders.")
    if len(ids) > MOST:
        chosen = np.sort(np.random.default_rng(seed).choice(len(ids), MOST, replace=False))
        ids, labels = ids[chosen], labels[chosen]
    z = searcher.embeddings(ids)
    return retrieval.measure(model, z, labels, progress=progress), len(ids)
