"""One picture chosen from several by clicking it, in the browser; the choice is judged here."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from pages.parts import state

ASSETS = Path(__file__).parent / "browser"
SIDE = 100  # pixels that a thumbnail is sent with at most

_sheet = st.components.v2.component(
    "siamese_pick",
    html=(ASSETS / "pick.html").read_text("utf-8"),
    css=(ASSETS / "pick.css").read_text("utf-8"),
    js=(ASSETS / "pick.js").read_text("utf-8"),
)


def one_of(pictures: Sequence[np.ndarray], words: Sequence[str], label: str, colour: str, key: str, first: int) -> int:
    """The index of the chosen picture, `first` until one is clicked; `words` say what each shows."""
    chosen = _index((state.get(key) or {}).get("chosen"), len(pictures), first)
    found = _sheet(
        key=key,
        data={
            "label": label,
            "colour": colour,
            "chosen": chosen,
            "pictures": [{"src": _address(p), "alt": w} for p, w in zip(pictures, words, strict=True)],
        },
        on_chosen_change=lambda: None,
    )
    return _index(found.get("chosen"), len(pictures), first)


def _index(value: object, count: int, first: int) -> int:
    """What the browser sent, if it is an index; `first` otherwise."""
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < count
    return value if good else min(first, count - 1)  # type: ignore[return-value]


def _address(picture: np.ndarray) -> str:
    """A picture as a data address, small."""
    image = Image.fromarray(picture)
    image.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    image.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")
