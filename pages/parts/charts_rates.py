"""Error rates as figures: ROC, DET, precision and recall, rates against the threshold, reliability, one-shot grid.

No Streamlit here. Each takes measured values and gives a figure of at most a few thousand points. Where two runs are
beside each other they are lines of their own; what belongs to one run only is filled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from pages.parts import charts, theme
from siamese_core import curves
from siamese_core.bootstrap import Bands
from siamese_core.evaluation import Cell, Part

POINTS = 1000  # of a curve on the screen
TICKS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)  # of normal-deviate axes
HIGH = 320

# the name of a run -> its exact rates; and a band of the other rate: FAR (G,), lowest and highest FRR (G,)
Named = Mapping[str, curves.Rates]
Band = tuple[np.ndarray, np.ndarray, np.ndarray]


def roc(of: Named, threshold: float, bands: Mapping[str, Band] | None = None) -> go.Figure:
    """How many same pairs are accepted for how many different ones; the first run's threshold is marked."""
    figure = go.Figure(layout=theme.layout(HIGH))
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="by chance", hoverinfo="skip",
        line={"color": theme.BASELINE, "dash": "dash", "width": 1.5},
    )  # fmt: skip
    for i, (name, full) in enumerate(of.items()):
        found = full.thinned(POINTS)
        if bands and name in bands:
            far, low, high = bands[name]
            _band(figure, far, 1 - high, 1 - low, theme.colour_of(i))
        _line(figure, found.far, 1 - found.frr, name, i, "%{x:.1%} of different, %{y:.1%} of same accepted")
    first = next(iter(of.values()))
    far, frr = first.at(threshold)
    _mark(figure, far, 1 - frr)
    figure.update_layout(
        xaxis=_rate("different pairs accepted (FAR)", [-0.01, 1.01]), yaxis=_rate("same pairs accepted", [-0.01, 1.02]),
        hovermode="closest", showlegend=True,
    )  # fmt: skip
    return figure


def det(of: Named, threshold: float, bands: Mapping[str, Band] | None = None) -> go.Figure:
    """Both error rates on normal-deviate axes (Martin et al. 1997): small rates have room, and normally distributed
    distances give straight lines."""
    figure = go.Figure(layout=theme.layout(HIGH))
    lowest = 0.5
    for i, (name, full) in enumerate(of.items()):
        found = full.thinned(POINTS)
        if bands and name in bands:
            far, low, high = bands[name]
            n = (full.n_different, full.n_same)
            _band(figure, curves.probit(far, n[0]), curves.probit(low, n[1]), curves.probit(high, n[1]),
                  theme.colour_of(i))  # fmt: skip
        x, y = curves.det(found)
        words = [f"FAR {a:.2%}, FRR {b:.2%}" for a, b in zip(found.far, found.frr, strict=True)]
        _line(figure, x, y, name, i, "%{text}", words)
        inside = (found.far > 0) & (found.frr > 0)
        if inside.any():
            lowest = min(lowest, float(found.far[inside].min()), float(found.frr[inside].min()))
    first = next(iter(of.values()))
    far, frr = first.at(threshold)
    x, y = curves.probit(np.array([far]), first.n_different), curves.probit(np.array([frr]), first.n_same)
    _mark(figure, float(x[0]), float(y[0]))
    low = float(curves.probit(np.array([max(lowest, TICKS[0]) * 0.8]), 10**9)[0])
    high = float(curves.probit(np.array([0.85]), 10**9)[0])
    at = curves.probit(np.array(TICKS), 10**9)
    axis = {"tickvals": at.tolist(), "ticktext": [f"{t:.3g}%" for t in 100 * np.array(TICKS)], "range": [low, high],
            "zeroline": False}  # fmt: skip
    figure.update_layout(
        xaxis={"title": {"text": "different pairs accepted (FAR)"}, **axis},
        yaxis={"title": {"text": "same pairs refused (FRR)"}, **axis},
        hovermode="closest", showlegend=len(of) > 1,
    )  # fmt: skip
    return figure


def precision_recall(of: Named) -> go.Figure:
    """Of the accepted pairs, how many are same; against how many of the same pairs are accepted."""
    figure = go.Figure(layout=theme.layout(HIGH))
    for i, (name, full) in enumerate(of.items()):
        precision, recall = curves.precision_recall(full)
        kept = curves.thin(POINTS, precision, recall)
        _line(figure, recall[kept], precision[kept], name, i, "%{y:.1%} of the accepted are same")
    first = next(iter(of.values()))
    charts.line_y(figure, first.n_same / (first.n_same + first.n_different), "by chance", left=True)
    figure.update_layout(
        xaxis=_rate("same pairs accepted (recall)", [-0.01, 1.01]), yaxis=_rate("precision", [0, 1.03]),
        hovermode="closest", showlegend=len(of) > 1,
    )  # fmt: skip
    return figure


