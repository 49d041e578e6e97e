"""Figures of one-shot tasks: accuracy against the number of classes and of examples, and what was called what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from pages.parts import charts_rates, theme
from siamese_core.confusion import Confusion
from siamese_core.laboratory import Cell

MOST_LABELS = 24  # characters of a class's name on an axis


def heat(cells: Sequence[Cell], ink: str) -> go.Figure:
    """Accuracy with its interval for every number of ways and shots; numbers in `ink`."""
    return charts_rates.grid(cells, ink)


def against(cells: Sequence[Cell], by: str, height: int = 330) -> go.Figure:
    """Accuracy with its 95% band against "n_way" or "k_shot": one line for each of the other, of which the smallest and
    the largest are shown, with plain pixels on the same tasks (dotted) and chance (dashed grey)."""
    other, words = ("k_shot", "shot") if by == "n_way" else ("n_way", "way")
    levels = sorted({getattr(c, other) for c in cells})
    shown = list(dict.fromkeys([levels[0], levels[len(levels) // 2], levels[-1]]))
    figure = go.Figure(layout=theme.layout(height))
    for i, level in enumerate(shown):
        of = sorted((c for c in cells if getattr(c, other) == level), key=lambda c: getattr(c, by))
        x, colour = [getattr(c, by) for c in of], theme.colour_of(i)
        figure.add_scatter(
            x=[*x, *x[::-1]], y=[*(c.high for c in of), *(c.low for c in of[::-1])], fill="toself", mode="lines",
            fillcolor=theme.faded(colour, 0.2), line={"width": 0}, hoverinfo="skip", showlegend=False,
        )  # fmt: skip
        figure.add_scatter(x=x, y=[c.accuracy for c in of], mode="lines+markers", name=f"{level}-{words}",
                           line={"color": colour, "width": 2.5}, hovertemplate="%{y:.1%}")  # fmt: skip
        figure.add_scatter(x=x, y=[c.pixels for c in of], mode="lines", name="plain pixels", showlegend=i == 0,
                           line={"color": colour, "width": 2, "dash": "dot"},
                           hovertemplate=f"%{{y:.1%}}, {level}-{words}")  # fmt: skip
        if by == "k_shot" or i == 0:
            figure.add_scatter(x=x, y=[c.chance for c in of], mode="lines", name="chance", showlegend=i == 0,
                               line={"color": theme.BASELINE, "width": 1.5, "dash": "dash"},
                               hovertemplate="%{y:.1%}")  # fmt: skip
    ticks = sorted({getattr(c, by) for c in cells})
    title = "ways: classes to choose from" if by == "n_way" else "shots: examples of each class"
    figure.update_layout(
        xaxis={"title": {"text": title}, "tickvals": ticks}, yaxis={"tickformat": ".0%", "range": [0, 1.03]},
        legend={"y": -0.22, "yanchor": "top", "font": {"size": 12}},
    )  # fmt: skip
    return figure


def confusion(found: Confusion, ink: str) -> go.Figure:
    """What was called what: rows are true, numbers are queries, a row's colour is its shares."""
    counts = found.counts.astype(float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    columns, rows = ([_short(n) for n in names] for names in (found.columns, found.rows))
    words = [[f"{true} called {columns[c]}: {int(n)}" for c, n in enumerate(counts[r])] for r, true in enumerate(rows)]
    figure = go.Figure(layout=theme.layout(110 + 30 * len(rows), showlegend=False))
    figure.add_heatmap(
        x=list(range(len(columns))), y=list(range(len(rows))), z=shares,
        text=[[str(int(n)) if n else "" for n in row] for row in counts], texttemplate="%{text}",
        textfont={"color": ink}, zmin=0, zmax=1, xgap=2, ygap=2, showscale=False,
        customdata=words,
        hovertemplate="%{customdata}<extra></extra>",
        colorscale=[[0, theme.faded(theme.TWIN_A, 0.03)], [1, theme.faded(theme.TWIN_A, 0.5)]],
    )  # fmt: skip
    figure.update_layout(
        xaxis={"showgrid": False, "side": "top", "tickvals": list(range(len(columns))), "ticktext": columns},
        yaxis={"showgrid": False, "autorange": "reversed", "tickvals": list(range(len(rows))), "ticktext": rows},
        hovermode="closest", margin={"t": 60},
    )  # fmt: skip
    return figure


def _short(name: str) -> str:
    name = name.replace("_", " ")
    return name if len(name) <= MOST_LABELS else f"…{name[1 - MOST_LABELS :]}"
