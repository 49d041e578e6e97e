"""PaCMAP: Wang, Huang, Rudin and Shaposhnik 2021 ("Understanding how dimension reduction tools work"), by its authors'
package pacmap: near pairs attract, mid-near pairs hold the whole together at first, far pairs repel. Ours changes
nothing.
"""

from __future__ import annotations

import logging
import warnings

import numpy as np

from siamese_core.projections.base import Hooks, Plan, Projected

ENGINE = "pacmap"
AUTOMATIC_NEIGHBOURS = 10
FEWEST = 15


def project(x: np.ndarray, plan: Plan, seed: int, hooks: Hooks) -> Projected:
    """(N, D) float64, all different -> the map. Raises ImportError without pacmap."""
    hooks.silent("PaCMAP is being loaded")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pacmap import PaCMAP

        logging.getLogger("pacmap").setLevel(logging.ERROR)  # that a seed was set, that there are few points
        hooks.silent("PaCMAP is finding places")
        model = PaCMAP(
            n_components=plan.dims, n_neighbors=plan.neighbours, random_state=seed,
            **({} if plan.learning_rate is None else {"lr": plan.learning_rate}),
        )  # fmt: skip
        points = model.fit_transform(x.astype(np.float32), init="pca")
    return Projected(np.asarray(points, dtype=np.float64), ENGINE)
