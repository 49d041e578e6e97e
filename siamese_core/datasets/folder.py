"""A folder of class folders (a/x.png), or of groups of them (g/a/x.png), or a zip of one.

A class is a folder that holds pictures; what is above it is its group. Hidden files, side files
(text, tables, thumbnails) and links that lead out of the folder are passed over.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

import numpy as np
from PIL import Image

from siamese_core.datasets.archives import MAX_ENTRIES, SafeZip
from siamese_core.errors import DataError
from siamese_core.modalities import face
from siamese_core.modalities.decoding import EXTENSIONS, MAX_BYTES, decode, opener, plain_name
from siamese_core.modalities.fitting import looks_inked
from siamese_core.modalities.image import (
    Fitted,
    ImageItems,
    Originals,
    Progress,
    WholeSetError,
    each,
    fit_array,
    looked_at,
)
from siamese_core.types import InputSpec, LabelledSet

NATIVE_SIDE = 256
FITTED_SIDE = 128
MAX_PIXEL_BYTES = 2 * 2**30
MAX_FILES = 1_000_000
INKED_SHARE = 0.9
_SIDE_ENDINGS = ".txt .csv .tsv .json .jsonl .md .html .htm .xml .yaml .yml .pdf .db .ini .py .log .npy .npz .mat"
_SIDE_FILES = frozenset(_SIDE_ENDINGS.split()) | {".safetensors", ".wav", ".mp3", ".mp4"}


@dataclass(frozen=True)
class Source:
    """One candidate file: `name` relative with "/", and how to get its first so many bytes."""

    name: str
    read: Callable[[int], bytes]


Opened = Callable[[], AbstractContextManager[list[Source]]]  # the same pictures each time, to be read in the block


def load(path: Path, progress: Progress | None = None, polarity: str | None = None) -> LabelledSet:
    """Pictures below a folder, or inside a zip, as a labelled set; classes and files in order of name.

    Pictures that are all of one size up to 256 x 256 stay as they are; otherwise each is fitted into
    S x S, S the median longer side, at most 128. They are taken for ink on paper when 9 in 10 of them
    look so, else for photos, unless the polarity is given. Raises DataError: no pictures or no class folders,
    pictures that cannot be read (the first is named), more than 2 GiB of pixels, or an archive not to be trusted.
    """
    if path.is_dir():
        found = pictures_of(folder_sources(path))  # each opens its file anew
        return _build(path.resolve().name or str(path), lambda: nullcontext(found), path, progress, polarity)
    return load_zip(path, progress, polarity)


def load_zip(file: Path | IO[bytes], progress: Progress | None = None, polarity: str | None = None) -> LabelledSet:
    """The same for a zip: a path, or an open file with a name, which stays open. Raises as `load` does."""
    path = Path(plain_name(Path(str(file.name)).name)) if not isinstance(file, Path) else file
    return _build(path.stem, partial(zipped, file), path, progress, polarity)


@contextmanager
def zipped(file: Path | IO[bytes], most: int = MAX_ENTRIES) -> Iterator[list[Source]]:
    """The pictures of a zip, in order of name, while the block lasts. Raises DataError for one not to be trusted."""
    with SafeZip(cast(Path, file), most) as archive:
        sources = [Source(name, _zip_reader(archive, name)) for name in archive.names]
        yield _unwrapped(pictures_of(sources))


def _build(name: str, opened: Opened, path: Path, progress: Progress | None, polarity: str | None) -> LabelledSet:
    with opened() as sources:
        return _labelled(name, sources, opened, path, progress, polarity)


def _labelled(
    name: str, sources: list[Source], opened: Opened, path: Path, progress: Progress | None, polarity: str | None
) -> LabelledSet:
    inside = [s for s in sources if "/" in s.name]
    if not inside:
        where = "lie beside each other" if sources else "are missing"
        raise DataError(
            f"{path} is no folder of class folders: the pictures {where}; put those of each class into a folder "
            "of their own, as in cats/one.png."
        )
    folders = [str(PurePosixPath(s.name).parent) for s in inside]
    classes = sorted(set(folders))
    index = {c: i for i, c in enumerate(classes)}
    items = _items(inside, progress, polarity, partial(_once_more, opened, [s.name for s in inside]))
    groups, group_names = _groups(classes)
    warnings = []
    if len(inside) < len(sources):
        warnings.append(f"{len(sources) - len(inside)} pictures that lie in no class folder were passed over.")
    return LabelledSet(
        name=name,
        items=items,
        labels=np.array([index[f] for f in folders], dtype=np.int64),
        class_names=tuple(classes),
        class_groups=groups,
        group_names=group_names,
        about=f"{len(inside):,} pictures in {len(classes):,} class folders of {plain_name(path.name)}, yours, "
        "under whatever terms you have them.",
        warnings=tuple(warnings),
    )


def _groups(classes: list[str]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Groups of classes, when every class is in one."""
    if not all("/" in c for c in classes):
        return None, ()
    above = [str(PurePosixPath(c).parent) for c in classes]
    names = sorted(set(above))
    return np.array([names.index(a) for a in above], dtype=np.int64), tuple(names)


