"""Binary cross-entropy on a learned distance: Koch, Zemel and Salakhutdinov (2015), "Siamese neural
networks for one-shot image recognition". The network says how probable it is that two are of one class:
p = sigmoid(-d), d the learned weighted L1 distance.

Ours differs: batches of classes use all their pairs, same and different averaged apart.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from siamese_core.losses.base import Loss, mean_where, same_and_different


class BinaryCrossEntropy(Loss):
    """-log p for same pairs, -log(1 - p) for different ones."""

    reads = frozenset({"pairs", "classes"})

    def on_pairs(self, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
        """(B, D), (B, D), (B,) bool -> the mean over all pairs; 0 for an empty batch."""
        d = self.distance.pairs(a, b)
        return F.binary_cross_entropy_with_logits(-d, same.to(d.dtype), reduction="sum") / max(len(d), 1)

    def on_classes(self, z: Tensor, labels: Tensor) -> Tensor:
        """(B, D), (B,) -> half the mean over same pairs plus half the mean over different pairs."""
        d = self.distance.matrix(z, z)
        same, different = same_and_different(labels)
        # -log sigmoid(-d) = softplus(d);  -log(1 - sigmoid(-d)) = softplus(-d)
        return 0.5 * (mean_where(F.softplus(d), same) + mean_where(F.softplus(-d), different))
