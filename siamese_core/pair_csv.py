"""A CSV of pairs: each row names two pictures, and may say whether they are the same.

Files are from strangers and may be large: they are read line by line, never as a whole, and a row that cannot be used
is told by its number while the others are used. One line is one row: no cell holds a line break, so that a quotation
mark that is never closed spoils its own row alone.
"""

from __future__ import annotations

import csv
import io
import os
from array import array
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np

from siamese_core.errors import DataError
from siamese_core.modalities.decoding import opener, plain_name
from siamese_core.pair_tables import BrokenRows, PairTable, composed

MAX_ROWS = 1_000_000
MAX_BYTES = 128 * 2**20
MAX_LINE = 4096  # characters
COLUMNS = (("image_a", "image_b"), ("a", "b"), ("first", "second"))
LABELS = ("label", "same")
MEANINGS = ("same", "different")  # what the label 1 may say
SAMPLE = "image_a,image_b,label\nanna/1.png,anna/2.png,1\nanna/1.png,bert/1.png,0\nbert/1.png,bert/2.png,1\n"
_SEPARATORS = (",", ";", "\t")
_BLOCK = 2**14  # characters
_ONE, _ZERO = ("1", "1.0", "true"), ("0", "0.0", "false")


def read_pairs(source: Path | IO[bytes], label_one: str = "same", max_rows: int = MAX_ROWS) -> PairTable:
    """Read a CSV of pairs: a path, or an open binary file with a name.

    The first line names the columns: image_a, image_b (or a, b, or first, second) and, if there is one, label (or
    same); others are passed over. Separators are commas, semicolons or tabs. `label_one` says what the label 1 means,
    "same" or "different". Raises DataError, one sentence, when the file as a whole cannot be used.
    """
    if label_one not in MEANINGS:
        raise DataError(f"The label 1 means {' or '.join(MEANINGS)}, not {plain_name(label_one)!r}.")
    with _opened(source) as (file, label), closing(_blocks(file)) as blocks:
        try:
            return _read(blocks, label, label_one, max_rows)
        except UnicodeDecodeError:
            raise DataError(f"{label} is not UTF-8 text; save it as 'CSV UTF-8' and give it again.") from None
        except OSError as error:
            raise DataError(f"{label} cannot be read: {error.strerror or error}.") from None


@contextmanager
def _opened(source: Path | IO[bytes]) -> Iterator[tuple[IO[bytes], str]]:
    """The file, at its beginning, and what to call it, after its size was judged. Raises DataError."""
    label = plain_name(Path(str(source if isinstance(source, Path) else getattr(source, "name", "pairs.csv"))).name)
    if isinstance(source, Path):
        if not source.is_file():
            what = "is no file" if source.exists() else "is not there; check its name"
            what = "is a folder; give a CSV file" if source.is_dir() else what
            raise DataError(f"The table of pairs {plain_name(str(source))} {what}.")
        try:
            with source.open("rb") as file:
                _judge(file, label)
                yield file, label
        except OSError as error:
            raise DataError(f"{label} cannot be read: {error.strerror or error}.") from None
        return
    _judge(source, label)
    yield source, label


def _judge(file: IO[bytes], label: str) -> None:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(16)
    file.seek(0)
    if not size:
        raise _empty(label)
    if size > MAX_BYTES:
        raise DataError(
            f"{label} has {size / 2**20:,.0f} MB, more than the {MAX_BYTES >> 20} MB allowed; split it into smaller "
            "files."
        )
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise DataError(f"{label} is a zip or a spreadsheet, not a CSV; save it as 'CSV UTF-8' and give that.")
    if opener(head) and (0 in head or not head.isascii()):
        raise DataError(f"{label} is a picture, not a CSV; give the table that names the pairs.")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or (any(head) and not (any(head[::2]) and any(head[1::2]))):
        raise DataError(f"{label} is UTF-16 text; save it as 'CSV UTF-8' and give it again.")


def _empty(label: str) -> DataError:
    return DataError(f"{label} is empty; its first line must name the columns, as in image_a,image_b,label.")


