"""A run's reference, by its best weights: a sample of training embeddings, and what its training inputs look like."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from siamese_core import novelty, trained
from siamese_core.errors import DataError
from siamese_core.files import write_atomic
from siamese_core.runs import Run
from siamese_core.types import Items

MOST = 1000  # items of each part


def make(run: Run, train: Items, validation: Items, device: str = "cpu") -> Path:
    """Write reference.safetensors: `embeddings` (M, D) in half precision, and the tensors of a `Novelty` unless there
    are too few items for one. Raises RunError as `trained.load` does, or OSError."""
    model = trained.load(run, device, calibrated=False)
    seen, other = (_sample(items) for items in (train, validation))
    tensors = {"embeddings": torch.from_numpy(model.embed(seen)).half().contiguous()}
    with contextlib.suppress(DataError):  # a handful of pictures does not tell what is usual
        tensors |= novelty.fit(model.features(seen), model.features(other)).tensors()
    path = run.folder / "reference.safetensors"
    write_atomic(path, save(tensors))
    return path


def _sample(items: Items) -> Items:
    return items.select(np.sort(np.random.default_rng(0).permutation(len(items))[:MOST]))
