"""What can be put into a gallery, as batches of pictures: a labelled set, a folder, a zip, or uploads.

A folder or a zip is read as it goes: it need not fit into memory, and a picture that cannot be read is told and passed
over. The class of a picture is the folder that it lies in; of one that lies in none it is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from siamese_core import datasets
from siamese_core.datasets.folder import Source, folder_sources, pictures_of, zipped
from siamese_core.datasets.picture_files import MAX_FILES
from siamese_core.errors import DataError
from siamese_core.modalities.decoding import MAX_BYTES, decode, plain_name
from siamese_core.modalities.image import Fitted, each, looked_at, together
from siamese_core.types import InputSpec, Items, LabelledSet

BATCH = 512


@dataclass(frozen=True, eq=False)
class Batch:
    """M pictures as the network sees them, with what is known of each; and why others could not be read."""

    items: Items
    names: list[str]
    labels: list[str]
    groups: list[str]
    source: str
    problems: tuple[str, ...] = ()

    @property
    def tried(self) -> int:
        """How many pictures this is about."""
        return len(self.names) + len(self.problems)


@dataclass(frozen=True, eq=False)
class Pictures:
    """`batches(spec)` reads the pictures once more each time; `total` is how many there are, None while unknown."""

    about: str
    total: int | None
    batches: Callable[[InputSpec], Iterator[Batch]]


def of_set(data: LabelledSet) -> Pictures:
    """The pictures of a labelled set (of a part of it: of `data.classes(...)`)."""

    def batches(spec: InputSpec) -> Iterator[Batch]:
        place = np.zeros(len(data), dtype=np.int64)
        for c in range(data.n_classes):
            own = np.flatnonzero(data.labels == c)
            place[own] = np.arange(1, len(own) + 1)
        for begin in range(0, len(data), BATCH):
            these = np.arange(begin, min(begin + BATCH, len(data)))
            classes = data.labels[these]
            labels = [data.class_names[c] for c in classes]
            names = [f"{label} #{n}" for label, n in zip(labels, place[these], strict=True)]
            groups = [data.group_of(int(c)) or "" for c in classes]
            yield Batch(data.items.select(these).fitted(spec), names, labels, groups, data.name)

    return Pictures(data.name, len(data), batches)


def of_folder(folder: Path) -> Pictures:
    """The pictures below a folder. Raises DataError when there are none."""
    sources = pictures_of(folder_sources(folder, MAX_FILES))
    if not sources:
        raise DataError(f"There is no picture in the folder {plain_name(str(folder))}; put some there.")
    return Pictures(
        folder.resolve().name, len(sources), partial(_read, lambda: nullcontext(sources), str(folder.absolute()))
    )


def of_zip(path: Path) -> Pictures:
    """The pictures in a zip. Raises DataError when there are none or it must not be trusted."""
    with zipped(path, MAX_FILES) as sources:
        count = len(sources)
    if not count:
        raise DataError(f"There is no picture in the zip file {plain_name(path.name)}.")
    return Pictures(path.name, count, partial(_read, lambda: zipped(path, MAX_FILES), path.name))


def of_files(files: Sequence[tuple[str, bytes]], about: str = "upload", label: str = "") -> Pictures:
    """(name, bytes) of picture files, as an upload gives them; all of one class where a label is given."""
    sources = [Source(f"{label}/{name}" if label else name, partial(_cut, data)) for name, data in files]
    return Pictures(about, len(sources), partial(_read, lambda: nullcontext(sources), about))


def of_place(
    place: str, data_root: Path | None = None, progress: Callable[[str, float], None] | None = None
) -> Pictures:
    """A registered data set's name, a folder, a zip, or one picture file. Raises DataError."""
    if place in datasets.REGISTRY:
        return of_set(datasets.load(place, data_root, progress=progress))
    path = Path(place).expanduser()
    if path.is_dir():
        return of_folder(path)
    if path.suffix.lower() == ".zip" and path.is_file():
        return of_zip(path)
    if path.is_file():
        source = Source(path.name, partial(_of_file, path))
        return Pictures(path.name, 1, partial(_read, lambda: nullcontext([source]), str(path.absolute().parent)))
    raise DataError(
        f"There are no pictures at '{plain_name(place)}'; give a folder, a zip, a picture, or one of "
        f"{', '.join(datasets.REGISTRY)}."
    )


def _cut(data: bytes, limit: int) -> bytes:
    return data[:limit]


def _of_file(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except OSError as error:
        raise DataError(f"{plain_name(str(path))} cannot be read: {error.strerror}.") from error


def _read(opened: Callable[[], AbstractContextManager[list[Source]]], about: str, spec: InputSpec) -> Iterator[Batch]:
    with opened() as sources:
        for begin in range(0, len(sources), BATCH):
            part = sources[begin : begin + BATCH]
            seen = each(partial(_seen, spec=spec), part, "Reading pictures")
            good = [(s.name, one) for s, one in zip(part, seen, strict=True) if not isinstance(one, str)]
            where = [_class_of(name) for name, _ in good]
            yield Batch(
                together([one for _, one in good], spec),
                [name for name, _ in good],
                [label for label, _ in where],
                [group for _, group in where],
                about,
                tuple(one for one in seen if isinstance(one, str)),
            )


def _seen(source: Source, spec: InputSpec) -> Fitted | str:
    """A picture as the network sees it, or one sentence why it cannot be read."""
    try:
        return looked_at(decode(source.read(MAX_BYTES + 1), source.name), spec)
    except DataError as error:
        return str(error)


def _class_of(name: str) -> tuple[str, str]:
    """(class, group) of a file: the folder it lies in, and what is above that."""
    folder = PurePosixPath(name).parent
    label = "" if str(folder) == "." else str(folder)
    above = str(folder.parent)
    return label, "" if above == "." else above
