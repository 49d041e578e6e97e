"""Train: choose data and a recipe, start, and watch the network learn."""

from __future__ import annotations

import streamlit as st

from pages.parts import frame, live, recipe, show


def page() -> None:
    """The whole page."""
    run = frame.begin(
        "train", "Train", "Teach a network when two pictures are of the same class, and watch it learn.", own_only=True
    )
    left, right = st.columns([0.34, 0.66], gap="large")
    with left:
        recipe.form(run is not None and run.status().state in ("queued", "running", "stopped", "stalled"))
    with right:
        if run is None:
            show.empty(
                "Nothing has been trained yet. Press **Start**: with the settings beside this, the network learns "
                "to tell handwritten digits apart in about a minute, and the curves appear here."
            )
        else:
            live.panel(run)


frame.draw(page)
