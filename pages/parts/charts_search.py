"""A search as a figure: how far a whole gallery is from the query, and where the matches shown lie in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from pages.parts import theme

BINS = 60


def distances(every: np.ndarray, shown: Sequence[float], threshold: float | None, height: int = 160) -> go.Figure:
    """Distances of the gallery from the query (G,), those of the matches that are shown as marks above the axis, and
    the threshold, up to which two pictures count as one class."""
    figure = go.Figure(layout=theme.layout(height, hovermode=False, bargap=0, showlegend=False, margin={"t": 24}))
    values = np.asarray(every, float)
    values = values[np.isfinite(values)]
    marks = [0.0 if threshold is None else threshold, *shown]
    low = float(min([*marks, *([values.min()] if len(values) else [])]))
    high = float(max([*marks, *([values.max()] if len(values) else [])]))
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    counts = np.histogram(values, edges)[0]
    figure.add_bar(
        x=(edges[1:] + edges[:-1]) / 2, y=counts, width=np.diff(edges),
        marker={"color": theme.faded(theme.UNSURE, 0.45), "line": {"width": 0}},
    )  # fmt: skip
    top = max(1.0, float(counts.max(initial=0)))
    if threshold is not None:
        figure.add_shape(type="rect", x0=low, x1=threshold, y0=0, y1=top, layer="below", line_width=0,
                         fillcolor=theme.faded(theme.SAME, 0.14))  # fmt: skip
        figure.add_shape(type="line", x0=threshold, x1=threshold, y0=0, y1=top,
                         line={"color": theme.BASELINE, "dash": "dash", "width": 2})  # fmt: skip
        right = threshold > (low + high) / 2
        figure.add_annotation(x=threshold, y=top, text=f"threshold {threshold:.3g}", showarrow=False, yanchor="bottom",
                              xanchor="right" if right else "left")  # fmt: skip
    colours = [theme.SAME if threshold is not None and d <= threshold else theme.TWIN_A for d in shown]
    figure.add_scatter(
        x=list(shown), y=[0.0] * len(shown), mode="markers",
        marker={"symbol": "triangle-up", "size": 11, "color": colours},
    )  # fmt: skip
    pad = (high - low or 1.0) * 0.03
    figure.update_layout(
        xaxis={"title": {"text": "distance: smaller is closer"}, "range": [low - pad, high + pad]},
        yaxis={"title": {"text": "pictures"}, "rangemode": "tozero", "nticks": 4, "range": [-0.06 * top, top * 1.12]},
    )
    return figure


def recall(shares: Sequence[tuple[int, float]], height: int = 260) -> go.Figure:
    """How often one of the k nearest is of the right class, by k."""
    figure = go.Figure(layout=theme.layout(height, showlegend=False))
    ks, values = [str(k) for k, _ in shares], [share for _, share in shares]
    figure.add_scatter(
        x=ks, y=values, mode="lines+markers+text", text=[f"{v:.1%}" for v in values], textposition="top center",
        line={"color": theme.TWIN_A, "width": 2.5}, marker={"size": 8}, hovertemplate="%{y:.1%}",
    )  # fmt: skip
    figure.update_layout(
        xaxis={"title": {"text": "nearest pictures looked at (k)"}, "type": "category"},
        yaxis={"tickformat": ".0%", "range": [0, 1.12], "tickvals": [0, 0.25, 0.5, 0.75, 1]},
    )
    return figure
