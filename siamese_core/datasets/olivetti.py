"""The Olivetti faces: 40 people of AT&T Laboratories Cambridge, 10 pictures each, 64 x 64 pixels.

Samaria and Harter, "Parameterisation of a stochastic model for human face identification", 1994.
The published file is read here directly (a MATLAB 5 file of plain numbers); scikit-learn's own copy
is a pickle and is never opened.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from siamese_core.datasets.download import fetch
from siamese_core.errors import DataError
from siamese_core.modalities.image import ImageItems, Progress
from siamese_core.types import InputSpec, LabelledSet

SOURCES = (
    "https://ndownloader.figshare.com/files/5976027",
    "https://www.cs.nyu.edu/~roweis/data/olivettifaces.mat",
)
SHA256 = "b612fb967f2dc77c9c62d3e1266e0c73d5fca46a4b8906c18e454d41af987794"
FILE = "olivettifaces.mat"
PEOPLE, EACH, SIDE = 40, 10, 64


def load(root: Path, progress: Progress | None = None) -> LabelledSet:
    """The 400 faces as 40 classes of 10, grey 64 x 64; fetched into `root` if they are not there.

    Raises DataError when they cannot be had, or the file is not the published one.
    """
    path = fetch(SOURCES, root / "olivetti" / FILE, sha256=SHA256, progress=progress)
    return read(path)


def read(path: Path) -> LabelledSet:
    """A file of the published layout: 'faces', 4096 x 400 bytes, each column a picture stored by columns."""
    from scipy.io import loadmat

    try:
        faces = loadmat(str(path), variable_names=["faces"])["faces"]
    except Exception as error:  # scipy raises whatever the damaged bytes lead it to
        raise DataError(f"{path} is not the published {FILE}; delete it to fetch it again.") from error
    if faces.shape != (SIDE * SIDE, PEOPLE * EACH) or faces.dtype != np.uint8:
        raise DataError(f"{path} does not hold 400 faces of 64 x 64 bytes; delete it to fetch the published file.")
    pixels = np.ascontiguousarray(faces.T.reshape(-1, SIDE, SIDE).transpose(0, 2, 1))[:, None]
    return LabelledSet(
        name="olivetti",
        items=ImageItems(pixels, InputSpec(1, SIDE, SIDE, "photo")),
        labels=np.repeat(np.arange(PEOPLE), EACH),
        class_names=tuple(f"person{i + 1:02d}" for i in range(PEOPLE)),
        about="Olivetti faces: 400 grey pictures of 40 people, 64 x 64 pixels; these are the AT&T people "
        "(AT&T Laboratories Cambridge, Samaria and Harter 1994; file by Sam Roweis; licence not stated, for research).",
    )
