"""What stands on both sides of a split that should stand on one: classes, groups, makers, and pictures to the pixel."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from siamese_core.findings import PART_WORDS, Finding, Place, count
from siamese_core.types import LabelledSet

MOST_SHOWN = 6

Comparison = tuple[str, str]  # the part that is measured, the part it must have nothing in common with


def comparisons(parts: Mapping[str, Any]) -> list[Comparison]:
    """Which parts must be apart, the gravest first."""
    wanted = [("test", "train"), ("given", "train"), ("validation", "train"), ("test", "validation"),
              ("given", "validation")]  # fmt: skip
    return [(a, b) for a, b in wanted if a in parts and b in parts]


def class_names(names: Mapping[str, tuple[str, ...]], parts: Mapping[str, LabelledSet]) -> list[Finding]:
    """Classes (identities) that two parts have by name, the parts' class names being `names`."""
    found = []
    for a, b in comparisons(names):
        both = sorted(set(names[a]) & set(names[b]))
        if both:
            found.append(Finding(
                "classes", "problem",
                f"{count(len(both), 'class')} of the {_word(a)} part, such as '{both[0]}', "
                f"{'is' if len(both) == 1 else 'are'} in the {_word(b)} part as well, so the figures are not for "
                f"unseen classes; measure on classes that are in no other part.",
                {"measured": a, "other": b, "shared": both[:50], "count": len(both)},
                _examples(both[:MOST_SHOWN], a, b, parts),
            ))  # fmt: skip
        theirs = {_person(n): n for n in names[b]}
        alike = [(n, theirs[_person(n)]) for n in names[a] if _person(n) in theirs and n not in both]
        alike = [(n, m) for n, m in alike if n != m]
        if alike:
            n, m = alike[0]
            found.append(Finding(
                "classes", "look",
                f"'{n}' of the {_word(a)} part and '{m}' of the {_word(b)} part may be the same person or thing by "
                f"their names ({count(len(alike), 'such pair')}); if they are, hold both out together.",
                {"measured": a, "other": b, "alike": [list(pair) for pair in alike[:50]], "count": len(alike)},
            ))  # fmt: skip
    if found or not comparisons(names):
        return found
    return [Finding("classes", "fine", "No class is in two parts: what is measured is new to the network.")]


def groups_and_makers(parts: Mapping[str, LabelledSet]) -> list[Finding]:
    """Groups (alphabets) and makers (drawers, writers) that two parts share, and what cannot be told."""
    grouped = {name: part for name, part in parts.items() if part.class_groups is not None}
    found: list[Finding] = []
    shared: list[tuple[str, str, list[str]]] = []
    for a, b in comparisons(grouped):
        both = sorted(set(_groups(grouped[a])) & set(_groups(grouped[b])))
        if both:
            shared.append((a, b, both))
            found.append(Finding(
                "groups", "look",
                f"{count(len(both), 'group')} of the {_word(a)} part, such as '{both[0]}', "
                f"{'has' if len(both) == 1 else 'have'} other classes in the {_word(b)} part, so the network knows "
                "their style and the figures are for new classes of known groups; hold whole groups out to measure on "
                "new groups.",
                {"measured": a, "other": b, "shared": both[:50], "count": len(both)},
            ))  # fmt: skip
    if comparisons(grouped) and not shared:
        found.append(Finding("groups", "fine", "No group of classes is in two parts: whole groups are unseen."))
    return found + _makers(parts, shared)


def _makers(parts: Mapping[str, LabelledSet], shared: list[tuple[str, str, list[str]]]) -> list[Finding]:
    """Numbers of makers mean the same person within a group; between groups they cannot be compared."""
    known = {name: part for name, part in parts.items() if part.makers is not None}
    if not comparisons(known):
        return []
    found = []
    for a, b, groups in shared:
        if a not in known or b not in known:
            continue
        both = sum(len(set(_makers_of(known[a], g)) & set(_makers_of(known[b], g))) for g in groups)
        if both:
            found.append(Finding(
                "makers", "look",
                f"{count(both, 'maker')} (people who drew or wrote) of the {_word(a)} part, counted within each group, "
                f"made pictures of the {_word(b)} part as well, so the network may know their hand; hold whole groups "
                "out, or split by maker, to measure on new people.",
                {"measured": a, "other": b, "count": both, "groups": groups[:50]},
            ))  # fmt: skip
    if found:
        return found
    within = "group" if any(p.class_groups is not None for p in known.values()) else "class"
    return [Finding(
        "makers", "fine",
        f"Who made a picture is known within one {within} only: it cannot be told whether the same person made "
        "pictures of two parts. If people matter for your question, name them in the data and split by them.",
        {"told": False},
    )]  # fmt: skip


