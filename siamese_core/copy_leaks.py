"""Near copies: of one part's pictures in another part, and of a class's pictures in the class itself.

Simple signs look alike without being copies. A copy stands out in two ways: it is much nearer to its original than the
pictures of its own class are to each other, and there are more such pictures than two parts have that cannot be copies
of one another: the classes (groups) of the training part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from siamese_core import near_copies
from siamese_core.findings import PART_WORDS, Finding, Place
from siamese_core.near_copies import Near, Prints
from siamese_core.side_leaks import comparisons
from siamese_core.types import LabelledSet

STANDS_OUT = 0.5  # of the distance (1 - likeness) to the nearest picture of the own class
UNLIKELY = 1e-3
WEIGHT = 0.01  # of the measured pictures: so many copies weigh, or half of a class
DRAWS = 400  # of groups of training classes, to learn how much the count varies
MOST_SHOWN = 6
MOST_JUDGED = 400  # near pictures that are compared with their own class
OWN = 12  # pictures of the own class, the nearest by hash, that are looked at
SIMPLE = 0.02  # have a near copy in another class: then near copies mean little
MANY = 0.10  # of the pictures of a part: so many near copies within classes are told


@dataclass(frozen=True)
class Looks:
    """The pictures of the parts made ready for comparing: the prints, the label of each, and its place in its part."""

    prints: dict[str, Prints]
    labels: dict[str, np.ndarray]
    places: dict[str, np.ndarray]


@dataclass(frozen=True)
class _Hits:
    """The pictures of one side that are nearly a picture of the other: M places (M,) in each, the nearest of each
    picture; copy (M,) whether it stands out from its own class; share: of all near pictures, how many were judged."""

    first: np.ndarray
    second: np.ndarray
    likeness: np.ndarray
    copy: np.ndarray
    total: int


@dataclass(frozen=True)
class _Chance:
    """The same between training classes: hits, of how many pictures, beside how many others each, in which units
    (groups where there are, else classes) they come, and the word for these."""

    hits: _Hits
    items: int
    others: float
    units: np.ndarray
    word: str


def across(parts: Mapping[str, LabelledSet], looks: Looks) -> list[Finding]:
    """Pictures of one part that are nearly a picture of another, against how often that is so by chance."""
    found = []
    chance = _by_chance(parts, looks)
    for a, b in comparisons(looks.prints):
        near = near_copies.near(looks.prints[a], looks.prints[b])
        exact = set(parts[b].items.digests())
        digests = parts[a].items.digests()
        new = np.array([digests[int(looks.places[a][i])] not in exact for i in near.first], dtype=bool)
        found.append(_judged(a, b, _hits(near, new, looks.prints[a], looks.labels[a]), looks, chance))
    return [f for f in found if f.severity != "fine"] or found[:1]


def _hits(near: Near, wanted: np.ndarray, prints: Prints, labels: np.ndarray) -> _Hits:
    """The nearest partner of each picture, and whether the picture stands out from its own class."""
    rows = np.flatnonzero(wanted)
    items, at = np.unique(near.first[rows], return_index=True)  # the most alike come first
    rows = rows[at]
    total = len(items)
    if total > MOST_JUDGED:
        rows = rows[np.sort(np.random.default_rng(0).permutation(total)[:MOST_JUDGED])]
    items, likeness = near.first[rows], near.likeness[rows]
    own = np.zeros(len(items))
    i, j, _ = near_copies.within(
        prints.hashes[items], prints.hashes[:, 0], 64, (labels[items], labels), equal=True, most_each=OWN + 1
    )
    i, j = i[items[i] != j], j[items[i] != j]
    np.maximum.at(own, i, near_copies.likeness(prints, prints, items[i], j))
    return _Hits(items, near.second[rows], likeness, 1 - likeness < STANDS_OUT * (1 - own), total)


def _by_chance(parts: Mapping[str, LabelledSet], looks: Looks) -> _Chance | None:
    """How alike pictures of two training classes are; of two groups, where there are."""
    if "train" not in looks.prints or parts["train"].n_classes < 2:
        return None
    train, prints, labels = parts["train"], looks.prints["train"], looks.labels["train"]
    units, word = labels, "classes"
    if train.class_groups is not None and len(np.unique(train.class_groups[labels])) > 1:
        units, word = train.class_groups[labels], "groups"
    near = near_copies.near(prints, prints, (units, units))
    hits = _hits(near, np.ones(len(near), dtype=bool), prints, labels)
    return _Chance(hits, len(prints), float(len(units) - np.bincount(units)[units].mean()), units, word)


def _judged(a: str, b: str, hits: _Hits, looks: Looks, chance: _Chance | None) -> Finding:
    """One comparison in words."""
    total = len(looks.prints[a])
    number = round(hits.total * float(hits.copy.mean())) if hits.total else 0
    expected, p, surprising = _surprise(number, total, len(looks.prints[b]), chance)
    weighs = number >= WEIGHT * total or _half_a_class(hits, looks.labels[a])
    details = {"measured": a, "other": b, "count": hits.total, "standing_out": number, "of": total, "p": p,
               "standing_out_by_chance": expected, "near_in_training": chance and chance.hits.total,
               "pictures_in_training": chance and chance.items}  # fmt: skip
    order = np.lexsort((-hits.likeness, ~hits.copy))[:MOST_SHOWN]
    pairs = tuple(((a, int(looks.places[a][hits.first[m]])), (b, int(looks.places[b][hits.second[m]]))) for m in order)
    said = f"{hits.total:,} of {total:,} {PART_WORDS[a]} pictures {'is' if hits.total == 1 else 'are'} nearly " \
           f"identical to a {PART_WORDS[b]} picture"  # fmt: skip
    if not hits.total:
        words = f"No {PART_WORDS[a]} picture is nearly identical to a {PART_WORDS[b]} picture."
        return Finding("near copies", "fine", words, details)
    if not number:
        return Finding("near copies", "fine",
                       f"{said}, but not nearer than pictures of their own class are: these pictures are simple and "
                       "look alike, which is no sign of copies.", details, pairs)  # fmt: skip
    among = ""
    if chance is not None:
        among = f" among the training {chance.word} themselves {_times(chance)} of {chance.items:,} pictures are"
    out = f"{said}, and {'all' if number == hits.total else f'{number:,}'} of them {'are' if number > 1 else 'is'} " \
          "much nearer than any picture of their own class"  # fmt: skip
    if surprising and weighs:
        return Finding("near copies", "problem",
                       f"{out};{among}, so such pairs are rarer there, copies of one picture seem to stand on both "
                       "sides, and the figures flatter the network; look at the pairs, and keep copies on one side.",
                       details, pairs)  # fmt: skip
    if chance is not None and expected >= 1:
        return Finding("near copies", "fine", f"{out};{among}, so such pairs are as common there and come by chance.",
                       details, pairs)  # fmt: skip
    return Finding("near copies", "look",
                   f"{out}; that is too few to weigh or to tell from chance, so look at the pairs, and if they are "
                   "copies of one picture, keep them on one side.", details, pairs)  # fmt: skip


def _half_a_class(hits: _Hits, labels: np.ndarray) -> bool:
    """Whether half of a class's pictures, three at least, are copies that stand out: a class under two names."""
    copies = np.bincount(labels[hits.first[hits.copy]], minlength=int(labels.max()) + 1)
    return bool(((copies >= 3) & (copies >= np.bincount(labels) / 2)).any())


