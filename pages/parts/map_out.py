"""A finished map to take along: as a page, pictures, tables, or for TensorBoard. Files are made when asked for."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from pages.parts import cache, theme
from siamese_core import map_export, map_shelf
from siamese_core.runs import Run

# Kind -> what the button says, its media type, and what the file is for.
FILES = {
    "html": ("Page that moves (HTML)", "text/html",
             "To show to others: opens in any browser, with pictures and names. Nothing leaves it."),
    "png": ("Picture (PNG)", "image/png", "For slides and documents."),
    "svg": ("Drawing (SVG)", "image/svg+xml", "For print: sharp at any size, and every mark can be changed."),
    "csv": ("Table (CSV)", "text/csv", "For a spreadsheet: a row for each point, with its class and its place."),
    "parquet": ("Table with vectors (Parquet)", "application/vnd.apache.parquet",
                "For pandas and databases: the same table with each point's embedding."),
    "npz": ("Arrays with vectors (NPZ)", "application/octet-stream",
            "For NumPy: the same columns and all embeddings."),
    "zip": ("TensorBoard's projector (zip)", "application/zip",
            "To explore the embeddings, with their pictures, in TensorBoard."),
}  # fmt: skip


def draw(run: Run, job: Path) -> None:
    """A popover with a button for each kind of file. Raises RunError."""
    found = cache.finished_map(job).found
    asked = map_shelf.request(job) or {}
    title = map_export.title_of(run.name, asked.get("data"), asked.get("part"), str(found.get("method", "")))
    ink = run.spec().polarity == "ink"
    with st.popover("Download", icon=theme.ICONS["download"], key="map_out"):
        for kind, (label, mime, use) in FILES.items():
            st.download_button(label, partial(map_export.make, kind, found, title, ink), f"{run.name}-map.{kind}", mime,
                               key=f"map_out_{kind}", on_click="ignore", width="stretch")  # fmt: skip
            st.caption(use)
