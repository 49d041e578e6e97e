"""Every distance of a run as a space in which engines can search: embeddings changed so that plain L2 or L1 between
them puts them in the same order as the run's own distance.

    euclidean, squared_euclidean   L2 of the embeddings
    cosine                         L2 of the unit vectors: 1 - cos = |u - v|^2 / 2
    manhattan                      L1 of the embeddings
    weighted_l1                    L1 of the embeddings times the weights, when none is negative; else there is no
                                   such space, and every distance is computed

What is told to people is always the run's own distance, computed anew for what an engine has found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

EPSILON = float(np.finfo(np.float32).eps)
LEAST = 1e-6  # shorter vectors are left as they are, as the cosine distance does


class Compared(Protocol):
    """What tells which distance a run has."""

    @property
    def config(self) -> Any: ...
    @property
    def distance_module(self) -> Any: ...


@dataclass(frozen=True)
class Space:
    """metric: "l2" (squared), "l1", or "" where there is none. `apply` (N, D) -> (N, D) float32 puts embeddings there;
    `reach` of a distance of the run is the value of the metric that belongs to it."""

    metric: str
    apply: Callable[[np.ndarray], np.ndarray]
    reach: Callable[[float], float]


NOWHERE = Space("l2", lambda x: x, float)  # where only the engine's own files matter


def of(model: Compared) -> Space:
    """The space of a run's distance."""
    distance = model.config.distance
    if distance == "euclidean":
        return Space("l2", _plain, lambda d: d * d)
    if distance == "squared_euclidean":
        return Space("l2", _plain, float)
    if distance == "cosine":
        return Space("l2", _unit, lambda d: 2.0 * d)
    if distance == "manhattan":
        return Space("l1", _plain, float)
    if distance == "weighted_l1":
        weight = model.distance_module.weight.detach().cpu().numpy().astype(np.float32)
        bias = float(model.distance_module.bias)
        if (weight >= 0).all():
            return Space("l1", lambda x: np.ascontiguousarray(_plain(x) * weight), lambda d: d - bias)
    return Space("", _plain, float)


def _plain(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x, dtype=np.float32)


def _unit(x: np.ndarray) -> np.ndarray:
    x = _plain(x)
    lengths = np.sqrt(np.einsum("ij,ij->i", x, x))[:, None]
    return np.ascontiguousarray(x / np.maximum(lengths, LEAST))
