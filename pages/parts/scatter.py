"""A map of many points in the browser; what comes back from there is judged here as a stranger's.

The points travel once as bytes: a message that stays the same is not sent again when the page is drawn again. Small
things (what is chosen, its neighbours) travel beside them.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from pages.parts import state, theme
from siamese_core import map_export_page
from siamese_core.errors import DataError

ASSETS = Path(__file__).parent / "browser"
MOST_WANTED = 150  # pictures that are asked for at once
SHARED = map_export_page.ASSETS  # scripts that the page made of a map has too
SCRIPTS = ("map_hub", "camera", "colours", "paint", "scatter_density", "scatter_over",
           "scatter_choose", "scatter_hand", "scatter_legend", "scatter_beside", "scatter_stage", "scatter_talk",
           "scatter")  # fmt: skip


def read(*scripts: str) -> str:
    """Scripts of the browser's as one module: an inline part cannot import."""
    files = [(ASSETS if (ASSETS / f"{name}.js").is_file() else SHARED) / f"{name}.js" for name in scripts]
    return "\n".join(file.read_text("utf-8") for file in files)


_scatter = st.components.v2.component(
    "siamese_scatter",
    html=(ASSETS / "scatter.html").read_text("utf-8"),
    css=(ASSETS / "scatter.css").read_text("utf-8"),
    js=read(*SCRIPTS),
)
_carrier = st.components.v2.component("siamese_map_data", js=read("map_hub", "map_data"))

LOOK = {
    "palette": list(theme.PALETTE),
    "most": len(theme.PALETTE) * len(theme.SYMBOLS),
    "grey": theme.UNSURE,
    "ramp": {"light": list(theme.RAMP_LIGHT), "dark": list(theme.RAMP_DARK)},
    "ink": {"light": theme.ink(False), "dark": theme.ink(True)},
}


def carry(key: str, data: bytes) -> None:
    """Bring bytes of `map_pack` to the browser; nothing is shown."""
    _carrier(key=key, data=data)


def draw(key: str, of: str, label: str, link: str, main: bool = True, growing: bool = False) -> Any:
    """The map of the points `of`; what the browser asks for, to be judged by `wanted`.

    `label` says in words what it shows; maps of one `link` share their selection, and the `main` one speaks for all. Of
    a `growing` map nothing can be chosen.
    """

    def nothing() -> None:
        """What is sent is read where it is used."""

    found = _scatter(
        key=key,
        data={"of": of, "name": key, "label": label, "link": link, "main": main, "growing": growing, "look": LOOK},
        on_chosen_change=nothing,
        on_selected_change=nothing,
        on_wanted_change=nothing,
    )
    return found.get("wanted")


def chosen(key: str, count: int) -> int | None:
    """The chosen point, where what the browser says is one."""
    value = (state.get(key) or {}).get("chosen")
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < count
    return value if good else None


def selected(key: str, of: str, count: int) -> np.ndarray:
    """Indices of the selected points; none when nothing is selected, or on another map. Raises DataError."""
    return selection((state.get(key) or {}).get("selected"), of, count)


def selection(value: Any, of: str, count: int) -> np.ndarray:
    """What a map sent as its selection -> indices, ascending. Raises DataError when no map of ours can have sent it.

    It is {"of": the map's digest, "bits": one bit a point, the first lowest, in base64}.
    """
    if value is None:
        return np.empty(0, np.int64)
    bits = value.get("bits") if isinstance(value, dict) else None
    if isinstance(bits, str) and value.get("of") != of:
        return np.empty(0, np.int64)
    size = (count + 7) // 8
    if isinstance(bits, str) and len(bits) == 4 * ((size + 2) // 3):
        try:
            data = base64.b64decode(bits, validate=True)
        except (binascii.Error, ValueError):
            data = b""
        if len(data) == size:
            flags = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
            if not flags[count:].any():
                return np.flatnonzero(flags)
    raise DataError("The selection did not arrive whole; select the points again.")


def wanted(value: Any, of: str, count: int) -> np.ndarray:
    """What a map asked for -> indices of the points whose pictures it lacks, each once; none where that cannot be."""
    points = value.get("points") if isinstance(value, dict) and value.get("of") == of else None
    if not isinstance(points, list) or len(points) > MOST_WANTED:
        return np.empty(0, np.int64)
    good = [p for p in points if isinstance(p, int) and not isinstance(p, bool) and 0 <= p < count]
    return np.array(list(dict.fromkeys(good)), np.int64)