def duplicates(parts: Mapping[str, LabelledSet], seen: frozenset[str] = frozenset()) -> list[Finding]:
    """Pictures that two parts have to the pixel, blank ones aside; `seen`: digests of training pictures, as the run
    keeps them, for where the training part itself is not at hand."""
    found = []
    digests = {name: _digests(part) for name, part in parts.items()}
    for a, b in comparisons(parts):
        first = {d: i for i, d in reversed(digests[b])}
        both = [(i, first[d]) for i, d in digests[a] if d in first]
        if both:
            pairs = tuple(((a, i), (b, j)) for i, j in both[:MOST_SHOWN])
            found.append(_copied(len(both), len(parts[a]), a, b, pairs))
    if "train" not in parts and seen:
        for a in parts:
            known = [i for i, d in digests[a] if d in seen]
            if known:
                found.append(_copied(len(known), len(parts[a]), a, "train", ()))
    if found or not (comparisons(parts) or seen):
        return found
    return [Finding("duplicates", "fine", "No picture is, to the pixel, in two parts.")]


def _copied(number: int, whole: int, a: str, b: str, pairs: tuple[tuple[Place, Place], ...]) -> Finding:
    return Finding(
        "duplicates", "problem",
        f"{number:,} of the {whole:,} {_word(a)} pictures {'is' if number == 1 else 'are'}, to the pixel, among the "
        f"{_word(b)} pictures, so the network has been shown what it is asked about and the figures flatter it; take "
        "the copies out of one side and train again.",
        {"measured": a, "other": b, "count": number, "of": whole}, pairs,
    )  # fmt: skip


def two_names(parts: Mapping[str, LabelledSet]) -> list[Finding]:
    """Pictures that stand, to the pixel, under two class names of one part: one of the answers is wrong."""
    found = []
    for name, part in parts.items():
        classes: dict[str, dict[int, int]] = {}  # digest -> class -> item
        for i, d in _digests(part):
            classes.setdefault(d, {}).setdefault(int(part.labels[i]), i)
        bad = [list(where.items()) for where in classes.values() if len(where) > 1]
        if not bad:
            continue
        pairs = tuple(((name, where[0][1]), (name, where[1][1])) for where in bad[:MOST_SHOWN])
        a, b = (part.class_names[label] for label, _ in bad[0][:2])
        found.append(Finding(
            "duplicates", "problem",
            f"{count(len(bad), 'picture')} of the {_word(name)} part {'stands' if len(bad) == 1 else 'stand'} under "
            f"two class names, such as '{a}' and '{b}', so one of the answers must be wrong; remove the copy from the "
            "class it does not belong to.",
            {"measured": name, "count": len(bad)}, pairs,
        ))  # fmt: skip
    return found


def blanks(parts: Mapping[str, LabelledSet]) -> list[Finding]:
    """Pictures of one value everywhere: nothing can be told from them."""
    found = []
    for name, part in parts.items():
        blank = np.flatnonzero(_blank(part))
        if len(blank):
            found.append(Finding(
                "blank", "look",
                f"{len(blank):,} of {len(part):,} {_word(name)} pictures {'is' if len(blank) == 1 else 'are'} empty as "
                "the network sees them (one value everywhere), so nothing can be told from them; take them out, or use "
                "a network that reads this kind of picture.",
                {"measured": name, "count": len(blank), "of": len(part)},
                tuple(((name, int(i)), (name, int(i))) for i in blank[:1]),
            ))  # fmt: skip
    return found


def _blank(part: LabelledSet) -> np.ndarray:
    """(N,) bool; none where the items are no pictures."""
    pixels = getattr(part.items, "pixels", None)
    if pixels is None or not len(pixels):
        return np.zeros(len(part), dtype=bool)
    flat = pixels.reshape(len(pixels), -1)
    found: np.ndarray = flat.max(axis=1) == flat.min(axis=1)
    return found


def _digests(part: LabelledSet) -> list[tuple[int, str]]:
    """Index and digest of the items, without blank ones, which are all alike."""
    blank = _blank(part)
    return [(i, d) for i, d in enumerate(part.items.digests()) if not blank[i]]


def _word(part: str) -> str:
    return PART_WORDS[part]


def _groups(part: LabelledSet) -> list[str]:
    assert part.class_groups is not None
    return [part.group_names[int(g)] for g in np.unique(part.class_groups)]


def _makers_of(part: LabelledSet, group: str) -> list[int]:
    assert part.class_groups is not None
    assert part.makers is not None
    mine = part.class_groups[part.labels] == part.group_names.index(group)
    return [int(m) for m in np.unique(part.makers[mine])]


def _person(name: str) -> str:
    """A class's name without what may tell two folders of one person apart: case, spaces, a word for forgeries."""
    text = re.sub(r"[\s_\-.]+", "", name.casefold())
    return re.sub(r"(forg(ed|ery|eries)?|fake|skilled|genuine|copy)$", "", text) or text


def _examples(
    names: list[str], a: str, b: str, parts: Mapping[str, LabelledSet]
) -> tuple[tuple[Place, Place], ...]:  # fmt: skip
    """The first picture of each of these classes in both parts."""
    if a not in parts or b not in parts:
        return ()
    pairs = []
    for name in names:
        places = []
        for part in (a, b):
            items = np.flatnonzero(parts[part].labels == parts[part].class_names.index(name))
            places += [(part, int(items[0]))] if len(items) else []
        if len(places) == 2:
            pairs.append((places[0], places[1]))
    return tuple(pairs)
