"""Runs: every training, its curves and its settings, side by side."""

from __future__ import annotations

import streamlit as st

from pages.parts import frame, runs_curves, runs_import, runs_list, runs_one, runs_settings, show
from siamese_core import runs
from siamese_core.runs import Run


def _lists(mine: list[Run], current: Run) -> tuple[list[Run], bool]:
    """The list with what belongs to it; the runs to look at, and whether the current one can be read."""
    rows, damaged = runs_list.read(mine)
    runs_list.tell(damaged)
    chosen: list[Run] = []
    if rows:
        names = runs_list.table(list(rows.values()), current.name)
        by_name = {r.name: r for r in mine}
        chosen = [by_name[n] for n in names]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption("Choose rows to compare only those." if len(rows) > 1 else "", width="content")
        with st.container(horizontal=True, width="content", gap="small"):
            if chosen:
                runs_import.table_button(chosen)
            runs_import.button()
    return chosen, current.name in rows


def page() -> None:
    """The whole page."""
    run = frame.begin("runs", "Runs", "Every training: how it went, with which settings.", own_only=True)
    if run is None:
        show.empty("There are no runs yet. Training a network on handwritten digits takes about a minute.", "train",
                   "Train a network")  # fmt: skip
        runs_import.button()
        return
    chosen, readable = _lists(runs.all_runs(runs.runs_folder()), run)
    left, right = st.columns([0.62, 0.38], gap="large")
    with left:
        if chosen:
            runs_curves.draw(chosen)
    with right:
        runs_one.draw(run, readable)
    if chosen:
        runs_settings.draw(chosen)


frame.draw(page)
