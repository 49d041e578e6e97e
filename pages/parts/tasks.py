"""One-shot tasks on screen: the support set, the ranked answers, the accuracy with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from pages.parts import charts, show, theme
from siamese_core.modalities.image import ImageItems
from siamese_core.one_shot import Ranked, Support

SHOWN = 4  # classes of a ranking
MOST_QUERIES = 40


@dataclass(frozen=True)
class Task:
    """A support set, queries, and the right class of each query where it is known. Pictures are what people see."""

    support: Support
    queries: ImageItems
    truth: tuple[str | None, ...]
    support_pictures: list[np.ndarray]
    query_pictures: list[np.ndarray]


def support(task: Task) -> None:
    """One example of each class, with its name."""
    st.subheader("Support set", anchor=False)
    with st.grid(10, min_column_width=84, gap="small") as grid:
        for way, name in enumerate(task.support.class_names):
            mine = np.flatnonzero(task.support.labels == way)
            with grid.cell():
                show.picture(task.support_pictures[int(mine[0])], f"Example of {name}", side=76)
                more = f" (+{len(mine) - 1})" if len(mine) > 1 else ""
                st.caption(said(name, task.support.class_names) + more)


def said(name: str, names: Sequence[str]) -> str:
    """A class's name without its group's where that is clear among `names`; else the group on a line above."""
    group, _, last = name.rpartition("/")
    if not group:
        return show.plain(name)
    alike = sum(n.rpartition("/")[2] == last for n in names)
    return show.plain(last) if alike < 2 else f"{show.plain(group)}  \n{show.plain(last)}"


def answers(task: Task, found: list[Ranked]) -> None:
    """Each query with the nearest classes, and whether the first is right where that is known."""
    known = [t for t in task.truth if t is not None]
    right = sum(r.label == t for r, t in zip(found, task.truth, strict=True) if t is not None)
    st.subheader(f"Queries: {right} of {len(known)} right" if known else "Queries", anchor=False)
    with st.grid(2, min_column_width=420, gap="small") as grid:
        for q, answer in enumerate(found[:MOST_QUERIES]):
            with grid.cell(), st.container(border=True):
                _answer(task, q, answer)
    if len(found) > MOST_QUERIES:
        st.caption(f"The first {MOST_QUERIES} of {len(found)} are shown.")


def _answer(task: Task, q: int, answer: Ranked) -> None:
    truth = task.truth[q]
    columns = st.columns([1.25, *[1] * min(SHOWN, len(answer.classes))], gap="small")
    with columns[0]:
        show.picture(task.query_pictures[q], f"Query {q + 1}" + (f", of class {truth}" if truth else ""), side=84)
        if answer.tied:
            st.markdown(":gray[no answer: a tie]")
        elif truth is None:
            st.markdown(f"**{show.plain((answer.label or '').rpartition('/')[2])}**")
        else:
            icon, colour = ("same", "green") if answer.label == truth else ("different", "red")
            st.markdown(f":{colour}[{theme.ICONS[icon]} {'right' if answer.label == truth else 'wrong'}]")
    for column, name, distance in zip(columns[1:], answer.classes, answer.distances, strict=False):
        way = task.support.class_names.index(name)
        mine = np.flatnonzero(task.support.labels == way)
        best = answer.nearest if answer.nearest in mine else int(mine[0])
        with column:
            show.picture(task.support_pictures[best], f"{name}, at distance {show.number(distance)}", side=56)
            st.caption(f"{said(name, task.support.class_names)}  \n{show.number(distance)}")


def accuracy(found: dict[str, Any], ways: int, shots: int) -> None:
    """A rate with its 95% interval against chance."""
    low, high = found["interval"]
    left, right = st.columns([0.3, 0.7], vertical_alignment="center")
    left.metric(f"{ways}-way {shots}-shot accuracy", show.percent(found["accuracy"]),
                help=f"Chance: {show.percent(found['chance'])}.")  # fmt: skip
    left.caption(f"95% interval {low:.1%} to {high:.1%}, {found['episodes']} tasks")
    with right:
        words = f"Accuracy {found['accuracy']:.1%}, 95% interval {low:.1%} to {high:.1%}, chance {found['chance']:.1%}."
        show.chart(charts.interval(found["accuracy"], low, high, found["chance"]), words, "one_shot_interval")
