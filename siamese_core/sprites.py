"""Many small pictures as one PNG, so that the browser gets them all at once."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

MOST_SIDE = 64  # pixels of one picture's longer side, at most
MOST_PIXELS = {1: 4_000_000, 3: 1_600_000}  # of a whole sheet, by channels: a few MB as PNG


@dataclass(frozen=True)
class Sheet:
    """Pictures of one size in rows; the k-th stands in column k % across, row k // across."""

    png: bytes
    across: int
    width: int
    height: int


def sheet(pixels: np.ndarray, ink: bool) -> Sheet:
    """(N, C, H, W) uint8 as the network sees them -> one sheet as people see them (ink on white paper); pictures
    that are too large for it become smaller. N may be 0."""
    count, channels, height, width = pixels.shape
    shown = 255 - pixels if ink else pixels
    most = min(MOST_SIDE, math.isqrt(MOST_PIXELS[channels] // max(1, count)))
    factor = max(height, width) / max(4, most)
    if factor > 1 and count:
        size = max(1, round(width / factor)), max(1, round(height / factor))
        shown = np.stack([resized(one, size) for one in shown])
        _, _, height, width = shown.shape
    across = max(1, math.ceil(math.sqrt(count)))
    down = max(1, math.ceil(count / across))
    whole = np.full((down * across, channels, height, width), 255, np.uint8)
    whole[:count] = shown
    rows = whole.reshape(down, across, channels, height, width).transpose(0, 3, 1, 4, 2)
    picture = rows.reshape(down * height, across * width, channels)
    out = io.BytesIO()
    Image.fromarray(picture[:, :, 0] if channels == 1 else picture).save(out, "PNG", compress_level=4)
    return Sheet(out.getvalue(), across, width, height)


def resized(one: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """One (C, H, W) uint8 picture at another size (width, height)."""
    image = Image.fromarray(one[0] if len(one) == 1 else one.transpose(1, 2, 0))
    small = np.asarray(image.resize(size, Image.Resampling.BOX))
    return small[None] if small.ndim == 2 else small.transpose(2, 0, 1)
