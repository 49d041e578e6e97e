"""Charts as inline SVG: lines, bands, bars and points on two axes, and grids of numbers. No chart library.

Words and axes take the colour of the text around them, so that a chart is readable on a light page, a dark one and
paper. Every chart says what it is to a screen reader. Nothing is thinned here: give as many points as are worth
drawing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from statistics import NormalDist

import numpy as np

# The same things have the same colours everywhere (Okabe and Ito 2008, readable for the colour-blind).
NETWORK, SAME, DIFFERENT, BASELINE = "#0072B2", "#009E73", "#D55E00", "#7A8793"

WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 22, 10, 44
LETTER = 6.2  # about how wide a letter of a chart's words is
LINE = 17  # between two rows of words
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
RATES = (0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95, 0.99, 0.999)  # ticks on normal-deviate axes


@dataclass(frozen=True)
class Axis:
    """One axis: what it shows with its unit, its ends, and ticks (where, what is written there)."""

    label: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def place(self, values: np.ndarray | float, length: float) -> np.ndarray:
        """Where values lie on an axis so long, from its low end."""
        return np.asarray((np.asarray(values, dtype=np.float64) - self.low) / (self.high - self.low) * length)


@dataclass(frozen=True, eq=False)
class Line:
    """A curve through (M,) points; dashed for what is not the network's."""

    name: str
    x: np.ndarray
    y: np.ndarray
    colour: str = NETWORK
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class Band:
    """An interval along a curve: (M,) points, between `low` and `high`."""

    name: str
    x: np.ndarray
    low: np.ndarray
    high: np.ndarray
    colour: str = NETWORK


@dataclass(frozen=True, eq=False)
class Bars:
    """A histogram: (n + 1,) edges and (n,) heights; several may lie over each other."""

    name: str
    edges: np.ndarray
    heights: np.ndarray
    colour: str = NETWORK


@dataclass(frozen=True, eq=False)
class Points:
    """(M,) marks; `words` stands beside the last one."""

    name: str
    x: np.ndarray
    y: np.ndarray
    colour: str = NETWORK
    words: str = ""


@dataclass(frozen=True)
class Rule:
    """An upright dashed line across the chart, its words beside it."""

    x: float
    words: str


@dataclass(frozen=True)
class Cell:
    """One cell of a grid: a large and a small line of words, and how strong its colour is, 0 to 1."""

    text: str
    small: str = ""
    strength: float = 0.0
    colour: str = NETWORK


Part = Line | Band | Bars | Points | Rule


def words(text: object) -> str:
    """Any text as it may stand in XML, in an attribute too: escaped, and without what XML cannot hold."""
    return escape(NOT_XML.sub("\ufffd", str(text)), quote=True)


def number(value: float) -> str:
    """Three significant digits, zeros kept: 0.23 -> '0.230'; whole from 100 on; a hair beside 0 is 0."""
    if abs(value) < 1e-12:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def percent(share: float) -> str:
    """0.9123 -> '91.2%'; a rate under 0.1% keeps two digits."""
    return f"{100 * share:.2g}%" if 0 < abs(share) < 0.001 else f"{100 * share:.1f}%"


def linear(label: str, low: float, high: float, percent: bool = False, ticks: int = 5) -> Axis:
    """An axis with round ticks, about so many; `percent` writes shares as percentages."""
    if not high - low > 1e-12 * max(abs(low), abs(high), 1e-300):  # nothing to stretch
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / ticks
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough * 0.999)
    places = np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1) * step
    write = (lambda v: f"{100 * v:.6g}%") if percent else (lambda v: f"{v:.6g}")
    return Axis(label, low, high, tuple((float(v), write(float(v) + 0.0)) for v in places))


def deviates(label: str, low: float, high: float) -> Axis:
    """An axis of rates on the normal-deviate scale, from rate `low` to `high`, both inside (0, 1)."""
    to = NormalDist().inv_cdf
    return Axis(label, to(low), to(high), tuple((to(r), f"{100 * r:g}%") for r in RATES if low <= r <= high))


