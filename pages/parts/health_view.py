"""The health of a run's space, as cards: each figure beside plain pixels, its picture, what it means and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from pages.parts import cache, charts_health, later, map_controls, show, theme
from pages.parts.leaks_view import GRAVITY
from siamese_core import findings, health
from siamese_core.health import RunHealth
from siamese_core.runs import Run
from siamese_core.space_words import Reading
from siamese_core.types import LabelledSet

SIDE = 52  # pixels of a picture on the screen
HELP = {
    "collapse": "A collapsed network gives one answer to everything, and some other figures then look perfect.",
    "separation": "d′: how far the mean distances of same and different pairs are apart, in units of their spread.",
    "confusion": "Of which class the nearest other picture is; the run's own distance, all pairs compared.",
    "sphere": "Wang and Isola 2020: alignment is how far two pictures of a class are apart, uniformity how evenly all "
              "pictures fill the unit sphere; both are better when they are lower.",
    "rank": "The effective rank (Roy and Vetterli 2007): how many directions the embeddings use, weighed by how much.",
    "hubs": "Radovanović and others 2010: a hub is among the nearest of far too many pictures. Skewness is 0 when all "
            "are neighbours alike.",
}  # fmt: skip
# Which figures of a `Story` belong to a card: name -> words; whether they are rates.
OVER = {
    "separation": ({"d_prime": "d′"}, False),
    "confusion": ({"confusion": "wrong"}, True),
    "sphere": ({"alignment": "alignment", "uniformity": "uniformity"}, False),
    "rank": ({"effective_rank": "effective rank"}, False),
    "hubs": ({"skewness": "skewness"}, False),
}


def panel(run: Run) -> None:
    """Choose pictures, press Measure, and look."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        where = map_controls.pictures(run)
        seed = st.number_input(
            "Seed", 0, map_controls.MOST_SEED, 0, key="map_seed", bind="query-params", width=120,
            help="Of the pictures that are drawn by chance from sets of more than 10,000.",
        )  # fmt: skip
        key = ("health", str(run.folder), cache.weights_digest(run), where["data"], where["part"], int(seed))
        st.button("Measure", type="primary", key="health_start", icon=theme.ICONS["measure"], on_click=_start,
                  args=(key, run, where, int(seed)))  # fmt: skip
    found = later.outcome(key)
    if found is not None:
        _draw(found)
    elif not later.known(key):
        show.empty("Press **Measure**: how the network spreads these pictures out, which classes it mixes up, whether "
                   "a few pictures draw all others, and what plain pixels get. It takes some seconds.")  # fmt: skip


@show.told_later
def _start(key: Any, run: Run, where: dict[str, Any], seed: int) -> None:
    def work(progress: later.Progress) -> RunHealth:
        progress("Loading the pictures", 0.0)
        return health.of_run(run, cache.trained(run), _pictures(run, where), seed, progress)

    later.start(key, work)


def _pictures(run: Run, where: dict[str, Any]) -> LabelledSet:
    if where["data"] is not None:
        return cache.dataset(where["data"])
    return cache.test_classes(run) if where["part"] == "test" else cache.validation_classes(run)


def _draw(found: RunHealth) -> None:
    h = found.network
    st.caption(show.plain(" ".join([
        f"{findings.count(h.items, 'picture')} of {findings.count(h.classes, 'class')}, {h.dims} numbers each. "
        "Beside each figure is what plain pixels of the same pictures get.", *found.notes])))  # fmt: skip
    if found.warnings:
        st.warning(show.plain(" ".join(found.warnings)), icon=theme.ICONS["warning"])
    with st.grid(2, min_column_width=420, gap="medium") as grid:  # two stacks: cards are of unequal heights
        for first in (0, 1):
            with grid.cell():
                for reading in found.readings[first::2]:
                    with st.container(border=True):
                        _card(found, reading)
    if found.story is not None:
        _about(found)


def _card(found: RunHealth, reading: Reading) -> None:
    words, colour, icon = GRAVITY[reading.severity]
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.metric(
            reading.title, reading.value, help=HELP[reading.figure], width="content",
            delta=f"plain pixels: {reading.pixels}" if reading.pixels else None, delta_color="off", delta_arrow="off",
        )  # fmt: skip
        st.markdown(f":{colour}[{icon} {words}]", width="content")
    st.markdown(show.plain(reading.means))
    if reading.do:
        st.markdown(f"{theme.ICONS['mend']} {show.plain(reading.do)}")
    if not found.network.collapsed or reading.figure == "collapse":
        PICTURES[reading.figure](found)
    _over(found, reading)


