"""Accuracy against N and K: the same tasks for all, against slow loops, and nothing to win by a collapse."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import laboratory, one_shot
from siamese_core.episode_sampler import Sampler
from siamese_core.errors import ConfigError
from tests.embedders import Constant, Plain, Random, numbers


@pytest.fixture(autouse=True)
def vectors(monkeypatch):
    """Plain vectors instead of pixels."""
    monkeypatch.setattr(laboratory.baseline, "Pixels", lambda spec: Random())


def study(embedder=None, data=None, **more):
    return laboratory.study(embedder or Plain(), data or numbers(spread=6.0), (2, 5, 20), (1, 3), 30, **more)


def test_a_cell_is_what_a_slow_loop_finds():
    data = numbers(spread=6.0)
    found = study(data=data)
    cell = next(c for c in found.cells if (c.n_way, c.k_shot) == (5, 3))
    sampler, rng, right = Sampler(data, 5, 3), np.random.default_rng([0, 5, 3]), []
    for _ in range(30):
        task = sampler.draw(rng)
        z = data.items.values
        hits = 0
        for q, way in zip(task.queries, task.query_ways, strict=True):
            far = [np.linalg.norm(z[q] - z[s]) for s in task.support]
            hits += task.support_ways[int(np.argmin(far))] == way
        right.append(hits / 5)
    assert cell.accuracy == pytest.approx(np.mean(right))
    assert (cell.low, cell.high) == pytest.approx(one_shot.interval(np.array(right)))
    assert cell.chance == 0.2
    assert cell.pixels == pytest.approx(0.2, abs=0.15)  # the blind one


def test_what_the_data_has_no_classes_or_items_for_is_left_out():
    found = study()
    assert [(c.n_way, c.k_shot) for c in found.cells] == [(2, 1), (2, 3), (5, 1), (5, 3), (8, 1), (8, 3)]
    ways, shots, grid = laboratory.table(found)
    assert (ways, shots, grid.shape) == ([2, 5, 8], [1, 3], (3, 2))
    few = laboratory.study(Plain(), numbers(per_class=3), (2,), (1, 2, 5), 5)
    assert [c.k_shot for c in few.cells] == [1, 2]
    with pytest.raises(ConfigError, match="items each"):
        laboratory.study(Plain(), numbers(per_class=3), (2,), (5,), 5)


def test_the_hardest_class_is_the_one_that_is_mixed_up():
    data = numbers(classes=6, per_class=12, spread=0.05)
    values = data.items.values.copy()
    mixed = np.isin(data.labels, (2, 4))
    values[mixed] = np.random.default_rng(0).normal(size=(int(mixed.sum()), values.shape[1])) * 0.1  # 2 and 4: one heap
    found = study(data=data.with_items(type(data.items)(values)))
    assert {h.name for h in found.hardest} == {"c2", "c4"}
    hard = next(h for h in found.hardest if h.name == "c2")
    assert hard.instead == "c4"
    assert hard.low <= hard.accuracy <= hard.high
    assert hard.accuracy + hard.times / hard.queries == pytest.approx(1.0)


def test_a_collapsed_network_wins_nothing():
    found = study(Constant())
    assert {c.accuracy for c in found.cells} == {0.0}
    assert all(h.instead is None and h.accuracy == 0.0 for h in found.hardest)


def test_a_seed_says_it_all():
    assert study(seed=3) == study(seed=3)
    assert study(seed=3) != study(seed=4)


def test_settings_that_cannot_be():
    with pytest.raises(ConfigError, match="at least 2"):
        laboratory.study(Plain(), numbers(), episodes=1)
    with pytest.raises(ConfigError, match="no rule"):
        laboratory.study(Plain(), numbers(), rule="auto")
