"""Omniglot: 1,623 handwritten characters of 50 alphabets, each drawn by 20 people.

Lake, Salakhutdinov and Tenenbaum, "Human-level concept learning through probabilistic program
induction", Science 350 (2015). Layout on disk as in torchvision:
omniglot-py/images_background/<alphabet>/<character>/<id>_<drawer>.png.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np

from siamese_core.datasets.archives import unpack
from siamese_core.datasets.download import fetch
from siamese_core.errors import DataError
from siamese_core.modalities.image import ImageItems, Progress, decode, each
from siamese_core.types import InputSpec, LabelledSet

SOURCE = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/"
MD5 = {
    "images_background": "68d2efa1b9178cc56df9314c21c6e718",
    "images_evaluation": "6b91aef0f799c5bb55b94e3f2daec811",
}
FOLDER = "omniglot-py"
SIDE = 105
_DRAWER = re.compile(r"^\d+_(\d+)\.png$")


def load(root: Path, progress: Progress | None = None, part: str = "images_background") -> LabelledSet:
    """One part of Omniglot under `root`, fetched from its published source if it is not there.

    Classes are "Alphabet/character01", groups the alphabets, makers the drawers 0..19 (the same person
    within an alphabet). Native 105 x 105, ink bright. Raises DataError when it cannot be had or read.
    """
    folder = root / FOLDER / part
    if not folder.is_dir():
        obtain(root, part, progress)
    characters = sorted(p for p in folder.glob("*/*") if p.is_dir() and not p.name.startswith("."))
    files = [(c, f) for c, folder_ in enumerate(characters) for f in sorted(folder_.glob("*.png"))]
    if not files:
        raise DataError(f"{folder} holds no <alphabet>/<character>/<drawing>.png; delete it to fetch Omniglot again.")
    alphabets = sorted({c.parent.name for c in characters})
    pictures = each(_read, [f for _, f in files], "Reading Omniglot", progress)
    return LabelledSet(
        name="omniglot" if part == "images_background" else "omniglot-evaluation",
        items=ImageItems(np.stack(pictures)[:, None], InputSpec(1, SIDE, SIDE, "ink")),
        labels=np.array([c for c, _ in files], dtype=np.int64),
        class_names=tuple(f"{c.parent.name}/{c.name}" for c in characters),
        class_groups=np.array([alphabets.index(c.parent.name) for c in characters], dtype=np.int64),
        group_names=tuple(alphabets),
        makers=np.array([_drawer(f) for _, f in files], dtype=np.int64),
        about=f"Omniglot, {part.replace('_', ' ')}: {len(characters)} handwritten characters of {len(alphabets)} "
        "alphabets by 20 people each (Lake, Salakhutdinov and Tenenbaum 2015, github.com/brendenlake/omniglot, MIT).",
    )


evaluation = partial(load, part="images_evaluation")


def obtain(root: Path, part: str, progress: Progress | None = None) -> Path:
    """Fetches (unless the archive already lies there), checks and unpacks one part; returns its folder."""
    archive = root / FOLDER / f"{part}.zip"
    fetch([f"{SOURCE}{part}.zip"], archive, md5=MD5[part], progress=progress)
    unpack(archive, root / FOLDER / part, inside=part, progress=progress)
    return root / FOLDER / part


def _read(path: Path) -> np.ndarray:
    """One drawing -> (105, 105) uint8, ink bright."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    picture = np.asarray(decode(data, str(path)))
    if picture.shape != (SIDE, SIDE):
        raise DataError(f"{path} is not {SIDE} x {SIDE} pixels in black and white, so it is not of Omniglot.")
    return 255 - picture


def _drawer(path: Path) -> int:
    """'0394_07.png' -> 6."""
    found = _DRAWER.match(path.name)
    if not found:
        raise DataError(f"{path} is not named <id>_<drawer>.png as the drawings of Omniglot are.")
    return int(found.group(1)) - 1
