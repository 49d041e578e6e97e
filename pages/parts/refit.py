"""Fitting a run's threshold and probabilities anew: the way from labelled pictures or pairs to Save, and back.

Nothing is changed before somebody presses Save; what the run decided by until then is kept, and can be put back.
"""

from __future__ import annotations

import functools
from typing import Any

import streamlit as st

from pages.parts import cache, later, refit_form, refit_view, refit_work, show, state, theme
from siamese_core import archive, calibration_card, runs
from siamese_core.calibration import Calibration
from siamese_core.calibration_card import Kept
from siamese_core.errors import RunError
from siamese_core.pair_scoring import PairScores
from siamese_core.runs import Run

COPY = "my-starter"


def section(run: Run) -> None:
    """The part of the Evaluate page."""
    with st.expander("Threshold and probabilities", icon=theme.ICONS["tune"], key="evaluate_refit"):
        show.guarded(_section)(run)


def _section(run: Run) -> None:
    _saved(run)
    now = _now(run)
    if run.status().active:
        st.caption("This run is training: its threshold is fitted at the end, and can be fitted anew after that.")
        return
    _few(run, now)
    _before(run, "evaluate")
    words = refit_form.sources(run)
    chosen = st.selectbox(
        "Fit anew on", list(words), key="evaluate_refit_source", format_func=words.get, width=300,
        help="Without training: on pictures or pairs that the network has not learnt from.",
    )  # fmt: skip
    source = refit_form.given(chosen, run)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        how = refit_form.settings("evaluate", run, now.calibration)
        about = source and _key(run, source.key, how)
        asked = st.button("Fit", key="evaluate_refit_start", icon=theme.ICONS["measure"], disabled=source is None)
    if asked and source:
        later.start(about, functools.partial(source.work, how))
    if source and (found := later.outcome(about)):
        _result(run, found, "evaluate")


def _few(run: Run, now: Kept) -> None:
    """What to do where too few identities were kept apart to tell how others will do, or none."""
    fitted = now.calibration
    seen = run.config().all_classes and fitted is None
    if run.is_starter or not (seen or (fitted is not None and fitted.unit != "identities")):
        return
    why = (
        "It learnt from all classes, so that none is left to fit on"
        if seen
        else "So few identities tell little of others"
    )
    st.caption(
        f"{why}. In the shell, `python -m siamese_core calibrate {run.name} --folds 4` trains four networks, each "
        "without a quarter of the classes, and fits on what each says of the quarter it never saw."
    )


def to_pairs(run: Run, scores: PairScores, name: str, of: tuple[Any, ...]) -> None:
    """The part of the Compare page: on labelled pairs that were scored there. `of` tells them from others."""
    if not (scores.same >= 0).any() or run.status().active:
        return
    if _saved(run):
        _before(run, "compare")
    now = refit_work.decides_by(run)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        how = refit_form.settings("compare", run, now.calibration)
        about = _key(run, of, how)
        if st.button("Fit the threshold to these pairs", key="compare_refit_start", icon=theme.ICONS["measure"],
                     help="Nothing is saved before you have seen what changes."):  # fmt: skip
            later.start(about, functools.partial(refit_work.of_scores, run, scores, name, how))
    if found := later.outcome(about):
        _result(run, found, "compare")


def _key(run: Run, source: tuple[Any, ...], how: dict[str, Any]) -> tuple[Any, ...]:
    return ("refit", str(run.folder), cache.version(run), source, tuple(how.items()))


def _now(run: Run) -> Kept:
    """Draw what the run decides by now; also returned, as nothing where it cannot be used."""
    try:
        now = calibration_card.now(run)
    except RunError as error:
        show.notice(error)
        return Kept(None)
    refit_view.now(now)
    return now


def _before(run: Run, page: str) -> None:
    """The way back, where there is one."""
    try:
        earlier = calibration_card.before(run)
    except RunError:
        return
    if earlier is None or earlier.threshold is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        of = f", fitted on {show.plain(earlier.calibration.source)}" if earlier.calibration else ""
        st.button("Put the old one back", key=f"{page}_refit_back", icon=theme.ICONS["undo"], on_click=_put_back,
                  args=(run,), help="What it decides by now is kept in its place.")  # fmt: skip
        st.caption(f"Before, the threshold was {show.number(earlier.threshold)}{of}.", width="content")


def _result(run: Run, found: refit_work.Result, page: str) -> None:
    def save() -> None:
        label, words = "Save for this run", "From then on this run decides by it, on every page and in the shell."
        if run.is_starter:
            label = "Save as a run of your own"
            words = "The starter model stays as it is: a copy of it decides by this."
        st.button(label, key=f"{page}_refit_save", icon=theme.ICONS["save"], on_click=_save,
                  args=(run, found.calibration), help=words)  # fmt: skip

    with st.container(border=True):  # Compare has the chart of these pairs already
        refit_view.result(found, save, "evaluate_refit_chart" if page == "evaluate" else None)


@show.told_later
def _save(run: Run, new: Calibration) -> None:
    if run.is_starter:
        taken = {r.name for r in runs.all_runs(runs.runs_folder())}
        name = next(n for i in range(1, 10_000) if (n := COPY if i == 1 else f"{COPY}-{i}") not in taken)
        run = archive.copy(run, runs.runs_folder(), name)
        state.choose_run(run.name)
    calibration_card.save(run, new)
    _remember(run)


@show.told_later
def _put_back(run: Run) -> None:
    calibration_card.put_back(run)
    _remember(run)


def _remember(run: Run) -> None:
    state.lab().answers["refit"] = str(run.folder), cache.version(run)


def _saved(run: Run) -> bool:
    """Tell what was just saved or put back, until something else is; whether there was anything."""
    if state.lab().answers.get("refit") != (str(run.folder), cache.version(run)):
        return False
    now = refit_work.decides_by(run)
    of = f", fitted on {show.plain(now.calibration.source)}" if now.calibration else ""
    st.success(f"Saved: **{show.plain(run.name)}** now decides by the threshold {show.number(now.threshold)}{of}.",
               icon=theme.ICONS["same"])  # fmt: skip
    return True
