"""Embeddings as points on a plane, and their true neighbours in the original space.

t-SNE: van der Maaten and Hinton, "Visualizing data using t-SNE" (2008), by scikit-learn's Barnes-Hut
implementation (van der Maaten 2014); ours starts from the principal components with a little seeded
noise, chooses the perplexity for small sets, and survives identical points. PCA: Pearson (1901), by
the eigenvectors of the covariance. A map may mislead; `neighbours` never does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from io import TextIOBase

import numpy as np

from siamese_core.errors import ConfigError, DataError
from siamese_core.types import Embedder

TSNE_ITERATIONS = 1000
FEWEST_FOR_TSNE = 5
AUTOMATIC_PERPLEXITY = 30.0
ONE_THREAD = 1000  # points up to which more threads only wait for each other, the more when others compute

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Plan:
    """What a projection will really do: the method, its perplexity (t-SNE only), and why it differs
    from what was asked (empty when it does not)."""

    method: str
    perplexity: float | None = None
    note: str = ""


def plan(n_points: int, method: str = "tsne", perplexity: float | None = None) -> Plan:
    """The plan for so many points; perplexity None chooses 30, or less for few points.

    Raises ConfigError for an unknown method or a perplexity that is not above 0.
    """
    if method in NOT_HERE:
        raise ConfigError(f"The map method '{method}' is not available in this version; use {_names()}.")
    if method not in METHODS:
        raise ConfigError(f"There is no map method '{method}'; use {_names()}.")
    if perplexity is not None and not (np.isfinite(perplexity) and perplexity > 0):
        raise ConfigError(f"The perplexity is {perplexity}, but must be above 0.")
    if method == "pca":
        return Plan("pca")
    if n_points < FEWEST_FOR_TSNE:
        return Plan("pca", None, f"t-SNE needs at least {FEWEST_FOR_TSNE} points; these {n_points} are shown by PCA.")
    most = (n_points - 1) / 3
    if perplexity is None:
        return Plan("tsne", min(AUTOMATIC_PERPLEXITY, most))
    if perplexity > most:
        return Plan("tsne", most, f"Perplexity lowered from {perplexity:g} to {most:.3g}: there are {n_points} points.")
    return Plan("tsne", float(perplexity))


def project(
    embeddings: np.ndarray,
    method: str = "tsne",
    seed: int = 0,
    perplexity: float | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """(N, D) embeddings -> (N, 2) float64 points; the same input and seed give the same map.

    `plan` says beforehand what will be done with so few points. `progress(text, fraction)` is called
    while t-SNE runs, and may raise to end it; it is fed from what scikit-learn prints, so that this
    process's standard output is taken meanwhile: give it only in a process of its own (map_worker).
    Raises DataError for embeddings that are not a finite (N, D) array, ConfigError as `plan` does.
    """
    x = np.asarray(embeddings, dtype=np.float64)
    if x.ndim != 2 or not len(x) or not x.shape[1]:
        raise DataError(f"A map needs an array of (points, numbers), not one of shape {x.shape}.")
    if not np.isfinite(x).all():
        raise DataError("Some embeddings are not finite numbers, so there is no map; train the network again.")
    chosen = plan(len(x), method, perplexity)
    return METHODS[chosen.method](x, chosen.perplexity, seed, progress)


def neighbours(embedder: Embedder, embeddings: np.ndarray, index: int, k: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """The k items nearest to item `index` in the original space, by the run's own distance.

    Exact: all N distances are computed. Returns (indices (k,), distances (k,)), nearest first, equal
    distances in the order of the items, never the item itself; fewer when there are fewer items.
    Raises DataError when there is no such item.
    """
    if not 0 <= index < len(embeddings):
        raise DataError(f"There is no item {index}; the map has items 0 to {len(embeddings) - 1}.")
    distances = embedder.distance_matrix(embeddings[index : index + 1], embeddings)[0]
    order = np.argsort(distances, kind="stable")
    order = order[order != index][: max(k, 0)]
    return order, distances[order]


def _pca(x: np.ndarray, perplexity: float | None, seed: int, progress: Progress | None) -> np.ndarray:
    """The two directions of largest variance; missing ones are 0. Signs are fixed, so it is repeatable."""
    centred = x - x.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, ::-1][:, :2]
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.where(axes[largest, np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    points = np.zeros((len(x), 2))
    kept = values[::-1][:2] > 1e-12 * max(float(values[-1]), 1e-300)
    points[:, : axes.shape[1]] = (centred @ axes) * kept
    return points


def _tsne(x: np.ndarray, perplexity: float | None, seed: int, progress: Progress | None) -> np.ndarray:
    """t-SNE from the principal components; identical embeddings share one place."""
    different, place = np.unique(x, axis=0, return_inverse=True)
    if len(different) < FEWEST_FOR_TSNE:
        return _pca(x, None, seed, progress)
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    start = _pca(different, None, seed, None)
    noise = np.random.default_rng(seed).normal(size=start.shape)
    start = start / (start[:, 0].std() or 1.0) * 1e-4 + noise * 1e-6
    model = TSNE(
        n_components=2,
        perplexity=min(perplexity or AUTOMATIC_PERPLEXITY, (len(different) - 1) / 3),
        init=start.astype(np.float32),
        random_state=seed,
        max_iter=TSNE_ITERATIONS,
        verbose=2 if progress else 0,
    )
    with ExitStack() as stack:
        if len(different) <= ONE_THREAD:
            stack.enter_context(threadpool_limits(1))
        if progress is not None:
            progress("Measuring distances", 0.0)
            stack.enter_context(redirect_stdout(_Listener(progress)))
        return model.fit_transform(different)[place.ravel()].astype(np.float64)


class _Listener(TextIOBase):
    """Turns the lines that scikit-learn prints into progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._rest = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if found := re.match(r"\[t-SNE\] Iteration (\d+):", line):
                done = int(found[1])
                self._progress(f"Iteration {done} of {TSNE_ITERATIONS}", min(done / TSNE_ITERATIONS, 1.0))
        return len(text)


METHODS = {"tsne": _tsne, "pca": _pca}
NOT_HERE = ("umap", "pacmap")


def _names() -> str:
    return " or ".join(METHODS)
