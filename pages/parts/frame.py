"""What every page begins with: its title, one sentence of purpose, and the current run."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.parts import cache, show, state, theme
from pages.parts.picture import ASSETS
from siamese_core import runs
from siamese_core.errors import RunError
from siamese_core.runs import Run

# One list without sections: Streamlit's sections can be neither opened by keyboard nor read out as a list.
PAGES = {
    "home": ("Home", "What a siamese network is, and the first steps"),
    "train": ("Train", "Train a network and watch it learn"),
    "runs": ("Runs", "All trainings, their curves and settings"),
    "compare": ("Compare a pair", "Are two pictures of the same class?"),
    "evaluate": ("Evaluate", "How often a network errs, and where"),
    "one_shot": ("One-shot", "Recognise classes from one example each"),
    "search": ("Search", "The most similar pictures of a collection"),
    "map": ("Map", "The embeddings as a picture"),
}


def navigate() -> st.Page:
    """The frame around all pages; the page that was asked for."""
    st.set_page_config(page_title="Siamese Lab", page_icon=ASSETS / "mark.svg", layout="wide")
    st.logo(ASSETS / "mark.svg", size="large")
    st.html(ASSETS / "page.css")
    state.lab().framed = True
    return st.navigation(
        [
            st.Page(f"pages/{name}.py", title=title, icon=theme.ICONS[name], default=name == "home", help=help)
            for name, (title, help) in PAGES.items()
        ],
        expanded=True,
    )


def draw(page: Callable[[], None]) -> None:
    """Draw a page; whatever goes wrong there becomes one notice.

    A page whose address is the very first that a fresh server is asked for is run by itself, without
    app.py (Streamlit takes `pages/` for its own kind of navigation until it is told otherwise): tell it,
    and begin again.
    """
    if not state.lab().framed:
        navigate()
        st.rerun()
    show.guarded(page)()


def starter() -> Run | None:
    """The small model that ships, or None when this copy has none."""
    try:
        return runs.find("starter")
    except RunError:
        return None


def usable() -> list[Run]:
    """All runs that have weights, the starter last."""
    mine = [r for r in runs.all_runs(runs.runs_folder()) if r.has_weights()]
    return [*mine, *([model] if (model := starter()) else [])]


def begin(
    page: str, title: str, purpose: str, own_only: bool = False, beside: Callable[[], None] | None = None
) -> Run | None:
    """Draw the head of a page; the run that was chosen there, or None when there is none.

    `own_only` leaves the starter model out (it cannot be trained or deleted). By default the current
    run is the newest that can be used, else the starter. `beside` draws what stands beside the title.
    """
    cache.warm_up()
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        with st.container(gap=None, width=540):
            with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
                st.title(title, anchor=False, width="content")
                if beside:
                    beside()
            st.caption(purpose)
        found = _chooser(page, own_only)
    show.trouble()
    if found is not None and found.has_weights():
        state.lab().visited.add((page, state.lab().run != "starter"))
    if name := state.lab().missing:
        st.warning(
            f"There is no run **{show.plain(name)}** here any more (deleted or renamed); choose another.",
            icon=theme.ICONS["warning"],
        )
    return found


def _chooser(page: str, own_only: bool) -> Run | None:
    mine = runs.all_runs(runs.runs_folder())
    by_name = {r.name: r for r in mine}
    model = starter()
    if model and not own_only:
        by_name["starter"] = model
    key = f"{page}_run"
    usable = [n for n, r in by_name.items() if own_only or r.has_weights()]
    name = state.settle_run(list(by_name), next(iter([*usable, *by_name]), None), ["starter"] if model else [])
    if not by_name:
        return None
    state.put(key, name)
    with st.container(width=340, gap="xxsmall"):
        st.selectbox(
            "Current run",
            list(by_name),
            key=key,
            on_change=lambda: state.choose_run(state.get(key)),
            label_visibility="collapsed",
            icon=theme.ICONS["runs"],
        )
        st.markdown(f":small[{facts(by_name[name])}]" if name else "")
    return by_name.get(name) if name else None


def facts(run: Run) -> str:
    """One line on a run: its state, threshold and accuracy on validation classes."""
    card = run.card() or {}
    status = run.status()
    parts = [f":blue[{theme.STATES['running'][1]} in training]" if status.active else show.state_word(status.state)]
    if isinstance(threshold := card.get("threshold"), (int, float)):
        parts.append(f"threshold {show.number(threshold)}")
    seen = card.get("validation") or {}
    if seen.get("one_shot") is not None and seen.get("n_way"):
        parts.append(f"{seen['n_way']}-way one-shot {show.percent(seen['one_shot'])}")
    return " · ".join(parts)


def needs_weights(run: Run | None) -> bool:
    """True when the run can be used; otherwise draws what to do instead."""
    if run is not None and run.has_weights():
        return True
    if run is None:
        show.empty("There is no trained network yet. Training one on handwritten digits takes about a minute.",
                   "train", "Train a network")  # fmt: skip
        return False
    status = run.status()
    words = {
        "queued": "is waiting for its turn, and can be used after its first epoch.",
        "running": "is training, and can be used after its first epoch.",
        "failed": f"failed before its first epoch: {show.plain(status.reason)}",
        "stopped": "was stopped before its first epoch. Resume it, or choose another run.",
        "stalled": "ended without a word before its first epoch. Resume it, or choose another run.",
    }.get(status.state, "has no weights. Train it again, or choose another run.")
    show.empty(f"The run **{show.plain(run.name)}** {words}", "train", "See this run", state.run_query(run.name))
    return False
