"""Galleries without a training: a model whose embeddings are the items themselves, with any of the distances."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace

import numpy as np
import torch

from siamese_core import distances
from siamese_core.galleries import Entry
from siamese_core.galleries.sources import Batch, Pictures
from siamese_core.types import InputSpec
from tests.embedders import Numbers

SIZE = 6


class Vectors(Numbers):
    """Numbers whose digests see every number."""

    def select(self, indices):
        return Vectors(self.values[indices])

    def digests(self):
        return [hashlib.sha256(v.tobytes()).hexdigest()[:16] for v in self.values]


class Toy:
    """Embeds Vectors as they are; compares by one of the core's distances."""

    def __init__(self, distance="euclidean", size=SIZE, weights="aaaa", name="toy", weight=None):
        self.name, self.weights_digest = name, weights
        self.config = SimpleNamespace(distance=distance, embedding_size=size)
        self.spec = InputSpec(1, 1, size)
        self.threshold: float | None = 0.5
        self.calibration = None
        self.distance_module = distances.build(distance, size).requires_grad_(False)
        if distance == "weighted_l1":
            given = [0.0, 0.5, 1.0, 0.25, 2.0, 1.5] if weight is None else weight
            self.distance_module.weight.copy_(torch.tensor(given, dtype=torch.float32))
            self.distance_module.bias.fill_(-1.5)
        self.embedded = 0

    def embed(self, items):
        self.embedded += len(items)
        return items.values

    def distances(self, a, b):
        return self.distance_module.pairs(torch.tensor(a), torch.tensor(b)).numpy()

    def distance_matrix(self, queries, gallery):
        return self.distance_module.matrix(torch.tensor(queries), torch.tensor(gallery)).numpy()


def entries(count, first=0, labels=None):
    """What is recorded of `count` pictures called p0, p1, ..."""
    return [
        Entry(f"{i:016x}", f"p{i}", "" if labels is None else str(labels[i - first]))
        for i in range(first, first + count)
    ]


def of_vectors(values, batch=8, labels=None):
    """Vectors as pictures to be added, in batches."""

    def batches(spec):
        for begin in range(0, len(values), batch):
            part = np.arange(begin, min(begin + batch, len(values)))
            said = [""] * len(part) if labels is None else [str(labels[i]) for i in part]
            yield Batch(Vectors(values[part]), [f"v{i}" for i in part], said, [""] * len(part), "vectors")

    return Pictures("vectors", len(values), batches)


def nearest(model, queries, values, k, ids=None):
    """By a loop: the k nearest of each query, equal ones in order of id."""
    ids = np.arange(len(values)) if ids is None else np.asarray(ids)
    found = []
    for q in queries:
        d = [float(model.distances(q[None], v[None])[0]) for v in values]
        order = sorted(range(len(values)), key=lambda i: (d[i], ids[i]))[:k]
        found.append(([int(ids[i]) for i in order], [d[i] for i in order]))
    return found


def told(found):
    """Answers as the loop gives them."""
    return [([m.item.id for m in one.matches], [m.distance for m in one.matches]) for one in found]
