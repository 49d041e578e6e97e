"""The items of a gallery on disk: one SQLite file and one file of embeddings beside it.

A batch is appended to vectors.f32 and flushed; then one SQLite transaction says that it is there. What a crash left
behind the last recorded row counts for nothing and is written over. Writers take turns by SQLite's own lock, so that
two processes that add at once lose nothing. An item's id is its row; it is never given to another picture. Every batch
has a checksum, looked at when its embeddings are read.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from siamese_core.errors import DataError
from siamese_core.modalities.decoding import plain_name

ITEMS, VECTORS = "items.sqlite", "vectors.f32"
WAIT = 30.0  # seconds for another writer
TRIES = 3  # looks at checksums before they are called wrong
_AT_ONCE = 500  # values in one statement
_TABLES = """
CREATE TABLE items (
    id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, name TEXT NOT NULL, label TEXT NOT NULL,
    class_group TEXT NOT NULL, source TEXT NOT NULL, removed INTEGER NOT NULL DEFAULT 0);
CREATE INDEX gone ON items (id) WHERE removed = 1;
CREATE TABLE thumbnails (id INTEGER PRIMARY KEY, png BLOB NOT NULL);
CREATE TABLE batches (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE state (rows INTEGER NOT NULL, count INTEGER NOT NULL, changes INTEGER NOT NULL);
INSERT INTO state VALUES (0, 0, 0);
"""
_COLUMNS = "id, name, label, class_group, source, digest"


@dataclass(frozen=True)
class Item:
    """One picture of a gallery; `label` and `group` are "" where they are not known; the digest is of what the network
    sees (where copies are kept, followed by the name)."""

    id: int
    name: str
    label: str
    group: str
    source: str
    digest: str = ""

    @property
    def file(self) -> str:
        """Where the picture lies, when it came from a folder; else its name."""
        return os.path.join(self.source, self.name) if os.path.isabs(self.source) else self.name


@dataclass(frozen=True)
class Entry:
    """What is recorded of a picture to be added."""

    digest: str
    name: str
    label: str = ""
    group: str = ""
    source: str = ""
    thumbnail: bytes | None = None


@dataclass(frozen=True)
class State:
    """`rows` embeddings on disk, of which `count` items are not removed; `changes` grows with every change."""

    rows: int
    count: int
    changes: int


class Store:
    """See the head of this file. Holds no connection: threads and processes may share a folder."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        self.size = size  # D
        self.label = plain_name(folder.name)

    def create(self) -> None:
        """Make the empty files. Raises DataError when they cannot be written."""
        with self._told():
            connection = sqlite3.connect(self.folder / ITEMS, timeout=WAIT)
            try:
                connection.executescript(f"BEGIN;{_TABLES}COMMIT;")
            finally:
                connection.close()
            (self.folder / VECTORS).touch()

    # ---- writing ----

    def append(self, vectors: np.ndarray, entries: Sequence[Entry]) -> int:
        """(M, D) float32 embeddings of M pictures -> how many of them are new.

        All or nothing; a picture that is in already is passed over. Raises DataError: numbers that are not finite, a
        full disk, another writer that does not end.
        """
        vectors = np.ascontiguousarray(vectors, dtype="<f4")
        if vectors.shape != (len(entries), self.size):
            raise DataError(f"The gallery {self.label} holds embeddings of {self.size} numbers, not {vectors.shape}.")
        if not np.isfinite(vectors).all():
            raise DataError("Some embeddings are not finite numbers; the network's output is broken, so train it anew.")
        with self._told(), self._connected() as db, self._turn(db):
            new = _new(db, entries)
            first = _state(db).rows
            if new:
                data = vectors[list(new)].tobytes()
                self._write(first, data)
                db.execute("INSERT INTO batches VALUES (?, ?, ?)", (first, len(new), zlib.crc32(data)))
            rows = [(first + i, entries[place]) for i, place in enumerate(new)]
            db.executemany(
                "INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, 0)",
                [(i, *map(_text, (e.digest, e.name, e.label, e.group, e.source))) for i, e in rows],
            )
            pictures = [(i, e.thumbnail) for i, e in rows if e.thumbnail is not None]
            db.executemany("INSERT INTO thumbnails VALUES (?, ?)", pictures)
            _changed(db, len(new), len(rows))
        return len(new)

    def _write(self, first: int, data: bytes) -> None:
        """Embeddings from row `first` on, safely on the disk, over whatever a crash has left there."""
        with (self.folder / VECTORS).open("r+b") as file:
            begin = 4 * self.size * first
            if os.fstat(file.fileno()).st_size < begin:
                raise self._damaged(VECTORS)
            file.truncate(begin)
            file.seek(begin)
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                file.truncate(begin)
                raise

    def remove(self, ids: Sequence[int]) -> int:
        """Take items out for good: nothing of them is left but the number of their row, whose embedding becomes zeros;
        how many there were. Raises DataError.

        Checksums are those of a batch whose removed rows are zeros, whether they are already or a crash came between.
        """
        rows = sorted({int(i) for i in ids})
        with self._told(), self._connected() as db, self._turn(db):
            statement = (
                "UPDATE items SET removed = 1, digest = 'removed ' || id, name = '', label = '', class_group = '', "
                "source = '' WHERE id = ? AND removed = 0"
            )
            found = sum(db.execute(statement, (i,)).rowcount for i in rows)
            db.executemany("DELETE FROM thumbnails WHERE id = ?", [(i,) for i in rows])
            self._sum_anew(db, rows)
            _changed(db, 0, -found)
        with self._told(), self._connected() as db, self._turn(db):
            self._wipe([r[0] for r in db.execute("SELECT id FROM items WHERE removed = 1")])  # a crash's leftovers too
        return found

    def _sum_anew(self, db: sqlite3.Connection, rows: Sequence[int]) -> None:
        """Checksums of the batches that hold these rows, the removed ones as zeros. Raises DataError."""
        done = -1
        for row in rows:
            batch = db.execute(
                "SELECT first, count FROM batches WHERE first <= ? ORDER BY first DESC LIMIT 1", (row,)
            ).fetchone()
            if batch is None or batch[0] == done:
                continue
            done, count = batch
            whole = self.vectors(0, done + count, verify=False)
            db.execute("UPDATE batches SET checksum = ? WHERE first = ?", (_sum(db, whole, done, count), done))

    def _wipe(self, rows: Sequence[int]) -> None:
        """Zeros in the place of these embeddings, safely on the disk."""
        with (self.folder / VECTORS).open("r+b") as file:
            for row in rows:
                file.seek(4 * self.size * row)
                file.write(bytes(4 * self.size))
            file.flush()
            os.fsync(file.fileno())

    # ---- reading ----

    def state(self) -> State:
        """How much there is; cheap. Raises DataError when the file is damaged."""
        with self._told(), self._connected() as db:
            return _state(db)

    def present(self, digests: Sequence[str]) -> set[str]:
        """Those of the digests that are in and not removed."""
        found: set[str] = set()
        with self._told(), self._connected() as db:
            for part in _parts(digests):
                marks = ",".join("?" * len(part))
                rows = db.execute(f"SELECT digest FROM items WHERE removed = 0 AND digest IN ({marks})", part)
                found.update(row[0] for row in rows)
        return found

    def items(self, offset: int = 0, limit: int = 100, text: str = "") -> list[Item]:
        """Items in order of id, `limit` from the `offset`-th on; only those with `text` in their name or label."""
        with self._told(), self._connected() as db:
            where, values = "", []
            if text:
                where = "AND (instr(lower(name), ?) OR instr(lower(label), ?))"
                values = [text.lower()] * 2
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM items WHERE removed = 0 {where} ORDER BY id LIMIT ? OFFSET ?",
                [*values, int(limit), int(offset)],
            )
            return [_item(row) for row in rows]

    def by_id(self, ids: Sequence[int]) -> dict[int, Item]:
        """The items of these ids, without those that are removed."""
        with self._told(), self._connected() as db:
            rows = self._of(db, _COLUMNS, ids)
            return {row[0]: _item(row) for row in rows}

    def by_name(self, name: str) -> list[Item]:
        """The items that are called this, or that come from this whole path."""
        with self._told(), self._connected() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM items WHERE removed = 0 AND ? IN (name, source || '/' || name) ORDER BY id",
                (name,),
            )
            return [_item(row) for row in rows]

    def thumbnails(self, ids: Sequence[int]) -> dict[int, bytes]:
        """The PNGs of these items, where they have one."""
        with self._told(), self._connected() as db:
            rows = self._of(db, "thumbnails.id, png", ids, "thumbnails")
            return {row[0]: row[1] for row in rows if isinstance(row[1], bytes)}

    def labels(self) -> tuple[np.ndarray, np.ndarray]:
        """(M,) int64 ids of all items that are labelled, and their (M,) class numbers (within their group)."""
        with self._told(), self._connected() as db:
            rows = db.execute(
                "SELECT id, class_group || char(0) || label FROM items WHERE removed = 0 AND label != '' ORDER BY id"
            ).fetchall()
        ids = np.array([r[0] for r in rows], dtype=np.int64)
        return ids, np.unique([r[1] for r in rows], return_inverse=True)[1].astype(np.int64)

    def removed(self) -> np.ndarray:
        """(R,) int64 ids of removed items, in order."""
        with self._told(), self._connected() as db:
            rows = db.execute("SELECT id FROM items WHERE removed = 1 ORDER BY id").fetchall()
        return np.array([r[0] for r in rows], dtype=np.int64)

    def vectors(self, first: int, stop: int, verify: bool = True) -> np.ndarray:
        """Rows first..stop-1 as an (M, D) float32 array over the file (nothing is read yet unless it is verified).

        Raises DataError when the file is shorter than it should be or a batch's checksum is wrong.
        """
        if stop <= first:
            return np.empty((0, self.size), dtype=np.float32)
        with self._told():
            path = self.folder / VECTORS
            if path.stat().st_size < 4 * self.size * stop:
                raise self._damaged(VECTORS)
            whole = np.memmap(path, dtype="<f4", mode="r", shape=(stop, self.size))
            if verify:
                self._verify(whole, first, stop)
        return whole[first:]

    def _verify(self, whole: np.ndarray, first: int, stop: int) -> None:
        """Raises DataError for a wrong checksum. Looks again: somebody may be taking pictures out meanwhile."""
        for _ in range(TRIES):
            if self._right(whole, first, stop):
                return
        raise self._damaged(VECTORS)

    def _right(self, whole: np.ndarray, first: int, stop: int) -> bool:
        with self._connected() as db:
            batches = db.execute(
                "SELECT first, count, checksum FROM batches WHERE first + count > ? AND first < ? ORDER BY first",
                (first, stop),
            ).fetchall()
            return all(
                _sum(db, whole, begin, count) == checksum for begin, count, checksum in batches if begin + count <= stop
            )

    def _of(self, db: sqlite3.Connection, columns: str, ids: Sequence[int], table: str = "live") -> list[Any]:
        whole = "(SELECT * FROM items WHERE removed = 0)" if table == "live" else table
        found: list[Any] = []
        for part in _parts([int(i) for i in ids]):
            found += db.execute(f"SELECT {columns} FROM {whole} WHERE id IN ({','.join('?' * len(part))})", part)
        return found

    # ---- the files ----

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        path = self.folder / ITEMS
        if not path.is_file():
            raise self._damaged(ITEMS)
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=WAIT, isolation_level=None)
        try:
            db.execute("PRAGMA trusted_schema = OFF")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA secure_delete = ON")
            if {tuple(r) for r in db.execute("SELECT type, name FROM sqlite_master")} != _EXPECTED:
                raise self._damaged(ITEMS)
            yield db
        finally:
            db.close()

    @contextmanager
    def _turn(self, db: sqlite3.Connection) -> Iterator[None]:
        """One transaction of a writer; nobody else writes meanwhile."""
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong with the files, in one sentence."""
        try:
            yield
        except sqlite3.OperationalError as e:
            raise self._said(str(e)) from None
        except (sqlite3.Error, UnicodeDecodeError):
            raise self._damaged(ITEMS) from None
        except OSError as e:
            full = e.errno in (errno.ENOSPC, errno.EDQUOT)
            raise self._said("full" if full else e.strerror or str(e)) from None

    def _said(self, why: str) -> DataError:
        if "full" in why:
            return DataError(
                f"The disk is full, so nothing more was added to the gallery {self.label}; free some space, then add "
                "the same pictures again: what is in already is passed over."
            )
        if "locked" in why or "busy" in why:
            return DataError(f"The gallery {self.label} is being written by another process; try again in a moment.")
        if "readonly" in why or "Permission" in why:
            return DataError(f"The gallery {self.label} cannot be written: it is read-only here.")
        return DataError(f"The gallery {self.label} cannot be used: {plain_name(why)}.")

    def _damaged(self, file: str) -> DataError:
        return DataError(f"The gallery {self.label} is damaged (its {file}); make it anew, or put back the file.")


_EXPECTED = {("table", name) for name in ("items", "thumbnails", "batches", "state")} | {
    ("index", "gone"),
    ("index", "sqlite_autoindex_items_1"),
}


def _state(db: sqlite3.Connection) -> State:
    found = db.execute("SELECT rows, count, changes FROM state").fetchone()
    if found is None or any(type(n) is not int or n < 0 for n in found) or found[1] > found[0]:
        raise sqlite3.DatabaseError("no state")
    return State(*found)


def _sum(db: sqlite3.Connection, whole: np.ndarray, first: int, count: int) -> int:
    """The checksum of a batch, its removed rows counting as zeros."""
    part = whole[first : first + count]
    gone = db.execute(
        "SELECT id FROM items WHERE removed = 1 AND id >= ? AND id < ?", (first, first + count)
    ).fetchall()
    if gone:
        part = np.array(part)
        part[[row[0] - first for row in gone]] = 0
    return zlib.crc32(np.ascontiguousarray(part).data)


def _item(row: tuple[Any, ...]) -> Item:
    if not all(isinstance(word, str) for word in row[1:]):
        raise sqlite3.DatabaseError("no words")
    return Item(*row)


def _changed(db: sqlite3.Connection, rows: int, count: int) -> None:
    if rows or count:
        db.execute("UPDATE state SET rows = rows + ?, count = count + ?, changes = changes + 1", (rows, count))


def _text(value: str) -> str:
    """A file's name may hold bytes that are no letters."""
    return value.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")


def _new(db: sqlite3.Connection, entries: Sequence[Entry]) -> list[int]:
    """Places of the entries that are not in yet; of equal ones the first."""
    known: set[str] = set()
    for part in _parts([e.digest for e in entries]):
        marks = ",".join("?" * len(part))
        known.update(row[0] for row in db.execute(f"SELECT digest FROM items WHERE digest IN ({marks})", part))
    first = {e.digest: i for i, e in reversed(list(enumerate(entries)))}
    return sorted(place for digest, place in first.items() if digest not in known)


def _parts(values: Sequence[Any]) -> Iterator[list[Any]]:
    for begin in range(0, len(values), _AT_ONCE):
        yield list(values[begin : begin + _AT_ONCE])
