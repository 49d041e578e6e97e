"""Pictures that a search has found, nearest first: each is a button that searches on from there, in the browser."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from pages.parts import point, show
from siamese_core.calibration import Calibration
from siamese_core.galleries import Match

ASSETS = Path(__file__).parent / "browser"

_matches = st.components.v2.component(
    "siamese_matches",
    **{kind: (ASSETS / f"matches.{kind}").read_text("utf-8") for kind in ("html", "css", "js")},
)


def draw(
    found: Sequence[Match], pictures: Mapping[int, bytes], calibration: Calibration | None, threshold: float | None,
    label: str | None, key: str, told: str,
) -> int | None:  # fmt: skip
    """The matches with their small PNGs by id; the id of one that was clicked. label: the class of the query where it
    is known; told: what the group of pictures is, for those who hear the page."""
    ids = {m.item.id for m in found}
    answer = _matches(
        key=key,
        data={"told": told, "tiles": [tile(m, pictures.get(m.item.id), calibration, threshold, label) for m in found]},
        on_chosen_change=lambda: None,
    )
    chosen = answer.get("chosen")
    return chosen if type(chosen) is int and chosen in ids else None


def tile(
    match: Match, picture: bytes | None, calibration: Calibration | None, threshold: float | None, label: str | None
) -> dict[str, Any]:
    """What the browser draws of one match."""
    of = match.item.label
    name = short(of or match.item.name)
    near = point.nearness(match.distance, calibration)
    judged = "" if not label or not of else "right" if of == label else "wrong"
    words = {"right": ", the same class", "wrong": ", another class", "": ""}[judged]
    return {
        "id": match.item.id,
        "src": "" if picture is None else "data:image/png;base64," + base64.b64encode(picture).decode("ascii"),
        "name": name,
        "near": near,
        "state": judged,
        "within": None if threshold is None else match.distance <= threshold,
        "said": f"{show.class_name(of or match.item.name)}, at distance {show.number(match.distance)}{words}: "
                "search with it",
    }  # fmt: skip


def decoded(png: bytes) -> np.ndarray:
    """A picture of a gallery as pixels."""
    return np.asarray(Image.open(io.BytesIO(png)))


def short(name: str) -> str:
    """A class's or a file's name without what is above it."""
    return show.class_name(name.rstrip("/").rpartition("/")[2])
