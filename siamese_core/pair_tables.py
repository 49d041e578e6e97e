"""Many pairs of pictures as a value, whatever they were read from, and pairs made of two folders by equal names."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass, field

import numpy as np

from siamese_core.datasets.folder import Source
from siamese_core.datasets.picture_files import PictureFiles
from siamese_core.errors import DataError
from siamese_core.modalities.decoding import plain_name

MAX_BROKEN = 1000  # broken rows whose sentences are kept; all of them are counted


@dataclass(frozen=True)
class BrokenRow:
    """A row that cannot be used: its number, the header being row 1, and one sentence why."""

    row: int
    why: str


@dataclass
class BrokenRows:
    """Collects broken rows: the first ones with their sentences, the others by number only."""

    kept: list[BrokenRow] = field(default_factory=list)
    count: int = 0

    def add(self, row: int, why: str) -> None:
        """One more."""
        self.count += 1
        if len(self.kept) < MAX_BROKEN:
            self.kept.append(BrokenRow(row, why))

    def sorted(self) -> tuple[BrokenRow, ...]:
        """Those that are kept, in the order of their rows."""
        return tuple(sorted(self.kept, key=lambda broken: broken.row))


@dataclass(frozen=True, eq=False)
class PairTable:
    """P pairs.

    names          every picture that is named, once
    first, second  (P,) int64, the two pictures of a pair: places in `names`
    same           (P,) int8: 1 the same, 0 different, -1 where it is not said
    rows           (P,) int64, the row that each stands in
    broken         rows that cannot be used, at most MAX_BROKEN of the `broken_count`
    """

    names: tuple[str, ...]
    first: np.ndarray
    second: np.ndarray
    same: np.ndarray
    rows: np.ndarray
    broken: tuple[BrokenRow, ...] = ()
    broken_count: int = 0

    def __len__(self) -> int:
        return len(self.first)


def pair_folders(a: PictureFiles, b: PictureFiles) -> tuple[PairTable, PictureFiles]:
    """Pair the pictures of two places by their names, endings aside, in order of name; and the pictures of both.

    A name that only one place has, or one place twice, is a broken row. Raises DataError when no name is in both.
    """
    sides = [a.pictures(), b.pictures()]
    marks = (a.label, b.label) if a.label != b.label else (f"first {a.label}", f"second {b.label}")
    for side in sides:
        if not len(side):
            raise DataError(f"{side.label} holds no pictures; give a folder or zip of pictures for either side.")
    by_name = [_by_name(side) for side in sides]
    broken, names, rows = BrokenRows(), [], []
    for row, name in enumerate(sorted(by_name[0].keys() | by_name[1].keys()), 1):
        counts = [len(side.get(name, ())) for side in by_name]
        if counts == [1, 1]:
            names += [f"{mark}/{side[name][0].name}" for mark, side in zip(marks, by_name, strict=True)]
            rows.append(row)
        elif 0 in counts:
            broken.add(row, f"'{plain_name(name)}' is in {marks[counts.index(0) ^ 1]} alone.")
        else:
            broken.add(row, f"'{plain_name(name)}' is twice in {marks[int(counts[0] == 1)]}, with two endings.")
    if not rows:
        raise DataError(f"No picture of {marks[0]} has the name of one of {marks[1]}; pairs need equal names.")
    sources = [
        Source(f"{mark}/{s.name}", s.read) for mark, side in zip(marks, sides, strict=True) for s in side.sources
    ]
    place = np.arange(len(names), dtype=np.int64)
    same = np.full(len(rows), -1, dtype=np.int8)
    table = PairTable(tuple(names), place[::2], place[1::2], same, np.array(rows), broken.sorted(), broken.count)
    return table, PictureFiles(" and ".join(marks), tuple(sources))


def _by_name(files: PictureFiles) -> dict[str, list[Source]]:
    """Pictures by their path without the ending."""
    found: dict[str, list[Source]] = {}
    for source in files.sources:
        found.setdefault(composed(os.path.splitext(source.name)[0]), []).append(source)
    return found


def composed(cell: str) -> str:
    """A picture's name as archives have it: "/" between folders, letters composed."""
    if cell.isascii() and "\\" not in cell and not cell.startswith("./"):
        return cell.strip()
    return unicodedata.normalize("NFC", cell.strip()).replace("\\", "/").removeprefix("./")
