"""Ways of flattening embeddings: one published idea, one file. Use them through `siamese_core.projection`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from siamese_core.errors import ConfigError
from siamese_core.projections import pacmap, pca, tsne, umap
from siamese_core.projections.base import Hooks, Plan, Projected

Method = Callable[[np.ndarray, Plan, int, Hooks], Projected]

REGISTRY: dict[str, Method] = {
    "tsne": tsne.project,
    "umap": umap.project,
    "pacmap": pacmap.project,
    "pca": pca.project,
}
TITLES = {"tsne": "t-SNE", "umap": "UMAP", "pacmap": "PaCMAP", "pca": "PCA"}


def build(name: str) -> Method:
    """A method by its name. Raises ConfigError for an unknown one."""
    if name not in REGISTRY:
        raise ConfigError(f"There is no map method '{name}'; use {' or '.join(REGISTRY)}.")
    return REGISTRY[name]
