"""Glyphs: invented alphabets drawn by invented hands; offline, seeded, as many as wanted.

A hand (a maker within one alphabet) has its slant, proportions, pen, and how far its lines stray; it
keeps them over all the characters of the alphabet, and draws each with slips of its own.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from siamese_core.datasets import glyph_pen
from siamese_core.datasets.glyph_alphabets import invent
from siamese_core.datasets.glyph_paths import Characters, Paths, walk
from siamese_core.errors import DataError
from siamese_core.modalities.fitting import resize
from siamese_core.modalities.image import ImageItems, Progress
from siamese_core.types import InputSpec, LabelledSet

_SCAN = 32  # the bitmap of a scan, of which 4 x 4 dots make one of 8 x 8 values
_CHUNK = 500  # pictures drawn at once
_SAMPLES = 16  # points on a piece of a stroke
_SPACING = 0.55  # pixels between the points that the pen draws


def load(root: Path | None = None, progress: Progress | None = None) -> LabelledSet:
    """10 alphabets of 20 characters by 20 hands, 28 x 28; `root` is not needed."""
    return glyphs(progress=progress)


def glyphs(
    classes: int = 200,
    hands: int = 20,
    size: int = 28,
    seed: int = 0,
    alphabets: int = 10,
    style: str = "pen",
    *,
    progress: Progress | None = None,
) -> LabelledSet:
    """`classes` invented characters of `alphabets` alphabets, each drawn by `hands` people, size x size.

    style    "pen": a fine pen on paper, anti-aliased, characters of their own size and place.
             "scan": as scikit-learn's digits were made: a thick pen, the character scaled to fill a
             32 x 32 bitmap, counted in blocks of 4 x 4 to 8 x 8 values (then resized when size is not 8)

    The same arguments give the same pictures. Raises DataError for sizes that make no set.
    """
    alphabets = min(alphabets, classes)
    if alphabets < 1 or hands < 1 or not 8 <= size <= 256 or style not in ("pen", "scan"):
        raise DataError(
            "Glyphs need at least one class, alphabet and hand, a size of 8 to 256 pixels, and the style pen or scan."
        )
    each = [classes // alphabets + (a < classes % alphabets) for a in range(alphabets)]
    parts, names = [], []
    for a, count in enumerate(each):
        made = invent(count, np.random.default_rng([seed, a, 0]))
        parts.append(_drawn(made, hands, size, style, np.random.default_rng([seed, a, 1])))
        names += [f"alphabet{a + 1:02d}/character{c + 1:02d}" for c in range(count)]
        if progress:
            progress("Drawing glyphs", (a + 1) / alphabets)
    return LabelledSet(
        name="glyphs",
        items=ImageItems(np.concatenate(parts)[:, None], InputSpec(1, size, size, "ink")),
        labels=np.repeat(np.arange(classes), hands),
        class_names=tuple(names),
        class_groups=np.repeat(np.arange(alphabets), each),
        group_names=tuple(f"alphabet{a + 1:02d}" for a in range(alphabets)),
        makers=np.tile(np.arange(hands), classes),
        about=f"Glyphs: {classes:,} invented characters of {alphabets} invented alphabets, each drawn by {hands} "
        f"simulated hands (made by this program with seed {seed}; free of rights).",
    )


def _drawn(made: Characters, hands: int, size: int, style: str, rng: np.random.Generator) -> np.ndarray:
    """(characters * hands, size, size) uint8, hand by hand within each character."""
    count = len(made.heading)
    maker = _makers(hands, rng)
    low, high = walk(made, 8).boxes()
    if style == "scan":
        made = made.quarter_turned((high - low)[:, 0] > 1.25 * (high - low)[:, 1])
    extent = (high - low).max(axis=1)
    written = _by_hands(made, maker, rng)
    out = []
    for start in range(0, count * hands, _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, count * hands))
        hand = {name: value[rows % hands] for name, value in maker.items()}
        paths = walk(written.rows(rows), _SAMPLES if size <= 64 else 2 * _SAMPLES)
        _shape(paths, hand)
        _sway(paths, hand["stray"], rng)
        side = _SCAN if style == "scan" else size
        fit = _fit_scan if style == "scan" else _fit_page
        radius = fit(paths, side, hand, extent[rows // hands], rng)
        gap = glyph_pen.distances(*_filled(paths), len(rows), side, float(radius.max()) + 0.5)
        out.append(_scanned(gap, radius, size) if style == "scan" else glyph_pen.soft(gap, radius))
    return np.concatenate(out)


def _makers(hands: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What each hand keeps to: (hands,) each."""
    return {
        "stray": rng.uniform(0.5, 1.5, hands),
        "slant": rng.normal(0.0, 0.10, hands),
        "turn": rng.normal(0.0, 0.05, hands),
        "wide": np.exp(rng.normal(0.0, 0.13, hands)),
        "large": np.exp(rng.normal(0.0, 0.12, hands)),
        "bend": np.exp(rng.normal(0.0, 0.10, hands)),
        "round": rng.uniform(0.0, 1.0, hands),
        "pen": rng.uniform(0.0, 1.0, hands),
    }


