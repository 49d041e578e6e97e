"""A finished map to take along: as a page, pictures, tables, or for TensorBoard. Files are made when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

from pages.parts import cache, theme
from siamese_core import map_export, map_shelf
from siamese_core.runs import Run

# Kind -> what the button says, its media type, and what the file is for.
FILES = {
    "html": ("Page that moves (HTML)", "text/html", "Opens in any browser, offline too."),
    "png": ("Picture (PNG)", "image/png", "For slides and documents."),
    "svg": ("Drawing (SVG)", "image/svg+xml", "For print: sharp at any size."),
    "csv": ("Table (CSV)", "text/csv", "For a spreadsheet: a row for each point."),
    "parquet": ("Table, vectors (Parquet)", "application/vnd.apache.parquet",
                "For pandas, with each embedding."),
    "npz": ("Arrays, vectors (NPZ)", "application/octet-stream", "For NumPy, with each embedding."),
    "zip": ("For TensorBoard (zip)", "application/zip", "For its projector, with pictures."),
}  # fmt: skip


def draw(run: Run, job: Path, columns: Mapping[str, np.ndarray]) -> None:
    """A popover with a button for each kind of file, which holds the reader's own columns too. Raises RunError."""
    found = cache.finished_map(job).found | columns
    asked = map_shelf.request(job) or {}
    title = map_export.title_of(run.name, asked.get("data"), asked.get("part"), str(found.get("method", "")),
                                asked.get("epoch"))  # fmt: skip
    ink = run.spec().polarity == "ink"
    with st.popover("Download", icon=theme.ICONS["download"], key="map_out"), st.container(gap="xxsmall"):
        for kind, (label, mime, use) in FILES.items():
            button, words = st.columns([4, 5], vertical_alignment="center", gap="small")
            button.download_button(label, partial(map_export.make, kind, found, title, ink), f"{run.name}-map.{kind}",
                                   mime, key=f"map_out_{kind}", on_click="ignore", width="stretch")  # fmt: skip
            words.caption(use)
