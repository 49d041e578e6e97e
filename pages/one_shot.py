"""One-shot: recognise classes from one or a few examples each, without training."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from pages.parts import (
    cache,
    charts_shots,
    deciding,
    episode,
    frame,
    gather,
    lab_view,
    later,
    show,
    state,
    support_editor,
    tasks,
    theme,
    uploads,
)
from siamese_core import support_files
from siamese_core.confusion import confusion
from siamese_core.one_shot import Support
from siamese_core.runs import Run
from siamese_core.support_set import SupportSet
from siamese_core.types import InputSpec, LabelledSet

VIEWS = {"recognise": "Recognise", "laboratory": "Laboratory"}
SOURCES = {"sampled": "Sampled", "classes": "Your own", "zip": "Saved or zip"}
MOST_WAYS = 20
MOST_SHOTS = 20
MOST_FOREIGN = 20
EPISODES = 400


def _sampled(run: Run) -> tuple[tasks.Task, Any]:
    """A task of a set, and how to make its support set."""
    sets = cache.choices(run)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("From", list(sets), key="one_shot_set", format_func=sets.get, width=205)
        data = cache.examples(run, chosen)
        most = max(2, min(MOST_WAYS, data.n_classes))
        state.put("one_shot_ways", min(state.get("one_shot_ways", 5), most))
        ways = int(st.number_input("Ways (classes)", 2, most, key="one_shot_ways", width=128))
        shots = int(st.number_input("Shots (each)", 1, MOST_SHOTS, key="one_shot_shots", width=128))
        foreign = _foreign(run, data, ways)
        st.button("Draw another", type="primary", key="one_shot_again", icon=theme.ICONS["shuffle"],
                  on_click=state.next_seed, args=("one_shot",))  # fmt: skip
        asked = st.button("Measure accuracy", key="one_shot_measure", icon=theme.ICONS["measure"],
                          help=f"Over {EPISODES} random tasks like this one, from the same set, by the nearest support "
                          "picture. The Laboratory has all sizes and rules.")  # fmt: skip
    task, drawn = tasks.sampled(data, ways, shots, foreign, state.seed("one_shot"))
    _measure(run, data, ways, shots, asked)
    return task, partial(support_files.from_samples, data, drawn)


def _foreign(run: Run, data: LabelledSet, ways: int) -> int:
    """How many queries shall be of other classes; none where they could not be told, or there are no others."""
    if data.n_classes <= ways or not deciding.can_refuse(run):
        return 0
    state.default("one_shot_foreign", 1)
    return int(st.number_input("Foreign queries", 0, MOST_FOREIGN, key="one_shot_foreign", width=135,
                               help="Queries of classes that the support set does not have."))  # fmt: skip


def _ready(made: SupportSet) -> bool:
    """Whether these classes make a support set; otherwise says what to do."""
    words = "First give examples of at least two classes, then pictures to recognise."
    if len(made):
        empty = next((c.name for c in made.classes if not c.pictures), None)
        if empty is None and len(made.classes) > 1:
            return True
        words = "Give examples of another class: a support set needs at least two."
        if empty is not None:
            words = f"The class '{show.plain(empty)}' has no example yet; give it one."
    st.info(words, icon=theme.ICONS["upload"])
    return False


def _queries(spec: InputSpec) -> tuple[gather.Given, list[str | None]] | None:
    """Pictures to recognise, and the classes of those that come in class folders; None when some cannot be used."""
    given = gather.many("Queries: pictures to recognise", "one_shot_queries", spec)
    labelled = show.guarded(_labelled)(spec)
    if given is None or labelled is None:
        return None
    pictures, truth = labelled
    return (gather.joined([given, pictures]) if len(pictures) else given), [None] * len(given) + truth


def _labelled(spec: InputSpec) -> tuple[gather.Given, list[str | None]]:
    with st.expander("Queries whose classes are known", icon=theme.ICONS["table"]):
        label = "A zip of class folders: each picture's class is its folder, so that right and wrong are counted"
        found = uploads.zipped_classes(label, "one_shot_labelled", uploads.MOST_PICTURES)
        sources = [source for given in found.values() for source in given]
        truth: list[str | None] = [name for name, given in found.items() for _ in given]
        return gather.look(sources, spec, "one_shot_labelled", 160), truth


def _given(run: Run, zipped: bool) -> tuple[tasks.Task, Any] | None:
    """A task of one's own, and how to make its support set; None while something is missing."""
    st.caption(gather.STAYS)
    spec = run.spec()
    above = st.container()
    with st.grid(2 if zipped else 3, min_column_width=260, gap="small") as grid:
        with above:
            made = show.guarded(support_editor.opened if zipped else support_editor.cards)(grid, spec)
        with grid.cell(), st.container(border=True):
            queries = _queries(spec)
    # Every widget is on the page by now: whatever is wrong with some, what the others hold is not lost.
    if made is None or queries is None or not _ready(made[0]):
        return None
    (value, examples), (asked, truth) = made, queries
    support = Support(examples.items, value.labels, value.names)
    task = tasks.Task(support, asked.items, tuple(truth), list(examples.shown), list(asked.shown))
    return task, lambda: value


