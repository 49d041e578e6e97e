"""The look at unseen classes after every epoch: a fixed sample, fixed pairs and fixed one-shot tasks.

All that is random is drawn once from the run's seed, so that curves move only when the network does.
Pairs are balanced; negatives come from the same group (alphabet) where there are groups, as they
would in use. The pair accuracy is cross-fitted: its threshold is chosen on one half of the pairs and
used on the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from siamese_core import metrics, samplers
from siamese_core.config import TrainConfig
from siamese_core.types import Batch, LabelBatch, LabelledSet, PairBatch

MAX_ITEMS = 800
MAX_PAIRS = 3000
EPISODES = 400
MAX_WAYS = 20
BINS = 24


@dataclass(frozen=True)
class Probe:
    """What is looked at: indices into `indices`' sample of the set (all int64)."""

    indices: np.ndarray  # (M,) items of the set that are embedded
    labels: np.ndarray  # (M,)
    first: np.ndarray  # (pairs,) positions in the sample
    second: np.ndarray
    same: np.ndarray  # (pairs,) bool
    queries: np.ndarray  # (E,)
    supports: np.ndarray  # (E, N), the right one first
    batches: tuple[Batch, ...]  # for the validation loss


def make(data: LabelledSet, config: TrainConfig) -> Probe:
    """Draw a probe of a labelled set; seeded by the config."""
    rng = np.random.default_rng([config.seed, 77])
    indices = _sample(data, rng)
    labels = data.labels[indices]
    groups = None if data.class_groups is None else data.class_groups
    first, second, same = _pairs(labels, groups, data.forged, rng)
    queries, supports = _episodes(labels, groups, data.forged, rng)
    return Probe(indices, labels, first, second, same, queries, supports, _batches(config, labels, groups, rng))


def embed(encoder: nn.Module, batch_of: Callable[[np.ndarray], Tensor], indices: np.ndarray, size: int = 256) -> Tensor:
    """(M,) items -> (M, D) embeddings by an encoder in eval mode, in batches."""
    was = encoder.training
    encoder.eval()
    with torch.inference_mode():
        parts = [encoder(batch_of(indices[i : i + size])) for i in range(0, len(indices), size)]
    encoder.train(was)
    return torch.cat(parts)


def measure(probe: Probe, z: Tensor, distance: nn.Module, loss: nn.Module) -> dict[str, Any]:
    """Validation loss, pair accuracy, AUC, EER, one-shot accuracy of (M, D) embeddings of the sample.

    Raises DataError when distances are not numbers.
    """
    with torch.inference_mode():
        d = distance.pairs(z[probe.first], z[probe.second]).float().cpu().numpy()  # type: ignore[operator]
        e, n = probe.supports.shape
        wide = distance.pairs(  # type: ignore[operator]
            z[np.repeat(probe.queries, n)], z[probe.supports.ravel()]
        )
        wide_d = wide.float().cpu().numpy().reshape(e, n)
        losses = [float(batch_loss(loss, z, b)) for b in probe.batches]
    right = wide_d[:, 0] < wide_d[:, 1:].min(axis=1)  # a tie is never right
    eer, _ = metrics.eer(d, probe.same)
    return {
        "validation_loss": float(np.mean(losses)),
        "pair_accuracy": float(metrics.cross_fit_accuracy(d, probe.same, np.random.default_rng(0))),
        "auc": float(metrics.roc_auc(d, probe.same)),
        "eer": float(eer),
        "one_shot": float(right.mean()),
        "n_way": int(n),
        "distances": d,
    }


def histogram(distances: np.ndarray, same: np.ndarray) -> dict[str, Any]:
    """How the distances of same and different pairs lie, small enough for an event: (M,) and (M,) bool ->
    "low" and "high", between which there are `BINS` equal bins, and the counts "same" and "different"."""
    edges = np.histogram_bin_edges(distances, BINS)
    counts = {
        name: np.histogram(distances[of], edges)[0].tolist() for name, of in (("same", same), ("different", ~same))
    }
    return {"low": float(edges[0]), "high": float(edges[-1])} | counts


def batch_loss(loss: nn.Module, z: Tensor, batch: Batch) -> Tensor:
    """The loss of a batch whose items are rows of `z` already: (M, D) -> scalar."""
    if isinstance(batch, PairBatch):
        same = torch.as_tensor(batch.same, device=z.device)
        return loss.on_pairs(z[batch.first], z[batch.second], same)  # type: ignore[operator]
    if isinstance(batch, LabelBatch):
        return loss.on_classes(z[batch.indices], torch.as_tensor(batch.labels, device=z.device))  # type: ignore[operator]
    return loss.on_triplets(z[batch.anchor], z[batch.positive], z[batch.negative])  # type: ignore[operator]


def _sample(data: LabelledSet, rng: np.random.Generator) -> np.ndarray:
    per_class = max(2, min(20, MAX_ITEMS // max(1, data.n_classes)))
    if data.n_classes <= 4:
        per_class = MAX_ITEMS // 4
    picked = []
    for c in range(data.n_classes):
        of_class = np.flatnonzero(data.labels == c)
        picked.append(rng.permutation(of_class)[:per_class])
    return np.concatenate(picked)


def _pairs(
    labels: np.ndarray, groups: np.ndarray | None, forged: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    i, j = np.triu_indices(len(labels), 1)
    claimed = ~(forged[labels[i]] & forged[labels[j]])  # nobody claims that two forgeries are one hand's
    i, j = i[claimed], j[claimed]
    same = labels[i] == labels[j]
    near = np.ones(len(i), dtype=bool) if groups is None else groups[labels[i]] == groups[labels[j]]
    if not (near & ~same).any():
        near[:] = True
    pos, neg = np.flatnonzero(same), np.flatnonzero(~same & near)
    n = min(len(pos), len(neg), MAX_PAIRS)
    pick = np.concatenate([rng.permutation(pos)[:n], rng.permutation(neg)[:n]])
    return i[pick], j[pick], same[pick]


def _episodes(
    labels: np.ndarray, groups: np.ndarray | None, forged: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    members = {c: np.flatnonzero(labels == c) for c in np.unique(labels)}
    many = [c for c, m in members.items() if len(m) >= 2]
    usable = [c for c in many if not forged[c]]
    pools = [np.array(many)]
    if groups is not None:
        by_group = [np.array([c for c in members if groups[c] == g]) for g in np.unique(groups[list(members)])]
        pools = [p for p in by_group if len(p) >= 5] or pools
    everyone = np.array(list(members))
    n = min(MAX_WAYS, *(len(p) for p in pools), len(everyone))
    queries, supports = np.empty(EPISODES, np.int64), np.empty((EPISODES, n), np.int64)
    for e in range(EPISODES):
        pool = pools[rng.integers(len(pools))]
        target = rng.choice(np.intersect1d(pool, usable))
        others = rng.permutation(pool[pool != target])[: n - 1]
        query, support = rng.permutation(members[target])[:2]
        queries[e] = query
        supports[e] = [support, *(rng.choice(members[c]) for c in others)]
    return queries, supports


def _batches(
    config: TrainConfig, labels: np.ndarray, groups: np.ndarray | None, rng: np.random.Generator
) -> tuple[Batch, ...]:
    plain = config.with_values(
        class_copies=False,
        groups_per_batch=0 if groups is None else min(config.groups_per_batch, len(np.unique(groups))),
    )
    sampler = samplers.build(plain, labels, groups, None, rng)
    return tuple(sampler.next() for _ in range(4))
