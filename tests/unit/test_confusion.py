"""What was called what, counted."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core.confusion import NONE, OTHER, TIE, confusion


def test_a_small_table_by_hand():
    said = ["a", "b", None, None, "a", None, "b"]
    why = [None, None, TIE, NONE, None, NONE, None]
    truth = ["a", "a", "a", "b", "moon", "moon", None]  # the last is not known
    found = confusion(said, why, truth, ("a", "b", "c"))
    assert found.rows == ("a", "b", OTHER)
    assert found.columns == ("a", "b", "c", NONE, TIE)
    np.testing.assert_array_equal(found.counts, [[1, 1, 0, 0, 1], [0, 0, 0, 1, 0], [1, 0, 0, 1, 0]])
    assert (found.right, found.total) == (2, 6)  # a as a, and the moon as none of these; a tie is never right
    assert found.accuracy == pytest.approx(1 / 3)
    low, high = found.interval
    assert low < 1 / 3 < high


def test_classes_called_like_the_special_ones_are_not_mixed_up():
    found = confusion(["tie", None], [None, TIE], ["tie", "tie"], ("tie", "none of these"))
    assert found.columns == ("tie", "none of these", "tie")
    np.testing.assert_array_equal(found.counts, [[1, 0, 1]])


def test_nothing_known_is_nothing_counted():
    found = confusion(["a"], [None], [None], ("a", "b"))
    assert (found.total, found.accuracy, found.rows) == (0, 0.0, ())
