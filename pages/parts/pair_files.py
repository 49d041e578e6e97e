"""Asking for a table of pairs and a zip of the pictures that it names."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts import many_work, show, theme, uploads
from siamese_core import pair_csv

MEANINGS = {"same": "the same", "different": "different (a forgery)"}

# What tells one set of files from another, and then the files: first, second, whether both are zips, what 1 means.
Given = tuple[tuple[Any, ...], tuple[Any, Any, bool, str]]


def table(grid: Any, key: str) -> Given | None:
    """The two uploaders, each in a cell of the grid; None while one is empty."""
    with grid.cell(), st.container(border=True):
        given = show.guarded(uploads.one_file)("Table of pairs (CSV)", "csv", f"{key}_csv", many_work.MAX_TABLE)
        with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
            meaning = st.selectbox("A label of 1 means", list(MEANINGS), key=f"{key}_one", width=210,
                                   format_func=MEANINGS.get)  # fmt: skip
            st.download_button("Sample table", pair_csv.SAMPLE, "pairs.csv", "text/csv", key=f"{key}_sample",
                               icon=theme.ICONS["download"], on_click="ignore", type="tertiary",
                               help="Columns image_a and image_b name two pictures; label, if known, is 1 or "
                               "0.")  # fmt: skip
    with grid.cell(), st.container(border=True):
        zipped = show.guarded(uploads.one_file)("Pictures (zip)", "zip", f"{key}_zip", uploads.MAX_ZIP)
        st.caption("The table names pictures by their path in the zip, or by the file's name where only one has it.")
    return both(given, zipped, False, meaning)


def both(first: Any, second: Any, folders: bool, label_one: str) -> Given | None:
    """Two uploaded files, or None while one is missing."""
    if first is None or second is None:
        return None
    return (first.file_id, second.file_id, folders, label_one), (first, second, folders, label_one)


def content(first: Any, second: Any, folders: bool, label_one: str) -> many_work.Asked:
    """What was uploaded, to be worked on beside the page."""
    return many_work.Asked((first.name, first.getvalue()), (second.name, second.getvalue()), folders, label_one)
