"""Three-way split by class, so that every figure is measured on classes the network has never seen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from siamese_core.errors import DataError
from siamese_core.types import Items, LabelledSet, Split

TEST_SHARE = 0.20
VALIDATION_SHARE = 0.15
LEAST = 2  # classes in each part


def split_by_class(data: LabelledSet, seed: int, hold_out: Sequence[str] = (), all_classes: bool = False) -> Split:
    """Classes of `data` -> train, validation (about 15%) and test (about 20%), at least two each.

    Whole groups where there are groups and enough of them, so that no alphabet is in two parts. Four or
    five classes are too few for three parts: they leave no test part, and other data must be given to evaluate.
    hold_out    names of groups or classes; they are the test part, and nothing else is
    all_classes all others are the training part; validation is empty, and so is test unless something is held out
    seed        the same seed gives the same split on every machine

    Raises DataError for an unknown name, for too few classes, and when no class has two pictures.
    """
    if data.n_classes and int(data.counts.max(initial=0)) < 2:
        raise DataError(
            f"Every class of {data.name} has only one picture, so there is no pair of the same class to learn from; "
            "add a second picture to some classes."
        )
    rng = np.random.default_rng(seed)
    test = _named(data, hold_out)
    rest = [c for c in range(data.n_classes) if c not in set(test)]
    if hold_out and len(test) < LEAST:
        raise DataError("Only one class is held out, but at least two are needed to measure anything; name more.")
    if all_classes:
        if len(rest) < LEAST:
            raise DataError(
                f"{data.name} has fewer than {LEAST} classes to learn from; add classes, or hold out fewer."
            )
        return Split(tuple(rest), (), tuple(test))
    if len(rest) < 2 * LEAST:
        kept = "beside those held out " if hold_out else ""
        more = "" if hold_out else " (with six there are two to test on as well)"
        raise DataError(
            f"{data.name} has {len(rest)} {'class' if len(rest) == 1 else 'classes'} {kept}"
            f"but at least {2 * LEAST} are needed: two to learn from and two to validate on{more}."
        )
    parts = 2 if hold_out or len(rest) < 3 * LEAST else 3
    units = _units(data, rest, parts)
    order = [units[int(i)] for i in rng.permutation(len(units))]
    if len(units) == len(rest):  # classes with one picture cannot be measured: leave them to training
        order.sort(key=lambda unit: bool(data.counts[unit[0]] < 2))
    if parts == 3:
        test = _take(order, TEST_SHARE * len(rest), later=2)
    validation = _take(order, VALIDATION_SHARE * len(rest), later=1)
    train = [c for unit in order for c in unit]
    return Split(tuple(sorted(train)), tuple(sorted(validation)), tuple(sorted(test)))


def watched(data: LabelledSet, seed: int) -> tuple[int, ...]:
    """Classes of a training part to show curves of, where none are kept apart: about 15%, whole groups where there are
    groups. They flatter: the network learns from them."""
    units = _units(data, list(range(data.n_classes)), 1)
    order = [units[int(i)] for i in np.random.default_rng(seed).permutation(len(units))]
    order.sort(key=lambda unit: bool(data.counts[unit].max() < 2))
    return tuple(sorted(_take(order, VALIDATION_SHARE * data.n_classes, later=0)))


def _named(data: LabelledSet, names: Sequence[str]) -> list[int]:
    """Class indices of groups or classes by name."""
    found: list[int] = []
    classes = {name: i for i, name in enumerate(data.class_names)}
    for name in names:
        if name in data.group_names and data.class_groups is not None:
            group = data.group_names.index(name)
            found += [int(c) for c in np.flatnonzero(data.class_groups == group)]
        elif name in classes:
            found.append(classes[name])
        else:
            valid = list(data.group_names or data.class_names)
            shown = ", ".join(valid[:40]) + (f" and {len(valid) - 40} more" if len(valid) > 40 else "")
            what = "group or class" if data.group_names else "class"
            raise DataError(f"{data.name} has no {what} '{name}' to hold out; it has: {shown}.")
    return sorted(set(found))


def _units(data: LabelledSet, classes: list[int], parts: int) -> list[list[int]]:
    """What is dealt out whole: groups, or single classes where groups are too few for the parts."""
    if data.class_groups is not None:
        groups: dict[int, list[int]] = {}
        for c in classes:
            groups.setdefault(int(data.class_groups[c]), []).append(c)
        if sum(len(g) >= LEAST for g in groups.values()) >= parts:
            return list(groups.values())
    return [[c] for c in classes]


def _take(order: list[list[int]], share: float, later: int) -> list[int]:
    """Removes units from `order`, front first, until `share` classes (rounded, at least two) are taken.
    Leaves two classes for each of the `later` parts; a unit of more than twice the share only where
    there is no other."""
    target = max(LEAST, int(share + 0.5))
    taken: list[int] = []
    for limit in (2 * target, None):
        position = 0
        while len(taken) < (LEAST if limit is None else target) and position < len(order):
            others = order[:position] + order[position + 1 :]
            if (limit and len(order[position]) > limit) or not _enough(others, later):
                position += 1
            else:
                taken += order.pop(position)
    return taken


def _enough(units: list[list[int]], parts: int) -> bool:
    """Whether these units can be dealt into so many parts of two classes or more."""
    large = sum(len(unit) >= LEAST for unit in units)
    return large + (len(units) - large) // LEAST >= parts


def read_hold_out(text: str) -> tuple[str, ...]:
    """'a,b' -> ('a', 'b'); '@FILE' -> the lines of a text file. Raises DataError when it cannot be read."""
    if text.startswith("@"):
        try:
            lines = Path(text[1:]).expanduser().read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise DataError(
                f"The list of names to hold out, {text[1:]}, cannot be read; give a text file with one name a line."
            ) from error
        names = [line.strip() for line in lines]
    else:
        names = [name.strip() for name in text.split(",")]
    return tuple(dict.fromkeys(name for name in names if name))


def shared_digests(data: LabelledSet | Items, digests: Collection[str]) -> int:
    """How many items of `data` have a content digest among `digests` (those a run was trained on)."""
    items = data.items if isinstance(data, LabelledSet) else data
    known = set(digests)
    return sum(d in known for d in items.digests())
