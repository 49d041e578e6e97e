"""New points in a map that stays as it is.

t-SNE: Poličar, Stražar and Zupan 2019 ("Embedding to reference t-SNE space addresses batch effects in single-cell
classification"): a new point begins at the weighted mean of its nearest neighbours' places and moves down the
gradient of t-SNE's own cost, while all the others keep theirs. Theirs is in openTSNE; ours is the same idea in
numpy, from the saved arrays alone, whatever engine made the map: affinities of a small perplexity, all repulsions
summed exactly, steps bounded. PCA: the same axes. UMAP, PaCMAP: the mean of the nearest neighbours' places, weighted
by UMAP's memberships, which is how UMAP begins to place a point; their trained objects could only be kept as
pickles. A new embedding that is equal to one in the map shares its place, in every method.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

PERPLEXITY = 5.0
NEAREST = 15  # neighbours that hold a point
STEPS = 150
RATE = 0.5  # of the way that a Newton step would go
EXAGGERATION = 1.5
LONGEST = 0.02  # step, as a share of the map's size
BLOCK = 2**22  # numbers held at once


def place(found: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """A map's arrays (embeddings, x, y, maybe z, method; centre and axes for PCA) and embeddings (M, D) float64 ->
    (M, dims)."""
    method = str(found["method"]) if "method" in found else "tsne"
    if method == "pca" and "axes" in found:
        return (x - found["centre"]) @ found["axes"]
    points = np.column_stack([found[name] for name in ("x", "y", "z") if name in found]).astype(np.float64)
    near, squared = _nearest(np.asarray(found["embeddings"]), x, min(NEAREST, len(points)))
    if method == "tsne":
        weights = _affinities(squared, min(PERPLEXITY, max(near.shape[1] / 3, 1.0)))
    else:
        weights = _memberships(np.sqrt(squared))
    places = (weights[:, :, None] * points[near]).sum(axis=1)
    if method == "tsne" and len(points) > NEAREST:
        places = _settle(places, near, weights, points)
    same = squared[:, 0] == 0
    places[same] = points[near[same, 0]]
    return places


def _nearest(embeddings: np.ndarray, x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, D) and (M, D) -> the k nearest (M, k) and their squared Euclidean distances, nearest first; exact."""
    rows = max(1, BLOCK // len(embeddings))
    gallery = np.asarray(embeddings, dtype=np.float64)
    lengths = np.einsum("nd,nd->n", gallery, gallery)
    near = np.empty((len(x), k), np.int64)
    squared = np.empty((len(x), k))
    for i in range(0, len(x), rows):
        rough = lengths - 2 * x[i : i + rows] @ gallery.T
        at = (
            np.argpartition(rough, k - 1, axis=1)[:, :k] if k < len(gallery) else np.tile(np.arange(k), (len(rough), 1))
        )
        exact = ((x[i : i + rows, None] - gallery[at]) ** 2).sum(axis=2)
        order = np.lexsort((at, exact), axis=1)
        near[i : i + rows] = np.take_along_axis(at, order, axis=1)
        squared[i : i + rows] = np.take_along_axis(exact, order, axis=1)
    return near, squared


def _affinities(squared: np.ndarray, perplexity: float) -> np.ndarray:
    """(M, k) squared distances -> (M, k) weights that sum to 1, Gaussian, each row as wide as its perplexity says."""
    wanted = np.log(min(perplexity, squared.shape[1]))
    off = squared - squared[:, :1]
    scale = np.maximum(off.mean(axis=1), 1e-300)
    low, high = np.full(len(off), -40.0), np.full(len(off), 40.0)  # the logarithm of the precision, halved down
    for _ in range(60):
        middle = (low + high) / 2
        w = np.exp(-off / scale[:, None] * np.exp(middle)[:, None])
        w /= w.sum(axis=1, keepdims=True)
        entropy = -(w * np.log(np.maximum(w, 1e-300))).sum(axis=1)
        high, low = np.where(entropy < wanted, middle, high), np.where(entropy < wanted, low, middle)
    return w


def _memberships(distances: np.ndarray) -> np.ndarray:
    """(M, k) distances -> (M, k) weights that sum to 1: UMAP's, 1 at the nearest, falling so that they add up to
    log2(k) before they are scaled."""
    off = distances - distances[:, :1]
    scale = np.maximum(off.mean(axis=1), 1e-300)
    wanted = max(np.log2(distances.shape[1]), 1.0)
    low, high = np.full(len(off), -40.0), np.full(len(off), 40.0)
    for _ in range(60):
        middle = (low + high) / 2
        w = np.exp(-off / scale[:, None] * np.exp(middle)[:, None])
        too_many = w.sum(axis=1) > wanted
        low, high = np.where(too_many, middle, low), np.where(too_many, high, middle)
    return w / w.sum(axis=1, keepdims=True)


def _settle(places: np.ndarray, near: np.ndarray, weights: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Move (M, dims) places down the gradient of the Kullback-Leibler divergence, the N points fixed.

    Each new point has a distribution of its own over the N points: sum_j p_j w_j (y - y_j) pulls, sum_j q_j w_j (y -
    y_j) pushes, with w = 1 / (1 + |y - y_j|^2) and q = w / sum w.
    """
    reach = LONGEST * float(np.linalg.norm(np.ptp(points, axis=0)))
    rows = max(1, BLOCK // points.size)
    settled = np.empty_like(places)
    for i in range(0, len(places), rows):
        y, pull, hold = places[i : i + rows].copy(), EXAGGERATION * weights[i : i + rows], points[near[i : i + rows]]
        for step in range(STEPS):
            to = y[:, None] - hold
            w = pull / (1 + (to**2).sum(axis=2))
            gradient = (w[:, :, None] * to).sum(axis=1) - _repulsion(y, points)
            move = -RATE * (1 - step / STEPS) * gradient / np.maximum(w.sum(axis=1), 1e-12)[:, None]
            length = np.linalg.norm(move, axis=1, keepdims=True)
            y += move * np.minimum(1.0, reach / np.maximum(length, 1e-300))
        settled[i : i + rows] = y
    return settled


def _repulsion(y: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(M, dims) -> the push of all N points (M, dims): sum_j w_j^2 (y - y_j) / sum_j w_j."""
    squared = sum((y[:, d : d + 1] - points[:, d]) ** 2 for d in range(y.shape[1]))
    w = 1 / (1 + squared)
    w2 = w * w
    return (y * w2.sum(axis=1)[:, None] - w2 @ points) / w.sum(axis=1)[:, None]
