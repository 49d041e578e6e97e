"""Pictures by their names: those of a folder or of a zip, found again by what a table calls them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from siamese_core.datasets.archives import SafeZip
from siamese_core.datasets.folder import Source, folder_sources, pictures_of
from siamese_core.errors import DataError
from siamese_core.modalities.decoding import plain_name

MAX_FILES = 100_000
MAX_DEPTH = 32  # folders around a file that are looked at


@dataclass(frozen=True)
class PictureFiles:
    """Files of one place, each with its name ("/" between folders) and a way to read it; threads may share it."""

    label: str
    sources: tuple[Source, ...]

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def names(self) -> list[str]:
        """The files' names, in the order of `sources`."""
        return [s.name for s in self.sources]

    def pictures(self) -> PictureFiles:
        """Only what is meant as a picture, in order of name, without a folder that all of it is wrapped in."""
        kept = pictures_of(list(self.sources))
        for _ in range(MAX_DEPTH):
            if not all("/" in s.name for s in kept) or len({s.name.split("/", 1)[0] for s in kept}) != 1:
                break
            kept = [Source(s.name.split("/", 1)[1], s.read) for s in kept]
        return PictureFiles(self.label, tuple(kept))


@contextmanager
def files_in(place: Path | IO[bytes]) -> Iterator[PictureFiles]:
    """The files of a folder, of a zip, or of an open zip with a name, while the block lasts.

    Raises DataError: nothing is there, an archive that must not be trusted, or more than MAX_FILES files.
    """
    if isinstance(place, Path) and place.is_dir():
        sources = folder_sources(place, MAX_FILES)
        yield PictureFiles(plain_name(place.resolve().name or str(place)), tuple(sources))
        return
    if isinstance(place, Path) and not place.exists():
        raise DataError(f"There is no folder or zip {plain_name(str(place))}; check its name.")
    with SafeZip(cast(Path, place), MAX_FILES) as archive:
        yield PictureFiles(archive.label, tuple(_of_zip(archive, name) for name in archive.names))


def _of_zip(archive: SafeZip, name: str) -> Source:
    return Source(name, lambda limit: archive.read(name, limit))


def found_by_name(wanted: Sequence[str], files: PictureFiles) -> list[int | str]:
    """For each name the place of its file in `files`, or one sentence why there is none.

    A file is found by its whole path; else by the end of its path, when it is the only one that ends so (a folder
    around all may be missing, and a name without folders is enough); else by the end of the name, when the table
    says more folders than there are, and no other name ends in the same file.
    """
    own = [unicodedata.normalize("NFC", name) for name in files.names]
    wanted = [unicodedata.normalize("NFC", name) for name in wanted]
    exact: dict[str, int] = {}  # the only file of a name, or -1
    for i, name in enumerate(own):
        exact[name] = -1 if name in exact else i
    ends = _ending(own, set(wanted))
    found = [_place(name, exact, ends, files.label) for name in wanted]
    longer: dict[int, list[int]] = {}
    for j, name in enumerate(wanted):
        if isinstance(found[j], str) and name not in ends and (place := _shorter(name, exact)) is not None:
            longer.setdefault(place, []).append(j)
    for place, names in longer.items():
        several = (
            f"Several names in the table would be '{plain_name(own[place])}' in {files.label}; keep the folders there."
        )
        for j in names:
            found[j] = place if len(names) == 1 else several
    return _with_hints(wanted, found, own)


def _ending(own: Sequence[str], wanted: set[str]) -> dict[str, int]:
    """Of the names that are wanted, those that are a path's end: the only file with it, or -1."""
    ends: dict[str, int] = {}
    for i, name in enumerate(own):
        for end in _ends(name):
            if end in wanted:  # all ends of a hundred thousand long paths would fill the memory
                ends[end] = -1 if end in ends else i
    return ends


def _place(name: str, exact: dict[str, int], ends: dict[str, int], label: str) -> int | str:
    if name in exact:
        place, several = exact[name], f"are called '{plain_name(name)}'; give each a name of its own."
    elif name in ends:
        place, several = ends[name], f"end in '{plain_name(name)}'; name the folder too."
    else:
        return f"There is no picture '{plain_name(name)}' in {label}."
    return place if place >= 0 else f"Several pictures in {label} {several}"


def _with_hints(wanted: Sequence[str], found: list[int | str], own: Sequence[str]) -> list[int | str]:
    """The same, with a hint where only capital letters keep a name from being found."""
    missing = {j: wanted[j].casefold() for j, p in enumerate(found) if isinstance(p, str) and p.startswith("There is")}
    asked, low = set(missing.values()), [name.casefold() for name in own]
    alike = _ending(low, asked) | {name: i for i, name in enumerate(low) if name in asked}
    for j, name in missing.items():
        if (place := alike.get(name, -1)) >= 0:
            found[j] = f"{str(found[j])[:-1]}, but '{plain_name(own[place])}'; write it in the same letters."
    return found


def _shorter(name: str, exact: dict[str, int]) -> int | None:
    """The file whose whole path is the end of a longer name."""
    return next((exact[end] for end in _ends(name) if exact.get(end, -1) >= 0), None)


def _ends(name: str) -> list[str]:
    """A path without its first folder, its first two, and so on; of a very deep one only the shorter ends."""
    parts = name.rsplit("/", MAX_DEPTH)[1:]
    return ["/".join(parts[i:]) for i in range(len(parts))]