def _over(found: RunHealth, reading: Reading) -> None:
    story = found.story
    if story is None or reading.figure not in OVER or len(story.epochs) < 2:
        return
    names, rate = OVER[reading.figure]
    lines = {words: story.values[name] for name, words in names.items() if np.isfinite(story.values[name]).any()}
    if lines:
        st.caption(f"Epoch by epoch: {' and '.join(lines)}")
        show.chart(charts_health.over_epochs(story.epochs, lines, rate),
                   f"{reading.title} over the epochs, from before training to epoch {story.epochs[-1]}.",
                   f"health_over_{reading.figure}")  # fmt: skip


def _about(found: RunHealth) -> None:
    story = found.story
    assert story is not None
    kind = "unseen classes" if story.unseen else "classes"
    learned = (
        "" if story.distance == found.distance else " Its own distance was learnt; Manhattan distance stands for it."
    )
    st.caption(
        f"Epoch by epoch: {story.items} pictures of {story.classes} {kind} that the run watches, epoch 0 being before "
        f"training. They are other pictures than above, so that levels differ; look at the way they go.{learned}"
    )


# ---- the picture of each card ----


def _numbers(found: RunHealth) -> None:
    show.chart(charts_health.numbers(found.network), "How much each number of the embedding varies.", "health_numbers")


def _apart(found: RunHealth) -> None:
    if found.network.apart is not None:
        show.chart(charts_health.apart(found.network.apart),
                   "Histogram of the distances of same and different pairs.", "health_apart")  # fmt: skip


def _confusion(found: RunHealth) -> None:
    c, names = found.network.confusion, found.class_names
    if c is None:
        return
    if len(names) <= charts_health.MOST_CLASSES and c.asked.any():
        show.chart(charts_health.nearest(c.matrix(len(names)), names, theme.ink(show.dark())),
                   "Of each class, the classes of its nearest neighbours.", "health_nearest")  # fmt: skip
    wrong = bool(c.wrong.any())
    st.caption("Mistaken most, with the nearest such pair:" if wrong else "Nothing is mistaken; the nearest pairs:")
    with st.container(horizontal=True, gap="medium"):
        for a, b, count, i, j in found.confused:
            with st.container(width="content", gap="xxsmall"):
                with st.container(horizontal=True, gap="xsmall", width="content"):
                    _picture(found, i)
                    _picture(found, j)
                st.markdown(f":small[{_both(names[a], names[b])}{f' ({count})' if wrong else ''}]")


def _sphere(found: RunHealth) -> None:
    if found.network.alignment is not None:
        show.chart(charts_health.sphere(found.network, found.pixels),
                   "Alignment against uniformity, of this network and of plain pixels.", "health_sphere")  # fmt: skip


def _rank(found: RunHealth) -> None:
    show.chart(charts_health.directions(found.network, found.pixels),
               "The share of variance by number of principal components.", "health_rank")  # fmt: skip


def _hubs(found: RunHealth) -> None:
    hubs = found.network.hubs
    if hubs is None:
        return
    show.chart(charts_health.hubs(hubs, found.pixels.hubs if found.pixels else None),
               "How many others have a picture among their nearest.", "health_hubs")  # fmt: skip
    st.caption(f"The largest hubs, with how many have them among their {hubs.k} nearest:")
    with st.container(horizontal=True, gap="small"):
        for i in found.hubs:
            with st.container(width="content", gap="xxsmall"):
                _picture(found, i)
                st.markdown(f":small[{hubs.occurrence[i]:.0f}]", text_alignment="center")


def _picture(found: RunHealth, i: int) -> None:
    if i in found.pictures:
        show.picture(found.pictures[i], f"A picture of {found.class_of(i)}", None, SIDE)


def _both(one: str, other: str) -> str:
    if len(one) + len(other) <= 14:
        return f"{show.plain(one)} and {show.plain(other)}"
    return f"{_short(one)}]  \n:small[{_short(other)}"


def _short(name: str) -> str:
    return show.plain(name if len(name) <= 18 else f"…{name[-17:]}")


PICTURES: dict[str, Callable[[RunHealth], None]] = {
    "collapse": _numbers,
    "separation": _apart,
    "confusion": _confusion,
    "sphere": _sphere,
    "rank": _rank,
    "hubs": _hubs,
}
