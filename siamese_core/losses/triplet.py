"""Triplet loss: Schroff, Kalenichenko and Philbin (2015), "FaceNet: a unified embedding for face
recognition and clustering"; batch-all and batch-hard: Hermans, Beyer and Leibe (2017), "In defense of
the triplet loss for person re-identification".

    max(d(a, p) - d(a, n) + margin, 0)

Ours differs: the distance is the one chosen, not always the squared Euclidean.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from siamese_core.config import TrainConfig
from siamese_core.distances import Distance
from siamese_core.losses.base import Loss, mean_where, same_and_different
from siamese_core.losses.contrastive import hardest

CHUNK = 2**22  # numbers held at once while semi-hard negatives are searched


class Triplet(Loss):
    """The positive must be nearer to the anchor than the negative, by the margin."""

    reads = frozenset({"triplets", "classes"})

    def __init__(self, config: TrainConfig, distance: Distance) -> None:
        super().__init__(config, distance)
        self.margin = config.margin

    def on_triplets(self, a: Tensor, p: Tensor, n: Tensor) -> Tensor:
        """Three (B, D) -> the mean over all triplets; 0 for an empty batch."""
        gap = self.distance.pairs(a, p) - self.distance.pairs(a, n)
        return F.relu(gap + self.margin).sum() / max(len(gap), 1)

    def on_classes(self, z: Tensor, labels: Tensor) -> Tensor:
        """(B, D), (B,) -> scalar, over the triplets that the mining chooses.

        all: every triplet of the batch; the mean over those that still cost something (Hermans 2017).
        semi_hard: for each (anchor, positive) the nearest negative that is farther than the positive
            (Schroff 2015), none if there is none; the mean over those that still cost something.
        hard: for each anchor its farthest positive and nearest negative; the mean over the anchors
            that have both (Hermans 2017).
        """
        d = self.distance.matrix(z, z)
        same, different = same_and_different(labels)
        if self.mining == "hard":
            far, near = hardest(d, same, different)
            return mean_where(F.relu(far - near + self.margin), same.any(1) & different.any(1))
        if self.mining == "semi_hard":
            return _mean_of_active(*_semi_hard(d, same, different), self.margin)
        anchor, positive = torch.nonzero(same, as_tuple=True)
        gap = d[anchor, positive][:, None] - d[anchor]  # (same pairs, B): far below (B, B, B)
        return _mean_of_active(gap, different[anchor], self.margin)


def _mean_of_active(gap: Tensor, valid: Tensor, margin: float) -> Tensor:
    """The mean of max(gap + margin, 0) over the valid entries where it is above 0."""
    cost = F.relu(gap + margin)
    return mean_where(cost, valid & (cost > 0))


def _semi_hard(d: Tensor, same: Tensor, different: Tensor) -> tuple[Tensor, Tensor]:
    """d(a, p) - d(a, n) with the nearest negative farther than p, and whether there is one: two (same pairs,).

    The search holds at most CHUNK numbers at once.
    """
    anchor, positive = torch.nonzero(same, as_tuple=True)
    known = d.detach()
    limit = known[anchor, positive]
    candidates = known.masked_fill(~different, torch.inf)
    step = max(1, CHUNK // max(1, len(d)))
    negative, found = [anchor[:0]], [limit[:0]]
    for rows, least in zip(anchor.split(step), limit.split(step), strict=True) if len(d) else ():
        farther = candidates[rows]
        nearest = farther.masked_fill_(farther <= least[:, None], torch.inf).min(1)
        negative.append(nearest.indices)
        found.append(nearest.values)
    return d[anchor, positive] - d[anchor, torch.cat(negative)], torch.cat(found) < torch.inf
