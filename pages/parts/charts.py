"""Numbers in, figures out. No Streamlit here: what a figure shows can be tested without a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas  # noqa: F401 (whole, before plotly looks at it: another visitor's thread may be importing it)
import plotly.graph_objects as go

from pages.parts import theme

WORDS = 0.24  # of a distance scale's width: what the threshold's words need


def smoothed(values: Sequence[float], weight: float = 0.9) -> list[float]:
    """Exponential moving average, corrected for its start; the same length as `values`."""
    out, mean, total = [], 0.0, 0.0
    for value in values:
        mean = weight * mean + (1 - weight) * value
        total = weight * total + (1 - weight)
        out.append(mean / total)
    return out


def loss_curves(
    steps: Sequence[Mapping[str, Any]],
    epochs: Sequence[Mapping[str, Any]],
    height: int = 260,
    other: str = "validation",
) -> go.Figure:
    """Training loss (each event faint, their running mean bold) and that of the `other` pictures, by batch number."""
    x, y = [s["step"] for s in steps], [s["loss"] for s in steps]
    figure = go.Figure(layout=theme.layout(height, uirevision="keep"))
    if len(x) > 20:
        faint = {"color": theme.faded(theme.TRAINING, 0.35), "width": 1}
        figure.add_scatter(x=x, y=y, mode="lines", line=faint, hoverinfo="skip", showlegend=False)
        y = smoothed(y)
    figure.add_scatter(x=x, y=y, mode="lines", name="training", line={"color": theme.TRAINING, "width": 2.5})
    _epoch_line(figure, epochs, "validation_loss", other, theme.VALIDATION, "diamond")
    figure.update_traces(hovertemplate="%{y:.3g}")
    until = max([*x, *(int(e["step"]) for e in epochs)], default=1)
    figure.update_layout(xaxis={"title": {"text": "batches"}, "range": [0, until * 1.03]}, yaxis_rangemode="tozero")
    return figure


def accuracy_curves(epochs: Sequence[Mapping[str, Any]], until: int = 0, height: int = 260) -> go.Figure:
    """Pair accuracy and N-way one-shot accuracy on the validation classes, with what chance would give.

    `until` is the batch that training has got to, so that this chart and the loss go equally far.
    """
    figure = go.Figure(layout=theme.layout(height, uirevision="keep"))
    ways = next((e.get("n_way") for e in reversed(epochs) if e.get("n_way")), None)
    _epoch_line(figure, epochs, "pair_accuracy", "pairs", theme.VALIDATION, "diamond")
    _epoch_line(figure, epochs, "one_shot", f"{ways}-way one-shot" if ways else "one-shot", theme.ONE_SHOT, "circle")
    best = [e for e in epochs if e.get("best") and e.get("one_shot") is not None]
    if best:
        figure.add_scatter(
            x=[best[-1]["step"]], y=[best[-1]["one_shot"]], mode="markers", hoverinfo="skip", showlegend=False,
            marker={"size": 15, "symbol": "circle-open", "color": theme.ONE_SHOT, "line": {"width": 2.5}},
        )  # fmt: skip
    if ways == 2:
        line_y(figure, 0.5, "chance")
    else:
        line_y(figure, 0.5, "pairs by chance")
        if ways:
            line_y(figure, 1 / ways, f"{ways} ways by chance")
    figure.update_traces(hovertemplate="%{y:.1%}")
    until = max([until, *(int(e["step"]) for e in epochs)])
    figure.update_layout(
        xaxis={"title": {"text": "batches"}, "range": [0, max(1, until) * 1.03]},
        yaxis={"tickformat": ".0%", "range": [0, 1.05]},
    )
    return figure


def _epoch_line(figure: go.Figure, epochs: Sequence[Mapping[str, Any]], field: str, name: str, colour: str, mark: str):
    points = [(e["step"], e[field]) for e in epochs if e.get(field) is not None]
    figure.add_scatter(
        x=[p[0] for p in points], y=[p[1] for p in points], mode="lines+markers", name=name,
        line={"color": colour, "width": 2.5}, marker={"size": 6, "symbol": mark},
    )  # fmt: skip


def line_y(figure: go.Figure, level: float, word: str) -> None:
    """A dashed grey line across: chance, a published figure, a baseline."""
    figure.add_hline(
        y=level, line={"color": theme.BASELINE, "dash": "dash", "width": 1.5},
        annotation={"text": word, "font": {"size": 12}, "yanchor": "bottom"},
    )  # fmt: skip


def overlaid(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], y_title: str, rate: bool, x_title: str = "batches",
    height: int = 300, smoothing: float = 0.0,
) -> go.Figure:  # fmt: skip
    """One curve a run, in the palette's order; `rate` shows y as percentages. With smoothing the curves as they
    are stay behind, faint."""
    figure = go.Figure(layout=theme.layout(height, uirevision=f"{y_title} by {x_title}"))
    for i, (name, (x, y)) in enumerate(curves.items()):
        colour, dash = theme.colour_of(i), ("solid", "dash", "dot")[i // len(theme.PALETTE) % 3]
        if smoothing:
            faint = {"color": theme.faded(colour, 0.3), "width": 1}
            figure.add_scatter(x=list(x), y=list(y), mode="lines", line=faint, hoverinfo="skip", showlegend=False)
        figure.add_scatter(
            x=list(x), y=smoothed(y, smoothing), mode="lines+markers" if len(x) < 60 else "lines", name=name,
            marker={"size": 5}, line={"color": colour, "width": 2.5, "dash": dash},
            hovertemplate="%{y:.1%}" if rate else "%{y:.3g}",
        )  # fmt: skip
    figure.update_layout(xaxis_title=x_title, yaxis_title=y_title, showlegend=True)
    if rate:
        # Marks close by each other need their decimals; nothing is above 100%, even where a flat curve leaves room.
        figure.update_layout(yaxis={"tickformat": "~%", "autorangeoptions": {"clipmin": -0.03, "clipmax": 1.03}})
    return figure


def distance_scale(
    edges: Sequence[float], same: Sequence[float], different: Sequence[float], threshold: float,
    distance: float | None = None, height: int = 250, band: tuple[float, float] | None = None,
    mark: str | None = None,
) -> go.Figure:  # fmt: skip
    """Where a distance lies among those of equal and different validation pairs.

    edges (n+1,), same and different (n,) counts; each side is drawn as a share of its own pairs. `band`: distances
    between which the answer is "not sure". `mark`: the colour of the pair, else that of its side of the threshold.
    """
    figure = go.Figure(layout=theme.layout(height, hovermode=False, bargap=0, barmode="overlay"))
    middle, width = (np.add(edges[1:], edges[:-1]) / 2, np.diff(edges)) if len(edges) > 1 else ([], [])
    top = 1e-9
    for counts, name, colour in ((same, "same class", theme.SAME), (different, "different classes", theme.DIFFERENT)):
        share = np.asarray(counts, float) / max(float(np.sum(counts)), 1.0)
        top = max(top, float(share.max(initial=0)))
        figure.add_bar(
            x=middle, y=share, width=width, name=name, marker={"color": theme.faded(colour, 0.55), "line": {"width": 0}}
        )
    ends = [threshold, *([edges[0], edges[-1]] if len(edges) else []), *([distance] if distance is not None else [])]
    low, high = min(ends), max(ends)
    figure.add_shape(type="line", x0=threshold, x1=threshold, y0=0, y1=top * 1.05,
                     line={"color": theme.BASELINE, "dash": "dash", "width": 2})  # fmt: skip
    room = threshold + WORDS * (high - low)
    left = room > high or (distance is not None and threshold < distance < room)
    figure.add_annotation(
        x=threshold, y=top, text=f"threshold {threshold:.3g}", showarrow=False, xanchor="right" if left else "left",
        xshift=-6 if left else 6,
    )  # fmt: skip
    if distance is not None:
        side = theme.SAME if distance <= threshold else theme.DIFFERENT
        _this_pair(figure, distance, mark or side, top, low, high)
    if band is not None:
        figure.add_shape(type="rect", x0=band[0], x1=band[1], y0=0, y1=top * 1.05, layer="below", line_width=0,
                         fillcolor=theme.faded(theme.UNSURE, 0.25))  # fmt: skip
    pad = (high - low or 1.0) * 0.04
    figure.update_layout(
        xaxis={"title": {"text": "distance: smaller is closer"}, "range": [low - pad, high + pad]},
        yaxis={"visible": False, "range": [0, top * 1.38]},
        legend={"y": -0.28, "yanchor": "top", "x": 0.5, "xanchor": "center"},
        margin={"t": 8},
    )
    return figure


def _this_pair(figure: go.Figure, distance: float, colour: str, top: float, low: float, high: float) -> None:
    figure.add_scatter(
        x=[distance, distance], y=[0, top * 1.14], mode="lines+markers", showlegend=False,
        line={"color": colour, "width": 4}, marker={"size": [0, 13], "symbol": "triangle-down"},
    )  # fmt: skip
    share = (distance - low) / (high - low or 1.0)
    figure.add_annotation(
        x=distance, y=top * 1.18, text=f"<b>this pair {distance:.3g}</b>", showarrow=False, yanchor="bottom",
        xanchor="left" if share < 0.12 else "right" if share > 0.88 else "center", font={"size": 14},
    )  # fmt: skip


def interval(value: float, low: float, high: float, lines: Mapping[str, float], height: int = 110) -> go.Figure:
    """A rate on 0..1 with its 95% interval as a band, against what `lines` names: chance, a baseline."""
    figure = go.Figure(layout=theme.layout(height, hovermode=False, showlegend=False, margin={"t": 28}))
    figure.add_shape(type="rect", x0=0, x1=1, y0=0.3, y1=0.7, fillcolor=theme.GRID, line_width=0)
    figure.add_shape(type="rect", x0=low, x1=high, y0=0.15, y1=0.85, fillcolor=theme.faded(theme.TWIN_A, 0.35),
                     line_width=0)  # fmt: skip
    figure.add_shape(type="line", x0=value, x1=value, y0=0.05, y1=0.95, line={"color": theme.TWIN_A, "width": 4})
    ordered = sorted(lines.items(), key=lambda line: line[1])
    for i, (word, level) in enumerate(ordered):
        figure.add_shape(type="line", x0=level, x1=level, y0=0, y1=1,
                         line={"color": theme.BASELINE, "dash": "dash", "width": 2})  # fmt: skip
        near = [abs(level - other) < 0.15 for _, other in ordered]
        side = "center" if sum(near) == 1 else "right" if i == 0 and level > 0.08 else "left" if i else "center"
        figure.add_annotation(x=level, y=1, text=word, showarrow=False, yanchor="bottom", xanchor=side)  # fmt: skip
    figure.add_scatter(x=[value], y=[0.5], mode="markers", marker={"opacity": 0})
    figure.update_layout(
        xaxis={"range": [-0.01, 1.01], "tickformat": ".0%", "showgrid": False},
        yaxis={"visible": False, "range": [0, 1.05], "fixedrange": True},
    )
    return figure


def distance_histogram(bins: Mapping[str, Any], low: float, high: float, height: int = 210) -> go.Figure:
    """How far apart validation pairs are: "same" and "different" are counts in equal bins from "low" to "high".

    Each side is drawn as a share of its own pairs; `low` and `high` are the axis, so that it stands still.
    """
    figure = go.Figure(layout=theme.layout(height, hovermode=False, bargap=0, barmode="overlay"))
    edges = np.linspace(bins["low"], bins["high"], len(bins["same"]) + 1)
    for name, words, colour in (("same", "same class", theme.SAME), ("different", "different", theme.DIFFERENT)):
        share = np.asarray(bins[name], float) / max(float(np.sum(bins[name])), 1.0)
        figure.add_bar(
            x=(edges[1:] + edges[:-1]) / 2, y=share, width=np.diff(edges), name=words,
            marker={"color": theme.faded(colour, 0.6), "line": {"width": 0}},
        )  # fmt: skip
    pad = (high - low or 1.0) * 0.02
    figure.update_layout(
        xaxis={"title": {"text": "distance: smaller is closer"}, "range": [low - pad, high + pad]},
        yaxis={"showticklabels": False, "rangemode": "tozero"},
    )
    return figure


def learning_rate(steps: Sequence[Mapping[str, Any]], until: int, height: int = 210) -> go.Figure:
    """The learning rate by batch number, over the same width as the other curves."""
    found = [(s["step"], s["learning_rate"]) for s in steps if s.get("learning_rate") is not None]
    figure = go.Figure(layout=theme.layout(height, uirevision="keep", showlegend=False))
    figure.add_scatter(
        x=[f[0] for f in found], y=[f[1] for f in found], mode="lines", hovertemplate="%{y:.2g}",
        line={"color": theme.UNSURE, "width": 2.5},
    )  # fmt: skip
    figure.update_layout(
        xaxis={"title": {"text": "batches"}, "range": [0, max(1, until) * 1.03]},
        yaxis={"rangemode": "tozero", "tickformat": "~g", "nticks": 4},
    )
    return figure
