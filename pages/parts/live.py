"""A run while it trains and after: figures, curves, Stop and Resume.

While it is active, one fragment that is not nested in another looks every second at what has been added to its
events; when it has ended, one rerun draws the page without the ticking. Training itself is another
process and knows nothing of this: closing the page changes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from pages.parts import charts, epochs, recipe, show, state, theme
from siamese_core import jobs
from siamese_core.runs import History, Run, Status

TICK = 1.0  # seconds
HIGH = 240  # of the two first charts, in pixels


def panel(run: Run, view: str = "run") -> None:
    """The run's panel, or its epochs as a film; ticks only while there is something to wait for."""
    active = run.status().active
    waiting = active or (view == "epochs" and epochs.waits(run))
    if waiting or view == "epochs":  # a film keeps its place on the page when there is no more to wait for
        st.fragment(_ticking, run_every=TICK if waiting else None)(str(run.folder), view, active, waiting)
    else:
        _draw(run, run.status(), view)
    if not active:
        state.lab().stopping.discard(run.name)


@show.guarded
def _ticking(folder: str, view: str, was_active: bool, waiting: bool) -> None:
    run = Run(Path(folder))
    status = run.status() if (run.folder / "config.json").exists() else Status("failed")
    if status.active != was_active or (waiting and not (status.active or epochs.waits(run))):
        st.rerun()
    _draw(run, status, view)


def _draw(run: Run, status: Status, view: str) -> None:
    history = state.history(run)
    _head(run, status, history)
    if view == "epochs":
        epochs.draw(run, above=510 if status.active else 470)
        return
    _figures(status, history)
    _after(run, status)
    if history.steps or history.epochs:
        left, right = st.columns(2)
        with left:
            st.markdown("**Loss**")
            other = "pictures as they are" if run.config().all_classes else "validation"
            show.chart(
                charts.loss_curves(history.steps, history.epochs, HIGH, other), _loss_words(history), "live_loss"
            )
        with right:
            seen = run.config().all_classes
            st.markdown(
                f"**Accuracy on {_watched(seen)}**",
                help="Pairs: same or different, half of them the same. One-shot: the right one among so many classes, "
                "from one example of each. "
                + ("It learns from these classes, so that the curves flatter." if seen
                   else "The network does not learn from these classes."),
            )  # fmt: skip
            until = history.steps[-1]["step"] if history.steps else 0
            show.chart(charts.accuracy_curves(history.epochs, until, HIGH), _accuracy_words(history), "live_accuracy")
        _more_charts(run, status, history)
    if history.messages:
        with st.expander("Log", icon=":material/notes:"):
            st.markdown("\n".join(f"- {show.plain(m)}" for m in history.messages[-30:]))


def _watched(seen: bool) -> str:
    """Whose figures the curves are."""
    return "classes it learns from" if seen else "validation classes"


def _more_charts(run: Run, status: Status, history: History) -> None:
    """Under the two first ones: how far apart validation pairs are now, and the learning rate."""
    left, right = st.columns(2)
    seen = histograms(history) or _of_the_card(run)
    if seen:
        with left:
            whose = "pairs it learns from" if run.config().all_classes else "validation pairs"
            st.markdown(f"**Distances of {whose}**",
                        help="As the network learns, pairs of the same class move to the left and pairs of different "
                        "classes to the right.")  # fmt: skip
            low, high = min(b["low"] for b in seen), max(b["high"] for b in seen)
            show.chart(charts.distance_histogram(seen[-1], low, high), "Distances of pairs of the same class and of "
                       "different classes, after the last epoch.", "live_distances")  # fmt: skip
    if any(s.get("learning_rate") is not None for s in history.steps):
        with right:
            rate = history.steps[-1].get("learning_rate")
            st.markdown(
                f"**Learning rate**, now {show.number(rate)}" if rate and status.active else "**Learning rate**"
            )
            show.chart(charts.learning_rate(history.steps, history.steps[-1]["step"]),
                       "The learning rate by batch: it rises at first, then falls to zero.", "live_rate")  # fmt: skip


def histograms(history: History) -> list[dict[str, Any]]:
    """How the distances lay after each epoch; empty for a run that did not write it down."""
    return [e["histogram"] for e in history.epochs if isinstance(e.get("histogram"), dict)]


def _of_the_card(run: Run) -> list[dict[str, Any]]:
    """The best epoch's distances, which older runs have in their card alone."""
    bins = (run.card() or {}).get("distances") or {}
    if not bins.get("edges"):
        return []
    return [{"low": bins["edges"][0], "high": bins["edges"][-1], "same": bins["same"], "different": bins["different"]}]


