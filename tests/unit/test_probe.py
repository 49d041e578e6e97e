"""The look at validation classes: drawn once, balanced, within groups, and never kind to ties."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from siamese_core import distances, losses, presets, probe
from siamese_core.modalities.image import ImageItems
from siamese_core.types import InputSpec, LabelledSet

CONFIG = presets.build("digits", extra_classes="none", embedding_size=4, class_copies=False, classes_per_batch=6)


def groups_of_classes(groups: int = 3, per_group: int = 6, each: int = 5) -> LabelledSet:
    n = groups * per_group
    rng = np.random.default_rng(0)
    items = ImageItems(rng.integers(0, 255, (n * each, 1, 8, 8), dtype=np.uint8), InputSpec(1, 8, 8))
    return LabelledSet(
        "g", items, np.repeat(np.arange(n), each), tuple(str(i) for i in range(n)),
        class_groups=np.repeat(np.arange(groups), per_group), group_names=tuple("abc"[:groups]),
    )  # fmt: skip


def test_pairs_are_balanced_and_different_ones_come_from_one_group():
    data = groups_of_classes()
    p = probe.make(data, CONFIG)
    a, b = p.labels[p.first], p.labels[p.second]
    assert p.same.sum() * 2 == len(p.same)
    assert np.array_equal(a == b, p.same)
    assert (p.first != p.second).all()
    assert (data.class_groups[a] == data.class_groups[b]).all()


def test_episodes_have_one_right_answer_and_never_the_query_itself():
    data = groups_of_classes()
    p = probe.make(data, CONFIG)
    assert p.supports.shape == (probe.EPISODES, 6)
    q, s = p.labels[p.queries], p.labels[p.supports]
    assert (s[:, 0] == q).all()
    assert (s[:, 1:] != q[:, None]).all()
    assert (p.supports[:, 0] != p.queries).all()
    assert all(len(set(row)) == 6 for row in s)
    assert (data.class_groups[s] == data.class_groups[q][:, None]).all()


def test_the_same_seed_draws_the_same_probe_and_another_does_not():
    data = groups_of_classes()
    a, b, c = (probe.make(data, CONFIG.with_values(seed=s)) for s in (0, 0, 1))
    assert np.array_equal(a.queries, b.queries)
    assert not np.array_equal(a.queries, c.queries)


def measured(z: torch.Tensor, p: probe.Probe) -> dict:
    distance = distances.build("cosine", z.shape[1])
    return probe.measure(p, z, distance, losses.build(CONFIG, distance))


def test_perfect_random_and_constant_embeddings():
    data = groups_of_classes()
    p = probe.make(data, CONFIG)
    perfect = torch.nn.functional.one_hot(torch.from_numpy(p.labels), 18).float()
    found = measured(perfect, p)
    assert (found["auc"], found["one_shot"], found["pair_accuracy"], found["eer"]) == (1.0, 1.0, 1.0, 0.0)
    chance = measured(torch.randn(len(p.labels), 64, generator=torch.Generator().manual_seed(0)), p)
    assert abs(chance["auc"] - 0.5) < 0.1
    assert abs(chance["one_shot"] - 1 / 6) < 0.1
    constant = measured(torch.ones(len(p.labels), 18), p)
    assert constant["one_shot"] == 0.0
    assert constant["auc"] == pytest.approx(0.5)
    assert constant["pair_accuracy"] <= 0.5 + 1e-9


def test_the_histogram_holds_every_pair_once():
    d, same = np.array([0.0, 0.1, 0.5, 1.2]), np.array([True, True, False, False])
    found = probe.histogram(d, same)
    assert (found["low"], found["high"]) == (0.0, 1.2)
    assert len(found["same"]) == len(found["different"]) == probe.BINS
    assert (sum(found["same"]), sum(found["different"])) == (2, 2)
    assert found["same"][0] == 1
    assert found["different"][-1] == 1
    assert sum(probe.histogram(np.ones(6), np.arange(6) < 3)["same"]) == 3
