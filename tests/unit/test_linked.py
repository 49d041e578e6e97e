"""Who is who as far as labelled pairs tell, against slow oracles."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import linked


def slowly(first, second, same):
    """Sets of pictures, joined pair by pair."""
    people = [{int(p)} for p in range(int(max(first.max(), second.max())) + 1)]
    for a, b, alike in zip(first, second, same, strict=True):
        if alike:
            one, other = (next(g for g in people if int(p) in g) for p in (a, b))
            if one is not other:
                people.remove(other)
                one |= other
    return people


@pytest.mark.parametrize("seed", range(20))
def test_identities_are_the_pictures_that_same_pairs_join(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 30, (2, 40))
    same = rng.random(40) < 0.4
    found = linked.identities(first, second, same)
    for person in slowly(first, second, same):
        assert len({int(found[p]) for p in person}) == 1
    assert len(set(found.tolist())) == len(slowly(first, second, same))


def test_a_chain_is_one_identity_and_a_picture_in_no_same_pair_its_own():
    first, second = np.array([0, 1, 4, 0]), np.array([1, 2, 3, 3])
    same = np.array([True, True, False, False])
    found = linked.identities(first, second, same)
    assert found[0] == found[1] == found[2]
    assert len(set(found.tolist())) == 3


def test_without_same_pairs_every_picture_is_its_own():
    found = linked.identities(np.array([0, 1]), np.array([1, 2]), np.zeros(2, bool))
    assert sorted(found.tolist()) == [0, 1, 2]
    assert linked.identities(np.zeros(0, int), np.zeros(0, int), np.zeros(0, bool)).tolist() == []


def test_the_first_of_equal_pairs_counts_whichever_way_round():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 5, (2, 60))
    same = rng.random(60) < 0.5
    seen, slow = set(), []
    for a, b, alike in zip(first, second, same, strict=True):
        key = (frozenset((int(a), int(b))), bool(alike))
        slow.append(key not in seen)
        seen.add(key)
    assert linked.first_of_each(first, second, same).tolist() == slow
