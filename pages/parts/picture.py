"""The one picture of what a siamese network is. A part of the browser's, so that it takes the page's
colours; its assets are plain files and carry nothing that anybody typed.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

ASSETS = Path(__file__).parent / "browser"

_twin = st.components.v2.component(
    "siamese_twin", html=(ASSETS / "twin.html").read_text("utf-8"), css=(ASSETS / "twin.css").read_text("utf-8")
)


def twin() -> None:
    """Two sheets, one shared network, two points, one distance, a verdict."""
    _twin(key="twin")
