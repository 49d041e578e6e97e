"""Invented alphabets: characters put together from a few strokes, as people's scripts are.

A stroke is a turtle's path of one to four pieces: turn on the spot, then walk so far while bending so
much. An alphabet has a style and a small library of strokes made in that style; a character joins one
to four of them at their ends, middles or crossings. (The idea that characters are compositions of
shared primitives is that of Lake et al. 2015; nothing here is fitted to their data.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from siamese_core.datasets.glyph_paths import STROKES, Characters, walk

_SAMPLES = 12  # points a piece when shapes are compared
_CLOUD = 48  # points a character when shapes are compared
_DISTINCT = 0.115  # least chamfer distance between two characters of an alphabet, in character heights


Piece = tuple[float, float, float]  # turn (degrees), length, bend (degrees)


def _program(kind: str, rng: np.random.Generator, curvy: float) -> list[Piece]:
    """One stroke of a kind, about 1 long."""
    side = float(rng.choice([-1.0, 1.0]))
    soft = side * float(rng.uniform(10, 60)) if rng.random() < curvy * 0.5 else 0.0
    part = float(rng.uniform(0.4, 0.65))
    if kind == "line":
        return [(0, 1.0, soft)]
    if kind == "arc":
        return [(0, 1.25, side * float(rng.choice([80, 120, 180, 230])))]
    if kind == "hook":
        return [(0, 0.75, soft * 0.4), (0, float(rng.uniform(0.35, 0.6)), side * float(rng.uniform(130, 200)))]
    if kind == "corner":
        sharp = side * float(rng.choice([60, 90, 90, 120, 140]))
        return [(0, 1.3 * part, soft), (sharp, 1.3 * (1 - part), -soft if rng.random() < 0.5 else 0.0)]
    if kind == "zigzag":
        sharp = float(rng.choice([70, 90, 110, 130]))
        return [(0, 0.55, 0), (side * sharp, 0.55, 0), (-side * sharp, 0.55, soft)]
    if kind == "step":
        return [(0, 0.5, 0), (side * 90, 0.4, 0), (-side * 90, 0.5, 0)]
    if kind == "bracket":
        return [(0, 0.4, 0), (side * 90, 0.7, 0), (side * 90, 0.4, 0)]
    if kind == "wave":
        b = float(rng.uniform(110, 190))
        return [(0, 0.75, side * b), (0, 0.75, -side * b)]
    if kind == "waves":
        b = float(rng.uniform(150, 190))
        return [(0, 0.5, side * b), (0, 0.5, -side * b), (0, 0.5, side * b)]
    if kind == "arches":
        return [(0, 0.65, side * 180), (-side * 180, 0.65, side * 180)]
    if kind == "loop":
        return [(0, float(rng.uniform(1.2, 2.0)), side * 360)]
    if kind == "lollipop":
        return [(0, 0.55, soft), (0, 1.1, side * float(rng.uniform(300, 360)))]
    if kind == "pretzel":
        return [(0, 0.5, -side * 40), (0, 0.8, side * 280), (0, 0.5, -side * 40)]
    if kind == "curl":
        return [(0, 1.0, side * 190), (0, 0.5, side * float(rng.uniform(150, 230)))]
    if kind == "triangle":
        return [(0, 0.7, 0), (side * 120, 0.7, 0), (side * 120, 0.7, 0)]
    if kind == "box":
        wide = float(rng.uniform(0.4, 0.7))
        return [(0, wide, 0), (side * 90, 0.55, 0), (side * 90, wide, 0), (side * 90, 0.55, 0)]
    return [(0, 0.10, side * 300)]  # a dot


_STRAIGHT = ("line", "line", "line", "corner", "corner", "zigzag", "step", "bracket", "triangle", "box")
_CURVED = ("arc", "arc", "arc", "hook", "hook", "wave", "waves", "arches", "loop", "lollipop", "pretzel", "curl")


@dataclass
class _Style:
    """What the characters of one alphabet have in common."""

    library: list[list[Piece]]
    often: np.ndarray  # cumulated share of each library stroke
    headings: np.ndarray  # degrees
    strokes: float  # mean number after the first
    dots: float
    doubled: float
    motif: int  # 0 none, 1 a stem, 2 a head line, 3 a base line: drawn first in most characters
    crossings: float


def _style(rng: np.random.Generator) -> _Style:
    curvy = float(rng.uniform(0.05, 0.95))
    kinds = [str(rng.choice(_CURVED if rng.random() < curvy else _STRAIGHT)) for _ in range(int(rng.integers(7, 12)))]
    kinds[0] = "arc" if rng.random() < curvy else "line"
    library = [_program(kind, rng, curvy) for kind in kinds]
    size = rng.choice([0.45, 0.7, 1.0], len(library), p=[0.25, 0.4, 0.35])
    library = [[(t, length * float(s), b) for t, length, b in p] for p, s in zip(library, size, strict=True)]
    upright = np.array([0, 90, 90, 0, 180, 270], dtype=float)
    slanted = np.array([45, 135, 60, 120, -45, 30], dtype=float)
    mix = rng.random()
    return _Style(
        library=library,
        often=np.cumsum(rng.dirichlet(np.full(len(library), 1.5))).clip(max=1.0),
        headings=np.concatenate([upright, slanted[: int(1 + mix * 5)]]),
        strokes=float(rng.uniform(0.5, 2.4)),
        dots=float(rng.choice([0.0, 0.0, 0.08, 0.25])),
        doubled=float(rng.choice([0.0, 0.1, 0.2])),
        motif=int(rng.choice([0, 0, 0, 1, 2, 3])),
        crossings=float(rng.uniform(0.1, 0.5)),
    )


def invent(count: int, rng: np.random.Generator) -> Characters:
    """An alphabet of `count` characters, no two of them alike."""
    style = _style(rng)
    kept: list[Characters] = []
    clouds = np.empty((0, _CLOUD, 2))
    rounds = 0
    while len(clouds) < count:
        rounds += 1
        some = Characters.empty(max(8, count - len(clouds)))
        for row in range(len(some.heading)):
            _compose(some, row, style, rng)
        good, points = _clouds(some)
        least = _DISTINCT * 0.9 ** max(0, rounds - 8)  # a poor style must not go on for ever
        fresh = []
        for row in (int(r) for r in np.flatnonzero(good)):
            if len(clouds) < count and (not len(clouds) or _chamfer(points[row], clouds).min() >= least):
                clouds = np.concatenate([clouds, points[row : row + 1]])
                fresh.append(row)
        kept.append(some.rows(np.array(fresh, dtype=np.int64)))
        if rounds % 6 == 0:
            style = _style(rng)
    return Characters(**{n: np.concatenate([getattr(k, n) for k in kept]) for n in vars(kept[0])})


def _compose(made: Characters, row: int, style: _Style, rng: np.random.Generator) -> None:
    """Fills one row with a character of this style."""
    filled = 0
    if style.motif and rng.random() < 0.75:
        stem = style.motif == 1
        _put(made, row, filled, [(0, 1.0 if stem else 0.8, 0)], 90.0 if stem else 0.0)
        filled += 1
    extra = min(int(rng.poisson(style.strokes)), STROKES - 2 - filled)
    for _ in range(1 + extra):
        program = style.library[int(np.searchsorted(style.often, rng.random()))]
        if rng.random() < 0.3:
            program = [(-t, length, -b) for t, length, b in program]
        _put(made, row, filled, program, _pick(rng, style.headings))
        _join(made, row, filled, style, rng)
        filled += 1
    last = filled - 1
    if filled < STROKES and rng.random() < style.doubled:
        for name in ("turn", "length", "bend", "pieces", "heading"):
            getattr(made, name)[row, filled] = getattr(made, name)[row, last]
        made.parent[row, filled] = last
        across, angle = _pick(rng, (-1.0, 1.0)) * rng.uniform(0.22, 0.4), made.heading[row, last] + np.pi / 2
        made.offset[row, filled] = across * np.cos(angle), across * np.sin(angle)
        filled += 1
    if filled < STROKES and rng.random() < style.dots:
        _put(made, row, filled, _program("dot", rng, 1.0), 0.0)
        made.parent[row, filled] = int(rng.integers(filled))
        made.there[row, filled] = _pick(rng, (0.0, 0.5, 1.0))
        angle = int(rng.integers(8)) * np.pi / 4
        made.offset[row, filled] = 0.3 * np.cos(angle), 0.3 * np.sin(angle)


def _pick(rng: np.random.Generator, values: Sequence[float] | np.ndarray) -> float:
    """One of a few values."""
    return float(values[int(rng.random() * len(values))])


def _put(made: Characters, row: int, at: int, program: list[Piece], heading: float) -> None:
    for i, (turn, length, bend) in enumerate(program):
        made.turn[row, at, i], made.bend[row, at, i] = np.radians(turn), np.radians(bend)
        made.length[row, at, i] = length
    made.pieces[row, at] = len(program)
    made.heading[row, at] = np.radians(heading)


def _join(made: Characters, row: int, at: int, style: _Style, rng: np.random.Generator) -> None:
    """Joins a stroke to an earlier one: at an end, a middle, or crossing it."""
    if at == 0:
        return
    made.parent[row, at] = int(rng.integers(at)) if rng.random() < 0.5 else at - 1
    if rng.random() < style.crossings:
        made.here[row, at] = 0.5
        made.there[row, at] = _pick(rng, (0.5, 0.3, 0.7))
    else:
        made.here[row, at] = _pick(rng, (0.0, 0.0, 0.0, 1.0))
        made.there[row, at] = _pick(rng, (0.0, 0.0, 0.5, 0.5, 1.0, 1.0, 1.0, 0.33, 0.67))


def _clouds(made: Characters) -> tuple[np.ndarray, np.ndarray]:
    """Which characters are good (C,), and points on each, (C, _CLOUD, 2), its box scaled to 1.

    Not good: too small, too wide, too much ink, or a stroke that runs along another.
    """
    paths = walk(made, _SAMPLES)
    low, high = paths.boxes()
    extent = (high - low).max(axis=1)
    good = (made.length.sum(axis=(1, 2)) <= 4.5) & (extent >= 0.45) & (extent <= 1.7)
    clouds = np.empty((len(good), _CLOUD, 2))
    for row in range(len(good)):
        mine = slice(*np.searchsorted(paths.character, [row, row + 1]))
        points, stroke = paths.points[mine], paths.stroke[mine]
        good[row] &= not _runs_along(points[::2], stroke[::2])
        points = points[np.linspace(0, len(points) - 1, _CLOUD).astype(np.int64)]
        clouds[row] = (points - (high[row] + low[row]) / 2) / extent[row]
    return good, clouds


def _runs_along(points: np.ndarray, stroke: np.ndarray) -> bool:
    """Whether more than a third of some stroke lies close to another one."""
    gap = _squares(points, points)
    near = ((gap < 0.09**2) & (stroke[:, None] != stroke[None])).any(axis=1)
    own = stroke - stroke[0]
    return bool((np.bincount(own, near) > 0.35 * np.bincount(own)).any())


def _chamfer(cloud: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(P, 2) and (K, P, 2) points -> (K,) the larger of the two mean distances to the nearest point."""
    gap = _squares(others, cloud)
    return np.maximum(np.sqrt(gap.min(axis=1)).mean(axis=1), np.sqrt(gap.min(axis=2)).mean(axis=1))


def _squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(..., P, 2) and (Q, 2) points -> (..., P, Q) squared distances."""
    return (a[..., 0, None] - b[:, 0]) ** 2 + (a[..., 1, None] - b[:, 1]) ** 2
