"""Pictures: the items of most sets. `decode` reads a file, `fit` makes it what a network sees,
`ImageItems` holds many of them, `ImageTable` holds them on a device.

Stored pixels of ink sets are already paper = 0, ink = bright; `natural` shows them as on paper.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from os import cpu_count
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from siamese_core.errors import DataError
from siamese_core.modalities import face
from siamese_core.modalities.decoding import decode, plain_name
from siamese_core.modalities.fitting import channels, ink_crop, ink_of, place
from siamese_core.types import InputSpec

__all__ = [
    "ImageItems",
    "ImageTable",
    "Originals",
    "WholeSetError",
    "decode",
    "each",
    "fit",
    "fit_array",
    "from_files",
    "looked_at",
    "plain_name",
    "together",
]

Progress = Callable[[str, float], None]
T = TypeVar("T")
R = TypeVar("R")
Fitted = tuple[np.ndarray, bool]  # (C, H, W) uint8; whether the face that was asked for was found


class WholeSetError(DataError):
    """What is wrong with a set as a whole, not with one of its pictures: reading it ends at once."""


_WORKING_SIDE = 1024  # pictures with a longer side are first shrunk by a whole factor


def fit(image: Image.Image, spec: InputSpec) -> np.ndarray:
    """A picture as `decode` gives it -> (C, H, W) uint8, what a network with this spec sees.

    polarity "ink": grey, paper to 0 and ink bright whichever way it came, padded with paper to the
    spec's shape, after cropping where the spec says so. polarity "photo": the centre of the spec's
    shape, or the largest face where the spec says so and there is one. Both are resized antialiased.
    Raises ConfigError when a face is to be looked for and cannot be (see `face.require`).
    """
    return looked_at(image, spec)[0]


def looked_at(image: Image.Image, spec: InputSpec) -> Fitted:
    """The same as `fit`, and whether a face was found (yes where none was looked for)."""
    factor = max(image.size) // _WORKING_SIDE
    if factor > 1:
        image = image.reduce(factor)
    return _fitted(np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB")), spec)


def fit_array(picture: np.ndarray, spec: InputSpec) -> np.ndarray:
    """The same as `fit` for (h, w) or (h, w, 3) uint8."""
    return _fitted(picture, spec)[0]


def _fitted(picture: np.ndarray, spec: InputSpec) -> Fitted:
    found = face.find(picture) if spec.crop == "face" else None
    if found is not None:
        picture = face.align(picture, found, spec.height, spec.width)
    pixels = picture[None, None] if picture.ndim == 2 else picture.transpose(2, 0, 1)[None]
    if spec.polarity == "ink":
        ink = ink_of(channels(pixels, 1)[0, 0])
        pixels = (ink_crop(ink) if spec.crop == "ink" else ink)[None, None]
    return place(pixels, spec)[0], found is not None or spec.crop != "face"


def each(work: Callable[[T], R], jobs: Sequence[T], what: str, progress: Progress | None = None) -> list[R]:
    """`work` on every job by a few threads, in order. When jobs fail with DataError: one DataError
    with the first one's sentence and, if there are more, their number."""

    def some(part: Sequence[T]) -> list[R | DataError]:
        return [_attempt(work, job) for job in part]

    done: list[R | DataError] = []
    size = 32 if len(jobs) > 64 else 1
    parts = [jobs[start : start + size] for start in range(0, len(jobs), size)]
    with ThreadPoolExecutor(min(4, cpu_count() or 1)) as pool:
        try:
            for result in pool.map(some, parts):
                done.extend(result)
                if progress:
                    progress(what, len(done) / len(jobs))
        except BaseException:
            pool.shutdown(cancel_futures=True)  # what is still to do would be waited for
            raise
    bad = [r for r in done if isinstance(r, DataError)]
    if bad:
        more = f" ({len(bad)} of the {len(done)} pictures cannot be used; this is the first.)" if len(bad) > 1 else ""
        raise DataError(f"{bad[0]}{more}") from bad[0]
    return [r for r in done if not isinstance(r, DataError)]


def _attempt(work: Callable[[T], R], job: T) -> R | DataError:
    try:
        return work(job)
    except WholeSetError:
        raise
    except DataError as error:
        return error


@dataclass(frozen=True, eq=False)
class Originals:
    """Pictures that are held smaller than they are, or only in part: how to look at them whole once more.

    look      the pictures at some places of a set -> each as a network with the spec sees it, with progress
    places    (N,) int64, which of them
    """

    look: Callable[[np.ndarray, InputSpec, Progress | None], list[Fitted]]
    places: np.ndarray


