"""Support sets from folders, zips and samples. A zip may come from anybody: it is read with no trust, and what is not
wholly as described is refused in one sentence; nothing is unpickled, and every picture is looked at before it is used.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from PIL import Image

from siamese_core.datasets.archives import SafeZip
from siamese_core.datasets.folder import Source, folder_sources, pictures_of
from siamese_core.errors import DataError
from siamese_core.modalities.decoding import MAX_BYTES, decode, plain_name
from siamese_core.modalities.image import each
from siamese_core.support_set import (
    FORMAT,
    MANIFEST,
    MOST_CLASSES,
    MOST_PICTURES,
    MOST_TOGETHER,
    Picture,
    SupportClass,
    SupportSet,
    encoded,
)
from siamese_core.types import LabelledSet

MOST_MANIFEST = 4 * 2**20


def load(place: Path) -> SupportSet:
    """A folder of class folders, or a zip that `SupportSet.write` made, or one of class folders. Raises DataError."""
    return from_folder(place) if not place.is_file() else from_zip(place)


def from_folder(folder: Path) -> SupportSet:
    """DIR/<class>/<picture> -> a support set, in order of name; the pictures are called by their paths.

    Hidden files, and files that are no pictures by name and content, are passed over. Raises DataError when there is no
    class folder, or one holds no picture.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}; the support set is a folder of class folders, or a zip of one.")
    classes = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        raise DataError(f"{folder} has no class folders; put each class's pictures into DIR/<class>/.")
    found = SupportSet()
    for place in classes:
        files = [s for s in pictures_of(folder_sources(place, MOST_PICTURES)) if "/" not in s.name]
        if not files:
            raise DataError(f"The class folder {place} has no picture; add one, or remove the folder.")
        found = found.with_class(place.name, [(str(place / s.name), s.read(MAX_BYTES + 1)) for s in files])
    return found


def from_zip(file: Path | IO[bytes]) -> SupportSet:
    """A zip that `SupportSet.write` made, or one of class folders: a path, or an open file with a name. Every picture
    is looked at. Raises DataError, one sentence."""
    with SafeZip(cast(Path, file), MOST_PICTURES + 1000, MOST_TOGETHER) as packed:
        found = _described(packed) if MANIFEST in packed.names else _class_folders(packed)
        label = packed.label
    if not len(found):
        raise DataError(f"The zip {label} holds no class folders with pictures, as in cat/1.png.")
    each(_looked_at, found.pictures, "Looking at pictures")
    return found


def from_samples(data: LabelledSet, indices: Sequence[int] | np.ndarray) -> SupportSet:
    """These items of a data set, under the names of their classes, as people see them."""
    found: dict[str, list[Picture]] = {}
    for i in indices:
        name = data.class_names[int(data.labels[i])]
        picture = encoded(Image.fromarray(data.items.natural(int(i))))  # type: ignore[attr-defined]
        found.setdefault(name, []).append((f"{name} {len(found.get(name, ())) + 1}", picture))
    return SupportSet(tuple(SupportClass(n, tuple(p)) for n, p in found.items()))


def _described(packed: SafeZip) -> SupportSet:
    """A zip with a manifest."""
    classes, files = _manifest(packed.read(MANIFEST, MOST_MANIFEST + 1), packed.label)
    strange = sorted(set(packed.names) ^ {MANIFEST, *files})
    if strange:
        known = strange[0] in files
        raise DataError(
            f"The support set {packed.label} "
            + (f"lacks the picture '{plain_name(strange[0])}' of its manifest" if known else
               f"holds '{plain_name(strange[0])}', which its manifest does not name") + "; download it again."
        )  # fmt: skip
    shots: dict[str, list[Picture]] = {name: [] for name in classes}
    for path, name in files.items():
        data = packed.read(path, MAX_BYTES + 1)
        if not data.startswith(b"\x89PNG\r\n\x1a\n"):
            raise DataError(f"'{plain_name(path)}' in the support set {packed.label} is not a PNG; download it again.")
        shots[name].append((path, data))
    return SupportSet(tuple(SupportClass(n, tuple(p)) for n, p in shots.items()))


def _manifest(data: bytes, label: str) -> tuple[list[str], dict[str, str]]:
    """The class names, and the class of each file. Raises DataError for anything that is not exactly a manifest."""

    def refused(why: str) -> DataError:
        return DataError(f"The manifest of the support set {label} {why}; download the set again, or use a zip of "
                         "class folders.")  # fmt: skip

    if len(data) > MOST_MANIFEST:
        raise refused("is too large")
    try:
        value = json.loads(data, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError, TypeError):
        raise refused("is not readable JSON") from None
    if not isinstance(value, dict) or set(value) != {"format", "classes", "files"}:
        raise refused("has other keys than format, classes and files")
    if value["format"] != FORMAT:
        raise refused(f"is of another format than {FORMAT}")
    classes, files = value["classes"], value["files"]
    if not isinstance(classes, list) or not all(isinstance(n, str) for n in classes):
        raise refused("does not list the names of its classes")
    if not isinstance(files, dict) or not all(isinstance(n, str) and n in set(classes) for n in files.values()):
        raise refused("does not give each file one of its classes")
    if len(set(classes)) != len(classes) or len(classes) > MOST_CLASSES or len(files) > MOST_PICTURES:
        raise refused("has too many classes or pictures, or two classes of one name")
    return classes, files


def _no_constant(word: str) -> None:
    raise ValueError(word)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _class_folders(packed: SafeZip) -> SupportSet:
    """A zip of class folders: a picture's class is the folder it lies in, called by its own name, or by the whole path
    where two folders have the same."""
    sources = [Source(name, partial(packed.read, name)) for name in packed.names]
    found: dict[str, list[Picture]] = {}
    for source in pictures_of(sources):
        folder, _, file = source.name.rpartition("/")
        if not folder:
            raise DataError(
                f"{plain_name(file)} in the zip {packed.label} lies in no class folder; put it into one, as in "
                "cat/1.png."
            )
        found.setdefault(folder, []).append((source.name, source.read(MAX_BYTES + 1)))
    empty = sorted({n.rpartition("/")[0] for n in packed.names if "/" in n} - set(found))
    if found and (bare := [e for e in empty if not any(f.startswith(f"{e}/") for f in found)]):
        raise DataError(f"The class folder '{plain_name(bare[0])}' in the zip {packed.label} has no picture; add one, "
                        "or remove the folder.")  # fmt: skip
    own = [folder.rsplit("/", 1)[-1] for folder in found]
    names = [n if own.count(n) == 1 else folder for n, folder in zip(own, found, strict=True)]
    return SupportSet(tuple(SupportClass(n, tuple(p)) for n, p in zip(names, found.values(), strict=True)))


def _looked_at(picture: Picture) -> None:
    decode(picture[1], picture[0])
