"""What the network sees of a picture: polarity, padding or cropping, antialiased resizing.

One and the same code serves whole sets and single uploads, so that an uploaded picture of the
training set is, to the pixel, the picture that was trained on.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from siamese_core.types import InputSpec

_CHUNK = 2**22  # pixels worked on at once
MARGIN = 0.04  # of paper around cropped ink, as a share of its longer side
SPECKS = 1000  # one in so many pixels of ink, at each edge, may be dirt


def ink_of(grey: np.ndarray) -> np.ndarray:
    """A grey picture (H, W) uint8 of either polarity -> (H, W) uint8 with paper 0 and ink up to 255.

    The paper is the median of the border; ink is on whichever side of it the picture reaches further.
    What is within the border's own noise is paper. A clean picture is changed in sign only; an empty
    page comes back all 0.
    """
    height, width = grey.shape
    rim = max(1, min(height, width) // 50)
    border = np.concatenate([grey[:rim].ravel(), grey[-rim:].ravel(), grey[:, :rim].ravel(), grey[:, -rim:].ravel()])
    paper = float(np.median(border))
    noise = 3.0 * float(np.median(np.abs(border - paper)))
    rank = min(8, grey.size // 1000)  # a few specks may be stronger than the ink
    flat = grey.ravel()
    low = float(np.partition(flat, rank)[rank])
    high = float(np.partition(flat, flat.size - 1 - rank)[flat.size - 1 - rank])
    dark = paper - low >= high - paper
    peak = (paper - low if dark else high - paper) - noise
    if peak < 24:
        return np.zeros_like(grey)
    signed = (paper - grey.astype(np.float32)) if dark else (grey.astype(np.float32) - paper)
    return np.rint((signed - noise) * (255.0 / peak)).clip(0, 255).astype(np.uint8)


def otsu(pixels: np.ndarray) -> int:
    """The level that best parts dark from bright: the one with the largest variance between the two sides
    (Otsu 1979). Any shape, uint8; what is above the level is bright. One level only: that level."""
    counts = np.bincount(pixels.ravel(), minlength=256).astype(np.float64)
    below = np.cumsum(counts)
    sums = np.cumsum(counts * np.arange(256))
    above, whole = below[-1] - below, sums[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (whole - sums) / above) ** 2
    between = np.where((below > 0) & (above > 0), between, -1.0)
    if between.max() < 0:
        return int(pixels.flat[0]) if pixels.size else 0
    best = np.flatnonzero(between >= between.max() * (1 - 1e-12))
    return int(best[len(best) // 2])  # the middle of an empty stretch


def ink_crop(ink: np.ndarray) -> np.ndarray:
    """Ink bright on paper 0 (H, W) uint8 -> the part that holds the ink, (h, w): what Otsu's level calls
    paper is 0, and around the ink is a margin of 4% of its longer side.

    A thousandth of the ink at each edge does not count, so that a speck does not hold the box open. An
    empty page comes back as it is.
    """
    found = ink > otsu(ink)
    total = int(found.sum())
    if not total or not ink.any():
        return ink
    clean = np.where(found, ink, 0).astype(np.uint8)
    top, bottom = _extent(found.sum(1), total)
    left, right = _extent(found.sum(0), total)
    clean = clean[top:bottom, left:right]
    return np.pad(clean, max(1, round(MARGIN * max(clean.shape))))


def _extent(counts: np.ndarray, total: int) -> tuple[int, int]:
    """First place, and one after the last, that hold ink: (n,) counts -> [first, end)."""
    below = np.cumsum(counts)
    loose = total // SPECKS
    return int(np.argmax(below > loose)), int(np.argmax(below >= total - loose)) + 1


def looks_inked(picture: np.ndarray) -> bool:
    """Whether a picture (H, W) or (H, W, 3) uint8 is ink on paper (or chalk on a board): grey, its
    border clean and even, its content mostly paper or ink with little between."""
    if picture.ndim == 3:
        return False
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]]).astype(np.int32)
    paper = int(np.median(border))
    if 32 < paper < 128 or np.mean(np.abs(border - paper) <= 24) < 0.8:
        return False
    ink = ink_of(picture)
    between = np.mean((ink > 64) & (ink < 176))
    return bool(np.mean(ink < 64) >= 0.5 and between <= 0.12 and ink.any())


def resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """(N, C, h, w) uint8 -> (N, C, height, width) uint8, triangle filter, widened when shrinking (antialiased).

    Pillow's integer arithmetic, so that every machine gets the same bytes. The filter is separable:
    many pictures are laid below each other and resized across in one call, then turned and again.
    """
    n, c, h, w = pixels.shape
    if (h, w) == (height, width):
        return pixels
    out = np.empty((n, c, height, width), dtype=np.uint8)
    step = max(1, _CHUNK // (c * h * max(w, width)))
    for start in range(0, n, step):
        part = pixels[start : start + step].reshape(-1, h, w)
        part = _across(_across(part, width).transpose(0, 2, 1), height).transpose(0, 2, 1)
        out[start : start + step] = part.reshape(-1, c, height, width)
    return out


def _across(pixels: np.ndarray, width: int) -> np.ndarray:
    """(M, h, w) uint8 -> (M, h, width)."""
    m, h, w = pixels.shape
    if w == width:
        return pixels
    tall = Image.frombuffer("L", (w, m * h), np.ascontiguousarray(pixels), "raw", "L", 0, 1)
    return np.asarray(tall.resize((width, m * h), Image.Resampling.BILINEAR)).reshape(m, h, width)


def place(pixels: np.ndarray, spec: InputSpec) -> np.ndarray:
    """(N, c, h, w) uint8 of the right polarity -> (N, C, H, W) uint8 of the spec: ink is padded with
    paper to the spec's shape, of a photo the centre is taken; then resized."""
    pixels = channels(pixels, spec.channels)
    h, w = pixels.shape[2:]
    if spec.polarity == "ink":
        tall, wide = max(h, round(w * spec.height / spec.width)), max(w, round(h * spec.width / spec.height))
        if (tall, wide) != (h, w):
            top, left = (tall - h) // 2, (wide - w) // 2
            pixels = np.pad(pixels, ((0, 0), (0, 0), (top, tall - h - top), (left, wide - w - left)))
    else:
        tall = max(1, min(h, round(w * spec.height / spec.width)))
        wide = max(1, min(w, round(h * spec.width / spec.height)))
        top, left = (h - tall) // 2, (w - wide) // 2
        pixels = pixels[:, :, top : top + tall, left : left + wide]
    return resize(pixels, spec.height, spec.width)


def channels(pixels: np.ndarray, count: int) -> np.ndarray:
    """(N, c, h, w) uint8 -> (N, count, h, w): grey to colour by repeating, colour to grey by luma
    (ITU-R 601-2 in 16-bit integers, to the bit what Pillow gives)."""
    have = pixels.shape[1]
    if have == count:
        return pixels
    if count == 3:
        return np.repeat(pixels, 3, axis=1)
    out = np.empty((len(pixels), 1, *pixels.shape[2:]), dtype=np.uint8)
    step = max(1, _CHUNK // (have * pixels.shape[2] * pixels.shape[3]))
    for start in range(0, len(pixels), step):
        red, green, blue = pixels[start : start + step].astype(np.uint32).transpose(1, 0, 2, 3)
        out[start : start + step, 0] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
    return out
