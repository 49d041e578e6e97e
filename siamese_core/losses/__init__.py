"""The losses by name: what the network is asked to do. One published idea, one file."""

from __future__ import annotations

from siamese_core.config import TrainConfig
from siamese_core.distances import Distance
from siamese_core.errors import ConfigError
from siamese_core.losses.base import Loss
from siamese_core.losses.bce import BinaryCrossEntropy
from siamese_core.losses.contrastive import Contrastive
from siamese_core.losses.supcon import SupCon
from siamese_core.losses.triplet import Triplet

__all__ = ["REGISTRY", "BinaryCrossEntropy", "Contrastive", "Loss", "SupCon", "Triplet", "build"]

REGISTRY: dict[str, type[Loss]] = {
    "contrastive": Contrastive,
    "triplet": Triplet,
    "bce": BinaryCrossEntropy,
    "supcon": SupCon,
}


def build(config: TrainConfig, distance: Distance) -> Loss:
    """The loss of these settings, measuring with `distance`. Raises ConfigError for an unknown name."""
    if config.loss not in REGISTRY:
        raise ConfigError(f"There is no loss '{config.loss}'; choose one of: {', '.join(REGISTRY)}.")
    return REGISTRY[config.loss](config, distance)
