"""Three parts by class: sizes, groups, names to hold out, and what cannot be split."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core.datasets.splits import read_hold_out, shared_digests, split_by_class, watched
from siamese_core.errors import DataError
from siamese_core.modalities.image import ImageItems
from siamese_core.types import InputSpec, LabelledSet, Split


def labelled(groups: list[int] | None = None, classes: int = 10, each: int | list[int] = 3) -> LabelledSet:
    """A set with so many classes, or groups of so many classes."""
    classes = sum(groups) if groups else classes
    counts = [each] * classes if isinstance(each, int) else each
    n = sum(counts)
    pixels = np.random.default_rng(0).integers(0, 256, (n, 1, 8, 8)).astype(np.uint8)
    of = np.repeat(np.arange(len(groups)), groups) if groups else None
    return LabelledSet(
        name="made",
        items=ImageItems(pixels, InputSpec(1, 8, 8)),
        labels=np.repeat(np.arange(classes), counts),
        class_names=tuple(f"g{of[c]}/c{c}" if of is not None else f"c{c}" for c in range(classes)),
        class_groups=of,
        group_names=tuple(f"g{i}" for i in range(len(groups))) if groups else (),
    )


def sizes(split: Split) -> tuple[int, int, int]:
    return len(split.train), len(split.validation), len(split.test)


def check(split: Split, classes: int) -> None:
    """Every class is in exactly one part."""
    assert sorted(split.train + split.validation + split.test) == list(range(classes))
    assert min(sizes(split)) >= 2


@pytest.mark.parametrize(
    ("classes", "expected"), [(6, (2, 2, 2)), (7, (3, 2, 2)), (10, (6, 2, 2)), (20, (13, 3, 4)), (100, (65, 15, 20))]
)
def test_sizes(classes, expected):
    for seed in range(5):
        split = split_by_class(labelled(classes=classes), seed)
        check(split, classes)
        assert sizes(split) == expected


def test_seeded():
    data = labelled(classes=30)
    assert split_by_class(data, 1) == split_by_class(data, 1)
    assert len({split_by_class(data, s).test for s in range(10)}) > 5
    # written down once: the same on every machine
    assert split_by_class(labelled(classes=10), 0) == Split((0, 1, 3, 5, 8, 9), (2, 7), (4, 6))


def test_every_class_is_tested_under_some_seed():
    data = labelled(classes=10)
    assert {c for s in range(60) for c in split_by_class(data, s).test} == set(range(10))


def test_hold_out_classes_are_the_test_part():
    split = split_by_class(labelled(classes=10), 3, ("c9", "c1", "c4", "c1"))
    check(split, 10)
    assert split.test == (1, 4, 9)
    assert sizes(split) == (5, 2, 3)


def test_groups_stay_whole():
    data = labelled([5, 3, 8, 4, 2, 6, 7, 5])
    for seed in range(30):
        split = split_by_class(data, seed)
        check(split, 40)
        parts = [{int(data.class_groups[c]) for c in part} for part in (split.train, split.validation, split.test)]
        assert sum(map(len, parts)) == len(set.union(*parts)), "no group is in two parts"
        assert 6 <= len(split.validation) <= 14
        assert 8 <= len(split.test) <= 16


def test_omniglot_like_shares():
    rng = np.random.default_rng(0)
    data = labelled([int(n) for n in rng.integers(14, 56, 30)])
    split = split_by_class(data, 0)
    assert 0.18 < len(split.test) / data.n_classes < 0.27
    assert 0.12 < len(split.validation) / data.n_classes < 0.22


def test_hold_out_groups_and_classes_of_groups():
    data = labelled([4, 4, 4, 4, 4])
    split = split_by_class(data, 0, ("g1", "g3"))
    check(split, 20)
    assert split.test == (4, 5, 6, 7, 12, 13, 14, 15)
    assert {int(data.class_groups[c]) for c in split.validation} != {int(data.class_groups[c]) for c in split.train}
    one = split_by_class(data, 0, ("g0/c0", "g0/c1"))
    assert one.test == (0, 1)
    check(one, 20)


def test_one_huge_group_is_left_to_training():
    for seed in range(20):
        split = split_by_class(labelled([60, 5, 4, 5, 4]), seed)
        check(split, 78)
        assert set(range(60)) <= set(split.train)


@pytest.mark.parametrize("groups", [[10], [6, 6], [9, 1, 1], [1] * 9])
def test_too_few_groups_are_split_by_class(groups):
    data = labelled(groups)
    for seed in range(10):
        check(split_by_class(data, seed), data.n_classes)


def test_classes_with_one_picture_go_to_training():
    data = labelled(classes=12, each=[1] * 6 + [3] * 6)
    for seed in range(20):
        split = split_by_class(data, seed)
        assert set(range(6)) <= set(split.train)
        check(split, 12)


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_too_few_classes(classes):
    with pytest.raises(DataError, match=f"has {classes} class.* at least 4 are needed"):
        split_by_class(labelled(classes=classes), 0)


@pytest.mark.parametrize(("classes", "expected"), [(4, (2, 2, 0)), (5, (3, 2, 0))])
def test_few_classes_leave_no_test_part(classes, expected):
    for seed in range(5):
        split = split_by_class(labelled(classes=classes), seed)
        assert sizes(split) == expected
        assert sorted(split.train + split.validation) == list(range(classes))


def test_too_few_beside_those_held_out():
    with pytest.raises(DataError, match="has 3 classes beside those held out but at least 4"):
        split_by_class(labelled(classes=5), 0, ("c0", "c1"))
    with pytest.raises(DataError, match="Only one class is held out"):
        split_by_class(labelled(classes=10), 0, ("c0",))
    assert sizes(split_by_class(labelled(classes=6), 0, ("c0", "c1"))) == (2, 2, 2)


def test_one_picture_a_class():
    with pytest.raises(DataError, match="only one picture"):
        split_by_class(labelled(classes=10, each=1), 0)


def test_unknown_names_list_the_valid_ones():
    with pytest.raises(DataError, match=r"no class 'nine'.*c0, c1"):
        split_by_class(labelled(classes=10), 0, ("nine",))
    with pytest.raises(DataError, match=r"no group or class 'x'.*g0, g1"):
        split_by_class(labelled([3, 3]), 0, ("x",))
    with pytest.raises(DataError, match="and 60 more"):
        split_by_class(labelled(classes=100), 0, ("x",))


def test_read_hold_out(tmp_path):
    assert read_hold_out("a, b,,c ,a") == ("a", "b", "c")
    assert read_hold_out("") == ()
    names = tmp_path / "names.txt"
    names.write_text("\ufeffAlphabet_of_the_Magi\n\n Greek \r\nN_Ko\n", encoding="utf-8")
    assert read_hold_out(f"@{names}") == ("Alphabet_of_the_Magi", "Greek", "N_Ko")
    for bad in (tmp_path, tmp_path / "absent", "nul\0"):
        with pytest.raises(DataError, match="one name a line"):
            read_hold_out(f"@{bad}")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(DataError, match="one name a line"):
        read_hold_out(f"@{tmp_path / 'binary'}")


def test_shared_digests():
    data = labelled(classes=4)
    known = data.items.digests()
    assert shared_digests(data, known[:5]) == 5
    assert shared_digests(data.items, set(known)) == 12
    assert shared_digests(data, ["0" * 16]) == 0
    assert shared_digests(data.items.select(np.array([0, 0, 1])), [known[0]]) == 2


def test_all_classes_can_be_learnt_from():
    assert split_by_class(labelled(), 0, all_classes=True) == Split(tuple(range(10)), (), ())
    held = split_by_class(labelled([3, 3, 3]), 0, ("g1",), all_classes=True)
    assert held == Split((0, 1, 2, 6, 7, 8), (), (3, 4, 5))
    with pytest.raises(DataError, match="add classes, or hold out fewer"):
        split_by_class(labelled(classes=3), 0, ("c0", "c2"), all_classes=True)


@pytest.mark.parametrize("groups", [None, [2, 2, 2, 2, 2, 2]])
def test_what_is_watched_is_a_share_of_what_is_learnt_from(groups):
    data = labelled(groups, classes=12)
    shown = watched(data, 3)
    assert shown == watched(data, 3)
    assert len(shown) == 2
    assert set(shown) <= set(range(12))
    if groups:
        assert shown[0] // 2 == shown[1] // 2  # of one group
    assert watched(data, 3) != watched(data, 4)


def test_classes_with_one_picture_are_not_watched():
    shown = watched(labelled(classes=6, each=[1, 1, 1, 1, 3, 3]), 0)
    assert shown == (4, 5)
