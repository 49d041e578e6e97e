"""Supervised contrastive loss (SupCon): Khosla et al. (2020), "Supervised contrastive learning", its
L_out. With two items a class it is the NT-Xent loss of SimCLR.

    -1/|P(i)| * sum over positives p of log( exp(s_ip / t) / sum over all a != i of exp(s_ia / t) )

s is the cosine similarity, t the temperature. Ours differs: anchors without a positive are skipped, and
there is no factor t / t_base.
"""

from __future__ import annotations

import torch
from torch import Tensor

from siamese_core.config import TrainConfig
from siamese_core.distances import Distance
from siamese_core.losses.base import Loss, mean_where, same_and_different


class SupCon(Loss):
    """Each item must find the others of its class among all items of the batch."""

    reads = frozenset({"classes"})

    def __init__(self, config: TrainConfig, distance: Distance) -> None:
        super().__init__(config, distance)
        self.temperature = config.temperature

    def on_classes(self, z: Tensor, labels: Tensor) -> Tensor:
        """(B, D), (B,) -> the mean over the anchors that have a positive."""
        logits = -self.distance.matrix(z, z) / self.temperature  # s = 1 - d; the 1 cancels
        same, _ = same_and_different(labels)
        itself = torch.eye(len(labels), dtype=torch.bool, device=z.device)
        # the lowest finite number instead of -inf: an anchor alone in its batch must not give NaN
        others = logits.masked_fill(itself, torch.finfo(logits.dtype).min).logsumexp(1, keepdim=True)
        positives = same.sum(1)
        each = ((others - logits) * same.to(z.dtype)).sum(1) / positives.clamp_min(1)
        return mean_where(each, positives > 0)
