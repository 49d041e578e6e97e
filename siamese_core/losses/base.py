"""What every loss is: embeddings and targets in, a scalar out. It never sees a model or a batch.

Each loss holds the distance module it measures with, so that a learned distance trains too.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from siamese_core.config import TrainConfig
from siamese_core.distances import Distance
from siamese_core.errors import ConfigError


class Loss(nn.Module):
    """Base of all losses. `reads` names the batches it understands: pairs, triplets, classes.

    A batch with no valid term gives 0 with a gradient function (and zero gradients), never NaN.
    """

    reads: frozenset[str] = frozenset()

    def __init__(self, config: TrainConfig, distance: Distance) -> None:
        super().__init__()
        self.name = config.loss
        self.distance = distance
        self.mining = config.mining

    def on_pairs(self, a: Tensor, b: Tensor, same: Tensor) -> Tensor:
        """(B, D), (B, D) and (B,) bool "of one class" -> scalar. Raises ConfigError if not read."""
        raise ConfigError(f"The {self.name} loss cannot learn from explicit pairs; use batches of {self._others()}.")

    def on_triplets(self, a: Tensor, p: Tensor, n: Tensor) -> Tensor:
        """Anchor, positive, negative, each (B, D) -> scalar. Raises ConfigError if not read."""
        raise ConfigError(f"The {self.name} loss cannot learn from explicit triplets; use batches of {self._others()}.")

    def on_classes(self, z: Tensor, labels: Tensor) -> Tensor:
        """(B, D) and (B,) int labels -> scalar. Raises ConfigError if not read."""
        raise ConfigError(f"The {self.name} loss cannot learn from classes; use batches of {self._others()}.")

    def _others(self) -> str:
        return " or ".join(sorted(self.reads))


def same_and_different(labels: Tensor) -> tuple[Tensor, Tensor]:
    """(B,) labels -> two (B, B) bool masks: pairs of one class without the diagonal, pairs of two classes."""
    equal = labels[:, None] == labels[None, :]
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    return equal & ~itself, ~equal


def mean_where(values: Tensor, mask: Tensor) -> Tensor:
    """The mean of `values` where `mask`; 0 (with a gradient function) where there are none.

    A value that is not a number makes the result so too, chosen or not: it must never be hidden.
    """
    chosen = mask.to(values.dtype)  # a product is several times quicker than a masked fill
    return (values * chosen).sum() / chosen.sum().clamp_min(1)
