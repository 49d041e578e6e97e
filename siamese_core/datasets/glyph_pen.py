"""Drawing points with a round pen: many pictures at once, the same bytes on every machine.

The points are first rounded to 1/64 pixel; from there on the arithmetic is on whole numbers and a
square root, which IEEE rounds alike everywhere.
"""

from __future__ import annotations

import numpy as np

GRAIN = 64  # parts of a pixel


def distances(points: np.ndarray, picture: np.ndarray, count: int, size: int, reach: float) -> np.ndarray:
    """Distance of every pixel's centre to the nearest point, in pixels; what is beyond `reach` is infinite.

    points    (M, 2) x and y in pixels, those outside of the picture allowed
    picture   (M,) which of the `count` pictures a point belongs to
    returns   (count, size, size) float32
    """
    where = np.rint(points * GRAIN).astype(np.int32)
    near = where // GRAIN  # the pixel that holds the point
    off = where - near * GRAIN - GRAIN // 2  # from that pixel's centre
    around = int(np.ceil(reach - 0.5))
    side = size + 2 * around
    inside = ((near >= 0) & (near < size)).all(axis=1)
    near, off, picture = near[inside], off[inside], picture[inside]
    squared = np.full(count * side * side, 2**30, dtype=np.int32)
    home = (picture * side + near[:, 1] + around) * side + near[:, 0] + around
    for down in range(-around, around + 1):
        vertical = (off[:, 1] - down * GRAIN) ** 2
        for right in range(-around, around + 1):
            gap = vertical + (off[:, 0] - right * GRAIN) ** 2
            np.minimum.at(squared, home + (down * side + right), gap)
    inner = squared.reshape(count, side, side)[:, around : around + size, around : around + size]
    return np.where(inner < 2**30, np.sqrt(inner.astype(np.float32)) / np.float32(GRAIN), np.inf).astype(np.float32)


def soft(gap: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Anti-aliased ink: distances (N, S, S) and each picture's pen radius (N,) in pixels -> uint8, ink 255."""
    cover = np.clip(radius.astype(np.float32)[:, None, None] + np.float32(0.5) - gap, 0, 1)
    return np.rint(cover * 255).astype(np.uint8)


def hard(gap: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Bilevel ink: distances (N, S, S) and pen radius (N,) -> bool."""
    return gap <= radius.astype(np.float32)[:, None, None]
