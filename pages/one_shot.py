"""One-shot: recognise classes from one or a few examples each, without training."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.parts import cache, episode, frame, later, show, state, tasks, theme, uploads
from siamese_core import one_shot
from siamese_core.errors import DataError
from siamese_core.modalities.image import from_files
from siamese_core.one_shot import Support
from siamese_core.runs import Run
from siamese_core.types import LabelledSet

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


def _class_uploads() -> dict[str, list[uploads.Source]]:
    """Classes one by one: a name and pictures each."""
    state.default("one_shot_classes", 2)
    count = st.number_input("Classes", 2, MOST_CLASSES, key="one_shot_classes", width=140)
    found: dict[str, list[uploads.Source]] = {}
    columns = st.columns(2)
    for i in range(int(count)):
        with columns[i % 2], st.container(border=True):
            name = st.text_input("Class name", key=f"one_shot_name_{i}", placeholder=f"class {i + 1}").strip()
            given = uploads.pictures("Examples", f"one_shot_files_{i}", many=True)
        name = name or f"class {i + 1}"
        if name in found:
            raise DataError(f"Two classes are called '{name}'; give each its own name.")
        found[name] = given
    return found


def _uploaded(run: Run, zipped: bool) -> tasks.Task | None:
    st.caption("Uploads stay in this browser session and are gone with it; nothing is saved.")
    left, right = st.columns([0.62, 0.38], gap="large")
    with left:
        classes = (
            uploads.zipped_classes("Support set: a zip of class folders", "one_shot_zip", MOST_SHOTS)
            if zipped
            else _class_uploads()
        )
    with right:
        queries = uploads.pictures("Queries: pictures to recognise", "one_shot_queries", many=True)
    if not any(classes.values()):
        st.info("First give examples of at least two classes, then pictures to recognise.", icon=theme.ICONS["upload"])
        return None
    if empty := [name for name, given in classes.items() if not given]:
        st.info(f"The class '{show.plain(empty[0])}' has no example yet; give it one.", icon=theme.ICONS["upload"])
        return None
    if len(classes) > MOST_CLASSES:
        raise DataError(f"The support set has {len(classes)} classes; at most {MOST_CLASSES} fit here.")
    files = [f for given in classes.values() for f in given]
    labels = np.repeat(np.arange(len(classes)), [len(given) for given in classes.values()])
    support = Support(from_files(files, run.spec()), labels, tuple(classes))
    return tasks.Task(
        support,
        from_files(queries, run.spec()),
        (None,) * len(queries),
        [np.asarray(uploads.thumbnail(*f, side=160)) for f in files],
        [np.asarray(uploads.thumbnail(*f, side=160)) for f in queries],
    )


def _measure(run: Run, data: LabelledSet, ways: int, shots: int, asked: bool) -> None:
    """The accuracy over many tasks like the one shown, if it was asked for."""
    about = ("one_shot", str(run.folder), cache.weights_digest(run), data.digest, ways, shots)
    if asked:
        model, part = cache.trained(run), cache.part_of(data)
        later.start(about, lambda progress: tasks.measured(model, part, ways, shots, EPISODES, progress))
    if found := later.outcome(about):
        tasks.accuracy(found, ways, shots)


def _page(run: Run) -> None:
    modes = {"sampled": "Sampled from a set", "classes": "Upload classes", "zip": "Upload a zip"}
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
