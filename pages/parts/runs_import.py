"""Importing a run, and taking the curves of the shown ones along."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import streamlit as st

from pages.parts import show, state, theme
from siamese_core import archive, runs, upkeep
from siamese_core.errors import SiameseError
from siamese_core.runs import Run


def button() -> None:
    """The button, and its dialog."""
    if st.button("Import a run", key="runs_import", icon=theme.ICONS["upload"],
                 help="A file that was downloaded from a Runs page."):  # fmt: skip
        _import()


def table_button(chosen: Sequence[Run]) -> None:
    """All steps and epochs of these runs as a CSV file, made when it is asked for."""
    st.download_button(
        "Metrics as CSV", functools.partial(upkeep.curves_csv, list(chosen)), _csv_name(chosen), "text/csv",
        key="runs_csv", icon=theme.ICONS["table"], on_click="ignore",
        help="Every step and epoch of the runs in the chart.",
    )  # fmt: skip


def _csv_name(chosen: Sequence[Run]) -> str:
    return f"{chosen[0].name}.csv" if len(chosen) == 1 else f"{len(chosen)}-runs.csv"


@st.dialog("Import a run")
@show.guarded
def _import() -> None:
    st.markdown("Give the zip that **Download** made of a run, here or on another computer. Everything in it is "
                "checked before it becomes a run.")  # fmt: skip
    given = st.file_uploader("Packed run", "zip", key="runs_file", max_upload_size=archive.MAX_PACKED >> 20,
                             label_visibility="collapsed")  # fmt: skip
    if st.button("Import", key="runs_import_really", type="primary", disabled=given is None) and given is not None:
        try:
            with st.spinner("Checking the run…"):
                run = archive.unpack(given, runs.runs_folder())
        except SiameseError as error:
            show.notice(error)
            return
        state.choose_run(run.name)
        st.rerun()
