"""What a training will cost, before it is started: the network's size, and the time on this machine."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import asdict, dataclass

import numpy as np

from siamese_core import processes
from siamese_core.config import TrainConfig
from siamese_core.modalities.image import ImageItems
from siamese_core.types import InputSpec, LabelledSet

MOST_PIXELS = 250_000  # of a measured batch, at a width of 64
MOST_PARAMETERS = 100_000_000  # of a network that is tried out
PATIENCE = 120.0  # seconds
LOOKED_AT = 800  # validation pictures at most in one look
WORDS = {"conv": "convolution", "norm": "normalisation", "pool": "pooling", "relu": "ReLU", "head": "linear"}
# What the time of a step depends on; everything else may change without measuring again.
SPEED = ("encoder", "width", "embedding_size", "normalise", "image_size", "image_width", "colour", "distance", "loss",
         "mining", "sampler", "batch_size", "classes_per_batch", "items_per_class", "groups_per_batch",
         "average", "device")  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """A block of the network: what is in it, the shape that comes out (without the batch), its parameters."""

    name: str
    inside: str
    shape: tuple[int, ...]
    parameters: int


@dataclass(frozen=True)
class Network:
    """What both twins are: the layers in order, and the distance's own parameters."""

    layers: list[Layer]
    distance: int

    @property
    def parameters(self) -> int:
        """How many numbers are learnt."""
        return sum(layer.parameters for layer in self.layers) + self.distance

    @property
    def megabytes(self) -> float:
        """The size of the weights, four bytes each, in millions of bytes."""
        return self.parameters * 4 / 1e6


def network(config: TrainConfig, spec: InputSpec) -> Network:
    """The network of these settings, without making its weights. Raises ConfigError."""
    import torch

    from siamese_core import distances, encoders

    with torch.device("meta"):
        rows = encoders.describe(encoders.build(config, spec), spec)
        own = sum(p.numel() for p in distances.build(config.distance, config.embedding_size).parameters())
    blocks: dict[str, list[tuple[str, tuple[int, ...], int]]] = {}
    for row in rows:
        blocks.setdefault(row[0].rpartition(".")[0] or row[0], []).append(row)
    layers: list[Layer] = []
    for name, inside in blocks.items():
        kinds = [WORDS.get(n.rpartition(".")[2], n.rpartition(".")[2]) for n, _, _ in inside]
        title = f"Block {len(layers) + 1}" if "." in name else "Embedding"
        layers.append(Layer(title, ", ".join(kinds), inside[-1][1], sum(count for _, _, count in inside)))
    return Network(layers, own)


@dataclass(frozen=True)
class Speed:
    """Measured on this machine: seconds for each picture of a step, for each one looked at, and the device."""

    picture: float
    looked_at: float
    device: str


def measure(config: TrainConfig, spec: InputSpec) -> Speed | None:
    """A few steps of these settings on noise; None for a network too large to be tried out.

    A batch that would take long is measured smaller. Raises ConfigError or DeviceError.
    """
    from siamese_core import device as devices
    from siamese_core.training import Trainer

    if network(config, spec).parameters > MOST_PARAMETERS:
        return None
    device = devices.choose(config.device)
    smaller = _smaller(config, spec)
    groups = max(1, smaller.groups_per_batch)
    classes = groups * max(smaller.classes_per_batch if smaller.sampler == "classes" else 10, 2)
    each = max(smaller.items_per_class, 4)
    noise = np.random.default_rng(0).integers(
        0, 256, (classes * each, spec.channels, spec.height, spec.width), dtype=np.uint8
    )
    labels = np.repeat(np.arange(classes), each)
    names = tuple(str(c) for c in range(classes))
    group_of = np.arange(classes) % groups if smaller.groups_per_batch else None
    data = LabelledSet("noise", ImageItems(noise, spec), labels, names, group_of, tuple(names[:groups]))
    trainer = Trainer(smaller, spec, data, data, device)
    picture, look = trainer.speed()
    return Speed(picture, look / len(trainer.probe.indices), device)


def measure_apart(config: TrainConfig, spec: InputSpec) -> Speed | None:
    """The same in a process of its own, as training will be one; None when it does not answer."""
    asked = json.dumps({"config": config.to_dict(), "spec": spec.to_json()})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "siamese_core.forecast"], input=asked, capture_output=True, text=True,
            timeout=PATIENCE, env=processes.environment(), check=True,
        )  # fmt: skip
        found = json.loads(done.stdout)
        return Speed(**found) if found else None
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def _smaller(config: TrainConfig, spec: InputSpec) -> TrainConfig:
    most = max(8, int(MOST_PIXELS * 64 / (config.width * spec.height * spec.width)))
    k, groups = min(config.items_per_class, most // 2), max(1, config.groups_per_batch)
    fewer = {"items_per_class": k, "batch_size": max(2, min(config.batch_size, most // 3))}
    if config.classes_per_batch * groups * k > most:
        fewer |= {"classes_per_batch": max(2, most // k), "groups_per_batch": min(1, config.groups_per_batch)}
    return config.with_values(**fewer, epochs=1, steps_per_epoch=100, max_seconds=0.0)


def pictures_a_batch(config: TrainConfig) -> int:
    """How many pictures a batch encodes, where the set has classes and groups enough."""
    if config.sampler == "classes":
        return config.classes_per_batch * config.items_per_class * max(1, config.groups_per_batch)
    return config.batch_size * (2 if config.sampler == "pairs" else 3)


@dataclass(frozen=True)
class Forecast:
    """How long training will take, in seconds, and how many epochs it will get through."""

    seconds: float
    epochs: int
    steps_per_epoch: int
    limited: bool  # by the time limit


def forecast(config: TrainConfig, speed: Speed, batch: int, train_items: int, validation_items: int) -> Forecast:
    """The loop's own arithmetic: steps of `batch` pictures, a look after each epoch, the time limit."""
    steps = config.steps_per_epoch or max(1, math.ceil(train_items / batch))
    epoch = steps * batch * speed.picture + min(validation_items, LOOKED_AT) * speed.looked_at
    whole = config.epochs * epoch
    if 0 < config.max_seconds < whole:
        return Forecast(config.max_seconds, max(1, round(config.max_seconds / epoch)), steps, True)
    return Forecast(whole, config.epochs, steps, False)


def main() -> None:
    """The process that `measure_apart` starts: settings on stdin, the speed on stdout, both as JSON."""
    asked = json.load(sys.stdin)
    speed = measure(TrainConfig.from_dict(asked["config"]), InputSpec.from_json(asked["spec"]))
    print(json.dumps(speed and asdict(speed)))


if __name__ == "__main__":
    main()
