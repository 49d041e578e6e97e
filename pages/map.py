"""Map: the embeddings of a whole set as a picture; click a point to see it and its true neighbours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from pages.parts import atlas, epochs, frame, growing, health_view, map_controls, show, state, theme
from siamese_core import map_jobs
from siamese_core.runs import Run

TICK = 1.0
VIEWS = {"map": "Map", "epochs": "Epochs", "health": "Health"}


@show.told_later
def _start(run: Run, asked: dict[str, Any]) -> None:
    map_jobs.start(run, **asked)


@st.fragment(run_every=TICK)
@show.guarded
def _ticking(job: str) -> None:
    now = map_jobs.status(Path(job))
    if not now.active:
        st.rerun()
    growing.draw(Path(job), now)


def _page(run: Run) -> None:
    job = map_jobs.start(run, **map_controls.controls(run, _start), begin=False)
    if not job.is_dir():
        show.empty("Press **Make the map**: pictures that the network finds alike come to lie beside each other. "
                   "It takes some seconds; the same map is there at once the next time.")  # fmt: skip
        return
    now = map_jobs.status(job)
    if now.active:
        _ticking(str(job))
    elif now.state == "finished":
        atlas.draw(run, job)
    elif now.state == "stopped":
        st.info("The map was stopped. Make it again with fewer points if it took too long.", icon=theme.ICONS["stop"])
    else:
        st.error(show.plain(now.reason), icon=theme.ICONS["warning"])


def _views() -> None:
    view = st.segmented_control("View", list(VIEWS), key="map_view", required=True, format_func=VIEWS.get,
                                bind="query-params", label_visibility="collapsed", default="map")  # fmt: skip
    if view == "epochs":
        epochs.choose_way()


def page() -> None:
    """The whole page."""
    purpose = "Every picture as a point: near each other where the network finds them alike."
    run = frame.begin("map", "Map", purpose, beside=_views)
    view = state.get("map_view")
    if view == "epochs" and run is not None:
        epochs.panel(run)
    elif frame.needs_weights(run) and run is not None:
        if view == "health":
            health_view.panel(run)
        else:
            _page(run)


frame.draw(page)
