"""The encoders by name: what turns one input into one embedding. One file per architecture."""

from __future__ import annotations

from siamese_core.config import TrainConfig
from siamese_core.encoders.base import Encoder, describe
from siamese_core.encoders.conv4 import Conv4
from siamese_core.errors import ConfigError
from siamese_core.types import InputSpec

__all__ = ["REGISTRY", "Conv4", "Encoder", "build", "describe"]

REGISTRY: dict[str, type[Conv4]] = {"conv4": Conv4}


def build(config: TrainConfig, spec: InputSpec) -> Encoder:
    """A fresh encoder for inputs of this spec. Raises ConfigError for an unknown name."""
    if config.encoder not in REGISTRY:
        raise ConfigError(f"There is no encoder '{config.encoder}'; choose one of: {', '.join(REGISTRY)}.")
    return REGISTRY[config.encoder](config, spec)
