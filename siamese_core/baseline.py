"""What a network must beat: the nearest neighbour on the pixels themselves, without any learning.

The baseline of Lake, Salakhutdinov, Gross and Tenenbaum (2011) and of Koch, Zemel and Salakhutdinov (2015), whose
table has it as "1-nearest neighbour". Ours compares pictures as the network sees them (ink on paper, of its size),
shrunk to at most 64 pixels a side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from siamese_core.types import InputSpec, Items

MOST_SIDE = 64
NEAR = 1e-9  # below this share of |q|^2 + |g|^2 the product has lost too many digits


@dataclass(frozen=True)
class Pixels:
    """An embedder (`types.Embedder`) that learns nothing: D = C H W pixel values, compared by Euclidean distance."""

    seen: InputSpec

    @property
    def spec(self) -> InputSpec:
        """The network's input, at most 64 pixels a side."""
        return replace(self.seen, height=min(self.seen.height, MOST_SIDE), width=min(self.seen.width, MOST_SIDE))

    def embed(self, items: Items) -> np.ndarray:
        """Pictures of length N -> (N, D) float32 in [0, 1]."""
        pixels = items.fitted(self.spec).pixels  # type: ignore[attr-defined]
        return pixels.reshape(len(items), -1).astype(np.float32) / 255

    def distances(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(M, D) and (M, D) -> (M,)."""
        return np.linalg.norm(a - b, axis=1)

    def distance_matrix(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """(Q, D) and (G, D) -> (Q, G); the near ones from the differences, so that equal pictures are at exactly 0."""
        q, g = (np.asarray(z, dtype=np.float64) for z in (queries, gallery))
        whole = (q * q).sum(1)[:, None] + (g * g).sum(1)
        squared = whole - 2 * (q @ g.T)
        for i, j in np.argwhere(squared < NEAR * whole):
            squared[i, j] = ((q[i] - g[j]) ** 2).sum()
        return np.sqrt(np.maximum(squared, 0.0)).astype(np.float32)
