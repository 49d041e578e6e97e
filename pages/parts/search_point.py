"""From a point of a map to a search of a gallery with it, in this browser session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.parts import cache, point, show, state, theme
from siamese_core.runs import Run

_KEY = "search_point"  # in the session's answers


@dataclass(frozen=True, eq=False)
class Point:
    """What is searched with: its embedding (D,) by these weights, its picture as people see it, and its class."""

    weights: str
    embedding: np.ndarray
    picture: np.ndarray | None
    name: str


def offer(run: Run, found: Mapping[str, np.ndarray], chosen: int, ink: bool) -> None:
    """A button that searches with the point `chosen` of a map."""
    if not st.button("Search with it", icon=theme.ICONS["search"], key="map_search",
                     help="Finds the pictures most like it in a gallery."):  # fmt: skip
        return
    state.lab().answers[_KEY] = Point(
        cache.weights_digest(run),
        np.array(found["embeddings"][chosen], dtype=np.float32),
        point.shown(found, chosen, ink) if "pixels" in found else None,
        show.class_name(found["class_names"][found["labels"][chosen]]),
    )
    state.put("search_way", "map")
    st.switch_page("pages/search.py", query_params=state.run_query())


def given(run: Run) -> Point | None:
    """The point that was sent here, where it is one of this run's own weights."""
    found = state.lab().answers.get(_KEY)
    return found if isinstance(found, Point) and found.weights == cache.weights_digest(run) else None
