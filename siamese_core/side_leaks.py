"""What stands on both sides of a split that should stand on one: classes, groups, makers, pictures.

Near copies are judged against the data itself: pictures of two training classes cannot be copies of one another in
great number, so how often those look like copies says how often that happens by chance (simple signs look alike).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from siamese_core import near_copies
from siamese_core.findings import PART_WORDS, Finding, Place, count
from siamese_core.types import LabelledSet

LEVELS = (0.95, 0.98, 0.99)  # of likeness, at each of which near copies are counted
UNLIKELY = 1e-3
DRAWS = 400  # of classes, to learn how much the count varies from class to class
MOST_SHOWN = 6
MANY = 0.10  # of the pictures of a part: so many near copies within classes are told

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
                f"{'is' if len(both) == 1 else 'are'} in the {_word(b)} part as well, so the figures are not for unseen "
                f"classes; measure on classes that are in no other part.",
                {"measured": a, "other": b, "shared": both[:50], "count": len(both)}, _examples(both[:MOST_SHOWN], a, b, parts),
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
                f"{'has' if len(both) == 1 else 'have'} other classes in the {_word(b)} part, so the network knows their "
                "style and the figures are for new classes of known groups; hold whole groups out to measure on new groups.",
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
    """Pictures that two parts have to the pixel, and pictures under two class names; `seen`: digests of training
    pictures, as the run keeps them, for where the training part itself is not at hand."""
    found = []
    digests = {name: np.array(part.items.digests()) for name, part in parts.items()}
    for a, b in comparisons(parts):
        first = {d: i for i, d in reversed(list(enumerate(digests[b].tolist())))}
        both = [i for i, d in enumerate(digests[a].tolist()) if d in first]
        if both:
            pairs = tuple(((a, i), (b, first[str(digests[a][i])])) for i in both[:MOST_SHOWN])
            found.append(_copied(len(both), len(parts[a]), a, b, pairs))
    if "train" not in parts and seen:
        for a in parts:
            known = [i for i, d in enumerate(digests[a].tolist()) if d in seen]
            if known:
                found.append(_copied(len(known), len(parts[a]), a, "train", ()))
    for name, part in parts.items():
        found += _two_names(name, part, digests[name])
    if found or not (comparisons(parts) or seen):
        return found
    return [Finding("duplicates", "fine", "No picture is, to the pixel, in two parts.")]


def _copied(number: int, whole: int, a: str, b: str, pairs: tuple[tuple[Place, Place], ...]) -> Finding:
    return Finding(
        "duplicates", "problem",
        f"{number:,} of the {whole:,} {_word(a)} pictures {'is' if number == 1 else 'are'}, to the pixel, among the "
        f"{_word(b)} pictures, so the network has been shown what it is asked about and the figures flatter it; take the "
        "copies out of one side and train again.",
        {"measured": a, "other": b, "count": number, "of": whole}, pairs,
    )  # fmt: skip


def _two_names(name: str, part: LabelledSet, digests: np.ndarray) -> list[Finding]:
    _, place = np.unique(digests, return_inverse=True)
    low, high = np.full(place.max(initial=0) + 1, part.n_classes), np.zeros(place.max(initial=0) + 1, dtype=np.int64)
    np.minimum.at(low, place, part.labels)
    np.maximum.at(high, place, part.labels)
    bad = np.flatnonzero(low < high)
    if not len(bad):
        return []
    pairs = []
    for value in bad[:MOST_SHOWN]:
        items = np.flatnonzero(place == value)
        other = items[part.labels[items] != part.labels[items[0]]][0]
        pairs.append(((name, int(items[0])), (name, int(other))))
    a, b = (part.class_names[int(part.labels[i])] for _, i in pairs[0])
    return [Finding(
        "duplicates", "problem",
        f"{count(len(bad), 'picture')} of the {_word(name)} part {'stands' if len(bad) == 1 else 'stand'} under two class "
        f"names, such as '{a}' and '{b}', so one of the answers must be wrong; remove the copy from the class it does not "
        "belong to.",
        {"measured": name, "count": len(bad)}, tuple(pairs),
    )]  # fmt: skip


@dataclass(frozen=True)
class Looks:
    """The pictures of the parts made ready for comparing: prints, and the place in its part of each print."""

    prints: dict[str, near_copies.Prints]
    places: dict[str, np.ndarray]


def near_duplicates(parts: Mapping[str, LabelledSet], looks: Looks) -> list[Finding]:
    """Pictures of one part that are nearly a picture of another, against how often that is so by chance."""
    found = []
    apart = _by_chance(parts, looks)
    for a, b in comparisons(looks.prints):
        hits = near_copies.near(looks.prints[a], looks.prints[b])
        exact = set(parts[b].items.digests())
        digests = parts[a].items.digests()
        new = np.array([digests[int(looks.places[a][i])] not in exact for i in hits.first], dtype=bool)
        found.append(_judged(a, b, hits, new, looks, apart))
    bad = [f for f in found if f.severity != "fine"]
    return bad or found[:1]


@dataclass(frozen=True)
class _Chance:
    """Of each training picture, its class, the greatest likeness to a picture of another class (group), and how many
    such pictures there are."""

    labels: np.ndarray
    likeness: np.ndarray
    others: float
    words: str


def _by_chance(parts: Mapping[str, LabelledSet], looks: Looks) -> _Chance | None:
    """How alike pictures of two training classes are; of two groups, where no part shares one with another."""
    if "train" not in looks.prints or parts["train"].n_classes < 2:
        return None
    train, prints = parts["train"], looks.prints["train"]
    labels = train.labels[looks.places["train"]]
    keys, words = labels, "classes"
    if train.class_groups is not None and len(np.unique(train.class_groups[labels])) > 1:
        keys, words = train.class_groups[labels], "groups"
    hits = near_copies.near(prints, prints, (keys, keys))
    best = np.zeros(len(labels))
    np.maximum.at(best, hits.first, hits.likeness)
    sizes = np.bincount(keys)
    return _Chance(labels, best, float(len(keys) - (sizes[keys]).mean()), words)


def _judged(
    a: str, b: str, hits: near_copies.Near, new: np.ndarray, looks: Looks, chance: _Chance | None
) -> Finding:  # fmt: skip
    """One comparison at the level of likeness where it is most surprising."""
    total, gallery = len(looks.prints[a]), len(looks.prints[b])
    best = np.zeros(total)
    np.maximum.at(best, hits.first[new], hits.likeness[new])
    levels = [_level(best, level, gallery, chance) for level in LEVELS]
    at = min(levels, key=lambda v: (not v["surprising"], v["p"], v["level"]))
    shown = [m for m in np.flatnonzero(new) if hits.likeness[m] >= at["level"]]
    _, once = np.unique(hits.first[shown], return_index=True)
    pairs = tuple(
        ((a, int(looks.places[a][hits.first[m]])), (b, int(looks.places[b][hits.second[m]])))
        for m in [shown[k] for k in sorted(once)][:MOST_SHOWN]
    )
    details = {"measured": a, "other": b, "count": at["hits"], "of": total, "likeness": at["level"], "p": at["p"],
               "by_chance": at["expected"], "levels": levels}  # fmt: skip
    said = f"{at['hits']:,} of {total:,} {_word(a)} pictures {'is' if at['hits'] == 1 else 'are'} nearly identical to a " \
           f"{_word(b)} picture"  # fmt: skip
    if not at["hits"]:
        words = f"No {_word(a)} picture is nearly identical to a {_word(b)} picture."
        return Finding("near copies", "fine", words, details)
    if at["surprising"]:
        return Finding(
            "near copies", "problem",
            f"{said}; among the training {chance.words if chance else 'classes'} themselves such pairs are rarer (by "
            f"chance about {at['expected']:.2g} would be expected), so copies of one picture seem to stand on both sides "
            "and the figures flatter the network; look at the pairs, and put copies on one side.",
            details, pairs,
        )  # fmt: skip
    if chance is not None and at["expected"] >= 0.5:
        return Finding(
            "near copies", "fine",
            f"{said}; among the training {chance.words} themselves such pairs are as common (about {at['expected']:.0f} "
            "expected), so these pictures are simple and look alike; they are no sign of copies.",
            details, pairs,
        )  # fmt: skip
    return Finding(
        "near copies", "look",
        f"{said}; that is too few to tell copies from chance, so look at the pairs, and if they are copies of one "
        "picture, keep them on one side.",
        details, pairs,
    )  # fmt: skip


def _level(best: np.ndarray, level: float, gallery: int, chance: _Chance | None) -> dict[str, Any]:
    """How many of the measured pictures (their greatest likeness: `best`) reach a level, and how surprising that is."""
    from scipy.stats import binom

    hits = int((best >= level).sum())
    if chance is None or not hits:
        return {"level": level, "hits": hits, "expected": 0.0, "p": 1.0, "surprising": False}
    reached = chance.likeness >= level
    here, there = len(best) * gallery, len(reached) * max(1.0, chance.others)
    p = float(binom.sf(hits - 1, hits + int(reached.sum()), here / (here + there)))
    scale = len(best) * gallery / max(1.0, chance.others)
    shares = scale * _shares_of_draws(reached, chance.labels, len(best))
    surprising = p < UNLIKELY and hits > float(np.quantile(shares, 0.99))
    return {"level": level, "hits": hits, "expected": float(scale * reached.mean()), "p": p, "surprising": surprising}


def _shares_of_draws(reached: np.ndarray, labels: np.ndarray, items: int) -> np.ndarray:
    """(DRAWS,) shares of pictures that reach a level among random training classes, about `items` pictures a draw:
    pictures of one class reach it or not together."""
    classes, own = np.unique(labels, return_inverse=True)
    sizes, sums = np.bincount(own), np.bincount(own, weights=reached)
    number = int(np.clip(round(items / max(1.0, sizes.mean())), 1, len(classes)))
    drawn = np.random.default_rng(0).integers(len(classes), size=(DRAWS, number))
    found: np.ndarray = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return found


def copies_within(parts: Mapping[str, LabelledSet], looks: Looks) -> list[Finding]:
    """Near copies inside a class of what is measured (slices of one scan, frames of one film): then same pairs are
    easy, and the figures say little about pictures taken anew."""
    found = []
    for name in ("test", "given"):
        if name not in looks.prints:
            continue
        prints, places = looks.prints[name], looks.places[name]
        keys = parts[name].labels[places]
        same = near_copies.near(prints, prints, (keys, keys), equal=True)
        other = near_copies.near(prints, prints, (keys, keys))
        number, total = len(np.unique(same.first)), len(prints)
        share, others = number / max(1, total), len(np.unique(other.first)) / max(1, total)
        details = {"measured": name, "count": number, "of": total, "share": share, "share_between_classes": others}
        if share < MANY:
            words = f"Few of the {_word(name)} pictures ({share:.0%}) have a near copy in their own class."
            found.append(Finding("near copies in a class", "fine", words, details))
            continue
        found.append(Finding(
            "near copies in a class", "look",
            f"{number:,} of {total:,} {_word(name)} pictures ({share:.0%}) have a near copy in their own class (in another "
            f"class: {others:.0%}), as slices of one scan or photographs of one moment have, so many 'same' pairs are easy "
            "and the figures say less about pictures taken on another day; keep one picture of each such series, or pair "
            "pictures of different series.",
            details, _spread(same, name, places, keys),
        ))  # fmt: skip
    return found


def _spread(hits: near_copies.Near, name: str, places: np.ndarray, keys: np.ndarray) -> tuple[tuple[Place, Place], ...]:
    """A few pairs to show, of different classes where there are."""
    _, first = np.unique(keys[hits.first], return_index=True)
    return tuple(
        ((name, int(places[hits.first[m]])), (name, int(places[hits.second[m]]))) for m in sorted(first)[:MOST_SHOWN]
    )


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
