"""A finished map as a picture: SVG and PNG, with a legend. No chart library.

Seven colours after Okabe and Ito (2008), readable for the colour-blind, in three shapes tell 21 classes apart. Of more,
groups are coloured where the map has them; else the 21 largest, and the rest is grey. The same things have the same
colours as on the Map page. A map in 3-D is seen as it first opens there, without perspective.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from siamese_core.map_export_table import Found, item_names, shown, text
from siamese_core.svg import words

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#978B00")
SHAPES = ("circle", "diamond", "square")
GREY, INK, PAPER = "#7A8793", "#0B151C", "#FFFFFF"
MOST = len(COLOURS) * len(SHAPES)
TURN = ((0.86, 0.0, -0.5), (-0.22, 0.9, -0.38), (0.45, 0.44, 0.78))  # rows: right, up, towards the eye

SIZE, EDGE = 760, 24  # of the map itself, in pixels
LEGEND, ROW, LETTERS = 240, 22, 30  # width of the legend, height of a row, and letters that fit in one
NAMED = 5000  # points that say their name in an SVG
FAINT = 0.35  # opacity of what has no colour of its own; of the others 0.85
LEAST_OUTLINED = 2.5  # radius of marks, below which outlines would hide the colours
SCALE, FINE = 2, 2  # pixels of the PNG to one of the drawing, and dots to one of those before they are averaged
FONTS = ("DejaVuSans.ttf", "Arial Unicode.ttf", "arial.ttf", "Arial.ttf", "LiberationSans-Regular.ttf")

OUTLINES: dict[str, tuple[tuple[float, float], ...]] = {
    "diamond": ((0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)),
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
}


@dataclass(frozen=True, eq=False)
class Drawing:
    """What is drawn of M points: places (M, 2) on a page SIZE + LEGEND wide and `height` high, the row of the legend
    that each belongs to (M,), the order in which they are drawn (M,), a mark's radius, which are outlined (M,), and the
    legend: (words, colour, shape) of each row."""

    height: int
    places: np.ndarray
    rows: np.ndarray
    order: np.ndarray
    radius: float
    outlined: np.ndarray
    legend: list[tuple[str, str, str]]


def lay_out(found: Found) -> Drawing:
    """Where everything goes, of a map as `map_jobs.result` gives it."""
    codes, names, whole = _coloured(found)
    sizes = np.bincount(codes, minlength=len(names))
    there = [int(c) for c in np.argsort(-sizes, kind="stable") if sizes[c]]
    coloured = sorted(there[:MOST])
    legend = [(shown(names[c]), COLOURS[i % len(COLOURS)], SHAPES[i // len(COLOURS)]) for i, c in enumerate(coloured)]
    row_of = np.full(len(names), len(coloured))
    row_of[coloured] = np.arange(len(coloured))
    if len(there) > MOST:
        rest = len(there) - MOST
        legend.append((f"{rest:,} more {whole if rest > 1 else whole[:-1].rstrip('e')}", GREY, "circle"))
    rows = row_of[codes]
    height, places, depth = _places(found, 2 * EDGE + ROW * len(legend))
    order = np.random.default_rng(0).permutation(len(codes))  # no class lies over the others
    order = order[np.argsort(depth[order], kind="stable")]
    order = order[np.argsort(rows[order] < len(coloured), kind="stable")]  # grey ones below
    unseen = found["split"] != 0 if "split" in found else np.zeros(len(codes), bool)
    radius = float(np.clip(110 / np.sqrt(max(len(codes), 1)), 1.2, 5))
    outlined = unseen & (not unseen.all() and radius >= LEAST_OUTLINED)
    return Drawing(height, places, rows, order, radius, outlined, legend)


def to_svg(found: Found, title: str) -> str:
    """The picture as a file of its own; names are escaped, and show when pointed at where there are not too many."""
    drawing = lay_out(found)
    rows = "".join(
        _mark(shape, SIZE + EDGE, EDGE + ROW * i + 8, 6, f'fill="{colour}"')
        + f'<text x="{SIZE + EDGE + 14}" y="{EDGE + ROW * i + 13}">{words(_short(name))}</text>\n'
        for i, (name, colour, shape) in enumerate(drawing.legend)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIZE + LEGEND}" height="{drawing.height}" '
        f'viewBox="0 0 {SIZE + LEGEND} {drawing.height}" role="img" '
        'font-family="system-ui, sans-serif" font-size="14">\n'
        f"<title>{words(text(title))}</title>\n"
        f'<rect width="100%" height="100%" fill="{PAPER}"/>\n'
        f"{marks(found, drawing)}"
        f'<g fill="{INK}" fill-opacity="1">\n{rows}</g>\n</svg>\n'
    )


def marks(found: Found, drawing: Drawing) -> str:
    """The points as SVG elements; each says its name while there are at most NAMED."""
    named = len(drawing.order) <= NAMED
    items = item_names(found) if named else []
    lines = ['<g fill-opacity="0.85" stroke-width="1">']
    for i, x, y in _drawn(drawing):
        _, colour, shape = drawing.legend[drawing.rows[i]]
        style = f'fill="{colour}"' + (f' stroke="{INK}"' if drawing.outlined[i] else "")
        style += f' fill-opacity="{FAINT}"' if colour == GREY else ""
        lines.append(_mark(shape, x, y, drawing.radius, style, items[i] if named else ""))
    return "\n".join([*lines, "</g>\n"])


def to_png(found: Found) -> bytes:
    """The picture at two pixels to one of the SVG's."""
    drawing = lay_out(found)
    image = _painted(drawing)
    pen, font = ImageDraw.Draw(image), _font(14 * SCALE)
    for i, (name, _, _) in enumerate(drawing.legend):
        at = ((SIZE + EDGE + 14) * SCALE, (EDGE + ROW * i + 8) * SCALE)
        pen.text(at, _short(name), fill=INK, font=font, anchor="lm")
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _painted(drawing: Drawing) -> Image.Image:
    """Everything but the words, drawn large and averaged."""
    k = SCALE * FINE
    image = Image.new("RGB", ((SIZE + LEGEND) * k, drawing.height * k), PAPER)
    pen = ImageDraw.Draw(image, "RGBA")
    for i, x, y in _drawn(drawing):
        _, colour, shape = drawing.legend[drawing.rows[i]]
        fill = colour + ("59" if colour == GREY else "D9")
        _stamp(pen, shape, x * k, y * k, drawing.radius * k, fill, INK if drawing.outlined[i] else None, k)
    for i, (_, colour, shape) in enumerate(drawing.legend):
        _stamp(pen, shape, (SIZE + EDGE) * k, (EDGE + ROW * i + 8) * k, 6 * k, colour + "FF", None, k)
    return image.reduce(FINE)


