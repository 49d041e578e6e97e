"""The distances of many pairs as a figure. No Streamlit here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from pages.parts import charts, theme


def spread(
    edges: Sequence[float], counts: Sequence[int], same: Sequence[int], different: Sequence[int],
    threshold: float | None, height: int = 270,
) -> go.Figure:  # fmt: skip
    """How far apart pairs are. edges (n+1,), the others (n,) counts: of all pairs, and of those that are labelled.

    With labels each side is a share of its own pairs; without any, the bars count all pairs.
    """
    if threshold is not None and sum(same) + sum(different):
        return charts.distance_scale(edges, same, different, threshold, height=height)
    figure = go.Figure(layout=theme.layout(height, hovermode="closest", bargap=0, showlegend=False))
    figure.add_bar(
        x=np.add(edges[1:], edges[:-1]) / 2, y=list(counts), width=np.diff(edges),
        marker={"color": theme.faded(theme.TWIN_A, 0.6), "line": {"width": 0}},
        hovertemplate="%{y} pairs<extra></extra>",
    )  # fmt: skip
    top = max(counts, default=0) or 1
    ends = [edges[0], edges[-1], *([threshold] if threshold is not None else [])]
    low, high = min(ends), max(ends)
    pad = (high - low or 1.0) * 0.04
    if threshold is not None:
        figure.add_shape(type="line", x0=threshold, x1=threshold, y0=0, y1=top * 1.05,
                         line={"color": theme.BASELINE, "dash": "dash", "width": 2})  # fmt: skip
        side = "right" if threshold - low > 0.75 * (high - low) else "left"
        figure.add_annotation(x=threshold, y=top * 1.05, text=f"threshold {threshold:.3g}", showarrow=False,
                              xanchor=side, xshift=6 if side == "left" else -6)  # fmt: skip
    figure.update_layout(
        xaxis={"title": {"text": "distance: smaller is closer"}, "range": [low - pad, high + pad]},
        yaxis={"title": {"text": "pairs"}, "rangemode": "tozero", "tickformat": ",d", "nticks": 5},
    )
    return figure


def two_thresholds(
    edges: Sequence[float], same: Sequence[int], different: Sequence[int], fitted: float, now: float | None,
    height: int = 270,
) -> go.Figure:  # fmt: skip
    """The distances of labelled pairs with a threshold that was fitted to them and, dotted, that of now."""
    figure = charts.distance_scale(edges, same, different, fitted, height=height)
    figure.layout.annotations[0].text = f"fitted {fitted:.3g}"
    if now is None:
        return figure
    start, end = figure.layout.xaxis.range
    if now > fitted > start + 0.12 * (end - start):  # away from the other line
        figure.layout.annotations[0].update(xanchor="right", xshift=-6)
    top = float(figure.layout.yaxis.range[1])
    figure.add_shape(type="line", x0=now, x1=now, y0=0, y1=0.86 * top,
                     line={"color": theme.BASELINE, "dash": "dot", "width": 2})  # fmt: skip
    low, high = figure.layout.xaxis.range
    right = now - low > 0.75 * (high - low)
    figure.add_annotation(x=now, y=0.86 * top, text=f"now {now:.3g}", showarrow=False, yanchor="middle",
                          xanchor="right" if right else "left", xshift=-6 if right else 6)  # fmt: skip
    figure.update_layout(xaxis={"range": [min(low, now), max(high, now)]})
    return figure