def _times(chance: _Chance) -> str:
    number = round(chance.hits.total * float(chance.hits.copy.mean())) if chance.hits.total else 0
    return f"{number:,}" if number else "none"


def _surprise(number: int, items: int, gallery: int, chance: _Chance | None) -> tuple[float, float, bool]:
    """(how many would be expected by chance, how likely so many or more are, whether that is surprising), for `number`
    of `items` pictures that have a copy among `gallery` others."""
    from scipy.stats import binom

    if chance is None:
        return 0.0, 1.0, False
    reached = np.zeros(chance.items)
    reached[chance.hits.first[chance.hits.copy]] = chance.hits.total / max(1, len(chance.hits.first))
    scale = items * gallery / max(1.0, chance.others)
    here, there = items * gallery, chance.items * max(1.0, chance.others)
    p = float(binom.sf(number - 1, number + round(float(reached.sum())), here / (here + there)))
    usual = scale * _shares_of_draws(reached, chance.units, items)
    return float(scale * reached.mean()), p, bool(number and p < UNLIKELY and number > np.quantile(usual, 0.99))


def _shares_of_draws(reached: np.ndarray, units: np.ndarray, items: int) -> np.ndarray:
    """(DRAWS,) shares of pictures that have a copy among random training classes (groups), about `items` pictures a
    draw: pictures of one of them have copies or not together."""
    _, own = np.unique(units, return_inverse=True)
    sizes, sums = np.bincount(own), np.bincount(own, weights=reached)
    number = int(np.clip(round(items / max(1.0, float(sizes.mean()))), 1, len(sizes)))
    drawn = np.random.default_rng(0).integers(len(sizes), size=(DRAWS, number))
    found: np.ndarray = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return found


def inside(looks: Looks) -> list[Finding]:
    """Near copies inside the classes of what is measured (slices of one scan, frames of one film): then same pairs are
    easy, and the figures say little about pictures taken anew."""
    found = []
    for name in ("test", "given"):
        if name not in looks.prints:
            continue
        prints, keys = looks.prints[name], looks.labels[name]
        same = near_copies.near(prints, prints, (keys, keys), equal=True)
        other = near_copies.near(prints, prints, (keys, keys))
        number, total = len(np.unique(same.first)), len(prints)
        share, others = number / total, len(np.unique(other.first)) / total
        details = {"measured": name, "count": number, "of": total, "share": share, "share_between_classes": others}
        said = f"{number:,} of {total:,} {PART_WORDS[name]} pictures ({share:.0%}) have a near copy in their own class"
        shown = _spread(same, name, looks.places[name], keys)
        if share < MANY:
            found.append(Finding("near copies in a class", "fine", f"{said}, which is few.", details))
        elif others > SIMPLE:
            found.append(Finding("near copies in a class", "fine",
                                 f"{said}, but {others:.0%} have one in another class too: these pictures are small "
                                 "and simple and look alike, which is no sign of copies.", details, shown))  # fmt: skip
        else:
            found.append(Finding("near copies in a class", "look",
                                 f"{said} and {others:.1%} in another one, as slices of one scan or photographs of one "
                                 "moment have, so many 'same' pairs are easy and the figures say less about pictures "
                                 "taken on another day; keep one picture of each series, or pair pictures of "
                                 "different series.",
                                 details, shown))  # fmt: skip
    return found


def _spread(near: Near, name: str, places: np.ndarray, keys: np.ndarray) -> tuple[tuple[Place, Place], ...]:
    """A few pairs to show, of different classes where there are."""
    _, first = np.unique(keys[near.first], return_index=True)
    return tuple(
        ((name, int(places[near.first[m]])), (name, int(places[near.second[m]]))) for m in sorted(first)[:MOST_SHOWN]
    )