def _coloured(found: Found) -> tuple[np.ndarray, list[str], str]:
    """What is coloured: codes (M,), their names, and what they are called. Groups, where there are more classes than
    colours."""
    labels, groups = found["labels"].astype(int), [str(n) for n in found.get("group_names", ())]
    if len(groups) > 1 and len(np.unique(labels)) > MOST and (found["groups"] >= 0).all():
        return found["groups"].astype(int), groups, "groups"
    return labels, [str(n) for n in found["class_names"]], "classes"


def _places(found: Found, least: int) -> tuple[int, np.ndarray, np.ndarray]:
    """The height of a page as high as the map needs, at least `least`; (M, 2) places on it, both axes on one scale and
    centred, y downward; and (M,) how near to the eye."""
    axes = [found[axis].astype(np.float64) for axis in ("x", "y", "z") if axis in found]
    at = np.column_stack(axes)
    depth = np.zeros(len(at))
    if len(axes) == 3:
        u = np.array(TURN[0]) / np.linalg.norm(TURN[0])
        v = np.array(TURN[1]) - (u @ TURN[1]) * u
        v /= np.linalg.norm(v)
        at, depth = at @ np.column_stack([u, v]), at @ np.cross(u, v)
    low, high = (at.min(axis=0), at.max(axis=0)) if len(at) else (np.zeros(2), np.zeros(2))
    reach = high - low
    scale = (SIZE - 2 * EDGE) / max(float(reach.max()), 1e-12)
    height = max(least, 2 * EDGE + round(float(reach[1]) * scale), SIZE // 2)
    return height, np.array([SIZE / 2, height / 2]) + (at - (low + high) / 2) * scale * np.array([1, -1]), depth


def _drawn(drawing: Drawing) -> Iterator[tuple[int, float, float]]:
    places = drawing.places.tolist()
    for i in drawing.order.tolist():
        yield i, places[i][0], places[i][1]


def _mark(shape: str, x: float, y: float, r: float, style: str, name: str = "") -> str:
    """One SVG mark of radius r around (x, y)."""
    inside = f"<title>{words(shown(name))}</title>" if name else ""
    if shape == "circle":
        tag, place = "circle", f'cx="{x:.1f}" cy="{y:.1f}" r="{r:.3g}"'
    else:
        corners = " ".join(f"{x + r * a:.1f},{y + r * b:.1f}" for a, b in OUTLINES[shape])
        tag, place = "polygon", f'points="{corners}"'
    return f"<{tag} {place} {style}>{inside}</{tag}>" if inside else f"<{tag} {place} {style}/>"


def _stamp(pen: ImageDraw.ImageDraw, shape: str, x: float, y: float, r: float, fill: str, line: str | None, wide: int
           ) -> None:  # fmt: skip
    if shape == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), fill, line, wide)
    else:
        pen.polygon([(x + r * a, y + r * b) for a, b in OUTLINES[shape]], fill, line, wide)


def _short(name: str) -> str:
    """A name that fits beside its mark, on one line."""
    name = " ".join("".join(c if c.isprintable() else " " for c in name).split()) or "(no name)"
    return name if len(name) <= LETTERS else name[: LETTERS - 1] + "…"


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font of this machine's that knows more than Latin letters, else Pillow's own."""
    for name in FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
