"""A sheet of paper to draw on, in the browser; what arrives from there is judged here as a stranger's."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any

import streamlit as st

from pages.parts import state
from siamese_core.errors import DataError

ASSETS = Path(__file__).parent / "browser"
NAME = "drawing"
MOST_CHARACTERS = 400_000  # of a drawing as it arrives; a full sheet takes a tenth of it

_sheet = st.components.v2.component(
    "siamese_draw",
    html=(ASSETS / "draw.html").read_text("utf-8"),
    css=(ASSETS / "draw.css").read_text("utf-8"),
    js=(ASSETS / "draw.js").read_text("utf-8"),
)


def sheet(label: str, key: str) -> bytes | None:
    """A sheet of its own for each key; the bytes of what is drawn on it, None while it is empty.

    The strokes stay in the browser's page: they are there again when the sheet comes back. Raises DataError.
    """
    given = bool((state.get(key) or {}).get("picture"))
    found = _sheet(
        key=key,
        data={"name": key, "label": f"{label}: paper to draw on", "given": given},
        on_picture_change=lambda: None,
    )
    return bytes_of(found.get("picture"))


def bytes_of(value: Any) -> bytes | None:
    """What a sheet sent -> the picture file's bytes, None for an empty one. Raises DataError when no sheet of
    ours can have sent it."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and len(value) <= MOST_CHARACTERS:
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            pass
    raise DataError("The drawing did not arrive whole; clear the sheet and draw again.")
