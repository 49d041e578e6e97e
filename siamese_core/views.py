"""Test-time augmentation: an embedding that is the mean over slightly moved copies of a picture.

The averaging of Krizhevsky, Sutskever and Hinton 2012 (over crops) done in the embedding space: the picture itself,
turned a little both ways, and shifted a little four ways. It costs as many encodings as there are views.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from siamese_core.modalities.image import ImageItems
from siamese_core.types import Embedder, InputSpec, Items

TURN = 8.0  # degrees
SHIFT = 0.04  # of the longer side
VIEWS = ((0.0, 0.0, 0.0), (TURN, 0.0, 0.0), (-TURN, 0.0, 0.0),
         (0.0, SHIFT, 0.0), (0.0, -SHIFT, 0.0), (0.0, 0.0, SHIFT), (0.0, 0.0, -SHIFT))  # fmt: skip


@dataclass(frozen=True, eq=False)
class Averaged:
    """An embedder (`types.Embedder`) that embeds each picture as the mean of its views."""

    embedder: Embedder

    @property
    def spec(self) -> InputSpec:
        """The network's input."""
        return self.embedder.spec

    def embed(self, items: Items) -> np.ndarray:
        """Pictures of length N -> (N, D) float32; of length 1 where the network's own are."""
        fitted = items.fitted(self.spec)
        parts = [self.embedder.embed(moved(fitted, *view)) for view in VIEWS]
        mean = np.mean(np.stack(parts).astype(np.float64), axis=0)
        own, length = np.linalg.norm(parts[0], axis=1), np.linalg.norm(mean, axis=1, keepdims=True)
        if len(own) and np.allclose(own, 1.0, atol=1e-3):
            mean = mean / np.where(length > 0, length, 1.0)
        return mean.astype(np.float32)

    def distances(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(M, D) and (M, D) -> (M,)."""
        return self.embedder.distances(a, b)

    def distance_matrix(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """(Q, D) and (G, D) -> (Q, G)."""
        return self.embedder.distance_matrix(queries, gallery)


def moved(items: Any, degrees: float, right: float, down: float) -> Any:
    """Pictures turned about their middle and shifted by shares of the longer side; themselves when nothing moves."""
    if not (degrees or right or down) or not len(items):
        return items
    import torch

    from siamese_core.augment import warp

    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    theta = torch.tensor([[cos, -sin, -2 * right], [sin, cos, -2 * down]]).expand(len(items), 2, 3)
    padding = "zeros" if items.spec.polarity == "ink" else "border"
    pixels = torch.from_numpy(np.ascontiguousarray(items.pixels)).float()
    found = warp(pixels, theta, padding).round().clamp(0, 255).to(torch.uint8).numpy()
    return ImageItems(found, items.spec, items.faces)
