"""A support set as a value: named classes, each with example pictures as they were given.

Nothing of it belongs to a run, so that another run can use it too: what a network sees of the pictures is made anew
each time. Every change makes a new value. As a file it is a zip of PNG pictures with a manifest.json:

    {"format": "siamese-lab-support-1", "classes": [names], "files": {"pictures/0001.png": name}}

It is read by `support_files`.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

import numpy as np
from PIL import Image

from siamese_core.errors import DataError
from siamese_core.modalities.decoding import decode, plain_name
from siamese_core.modalities.image import ImageItems, each, from_files
from siamese_core.types import InputSpec

FORMAT = "siamese-lab-support-1"
MANIFEST = "manifest.json"
MOST_CLASSES = 1000
MOST_PICTURES = 5000
MOST_TOGETHER = 512 * 2**20  # bytes of all pictures
MOST_NAME = 100  # characters of a class's name

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
    return encoded(decode(picture[1], picture[0]))


def encoded(image: Image.Image) -> bytes:
    """A picture as PNG."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
