"""Compare a pair: two pictures in, one distance and a verdict out."""

from __future__ import annotations

import streamlit as st

from pages.parts import frame, many_pairs, pairs, show, state, theme, verdict
from pages.parts.pairs import TWINS, Giver, Side
from siamese_core.modalities import face
from siamese_core.runs import Run
from siamese_core.verifier import Comparison

SOURCES = {  # how to get a pair: words, where the pictures come from, their size on the screen in pixels
    "drawn": ("Random pair", pairs.drawn, 168),
    "picked": ("Pick from a set", pairs.picked, 98),
    "examples": ("Examples", pairs.examples, 98),
    "own": ("Your own", pairs.own, 98),
}
MANY = "many"  # not one pair, but all that a table names
WAYS = {name: words for name, (words, *_) in SOURCES.items()} | {MANY: "Many pairs"}
SWAP = "compare_swap"


def _side(place: int, slot: int, give: Giver, run: Run, size: int) -> Side | None:
    """One twin's column: the widget that gives its picture, the picture, and what the network sees of it."""
    letter, _, word = TWINS[place]
    heading = st.empty()
    side = give(slot, place)
    said = (show.class_name(side.name) if side.known else side.name) if side else ""
    group, _, name = said.rpartition("/")
    with heading.container(gap=None):
        st.markdown(f":{word}[**{letter}**] {show.plain(name)}")
        if group:
            st.caption(show.plain(group))
    if side:
        network = side.fit(run.spec())
        with st.container(horizontal=True, gap="xsmall"):
            show.picture(side.picture, f"Picture {letter}, {said}", "as given", size)
            seen = network.picture(0)  # type: ignore[attr-defined]
            show.picture(seen, f"Picture {letter} as the network sees it", "as the network sees it", size)
        for text in face.words(network.faces, one=f"picture {letter}"):  # type: ignore[attr-defined]
            st.caption(f"{theme.ICONS['warning']} {text}")
    return side


def _result(run: Run, a: Side, b: Side) -> Comparison:
    words, scale = st.container(), st.container()
    found = verdict.moved(run, verdict.judged(run, a, b))
    with words:
        verdict.words(found, verdict.truth(a, b))
    with scale:
        verdict.scale(run, found)
    verdict.rates(run, found)
    st.button("Swap A and B", key="compare_swap", icon=theme.ICONS["swap"], on_click=state.next_seed, args=(SWAP,))
    if state.seed(SWAP):
        back = verdict.judged(run, b, a)
        st.caption(f"A to B is {show.number(found.distance)}, B to A is {show.number(back.distance)}: "
                   "the order does not matter.")  # fmt: skip
    return found


def _page(run: Run) -> None:
    source = st.segmented_control("Pictures", list(WAYS), default="drawn", key="compare_source", required=True,
                                  format_func=WAYS.get, label_visibility="collapsed")  # fmt: skip
    if source == MANY:
        many_pairs.draw(run)
        return
    _, begin, size = SOURCES[source]
    give = begin(run)
    swapped = state.seed(SWAP) % 2
    with st.grid(2, min_column_width=420, gap=("medium", "large")) as grid:
        with grid.cell():
            sides = []
            for place, column in enumerate(st.columns(2, gap="small")):
                with column:
                    sides.append(_side(place, place ^ swapped, give, run, size))
        with grid.cell():
            a, b = sides
            if a and b:
                verdict.unlike(run, a, b)
            found = _result(run, a, b) if a and b else None
            if not found:
                st.info("Give two pictures: the verdict appears here at once.", icon=theme.ICONS["upload"])
    if found and a and b:
        verdict.others(run, found, a, b)


def page() -> None:
    """The whole page."""
    run = frame.begin("compare", "Compare a pair", "Are two pictures of the same class? One distance tells.")
    if frame.needs_weights(run) and run is not None:
        _page(run)


frame.draw(page)
