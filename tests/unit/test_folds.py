"""Folds: every name in one of them, groups whole, alike in size, the same for a seed, usable to hold out."""

from __future__ import annotations

import pytest

from siamese_core import folds
from siamese_core.datasets.splits import read_hold_out, split_by_class
from siamese_core.errors import ConfigError, DataError
from tests.embedders import numbers


@pytest.mark.parametrize(("classes", "groups", "k"), [(10, 0, 2), (11, 0, 4), (24, 12, 5), (24, 12, 2), (40, 7, 3)])
def test_every_name_is_in_one_fold_and_the_folds_are_alike(classes, groups, k):
    data = numbers(classes, groups=groups)
    found = folds.split(data, k, seed=3)
    assert sorted(name for fold in found for name in fold) == sorted(data.group_names or data.class_names)
    sizes = [len(split_by_class(data, 0, fold).test) for fold in found]
    assert sum(sizes) == classes
    largest = -(-classes // groups) if groups else 1
    assert max(sizes) - min(sizes) <= largest


def test_held_out_by_file_the_fold_is_the_test_part(tmp_path):
    data = numbers(24, groups=12)
    (first, *_) = folds.split(data, 4)
    path, *_ = folds.write(folds.split(data, 4), tmp_path / "new" / "folds")
    assert path.name == "fold1.txt"
    assert read_hold_out(f"@{path}") == first
    split = split_by_class(data, 0, first)
    held = {data.group_of(c) for c in split.test}
    assert held == set(first)
    assert not held & {data.group_of(c) for c in split.train + split.validation}


def test_seeded():
    data = numbers(30)
    assert folds.split(data, 3, 1) == folds.split(data, 3, 1)
    assert folds.split(data, 3, 1) != folds.split(data, 3, 2)
    # written down once: the same on every machine
    assert folds.split(numbers(6), 3, 0) == [("c3", "c4"), ("c0", "c2"), ("c1", "c5")]


def test_what_cannot_be_dealt_is_told(tmp_path):
    with pytest.raises(ConfigError, match="at least 2"):
        folds.split(numbers(10), 1)
    with pytest.raises(ConfigError, match="seed"):
        folds.split(numbers(10), 2, -1)
    with pytest.raises(DataError, match="10 classes, too few for 6 folds"):
        folds.split(numbers(10), 6)
    with pytest.raises(DataError, match="3 groups of classes, too few for 4 folds"):
        folds.split(numbers(30, groups=3), 4)
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="cannot be written"):
        folds.write(folds.split(numbers(10), 2), tmp_path / "file")