def _head(run: Run, status: Status, history: History) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        spent = max((e.get("seconds", 0.0) for e in (*history.steps[-1:], *history.epochs[-1:])), default=0.0)
        time = f" · trained for {show.duration(spent)}" if spent else ""
        st.markdown(f"**{show.plain(run.name)}** · {show.state_word(status.state)}{time}")
        if status.active:
            asked = run.name in state.lab().stopping
            st.button(
                "Stopping…" if asked else "Stop", key="live_stop", icon=theme.ICONS["stop"], type="primary",
                disabled=asked, on_click=_stop, args=(run,), help="Stops after the current batch and saves.",
            )  # fmt: skip
        elif status.can_resume:
            st.button(
                "Resume", key="live_resume", icon=theme.ICONS["resume"], on_click=_resume, args=(run,),
                type="secondary" if status.state == "failed" else "primary", help="Goes on from its last checkpoint.",
            )  # fmt: skip
    if status.active:
        done = progress_of(history)
        words = waiting_for(status, history) if status.state == "queued" or not history.steps else ""
        if done > 0:
            words = pace(done, history) or words
        st.progress(done, text=show.plain(words) or None)
    elif status.state in ("failed", "stalled"):
        st.error(show.plain(status.reason), icon=theme.ICONS["warning"])
        if status.state == "failed":
            st.caption("Change its settings and start again, or resume it when the cause is gone.")
            st.button("Put its settings into the form", key="live_repeat", icon=theme.ICONS["repeat"],
                      on_click=recipe.repeat, args=(run,))  # fmt: skip


def _figures(status: Status, history: History) -> None:
    if not history.steps and not history.epochs:
        return
    last, step = (history.epochs or [{}])[-1], (history.steps or [{}])[-1]
    ways, epochs = last.get("n_way"), last.get("epochs") or history.start.get("epochs") or status.epochs
    with st.grid(4, min_column_width=120, gap="small"):
        st.metric("Epoch", f"{last.get('epoch', 0)} / {epochs}", border=True)
        st.metric("Loss", show.number(step.get("loss", last.get("loss"))), border=True)
        st.metric("Pair accuracy", show.percent(last.get("pair_accuracy")), border=True)
        st.metric(f"{ways}-way one-shot" if ways else "One-shot", show.percent(last.get("one_shot")), border=True)


def _after(run: Run, status: Status) -> None:
    if status.active or not run.has_weights():
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Use it:", width="content")
        for page, label in (("compare", "Compare a pair"), ("one_shot", "One-shot"), ("map", "Map")):
            st.page_link(
                f"pages/{page}.py", label=label, icon=theme.ICONS[page], query_params=state.run_query(run.name)
            )


@show.told_later
def _stop(run: Run) -> None:
    if run.status().active:
        jobs.stop(run)
        state.lab().stopping.add(run.name)


@show.told_later
def _resume(run: Run) -> None:
    state.lab().stopping.discard(run.name)
    jobs.resume(run)


def progress_of(history: History) -> float:
    """How much is done, 0 to 1."""
    last = max((e.get("progress", 0.0) for e in (*history.steps[-1:], *history.epochs[-1:])), default=0.0)
    return min(max(float(last), 0.0), 1.0)


def time_left(done: float, history: History) -> float | None:
    """Seconds until the end at the speed so far, or None while that cannot be told."""
    seconds = max((e.get("seconds", 0.0) for e in (*history.steps[-1:], *history.epochs[-1:])), default=0.0)
    return seconds * (1 - done) / done if done > 0.01 and seconds > 1 else None


def pace(done: float, history: History) -> str:
    """What is left, and how quickly it goes."""
    left, rate = time_left(done, history), (history.steps or [{}])[-1].get("images_per_second")
    parts = [f"{show.duration(left)} left"] if left is not None else []
    return " · ".join([*parts, *([f"{rate:,.0f} pictures/s"] if rate else [])])


def waiting_for(status: Status, history: History) -> str:
    """What is being done before the first batch."""
    if status.reason:
        return status.reason
    return history.messages[-1] if history.messages else "Starting the training process."


def _loss_words(history: History) -> str:
    if not history.epochs:
        return "Training loss by batch."
    last = history.epochs[-1]
    return f"Training loss by batch, now {show.number(last.get('loss'))}; on validation classes {show.number(last.get('validation_loss'))}."  # noqa: E501


def _accuracy_words(history: History) -> str:
    if not history.epochs:
        return "Accuracy on validation classes, from the first epoch on."
    last = history.epochs[-1]
    return (
        f"On validation classes: pair accuracy {show.percent(last.get('pair_accuracy'))}, "
        f"{last.get('n_way')}-way one-shot accuracy {show.percent(last.get('one_shot'))}."
    )
