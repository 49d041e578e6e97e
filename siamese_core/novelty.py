"""Is an input like anything that the network was trained on?

A network answers to any input, and its embedding of noise lies near some class like any other. So the question is put
to what comes before the embedding: the mean and spread of each feature map, and six plain properties of the picture
(brightness, contrast, edges, ink at the rim). How far they are from those of the training items is a Mahalanobis
distance, after Lee, Lee, Lee and Shin 2018 ("A simple unified framework for detecting out-of-distribution samples");
theirs is to the nearest class, ours to all of the training items, as unseen classes are nothing unusual here. What is
usual is seen on validation items, of classes that the network has not learnt from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from siamese_core.errors import DataError

SHRINKAGE = 0.1  # of the covariance toward its diagonal
MOST_MAPS = 256  # of larger networks, only so many feature maps are looked at, evenly chosen
MARGIN = 1.15  # beyond the 99% quantile of validation items, which are few
ENOUGH = 20  # items to learn what is usual from


@dataclass(frozen=True, eq=False)
class Novelty:
    """What training inputs look like: mean (F,), precision (F, F), and the distances that validation items have:
    `usual` (2,), their median and 99% quantile."""

    mean: np.ndarray
    precision: np.ndarray
    usual: np.ndarray

    def distances(self, features: np.ndarray) -> np.ndarray:
        """(N, F) features -> (N,) Mahalanobis distances to the training items."""
        off = np.asarray(features, dtype=np.float64) - self.mean
        return np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", off, self.precision, off), 0.0))

    def unlike(self, features: np.ndarray) -> np.ndarray:
        """(N, F) features -> (N,) bool: farther off than all but the strangest of the validation items, or NaN."""
        return ~(self.distances(features) <= MARGIN * float(self.usual[1]))

    def tensors(self) -> dict[str, Tensor]:
        """For a file."""
        values = {"mean": self.mean, "precision": self.precision, "usual": self.usual}
        return {name: torch.from_numpy(np.ascontiguousarray(v, dtype=np.float32)) for name, v in values.items()}


def fit(train: np.ndarray, validation: np.ndarray) -> Novelty:
    """(N, F) features of training items and (M, F) of validation items. Raises DataError for fewer than 20 of either,
    or features that are not finite numbers."""
    train, validation = np.asarray(train, dtype=np.float64), np.asarray(validation, dtype=np.float64)
    if min(len(train), len(validation)) < ENOUGH:
        raise DataError(f"What is usual is learnt from at least {ENOUGH} training and {ENOUGH} validation items.")
    if not (np.isfinite(train).all() and np.isfinite(validation).all()):
        raise DataError("Some features are not finite numbers; the network's output is broken, so train it anew.")
    mean = train.mean(0)
    covariance = np.cov(train.T)
    own = np.diag(covariance)
    floor = 1e-6 * max(float(own.mean()), 1e-12)
    covariance = (1 - SHRINKAGE) * covariance + np.diag(SHRINKAGE * own + floor)
    found = Novelty(mean, np.linalg.inv(covariance), np.zeros(2))
    usual = np.quantile(found.distances(validation), [0.5, 0.99])
    return Novelty(mean, found.precision, usual)


def features(maps: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """What is looked at: network inputs (B, C, H, W) in [0, 1] -> (B, F). `maps` are the encoder's last ones."""
    found = maps(x).flatten(2)
    if found.shape[1] > MOST_MAPS:
        kept = torch.linspace(0, found.shape[1] - 1, MOST_MAPS, device=found.device).round().long()
        found = found[:, kept]
    parts = [found.mean(2)]
    if found.shape[2] > 1:
        parts.append(found.std(2))
    grey = x.mean(1)
    rim = torch.cat([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], dim=1)
    properties = [
        grey.mean((1, 2)),
        grey.std((1, 2)),
        grey.diff(dim=1).abs().mean((1, 2)),
        grey.diff(dim=2).abs().mean((1, 2)),
        (grey > 0.5).float().mean((1, 2)),
        rim.mean(1),
    ]
    return torch.cat([*parts, torch.stack(properties, 1)], 1).float()
