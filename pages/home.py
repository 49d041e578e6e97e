"""Home: what a siamese network is, the first five minutes, and what was trained last."""

from __future__ import annotations

import time
from dataclasses import dataclass

import streamlit as st

from pages.parts import cache, frame, picture, show, state, theme
from siamese_core.runs import Run, all_runs, runs_folder

MOST_RUNS = 4


@dataclass(frozen=True)
class Step:
    """One step of the first five minutes."""

    page: str
    title: str
    words: str
    done: bool
    run: str | None = None  # the run to take along; the current one when None
    open: bool = True  # whether it can be taken now


def _steps(mine: list[Run], starter: bool) -> list[Step]:
    """The six steps, and which are done: in this session, or by a run that is there."""
    usable = [r for r in mine if r.has_weights()]
    started = bool(usable) or any(r.status().active for r in mine)
    own = usable[0].name if usable else None
    visited = state.lab().visited

    def used(page: str) -> bool:
        return (page, True) in visited or (page, False) in visited

    any_run = starter or bool(usable)
    return [
        Step("compare", "Compare a pair", "Two pictures in, one distance out: same or different?",
             used("compare"), "starter" if starter else None, any_run),
        Step("train", "Train a network", "On real handwritten digits; it takes about a minute.", started),
        Step("train", "Watch it learn", "The loss falls; classes it has never seen come apart.",
             ("train", True) in visited, own, started),
        Step("compare", "Compare with your run", "The same pictures, judged by what you have trained.",
             ("compare", True) in visited, own, bool(usable)),
        Step("one_shot", "Name new classes", "One-shot: from a single example of each, without training.",
             used("one_shot"), None, any_run),
        Step("map", "Look at the map", "Every picture a point, alike ones together.", used("map"), None, any_run),
    ]  # fmt: skip


def _path(steps: list[Step]) -> None:
    following = next((s for s in steps if s.open and not s.done), None)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.header("Your first five minutes", anchor=False)
        if following is None and st.button("Train another network", key="home_again", type="primary",
                                           icon=theme.ICONS["train"]):  # fmt: skip
            st.switch_page("pages/train.py", query_params=state.run_query())
    with st.container(key="home_steps"), st.grid(3, min_column_width=230, gap="small", border=True) as grid:
        for number, step in enumerate(steps, start=1):
            with grid.cell(), st.container(gap="xxsmall"):
                _step(number, step, step is following)


def _step(number: int, step: Step, following: bool) -> None:
    icon = theme.ICONS["same"] if step.done else f":material/counter_{number}:"
    query = state.run_query(step.run)
    where = f"pages/{step.page}.py"
    if following:
        if st.button(step.title, icon=icon, key=f"home_{number}", type="primary"):
            st.switch_page(where, query_params=query)
    elif step.open:
        st.page_link(where, label=step.title, icon=icon, query_params=query)
    else:
        st.markdown(f":gray[{icon} **{step.title}**]")
    st.caption(f":green[Done.] {step.words}" if step.done else step.words)


def _recent(mine: list[Run]) -> None:
    st.header("Recent runs", anchor=False)
    if not mine:
        st.caption("None yet. The first one takes about a minute, and stays here when you close the page.")
        return
    with st.container(border=True, gap="xxsmall", key="home_recent"):
        for run in mine[:MOST_RUNS]:
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                st.page_link("pages/train.py", label=show.plain(run.name), query_params=state.run_query(run.name))
                st.markdown(f":small[{frame.facts(run)}]", width="content")
    if len(mine) > MOST_RUNS:
        st.page_link("pages/runs.py", label=f"All {len(mine)} runs", icon=theme.ICONS["runs"],
                     query_params=state.run_query())  # fmt: skip


@st.fragment(run_every=1.0)
def _waiting(drawn: float) -> None:
    """Once the page is on the screen, has what the network needs imported; then has the page drawn with it."""
    if cache.warm():
        st.rerun()
    if time.monotonic() - drawn > 0.5:  # not while the page itself is being drawn: both would take longer
        cache.warm_up()


def _head() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        with st.container(gap=None, width=720):
            st.title("Siamese Lab", anchor=False)
            st.caption("Train a siamese network on pictures, compare pairs, recognise new classes, see what it learnt.")
        words = cache.device_words() if cache.warm() else "looking for the device…"
        st.badge(words, icon=theme.ICONS["device"], color="gray", help="Where networks are trained and used.")
    st.markdown(
        "A **siamese network** sends two inputs through the same network and measures how far apart they come out: "
        "close means the same class, even for classes it has never seen."
    )


def page() -> None:
    """The whole page."""
    mine = all_runs(runs_folder())
    starter = frame.starter()
    _head()
    show.guarded(picture.twin)(starter)
    _path(_steps(mine, starter is not None))
    _recent(mine)
    if not cache.warm():
        _waiting(time.monotonic())


frame.draw(page)
