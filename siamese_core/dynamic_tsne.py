"""t-SNE of the same points again and again, each map growing out of the one before.

Rauber, Falcão and Telea, "Visualizing time-dependent data using dynamic t-SNE" (2016), on van der Maaten and Hinton,
"Visualizing data using t-SNE" (2008): to the Kullback-Leibler divergence a penalty is added on how far points have
moved since the map before. They fit all maps together; ours looks back only, so that a map stands as soon as it is
made and later ones never change it. Every map begins where the last one ended, and draws its points together for a
moment (early exaggeration), so that parts of a class which a first map had put far apart can meet. All pairs are
computed: it is for some hundreds of points.
"""

from __future__ import annotations

import numpy as np

MOST = 1500  # points: all pairs are held, and more take seconds a map
FEWEST = 5
FIRST, NEXT = 700, 150  # iterations
TOGETHER = {
    True: (100, 8.0),
    False: (40, 2.0),
}  # iterations of early exaggeration, and how strong; in a first map or not
STIFFNESS = (
    0.01  # of the penalty on movement; ten times as much holds classes in pieces (trustworthiness 0.95, not 0.99)
)
TRIES, NEAR_ENOUGH = 50, 1e-5  # of the bisection for a perplexity, in nats


def perplexity_for(labels: np.ndarray) -> float:
    """So many neighbours as a class has members, within what so many points can bear: (M,) -> at most 30."""
    counts = np.unique(labels, return_counts=True)[1]
    return float(max(2.0, min(30.0, (len(labels) - 1) / 3, 0.8 * counts.mean())))


def affinities(embeddings: np.ndarray, perplexity: float) -> np.ndarray:
    """How near each pair of points is: (M, D) -> (M, M) float32, symmetric, the sum is 1.

    Each row is a Gaussian whose width gives it this perplexity, found by bisection.
    """
    x = np.asarray(embeddings, dtype=np.float64)
    x = x - x.mean(axis=0)
    norms = (x**2).sum(axis=1)
    d = np.maximum(norms[:, None] + norms[None] - 2 * x @ x.T, 0.0)
    np.fill_diagonal(d, np.inf)
    d -= d.min(axis=1, keepdims=True)
    finite = np.where(np.isfinite(d), d, 0.0)
    widths = finite.mean(axis=1)
    beta = 1.0 / np.where(widths > 0, widths, 1.0)
    low, high, target = np.zeros(len(x)), np.full(len(x), np.inf), np.log(perplexity)
    for _ in range(TRIES):
        p = np.exp(-d * beta[:, None])
        total = p.sum(axis=1)
        over = np.log(total) + beta * (finite * p).sum(axis=1) / total - target
        if np.abs(over).max() < NEAR_ENOUGH:
            break
        wide = over > 0
        low, high = np.where(wide, beta, low), np.where(wide, high, beta)
        beta = np.where(np.isinf(high), np.minimum(beta * 2, 1e100), (low + high) / 2)
    p /= total[:, None]
    return ((p + p.T) / (2 * len(x))).astype(np.float32)


def first(affinity: np.ndarray, start: np.ndarray, seed: int = 0) -> np.ndarray:
    """The first map: (M, M) affinities from (M, 2) principal components -> (M, 2)."""
    noise = np.random.default_rng(seed).normal(size=start.shape)
    begin = start / (start[:, 0].std() or 1.0) * 1e-2 + noise * 1e-3
    return _descend(affinity, begin, None, FIRST)


def following(affinity: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The map after `before`, an (M, 2) map of the same points at other places: (M, M) affinities -> (M, 2)."""
    return _descend(affinity, before, before, NEXT)


def _descend(affinity: np.ndarray, begin: np.ndarray, before: np.ndarray | None, iterations: int) -> np.ndarray:
    """Gradient descent with momentum and a step size for each number, as in van der Maaten and Hinton (2008)."""
    y, before = begin.astype(np.float32), None if before is None else before.astype(np.float32)
    velocity, gains = np.zeros_like(y), np.ones_like(y)
    rate = max(len(y) / 48, 12.0)
    together, strength = TOGETHER[before is None]
    near, force = np.empty_like(affinity), np.empty_like(affinity)
    for i in range(iterations):
        norms = (y * y).sum(axis=1)
        np.matmul(y * -2, y.T, out=near)
        near += norms[:, None] + 1
        near += norms[None]
        np.maximum(near, 1.0, out=near)  # rounding may leave less than no distance
        np.reciprocal(near, out=near)
        np.fill_diagonal(near, 0.0)
        np.multiply(near, -1 / near.sum(), out=force)
        force += affinity if i >= together else affinity * np.float32(strength)
        force *= near
        gradient = 4 * (force.sum(axis=1, keepdims=True) * y - force @ y)
        if before is not None:
            gradient += STIFFNESS / len(y) * (y - before)
        gains = np.maximum(np.where((gradient > 0) == (velocity > 0), gains * 0.8, gains + 0.2), 0.01)
        velocity = (0.5 if i < together else 0.8) * velocity - rate * gains * gradient
        y = y + velocity
        y -= y.mean(axis=0)
    return y.astype(np.float64)
