"""The AT&T (ORL) faces as published: 40 people, 10 pictures each, 92 x 112 pixels, in folders s1..s40.

Samaria and Harter, "Parameterisation of a stochastic model for human face identification", 1994. The
people of `olivetti`, which are the same pictures made square and smaller, in one file.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from siamese_core.datasets import folder
from siamese_core.errors import DataError
from siamese_core.modalities.image import Progress
from siamese_core.types import LabelledSet

FOLDER = "orl_faces"


def load(root: Path, progress: Progress | None = None) -> LabelledSet:
    """The faces under `root`/orl_faces: a class a person ("s1"), grey photos of 92 x 112.

    They have no stable published file to fetch. Raises DataError, saying what to put where, when they
    are not there, and when they cannot be read.
    """
    place = root / FOLDER
    if not place.is_dir():
        raise DataError(
            "The ORL faces are not there and cannot be fetched by themselves; get the AT&T Database of Faces "
            f"(orl_faces, also called att_faces) and put its folders s1 to s40 into {place}."
        )
    found = folder.load(place, progress, polarity="photo")
    return replace(
        found,
        name="orl",
        about=f"ORL faces: {len(found):,} grey pictures of {found.n_classes} people, 92 x 112 pixels "
        "(AT&T Laboratories Cambridge, Samaria and Harter 1994; licence not stated, for research).",
    )
