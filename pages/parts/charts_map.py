"""The map's figure: many points, readable whether there are five classes or five hundred."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas  # noqa: F401 (see charts.py)
import plotly.graph_objects as go

from pages.parts import theme

MOST_COLOURED = len(theme.PALETTE) * len(theme.SYMBOLS)


@dataclass(frozen=True)
class Colouring:
    """Which trace each point belongs to: codes (N,) index into names, -1 for the faint rest."""

    codes: np.ndarray
    names: tuple[str, ...]
    note: str = ""


def colouring(
    labels: np.ndarray,
    class_names: Sequence[str],
    class_groups: np.ndarray | None = None,
    group_names: Sequence[str] = (),
    by: str = "class",
    only: Sequence[str] = (),
) -> Colouring:
    """Who gets which colour. labels (N,) index class_names; class_groups (classes,) index group_names.

    `by` is "class" or "group"; `only` names those to colour, all others turn faint. More than 21
    classes cannot be told apart: without `only`, the first 21 (by size) are coloured.
    """
    names = list(group_names) if by == "group" and class_groups is not None else list(class_names)
    codes = class_groups[labels] if by == "group" and class_groups is not None else np.asarray(labels)
    kept = [n for n in only if n in names]
    note = ""
    if not kept:
        sizes = np.bincount(codes, minlength=len(names))
        present = [i for i in np.argsort(-sizes, kind="stable") if sizes[i]]
        if len(present) > MOST_COLOURED:
            note = f"{MOST_COLOURED} of {len(present)} are coloured; choose others by name."
        kept = [names[i] for i in sorted(present[:MOST_COLOURED])]
    table = np.full(len(names), -1)
    for new, name in enumerate(kept[:MOST_COLOURED]):
        table[names.index(name)] = new
    return Colouring(table[codes], tuple(kept[:MOST_COLOURED]), note)


def points(
    xy: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    colours: Colouring,
    chosen: int | None = None,
    neighbours: Sequence[int] = (),
    unseen: Collection[str] = (),
    ink: str = theme.UNSURE,
    height: int = 520,
) -> go.Figure:
    """The map. xy (N, 2). Every point carries its index as customdata; the chosen one has a ring, and
    lines lead from it to its true neighbours, wherever the map has put them. `unseen` classes are outlined."""
    figure = go.Figure(
        layout=theme.layout(
            height, hovermode="closest", uirevision="keep", clickmode="event+select", dragmode="pan",
            margin={"l": 0, "r": 0, "t": 8, "b": 0},
            legend={"orientation": "v", "x": 1.01, "y": 1, "yanchor": "top", "itemsizing": "constant"},
        )
    )  # fmt: skip
    size = 8 if len(xy) <= 800 else 6 if len(xy) <= 3000 else 4
    names = np.asarray(class_names, dtype=object)[labels] if len(labels) else np.empty(0, object)
    for code in (-1, *range(len(colours.names))):
        at = np.flatnonzero(colours.codes == code)
        if code == -1 and not len(at):
            continue
        marker = {"size": size, "color": theme.FAINT} if code == -1 else {
            "size": size, "color": theme.colour_of(code), "symbol": theme.symbol_of(code), "opacity": 0.85,
        }  # fmt: skip
        if code >= 0 and unseen:
            outlined = [1.0 if n in unseen else 0.0 for n in names[at]]
            marker |= {"line": {"width": outlined, "color": ink}}
        figure.add_scattergl(
            x=xy[at, 0], y=xy[at, 1], mode="markers", name="others" if code == -1 else colours.names[code],
            customdata=at, text=names[at], hovertemplate="%{text}<extra></extra>", marker=marker,
            selected={"marker": {"opacity": 0.95}}, unselected={"marker": {"opacity": 0.85}},
        )  # fmt: skip
    if chosen is not None:
        _mark(figure, xy, chosen, neighbours, size, ink)
    hidden = {"visible": False, "showgrid": False}
    figure.update_layout(xaxis=hidden, yaxis={**hidden, "scaleanchor": "x"})
    return figure


def _mark(figure: go.Figure, xy: np.ndarray, chosen: int, neighbours: Sequence[int], size: int, ink: str) -> None:
    ends = [(xy[chosen], xy[n]) for n in neighbours]
    figure.add_scattergl(
        x=[v for a, b in ends for v in (a[0], b[0], None)], y=[v for a, b in ends for v in (a[1], b[1], None)],
        mode="lines", line={"color": ink, "width": 1}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    for at, width, ring in (([*neighbours], 1.5, size + 5), ([chosen], 3, size + 10)):
        figure.add_scattergl(
            x=xy[at, 0], y=xy[at, 1], mode="markers", hoverinfo="skip", showlegend=False,
            marker={"size": ring, "symbol": "circle-open", "color": ink, "line": {"width": width}},
        )  # fmt: skip