def _measure(run: Run, data: LabelledSet, ways: int, shots: int, asked: bool) -> None:
    """The accuracy over many tasks like the one shown, if it was asked for."""
    about = ("one_shot", str(run.folder), cache.weights_digest(run), data.digest, ways, shots)
    if asked:
        model, part = cache.trained(run), cache.part_of(data)
        later.start(about, lambda progress: tasks.measured(model, part, ways, shots, EPISODES, progress))
    if found := later.outcome(about):
        tasks.accuracy(found, ways, shots)


def _confusion(task: tasks.Task, found: list[Any]) -> None:
    """What was called what, where the right classes are known."""
    told = confusion([a.label for a in found], [a.why for a in found], task.truth, task.support.class_names)
    if not told.total:
        return
    with st.expander("What was called what", icon=theme.ICONS["table"]):
        low, high = told.interval
        st.markdown(f"**{told.right} of {told.total} right**, {show.percent(told.accuracy)} (95% interval {low:.0%} to "
                    f"{high:.0%}). Rows: what a query is; columns: what it was called.")  # fmt: skip
        show.chart(charts_shots.confusion(told, theme.ink(show.dark())), "How often each class was called what.",
                   "one_shot_confusion")  # fmt: skip


def _recognise(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        where = st.segmented_control("Support set", list(SOURCES), default="sampled", key=support_editor.SOURCE,
                                     required=True, format_func=SOURCES.get, width="content")  # fmt: skip
        decided = deciding.controls(run)
    made = _sampled(run) if where == "sampled" else _given(run, where == "zip")
    if made is None:
        return
    task, support = made
    of = deciding.classifier(run, task.support, decided)
    found = of.answer(task.queries, decided.rate)
    if where != "sampled":
        deciding.repeats(found, task.support)
    episode.draw(task, found)
    deciding.told(of, decided, run)
    if not len(task.queries):
        st.info("Now give pictures to recognise.", icon=theme.ICONS["upload"])
    _confusion(task, found)
    support_editor.take_along(support, where != "classes")


def _views() -> None:
    st.segmented_control("View", list(VIEWS), key="one_shot_view", required=True, format_func=VIEWS.get,
                         bind="query-params", label_visibility="collapsed", default="recognise")  # fmt: skip


def page() -> None:
    """The whole page."""
    purpose = "Recognise classes from one or a few examples each, without training."
    run = frame.begin("one_shot", "One-shot", purpose, beside=_views)
    if frame.needs_weights(run) and run is not None:
        (lab_view.panel if state.get("one_shot_view") == "laboratory" else _recognise)(run)


frame.draw(page)
