"""What a training begins with: random weights, or those of a trained run that go on learning.

Fine-tuning after pre-training on other classes, as in Yosinski et al., "How transferable are features
in deep neural networks?" (2014). Only the encoder is taken over; the distance begins afresh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from siamese_core import presets, runs
from siamese_core.config import TrainConfig
from siamese_core.errors import ConfigError, RunError

if TYPE_CHECKING:
    from torch import Tensor


def check(config: TrainConfig) -> None:
    """Raises ConfigError, naming what differs, when the network is not of the shape it should begin with;
    RunError when the starter is missing."""
    if config.start_from == "nothing":
        return
    other = runs.find(config.start_from).config()
    found = [
        f"{TrainConfig.__dataclass_fields__[key].metadata['label']} must be {getattr(other, key)} "
        f"to start from the {config.start_from}, not {getattr(config, key)}."
        for key in presets.SHAPE
        if getattr(config, key) != getattr(other, key)
    ]
    if found:
        raise ConfigError([*found, "Or start from 'nothing'."])


def encoder_weights(config: TrainConfig) -> dict[str, Tensor] | None:
    """The encoder's weights to begin with, or None for random ones. Raises ConfigError or RunError."""
    if config.start_from == "nothing":
        return None
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    check(config)
    run = runs.find(config.start_from)
    try:
        table = load_file(run.weights())
    except (OSError, SafetensorError):
        raise RunError(f"The weights of {run.name} are damaged; start from 'nothing' or copy them again.") from None
    return {k.removeprefix("encoder."): v for k, v in table.items() if k.startswith("encoder.")}


def seen_before(config: TrainConfig) -> set[str]:
    """Digests of the items that the weights to begin with were trained on: whoever evaluates must know."""
    if config.start_from == "nothing":
        return set()
    path = runs.find(config.start_from).folder / "train_digests.txt"
    return set(path.read_text(encoding="ascii").split()) if path.is_file() else set()
