"""A support set as a value: named classes, each with example pictures as they were given.

Nothing of it belongs to a run, so that another run can use it too: what a network sees of the pictures is made anew
each time. Every change makes a new value. As a file it is a zip of PNG pictures with a manifest.json:

    {"format": "siamese-lab-support-1", "classes": [names], "files": {"pictures/0001.png": name}}

Such a zip may come from anybody: it is read with no trust, and what is not wholly as described is refused in one
sentence.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from PIL import Image

from siamese_core.datasets.archives import SafeZip
from siamese_core.datasets.folder import Source, folder_sources, pictures_of
from siamese_core.errors import DataError
from siamese_core.modalities.decoding import MAX_BYTES, decode, plain_name
from siamese_core.modalities.image import ImageItems, each, from_files
from siamese_core.types import InputSpec, LabelledSet

FORMAT = "siamese-lab-support-1"
MANIFEST = "manifest.json"
MOST_CLASSES = 1000
MOST_PICTURES = 5000
MOST_TOGETHER = 512 * 2**20  # bytes of all pictures
MOST_NAME = 100  # characters of a class's name
MOST_MANIFEST = 4 * 2**20

Picture = tuple[str, bytes]  # what it is called in messages, and a picture file's content


@dataclass(frozen=True)
class SupportClass:
    """A class: its name, and its examples."""

    name: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class SupportSet:
    """Classes with their examples, as many as there are so far. Raises DataError, one sentence, for two classes of one
    name, a name that cannot be, or more than fits."""

    classes: tuple[SupportClass, ...] = ()

    def __post_init__(self) -> None:
        for name in self.names:
            _check_name(name)
            if self.names.count(name) > 1:
                raise DataError(f"Two classes are called '{name}'; give each its own name.")
        if len(self.classes) > MOST_CLASSES or len(self) > MOST_PICTURES:
            raise DataError(
                f"{len(self.classes):,} classes with {len(self):,} pictures are more than the {MOST_CLASSES:,} classes "
                f"and {MOST_PICTURES:,} pictures that a support set may have; leave some out."
            )
        if sum(len(data) for c in self.classes for _, data in c.pictures) > MOST_TOGETHER:
            raise DataError(
                f"These pictures are more than {MOST_TOGETHER >> 20} MiB together; give fewer or smaller ones."
            )

    def __len__(self) -> int:
        return sum(len(c.pictures) for c in self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """The classes' names."""
        return tuple(c.name for c in self.classes)

    @property
    def labels(self) -> np.ndarray:
        """(S,) int64, the class of each picture, in the order of `pictures`."""
        return np.repeat(np.arange(len(self.classes)), [len(c.pictures) for c in self.classes]).astype(np.int64)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures, class by class."""
        return tuple(p for c in self.classes for p in c.pictures)

    def __getitem__(self, name: str) -> SupportClass:
        return self.classes[self._place(name)]

    def with_class(self, name: str, pictures: Iterable[Picture] = ()) -> SupportSet:
        """With one more class at the end."""
        return SupportSet((*self.classes, SupportClass(name, tuple(pictures))))

    def without_class(self, name: str) -> SupportSet:
        """Without a class. Raises DataError when there is none of this name."""
        gone = self._place(name)
        return SupportSet(self.classes[:gone] + self.classes[gone + 1 :])

    def renamed(self, name: str, new: str) -> SupportSet:
        """With another name for a class."""
        return self._with(self._place(name), SupportClass(new, self[name].pictures))

    def with_pictures(self, name: str, pictures: Iterable[Picture]) -> SupportSet:
        """With further examples of a class."""
        return self._with(self._place(name), SupportClass(name, (*self[name].pictures, *pictures)))

    def without_picture(self, name: str, index: int) -> SupportSet:
        """Without one example of a class. Raises DataError when there is none."""
        shots = self[name].pictures
        if not 0 <= index < len(shots):
            raise DataError(f"The class '{name}' has no example {index + 1}.")
        return self._with(self._place(name), SupportClass(name, shots[:index] + shots[index + 1 :]))

    def check(self) -> SupportSet:
        """The same. Raises DataError unless there are two classes, and an example of each."""
        if not self.classes:
            raise DataError("The support set is empty; add at least two classes with an example each.")
        for c in self.classes:
            if not c.pictures:
                raise DataError(
                    f"The class '{c.name}' of the support set has no example; add one, or remove the class."
                )
        if len(self.classes) < 2:
            raise DataError("A support set needs at least two classes; add examples of another class.")
        return self

    def items(self, spec: InputSpec) -> ImageItems:
        """All pictures as a network with this spec sees them. Raises DataError that names the first one that cannot
        be used."""
        return from_files(self.pictures, spec)

    def write(self, out: IO[bytes]) -> None:
        """Write it as a zip. Raises DataError when a picture cannot be used."""
        pngs = each(_png, self.pictures, "Writing pictures") if len(self) else []
        files = {f"pictures/{i + 1:04d}.png": self.names[way] for i, way in enumerate(self.labels)}
        manifest = {"format": FORMAT, "classes": list(self.names), "files": files}
        with zipfile.ZipFile(out, "w") as packed:
            packed.writestr(_entry(MANIFEST), json.dumps(manifest, indent=1, ensure_ascii=False).encode())
            for name, data in zip(files, pngs, strict=True):
                packed.writestr(_entry(name), data)

    def to_bytes(self) -> bytes:
        """The zip; equal sets make equal bytes. Raises DataError."""
        out = io.BytesIO()
        self.write(out)
        return out.getvalue()

    def _place(self, name: str) -> int:
        if name not in self.names:
            raise DataError(f"The support set has no class '{plain_name(name)}'.")
        return self.names.index(name)

    def _with(self, place: int, changed: SupportClass) -> SupportSet:
        return SupportSet((*self.classes[:place], changed, *self.classes[place + 1 :]))


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
        picture = _encoded(Image.fromarray(data.items.natural(int(i))))  # type: ignore[attr-defined]
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


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not name.strip() or len(name) > MOST_NAME or not name.isprintable():
        raise DataError(
            f"'{plain_name(name)}' cannot be a class's name; use 1 to {MOST_NAME} letters, digits, signs or spaces."
        )


def _entry(name: str) -> zipfile.ZipInfo:
    """An entry without a time of its own."""
    found = zipfile.ZipInfo(name)
    found.compress_type = zipfile.ZIP_DEFLATED
    return found


def _png(picture: Picture) -> bytes:
    return _encoded(decode(picture[1], picture[0]))


def _looked_at(picture: Picture) -> None:
    decode(picture[1], picture[0])


def _encoded(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
