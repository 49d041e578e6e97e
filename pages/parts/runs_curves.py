"""The curves of several runs over each other: which measure, by what, how smooth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from pages.parts import charts, show, state
from siamese_core.runs import History, Run

MEASURES = {  # field: words, a rate, of every epoch or of every step, smoothing at first
    "one_shot": ("One-shot", True, "epochs", 0.0),
    "pair_accuracy": ("Pairs", True, "epochs", 0.0),
    "validation_loss": ("Validation loss", False, "epochs", 0.0),
    "loss": ("Training loss", False, "steps", 0.9),
}
ACROSS = {"batches": "step", "epochs": "epoch", "seconds": "seconds"}
MOST_POINTS = 800  # of a curve on the screen
TICK = 3.0  # seconds between two looks at runs that train

Curve = tuple[list[float], list[float]]


def draw(chosen: Sequence[Run]) -> None:
    """The chart with its controls; looks again by itself while one of the runs trains."""
    if any(r.status().active for r in chosen):
        _ticking([str(r.folder) for r in chosen])
    else:
        _draw(chosen)


@st.fragment(run_every=TICK)
@show.guarded
def _ticking(folders: list[str]) -> None:
    chosen = [Run(Path(f)) for f in folders]
    if not any(r.status().active for r in chosen):
        st.rerun()
    _draw(chosen)


def _draw(chosen: Sequence[Run]) -> None:
    field = st.segmented_control("Measure", list(MEASURES), default="one_shot", key="runs_field", required=True,
                                 format_func=lambda f: MEASURES[f][0], label_visibility="collapsed")  # fmt: skip
    place = st.container()
    title, rate, kind, usual = MEASURES[field]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        across = st.segmented_control("By", list(ACROSS), default="batches", key="runs_across", required=True,
                                      label_visibility="collapsed")  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="center", width=250):
            st.markdown(":small[Smoothing]", width="content")
            smoothing = st.slider("Smoothing", 0.0, 0.99, usual, 0.01, key=f"runs_smoothing_{kind}", width="stretch",
                                  label_visibility="collapsed")  # fmt: skip
    curves = {}
    for run in chosen:
        x, y = points(state.history(run), field, across)
        if x:
            curves[run.name] = (x, y)
    with place:
        if not curves:
            st.info("These runs have no curves: a curve begins with the first epoch.")
            return
        words = f"{title} of {', '.join(curves)} by {across}."
        smooth = {n: thinned((x, y)) for n, (x, y) in curves.items()}
        show.chart(charts.overlaid(smooth, title, rate, across, smoothing=smoothing), words, "runs_chart")


def points(history: History, field: str, across: str) -> Curve:
    """One measure of a run by batches, epochs or seconds; a step's epoch has a fraction where it is known."""
    steps, batches = MEASURES[field][2] == "steps", history.start.get("steps_per_epoch")
    fraction = batches if steps and across == "epochs" and batches else None
    by = "step" if fraction else ACROSS[across]
    x: list[float] = []
    y: list[float] = []
    for e in history.steps if steps else history.epochs:
        if isinstance(e.get(by), int | float) and isinstance(e.get(field), int | float):
            x.append(e[by] / (fraction or 1))
            y.append(e[field])
    return x, y


def thinned(curve: Curve, most: int = MOST_POINTS) -> Curve:
    """At most about so many points: of each stretch the mean, so that no outlier decides."""
    x, y = curve
    every = -(-len(x) // most)
    if every <= 1:
        return curve
    parts = [slice(i, i + every) for i in range(0, len(x), every)]
    return [x[p][-1] for p in parts], [sum(y[p]) / len(y[p]) for p in parts]
