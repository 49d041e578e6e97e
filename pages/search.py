"""Search: the pictures most like yours, in a gallery that is kept on disk."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.parts import frame, gallery_choice, gallery_items, gallery_quality, search_view, show, state
from siamese_core.galleries import Gallery
from siamese_core.runs import Run

VIEWS: dict[str, tuple[str, Callable[[Run, Gallery], None]]] = {
    "search": ("Search", search_view.draw),
    "pictures": ("Pictures", gallery_items.draw),
    "copies": ("Near copies", gallery_quality.copies),
    "quality": ("How good", gallery_quality.quality),
}


def _views() -> None:
    st.segmented_control("View", list(VIEWS), key="search_view", required=True, default="search", bind="query-params",
                         format_func=lambda v: VIEWS[v][0], label_visibility="collapsed")  # fmt: skip


def page() -> None:
    """The whole page."""
    purpose = "The pictures most like yours, in a collection of ten or of a million."
    run = frame.begin("search", "Search", purpose, beside=_views)
    if frame.needs_weights(run) and run is not None:
        gallery = gallery_choice.draw(run)
        if gallery is not None:
            show.guarded(VIEWS[state.get("search_view", "search")][1])(run, gallery)


frame.draw(page)
