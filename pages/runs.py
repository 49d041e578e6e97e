"""Runs: every training, its curves and its settings, side by side."""

from __future__ import annotations

import streamlit as st

from pages.parts import frame, runs_curves, runs_import, runs_list, runs_one, runs_settings, show
from siamese_core import runs
from siamese_core.runs import Run


def _lists(mine: list[Run], current: Run) -> tuple[list[Run], bool]:
    """Draw the list; the runs to look at, and whether the current one can be read."""
    rows, damaged = runs_list.read(mine)
    runs_list.tell(damaged)
    chosen: list[Run] = []
    if rows:
        names = runs_list.table(list(rows.values()), current.name)
        by_name = {r.name: r for r in mine}
        chosen = [by_name[n] for n in names]
    return chosen, current.name in rows


def page() -> None:
    """The whole page."""
    run = frame.begin(
        "runs", "Runs", "Every training, its curves and settings; choose rows to compare only those.", own_only=True
    )
    if run is None:
        show.empty("There are no runs yet. Training a network on handwritten digits takes about a minute.", "train",
                   "Train a network")  # fmt: skip
        with st.container(horizontal_alignment="center"):
            runs_import.button()
        return
    chosen, readable = _lists(runs.all_runs(runs.runs_folder()), run)
    with st.grid(3, min_column_width=280, gap=("small", "medium")) as grid:
        if chosen:
            with grid.cell(column_span=2):
                runs_curves.draw(chosen)
        with grid.cell():
            with st.container(horizontal=True, gap="small"):
                if chosen:
                    runs_import.table_button(chosen)
                runs_import.button()
            runs_one.draw(run, readable)
    if chosen:
        runs_settings.draw(chosen, run.name)


frame.draw(page)
