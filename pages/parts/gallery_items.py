"""The pictures of a gallery: to look through, to find by name, to take out for good."""

from __future__ import annotations

import base64

import streamlit as st

from pages.parts import show, state, theme
from siamese_core.galleries import Gallery, Item
from siamese_core.runs import Run

A_PAGE = 100


def draw(run: Run, gallery: Gallery) -> None:
    """The view. Raises DataError for a damaged gallery."""
    made = gallery.manifest
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input("Find", key="gallery_find", placeholder="part of a name or a class", width=280)
        pages = max(1, -(-len(gallery) // A_PAGE))
        page = st.number_input("Page", 1, pages, key="gallery_page", width=120) if pages > 1 and not text else 1
        st.caption(f"{len(gallery):,} pictures, made by {show.plain(made.run)} on {made.created[:10]}; engine "
                   f"{made.engine}.")  # fmt: skip
    items = gallery.items((int(page) - 1) * A_PAGE, A_PAGE, text.strip())
    if not items:
        st.info("No picture has that in its name or class." if text else "This gallery is empty; add pictures to it.",
                icon=theme.ICONS["upload"])  # fmt: skip
        return
    rows = _table(gallery, items)
    chosen = [items[i] for i in rows if i < len(items)]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Remove the selected", icon=theme.ICONS["delete"], key="gallery_remove", disabled=not chosen,
                  on_click=remove, args=(gallery, [i.id for i in chosen]))  # fmt: skip
        st.caption(f"{len(chosen)} selected. They are removed for good: picture, name and embedding." if chosen else
                   "Select rows to remove pictures.")  # fmt: skip


def _table(gallery: Gallery, items: list[Item]) -> list[int]:
    """The items as a table with their pictures; the selected rows."""
    pictures = gallery.thumbnails([i.id for i in items])
    told = st.dataframe(
        {
            "picture": [_address(pictures.get(i.id)) for i in items],
            "name": [i.name for i in items],
            "class": [show.class_name(i.label) for i in items],
            "from": [i.source for i in items],
        },
        column_config={"picture": st.column_config.ImageColumn("", width="small")},
        hide_index=True, on_select="rerun", selection_mode="multi-row", row_height=56, height=480,
        key=f"gallery_table_{state.seed('gallery_table')}",
    )  # fmt: skip
    return list(told["selection"]["rows"])  # type: ignore[index]


@show.told_later
def remove(gallery: Gallery, ids: list[int]) -> None:
    """What the button does."""
    gallery.remove(ids)
    state.next_seed("gallery_table")


def _address(picture: bytes | None) -> str | None:
    return None if picture is None else "data:image/png;base64," + base64.b64encode(picture).decode("ascii")
