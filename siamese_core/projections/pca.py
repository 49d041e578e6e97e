"""Principal components: Pearson, "On lines and planes of closest fit" (1901), by the eigenvectors of the covariance.

Signs are fixed (the largest number of an axis is positive), so that the map is the same each time; directions that the
points do not have are 0.
"""

from __future__ import annotations

import numpy as np

from siamese_core.projections.base import Hooks, Plan, Projected

ENGINE = "numpy"


def project(x: np.ndarray, plan: Plan, seed: int, hooks: Hooks) -> Projected:
    """(N, D) float64 -> the directions of largest variance, with centre and axes. Nothing is left to chance."""
    centre = x.mean(axis=0)
    values, vectors = np.linalg.eigh((x - centre).T @ (x - centre))
    axes = np.zeros((x.shape[1], plan.dims))
    largest_first = vectors[:, ::-1][:, : plan.dims]
    top = np.abs(largest_first).argmax(axis=0)
    signs = np.where(largest_first[top, np.arange(largest_first.shape[1])] < 0, -1.0, 1.0)
    kept = values[::-1][: plan.dims] > 1e-12 * max(float(values[-1]), 1e-300)
    axes[:, : largest_first.shape[1]] = largest_first * signs * kept
    return Projected((x - centre) @ axes, ENGINE, centre, axes)
