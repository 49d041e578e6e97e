"""A finished map as a file: a table (.csv), or a page of its own (.html) with inline SVG.

The page needs nothing from elsewhere: no script, no font, no chart library. Its colours follow Okabe
and Ito (2008), readable for the colour-blind; more than eight classes differ by shape as well.
"""

from __future__ import annotations

import csv
import io
from html import escape
from pathlib import Path

import numpy as np

from siamese_core.errors import ConfigError, DataError
from siamese_core.files import write_atomic

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#B8A800", "#6B6B6B")
SHAPES = ("circle", "square", "triangle", "diamond", "bow")
SIZE, EDGE, LEGEND_ROWS = 760, 24, 60

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 24px; background: #fff; color: #1a1a1a; }}
main {{ display: flex; gap: 24px; flex-wrap: wrap; align-items: flex-start; }}
svg.map {{ width: min(100%, {size}px); border: 1px solid #8884; border-radius: 6px; }}
svg.map g > * {{ opacity: .8; }} svg.map g > *:hover {{ opacity: 1; stroke: currentColor; stroke-width: 1.5; }}
ul {{ list-style: none; margin: 0; padding: 0; columns: 2; max-width: 34em; font-size: 13px; }}
li svg {{ width: 12px; height: 12px; vertical-align: -1px; margin-right: 6px; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #14171a; color: #e8e8e8; }} }}
</style></head><body>
<h1>{title}</h1>
<p>{points} points, {classes} classes. Near points are alike to the network; distances between far
clusters mean little. Point at a mark to read its class.{belief}</p>
<main><svg class="map" viewBox="0 0 {size} {size}" role="img" aria-label="{title}">
{marks}
</svg><ul>{legend}</ul></main>
</body></html>
"""


def check(path: Path) -> str:
    """The kind of file, 'csv' or 'html', by its ending. Raises ConfigError for another ending, or when
    the folder it should go into is not there."""
    kind = path.suffix.lower().lstrip(".")
    if kind not in ("csv", "html"):
        raise ConfigError(f"A map is written as .csv or .html, not as '{path.name}'; change the file's ending.")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"There is no folder {path.absolute().parent} to write {path.name} into; make it first.")
    return kind


def write(path: Path, found: dict[str, np.ndarray], title: str) -> None:
    """Write a map as `map_jobs.result` gives it. Raises ConfigError as `check` does, DataError when the
    file cannot be written."""
    text = to_csv(found) if check(path) == "csv" else to_html(found, title)
    try:
        write_atomic(path, text.encode("utf-8", "replace"))
    except OSError as e:
        raise DataError(f"{path} cannot be written: {e.strerror or e}.") from None


def to_csv(found: dict[str, np.ndarray]) -> str:
    """One row a point: index into the data set, item ("class #3": the third of its class here), label, x, y (and z in
    3-D), and the point's error (0 to 1, empty where it was not measured)."""
    names = [str(n) for n in found["class_names"]]
    axes = [name for name in ("x", "y", "z") if name in found]
    error = found.get("error", np.full(len(found["x"]), np.nan))
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["index", "item", "label", *axes, "error"])
    places = np.column_stack([found[name] for name in axes])
    for index, item, label, at, e in zip(
        found["indices"], item_names(found), found["labels"], places, error, strict=True
    ):
        rows.writerow(
            [int(index), item, names[int(label)], *(f"{v:.6g}" for v in at), "" if np.isnan(e) else f"{e:.4g}"]
        )
    return out.getvalue()


def to_html(found: dict[str, np.ndarray], title: str) -> str:
    """The page; class names are escaped."""
    names = [str(n) for n in found["class_names"]]
    labels = found["labels"].astype(int)
    x, y = _to_page(found["x"], found["y"])
    items = item_names(found)
    present = np.unique(labels)
    place = {int(c): i for i, c in enumerate(present)}
    marks = [
        f'<g fill="{_style(place[c])[0]}">'
        + "".join(_mark(_style(place[c])[1], x[i], y[i], 5.0, items[i]) for i in np.flatnonzero(labels == c))
        + "</g>"
        for c in place
    ]
    legend = [
        f'<li><svg viewBox="-6 -6 12 12" fill="{_style(i)[0]}">{_mark(_style(i)[1], 0, 0, 5.0)}</svg>'
        f"{escape(names[c])}</li>"
        for c, i in list(place.items())[:LEGEND_ROWS]
    ]
    if len(place) > LEGEND_ROWS:
        legend.append(f"<li>and {len(place) - LEGEND_ROWS} more</li>")
    return PAGE.format(
        title=escape(title), points=f"{len(labels):,}", classes=f"{len(place):,}", size=SIZE,
        marks="\n".join(marks), legend="".join(legend), belief=_belief(found),
    )  # fmt: skip


def _belief(found: dict[str, np.ndarray]) -> str:
    """How far to believe the map, in a sentence or two, where it is known."""
    said = " This 3-D map is seen from the front." if "z" in found else ""
    if int(found.get("k", np.array(0))) > 0:
        trust, continuity = float(found["trustworthiness"]), float(found["continuity"])
        said += (f" Trustworthiness {trust:.3f} (1: no neighbours here that are none in truth), "
                 f"continuity {continuity:.3f} (1: no true neighbours torn apart).")  # fmt: skip
    return said


def item_names(found: dict[str, np.ndarray]) -> list[str]:
    """A name for every point: its class and its number within the class, from 1."""
    counted: dict[int, int] = {}
    names = []
    for label in found["labels"].astype(int):
        counted[label] = counted.get(label, 0) + 1
        names.append(f"{found['class_names'][label]} #{counted[label]}")
    return names


def _to_page(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both axes on one scale, centred; y grows upward."""
    reach = max(float(np.ptp(x)), float(np.ptp(y)), 1e-12)
    scale = (SIZE - 2 * EDGE) / reach
    middle = SIZE / 2
    return middle + (x - (x.min() + x.max()) / 2) * scale, middle - (y - (y.min() + y.max()) / 2) * scale


def _style(place: int) -> tuple[str, str]:
    return COLOURS[place % len(COLOURS)], SHAPES[place // len(COLOURS) % len(SHAPES)]


def _mark(shape: str, x: float, y: float, r: float, title: str = "") -> str:
    """One SVG mark of radius r around (x, y); `title` shows when pointed at."""
    inside = f"<title>{escape(title)}</title>" if title else ""
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:g}">{inside}</circle>'
    corners: dict[str, list[tuple[float, float]]] = {
        "square": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
        "triangle": [(0, -1), (1, 1), (-1, 1)],
        "diamond": [(0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)],
        "bow": [(-1, -1), (1, 1), (1, -1), (-1, 1)],
    }
    points = " ".join(f"{x + r * a:.1f},{y + r * b:.1f}" for a, b in corners[shape])
    return f'<polygon points="{points}">{inside}</polygon>'
