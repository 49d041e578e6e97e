"""Dutch signatures of SigComp 2011: genuine ones and skilled forgeries of them.

Liwicki, Malik, den Heuvel, Chen, Berger, Stoel, Blumenstein and Found, "Signature verification
competition for online and offline skilled forgeries (SigComp2011)", ICDAR 2011. Layout on disk:
signatures_dutch/train/<writer>/*.png and .../<writer>_forg/*.png; what people gather themselves may also
lie as <writer>/genuine/ and <writer>/forged/.

Each writer is a group of two classes: "001/genuine", and "001/forged", a class of its own and never the
writer's. Groups are never cut by a split, so the writers of two parts are different people.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from siamese_core.errors import DataError
from siamese_core.modalities.decoding import EXTENSIONS, decode
from siamese_core.modalities.image import ImageItems, Progress, each, fit
from siamese_core.types import FORGED, InputSpec, LabelledSet

FOLDER = "signatures_dutch"
ENDING = "_forg"
GENUINE = "genuine"
PARTS = ("train", "test")
SPEC = InputSpec(1, 100, 200, "ink", crop="ink")  # as published, signatures are of all sizes


def load(root: Path, progress: Progress | None = None, part: str = "train") -> LabelledSet:
    """The signatures under `root`/signatures_dutch/`part`, cropped to their ink, 100 x 200.

    Raises DataError, saying what to put where, when they are not there, and when they cannot be read.
    """
    place = root / FOLDER / part
    if not place.is_dir():
        raise DataError(
            "The Dutch signatures are not there and cannot be fetched by themselves; get the offline Dutch set of "
            f"SigComp 2011 (its licence must be accepted) and put its folders 001, 001{ENDING}, ... into {place}."
        )
    return read(place, "signatures" if part == "train" else "signatures-evaluation", progress)


evaluation = partial(load, part="test")


def is_layout(folder: Path) -> bool:
    """Whether a folder holds writers and their forgeries, one way or the other, or a part of such writers."""
    return _is_part(folder) or any(_is_part(folder / part) for part in PARTS)


def read(folder: Path, name: str | None = None, progress: Progress | None = None) -> LabelledSet:
    """A folder of writers: <writer> and <writer>_forg, or <writer>/genuine and <writer>/forged; or one that
    holds such a folder called train or test.

    Raises DataError when there is no such folder or it cannot be read.
    """
    if not _is_part(folder):
        parts = [folder / part for part in PARTS if _is_part(folder / part)]
        if len(parts) > 1:
            raise DataError(f"{folder} holds several parts; give one of them, such as {parts[0]}.")
        folder = parts[0] if parts else folder
    found = [(writer, kind, files) for writer, kind, files in _classes(folder) if files]
    if not any(kind == FORGED for _, kind, _ in found):
        raise DataError(
            f"{folder} holds no writers with forgeries; give each writer a folder such as 001 and its forgeries 001"
            f"{ENDING} (or 001/{GENUINE} and 001/{FORGED})."
        )
    writers = sorted({writer for writer, _, _ in found})
    files = [(c, file) for c, (_, _, mine) in enumerate(found) for file in mine]
    pictures = each(_read, [file for _, file in files], "Reading signatures", progress)
    genuine = sum(len(mine) for _, kind, mine in found if kind == GENUINE)
    return LabelledSet(
        name=name or folder.name,
        items=ImageItems(np.stack(pictures), SPEC),
        labels=np.array([c for c, _ in files], dtype=np.int64),
        class_names=tuple(f"{writer}/{kind}" for writer, kind, _ in found),
        class_groups=np.array([writers.index(writer) for writer, _, _ in found], dtype=np.int64),
        group_names=tuple(writers),
        about=f"Signatures: {genuine:,} genuine ones of {len(writers)} writers and {len(files) - genuine:,} skilled "
        "forgeries" + (" (SigComp 2011, Dutch, Liwicki et al.; for research)." if name else "."),
    )


def _is_part(folder: Path) -> bool:
    """Whether there is a writer here, with forgeries beside or below."""
    for place in folder.glob("*"):
        name = place.name.removesuffix(ENDING)
        if (name != place.name and name and (folder / name).is_dir()) or (
            (place / FORGED).is_dir() and (place / GENUINE).is_dir()
        ):
            return True
    return False


def _classes(folder: Path) -> list[tuple[str, str, list[Path]]]:
    """(writer, "genuine" or "forged", picture files) of every class below a folder, in order of name."""
    found = []
    for place in sorted(p for p in folder.glob("*") if p.is_dir() and not p.name.startswith(".")):
        below = {kind: place / kind for kind in (GENUINE, FORGED) if (place / kind).is_dir()}
        if below:
            found += [(place.name, kind, _pictures(inside)) for kind, inside in below.items()]
        elif place.name.endswith(ENDING) and place.name != ENDING:
            found.append((place.name.removesuffix(ENDING), FORGED, _pictures(place)))
        else:
            found.append((place.name, GENUINE, _pictures(place)))
    return sorted(found, key=lambda c: (c[0], c[1] == FORGED))


def _pictures(folder: Path) -> list[Path]:
    files = (p for p in folder.iterdir() if p.suffix.lower() in EXTENSIONS and not p.name.startswith("."))
    return sorted(p for p in files if p.is_file())


def _read(path: Path) -> np.ndarray:
    """One signature -> (1, 100, 200) uint8, ink bright."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    return fit(decode(data, str(path)), SPEC)
