"""Columns of one's own for a map's points, from a table: what it can be coloured by besides what it knows itself."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from siamese_core.errors import DataError
from siamese_core.map_export_table import columns
from siamese_core.modalities.decoding import plain_name
from siamese_core.pair_scoring import safe_name

MOST_BYTES = 64 * 2**20
MOST = 12  # columns
LONGEST = 60  # characters of a column's name
_SEPARATORS = (",", ";", "\t")
_MISSING = ("", "nan", "na", "null")
_NOT_OWN = re.compile(r"index|class|e\d+")  # of the tables of a map, besides its `columns`


def read(path: Path, found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """`parsed`, of a file. Raises DataError also where it cannot be read."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{plain_name(path.name)} is larger than {MOST_BYTES >> 20} MB; give a smaller table.")
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"The table {plain_name(str(path))} cannot be read: {error.strerror or error}.") from None
    return parsed(data, path.name, found)


def parsed(data: bytes, name: str, found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns of numbers of a CSV by their names, each (N,) float64 for the N points of a map (see
    `map_jobs.result`), NaN where the table says nothing of a point.

    The column `index` says which item of the data a row is of, as in a map's own tables; rows of items that are not on
    the map, columns of words, and what the map knows itself are passed over. Commas, semicolons (then with decimal
    commas) or tabs separate. Raises DataError, one sentence, when nothing can be coloured by it.
    """
    name = plain_name(name)
    head, rows = _rows(data, name)
    if "index" not in head:
        raise DataError(f"{name} has no column called index; save the map's table, add a column of numbers to it, and "
                        "give that.")  # fmt: skip
    at = {int(item): point for point, item in enumerate(found["indices"])}
    which = head.index("index")
    mine: dict[int, list[str]] = {}
    for line, row in enumerate(rows, 2):
        if not any(row):
            continue
        cell = row[which].strip() if which < len(row) else ""
        if not re.fullmatch(r"\d{1,12}", cell):
            raise DataError(f"Line {line} of {name} has no whole number in its column index.")
        if (point := at.get(int(cell))) is None:
            continue
        if point in mine:
            raise DataError(f"Line {line} of {name} is of item {cell}, as a line before it; keep one of them.")
        mine[point] = row
    if not mine:
        raise DataError(f"No line of {name} is of a point on this map; take the column index from the map's table.")
    taken = set(columns(found))
    own = [c for c, title in enumerate(head) if title and title not in taken and not _NOT_OWN.fullmatch(title)]
    made: dict[str, np.ndarray] = {}
    for c in own:
        values = _numbers({point: row[c] if c < len(row) else "" for point, row in mine.items()}, len(found["indices"]))
        if values is not None and len(made) < MOST:
            made[_called(head[c], {*found, *made})] = values
    if not made:
        raise DataError(f"{name} has no column of numbers besides those that the map has itself; add one.")
    return made


def _rows(data: bytes, name: str) -> tuple[list[str], list[list[str]]]:
    """The titles, and the rows after them."""
    if len(data) > MOST_BYTES:
        raise DataError(f"{name} is larger than {MOST_BYTES >> 20} MB; give a smaller table.")
    try:
        text = data.decode("utf-8-sig")
        first = text.partition("\n")[0]
        separator = max(_SEPARATORS, key=first.count)
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except UnicodeDecodeError:
        raise DataError(f"{name} is not UTF-8 text; save it as 'CSV UTF-8' and give it again.") from None
    except csv.Error as error:
        raise DataError(f"{name} cannot be read as a table: {error}.") from None
    if len(rows) < 2:
        raise DataError(f"{name} has no rows under its titles; give a table with a row for each point.")
    if separator == ";":
        rows[1:] = [[re.sub(r"^(\s*[-+]?\d*),(\d+)", r"\1.\2", cell) for cell in row] for row in rows[1:]]
    return [title.strip() for title in rows[0]], rows[1:]


def _numbers(cells: Mapping[int, str], count: int) -> np.ndarray | None:
    """A column, where all that it says is finite numbers."""
    values = np.full(count, np.nan)
    for point, cell in cells.items():
        if cell.strip().lower() not in _MISSING:
            try:
                values[point] = float(cell)
            except ValueError:
                return None
            if not np.isfinite(values[point]):
                return None
    return values if np.isfinite(values).any() else None


def _called(title: str, taken: set[str]) -> str:
    """The column's name; another where the map has something else by that name."""
    name, number = safe_name(plain_name(title)[:LONGEST]), 2
    whole = name
    while whole in taken:
        whole, number = f"{name} ({number})", number + 1
    return whole