class ImageItems:
    """N pictures of one size. `pixels` (N, C, H, W) uint8 and `spec` are not to be changed.

    faces        (N,) bool, in which of them a face was found; None where none was looked for
    originals    where they come from, when more can be seen there
    """

    def __init__(
        self,
        pixels: np.ndarray,
        spec: InputSpec,
        faces: np.ndarray | None = None,
        originals: Originals | None = None,
    ) -> None:
        """Raises DataError when the pixels are not uint8 of the shape the spec says."""
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (spec.channels, spec.height, spec.width):
            raise DataError(
                f"Pictures of {pixels.dtype} {pixels.shape[1:]} were given where uint8 "
                f"{(spec.channels, spec.height, spec.width)} are needed."
            )
        self.pixels = pixels
        self.faces = faces
        self._spec = spec
        self._originals = originals
        self._aligned: ImageItems | None = None  # the last that was asked for: it takes long to make

    @property
    def spec(self) -> InputSpec:
        """What the stored pictures look like."""
        return self._spec

    def __len__(self) -> int:
        return len(self.pixels)

    def __repr__(self) -> str:
        return f"ImageItems({len(self)} of {self.spec})"

    def select(self, indices: np.ndarray) -> ImageItems:
        """These pictures, in this order: (M,) int -> M pictures."""
        i = np.asarray(indices, dtype=np.int64)
        faces, originals = self.faces, self._originals
        return ImageItems(
            self.pixels[i],
            self.spec,
            None if faces is None else faces[i],
            None if originals is None else replace(originals, places=originals.places[i]),
        )

    def fitted(self, spec: InputSpec, progress: Progress | None = None) -> ImageItems:
        """The pictures as a network with this spec sees them; themselves if they already are so.

        From photo to ink each picture is normalised as in `fit`; from ink to photo it is shown as on paper.
        What was cropped to its ink, or to its face, stays so. A face is looked for in the original picture, where
        that is known; raises ConfigError when it cannot be (see `face.require`).
        """
        if spec == self.spec:
            return self
        pixels = self.pixels
        if spec.polarity != self.spec.polarity:
            if spec.polarity == "ink":
                grey = channels(pixels, 1)
                pixels = np.stack([ink_of(g[0]) for g in grey])[:, None] if len(grey) else grey
            else:
                pixels = 255 - pixels
        if spec.crop == "ink" and self.spec.crop != "ink" and len(pixels):
            cut = [ink_crop(grey[0])[None, None] for grey in channels(pixels, 1)]
            return ImageItems(np.concatenate([place(one, spec) for one in cut]), spec)
        if spec.crop == "face" and self.spec.crop != "face" and len(pixels):
            if self._aligned is None or self._aligned.spec != spec:
                self._aligned = self._faces_of(pixels, spec, progress)
            return self._aligned
        return ImageItems(place(pixels, spec), spec, self.faces if spec.crop == "face" else None)

    def _faces_of(self, pixels: np.ndarray, spec: InputSpec, progress: Progress | None) -> ImageItems:
        """The face of each photo (N, c, h, w) uint8, looked for in the originals where they are known."""
        if self._originals is not None:
            return together(self._originals.look(self._originals.places, spec, progress), spec)
        photos = list(pixels[:, 0] if pixels.shape[1] == 1 else pixels.transpose(0, 2, 3, 1))
        return together(each(partial(_fitted, spec=spec), photos, face.LOOKING, progress), spec)

    def digests(self) -> list[str]:
        """16 hexadecimal digits a picture: SHA-256 over its shape and pixels."""
        return list(self._digests)

    @cached_property
    def _digests(self) -> tuple[str, ...]:
        shape = repr(self.pixels.shape[1:]).encode()
        return tuple(hashlib.sha256(shape + p.tobytes()).hexdigest()[:16] for p in self.pixels)

    def resident(self, device: str) -> ImageTable:
        """The pictures on a device."""
        return ImageTable(self.pixels, device)

    def picture(self, index: int) -> np.ndarray:
        """One picture as stored (what the network sees): (H, W) uint8, or (H, W, 3) in colour."""
        pixels = self.pixels[index]
        return pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))

    def natural(self, index: int) -> np.ndarray:
        """One picture as people see it: dark ink on white paper, photos as they are."""
        picture = self.picture(index)
        return 255 - picture if self.spec.polarity == "ink" else picture


class ImageTable:
    """Pictures as one uint8 tensor on a device, indexed there."""

    def __init__(self, pixels: np.ndarray, device: str) -> None:
        import torch

        whole = pixels if pixels.flags.writeable and pixels.flags.c_contiguous else np.array(pixels, order="C")
        self.pixels = torch.from_numpy(whole).to(device)

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, indices: Any) -> Any:
        """(B,) int64 tensor or array -> (B, C, H, W) float32 tensor in [0, 1] on the device."""
        import torch

        index = torch.as_tensor(indices, dtype=torch.int64, device=self.pixels.device)
        return self.pixels.index_select(0, index).to(torch.float32).mul_(1 / 255)


def from_files(
    sources: Sequence[tuple[str, bytes]], spec: InputSpec, *, progress: Progress | None = None
) -> ImageItems:
    """(name, bytes) of picture files -> what a network with this spec sees of them.

    Raises DataError that names the first file that cannot be used.
    """
    work = partial(_decode_and_fit, spec=spec)
    return together(each(work, sources, "Reading pictures", progress) if sources else [], spec)


def _decode_and_fit(source: tuple[str, bytes], spec: InputSpec) -> Fitted:
    name, data = source
    return looked_at(decode(data, name), spec)


def together(done: Sequence[Fitted], spec: InputSpec) -> ImageItems:
    """Pictures as `looked_at` gives them, each for this spec, as one."""
    pixels = np.empty((len(done), spec.channels, spec.height, spec.width), dtype=np.uint8)
    for i, (picture, _) in enumerate(done):
        pixels[i] = picture
    return ImageItems(pixels, spec, np.array([found for _, found in done], dtype=bool) if spec.crop == "face" else None)
