"""What a shortcut could live on, as numbers of each picture: its border, and its brightness, size and place."""

from __future__ import annotations

import numpy as np

from siamese_core.modalities.fitting import channels, resize

FRAME = 1 / 16  # of a side: how wide the border is
_SIDE, _DEPTH = 16, 32  # of a border: pixels it is shrunk to, numbers kept of it
_INK = 48  # grey values from the paper at which ink begins


def border(pixels: np.ndarray, polarity: str) -> np.ndarray:
    """(N, C, H, W) uint8 -> (N, F) float64: the border's pixels, shrunk; the inside is covered."""
    small = resize(channels(framed(pixels, polarity), pixels.shape[1]), _SIDE, _SIDE).reshape(len(pixels), -1)
    return small.astype(np.float64)


def framed(pixels: np.ndarray, polarity: str) -> np.ndarray:
    """(N, C, H, W) uint8 with the inside covered: paper for ink, grey for photos; a border of 1/16 of a side stays."""
    height, width = pixels.shape[2:]
    down, right = max(1, round(height * FRAME)), max(1, round(width * FRAME))
    found = pixels.copy()
    found[:, :, down : height - down, right : width - right] = 0 if polarity == "ink" else 128
    return found


def statistics(pixels: np.ndarray, polarity: str) -> np.ndarray:
    """(N, C, H, W) uint8 -> (N, C + 7) float64: brightness of each channel, spread, and of what differs from the
    border's median: its share, where it begins and ends (top, bottom, left, right) and its aspect (log)."""
    n, _, height, width = pixels.shape
    found = np.zeros((n, pixels.shape[1] + 7))
    step = max(1, 2**24 // max(1, pixels[0].size if n else 1))
    for start in range(0, n, step):
        part = pixels[start : start + step]
        grey = channels(part, 1)[:, 0].astype(np.float32)
        rim = np.concatenate([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], axis=1)
        ink = np.abs(grey - np.median(rim, axis=1)[:, None, None]) > _INK
        top, bottom = _ends(ink.any(axis=2))
        left, right = _ends(ink.any(axis=1))
        aspect = np.log((bottom - top + 1 / height) / (right - left + 1 / width))
        columns = [grey.std(axis=(1, 2)), ink.mean(axis=(1, 2)), top, bottom, left, right, aspect]
        found[start : start + step] = np.concatenate([part.mean(axis=(2, 3)), np.stack(columns, axis=1)], axis=1)
    return found


def _ends(marked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, L) bool -> where the marks begin and end, as shares of L; the middle where there is none."""
    length = marked.shape[1]
    first, last = marked.argmax(axis=1) / length, 1 - marked[:, ::-1].argmax(axis=1) / length
    none = ~marked.any(axis=1)
    return np.where(none, 0.5, first), np.where(none, 0.5, last)


def whitened(features: np.ndarray, known: np.ndarray | None, labels: np.ndarray | None) -> np.ndarray:
    """(N, F) -> (N, D), in which what parts the classes of `known` (M, F) counts, in the measure of what
    differs within them; plain standard scores
    without it."""
    if known is None or labels is None or known.shape[1] != features.shape[1]:
        spread = features.std(axis=0)
        found: np.ndarray = (features - features.mean(axis=0)) / np.where(spread > 1e-9, spread, np.inf)
        return found
    middle, spread = known.mean(axis=0), known.std(axis=0)
    spread = np.where(spread > 1e-9, spread, max(1e-9, float(spread.max(initial=0.0))))
    x, y = (known - middle) / spread, (features - middle) / spread
    if x.shape[1] > _DEPTH:  # the directions in which pictures differ most
        _, axes = np.linalg.eigh(x.T @ x)
        axes = axes[:, -_DEPTH:]
        x, y = x @ axes, y @ axes
    classes, own = np.unique(labels, return_inverse=True)
    means = np.zeros((len(classes), x.shape[1]))
    np.add.at(means, own, x)
    inside = x - (means / np.bincount(own)[:, None])[own]
    scatter = inside.T @ inside / max(1, len(x))
    scatter += (0.05 * np.trace(scatter) / len(scatter) + 1e-9) * np.eye(len(scatter))
    values, vectors = np.linalg.eigh(scatter)
    axes = vectors / np.sqrt(values)
    centres = (means / np.bincount(own)[:, None]) @ axes
    centres -= centres.mean(axis=0)
    between, turned = np.linalg.eigh(centres.T @ centres / len(centres))
    between = between.clip(0)
    found = y @ (axes @ turned * (between / (1 + between)))  # directions that part no classes fall away
    return found