def _blocks(file: IO[bytes]) -> Generator[tuple[int, list[str]], None, None]:
    """Some lines at a time, without their ends, and the number of the first, from 1; none where all are blank. Of a
    line that is too long, more than MAX_LINE characters are there, but perhaps not all."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline=None)
    try:
        number, rest = 1, ""
        while block := text.read(_BLOCK):
            *whole, rest = (rest + block).split("\n")
            rest = rest[: MAX_LINE + 1]
            if any(whole) and not "".join(whole).isspace():  # millions of blank lines take no time
                yield number, whole
            number += len(whole)
        if rest:
            yield number, [rest]
    finally:
        text.detach()


def _read(blocks: Iterator[tuple[int, list[str]]], label: str, label_one: str, max_rows: int) -> PairTable:
    begin, header, number, lines = _header(blocks)
    reader = _Reader(_layout(header, label, label_one))
    for start, block in chain([(number, lines)], blocks):
        if not reader.quickly(start, block):
            reader.one_by_one(start, block)
        if reader.count > max_rows:
            raise DataError(f"{label} has more than the {max_rows:,} rows allowed; split it into smaller files.")
    if not reader.count:
        raise DataError(f"{label} has a header in row {begin} but no pairs below it; add one pair a row.")
    return reader.table()


def _header(blocks: Iterator[tuple[int, list[str]]]) -> tuple[int, str, int, list[str]]:
    """The number of the header's row and the header; the number of the next row and the rows after it in its block."""
    for start, lines in blocks:
        for i, line in enumerate(lines):
            remark = line.lower().startswith("sep=") and len(line) == 5  # a spreadsheet's own
            if line.strip() and not remark:
                return start + i, line, start + i + 1, lines[i + 1 :]
    return 1, "", 2, []


class _Reader:
    """Collects the pairs of a table, block by block."""

    def __init__(self, layout: _Layout) -> None:
        self.count = 0
        self._layout = layout
        self._places: dict[str, int] = {}  # of a cell as it is written
        self._names: dict[str, int] = {}
        self._first, self._second, self._same, self._rows = array("q"), array("q"), array("b"), array("q")
        self._broken = BrokenRows()

    def quickly(self, start: int, lines: list[str]) -> bool:
        """Take a whole block in which nothing is out of the ordinary; False, and nothing is taken, if something is."""
        layout = self._layout
        rows = [line.split(layout.separator) for line in lines]
        if set(map(len, rows)) != {layout.cells} or '"' in "".join(lines) or max(map(len, lines)) > MAX_LINE:
            return False
        a, b = [cells[layout.first] for cells in rows], [cells[layout.second] for cells in rows]
        told = [""] * len(rows) if layout.label is None else [cells[layout.label] for cells in rows]
        values = list(map(layout.values.get, told))
        new = [cell for cell in {*a, *b} if cell not in self._places]
        if None in values or not all(map(str.strip, new)):
            return False
        self.count += len(rows)
        self._first.extend(self._placed(a))
        self._second.extend(self._placed(b))
        self._same.extend(values)  # type: ignore[arg-type]
        self._rows.extend(range(start, start + len(rows)))
        return True

    def one_by_one(self, start: int, lines: list[str]) -> None:
        """Take what can be used of a block."""
        for row, line in enumerate(lines, start):
            if not line.strip():
                continue
            self.count += 1
            found = self._layout.cut(line)
            if isinstance(found, str):
                self._broken.add(row, found)
                continue
            a, b, told = found
            self._first.extend(self._placed([a]))
            self._second.extend(self._placed([b]))
            self._same.append(told)
            self._rows.append(row)

    def _placed(self, cells: list[str]) -> list[int]:
        """The places of the names in these cells; new ones get the next."""
        places = list(map(self._places.get, cells))
        if None in places:
            for cell in cells:
                if cell not in self._places:
                    self._places[cell] = self._names.setdefault(composed(cell), len(self._names))
            places = list(map(self._places.get, cells))
        return places  # type: ignore[return-value]

    def table(self) -> PairTable:
        """All that was collected."""
        first, second, rows = (np.array(v, dtype=np.int64) for v in (self._first, self._second, self._rows))
        same = np.array(self._same, np.int8)
        return PairTable(tuple(self._names), first, second, same, rows, self._broken.sorted(), self._broken.count)


