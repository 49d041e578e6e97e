"""Scored pairs: what fits together is taken, everything else is refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core.errors import DataError
from siamese_core.scored import ScoredPairs

GOOD = {"distances": [0.1, 0.9], "same": [1, 0], "first_identity": [3, 3], "second_identity": [3, 4]}


def test_the_columns_become_arrays_of_their_kind():
    scored = ScoredPairs(**GOOD, first=[0, 1], second=[1, 2])
    kinds = (scored.distances.dtype, scored.same.dtype, scored.first_identity.dtype, scored.first.dtype)
    assert kinds == (np.float64, bool, np.int64, np.int64)
    assert (len(scored), scored.n_same, scored.n_different, scored.n_identities) == (2, 1, 1, 2)
    assert ScoredPairs(**GOOD).first is None


def test_pairs_are_picked_with_everything_they_have():
    scored = ScoredPairs(**GOOD, first=[5, 6], second=[7, 8])
    for which in (np.array([1]), np.array([False, True])):
        picked = scored.select(which)
        assert (picked.distances, picked.same, picked.second_identity, picked.first) == ([0.9], [False], [4], [6])


def test_the_digest_follows_the_content():
    a = ScoredPairs(**GOOD)
    assert a.digest == ScoredPairs(**GOOD).digest
    for change in ({"distances": [0.2, 0.9]}, {"second_identity": [3, 5]}, {"same": [0, 0]}):
        assert ScoredPairs(**GOOD | change).digest != a.digest


def test_a_forgery_may_be_of_the_writer_it_imitates():
    assert ScoredPairs([0.1], [False], [3], [3]).n_different == 1


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"distances": [0.1, np.nan]}, "1 of 2 distances are not finite"),
        ({"distances": [np.inf, -np.inf]}, "2 of 2 distances are not finite"),
        ({"distances": [[0.1, 0.2]]}, "one row"),
        ({"distances": ["near", "far"]}, "not a number"),
        ({"same": [1, 2]}, "0 or 1"),
        ({"same": [1, np.nan]}, "0 or 1"),
        ({"same": [1, 0, 0]}, "2 distances but 3 values of 'same'"),
        ({"first_identity": [3]}, "1 values of 'first_identity'"),
        ({"second_identity": [3.0, 4.5]}, "whole numbers"),
        ({"second_identity": [4, 4]}, "two different identities"),
        ({"first": [1, 2]}, "'second'"),
        ({"first": [1, 2], "second": [1]}, "1 values of 'second'"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(change, what):
    with pytest.raises(DataError, match=what) as e:
        ScoredPairs(**GOOD | change)
    assert str(e.value).count(". ") == 0


def test_both_kinds_are_asked_for_where_they_are_needed():
    ScoredPairs(**GOOD).need()
    with pytest.raises(DataError, match="at least 2 same and 2 different"):
        ScoredPairs(**GOOD).need(2)
    with pytest.raises(DataError, match="0 and 1"):
        ScoredPairs([0.3], [False], [0], [1]).need()
    with pytest.raises(DataError, match="0 and 0"):
        ScoredPairs([], [], [], []).need()
