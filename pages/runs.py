"""Runs: every training, its curves and its settings."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from pages.parts import charts, forms, frame, recipe, show, state, theme
from siamese_core import runs
from siamese_core.runs import Run

CURVES = {
    "one_shot": ("One-shot", True),
    "pair_accuracy": ("Pairs", True),
    "validation_loss": ("Validation loss", False),
    "loss": ("Training loss", False),
}
SHOWN = 8  # curves before some are chosen


def _row(run: Run) -> dict[str, Any]:
    card, manifest = run.card() or {}, run.manifest()
    seen, config = card.get("validation") or {}, manifest["config"]
    return {
        "Run": run.name,
        "State": run.status().state,
        "Data": str(config.get("dataset", "")).rsplit("/", 1)[-1],
        "Loss": forms.word(config.get("loss")),
        "One-shot": seen.get("one_shot"),
        "Ways": seen.get("n_way"),
        "Pair accuracy": seen.get("pair_accuracy"),
        "Created": time.strftime("%d %b, %H:%M", time.localtime(float(manifest.get("created_at") or 0))),
    }


def _table(mine: list[Run]) -> list[Run]:
    """The list; the runs whose rows are chosen there, or the first few."""
    rows = []
    for r in mine:
        try:
            rows.append(_row(r))
        except runs.RunError as error:
            show.notice(error)
    rate = st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0)
    event = st.dataframe(
        rows, hide_index=True, key="runs_table", on_select="rerun", selection_mode="multi-row",
        height=min(36 * (len(rows) + 1) + 3, 250), column_config={"One-shot": rate, "Pair accuracy": rate},
        placeholder="–", alt="List of runs with their state, data, loss and accuracies",
    )  # fmt: skip
    picked = [rows[i]["Run"] for i in event["selection"]["rows"] if i < len(rows)]
    return [r for r in mine if r.name in picked] or mine[:SHOWN]


def _curves(chosen: list[Run]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        field = st.segmented_control("Curve", list(CURVES), default="one_shot", key="runs_field", required=True,
                                     format_func=lambda f: CURVES[f][0], label_visibility="collapsed")  # fmt: skip
        across = st.segmented_control("By", ["batches", "seconds"], default="batches", key="runs_across", required=True,
                                      label_visibility="collapsed")  # fmt: skip
    x = {"batches": "step", "seconds": "seconds"}[across]
    curves = {}
    for r in chosen:
        points = [(e[x], e[field]) for e in state.history(r).epochs if e.get(field) is not None]
        if points:
            curves[r.name] = ([p[0] for p in points], [p[1] for p in points])
    if not curves:
        st.caption("These runs have no curves yet: they appear after the first epoch.")
        return
    title, rate = CURVES[field]
    show.chart(
        charts.overlaid(curves, title, rate, across), f"{title} of {len(curves)} runs by {across}.", "runs_chart"
    )
    st.caption("Choose rows in the list to see only their curves." if len(curves) > 1 else "")


@st.dialog("Delete this run?")
def _delete(run: Run) -> None:
    st.markdown(f"**{show.plain(run.name)}**, its curves and its weights will be gone for good.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep it", key="runs_keep"):
            st.rerun()
        if st.button("Delete", type="primary", icon=theme.ICONS["delete"], key="runs_really", on_click=_remove,
                     args=(run,)):  # fmt: skip
            st.rerun()


@show.told_later
def _remove(run: Run) -> None:
    run.delete()
    state.choose_run(None)


def _one(run: Run) -> None:
    st.subheader(run.name, anchor=False)
    with st.container(horizontal=True):
        st.page_link("pages/train.py", label="Open", icon=theme.ICONS["train"], query_params=state.run_query(run.name))
        if st.button(
            "Repeat",
            key="runs_repeat",
            type="primary",
            icon=theme.ICONS["repeat"],
            help="Put its settings into the Train page's form.",
        ):
            recipe.repeat(run)
            st.switch_page("pages/train.py", query_params=state.run_query(run.name))
        if st.button("Delete", key="runs_delete", icon=theme.ICONS["delete"], disabled=run.status().active,
                     help="Stop it first." if run.status().active else None):  # fmt: skip
            _delete(run)
    status = run.status()
    if status.state in ("failed", "stalled"):
        st.error(show.plain(status.reason), icon=theme.ICONS["warning"])
    only = st.toggle("Only what differs from the usual", value=True, key="runs_only")
    rows = [
        {"Setting": label, "Value": value}
        for _, label, value, differs in forms.differences(run.config().to_dict())
        if differs or not only
    ]
    st.table(rows, border="horizontal", hide_index=True)


def page() -> None:
    """The whole page."""
    run = frame.begin("runs", "Runs", "Every training: how it went, with which settings.", own_only=True)
    mine = runs.all_runs(runs.runs_folder())
    if run is None:
        show.empty("There are no runs yet. Training a network on handwritten digits takes about a minute.", "train",
                   "Train a network")  # fmt: skip
    else:
        chosen = _table(mine)
        left, right = st.columns([0.62, 0.38], gap="large")
        with left:
            _curves(chosen)
        with right:
            _one(run)


frame.draw(page)
