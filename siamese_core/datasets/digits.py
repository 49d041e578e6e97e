"""scikit-learn's handwritten digits: real scans that come with the library, so that they need no network.

Alpaydin and Kaynak, "Optical recognition of handwritten digits" (UCI, 1998): 32x32 bitmaps reduced to
8x8 counts 0..16. Here they are scaled to 0..255, ink bright on 0, with a border of paper around, since
the scans were cut at the ink while every other set, and every upload, has paper around its ink.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from siamese_core.modalities.image import ImageItems, Progress
from siamese_core.types import InputSpec, LabelledSet

BORDER = 3  # pixels of paper on each side


def with_paper(scans: np.ndarray) -> np.ndarray:
    """(N, 1, 8, 8) scans cut at the ink -> (N, 1, 14, 14) with paper around them."""
    return np.pad(scans, ((0, 0), (0, 0), (BORDER, BORDER), (BORDER, BORDER)))


def load(root: Path | None = None, progress: Progress | None = None) -> LabelledSet:
    """The 1,797 digits as 10 classes; `root` and `progress` are not needed."""
    from sklearn.datasets import load_digits

    scans = load_digits()
    pixels = with_paper(np.rint(scans.images * (255 / 16)).astype(np.uint8)[:, None])
    return LabelledSet(
        name="digits",
        items=ImageItems(pixels, InputSpec(1, pixels.shape[2], pixels.shape[3], "ink")),
        labels=scans.target.astype(np.int64),
        class_names=tuple(str(d) for d in range(10)),
        about="1,797 scans of handwritten digits, 8 x 8 pixels, that come with scikit-learn "
        "(Alpaydin and Kaynak 1998, UCI Machine Learning Repository, CC BY 4.0).",
    )
