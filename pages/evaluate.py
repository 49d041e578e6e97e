"""Evaluate: how far a network can be trusted, measured on classes it has not learnt from."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.parts import cache, evaluation_view, frame, later, leaks_view, show, theme
from siamese_core import evaluation, leaks, paired, protocols, report
from siamese_core.evaluation import Evaluation
from siamese_core.paired import Paired
from siamese_core.runs import Run
from siamese_core.types import LabelledSet

MOST_ITEMS = 4000  # so that it takes seconds
TEST = "test"


def _sources(run: Run) -> dict[str, str]:
    """What a run can be measured on without a download: key -> words; its own test classes first."""
    found = {}
    if len((run.manifest().get("split") or {}).get("test", ())) > 1 and cache.is_here(run.config().dataset):
        found[TEST] = "Test classes of this run"
    return found | {key: words for key, words in cache.choices(run).items() if key != "unseen"}


def _asked(run: Run) -> tuple[str, list[tuple[Run, Any]]]:
    """The controls; what to measure on, and the runs with the keys of their results."""
    sources = _sources(run)
    others = {r.name: r for r in frame.usable() if r.folder != run.folder}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = st.selectbox("Measure on", list(sources), key="evaluate_set", format_func=sources.get, width=300)
        beside = st.selectbox("Beside", ["", *others], key="evaluate_beside", width=240,
                              format_func=lambda n: n or "no other run")  # fmt: skip
        chosen = [run, *([others[beside]] if beside else [])]
        asked = [(r, ("evaluation", str(r.folder), cache.weights_digest(r), source, str(run.folder))) for r in chosen]
        st.button("Evaluate", type="primary", key="evaluate_start", icon=theme.ICONS["measure"],
                  on_click=_start, args=(asked, source, run))  # fmt: skip
    return source, asked


@show.told_later
def _start(asked: list[tuple[Run, Any]], source: str, of: Run) -> None:
    later.start(("evaluations", *(key for _, key in asked)), _all(asked, source, of))


def _all(
    asked: list[tuple[Run, Any]], source: str, of: Run
) -> Callable[[later.Progress], tuple[list[Evaluation], Paired | None]]:
    """All runs on the same data, and what sets two apart: the test classes are those of the current run."""

    def work(progress: later.Progress) -> tuple[list[Evaluation], Paired | None]:
        found = []
        for i, (run, _) in enumerate(asked):
            begin, name = i / len(asked), f"{run.name}: " if len(asked) > 1 else ""
            model = cache.trained(run)
            data = cache.test_classes(of) if source == TEST else cache.dataset(source)
            data = cache.part_of(data, MOST_ITEMS)
            got = evaluation.measure(
                model, data, run=run.name,
                progress=lambda words, share, b=begin, n=name: progress(n + words, b + share / len(asked)),
            )  # fmt: skip
            found.append(evaluation.warned(got, protocols.overlap_warnings(run, data.items, data.class_names)))
        return found, _difference(found, progress)

    return work


def _difference(found: list[Evaluation], progress: later.Progress) -> Paired | None:
    if len(found) < 2:
        return None
    progress("Testing the difference", 0.99)
    first, second = found
    thresholds = (first.threshold, second.threshold)
    return paired.compare(first.scored, second.scored, thresholds, seed=first.seed)


def _page(run: Run) -> None:
    source, asked = _asked(run)
    key = ("evaluations", *(key for _, key in asked))
    outcome = later.outcome(key)
    if outcome is None:
        if not later.known(key):
            show.empty("Press **Evaluate**: thousands of pairs that the network has not learnt from are scored, and "
                       "you see how often it errs, and where. It takes some seconds.")  # fmt: skip
        return
    found, difference = outcome
    data = cache.part_of(cache.test_classes(run) if source == TEST else cache.dataset(source), MOST_ITEMS)
    evaluation_view.draw(found, data, difference)
    with st.expander("Can these figures be believed?", icon=theme.ICONS["look"]):
        _checks(run, None if source == TEST else source)
    own = "test" if source == TEST else source
    st.download_button(
        "Download the report", lambda: _report(run, found[0], data, None if source == TEST else source),
        file_name=f"{run.name}-{own}.html", mime="text/html", key="evaluate_report", icon=theme.ICONS["download"],
        on_click="ignore", help="One page with all of this, to print or to hand on; it needs nothing else.",
    )  # fmt: skip


def _checks(run: Run, source: str | None) -> None:
    """Leaks between what the run learnt from and what it is measured on, and shortcuts."""
    key = ("checks", str(run.folder), cache.weights_digest(run), source)
    found = later.outcome(key)
    if found is not None:
        sides, findings = found

        def picture_of(place: tuple[str, int]) -> tuple[Any, str]:
            part, i = sides.parts[place[0]], place[1]
            return part.items.natural(i), part.class_names[int(part.labels[i])]

        leaks_view.draw(findings, picture_of)
    elif not later.known(key):
        st.markdown("Figures can flatter: pictures or people on both sides of the split, nearly identical copies, or a "
                    "border or a brightness that gives the class away.")  # fmt: skip
        st.button("Look for leaks and shortcuts", key="evaluate_checks", icon=theme.ICONS["look"],
                  on_click=_look, args=(key, run, source))  # fmt: skip


@show.told_later
def _look(key: Any, run: Run, source: str | None) -> None:
    def work(progress: later.Progress) -> tuple[Any, Any]:
        sides = leaks.sides_of(run, source, progress=progress)
        return sides, leaks.checks(sides, cache.trained(run), progress=progress)

    later.start(key, work)


def _report(run: Run, found: Evaluation, data: LabelledSet, source: str | None) -> bytes:
    """The evaluation as one page of HTML."""
    model = cache.trained(run)
    about = report.about(run, model.weights_digest, source, data.name, list(found.warnings))
    told = report.calibration_words(model.calibration)
    made_at = time.strftime("%Y-%m-%d %H:%M %z")
    pictures = data.items.natural  # type: ignore[attr-defined]
    return report.html(found, about, pictures, calibration=told, made_at=made_at).encode()


def page() -> None:
    """The whole page."""
    run = frame.begin("evaluate", "Evaluate", "How often does it err? Measured on classes it has not learnt from.")
    if frame.needs_weights(run) and run is not None:
        _page(run)


frame.draw(page)