def by_threshold(full: curves.Rates, threshold: float, bands: Bands | None = None) -> go.Figure:
    """Both error rates of one run as the threshold moves."""
    found = full.thinned(POINTS)
    figure = go.Figure(layout=theme.layout(HIGH))
    if bands is not None:
        _band(figure, bands.thresholds, bands.far_low, bands.far_high, theme.DIFFERENT)
        _band(figure, bands.thresholds, bands.frr_low, bands.frr_high, theme.SAME)
    for y, name, colour, dash in (
        (found.far, "different accepted (FAR)", theme.DIFFERENT, "solid"),
        (found.frr, "same refused (FRR)", theme.SAME, "dot"),
    ):
        figure.add_scatter(x=found.thresholds, y=y, mode="lines", name=name, hovertemplate="%{y:.1%}",
                           line={"color": colour, "width": 2.5, "shape": "hv", "dash": dash})  # fmt: skip
    low, high = (float(found.thresholds[i]) for i in (0, -1))
    left = threshold > high - charts.WORDS * (high - low)
    figure.add_vline(
        x=threshold, line={"color": theme.BASELINE, "dash": "dash", "width": 2},
        annotation={"text": f"threshold {threshold:.3g}", "y": 0.93, "xanchor": "right" if left else "left",
                    "yanchor": "middle", "xshift": -4 if left else 4},
    )  # fmt: skip
    figure.update_layout(
        xaxis={"title": {"text": "threshold on the distance"}},
        yaxis=_rate("error rate", [-0.01, 1.18]) | {"tickvals": [0, 0.2, 0.4, 0.6, 0.8, 1]},
    )
    return figure


def reliability(of: Mapping[str, curves.Reliability]) -> go.Figure:
    """The probability that was told against how often it was so; on the diagonal the two agree."""
    figure = go.Figure(layout=theme.layout(HIGH))
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="exactly right", hoverinfo="skip",
        line={"color": theme.BASELINE, "dash": "dash", "width": 1.5},
    )  # fmt: skip
    for i, (name, found) in enumerate(of.items()):
        figure.add_scatter(
            x=found.predicted, y=found.observed, mode="lines+markers", name=name,
            line={"color": theme.colour_of(i), "width": 2}, marker={"size": 8},
            text=[f"{n:,} pairs" for n in found.counts],
            hovertemplate="told %{x:.1%}, was so %{y:.1%}, %{text}",
        )  # fmt: skip
    figure.update_layout(
        xaxis=_rate("probability told", [-0.02, 1.02]), yaxis=_rate("share that was same", [-0.02, 1.02]),
        hovermode="closest",
    )  # fmt: skip
    return figure


def grid(cells: Sequence[Cell], ink: str | None = None) -> go.Figure:
    """N-way K-shot accuracy as a map of numbers, written in `ink`: on its own the figure takes the page for white."""
    ways, shots = sorted({c.n_way for c in cells}), sorted({c.k_shot for c in cells})
    value = {(c.n_way, c.k_shot): c for c in cells}
    z = [[value[n, k].accuracy if (n, k) in value else None for n in ways] for k in shots]
    text = [[_cell(value.get((n, k))) for n in ways] for k in shots]
    figure = go.Figure(layout=theme.layout(90 + 62 * len(shots), showlegend=False))
    figure.add_heatmap(
        x=[f"{n} ways" for n in ways], y=[f"{k} shot{'s' if k > 1 else ''}" for k in shots], z=z, text=text,
        texttemplate="%{text}", textfont={"color": ink}, zmin=0, zmax=1, xgap=4, ygap=4, showscale=False,
        hoverinfo="skip",
        colorscale=[[0, theme.faded(theme.TWIN_A, 0.02)], [1, theme.faded(theme.TWIN_A, 0.45)]],
    )  # fmt: skip
    figure.update_layout(xaxis={"showgrid": False, "side": "top"}, yaxis={"showgrid": False, "autorange": "reversed"},
                         margin={"t": 40})  # fmt: skip
    return figure


def parts(of: Sequence[Part], most: int = 15) -> go.Figure:
    """Both error rates of classes or groups, the worst at the top."""
    ranked = sorted(of, key=lambda p: -((p.far or 0) + (p.frr or 0)))[:most]
    names = [p.name for p in ranked]
    figure = go.Figure(layout=theme.layout(110 + 26 * len(ranked)))
    for rates, name, colour, symbol in (
        ([p.far for p in ranked], "different accepted (FAR)", theme.DIFFERENT, "diamond"),
        ([p.frr for p in ranked], "same refused (FRR)", theme.SAME, "circle"),
    ):
        figure.add_scatter(x=rates, y=names, mode="markers", name=name, hovertemplate="%{x:.1%}",
                           marker={"color": colour, "size": 11, "symbol": symbol})  # fmt: skip
    figure.update_layout(
        xaxis={**_rate("error rate at the threshold", None), "rangemode": "tozero"},
        yaxis={"autorange": "reversed", "type": "category", "automargin": True}, hovermode="closest",
    )  # fmt: skip
    return figure


def _cell(cell: Cell | None) -> str:
    return "" if cell is None else f"<b>{cell.accuracy:.1%}</b><br>{cell.low:.1%} – {cell.high:.1%}"


def _line(figure: go.Figure, x: np.ndarray, y: np.ndarray, name: str, i: int, hover: str,
          text: Sequence[str] | None = None) -> None:  # fmt: skip
    figure.add_scatter(x=x, y=y, mode="lines", name=name, text=text, hovertemplate=hover,
                       line={"color": theme.colour_of(i), "width": 2.5, "dash": ("solid", "dash")[i % 2]})  # fmt: skip


def _band(figure: go.Figure, x: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str) -> None:
    figure.add_scatter(
        x=np.concatenate([x, x[::-1]]), y=np.concatenate([high, low[::-1]]), fill="toself", mode="lines",
        fillcolor=theme.faded(colour, 0.2), line={"width": 0}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip


def _mark(figure: go.Figure, x: float, y: float) -> None:
    figure.add_scatter(
        x=[x], y=[y], mode="markers", name="at the threshold", hoverinfo="skip", showlegend=True,
        marker={"size": 13, "symbol": "circle-open", "color": theme.colour_of(0), "line": {"width": 2.5}},
    )  # fmt: skip


def _rate(title: str, between: list[float] | None) -> dict[str, object]:
    return {"title": {"text": title}, "tickformat": ".3~p", **({"range": between} if between else {})}
