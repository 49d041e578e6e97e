"""faiss: an index on disk for a large gallery on one machine, mapped into memory when it is opened.

    ivf    vectors in lists, of which the nearest are looked through (Jégou, Douze and Schmid 2011); the default
    hnsw   a graph of near neighbours (Malkov and Yashunin 2018); takes several times as long to build

Both hold the vectors in half precision, for candidates only; Manhattan distances have a graph of whole vectors. Below
LEAST rows there is no index, for exact search is quick enough. The index file's digest is checked before
faiss reads it.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from siamese_core.errors import ConfigError, DataError
from siamese_core.files import read_json, sha16, write_json
from siamese_core.galleries.engines import settings_of
from siamese_core.galleries.manifest import Manifest
from siamese_core.galleries.spaces import Space
from siamese_core.galleries.store import Store

FORMAT = 1
ABOUT = "index.json"
LEAST = 20_000  # rows below which there is no index
GROWN = 0.1  # share of new rows from which on the index takes them in
LEFT = 86_400.0  # seconds after which half a file is nobody's any more
BLOCK = 20_000  # rows added between two looks at "stop"
ROUNDS = 10  # of dividing the vectors into lists
SETTINGS: dict[str, tuple[Any, Any, Any]] = {  # default, least, most
    "kind": ("", None, None),  # "": ivf, or hnsw where the run compares by L1
    "links": (24, 4, 128),  # hnsw: of each vector
    "effort": (80, 8, 2000),  # hnsw: neighbours kept in view while building
    "search_effort": (96, 8, 20_000),  # hnsw: the same while searching
    "lists": (0, 0, 2**20),  # ivf; 0: four times the square root of the number
    "probes": (96, 1, 2**20),  # ivf: lists looked through
}

Progress = Callable[[str, float], None]


def package() -> Any:
    """The faiss package. Raises ConfigError, with what to install, when it is not there."""
    try:
        import faiss
    except ImportError:
        raise ConfigError(
            "The engine 'faiss' needs the package faiss-cpu, which is not installed: pip install faiss-cpu."
        ) from None
    return faiss


def checked(settings: dict[str, Any], space: Space) -> dict[str, Any]:
    """The settings with their defaults. Raises ConfigError for unknown ones, or what cannot be."""
    found = settings_of("faiss", SETTINGS, settings, space)
    found["kind"] = found["kind"] or ("hnsw" if space.metric == "l1" else "ivf")
    if found["kind"] not in ("hnsw", "ivf"):
        raise ConfigError(f"The engine 'faiss' has no kind '{found['kind']}'; choose hnsw or ivf.")
    if space.metric == "l1" and found["kind"] == "ivf":
        raise ConfigError(
            "This run compares by Manhattan (L1) distance, which needs the kind 'hnsw' or engine 'exact'."
        )
    return found


@dataclass(frozen=True)
class Faiss:
    """The engine; see the head of this file."""

    manifest: Manifest
    store: Store
    space: Space

    def __post_init__(self) -> None:
        checked(self.manifest.settings, self.space)
        package()

    @cached_property
    def _settings(self) -> dict[str, Any]:
        return checked(self.manifest.settings, self.space)

    def open(self, rows: int) -> FaissIndex | None:
        """The index that is there, when it belongs to this gallery and is whole."""
        found = self._file(rows)
        if found is None:
            return None
        faiss = package()
        try:
            index = faiss.read_index(str(found[0]), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError:
            return None
        return FaissIndex(index, self._settings) if self._fits(index, found[1]) else None

    def _file(self, rows: int) -> tuple[Path, int] | None:
        """The index file that index.json tells of, and its rows; None unless its digest is right."""
        folder = self.store.folder
        try:
            about = read_json(folder / ABOUT)
            path = folder / Path(str(about["file"])).name
            right = (about["format"], about["gallery"]) == (FORMAT, self.manifest.key)
            if right and type(about["rows"]) is int and 0 < about["rows"] <= rows and sha16(path) == about["digest"]:
                return path, about["rows"]
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None

    def _fits(self, index: Any, rows: int) -> bool:
        return bool(index.d == self.store.size and index.ntotal == rows)

    def update(self, rows: int, progress: Progress | None, should_stop: Callable[[], bool] | None) -> None:
        """Build the index, or let it take in the new rows once they are a tenth. Stopped, it leaves the old one."""
        found = self._file(rows)
        held = 0 if found is None else found[1]
        if rows < LEAST or rows - held < GROWN * held:
            return
        faiss = package()
        index = None
        if found is not None and (self._settings["kind"] == "hnsw" or rows < 4 * held):
            index = faiss.read_index(str(found[0]))
            index = index if self._fits(index, held) else None
        if index is None:
            held = 0
            index = self._new(rows, progress)
        while held < rows:
            if should_stop and should_stop():
                return
            stop = min(held + BLOCK, rows)
            index.add(self.space.apply(self.store.vectors(held, stop, verify=False)))
            held = stop
            if progress:
                progress(f"Indexed {held:,} of {rows:,} pictures", held / rows)
        self._publish(index, rows)

    def _new(self, rows: int, progress: Progress | None) -> Any:
        """An empty index, trained where it needs that."""
        faiss = package()
        size, settings = self.store.size, self._settings
        self.store.vectors(0, rows)  # their checksums, before they are built upon
        if self.space.metric == "l1":
            index = faiss.IndexHNSWFlat(size, settings["links"], faiss.METRIC_L1)
        elif settings["kind"] == "hnsw":
            index = faiss.IndexHNSWSQ(size, faiss.ScalarQuantizer.QT_fp16, settings["links"])
        else:
            lists = settings["lists"] or max(1, round(4 * rows**0.5))
            index = faiss.index_factory(size, f"IVF{min(lists, rows)},SQfp16")
            index.cp.niter = ROUNDS
            if progress:
                progress("Dividing the pictures into lists", 0.0)
        if settings["kind"] == "hnsw":
            index.hnsw.efConstruction = settings["effort"]
            sample = np.arange(1)
        else:
            sample = np.sort(np.random.default_rng(0).choice(rows, min(rows, 40 * index.nlist), replace=False))
        if not index.is_trained:
            index.train(self.space.apply(self.store.vectors(0, rows, verify=False)[sample]))
        return index

    def _publish(self, index: Any, rows: int) -> None:
        """Write beside, then let index.json tell of it, then remove what it told of before. Raises DataError."""
        folder = self.store.folder
        path = folder / f"index-{secrets.token_hex(4)}.faiss"
        part = folder / f".{path.name}.part"
        try:
            package().write_index(index, str(part))
            about = {"format": FORMAT, "gallery": self.manifest.key, "file": path.name, "rows": rows}
            about["digest"] = sha16(part)
            part.rename(path)
            write_json(folder / ABOUT, about)
        except (RuntimeError, OSError) as e:
            for file in (part, path):
                file.unlink(missing_ok=True)
            why = getattr(e, "strerror", None) or "the disk may be full"
            raise DataError(
                f"The index of gallery {self.store.label} cannot be written ({why}); the pictures are in. Free some "
                "space and add again."
            ) from None
        left = [p for p in folder.glob(".index-*.part") if p.stat().st_mtime < time.time() - LEFT]
        for old in (*folder.glob("index-*.faiss"), *left):
            if old != path:
                old.unlink(missing_ok=True)

    def forget(self, rows: Sequence[int]) -> None:
        """Remove the index that holds any of them: it is built anew at the next update, and all is exact until then.
        Raises DataError."""
        found = self._file(sys.maxsize)
        if found is None or not any(row < found[1] for row in rows):
            return
        try:
            for old in (self.store.folder / ABOUT, *self.store.folder.glob("index-*.faiss")):
                old.unlink(missing_ok=True)
        except OSError as e:
            raise DataError(
                f"The index of gallery {self.store.label} cannot be removed ({e.strerror or e}), and still holds the "
                "embeddings; remove its index files by hand."
            ) from None

    def delete(self) -> None:
        """All of it lies in the gallery's folder."""


class FaissIndex:
    """An index that is open. Threads may share it."""

    def __init__(self, index: Any, settings: dict[str, Any]) -> None:
        self._index = index
        self._settings = settings

    @property
    def rows(self) -> int:
        """It holds the rows 0..rows-1."""
        return int(self._index.ntotal)

    def candidates(self, queries: np.ndarray, k: int, gone: np.ndarray) -> list[np.ndarray]:
        """(Q, D) in the space -> for each about 2 k rows near it, none of them in `gone` (R,)."""
        faiss = package()
        more = min(self.rows, 2 * k + 10)
        selector = faiss.IDSelectorNot(faiss.IDSelectorBatch(gone)) if len(gone) else None
        if self._settings["kind"] == "hnsw":
            effort = max(self._settings["search_effort"], more)
            about = faiss.SearchParametersHNSW(efSearch=effort, sel=selector)
        else:
            about = faiss.SearchParametersIVF(nprobe=min(self._settings["probes"], self._index.nlist), sel=selector)
        _, rows = self._index.search(queries, more, params=about)
        return [row[row >= 0] for row in rows]
