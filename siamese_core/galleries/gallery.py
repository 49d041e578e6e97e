"""A gallery: a value on disk that holds pictures as a run's network sees them, to be searched by that run.

A gallery belongs to the weights that it was made with: embeddings of other weights cannot be compared with them.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from siamese_core import runs
from siamese_core.errors import ConfigError, DataError, SiameseError
from siamese_core.galleries import adding, duplicates, engines, manifest, measuring, spaces
from siamese_core.galleries.adding import Added
from siamese_core.galleries.duplicates import Duplicates
from siamese_core.galleries.engines import EngineError
from siamese_core.galleries.manifest import FILE, SHELF, Manifest, Model
from siamese_core.galleries.searching import Searcher
from siamese_core.galleries.sources import Pictures
from siamese_core.galleries.store import Entry, Item, Store
from siamese_core.modalities.decoding import plain_name
from siamese_core.retrieval import Retrieval

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Gallery:
    """A gallery's folder and what it is made for. Made by `create`, `open_gallery` or `all_galleries`."""

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def store(self) -> Store:
        """Its items."""
        return Store(self.folder, self.manifest.embedding_size)

    def __len__(self) -> int:
        """How many pictures are in. Raises DataError when it is damaged."""
        return self.store.state().count

    def check(self, model: Model) -> None:
        """Raises DataError when it was made by another run, or by other weights of this one."""
        made = self.manifest
        if made.weights != model.weights_digest:
            by = "an earlier training of this run" if made.run == model.name else f"the run {plain_name(made.run)}"
            raise DataError(
                f"The gallery {plain_name(self.name)} was made by {by}, whose embeddings the weights of {model.name} "
                f"cannot be compared with; use it with its own run, or make a new gallery with {model.name}."
            )
        if (made.embedding_size, made.distance, made.input) != (
            model.config.embedding_size, model.config.distance, model.spec.to_json(),
        ):  # fmt: skip
            raise DataError(f"The gallery.json of gallery {plain_name(self.name)} is not its run's; make it anew.")

    def add(
        self,
        model: Model,
        pictures: Pictures,
        progress: Progress | None = None,
        should_stop: Callable[[], bool] | None = None,
        keep_copies: bool = False,
    ) -> Added:
        """Put pictures in (see `sources`), passing over those that are in; then bring the engine's index up to date.

        Can be stopped, killed and called again. Raises DataError (what is in stays in).
        """
        self.check(model)
        told = adding.add(self.store, model, pictures, progress, should_stop, keep_copies)
        if not told.stopped:
            self.update(model, progress, should_stop)
        return told

    def add_embeddings(self, model: Model, embeddings: np.ndarray, entries: Sequence[Entry]) -> Added:
        """(M, D) embeddings of the run, each with what is known of it; the index is not brought up to date."""
        self.check(model)
        new = self.store.append(embeddings, entries)
        return Added(new, len(entries) - new)

    def update(
        self, model: Model, progress: Progress | None = None, should_stop: Callable[[], bool] | None = None
    ) -> None:
        """Bring the engine's index up to date; where it is not, the rest is searched exactly."""
        self.check(model)
        store = self.store
        engines.build(self.manifest, store, spaces.of(model)).update(store.state().rows, progress, should_stop)

    def remove(self, ids: Sequence[int]) -> int:
        """Take pictures out for good by their ids, with their names, thumbnails and embeddings; how many were in.
        Raises DataError, also when a server still holds embeddings of what is out here."""
        found = self.store.remove(ids)
        try:
            engines.build(self.manifest, self.store, spaces.NOWHERE).forget([int(i) for i in ids])
        except EngineError as e:
            raise EngineError(f"The pictures are out, but their embeddings are still on the server: {e}") from None
        except ConfigError as e:
            raise DataError(f"The pictures are out, but their embeddings are still in the index: {e}") from None
        return found

    def items(self, offset: int = 0, limit: int = 100, text: str = "") -> list[Item]:
        """Pictures in order of id; only those with `text` in their name or class."""
        return self.store.items(offset, limit, text)

    def thumbnails(self, ids: Sequence[int]) -> dict[int, bytes]:
        """Small PNGs of these pictures, by id."""
        return self.store.thumbnails(ids)

    def searcher(self, model: Model) -> Searcher:
        """Ready to search. Raises DataError for another run's gallery or damaged files, ConfigError for an engine that
        cannot be used."""
        self.check(model)
        return Searcher(self.manifest, self.store, model)

    def duplicates(
        self,
        model: Model,
        threshold: float | None = None,
        progress: Progress | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Duplicates:
        """All pairs of pictures at most `threshold` apart (None: the run's own). Raises as `duplicates.find` does."""
        return duplicates.find(self._exact(model), model, threshold, progress, should_stop)

    def retrieval(self, model: Model, progress: Progress | None = None) -> tuple[Retrieval, int]:
        """Recall@k and MAP@R over the labelled pictures, and over how many. Raises DataError as `measure` does."""
        return measuring.measure(self._exact(model), self.store, model, progress=progress)

    def _exact(self, model: Model) -> Searcher:
        self.check(model)
        return Searcher(replace(self.manifest, engine="exact", settings={}), self.store, model)

    def delete(self) -> str:
        """Remove all of it for good; in one sentence what could not be removed elsewhere (a server's copy of the
        embeddings), or "". Raises DataError when the folder cannot be deleted."""
        left = ""
        try:
            engines.build(self.manifest, self.store, spaces.NOWHERE).delete()
        except SiameseError as e:
            left = "" if self.manifest.engine == "faiss" else f"Its embeddings stay on the server: {e}"
        gone = self.folder.with_name(f".{self.folder.name}.{secrets.token_hex(4)}.gone")
        try:
            self.folder.rename(gone)
            shutil.rmtree(gone)
        except OSError as e:
            raise DataError(f"The gallery {plain_name(self.name)} cannot be deleted: {e.strerror or e}.") from None
        return left


def create(
    name: str | Path, model: Model, engine: str = "exact", folder: Path | None = None, **settings: Any
) -> Gallery:
    """A new, empty gallery for a run, called `name` in the runs folder `folder`, or at a path.

    Raises DataError when there is one, or the folder holds something else; ConfigError for an engine that cannot be.
    """
    place = manifest.place(name, folder)
    made = manifest.of(model, place.name, engine, settings)
    engines.build(made, Store(place, made.embedding_size), spaces.of(model))
    called = plain_name(place.name)
    if (place / FILE).exists():
        raise DataError(f"There is a gallery '{called}' already; choose another name, or add to it.")
    beside = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
    try:
        if place.exists() and any(place.iterdir()):
            raise DataError(f"The folder {called} holds other files; choose another name for the gallery.")
        beside.mkdir(parents=True)
        Store(beside, made.embedding_size).create()
        manifest.write(beside, made)
        beside.rename(place)
    except OSError as e:
        if (place / FILE).exists():
            raise DataError(f"There is a gallery '{called}' already; choose another name, or add to it.") from None
        raise DataError(f"The gallery {called} cannot be written: {e.strerror or e}.") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Gallery(place, made)


def open_gallery(name: str | Path, folder: Path | None = None) -> Gallery:
    """A gallery by its name in the runs folder `folder`, or by its path. Raises DataError when it is not there,
    damaged or of another version."""
    place = manifest.place(name, folder)
    return Gallery(place, manifest.read(place))


def is_gallery(name: str | Path, folder: Path | None = None) -> bool:
    """Whether there is a gallery of this name or at this path, whatever state it is in."""
    return (manifest.place(name, folder) / FILE).is_file()


def all_galleries(folder: Path | None = None) -> tuple[list[Gallery], list[str]]:
    """The galleries in the runs folder, in order of name; and in one sentence each what is wrong with the others."""
    shelf = (folder or runs.runs_folder()) / SHELF
    found, wrong = [], []
    places = sorted(p for p in shelf.iterdir() if not p.name.startswith(".")) if shelf.is_dir() else []
    for place in places:
        if (place / FILE).is_file():
            try:
                found.append(Gallery(place, manifest.read(place)))
            except SiameseError as e:
                wrong.append(str(e))
    return found, wrong