def _by_hands(made: Characters, maker: dict[str, np.ndarray], rng: np.random.Generator) -> Characters:
    """C characters -> C * hands of them, each with the slips of a hand."""
    hands = len(maker["stray"])
    count = len(made.heading)
    every = replace(made, **{name: np.repeat(value, hands, axis=0) for name, value in vars(made).items()})
    stray = np.tile(maker["stray"], count)
    s2, s3 = stray[:, None], stray[:, None, None]
    shape = every.turn.shape
    every.bend = every.bend * np.tile(maker["bend"], count)[:, None, None] ** (np.abs(every.bend) < 5)
    every.bend = every.bend * (1 + 0.09 * s3 * rng.standard_normal(shape)) + 0.10 * s3 * rng.standard_normal(shape)
    every.turn = every.turn + 0.13 * s3 * rng.standard_normal(shape) * (every.turn != 0)
    every.length = every.length * np.exp(0.13 * s3 * rng.standard_normal(shape))
    every.heading = every.heading + 0.09 * s2 * rng.standard_normal(shape[:2])
    every.offset = every.offset + 0.028 * s3 * rng.standard_normal(every.offset.shape)
    middle = (every.there > 0) & (every.there < 1)
    every.there = (every.there + 0.05 * s2 * rng.standard_normal(shape[:2]) * middle).clip(0, 1)
    across = (every.here > 0) & (every.here < 1)
    every.here = (every.here + 0.06 * s2 * rng.standard_normal(shape[:2]) * across).clip(0, 1)
    every.offset[:, 0] = 0
    return every


def _shape(paths: Paths, hand: dict[str, np.ndarray]) -> None:
    """Each hand's slant, proportions and turn of the paper; corners rounded by hands that do so."""
    points, stroke, which = paths.points, paths.stroke, paths.character
    inner = np.flatnonzero((stroke[:-2] == stroke[1:-1]) & (stroke[1:-1] == stroke[2:])) + 1
    for _ in range(2):
        mean = (points[inner - 1] + points[inner] + points[inner + 1]) / 3
        points[inner] += hand["round"][which[inner], None] * (mean - points[inner])
    cos, sin, wide = np.cos(hand["turn"]), np.sin(hand["turn"]), np.sqrt(hand["wide"])
    x, y = points.T.copy()
    points[:, 0] = (cos * wide)[which] * x - (sin + hand["slant"])[which] * y
    points[:, 1] = (sin * wide)[which] * x + (cos / wide)[which] * y


def _sway(paths: Paths, stray: np.ndarray, rng: np.random.Generator) -> None:
    """A smooth warp of the plane, another in every picture: three slow waves."""
    which, n = paths.character, len(stray)
    start = paths.points.copy()
    for _ in range(3):
        angle, phase = rng.uniform(0, 2 * np.pi, (2, n))
        rate = rng.uniform(2.0, 7.0, n)
        push = 0.09 * (stray / rate)[:, None] * rng.standard_normal((n, 2))
        along = (rate * np.cos(angle))[which] * start[:, 0] + (rate * np.sin(angle))[which] * start[:, 1]
        paths.points += np.sin(along + phase[which])[:, None] * push[which]


def _fit_page(
    paths: Paths, side: int, hand: dict[str, np.ndarray], extent: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Character heights -> pixels of a page, in place; the pen's radius (N,) in pixels."""
    n = len(extent)
    low, high = paths.boxes()
    radius = np.maximum(side * (0.0145 + 0.007 * hand["pen"]) + 0.05, 0.45)
    natural = 0.68 * side * hand["large"] * np.exp(rng.normal(0, 0.05, n)) * extent.clip(0.55, 1.0) / extent
    scale = np.minimum(natural, (side - 2 * radius - 1) / (high - low).max(axis=1))[:, None]
    slack = np.maximum(side - (high - low) * scale - 2 * radius[:, None] - 1, 0) / 2
    centre = side / 2 + np.clip(rng.normal(0, 0.05 * side, (n, 2)), -slack, slack)
    which = paths.character
    paths.points[:] = (paths.points - ((high + low) / 2)[which]) * scale[which] + centre[which]
    return radius


def _fit_scan(
    paths: Paths, side: int, hand: dict[str, np.ndarray], extent: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Character heights -> dots of a bitmap that the character fills, in place; the pen's radius (N,)."""
    low, high = paths.boxes()
    radius = 1.9 + 1.1 * hand["pen"] + rng.normal(0, 0.1, len(extent))
    room = side - 2 * radius + 0.5
    box = (high - low).clip(0.3 * (high - low).max(axis=1, keepdims=True))
    tall = room / box[:, 1]
    scale = np.stack([np.minimum(tall, (0.58 + 0.1 * hand["pen"]) * room / box[:, 0]), tall], axis=1)
    which = paths.character
    paths.points[:] = (paths.points - ((high + low) / 2)[which]) * scale[which] + side / 2
    return radius


def _filled(paths: Paths) -> tuple[np.ndarray, np.ndarray]:
    """Points in pixels -> points at most about half a pixel apart, and the picture of each."""
    same = np.flatnonzero(paths.stroke[:-1] == paths.stroke[1:])
    first, step = paths.points[same], paths.points[same + 1] - paths.points[same]
    parts = np.ceil(np.sqrt((step**2).sum(axis=1)) / _SPACING).astype(np.int64).clip(1)
    along = (np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)) / np.repeat(parts, parts)
    ends = np.flatnonzero(np.diff(paths.stroke, append=-1))
    points = np.concatenate(
        [np.repeat(first, parts, 0) + along[:, None] * np.repeat(step, parts, 0), paths.points[ends]]
    )
    return points, np.concatenate([np.repeat(paths.character[same], parts), paths.character[ends]])


def _scanned(gap: np.ndarray, radius: np.ndarray, size: int) -> np.ndarray:
    """Bitmaps (N, 32, 32) -> counts 0..16 of 4 x 4 blocks, scaled to 0..255, (N, size, size)."""
    dots = glyph_pen.hard(gap, radius).reshape(-1, 8, 4, 8, 4)
    values = np.rint(dots.sum(axis=(2, 4)) * (255 / 16)).astype(np.uint8)
    return resize(values[:, None], size, size)[:, 0]
