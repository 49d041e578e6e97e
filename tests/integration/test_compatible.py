"""Every loss x distance x sampler x mining that goes together learns, and its gradient reaches the shared
weights through both inputs."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from siamese_core import distances, encoders, losses, metrics, samplers
from siamese_core.config import DISTANCES, LOSSES, MINING, SAMPLERS, TrainConfig
from siamese_core.types import InputSpec, LabelBatch, PairBatch

SPEC = InputSpec(1, 12, 12)
CLASSES, EACH = 6, 10
TINY = TrainConfig(width=8, embedding_size=8, image_size=12, batch_size=32, classes_per_batch=6, items_per_class=4)
# margins that suit unit vectors under each distance
MARGINS = {"euclidean": 1.0, "squared_euclidean": 1.0, "cosine": 0.5, "manhattan": 2.0, "weighted_l1": 1.0}
EVERYTHING = [
    TINY.with_values(loss=loss, distance=distance, sampler=sampler, mining=mining, margin=MARGINS[distance])
    for loss, distance, sampler, mining in product(LOSSES, DISTANCES, SAMPLERS, MINING)
]
COMPATIBLE = [config for config in EVERYTHING if not config.problems()]


each_compatible = pytest.mark.parametrize(
    "config", COMPATIBLE, ids=lambda c: f"{c.loss}-{c.distance}-{c.sampler}-{c.mining}"
)


def pictures() -> tuple[Tensor, np.ndarray]:
    """Six faint patterns, each under a strong slant of light that says nothing of the class."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(CLASSES), EACH)
    patterns = rng.random((CLASSES, 1, 12, 12)) > 0.5
    light = rng.normal(size=(len(labels), 1, 1, 1)) * 0.3 * np.linspace(-1, 1, 12)[:, None]
    x = 0.5 + 0.2 * (patterns[labels] - 0.5) + light + rng.normal(size=(len(labels), 1, 12, 12)) * 0.05
    return torch.tensor(np.clip(x, 0, 1), dtype=torch.float32), labels


def make(config: TrainConfig):
    torch.manual_seed(0)
    encoder = encoders.build(config, SPEC)
    distance = distances.build(config.distance, config.embedding_size)
    return encoder, distance, losses.build(config, distance)


def sides_of(batch) -> list[np.ndarray]:
    """The inputs that go through the twins: two, or three; a batch of classes is cut in two."""
    if isinstance(batch, PairBatch):
        return [batch.first, batch.second]
    if isinstance(batch, LabelBatch):
        return [batch.indices[::2], batch.indices[1::2]]
    return [batch.anchor, batch.positive, batch.negative]


def loss_of(loss, batch, z: list[Tensor]) -> Tensor:
    if isinstance(batch, PairBatch):
        return loss.on_pairs(*z, torch.tensor(batch.same))
    if isinstance(batch, LabelBatch):
        return loss.on_classes(torch.stack(z, 1).flatten(0, 1), torch.tensor(batch.labels))
    return loss.on_triplets(*z)


def test_there_are_as_many_combinations_as_the_tables_say():
    # contrastive 4 x (pairs + classes x 2), triplet 4 x (triplets + classes x 3), bce 2, supcon 1
    assert len(COMPATIBLE) == 12 + 16 + 2 + 1


@each_compatible
def test_gradients_reach_the_weights_through_every_input(config):
    x, labels = pictures()
    encoder, distance, loss = make(config)
    encoder.eval()  # so that one side does not touch another through the batch statistics
    batch = samplers.build(config, labels, None, None, np.random.default_rng(0)).next()
    inputs = [x[side].clone().requires_grad_() for side in sides_of(batch)]
    weights = list(encoder.parameters())

    def gradients(live: set[int]) -> list[Tensor]:
        z = [encoder(one) if i in live else encoder(one).detach() for i, one in enumerate(inputs)]
        return list(torch.autograd.grad(loss_of(loss, batch, z), weights, retain_graph=True))

    everyone = set(range(len(inputs)))
    whole = gradients(everyone)
    assert all(g.abs().sum() > 0 for g in whole)
    alone = [gradients({i}) for i in everyone]
    for side in alone:
        assert all(g.abs().sum() > 0 for g in side)
        assert any(not torch.allclose(g, w, rtol=1e-3) for g, w in zip(side, whole, strict=True))
    for total, *parts in zip(whole, *alone, strict=True):
        torch.testing.assert_close(sum(parts), total, rtol=1e-3, atol=1e-5)

    loss_of(loss, batch, [encoder(one) for one in inputs]).backward()
    assert all(one.grad.abs().sum() > 0 for one in inputs)
    assert all(p.grad.abs().sum() > 0 for p in distance.parameters())


@each_compatible
def test_the_loss_falls_and_classes_come_apart(config):
    x, labels = pictures()
    encoder, distance, loss = make(config)
    sampler = samplers.build(config, labels, None, None, np.random.default_rng(1))
    optimiser = torch.optim.AdamW([*encoder.parameters(), *distance.parameters()], lr=0.003)
    before, values = auc(encoder, distance, x, labels), []
    for _ in range(50):
        batch = sampler.next()
        sides = sides_of(batch)
        z = list(encoder(x[np.concatenate(sides)]).chunk(len(sides)))
        value = loss_of(loss, batch, z)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        values.append(value.item())
    assert np.mean(values[-8:]) < 0.8 * np.mean(values[:4]), values
    assert before < 0.7
    assert auc(encoder, distance, x, labels) > 0.9


def auc(encoder, distance, x: Tensor, labels: np.ndarray) -> float:
    encoder.eval()
    with torch.no_grad():
        z = encoder(x)
        matrix = distance.matrix(z, z).numpy()
    encoder.train()
    i, j = np.triu_indices(len(labels), 1)
    return metrics.roc_auc(matrix[i, j], labels[i] == labels[j])
