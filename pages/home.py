"""Home: what a siamese network is, and the first steps."""

from __future__ import annotations

import streamlit as st

from pages.parts import cache, frame, picture, show, state, theme
from siamese_core import runs

STEPS = (
    ("compare", "Compare a pair", "Two pictures in, one distance out: same or different?"),
    ("train", "Train", "On real handwritten digits; it takes about a minute."),
    ("one_shot", "One-shot", "Name new classes from one example each."),
    ("map", "Map", "Every picture as a point, alike ones together."),
)


@st.fragment(run_every=1.0)
def _asking() -> None:
    if cache.device_words():
        st.rerun()
    st.caption(f"{theme.ICONS['device']} Looking for the device…")


def _device() -> None:
    if words := cache.device_words():
        st.badge(words, icon=theme.ICONS["device"], color="gray", help="Where networks are trained and used.")
    else:
        _asking()


def _recent(mine: list[runs.Run]) -> None:
    st.subheader("Recent runs", anchor=False)
    if not mine:
        st.caption("None yet. The first one takes about a minute.")
    for run in mine[:4]:
        seen = (run.card() or {}).get("validation") or {}
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.page_link("pages/train.py", label=show.plain(run.name), query_params=state.run_query(run.name))
            words = f"{seen['n_way']}-way one-shot {show.percent(seen['one_shot'])} · " if seen.get("n_way") else ""
            st.markdown(words + show.state_word(run.status().state), width="content")


def page() -> None:
    """The whole page."""
    mine = runs.all_runs(runs.runs_folder())
    usable = frame.starter() is not None or any(r.has_weights() for r in mine)
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        with st.container(gap=None, width=720):
            st.title("Siamese Lab", anchor=False)
            st.caption("Train a siamese network on pictures, compare pairs, recognise new classes, see what it learnt.")
        _device()
    st.markdown(
        "A **siamese network** sends two inputs through the same network and measures how far apart they come out: "
        "close means the same class, even for classes it has never seen."
    )
    picture.twin()
    first = "compare" if usable else "train"
    with st.grid(4, min_column_width=200, gap="small", border=True) as grid:
        for name, title, words in STEPS:
            with grid.cell():
                st.markdown(f"**{theme.ICONS[name]} {title}**  \n{words}")
                if name == first:
                    if st.button(title, key=f"home_{name}", type="primary"):
                        st.switch_page(f"pages/{name}.py", query_params=state.run_query())
                else:
                    st.page_link(f"pages/{name}.py", label="Open", query_params=state.run_query())
    _recent(mine)


frame.draw(page)
