"""How two embeddings are compared. Every distance is smaller-is-closer.

Sources: Euclidean distance, Hadsell, Chopra and LeCun (2006); squared Euclidean, Schroff et al.
(2015); cosine, Bromley et al. (1993); Manhattan (L1), Chopra, Hadsell and LeCun (2005); learned
weighted L1, Koch et al. (2015). Each is exact where it matters: an embedding is at distance exactly 0
from itself (but for weighted_l1, where it is the bias), and gradients are finite there.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from siamese_core.errors import ConfigError

NEAR = 1e-3  # below this share of |q|^2 + |g|^2 the matrix product has lost too many digits
CHUNK = 2**24  # numbers held at once


class Distance(nn.Module):
    """Base of all distances; a subclass defines `pairs` and `matrix`."""

    def pairs(self, a: Tensor, b: Tensor) -> Tensor:
        """Row by row: (B, D) and (B, D) -> (B,)."""
        raise NotImplementedError

    def matrix(self, q: Tensor, g: Tensor) -> Tensor:
        """Every query with every gallery row: (Q, D) and (G, D) -> (Q, G)."""
        raise NotImplementedError

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The same as `pairs`."""
        return self.pairs(a, b)


class SquaredEuclidean(Distance):
    """|a - b|^2."""

    def pairs(self, a: Tensor, b: Tensor) -> Tensor:
        """(B, D) and (B, D) -> (B,)."""
        return (a - b).square().sum(1)

    def matrix(self, q: Tensor, g: Tensor) -> Tensor:
        """(Q, D) and (G, D) -> (Q, G)."""
        return squared_matrix(q, g)


class Euclidean(Distance):
    """|a - b|; the gradient at distance 0 is 0, where the plain square root's is infinite."""

    def pairs(self, a: Tensor, b: Tensor) -> Tensor:
        """(B, D) and (B, D) -> (B,)."""
        return _safe_sqrt((a - b).square().sum(1))

    def matrix(self, q: Tensor, g: Tensor) -> Tensor:
        """(Q, D) and (G, D) -> (Q, G)."""
        return _safe_sqrt(squared_matrix(q, g))


class Cosine(Distance):
    """1 - cos(a, b), from 0 to 2, computed as half the squared distance of the unit vectors.

    That form loses no digits between near vectors. A zero vector is at 0 from another and at 1/2
    from every unit vector.
    """

    def pairs(self, a: Tensor, b: Tensor) -> Tensor:
        """(B, D) and (B, D) -> (B,)."""
        return 0.5 * (_unit(a) - _unit(b)).square().sum(1)

    def matrix(self, q: Tensor, g: Tensor) -> Tensor:
        """(Q, D) and (G, D) -> (Q, G)."""
        return 0.5 * squared_matrix(_unit(q), _unit(g))


class Manhattan(Distance):
    """The sum of |a_j - b_j|."""

    def pairs(self, a: Tensor, b: Tensor) -> Tensor:
        """(B, D) and (B, D) -> (B,)."""
        return (a - b).abs().sum(1)

    def matrix(self, q: Tensor, g: Tensor) -> Tensor:
        """(Q, D) and (G, D) -> (Q, G)."""
        return torch.cdist(q, g, p=1.0)


class WeightedL1(Distance):
    """Koch et al. (2015): d = sum_j w_j |a_j - b_j| + bias; the probability of "same" is sigmoid(-d).

    The weights are free, as in the paper, and start equal: so that for unit vectors equal ones begin
    at -3 (95% same) and unrelated ones at about +3 (5% same).
    """

    def __init__(self, embedding_size: int) -> None:
        super().__init__()
        # two unrelated unit vectors differ by about sqrt(4 / pi / D) in each number
        start = 6.0 / math.sqrt(4.0 / math.pi * embedding_size)
        self.weight = nn.Parameter(torch.full((embedding_size,), start))
        self.bias = nn.Parameter(torch.tensor(-3.0))

    def pairs(self, a: Tensor, b: Tensor) -> Tensor:
        """(B, D) and (B, D) -> (B,)."""
        return (a - b).abs() @ self.weight + self.bias

    def matrix(self, q: Tensor, g: Tensor) -> Tensor:
        """(Q, D) and (G, D) -> (Q, G), without ever holding (Q, G, D)."""
        plus = self.weight >= 0
        q, g = q * self.weight, g * self.weight
        return torch.cdist(q[:, plus], g[:, plus], p=1.0) - torch.cdist(q[:, ~plus], g[:, ~plus], p=1.0) + self.bias


REGISTRY: dict[str, type[Distance]] = {
    "euclidean": Euclidean,
    "squared_euclidean": SquaredEuclidean,
    "cosine": Cosine,
    "manhattan": Manhattan,
    "weighted_l1": WeightedL1,
}


def build(name: str, embedding_size: int) -> Distance:
    """A distance for embeddings of this size. Raises ConfigError for an unknown name."""
    if name not in REGISTRY:
        raise ConfigError(f"There is no distance '{name}'; choose one of: {', '.join(REGISTRY)}.")
    return WeightedL1(embedding_size) if name == "weighted_l1" else REGISTRY[name]()


class Unlearned:
    """A distance of the registry for embeddings whose network is not kept, such as a snapshot's. What a learned one
    (weighted_l1) has learnt is not kept either: Manhattan distance stands for it."""

    def __init__(self, name: str) -> None:
        self.name = "manhattan" if name == "weighted_l1" else name

    def distance_matrix(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """(Q, D) and (G, D) numpy -> (Q, G) float32."""
        q, g = (torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)) for x in (queries, gallery))
        with torch.inference_mode():
            return np.asarray(build(self.name, q.shape[1]).matrix(q, g).numpy())


def squared_matrix(q: Tensor, g: Tensor) -> Tensor:
    """All squared Euclidean distances, (Q, D) and (G, D) -> (Q, G), fast and accurate.

    One matrix product, |q|^2 + |g|^2 - 2 q.g around the gallery's mean; the few entries so near that
    the subtraction lost digits are computed again from the difference itself. Equal rows give exactly 0.
    A large matrix is computed in bands of rows.
    """
    band = max(1, CHUNK // max(1, len(g)))
    if len(q) > band:
        return torch.cat([squared_matrix(part, g) for part in q.split(band)])
    centre = g.detach().mean(0) if len(g) else 0.0
    u, v = q - centre, g - centre
    scale = u.square().sum(1)[:, None] + v.square().sum(1)[None, :]
    product = torch.addmm(scale, u, v.T, alpha=-2)
    rows, columns = torch.nonzero(product.detach() <= NEAR * scale.detach(), as_tuple=True)
    if not len(rows):
        return product
    step = max(1, CHUNK // max(1, q.shape[1]))
    near = [(q[i] - g[j]).square().sum(1) for i, j in zip(rows.split(step), columns.split(step), strict=True)]
    return product.index_put((rows, columns), torch.cat(near))


def _safe_sqrt(squared: Tensor) -> Tensor:
    """The square root, with value and gradient exactly 0 (not infinite) at 0; NaN stays NaN."""
    tiny = torch.finfo(squared.dtype).tiny  # a power of 2, and so is its root
    return squared.clamp_min(tiny).sqrt() - math.sqrt(tiny)


def _unit(x: Tensor) -> Tensor:
    """(B, D) rows scaled to length 1; a zero row stays zero."""
    return F.normalize(x, dim=1, eps=1e-6)
