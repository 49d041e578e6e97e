"""Figures of what a training will be fed and of the network; numbers in, figures out, no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas  # noqa: F401 (whole, before plotly looks at it: another visitor's thread may be importing it)
import plotly.graph_objects as go

from pages.parts import theme


def class_counts(counts: Sequence[int], names: Sequence[str], height: int = 170) -> go.Figure:
    """How many pictures each class has, the largest first."""
    order = np.argsort(-np.asarray(counts), kind="stable")
    figure = go.Figure(layout=theme.layout(height, bargap=0.1 if len(order) < 60 else 0, showlegend=False))
    figure.add_bar(
        x=np.arange(len(order)) + 1, y=np.asarray(counts)[order], customdata=[names[i] for i in order],
        hovertemplate="%{customdata}: %{y}<extra></extra>", marker={"color": theme.TWIN_A, "line": {"width": 0}},
    )  # fmt: skip
    figure.update_layout(
        hovermode="closest", xaxis={"title": {"text": "classes, the largest first"}, "showticklabels": False},
        yaxis={"title": {"text": "pictures"}},
    )  # fmt: skip
    return figure


def network(entry: Sequence[int], layers: Sequence[tuple[str, Sequence[int]]], height: int = 230) -> go.Figure:
    """The twin as a row of blocks: higher for larger maps, wider for more channels.

    entry: (channels, height, width) of the two pictures; layers: (name, output shape) in order.
    """
    figure = go.Figure(layout=theme.layout(height, hovermode=False, showlegend=False, margin={"t": 4, "b": 4}))
    for word, colour, middle in (("A", theme.TWIN_A, 0.24), ("B", theme.TWIN_B, -0.24)):
        _block(figure, 0, middle, 0.17, 0.2, colour)
        figure.add_annotation(x=0, y=middle, text=f"<b>{word}</b>", showarrow=False, font={"size": 15})
        _arrow(figure, 0.2, middle, 0.62, middle / 3)
    _words(figure, 0, "two pictures", " × ".join(map(str, entry)))
    side = max(entry[1:])
    widest = max(shape[0] for _, shape in layers)
    for i, (name, shape) in enumerate(layers, start=1):
        tall = 0.42 * (shape[1] / side) ** 0.5 if len(shape) == 3 else 0.42
        wide = 0.08 + 0.2 * (shape[0] / widest) ** 0.5 if len(shape) == 3 else 0.06
        _block(figure, i, 0, wide, tall, theme.UNSURE if len(shape) == 3 else theme.SAME)
        if i > 1:
            _arrow(figure, i - 0.62, 0, i - 0.36, 0)
        _words(figure, i, name, " × ".join(map(str, shape)) + (" numbers" if len(shape) == 1 else ""))
    figure.update_layout(
        xaxis={"visible": False, "range": [-0.5, len(layers) + 0.5], "fixedrange": True},
        yaxis={"visible": False, "range": [-0.92, 0.55], "fixedrange": True},
    )
    figure.add_scatter(x=[0], y=[0], mode="markers", marker={"opacity": 0})
    return figure


def _block(figure: go.Figure, x: float, y: float, wide: float, tall: float, colour: str) -> None:
    figure.add_shape(type="rect", x0=x - wide, x1=x + wide, y0=y - tall, y1=y + tall,
                     fillcolor=theme.faded(colour, 0.3), line={"color": colour, "width": 1.5})  # fmt: skip


def _arrow(figure: go.Figure, x0: float, y0: float, x1: float, y1: float) -> None:
    figure.add_annotation(x=x1, y=y1, ax=x0, ay=y0, xref="x", yref="y", axref="x", ayref="y", text="",
                          showarrow=True, arrowhead=2, arrowwidth=1.5, arrowcolor=theme.BASELINE)  # fmt: skip


def _words(figure: go.Figure, x: float, name: str, shape: str) -> None:
    figure.add_annotation(x=x, y=-0.6, text=f"<b>{name}</b><br>{shape}", showarrow=False, yanchor="top",
                          font={"size": 12})  # fmt: skip