def plot(title: str, about: str, x: Axis, y: Axis, parts: Sequence[Part]) -> str:
    """A chart of its parts, the first drawn lowest. title: its name; about: what is to be seen, for a screen reader."""
    legend, top = _legend([p for p in parts if not isinstance(p, Rule) and p.name])
    top += TOP
    wide, high = float(WIDTH - LEFT - RIGHT), float(HEIGHT - TOP - BOTTOM)
    inside: list[str] = []
    over: list[str] = []
    for part in parts:
        for where, drawn in _rule(part, x, wide, high) if isinstance(part, Rule) else _drawn(part, x, y, wide, high):
            (over if where == "over" else inside).append(drawn)
    body = (
        f"{legend}<g transform='translate({LEFT} {top})'>{_axes(x, y, wide, high)}"
        f"<svg width='{wide:g}' height='{high:g}' overflow='hidden'>{''.join(inside)}</svg>{''.join(over)}</g>"
    )
    return _svg(title, about, WIDTH, top + int(high) + BOTTOM, body)


def grid(
    title: str, about: str, columns: Sequence[str], rows: Sequence[str], cells: Sequence[Sequence[Cell | None]],
    tallest: int = 64,
) -> str:  # fmt: skip
    """A grid of numbers, R rows of C cells (a heat map, a confusion); None is a cell that there is nothing for.
    Rows are at most `tallest` high."""
    left, top = 14 + int(LETTER * max(len(r) for r in rows)), 24
    wide, high = (WIDTH - left) / len(columns), min(float(tallest), 260 / len(rows))
    body = [_text(left + wide * (i + 0.5), top - 8, c) for i, c in enumerate(columns)]
    for j, (name, row) in enumerate(zip(rows, cells, strict=True)):
        middle = top + high * (j + 0.5)
        body.append(_text(left - 8, middle + 4, name, "end"))
        body += [_cell(c, left + wide * i, top + high * j, wide, high) for i, c in enumerate(row) if c is not None]
    bottom = top + high * len(rows)
    return _svg(title, about, WIDTH, int(bottom) + 6, "".join(body))


def _svg(title: str, about: str, width: int, height: int, body: str) -> str:
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' role='img' "
        f"aria-label='{words(f'{title}. {about}')}' font-size='12' fill='currentColor' "
        f"font-family='system-ui, sans-serif'><title>{words(title)}</title>{body}</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str = "middle", faint: bool = False) -> str:
    pale = " fill-opacity='.75'" if faint else ""
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}'{pale}>{words(text)}</text>"


def _upright(x: float, y: float, text: str) -> str:
    turned = f"transform='translate({x:.1f} {y:.1f}) rotate(-90)'"
    return f"<text {turned} text-anchor='middle' fill-opacity='.75'>{words(text)}</text>"


def _axes(x: Axis, y: Axis, wide: float, high: float) -> str:
    """Gridlines, ticks and labels; the origin is the plot's upper left corner."""
    found = []
    for value, text in x.ticks:
        at = float(x.place(value, wide))
        found += [f"<path d='M{at:.1f} 0V{high:g}' stroke='currentColor' stroke-opacity='.12'/>",
                  _text(at, high + 16, text)]  # fmt: skip
    for value, text in y.ticks:
        at = high - float(y.place(value, high))
        found += [f"<path d='M0 {at:.1f}H{wide:g}' stroke='currentColor' stroke-opacity='.12'/>",
                  _text(-7, at + 4, text, "end")]  # fmt: skip
    found.append(f"<path d='M0 0V{high:g}H{wide:g}' fill='none' stroke='currentColor' stroke-opacity='.5'/>")
    return "".join([*found, _text(wide / 2, high + 36, x.label, faint=True), _upright(-42, high / 2, y.label)])


