"""Batches: balanced, of the right classes, groups, copies and makers, and repeatable."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import samplers
from siamese_core.config import SAMPLERS, TrainConfig
from siamese_core.errors import ConfigError

UNEVEN = np.repeat(np.arange(6), [1, 2, 300, 5, 40, 3])


def build(labels=UNEVEN, groups=None, makers=None, seed=0, **more):
    return samplers.build(TrainConfig(**more), np.asarray(labels), groups, makers, np.random.default_rng(seed))


def parts(batch) -> tuple[np.ndarray, ...]:
    return tuple(vars(batch).values())


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_name_builds_and_gives_int64_indices(name):
    assert set(samplers.SAMPLERS) == set(SAMPLERS)
    batch = build(sampler=name).next()
    for values in parts(batch):
        assert values.dtype == np.int64
        assert values.ndim == 1
        assert len(values) == len(parts(batch)[0])


def test_an_unknown_name_lists_the_valid_ones():
    with pytest.raises(ConfigError, match=r"no batches of 'quads'.*triplets"):
        build(sampler="quads")


@pytest.mark.parametrize("name", SAMPLERS)
def test_too_little_data_is_said_in_one_sentence(name):
    for labels in ([3, 3, 3, 3], [], [1]):
        with pytest.raises(ConfigError, match="fewer than two classes"):
            build(np.array(labels, dtype=np.int64), sampler=name)
    with pytest.raises(ConfigError, match="only one picture"):
        build(np.arange(5), sampler=name)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("grouped", [False, True])
def test_the_generator_s_state_is_the_whole_state(name, grouped):
    groups = np.array([0, 0, 0, 1, 1, 1]) if grouped else None
    more = {"sampler": name, "class_copies": True, "groups_per_batch": int(grouped)}
    sampler = build(groups=groups, **more)
    sampler.next()
    state = sampler.rng.bit_generator.state
    first = [sampler.next() for _ in range(3)]
    other = build(groups=groups, seed=9, **more)
    other.rng.bit_generator.state = state
    for a in first:
        for x, y in zip(parts(a), parts(other.next()), strict=True):
            assert np.array_equal(x, y)


# ---- pairs ----


@pytest.mark.parametrize("size", [2, 7, 64, 65])
def test_half_of_the_pairs_are_same(size):
    sampler, seen = build(sampler="pairs", batch_size=size), set()
    for _ in range(40):
        batch = sampler.next()
        assert len(batch.same) == size
        assert np.array_equal(batch.same == 1, UNEVEN[batch.first] == UNEVEN[batch.second])
        seen.add(int(batch.same.sum()))
    assert seen == ({size // 2} if size % 2 == 0 else {size // 2, size // 2 + 1})


def test_a_positive_is_never_the_item_itself_unless_its_class_has_only_one():
    sampler = build(sampler="pairs", batch_size=120)
    for _ in range(30):
        batch = sampler.next()
        itself = batch.first == batch.second
        assert (UNEVEN[batch.first[itself]] == 0).all()
        alone = (batch.same == 1) & (UNEVEN[batch.first] == 0)
        assert itself[alone].all()
        assert alone.sum() == 10


def test_every_ordered_pair_of_a_class_comes_about_equally_often():
    labels = np.array([0, 0, 0, 1, 1])
    sampler, counts = build(labels, sampler="pairs", batch_size=200), np.zeros((5, 5))
    for _ in range(60):
        batch = sampler.next()
        np.add.at(counts, (batch.first, batch.second), 1)
    same = counts[:3, :3][~np.eye(3, dtype=bool)]
    assert same.min() > 0.85 * same.max()
    assert counts[:3, 3:].min() > 0.8 * counts[:3, 3:].max()


@pytest.mark.parametrize("class_copies", [False, True])
def test_copies_are_zero_unless_they_count_as_classes(class_copies):
    for name in SAMPLERS:
        batch = build(sampler=name, class_copies=class_copies, batch_size=200, classes_per_batch=48).next()
        assert set(batch.copies) == (set(range(8)) if class_copies else {0})


# ---- groups ----

GROUPS = np.array([0, 1, 0, 2, 1, 0])  # class 3 is alone in its group


@pytest.mark.parametrize("name", ["pairs", "triplets"])
def test_negatives_come_from_the_same_group_when_groups_count(name):
    inside, across = build(groups=GROUPS, sampler=name, groups_per_batch=1, batch_size=60), set()
    outside = build(groups=GROUPS, sampler=name, groups_per_batch=0, batch_size=60)
    for _ in range(20):
        a, b = sides(inside.next())
        assert ((GROUPS[a] == GROUPS[b]) | (a == 3)).all()
        assert (a != b).all()
        a, b = sides(outside.next())
        assert (a != b).all()
        across |= set(GROUPS[a] == GROUPS[b])
    assert across == {True, False}


def sides(batch) -> tuple[np.ndarray, np.ndarray]:
    """The classes of the different pairs of a batch of pairs or triplets."""
    if hasattr(batch, "anchor"):
        assert (UNEVEN[batch.anchor] == UNEVEN[batch.positive]).all()
        return UNEVEN[batch.anchor], UNEVEN[batch.negative]
    different = batch.same == 0
    return UNEVEN[batch.first[different]], UNEVEN[batch.second[different]]


def test_batches_of_classes_come_from_so_many_groups():
    labels = np.repeat(np.arange(60), 5)
    groups = np.random.default_rng(1).permutation(np.arange(60) % 10)
    sampler = build(labels, groups, groups_per_batch=3, classes_per_batch=4, items_per_class=3, class_copies=True)
    seen = set()
    for _ in range(60):
        batch = sampler.next()
        classes = labels[batch.indices].reshape(-1, 3)
        assert (classes == classes[:, :1]).all()
        assert len(set(classes[:, 0])) == 12
        per_group = np.bincount(groups[classes[:, 0]], minlength=10)
        assert sorted(per_group)[-4:] == [0, 4, 4, 4]
        for g in np.flatnonzero(per_group):
            assert len(set(batch.copies[groups[labels[batch.indices]] == g])) == 1  # one episode, one turn
        assert np.array_equal(batch.labels, np.repeat(np.arange(12), 3))
        seen |= set(classes[:, 0])
    assert seen == set(range(60))


def test_a_group_gives_all_it_has_and_there_are_no_more_groups_than_there_are():
    batch = build(groups=GROUPS, groups_per_batch=9, classes_per_batch=2, items_per_class=2).next()
    classes = UNEVEN[batch.indices].reshape(-1, 2)[:, 0]
    assert sorted(GROUPS[classes]) == [0, 0, 1, 1, 2]


def test_a_batch_of_one_lonely_class_gets_another_to_be_told_from():
    sampler = build(groups=np.arange(6), groups_per_batch=1, classes_per_batch=3, class_copies=True)
    for _ in range(20):
        batch = sampler.next()
        assert len(set(UNEVEN[batch.indices])) == 2
        assert len(set(batch.copies)) == 1


# ---- classes ----


def test_batches_of_classes_are_p_times_k():
    batch = build(classes_per_batch=4, items_per_class=3).next()
    rows = UNEVEN[batch.indices].reshape(4, 3)
    assert (rows == rows[:, :1]).all()
    assert len(set(rows[:, 0])) == 4
    assert np.array_equal(batch.labels, np.repeat(np.arange(4), 3))


def test_more_ways_than_classes_takes_all_classes():
    batch = build(classes_per_batch=100, items_per_class=2).next()
    assert sorted(UNEVEN[batch.indices[::2]]) == list(range(6))


def test_class_times_copy_is_its_own_class():
    sampler, twice = build(classes_per_batch=20, items_per_class=2, class_copies=True), 0
    for _ in range(10):
        batch = sampler.next()
        names = list(zip(UNEVEN[batch.indices].tolist(), batch.copies.tolist(), strict=True))
        assert names[::2] == names[1::2]
        assert len(set(names)) == 20  # one name a label
        twice += len({c for c, _ in names}) < 20
    assert twice == 10


@pytest.mark.parametrize("k", [2, 4, 9])
def test_a_class_repeats_items_only_when_it_must_and_evenly(k):
    sampler = build(classes_per_batch=6, items_per_class=k)
    for _ in range(10):
        batch = sampler.next()
        for label in range(6):
            items = batch.indices[batch.labels == label]
            have = np.bincount(UNEVEN)[UNEVEN[items[0]]]
            times = np.unique(items, return_counts=True)[1]
            assert len(times) == min(k, have)
            assert times.max() - times.min() <= (1 if have < k else 0)


def test_every_item_of_small_and_of_very_large_classes_comes_about_equally_often():
    labels = np.repeat([0, 1, 2], [5, 30, 400])
    sampler, counts = build(labels, classes_per_batch=3, items_per_class=4), np.zeros(435)
    for _ in range(3000):
        np.add.at(counts, sampler.next().indices, 1)
    for label, least in ((0, 0.93), (1, 0.8), (2, 0.2)):
        mine = counts[labels == label]
        assert mine.sum() == 12000
        assert mine.min() > least * mine.mean()
        assert mine.max() < (2 - least) * mine.mean()


def test_the_items_of_a_class_come_from_different_makers_when_possible():
    labels = np.repeat(np.arange(4), 24)
    many = np.tile(np.repeat(np.arange(8), 3), 4)  # 8 makers of 3 items each
    for sampler in (build(labels, makers=many, items_per_class=4), build(labels, makers=many, items_per_class=8)):
        for _ in range(20):
            rows = sampler.next().indices.reshape(4, -1)
            assert all(len(set(row)) == rows.shape[1] for row in many[rows])


def test_too_few_makers_are_used_evenly_and_their_items_stay_different():
    labels = np.repeat(np.arange(3), 20)
    makers = np.tile(np.repeat([5, 9], [15, 5]), 3)
    sampler = build(labels, makers=makers, items_per_class=6, classes_per_batch=3)
    for _ in range(20):
        for row in sampler.next().indices.reshape(3, 6):
            assert len(set(row)) == 6
            assert sorted(np.bincount(makers[row])[[5, 9]]) == [3, 3]


def test_a_small_class_of_one_maker_beside_a_large_one_gives_all_its_items():
    labels = np.repeat([0, 1], [4, 25])
    sampler = build(labels, makers=np.arange(29) * labels, items_per_class=4, classes_per_batch=2)
    for _ in range(20):
        assert set(range(4)) <= set(sampler.next().indices)


def test_makers_in_very_large_classes():
    labels = np.repeat(np.arange(2), 1000)
    makers = np.random.default_rng(0).integers(50, size=2000)
    sampler, seen = build(labels, makers=makers, items_per_class=4, classes_per_batch=2), set()
    for _ in range(200):
        rows = sampler.next().indices.reshape(2, 4)
        assert all(len(set(row)) == 4 for row in makers[rows])
        seen |= set(rows.ravel())
    assert len(seen) > 900


def test_labels_need_not_be_sorted_nor_complete():
    labels = np.array([9, 4, 9, 4, 7, 7, 9])
    groups = np.zeros(12, dtype=np.int64)
    groups[7] = 3
    for name in SAMPLERS:
        for _ in range(10):
            batch = build(labels, groups, sampler=name, groups_per_batch=2, batch_size=8).next()
            assert max(p.max() for p in parts(batch)) < 7
    batch = build(labels, classes_per_batch=3, items_per_class=2).next()
    rows = labels[batch.indices].reshape(3, 2)
    assert (rows[:, 0] == rows[:, 1]).all()
    assert set(rows[:, 0]) == {4, 7, 9}