def folder_sources(root: Path, most: int = MAX_FILES) -> list[Source]:
    """Files below a folder; links are followed only to what is inside it. Raises DataError when there are too many."""
    home = root.resolve()
    found: list[Source] = []
    for folder, below, files in os.walk(root):
        below[:] = sorted(d for d in below if not d.startswith(".") and not (Path(folder) / d).is_symlink())
        for file in files:
            path = Path(folder) / file
            if _usable(path, home):
                name = path.relative_to(root).as_posix().encode(errors="replace").decode()  # bytes that are no letters
                found.append(Source(name, _file_reader(path)))
        if len(found) > most:
            raise DataError(f"{plain_name(str(root))} holds more than {most:,} files; choose a smaller folder.")
    return found


def _usable(path: Path, home: Path) -> bool:
    """Whether it is a file, and no link that leads out of `home`, in a circle or to where nobody may look."""
    try:
        return path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(home))
    except (OSError, RuntimeError):
        return False


def _file_reader(path: Path) -> Callable[[int], bytes]:
    def read(limit: int) -> bytes:
        try:
            with path.open("rb") as file:
                return file.read(limit)
        except OSError as error:
            raise DataError(f"{plain_name(str(path))} cannot be read: {error.strerror}.") from error

    return read


def _zip_reader(archive: SafeZip, name: str) -> Callable[[int], bytes]:
    return lambda limit: archive.read(name, limit)


def _unwrapped(sources: list[Source]) -> list[Source]:
    """Without the one folder that the zip's content may be wrapped in, where classes remain below it."""
    kept = sources
    while kept and all(s.name.count("/") >= 2 for s in kept) and len({s.name.split("/")[0] for s in kept}) == 1:
        kept = [Source(s.name.split("/", 1)[1], s.read) for s in kept]
    return kept


def pictures_of(sources: list[Source]) -> list[Source]:
    """Those that are meant as pictures, in order of name."""
    return sorted((s for s in sources if _wanted(s)), key=lambda s: s.name)


def _wanted(source: Source) -> bool:
    """Whether a file is meant as a picture: by its ending, else by its first bytes."""
    path = PurePosixPath(source.name)
    if any(part.startswith(".") for part in path.parts):
        return False
    suffix = path.suffix.lower()
    if suffix in EXTENSIONS:
        return True
    return suffix not in _SIDE_FILES and opener(source.read(16)) is not None


def _once_more(
    opened: Opened, names: list[str], places: np.ndarray, spec: InputSpec, progress: Progress | None = None
) -> list[Fitted]:
    """The pictures at these places of a set, read again, as an upload of them would be seen. Raises DataError."""
    with opened() as sources:
        by_name = {s.name: s for s in sources}

        def work(name: str) -> Fitted:
            if name not in by_name:
                raise DataError(f"The picture {plain_name(name)} is gone since the set was read; put it back.")
            return looked_at(decode(by_name[name].read(MAX_BYTES + 1), name), spec)

        return each(work, [names[i] for i in places], face.LOOKING, progress)


def _items(
    sources: list[Source],
    progress: Progress | None,
    polarity: str | None,
    again: Callable[[np.ndarray, InputSpec, Progress | None], list[Fitted]],
) -> ImageItems:
    budget = _Budget()

    def work(source: Source) -> tuple[tuple[int, int], np.ndarray]:
        image = decode(source.read(MAX_BYTES + 1), source.name)
        size = image.size
        if max(size) > NATIVE_SIDE:
            image.thumbnail((NATIVE_SIDE, NATIVE_SIDE), Image.Resampling.BOX)
        picture = np.asarray(image)
        budget.add(picture.nbytes)
        return size, picture

    read = each(work, sources, "Reading pictures", progress)
    sizes = {size for size, _ in read}
    pictures = [picture for _, picture in read]
    ink = polarity == "ink" if polarity else np.mean([looks_inked(p) for p in pictures]) >= INKED_SHARE
    channels = 3 if not ink and any(p.ndim == 3 for p in pictures) else 1
    width, height = next(iter(sizes))
    smaller = len(sizes) > 1 or max(width, height) > NATIVE_SIDE
    if smaller:
        side = int(np.median([max(size) for size, _ in read]))
        width = height = max(8, min(FITTED_SIDE, side))
    spec = InputSpec(channels, height, width, "ink" if ink else "photo")
    budget.check(len(pictures) * channels * height * width)
    originals = Originals(again, np.arange(len(pictures))) if smaller and not ink else None
    return ImageItems(np.stack([fit_array(p, spec) for p in pictures]), spec, originals=originals)


class _Budget:
    """Counts the bytes of decoded pixels and says when they are too many."""

    def __init__(self) -> None:
        self.used = 0

    def add(self, count: int) -> None:
        """Counts; threads may lose one now and then, the bound need not be exact."""
        self.used += count
        self.check(self.used)

    def check(self, count: int) -> None:
        """Raises WholeSetError when so many bytes are too many."""
        if count > MAX_PIXEL_BYTES:
            raise WholeSetError(
                f"These pictures would take more than {MAX_PIXEL_BYTES >> 30} GiB of memory; use fewer or smaller ones."
            )