def _drawn(part: Line | Band | Bars | Points, x: Axis, y: Axis, wide: float, high: float) -> list[tuple[str, str]]:
    """What a part looks like: ("inside" the frame or "over" it, SVG)."""

    def path(xs: np.ndarray, ys: np.ndarray) -> str:
        both = zip(x.place(xs, wide), high - y.place(ys, high), strict=True)
        return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in both)

    match part:
        case Line():
            style = "stroke-width='1.5' stroke-dasharray='5 4'" if part.dashed else "stroke-width='2'"
            d = path(part.x, part.y)
            return [("inside", f"<path d='{d}' fill='none' stroke='{part.colour}' {style} stroke-linejoin='round'/>")]
        case Band():
            d = path(np.concatenate([part.x, part.x[::-1]]), np.concatenate([part.low, part.high[::-1]]))
            return [("inside", f"<path d='{d}Z' fill='{part.colour}' fill-opacity='.22'/>")]
        case Bars():
            xs = np.repeat(part.edges, 2)
            ys = np.concatenate([[0.0], np.repeat(part.heights, 2), [0.0]])
            shape = f"fill='{part.colour}' fill-opacity='.3' stroke='{part.colour}' stroke-width='1.5'"
            return [("inside", f"<path d='{path(xs, ys)}Z' {shape}/>")]
        case Points():
            places = list(zip(x.place(part.x, wide), high - y.place(part.y, high), strict=True))
            found = [f"<circle cx='{a:.1f}' cy='{b:.1f}' r='4' fill='{part.colour}'/>" for a, b in places]
            if part.words and places:
                a, b = places[-1]
                right = a + 8 + LETTER * len(part.words) <= wide
                down = 16.0 if b < 20 else 4.0 if right and b < high - 12 else -6.0
                found.append(_text(a + (8 if right else -8), b + down, part.words, "start" if right else "end"))
            return [("over", "".join(found))]


def _rule(part: Rule, x: Axis, wide: float, high: float) -> list[tuple[str, str]]:
    at = float(x.place(part.x, wide))
    if not -0.5 <= at <= wide + 0.5:
        return []
    right = at + 6 + LETTER * len(part.words) <= wide
    line = f"<path d='M{at:.1f} 0V{high:g}' stroke='currentColor' stroke-width='1.5' stroke-dasharray='4 3'/>"
    return [("over", line + _text(at + (6 if right else -6), 12, part.words, "start" if right else "end"))]


def _legend(parts: Sequence[Line | Band | Bars | Points]) -> tuple[str, int]:
    """The names of the parts, in as many rows as they need, and how high that is."""
    if not parts:
        return "", 0
    found, x, y = [], float(LEFT), 12
    for part in parts:
        wide = 30 + LETTER * len(part.name)
        if x > LEFT and x + wide > WIDTH:
            x, y = float(LEFT), y + LINE
        found.append(_key(part, x, y) + _text(x + 22, y + 4, part.name, "start"))
        x += wide + 8
    return "".join(found), y + 4


def _key(part: Line | Band | Bars | Points, x: float, y: float) -> str:
    if isinstance(part, Line):
        dash = " stroke-dasharray='5 4'" if part.dashed else ""
        return f"<path d='M{x:g} {y}h17' stroke='{part.colour}' stroke-width='2'{dash}/>"
    if isinstance(part, Points):
        return f"<circle cx='{x + 9:g}' cy='{y}' r='4' fill='{part.colour}'/>"
    return f"<rect x='{x:g}' y='{y - 5}' width='17' height='10' fill='{part.colour}' fill-opacity='.4'/>"


def _cell(cell: Cell, x: float, y: float, wide: float, high: float) -> str:
    strength = 0.06 + 0.44 * min(max(cell.strength, 0.0), 1.0)  # words stay readable on it, on either ground
    box = f"<rect x='{x + 1.5:.1f}' y='{y + 1.5:.1f}' width='{wide - 3:.1f}' height='{high - 3:.1f}' rx='4' "
    middle = y + high / 2 + (-2 if cell.small else 5)
    text = f"<text x='{x + wide / 2:.1f}' y='{middle:.1f}' text-anchor='middle' font-size='15' font-weight='600'>"
    small = ""
    if cell.small:
        small = f"<text x='{x + wide / 2:.1f}' y='{middle + 16:.1f}' text-anchor='middle' font-size='11'>"
        small += f"{words(cell.small)}</text>"
    return f"{box}fill='{cell.colour}' fill-opacity='{strength:.2f}'/>{text}{words(cell.text)}</text>{small}"
