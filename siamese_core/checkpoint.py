"""What a run saves: weights, the optimiser's state, the model card. safetensors and JSON only."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from siamese_core import metrics
from siamese_core.errors import RunError
from siamese_core.files import write_atomic, write_json

WEIGHTS_FORMAT = "siamese-lab-1"
HISTOGRAM_BINS = 40


def save_weights(path: Path, weights: dict[str, Tensor]) -> str:
    """Write weights atomically; returns the first 16 hexadecimal digits of the file's SHA-256."""
    data = save(weights, metadata={"format": WEIGHTS_FORMAT})
    write_atomic(path, data)
    return hashlib.sha256(data).hexdigest()[:16]


def save_state(folder: Path, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
    """Everything for resuming. The values travel inside the tensor file, so that the two cannot
    disagree; the JSON beside it is for people."""
    write_atomic(folder / "optimiser.safetensors", save(tensors, metadata={"state": json.dumps(values)}))
    write_json(folder / "optimiser.json", values)


def load_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The saved state, or None when there is none. Raises RunError when it is broken."""
    path = folder / "optimiser.safetensors"
    if not path.is_file():
        return None
    try:
        data = path.read_bytes()
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        values = json.loads(header["__metadata__"]["state"])
        if not isinstance(values, dict):
            raise ValueError("no values")
        return load(data), values
    except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError):
        raise RunError(
            f"The checkpoint of run {folder.name} is damaged and cannot be resumed; its best weights still work. "
            "Use Repeat to train it again."
        ) from None


def card(
    found: dict[str, Any],
    same: np.ndarray,
    training: dict[str, Any],
    data: dict[str, Any],
    best: str,
    unseen: bool = True,
) -> dict[str, Any]:
    """The model card: the threshold and what was measured on validation classes with the best weights.

    unseen: whether these classes were kept apart; where they were not, a threshold or rates would flatter, and the
    card holds none.
    """
    if not unseen:
        return {"format": 1, "threshold": None, "training": training, "data": data, "weights": {"best": best}}
    d = found["distances"]
    threshold, accuracy = metrics.best_threshold(d, same)
    edges = np.histogram_bin_edges(d, HISTOGRAM_BINS)
    return {
        "format": 1,
        "threshold": float(threshold),
        "validation": {
            "auc": found["auc"],
            "eer": found["eer"],
            "pair_accuracy": found["pair_accuracy"],
            "accuracy_at_threshold": float(accuracy),
            "one_shot": found["one_shot"],
            "n_way": found["n_way"],
            "pairs": len(d),
            "epoch": training["epoch"],
        },
        "distances": {
            "edges": [float(e) for e in edges],
            "same": np.histogram(d[same], edges)[0].tolist(),
            "different": np.histogram(d[~same], edges)[0].tolist(),
        },
        "training": training,
        "data": data,
        "weights": {"best": best},
    }
