"""A map in the making: what is done, for how long, a Stop, and the points as they part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas  # noqa: F401 (see charts.py)
import plotly.graph_objects as go
import streamlit as st

from pages.parts import show, theme
from siamese_core import map_jobs
from siamese_core.map_jobs import MapStatus

MOST = 5000  # points of a growing map that are drawn


def draw(job: Path, now: MapStatus) -> None:
    """Progress, Stop and, where the engine can be watched, the map so far."""
    words = show.plain(now.text or "Starting")
    if not now.measured or now.seconds >= 3:
        words += f" · {show.duration(now.seconds)}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(now.progress if now.measured else 0.0, text=words, width="stretch")
        st.button("Stop", key="map_stop", icon=theme.ICONS["stop"], on_click=map_jobs.stop, args=(job,))
    frame = map_jobs.frame(job)
    if frame is not None:
        count, done, of = len(frame["x"]), int(frame["iteration"]), int(frame["iterations"])
        shown = "" if count <= MOST else f" {MOST:,} of {count:,} points are drawn until it is finished."
        show.chart(figure(frame), f"The map of {count:,} points after {done} of {of} iterations.", "map_growing")
        st.caption(f"The map after {done} of {of} iterations; each colour is a class.{shown}")


def figure(frame: dict[str, np.ndarray]) -> go.Figure:
    """x, y, labels (N,) -> points, coloured by class as far as the palette reaches; it repeats after that."""
    at = np.arange(len(frame["x"]))
    at = at if len(at) <= MOST else np.random.default_rng(0).permutation(at)[:MOST]
    colours = [theme.colour_of(int(c)) for c in frame["labels"][at]]
    hidden = {"visible": False, "showgrid": False}
    chart = go.Figure(layout=theme.layout(520, hovermode=False, margin={"l": 0, "r": 0, "t": 8, "b": 0}))
    chart.add_scattergl(
        x=frame["x"][at], y=frame["y"][at], mode="markers", hoverinfo="skip", showlegend=False,
        marker={"size": 6 if len(at) <= 1500 else 4, "color": colours, "opacity": 0.85},
    )  # fmt: skip
    chart.update_layout(xaxis=hidden, yaxis={**hidden, "scaleanchor": "x"})
    return chart
