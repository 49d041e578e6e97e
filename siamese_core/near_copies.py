"""Pictures that are nearly the same picture: scaled, brightened, a pixel aside, saved anew as JPEG, with noise.

Candidates come from a perceptual hash of 64 bits: the signs of the 8 x 8 lowest cosine coefficients around their
median, two hashes compared by how many bits differ (Zauner, "Implementation and benchmarking of perceptual image hash
functions", 2010, there "pHash"; ours shrinks to 32 x 32 by a triangle filter, and small pictures are also hashed
moved by one pixel, which is much of them). The hash of simple signs tells little, so a candidate counts only when its
pixels agree: their correlation, at the best of a few small displacements, is at least `ALIKE`.

All pairs of hashes are compared, in blocks of bounded memory: nothing is missed that differs in at most `REACH` bits,
but of one picture's candidates only the `MOST_EACH` nearest are looked at pixel by pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from siamese_core.modalities.fitting import channels, resize

SIDE = 32  # pixels of the picture that is hashed
KEPT = 8  # lowest frequencies each way
REACH = 12  # bits of 64 in which hashes of near copies may differ
ALIKE = 0.95  # the least correlation of near copies
MOST_EACH = 8
COARSE, ROUGHLY = 16, 0.75  # pixels a side and the correlation, unmoved, below which large pictures are no near copies
LOOKED_AT = 64  # pixels a side, at most, of the pictures whose pixels are compared
SMALL = 48  # pixels a side below which one pixel's displacement changes the hash
_BLOCK = 2**22  # pairs of hashes compared at once
_PIXELS = 2**22  # numbers of the pixel check held at once


@dataclass(frozen=True)
class Prints:
    """What is compared of N pictures: hashes (N, V) uint64, the first of the picture as it is, the others of the
    picture moved by a pixel; small (N, h, w) uint8; coarse (N, 256) float32, of mean 0 and length 1; step, how far
    (pixels of `small`) the check may move a picture."""

    hashes: np.ndarray
    small: np.ndarray
    coarse: np.ndarray
    step: int

    def __len__(self) -> int:
        return len(self.small)


@dataclass(frozen=True)
class Near:
    """M pairs: item indices (M,) int64 of the two sides and their likeness (M,), the most alike first."""

    first: np.ndarray
    second: np.ndarray
    likeness: np.ndarray

    def __len__(self) -> int:
        return len(self.first)


def prints(pixels: np.ndarray) -> Prints:
    """(N, C, H, W) uint8 -> what `near` compares. Colours are compared as grey."""
    grey = channels(pixels, 1)
    height, width = grey.shape[2:]
    shrink = min(1.0, LOOKED_AT / max(height, width))
    small = resize(grey, max(8, round(height * shrink)), max(8, round(width * shrink)))[:, 0]
    moves = list(product((0, -1, 1), repeat=2)) if max(height, width) < SMALL else [(0, 0)]
    found = np.stack([hashes(moved(grey, *move)) for move in moves], axis=1)
    coarse = _standard(resize(grey, COARSE, COARSE)[:, 0].astype(np.float32))
    return Prints(found, small, coarse, 1 if shrink == 1 else 2)


def hashes(pixels: np.ndarray) -> np.ndarray:
    """(N, C, H, W) uint8 -> (N,) uint64, near for pictures that look alike from afar."""
    seen = resize(channels(pixels, 1), SIDE, SIDE)[:, 0].astype(np.float32)
    place = np.arange(SIDE) + 0.5
    waves = np.cos(np.pi / SIDE * np.arange(KEPT)[:, None] * place[None]).astype(np.float32)  # (KEPT, SIDE)
    waves[0] /= np.sqrt(2)
    low = (waves @ seen @ waves.T).reshape(len(seen), KEPT * KEPT)
    middle = np.median(low[:, 1:], axis=1, keepdims=True)  # the first is the brightness
    return np.packbits(low > middle, axis=1).view(np.uint64)[:, 0]


def moved(pixels: np.ndarray, down: int, right: int) -> np.ndarray:
    """(N, C, H, W) moved by whole pixels; what comes in at the rim repeats the rim."""
    if not (down or right):
        return pixels
    height, width = pixels.shape[2:]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return pixels[:, :, rows][:, :, :, columns]


def within(
    a: np.ndarray, b: np.ndarray, reach: int, keys: tuple[np.ndarray, np.ndarray] | None = None,
    equal: bool = False, most_each: int | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """All pairs of hashes that differ in at most `reach` bits: (Q, V) and (G,) uint64 -> (first, second, bits), each
    (M,), in order of first and bits. Of V hashes of one picture the nearest counts.

    keys      (Q,) and (G,) int: only pairs with equal keys (`equal`) or with other ones
    most_each keep only so many of each first, the nearest
    """
    found: list[np.ndarray] = []
    rows = max(1, _BLOCK // max(1, len(b)))
    for start in range(0, len(a), rows):
        part = a[start : start + rows]
        bits = np.full((len(part), len(b)), 65, dtype=np.uint8)
        for version in part.T:
            np.minimum(bits, np.bitwise_count(version[:, None] ^ b[None, :]), out=bits)
        good = bits <= reach
        if keys is not None:
            good &= (keys[0][start : start + rows, None] == keys[1][None, :]) == equal
        i, j = np.nonzero(good)
        d = bits[i, j].astype(np.int64)
        order = np.lexsort((j, d, i))
        i, j, d = i[order], j[order], d[order]
        if most_each is not None:
            rank = np.arange(len(i)) - np.searchsorted(i, i)
            i, j, d = i[rank < most_each], j[rank < most_each], d[rank < most_each]
        found.append(np.stack([i + start, j, d]))
    first, second, bits_ = np.concatenate(found, axis=1) if found else np.empty((3, 0), dtype=np.int64)
    return first, second, bits_


def near(
    a: Prints, b: Prints, keys: tuple[np.ndarray, np.ndarray] | None = None, equal: bool = False, alike: float = ALIKE
) -> Near:
    """Pairs of near copies between two sets printed from pictures of one size; keys as for `within`.

    A picture is no copy of itself: where `a is b`, pairs of one index are left out, and each pair comes both ways.
    """
    i, j, _ = within(a.hashes, b.hashes[:, 0], REACH, keys, equal, MOST_EACH + (a is b))
    if a is b:  # each pair is looked at once
        once = np.unique(np.minimum(i, j)[i != j] * len(b) + np.maximum(i, j)[i != j])
        i, j = once // max(1, len(b)), once % max(1, len(b))
    if a.step > 1:  # small pictures change too much by one pixel
        rough = np.einsum("mp,mp->m", a.coarse[i], b.coarse[j]) >= ROUGHLY
        i, j = i[rough], j[rough]
    found = likeness(a, b, i, j)
    if a is b:
        i, j, found = np.concatenate([i, j]), np.concatenate([j, i]), np.concatenate([found, found])
    keep = np.flatnonzero(found >= alike)
    keep = keep[np.argsort(-found[keep], kind="stable")]
    return Near(i[keep], j[keep], found[keep])


def likeness(a: Prints, b: Prints, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The correlation of the pixels of pairs, (M,) and (M,) indices -> (M,) in -1..1, at the best displacement.

    Both are slightly blurred, so that half a pixel aside costs little. A picture of one value is like nothing: 0.
    """
    found = np.zeros(len(first))
    size = max(1, _PIXELS // max(1, a.small[0].size if len(a) else 1))
    for start in range(0, len(first), size):
        part = slice(start, start + size)
        found[part] = _agreement(_blurred(a.small[first[part]]), _blurred(b.small[second[part]]), a.step)
    return found


def _agreement(a: np.ndarray, b: np.ndarray, step: int) -> np.ndarray:
    """(M, h, w) and (M, h, w) -> (M,): the inside of `a` against `b` moved by up to `step` pixels each way."""
    height, width = a.shape[1] - 2 * step, a.shape[2] - 2 * step
    inside = _standard(a[:, step : step + height, step : step + width])
    best = np.full(len(a), -1.0)
    for down, right in product(range(2 * step + 1), repeat=2):
        other = _standard(b[:, down : down + height, right : right + width])
        best = np.maximum(best, np.einsum("mp,mp->m", inside, other))
    return best


def _standard(pictures: np.ndarray) -> np.ndarray:
    """(M, h, w) -> (M, h w) of mean 0 and length 1; all 0 where there is nothing but one value."""
    flat: np.ndarray = pictures.reshape(len(pictures), int(np.prod(pictures.shape[1:])))
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("mp,mp->m", flat, flat))[:, None]
    scale = np.where(length > np.sqrt(flat.shape[1]), 1 / np.maximum(length, 1e-6), 0).astype(np.float32)
    found: np.ndarray = flat * scale
    return found


def _blurred(pictures: np.ndarray) -> np.ndarray:
    """(M, h, w) uint8 -> float32, each pixel mixed with its neighbours, 1 2 1 both ways; the rim falls away."""
    p: np.ndarray = pictures.astype(np.float32)
    p = (p[:, :-2] + 2 * p[:, 1:-1] + p[:, 2:]) / 4
    return (p[:, :, :-2] + 2 * p[:, :, 1:-1] + p[:, :, 2:]) / 4
