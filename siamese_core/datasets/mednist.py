"""MedNIST: small medical pictures of six kinds (chest and head CT, breast MRI, hand and chest X-ray), 64 x 64.

Gathered by B. J. Erickson (Mayo Clinic) from TCIA, the RSNA bone age challenge and the NIH chest X-ray
set, for teaching. Many pictures are neighbouring slices of one scan, which makes it an easy set.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from siamese_core.datasets import folder
from siamese_core.errors import DataError
from siamese_core.modalities.image import Progress
from siamese_core.types import LabelledSet

PLACES = (("mednist", "resized"), ("MedNIST",))


def load(root: Path, progress: Progress | None = None) -> LabelledSet:
    """The pictures under `root`/mednist/resized (or `root`/MedNIST, as its archive unpacks): a class a kind.

    Raises DataError, saying what to put where, when they are not there, and when they cannot be read.
    """
    places = [root.joinpath(*parts) for parts in PLACES]
    place = next((p for p in places if p.is_dir()), None)
    if place is None:
        raise DataError(
            "MedNIST is not there and cannot be fetched by itself; get the MedNIST pictures and put their folders "
            f"(AbdomenCT, BreastMRI, CXR, ...) into {places[0]}."
        )
    found = folder.load(place, progress, polarity="photo")
    return replace(
        found,
        name="mednist",
        about=f"MedNIST: {len(found):,} medical pictures of {found.n_classes} kinds, 64 x 64 pixels, many of them "
        "neighbouring slices (B. J. Erickson, Mayo Clinic, from TCIA, RSNA and NIH; licence not stated, for research).",
    )
