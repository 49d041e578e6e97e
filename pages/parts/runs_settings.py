"""The settings of several runs side by side; what differs stands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.parts import forms, show
from siamese_core.config import defaults
from siamese_core.runs import Run

MOST = 6  # columns that can be read


def draw(chosen: Sequence[Run], current: str) -> None:
    """The table, the current run first; of one run alone beside the usual settings."""
    ordered = sorted(chosen, key=lambda r: r.name != current)
    configs = {r.name: r.config().to_dict() for r in ordered[:MOST]}
    alone = len(configs) == 1
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader("Settings", anchor=False)
        only = st.toggle("Only differences", value=True, key="runs_only")
    rows = side_by_side({"usual": defaults()} | configs if alone else configs, only)
    if rows:
        st.table(rows, border="horizontal", hide_index=True, alt="Settings of the runs side by side")
        st.caption(f"Marked: differs from {'the usual value' if alone else show.plain(ordered[0].name)}.")
    else:
        st.caption("All settings are the usual ones." if alone else "These runs have the same settings.")
    if len(chosen) > MOST:
        st.caption(f"The first {MOST} of {len(chosen)} runs are beside each other.")


def side_by_side(configs: Mapping[str, Mapping[str, Any]], only: bool) -> list[dict[str, str]]:
    """Rows of Markdown, a column a run; what differs from the first column is marked. `only`: rows that differ."""
    told = {name: forms.differences(dict(values)) for name, values in configs.items()}
    rows = []
    for settings in zip(*told.values(), strict=True):
        values = [show.plain(value) for _, _, value, _ in settings]
        if only and len(set(values)) == 1:
            continue
        marked = [v if v == values[0] else f":blue-background[{v}]" for v in values]
        rows.append({"Setting": settings[0][1]} | dict(zip(map(show.plain, configs), marked, strict=True)))
    return rows
