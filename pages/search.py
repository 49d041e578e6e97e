"""Search: the pictures most like yours, in a gallery that is kept on disk."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.parts import frame, gallery_choice, gallery_items, gallery_quality, search_view, show, state, theme
from siamese_core.galleries import EngineError, Gallery
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


@show.guarded
def _view(run: Run, gallery: Gallery) -> None:
    try:
        VIEWS[state.get("search_view", "search")][1](run, gallery)
    except EngineError as error:  # a server that is down now may be up in a moment
        show.notice(error)
        st.button("Try again", key="search_retry", type="primary", icon=theme.ICONS["repeat"])


def page() -> None:
    """The whole page."""
    purpose = "The pictures most like yours, in a collection of ten or of a million."
    run = frame.begin("search", "Search", purpose, beside=_views)
    if frame.needs_weights(run) and run is not None:
        gallery = gallery_choice.draw(run)
        if gallery is not None:
            _view(run, gallery)


frame.draw(page)
