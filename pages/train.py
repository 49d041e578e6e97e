"""Train: choose data and a recipe, look at what will be fed, start, and watch the network learn."""

from __future__ import annotations

import streamlit as st

from pages.parts import epochs, frame, live, preview, preview_cost, recipe, state
from siamese_core.config import TrainConfig
from siamese_core.runs import Run

VIEWS = {"run": "Training", "epochs": "Epochs", "data": "Data", "network": "Network"}


def _view(run: Run | None) -> str:
    """What the right half shows: a run that has just been chosen or started comes first."""
    options = list(VIEWS) if run else ["data", "network"]
    name = run.name if run else None
    if state.get("train_view") not in options or state.get("train_shown", name) != name:
        state.put("train_view", options[0])
    state.put("train_shown", name)
    if run is None:
        st.markdown("Nothing has been trained yet. Press **Start** to watch the network learn from this:")
    with st.container(horizontal=True, gap="medium"):
        view = st.segmented_control("View", options, key="train_view", required=True, format_func=VIEWS.get,
                                    label_visibility="collapsed")  # fmt: skip
        if view == "epochs":
            epochs.choose_way()
    return view


def _show(view: str, run: Run | None, config: TrainConfig | None) -> None:
    if view in ("run", "epochs") and run is not None:
        live.panel(run, view)
    elif config is None:
        st.caption("Choose data and settings that go together, and what the network will be fed appears here.")
    elif view == "data":
        preview.data(config)
    else:
        preview_cost.network(config)


def page() -> None:
    """The whole page."""
    run = frame.begin(
        "train", "Train", "Teach a network when two pictures are of the same class, and watch it learn.", own_only=True
    )
    now = run.status() if run is not None else None
    with st.container(key="train_result_first" if now and now.active else "train_form_first"):
        left, right = st.columns([0.34, 0.66], gap="large")
    with left:
        config = recipe.form(now is not None and (now.active or now.state in ("stopped", "stalled")))
    with right:
        _show(_view(run), run, config)


frame.draw(page)
