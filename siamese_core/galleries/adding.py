"""Pictures into a gallery, batch by batch: what is in already is not encoded again, and each batch is safe on the disk
before the next begins. Stopped, killed or cut off by a full disk, the same call goes on where it was.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from siamese_core.galleries.manifest import Model
from siamese_core.galleries.sources import Batch, Pictures
from siamese_core.galleries.store import Entry, Store
from siamese_core.modalities.image import ImageItems
from siamese_core.sprites import resized

THUMBNAIL = 64  # pixels of the longer side, at most
PROBLEMS = 20  # sentences kept

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Added:
    """What became of the pictures: added, passed over because they are in already, or not readable; `problems` the
    first reasons; whether it was stopped before the end."""

    added: int = 0
    duplicates: int = 0
    failed: int = 0
    problems: tuple[str, ...] = ()
    stopped: bool = False

    def __add__(self, other: Added) -> Added:
        """Both together."""
        return Added(
            self.added + other.added,
            self.duplicates + other.duplicates,
            self.failed + other.failed,
            (*self.problems, *other.problems)[:PROBLEMS],
            self.stopped or other.stopped,
        )

    def words(self) -> str:
        """One sentence for people."""
        said = [f"{self.added:,} added"]
        if self.duplicates:
            said.append(f"{self.duplicates:,} were in already")
        if self.failed:
            said.append(f"{self.failed:,} could not be read")
        return ", ".join(said) + ("; stopped before the end." if self.stopped else ".")


def add(
    store: Store,
    model: Model,
    pictures: Pictures,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    keep_copies: bool = False,
) -> Added:
    """Every picture that is not in yet. keep_copies: equal pictures of different names are kept as several items.

    Raises DataError as the pictures' source or the store does; the batches before are in.
    """
    told, done = Added(), 0
    for batch in pictures.batches(model.spec):
        told = _one(store, model, batch, told, keep_copies)
        done += batch.tried
        if progress:
            of = "" if pictures.total is None else f" of {pictures.total:,}"
            progress(f"Read {done:,}{of} pictures, {told.words()}", min(1.0, done / max(1, pictures.total or done)))
        if should_stop and should_stop():
            return replace(told, stopped=pictures.total is None or done < pictures.total)
    return told


def _one(store: Store, model: Model, batch: Batch, told: Added, keep_copies: bool) -> Added:
    digests = batch.items.digests()
    if keep_copies:
        digests = [f"{digest} {name}" for digest, name in zip(digests, batch.names, strict=True)]
    known = store.present(digests)
    first = {digest: i for i, digest in reversed(list(enumerate(digests)))}
    new = np.array(sorted(i for digest, i in first.items() if digest not in known), dtype=np.int64)
    fresh = 0
    if len(new):
        items = batch.items.select(new)
        pngs = thumbnails(items)
        entries = [
            Entry(digests[i], batch.names[i], batch.labels[i], batch.groups[i], batch.source, png)
            for i, png in zip(new, pngs, strict=True)
        ]
        fresh = store.append(model.embed(items), entries)
    return told + Added(fresh, len(batch.names) - fresh, len(batch.problems), batch.problems)


def thumbnails(items: object) -> list[bytes | None]:
    """A small PNG of each picture as people see it; None for what is no picture."""
    if not isinstance(items, ImageItems):
        return [None] * len(items)  # type: ignore[arg-type]
    return [_png(255 - one if items.spec.polarity == "ink" else one) for one in items.pixels]


def _png(pixels: np.ndarray) -> bytes:
    """(C, H, W) uint8 -> PNG."""
    _, height, width = pixels.shape
    factor = max(height, width) / THUMBNAIL
    if factor > 1:
        pixels = resized(pixels, (max(1, round(width / factor)), max(1, round(height / factor))))
    out = io.BytesIO()
    image = Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    image.save(out, "PNG", compress_level=4)
    return out.getvalue()
