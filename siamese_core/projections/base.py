"""What every way of flattening is given and gives back. Shapes: N points, D embedding size, `dims` 2 or 3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Progress = Callable[[str, float], None]
Silence = Callable[[str], None]
Watch = Callable[[np.ndarray, int, int], None]


def _nothing(text: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class Plan:
    """What a projection will really do: the settings that its method has (None for those that it has not), and why
    they differ from what was asked (`note`, empty when they do not)."""

    method: str
    perplexity: float | None = None
    note: str = ""
    dims: int = 2
    learning_rate: float | None = None
    neighbours: int | None = None
    min_distance: float | None = None
    engine: str = ""


@dataclass(frozen=True)
class Hooks:
    """Who wants to know how far it is.

    progress(text, fraction): told while the method listens; may raise to end it. silent(text): told before a stage that
    tells nothing and cannot be ended from within. watch(points (N, dims), iteration, iterations): the map as it grows.
    """

    progress: Progress | None = None
    silent: Silence = _nothing
    watch: Watch | None = None


@dataclass(frozen=True, eq=False)
class Projected:
    """A map: points (N, dims) float64, what computed it, and for PCA the centre (D,) and axes (D, dims) that place
    other points into the same map."""

    points: np.ndarray
    engine: str
    centre: np.ndarray | None = None
    axes: np.ndarray | None = None


def start(x: np.ndarray, dims: int, seed: int, spread: float) -> np.ndarray:
    """(N, D) -> (N, dims) float64 to begin with: the principal components, `spread` wide, with a little seeded noise.

    Kobak and Linderman 2021 ("Initialization is critical for preserving global data structure in both t-SNE and
    UMAP"): such a map keeps more of how clusters lie to each other, and is the same each time.
    """
    from siamese_core.projections import pca

    points = pca.project(x, Plan("pca", dims=dims), seed, Hooks()).points
    noise = np.random.default_rng(seed).normal(size=points.shape)
    return points / (points[:, 0].std() or 1.0) * spread + noise * spread * 1e-2
