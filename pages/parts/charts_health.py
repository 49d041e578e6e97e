"""The health of a space as figures. No Streamlit here. The network is in the blue of twin A; plain pixels are grey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from pages.parts import charts, theme
from siamese_core.hubness import Hubness
from siamese_core.separation import Separation
from siamese_core.space_health import Health

HIGH = 210
LITTLE = 96
COMPONENTS = 64  # drawn at most
MOST_CLASSES = 12  # of a matrix
NETWORK, PIXELS = "this network", "plain pixels"
PLAIN = {"color": theme.BASELINE, "dash": "dash", "width": 2}


def numbers(health: Health) -> go.Figure:
    """How much each number of the embedding varies, the liveliest first."""
    deviations = np.sort(health.spectrum.deviations)[::-1]
    figure = go.Figure(layout=theme.layout(HIGH, showlegend=False, bargap=0, hovermode="closest"))
    figure.add_bar(
        x=np.arange(1, len(deviations) + 1), y=deviations, marker={"color": theme.TWIN_A, "line": {"width": 0}},
        hovertemplate="number %{x}: %{y:.3g}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(xaxis_title="numbers of the embedding", yaxis={"title": {"text": "deviation"}, "nticks": 4})
    return figure


def apart(found: Separation) -> go.Figure:
    """The distances of pairs of one class and of two."""
    low, high = float(found.edges[0]), float(found.edges[-1])
    bins = {"low": low, "high": high, "same": found.same, "different": found.different}
    return charts.distance_histogram(bins, low, high, HIGH)


def nearest(matrix: np.ndarray, names: Sequence[str], ink: str) -> go.Figure:
    """(C, C) counts: of each row's class, the share whose nearest neighbour is of the column's class."""
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    right = np.eye(len(names), dtype=bool)
    figure = go.Figure(layout=theme.layout(max(HIGH, 46 + 24 * len(names)), showlegend=False, hovermode="closest"))
    text = [[_percent(v) for v in row] for row in share]
    for mask, colour in ((right, theme.SAME), (~right, theme.DIFFERENT)):
        figure.add_heatmap(
            x=list(names), y=list(names), z=np.where(mask, share, np.nan), text=text, texttemplate="%{text}",
            textfont={"color": ink, "size": 11}, zmin=0, zmax=1, xgap=2, ygap=2, showscale=False, hoverongaps=False,
            colorscale=[[0, theme.faded(colour, 0.02)], [0.1, theme.faded(colour, 0.2)], [1, theme.faded(colour, 0.5)]],
            hovertemplate="%{y}, nearest is of %{x}: %{z:.1%}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        xaxis={"title": {"text": "class of the nearest neighbour"}, "type": "category", "showgrid": False},
        yaxis={"type": "category", "autorange": "reversed", "showgrid": False},
    )
    return figure


def _percent(value: float) -> str:
    return "" if value == 0 else "under 1%" if value < 0.005 else f"{value:.0%}"


def sphere(health: Health, pixels: Health | None) -> go.Figure:
    """Alignment against uniformity; the lower left corner is good. Open: classes that are points far apart."""
    figure = go.Figure(layout=theme.layout(HIGH, hovermode="closest"))
    points = [(NETWORK, health, theme.TWIN_A, "circle"), (PIXELS, pixels, theme.BASELINE, "diamond")]
    for name, of, colour, symbol in points:
        if of is not None and of.alignment is not None:
            _dot(figure, name, of.alignment.same, of.uniformity, colour, symbol)
    _dot(figure, "points far apart", 0.0, health.tight, theme.SAME, "circle-open")
    figure.update_traces(hovertemplate="alignment %{x:.2f}, uniformity %{y:.2f}")
    far = max(trace.x[0] for trace in figure.data) or 1.0
    figure.update_layout(
        xaxis={"title": {"text": "alignment"}, "range": [-0.06 * far, 1.1 * far]},
        yaxis={"title": {"text": "uniformity"}, "range": [min(health.tight, health.uniformity) - 0.4, 0.15]},
    )
    return figure


def _dot(figure: go.Figure, name: str, x: float, y: float, colour: str, symbol: str) -> None:
    marker = {"size": 14, "color": colour, "symbol": symbol, "line": {"width": 2.5 if "open" in symbol else 0}}
    figure.add_scatter(x=[x], y=[y], mode="markers", name=name, marker=marker)


def directions(health: Health, pixels: Health | None) -> go.Figure:
    """The share of variance that so many principal components carry together."""
    figure = go.Figure(layout=theme.layout(HIGH))
    lines = [(NETWORK, health, {"color": theme.TWIN_A, "width": 2.5}), (PIXELS, pixels, PLAIN)]
    for name, of, line in lines:
        if of is not None:
            share = np.concatenate([[0.0], np.cumsum(of.spectrum.shares)])[: COMPONENTS + 1]
            figure.add_scatter(x=np.arange(len(share)), y=share, mode="lines", name=name, line=line)
    figure.update_traces(hovertemplate="%{y:.1%}")
    figure.update_layout(
        xaxis={"title": {"text": "principal components"}},
        yaxis={"title": {"text": "variance"}, "tickformat": ".0%", "range": [0, 1.03]},
    )
    return figure


def hubs(found: Hubness, pixels: Hubness | None) -> go.Figure:
    """How many others have a picture among their nearest: the share of pictures by that number."""
    figure = go.Figure(layout=theme.layout(HIGH, bargap=0.05))
    both = [found.occurrence, *([pixels.occurrence] if pixels else [])]
    most = max(3 * found.k, int(np.ceil(max(np.quantile(o, 0.995) for o in both))))
    edges = np.arange(0, most + 2) - 0.5
    share = [np.histogram(np.clip(o, 0, most), edges)[0] / len(o) for o in both]
    figure.add_bar(x=np.arange(most + 1), y=share[0], name=NETWORK, marker={"color": theme.TWIN_A})
    if pixels:
        figure.add_scatter(x=np.arange(most + 1), y=share[1], mode="lines", name=PIXELS, line=PLAIN | {"shape": "hvh"})
    figure.update_traces(hovertemplate="%{y:.1%}")
    figure.update_layout(
        xaxis={"title": {"text": f"others that have it among their {found.k} nearest"}},
        yaxis={"title": {"text": "pictures"}, "tickformat": "~%", "nticks": 4},
    )
    return figure


def over_epochs(epochs: np.ndarray, lines: Mapping[str, np.ndarray], rate: bool = False) -> go.Figure:
    """Figures over the epochs, small; 0 is before training."""
    many = len(lines) > 1
    figure = go.Figure(
        layout=theme.layout(LITTLE + 30 * many, showlegend=many, margin={"t": 30 if many else 8, "b": 4})
    )
    for i, (name, values) in enumerate(lines.items()):
        figure.add_scatter(
            x=epochs, y=values, mode="lines+markers", name=name, marker={"size": 5},
            line={"color": theme.colour_of(i), "width": 2}, hovertemplate="%{y:.1%}" if rate else "%{y:.3g}",
        )  # fmt: skip
    figure.update_layout(xaxis={"nticks": 8}, yaxis={"nticks": 3})
    if rate:
        figure.update_layout(yaxis={"tickformat": "~%", "rangemode": "tozero"})
    return figure
