"""A class is as far as the mean of its examples.

Snell, Swersky and Zemel 2017 ("Prototypical networks for few-shot learning"), with squared Euclidean distance. Ours
takes the mean in the embedding space and compares by the run's own distance.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from siamese_core.types import Embedder


def means(gallery: np.ndarray, ways: np.ndarray, n_ways: int) -> np.ndarray:
    """(S, D), (S,) -> (N, D) float32 means of the classes."""
    sums = np.zeros((n_ways, gallery.shape[1]), dtype=np.float64)
    np.add.at(sums, ways, gallery)
    return (sums / np.bincount(ways, minlength=n_ways)[:, None]).astype(np.float32)


def fit(embedder: Embedder, gallery: np.ndarray, ways: np.ndarray, n_ways: int) -> Callable[[np.ndarray], np.ndarray]:
    """(S, D) examples of classes (S,) -> a function of (Q, D) queries to (Q, N) distances."""
    centres = means(gallery, ways, n_ways)
    return lambda queries: embedder.distance_matrix(queries, centres)
