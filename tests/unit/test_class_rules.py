"""Ways of naming a query: against slow loops, and with a network that has collapsed."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import class_rules, metrics
from siamese_core.class_rules import head, nearest, prototype
from siamese_core.errors import ConfigError
from tests.embedders import Constant, Plain


def drawn(seed: int = 0, classes: int = 4, size: int = 5):
    """(Q, D) queries, (S, D) examples and their classes in no order, one to four of each class."""
    rng = np.random.default_rng(seed)
    ways = rng.permutation(np.repeat(np.arange(classes), rng.integers(1, 5, classes)))
    return rng.normal(size=(7, size)).astype(np.float32), rng.normal(size=(len(ways), size)).astype(np.float32), ways


@pytest.mark.parametrize("seed", range(5))
def test_nearest_and_prototype_are_what_a_slow_loop_finds(seed):
    queries, gallery, ways = drawn(seed)
    near = nearest.fit(Plain(), gallery, ways, 4)(queries)
    mean = prototype.fit(Plain(), gallery, ways, 4)(queries)
    for q, query in enumerate(queries):
        for c in range(4):
            mine = [gallery[i] for i in range(len(ways)) if ways[i] == c]
            assert near[q, c] == pytest.approx(min(np.linalg.norm(query - m) for m in mine), abs=1e-5)
            assert mean[q, c] == pytest.approx(np.linalg.norm(query - sum(mine) / len(mine)), abs=1e-5)


def test_the_head_gives_minus_the_logarithm_of_a_probability():
    queries, gallery, ways = drawn()
    far = head.fit(Plain(), gallery, ways, 4)(queries)
    np.testing.assert_allclose(np.exp(-far).sum(1), 1.0, atol=1e-4)
    assert far.shape == (7, 4)
    assert head.fit(Plain(), gallery, ways, 4)(queries[:0]).shape == (0, 4)


def test_the_head_learns_which_numbers_matter():
    rng = np.random.default_rng(0)
    ways = np.repeat([0, 1], 8)
    loud = rng.normal(size=(16, 6)) * 3  # noise that nearest and prototype drown in
    z = np.concatenate([np.where(ways == 0, -3.0, 3.0)[:, None], loud], 1)
    fresh = np.concatenate([np.repeat([-3.0, 3.0], 100)[:, None], rng.normal(size=(200, 6)) * 3], 1)
    truth = np.repeat([0, 1], 100)
    right = {
        n: (class_rules.build(n)(Plain(), z, ways, 2)(fresh).argmin(1) == truth).mean() for n in ("nearest", "head")
    }
    assert right["head"] > right["nearest"] + 0.05


@pytest.mark.parametrize("rule", list(class_rules.REGISTRY))
@pytest.mark.parametrize("counts", [(2, 2, 2), (1, 4, 2), (3, 1)])
def test_a_collapsed_network_ends_in_a_tie(rule, counts):
    ways = np.repeat(np.arange(len(counts)), counts)
    z = np.full((len(ways), 6), 0.3, dtype=np.float32)
    far = class_rules.build(rule)(Constant(), z, ways, len(counts))(z[:2])
    assert metrics.nearest_class(far, np.arange(len(counts)))[1].all()


def test_one_shot_each_leaves_nothing_to_try():
    _, gallery, _ = drawn()
    found = class_rules.choose(Plain(), gallery[:3], np.arange(3), 3)
    assert (found.rule, found.tested, found.accuracies) == ("nearest", 0, {})
    assert "none can be left out" in found.reason


def test_the_choice_is_what_leaving_out_one_by_one_finds():
    _, gallery, ways = drawn(3)
    found = class_rules.choose(Plain(), gallery, ways, 4)
    right, tested = 0, 0
    for rank in range(4):
        out = [np.flatnonzero(ways == c)[rank] for c in range(4) if (ways == c).sum() > 1 and (ways == c).sum() > rank]
        kept = [i for i in range(len(ways)) if i not in out]
        for i in out:
            far = [min(np.linalg.norm(gallery[i] - gallery[j]) for j in kept if ways[j] == c) for c in range(4)]
            right += int(np.argmin(far)) == ways[i]
            tested += 1
    assert found.tested == tested
    assert found.accuracies["nearest"] == pytest.approx(right / tested)
    assert found.accuracies[found.rule] == max(found.accuracies.values())


def test_of_equally_good_rules_the_simplest_is_taken_and_it_is_said():
    z = np.repeat([[0.0, 5.0], [5.0, 0.0]], 3, axis=0)
    found = class_rules.choose(Plain(), z, np.repeat([0, 1], 3), 2)
    assert found.rule == "nearest"
    assert "the simplest of the best" in found.reason
    assert "Of 6 examples" in found.reason


def test_prototypes_are_chosen_where_single_examples_mislead():
    rng = np.random.default_rng(1)
    ways = np.repeat(np.arange(3), 12)
    z = 1.1 * np.eye(3)[ways] @ np.eye(3, 8) + rng.normal(size=(36, 8))
    assert class_rules.choose(Plain(), z, ways, 3).rule != "nearest"


def test_a_collapsed_network_is_right_about_no_example():
    found = class_rules.choose(Constant(), np.ones((6, 4)), np.repeat([0, 1], 3), 2)
    assert set(found.accuracies.values()) == {0.0}


def test_an_unknown_rule_is_told_the_known_ones():
    with pytest.raises(ConfigError, match="nearest, prototype, head or auto"):
        class_rules.build("majority")
