"""UMAP: McInnes, Healy and Melville 2018 ("Uniform Manifold Approximation and Projection"), by umap-learn.

Ours begins at the principal components instead of a spectral map (see `base.start`), which is the same each time and
exists for any set. One thread computes it, so that the same seed gives the same map.
"""

from __future__ import annotations

import warnings

import numpy as np

from siamese_core.projections.base import Hooks, Plan, Projected, start

ENGINE = "umap-learn"
AUTOMATIC_NEIGHBOURS = 15
AUTOMATIC_MIN_DISTANCE = 0.1
FEWEST = 5
SPREAD = 5.0  # of the beginning: umap-learn's own beginnings are 10 across


def project(x: np.ndarray, plan: Plan, seed: int, hooks: Hooks) -> Projected:
    """(N, D) float64, all different -> the map. Raises ImportError without umap-learn."""
    hooks.silent("UMAP is being loaded")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that tensorflow is missing, that a seed means one thread
        from umap import UMAP

        hooks.silent("UMAP is finding places")
        model = UMAP(
            n_components=plan.dims, n_neighbors=plan.neighbours or AUTOMATIC_NEIGHBOURS,
            min_dist=AUTOMATIC_MIN_DISTANCE if plan.min_distance is None else plan.min_distance,
            init=start(x, plan.dims, seed, SPREAD).astype(np.float32), random_state=seed, n_jobs=1,
            **({} if plan.learning_rate is None else {"learning_rate": plan.learning_rate}),
        )  # fmt: skip
        points = model.fit_transform(x.astype(np.float32))
    return Projected(np.asarray(points, dtype=np.float64), ENGINE)
