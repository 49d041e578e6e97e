"""One-shot: recognise classes from one or a few examples each, without training."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from pages.parts import cache, episode, frame, gather, later, show, state, tasks, theme, uploads
from siamese_core import one_shot
from siamese_core.errors import DataError
from siamese_core.one_shot import Support
from siamese_core.runs import Run
from siamese_core.types import InputSpec, LabelledSet

MOST_CLASSES = 20
MOST_SHOTS = 20
EPISODES = 400


def _sampled(run: Run) -> tasks.Task:
    sets = cache.choices(run)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("From", list(sets), key="one_shot_set", format_func=sets.get, width=280)
        data = cache.examples(run, chosen)
        most = max(2, min(MOST_CLASSES, data.n_classes))
        state.put("one_shot_ways", min(state.get("one_shot_ways", 5), most))
        ways = st.number_input("Ways (classes)", 2, most, key="one_shot_ways", width=140)
        shots = st.number_input("Shots (examples each)", 1, MOST_SHOTS, key="one_shot_shots", width=170)
        st.button("Draw another", type="primary", key="one_shot_again", icon=theme.ICONS["shuffle"],
                  on_click=state.next_seed, args=("one_shot",))  # fmt: skip
        asked = st.button("Measure accuracy", key="one_shot_measure", icon=theme.ICONS["measure"],
                          help=f"Over {EPISODES} random tasks like this one, from the same set.")  # fmt: skip
    rng = np.random.default_rng([state.seed("one_shot"), 5])
    drawn = one_shot.sample_episode(data, int(ways), int(shots), 1, rng)
    names = tuple(data.class_names[int(c)] for c in drawn.classes)
    support = Support(data.items.select(drawn.support), drawn.support_ways, names)
    order = rng.permutation(len(drawn.queries))
    task = tasks.Task(
        support,
        data.items.select(drawn.queries[order]),  # type: ignore[arg-type]
        tuple(names[int(w)] for w in drawn.query_ways[order]),
        [data.items.natural(int(i)) for i in drawn.support],  # type: ignore[attr-defined]
        [data.items.natural(int(i)) for i in drawn.queries[order]],  # type: ignore[attr-defined]
    )
    _measure(run, data, int(ways), int(shots), asked)
    return task


# Names of classes, how many examples each has, and all examples in that order.
_Classes = tuple[list[str], list[int], gather.Given]


def _own_classes(grid: Any, spec: InputSpec) -> _Classes | None:
    """Classes one by one: a name and examples each; None when some cannot be used, which is told there."""
    state.default("one_shot_classes", 2)
    count = st.number_input("Classes", 2, MOST_CLASSES, key="one_shot_classes", width=140)
    names, examples = [], []
    for i in range(int(count)):
        with grid.cell(), st.container(border=True):
            name = st.text_input("Class name", key=f"one_shot_name_{i}", placeholder=f"class {i + 1}", max_chars=60)
            names.append(name.strip() or f"class {i + 1}")
            examples.append(gather.many("Examples", f"one_shot_class_{i}", spec, MOST_SHOTS))
    found = [e for e in examples if e is not None]
    return (names, [len(e) for e in found], gather.joined(found)) if len(found) == len(examples) else None


def _zipped_classes(grid: Any, spec: InputSpec) -> _Classes | None:
    """Classes from a zip of class folders; None when it cannot be used, which is told there."""
    with grid.cell(), st.container(border=True):
        found = uploads.zipped_classes("Support set: a zip of class folders", "one_shot_zip", MOST_SHOTS)
        examples = gather.look([f for given in found.values() for f in given], spec, "one_shot_zip", 160)
    return list(found), [len(given) for given in found.values()], examples


def _ready(names: list[str], counts: list[int]) -> bool:
    """Whether these classes make a support set; otherwise says what to do. Raises DataError."""
    if twice := next((n for n in names if names.count(n) > 1), None):
        raise DataError(f"Two classes are called '{twice}'; give each its own name.")
    if len(names) > MOST_CLASSES:
        raise DataError(f"The support set has {len(names)} classes; at most {MOST_CLASSES} fit here.")
    words = "First give examples of at least two classes, then pictures to recognise."
    if any(counts):
        empty = next((n for n, count in zip(names, counts, strict=True) if not count), None)
        if empty is None:
            return True
        words = f"The class '{show.plain(empty)}' has no example yet; give it one."
    st.info(words, icon=theme.ICONS["upload"])
    return False


def _uploaded(run: Run, zipped: bool) -> tasks.Task | None:
    st.caption(gather.STAYS)
    spec = run.spec()
    above = st.container()
    with st.grid(2 if zipped else 3, min_column_width=260, gap="small") as grid:
        with above:
            classes = show.guarded(_zipped_classes if zipped else _own_classes)(grid, spec)
        with grid.cell(), st.container(border=True):
            queries = gather.many("Queries: pictures to recognise", "one_shot_queries", spec)
    # Every widget is on the page by now: whatever is wrong with some, what the others hold is not lost.
    if classes is None or queries is None or not _ready(*classes[:2]):
        return None
    names, counts, examples = classes
    support = Support(examples.items, np.repeat(np.arange(len(names)), counts), tuple(names))
    _tell_repeats(queries, support)
    return tasks.Task(support, queries.items, (None,) * len(queries), list(examples.shown), list(queries.shown))


def _tell_repeats(queries: gather.Given, support: Support) -> None:
    """Say which queries the support set holds already."""
    same = gather.alike(queries.items, support.items)  # type: ignore[arg-type]
    if len(same) == 1:
        of = show.plain(show.class_name(support.class_names[int(support.labels[same[0][1]])]))
        st.warning(f"Query {same[0][0] + 1} is the same picture as an example of '{of}': its answer proves nothing.",
                   icon=theme.ICONS["warning"])  # fmt: skip
    elif same:
        numbers = ", ".join(str(q + 1) for q, _ in same[:8]) + (", …" if len(same) > 8 else "")
        st.warning(f"{len(same)} queries ({numbers}) are the same pictures as examples of the support set: their "
                   "answers prove nothing.", icon=theme.ICONS["warning"])  # fmt: skip


def _measure(run: Run, data: LabelledSet, ways: int, shots: int, asked: bool) -> None:
    """The accuracy over many tasks like the one shown, if it was asked for."""
    about = ("one_shot", str(run.folder), cache.weights_digest(run), data.digest, ways, shots)
    if asked:
        model, part = cache.trained(run), cache.part_of(data)
        later.start(about, lambda progress: tasks.measured(model, part, ways, shots, EPISODES, progress))
    if found := later.outcome(about):
        tasks.accuracy(found, ways, shots)


def _page(run: Run) -> None:
    modes = {"sampled": "Sampled from a set", "classes": "Your own classes", "zip": "A zip of classes"}
    where = st.segmented_control("Support set", list(modes), default="sampled", key="one_shot_source", required=True,
                                 format_func=modes.get, label_visibility="collapsed")  # fmt: skip
    task = _sampled(run) if where == "sampled" else _uploaded(run, where == "zip")
    if task is None:
        return
    episode.draw(task, one_shot.classify(cache.trained(run), task.support, task.queries))
    if not len(task.queries):
        st.info("Now give pictures to recognise.", icon=theme.ICONS["upload"])


def page() -> None:
    """The whole page."""
    run = frame.begin("one_shot", "One-shot", "Recognise classes from one or a few examples each, without training.")
    if frame.needs_weights(run) and run is not None:
        _page(run)


frame.draw(page)
