"""A trained network, ready to use: immutable, in eval mode, safe to share between threads.

Weights are read from safetensors only (never a pickle): one flat table with "encoder.<name>" and
"distance.<name>", written by the worker with the metadata {"format": "siamese-lab-1"}.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from siamese_core import device as devices
from siamese_core import distances, encoders, runs
from siamese_core.calibration import Calibration
from siamese_core.config import TrainConfig
from siamese_core.errors import ConfigError, DataError, RunError
from siamese_core.files import sha16
from siamese_core.modalities.decoding import plain_name
from siamese_core.novelty import Novelty, features
from siamese_core.runs import Run
from siamese_core.types import InputSpec, Items

WEIGHTS_FORMAT = "siamese-lab-1"
BLOCK = 2**22  # distances computed at once
CACHED = 2**17  # pixels of a channel that are encoded at once on a processor

Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Trained:
    """A run's network with its weights; implements `types.Embedder`. Make it with `load`."""

    name: str
    config: TrainConfig
    spec: InputSpec
    card: dict[str, Any]
    threshold: float | None
    calibration: Calibration | None
    weights_digest: str
    device: str
    novelty: Novelty | None = field(repr=False)
    encoder: nn.Module = field(repr=False)
    distance_module: nn.Module = field(repr=False)

    def embed(self, items: Items, batch: int | None = None, progress: Progress | None = None) -> np.ndarray:
        """Items of length N, fitted to `spec` where they are not -> (N, D) float32. batch: how many at once; None: what
        suits the device (`batch_of`)."""
        return self._encode(self.encoder, items, batch, progress)

    def maps(self, items: Items, batch: int | None = None) -> np.ndarray:
        """Items of length N -> the last convolution's maps (N, C, h, w) float32; what follows is linear."""
        return self._encode(cast(Callable[[Tensor], Tensor], self.encoder.maps), items, batch, None)

    def features(self, items: Items, batch: int | None = None) -> np.ndarray:
        """Items of length N -> (N, F) float32, what `novelty` looks at."""
        maps = cast(Callable[[Tensor], Tensor], self.encoder.maps)
        return self._encode(lambda x: features(maps, x), items, batch, None)

    def unlike(self, items: Items) -> np.ndarray | None:
        """Items of length N -> (N,) bool: unlike anything that the network was trained on; None when the run does
        not say what it was trained on."""
        if self.novelty is None or not len(items):
            return None
        found = self.features(items)
        return self.novelty.unlike(found) if found.shape[1] == len(self.novelty.mean) else None

    def distances(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(M, D) and (M, D) embeddings -> (M,) float32 distances, smaller is closer."""
        with torch.inference_mode():
            found = self.distance_module.pairs(self._tensor(a), self._tensor(b))  # type: ignore[operator]
        return found.float().cpu().numpy()

    def distance_matrix(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """(Q, D) and (G, D) embeddings -> (Q, G) float32 distances, in blocks that fit in memory."""
        found = np.empty((len(queries), len(gallery)), dtype=np.float32)
        rows = max(1, BLOCK // max(1, len(gallery)))
        with torch.inference_mode():
            g = self._tensor(gallery)
            for i in range(0, len(queries), rows):
                block = self.distance_module.matrix(self._tensor(queries[i : i + rows]), g)  # type: ignore[operator]
                found[i : i + rows] = block.float().cpu().numpy()
        return found

    def _tensor(self, x: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)).to(self.device)

    def _encode(
        self, forward: Callable[[Tensor], Tensor], items: Items, batch: int | None, progress: Progress | None
    ) -> np.ndarray:
        batch = batch_of(self.spec, self.device) if batch is None else batch
        if batch < 1:
            raise ConfigError(f"The batch size is {batch}, but must be at least 1.")
        resident = items.fitted(self.spec).resident(self.device)
        n = len(items)
        found: list[Tensor] = []
        with torch.inference_mode():
            if not n:
                blank = torch.zeros(1, self.spec.channels, self.spec.height, self.spec.width, device=self.device)
                return forward(blank)[:0].float().cpu().numpy()
            for i in range(0, n, batch):
                found.append(forward(resident.batch(np.arange(i, min(i + batch, n)))))
                if progress:
                    progress(f"Encoded {min(i + batch, n)} of {n}", min(i + batch, n) / n)
            return torch.cat(found).float().cpu().numpy()


def batch_of(spec: InputSpec, device: str) -> int:
    """How many inputs to encode at once: on a processor so few that what lies between two layers stays in its cache."""
    return max(16, min(128, CACHED // (spec.height * spec.width))) if device == "cpu" else 256


def load(run: Run | str | Path, device: str = "cpu", weights: str = "best", calibrated: bool = True) -> Trained:
    """A run (or its folder, its name, or 'starter') -> its network with the 'best' or 'last' weights.

    The threshold is its calibration's, when it has one and `calibrated` is wanted. Raises RunError when files of the
    run are missing, truncated, of another version or do not fit each other, DeviceError when the device is not there,
    ConfigError for other weights.
    """
    if weights not in ("best", "last"):
        raise ConfigError(f"There are no weights called '{weights}'; use best or last.")
    found = run if isinstance(run, Run) else runs.find(run)
    config, spec, path = found.config(), found.spec(), found.weights(weights)
    where = devices.choose(device)
    with torch.device("meta"):  # no memory is taken before the file is seen to hold such a network
        shapes = _network(config, spec).state_dict()
    table = _read(path, shapes, found.name)
    network = _network(config, spec)
    network.load_state_dict(table)
    network.eval().requires_grad_(False).to(where)
    card = found.card() or {}
    threshold = card.get("threshold")
    if not isinstance(threshold, (int, float)) or not np.isfinite(threshold):
        threshold = None
    calibration = _calibration(card, found.name) if calibrated else None
    if calibration is not None:
        threshold = calibration.threshold
    return Trained(
        name=found.name,
        config=config,
        spec=spec,
        card=card,
        threshold=None if threshold is None else float(threshold),
        calibration=calibration,
        weights_digest=sha16(path),
        device=where,
        novelty=_novelty(found.folder / "reference.safetensors"),
        encoder=network["encoder"],
        distance_module=network["distance"],
    )


def _novelty(path: Path) -> Novelty | None:
    """What training inputs look like, or None where the run's reference does not say, or cannot be read."""
    try:
        with safe_open(path, framework="pt") as f:
            if not {"mean", "precision", "usual"} <= set(f.keys()):
                return None
            mean, precision, usual = (f.get_tensor(k).double().numpy() for k in ("mean", "precision", "usual"))
    except (SafetensorError, OSError, ValueError):
        return None
    size = mean.size
    whole = mean.shape == (size,) and precision.shape == (size, size) and usual.shape == (2,)
    finite = all(np.isfinite(v).all() for v in (mean, precision, usual))
    return Novelty(mean, precision, usual) if whole and finite else None


def _calibration(card: dict[str, Any], name: str) -> Calibration | None:
    """The card's calibration; RunError in one sentence when it cannot be used."""
    if card.get("calibration") is None:
        return None
    try:
        return Calibration.from_json(card["calibration"])
    except DataError as e:
        raise RunError(f"The card.json of run {name} cannot be used: {plain_name(str(e))}") from None


def _network(config: TrainConfig, spec: InputSpec) -> nn.ModuleDict:
    return nn.ModuleDict(
        {"encoder": encoders.build(config, spec), "distance": distances.build(config.distance, config.embedding_size)}
    )


def _read(path: Path, own: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """A weights file that holds a network of these shapes; RunError in one sentence when it does not."""
    try:
        with safe_open(path, framework="pt") as f:
            version = (f.metadata() or {}).get("format")
            table = {key: f.get_tensor(key) for key in f.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, ValueError) as e:
        raise RunError(
            f"The weights {path.name} of run {name} cannot be read: the file is cut short or damaged "
            f"({plain_name(str(e))}). Copy the run again, or resume its training."
        ) from None
    if version != WEIGHTS_FORMAT:
        other = plain_name(repr(version))
        raise RunError(
            f"The weights {path.name} of run {name} have the format {other}, but this version of Siamese Lab "
            f"reads '{WEIGHTS_FORMAT}'; open the run with the version that made it."
        )
    for key in sorted(own.keys() | table.keys()):
        problem = ""
        if key not in table:
            problem = f"'{key}' is missing"
        elif key not in own:
            problem = f"'{plain_name(key)}' is not part of its network"
        elif own[key].shape != table[key].shape:
            problem = f"'{key}' is {tuple(table[key].shape)} and should be {tuple(own[key].shape)}"
        elif table[key].is_floating_point() and not bool(torch.isfinite(table[key]).all()):
            problem = f"'{key}' holds values that are not numbers"
        if problem:
            raise RunError(
                f"The weights {path.name} of run {name} do not fit its config.json: {problem}. "
                "Put back the files that belong together, or train the run again."
            )
    return table