@dataclass(frozen=True)
class _Layout:
    """Where in a row things stand: the separator, how many cells there are, and which ones matter."""

    separator: str
    cells: int
    first: int
    second: int
    label: int | None
    values: dict[str, int]  # of a label in small letters: 1 the same, 0 different, -1 not said

    def cut(self, line: str) -> tuple[str, str, int] | str:
        """The two pictures as they are written and what the label says of them, or what is wrong with this row."""
        if len(line) > MAX_LINE:
            return f"It is longer than {MAX_LINE:,} characters."
        cells = line.split(self.separator) if '"' not in line else _cells(line, self.separator)
        if len(cells) != self.cells and (why := self._miscounted(cells)):
            return why
        a, b = cells[self.first], cells[self.second]
        if not a or not b or a.isspace() or b.isspace():
            return f"The {'first' if not a.strip() else 'second'} picture is missing."
        told = cells[self.label] if self.label is not None and self.label < len(cells) else ""
        value = self.values.get(told)
        if value is None and (value := self.values.get(told.strip().casefold())) is None:
            return f"The label '{plain_name(told.strip())}' is neither 0 nor 1."
        return a, b, value

    def _miscounted(self, cells: list[str]) -> str:
        """What is wrong with a row of another number of cells than the header; "" when nothing is."""
        if not cells:
            return "A quotation mark in it is not closed, or stands in the midst of a cell."
        if any(c.strip() for c in cells[self.cells :]):
            return f"It has {len(cells)} cells where the header has {self.cells}; put names with separators in quotes."
        if len(cells) <= max(self.first, self.second):
            return f"It has {len(cells)} of {self.cells} cells; is the separator another one here?"
        return ""


def _cells(line: str, separator: str) -> list[str]:
    """The cells of one line; none when its quotation marks do not go together."""
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [])
    except csv.Error:
        return []


def _layout(header: str, label: str, label_one: str) -> _Layout:
    """How the rows below this header are to be read. Raises DataError."""
    if not header:
        raise _empty(label)
    if len(header) > MAX_LINE or "\0" in header:
        raise DataError(f"{label} is no table of pairs: its first line must be like image_a,image_b,label.")
    tried = {s: [_plain(c) for c in _cells(header, s)] for s in _SEPARATORS}
    for separator, cells in tried.items():
        for a, b in COLUMNS:
            if a in cells and b in cells:
                return _settled(separator, cells, a, b, label, label_one)
    likely = max(tried.values(), key=len)
    for a, b in COLUMNS:
        if (a in likely) != (b in likely) and len(likely) > 1:
            there, missing = (a, b) if a in likely else (b, a)
            raise DataError(f"{label} has a column '{there}' but none called '{missing}'; add it.")
    raise DataError(
        f"The first line of {label} must name its columns, as in image_a,image_b,label, with commas, semicolons or "
        f"tabs between them; it is '{plain_name(header)}'."
    )


def _settled(separator: str, cells: list[str], a: str, b: str, label: str, label_one: str) -> _Layout:
    told = next((name for name in LABELS if name in cells), None)
    for name in (a, b, told):
        if name is not None and cells.count(name) > 1:
            raise DataError(f"{label} has two columns called '{name}'; remove one.")
    if told == "same" and label_one != "same":
        raise DataError(
            f"The column 'same' of {label} says that 1 means the same, but 1 was said to mean different; "
            "call it 'label', or let 1 mean the same."
        )
    one = int(label_one == "same")
    where = None if told is None else cells.index(told)
    values = {"": -1, "same": 1, "different": 0} | dict.fromkeys(_ONE, one) | dict.fromkeys(_ZERO, 1 - one)
    return _Layout(separator, len(cells), cells.index(a), cells.index(b), where, values)


def _plain(cell: str) -> str:
    return cell.replace("\ufeff", "").strip().casefold().replace(" ", "_").replace("-", "_")
