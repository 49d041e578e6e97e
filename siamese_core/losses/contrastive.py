"""Contrastive loss: Hadsell, Chopra and LeCun (2006), "Dimensionality reduction by learning an
invariant mapping", after Chopra, Hadsell and LeCun (2005).

    Y * D^2 + (1 - Y) * max(margin - D, 0)^2        Y = 1 for two of one class

Ours differs: Y is 1 for "same" (the paper's is 0) and there is no factor 1/2. D is whichever distance
was chosen; with the squared Euclidean one it is |a - b|^2 that is squared once more.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from siamese_core.config import TrainConfig
from siamese_core.distances import Distance
from siamese_core.losses.base import Loss, mean_where, same_and_different


class Contrastive(Loss):
    """Same pairs are pulled to distance 0, different ones pushed to the margin."""

    reads = frozenset({"pairs", "classes"})

    def __init__(self, config: TrainConfig, distance: Distance) -> None:
        super().__init__(config, distance)
        self.margin = config.margin

    def on_pairs(self, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
        """(B, D), (B, D), (B,) bool -> the mean over all pairs; 0 for an empty batch."""
        d = self.distance.pairs(a, b)
        return torch.where(same.bool(), d.square(), F.relu(self.margin - d).square()).sum() / max(len(d), 1)

    def on_classes(self, z: Tensor, labels: Tensor) -> Tensor:
        """(B, D), (B,) -> half the mean over same pairs plus half the mean over different pairs.

        Averaged apart, so that the many different pairs of a batch do not drown the few same ones.
        Mining "all": every pair. "hard": for each anchor its farthest same and its nearest different item.
        """
        d = self.distance.matrix(z, z)
        same, different = same_and_different(labels)
        if self.mining == "hard":
            far, near = hardest(d, same, different)
            pulled = mean_where(far.square(), same.any(1))
            pushed = mean_where(F.relu(self.margin - near).square(), different.any(1))
        else:
            pulled = mean_where(d.square(), same)
            pushed = mean_where(F.relu(self.margin - d).square(), different)
        return 0.5 * (pulled + pushed)


def hardest(d: Tensor, same: Tensor, different: Tensor) -> tuple[Tensor, Tensor]:
    """For each anchor its farthest same and its nearest different distance: (B, B) and masks -> two (B,).

    Where an anchor has none the value means nothing; mask it with `same.any(1)` or `different.any(1)`.
    """
    if not len(d):
        return d.sum(1), d.sum(1)
    far = d.detach().masked_fill(~same, -torch.inf).argmax(1, keepdim=True)
    near = d.detach().masked_fill(~different, torch.inf).argmin(1, keepdim=True)
    return d.gather(1, far).squeeze(1), d.gather(1, near).squeeze(1)
