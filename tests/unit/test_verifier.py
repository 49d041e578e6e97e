"""Pairs are balanced, within groups and never repeated; collapsed networks are at chance."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import calibration, verifier
from siamese_core.errors import DataError
from siamese_core.verifier import pairs_of
from tests.embedders import Constant, Numbers, Plain, Random, numbers


def measured(embedder, data, **how):
    return verifier.measure(verifier.score(embedder, data, **how), embedder.threshold, embedder.calibration)


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("max_pairs", [1, 7, 100, 100_000])
@pytest.mark.parametrize("groups", [None, np.array([0, 0, 1, 1, 1, 2])])
def test_pairs_are_balanced_right_and_different_from_each_other(max_pairs, groups):
    labels = rng().permutation(np.repeat(np.arange(6), [2, 5, 9, 30, 4, 3]))
    pairs = pairs_of(labels, rng(), max_pairs, groups)
    np.testing.assert_array_equal(labels[pairs.first] == labels[pairs.second], pairs.same)
    assert pairs.same.sum() * 2 == len(pairs) > 0
    assert pairs.same.sum() <= max_pairs
    assert (pairs.first != pairs.second).all()
    keys = {frozenset(p) for p in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)}
    assert len(keys) == len(pairs)


def test_all_same_pairs_are_found_when_there_is_room():
    labels = np.repeat(np.arange(3), [4, 5, 6])
    pairs = pairs_of(labels, rng(), 10_000)
    assert pairs.same.sum() == 6 + 10 + 15


def test_different_pairs_stay_within_their_group():
    labels = np.repeat(np.arange(6), 20)
    groups = np.array([0, 0, 0, 1, 1, 1])
    pairs = pairs_of(labels, rng(), 500, groups)
    a, b = groups[labels[pairs.first]], groups[labels[pairs.second]]
    assert (a == b).all()
    other = {frozenset((labels[i], labels[j])) for i, j in zip(pairs.first, pairs.second, strict=True)} - {
        frozenset((c,)) for c in range(6)
    }
    assert len(other) == 6  # every pair of classes of both groups


def test_a_class_alone_in_its_group_is_told_apart_from_all_others():
    labels = np.repeat(np.arange(3), 10)
    pairs = pairs_of(labels, rng(), 60, np.array([0, 0, 1]))
    different = ~pairs.same
    assert (labels[np.stack([pairs.first, pairs.second])][:, different] == 2).any()


def test_classes_count_alike_however_many_items_they_have():
    labels = np.repeat([0, 1, 2], [10, 100, 1000])
    pairs = pairs_of(labels, rng(), 120)
    np.testing.assert_array_equal(np.bincount(labels[pairs.first[pairs.same]]), [40, 40, 40])
    assert pairs_of(labels, rng(), 10_000).same.sum() == 10_000  # what the small cannot give, the large do


def test_labels_need_not_be_dense():
    pairs = pairs_of(np.array([3, 3, 7, 7, 7]), rng(), 100, np.array([0] * 8))
    assert len(pairs) > 0


@pytest.mark.parametrize(
    ("labels", "what"), [([0, 0, 0], "two classes"), ([0, 1, 2], "two items"), ([], "two classes")]
)
def test_sets_without_pairs_are_refused(labels, what):
    with pytest.raises(DataError, match=what):
        pairs_of(np.array(labels, dtype=np.int64), rng())


def test_the_same_seed_gives_the_same_pairs():
    labels = np.repeat(np.arange(5), 30)
    a, b = pairs_of(labels, rng(), 50), pairs_of(labels, rng(), 50)
    np.testing.assert_array_equal(a.first, b.first)
    np.testing.assert_array_equal(a.second, b.second)


def test_compare_uses_the_threshold_inclusively():
    a, b = Numbers(np.zeros((3, 1))), Numbers(np.array([[0.4], [0.5], [0.6]]))
    found = verifier.compare(Plain(), a, b)
    assert [c.same for c in found] == [True, True, False]
    assert found[0].distance == pytest.approx(0.4)
    assert found[0].probability is None


def test_without_a_threshold_there_is_no_verdict():
    plain = Plain()
    plain.threshold = None
    assert verifier.compare(plain, Numbers(np.zeros((1, 1))), Numbers(np.zeros((1, 1))))[0].same is None
    found = measured(plain, numbers())
    assert found["accuracy"] is None
    assert found["auc"] == 1.0


def test_compare_refuses_unequal_numbers():
    with pytest.raises(DataError, match="2 and 3"):
        verifier.compare(Plain(), Numbers(np.zeros((2, 1))), Numbers(np.zeros((3, 1))))


def test_a_good_embedding_is_recognised():
    found = measured(Plain(), numbers(spread=0.02), max_pairs=200)
    assert found["auc"] == 1.0
    assert found["eer"] == 0.0
    assert found["accuracy"] == 1.0
    assert found["pairs"] == 400


def test_a_constant_embedding_is_at_chance():
    found = measured(Constant(), numbers(groups=2))
    assert found["auc"] == 0.5
    assert found["eer"] == 0.5
    assert found["accuracy"] == 0.5


def test_a_random_embedding_is_near_chance():
    found = measured(Random(), numbers(classes=20, per_class=20))
    assert found["auc"] == pytest.approx(0.5, abs=0.05)
    assert found["eer"] == pytest.approx(0.5, abs=0.05)


def test_only_items_in_pairs_are_embedded():
    plain = Plain()
    measured(plain, numbers(classes=10, per_class=50), max_pairs=5)
    assert plain.embedded <= 20


def test_scored_pairs_know_their_classes_and_items():
    data = numbers(classes=5, per_class=6)
    scored = verifier.score(Plain(), data, seed=3, max_pairs=20)
    assert len(scored) == 40
    np.testing.assert_array_equal(data.labels[scored.first], scored.first_identity)
    np.testing.assert_array_equal(data.labels[scored.second], scored.second_identity)
    slow = [
        np.linalg.norm(data.items.values[i] - data.items.values[j])
        for i, j in zip(scored.first, scored.second, strict=True)
    ]
    np.testing.assert_allclose(scored.distances, slow, rtol=1e-6)


def test_a_network_that_gives_no_numbers_is_said():
    class Broken(Plain):
        def distances(self, a, b):
            return np.full(len(a), np.nan)

    with pytest.raises(DataError, match="train it anew"):
        verifier.score(Broken(), numbers())


def test_a_calibrated_run_decides():
    plain = Plain()
    plain.calibration = calibration.fit(verifier.score(plain, numbers(classes=30, spread=2.0)))
    plain.threshold = plain.calibration.threshold
    near, close, far = verifier.compare(
        plain, Numbers(np.zeros((3, 1))), Numbers(np.array([[0.0], [plain.threshold], [99.0]]))
    )
    assert (near.verdict, close.verdict, far.verdict) == ("same", "not sure", "different")
    assert near.probability > 0.9 > close.probability > 0.1 > far.probability
    found = measured(plain, numbers(classes=30, spread=2.0, seed=1))
    for name in ("auc", "eer", "accuracy", "far", "frr"):
        low, high = found["intervals"][name]
        assert low <= found[name] <= high
    assert found["brier_skill"] > 0.5
    assert found["identities"] == 30
    assert found["intervals_over"] == "30 identities"


def test_a_distance_that_is_no_number_is_no_verdict():
    class Broken(Plain):
        def distances(self, a, b):
            return np.where(np.arange(len(a)) == 1, np.nan, 0.1)

    items = Numbers(np.zeros((2, 3)))
    with pytest.raises(DataError, match="not a finite number"):
        verifier.compare(Broken(), items, items)
