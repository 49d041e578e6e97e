"""A one-shot task as a picture: classes above, queries below, an arrow from each query to the class it was given.

Drawn by a part of the browser's. Its assets are plain files; what people typed or uploaded travels as data, is set as
text there, and pictures are PNG made here from decoded pixels.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from pages.parts import show, theme
from pages.parts.picture import ASSETS
from pages.parts.tasks import Task
from siamese_core.confusion import NONE
from siamese_core.one_shot import Ranked

MOST_QUERIES = 40
RANKED = 5  # classes of a ranking, and the right one where it comes later
SIDE = 160  # pixels that a picture is sent with, about

_episode = st.components.v2.component(
    "siamese_episode",
    html=(ASSETS / "episode.html").read_text("utf-8"),
    css=(ASSETS / "episode.css").read_text("utf-8"),
    js=(ASSETS / "episode.js").read_text("utf-8"),
)


def draw(task: Task, found: Sequence[Ranked]) -> None:
    """The task with its answers; without queries, the support set alone."""
    head = headline(task, found)
    st.subheader(head or "Support set", anchor=False)
    _episode(key="episode", data=laid_out(task, found[:MOST_QUERIES]))
    if len(found) > MOST_QUERIES:
        st.caption(f"The first {MOST_QUERIES} of {len(found)} queries are in the picture; all are in the list.")
    if found:
        with st.expander("The answers in words", icon=":material/notes:"):
            st.markdown("\n".join(f"1. {_in_words(task, q, answer)}" for q, answer in enumerate(found)))


def headline(task: Task, found: Sequence[Ranked]) -> str:
    """'Queries: 4 of 5 right', as far as that is known; empty without queries."""
    known = [(r, t) for r, t in zip(found, task.truth, strict=False) if t is not None]
    if known:
        return f"Queries: {sum(judged(r, t) == 'right' for r, t in known)} of {len(known)} right"
    return "Queries and the classes they were given" if found else ""


def laid_out(task: Task, found: Sequence[Ranked]) -> dict[str, Any]:
    """What the browser draws: pictures once each, classes, and queries with their rankings."""
    pictures: list[str] = []
    place: dict[tuple[str, int], int] = {}

    def sent(kind: str, i: int) -> int:
        if (kind, i) not in place:
            place[kind, i] = len(pictures)
            pictures.append(data_url((task.support_pictures if kind == "support" else task.query_pictures)[i]))
        return place[kind, i]

    names = task.support.class_names
    members = [np.flatnonzero(task.support.labels == way) for way in range(len(names))]
    classes = [
        {
            "name": show.class_name(name),
            "lines": short(name, names),
            "picture": sent("support", int(mine[0])),
            "shots": len(mine),
        }
        for name, mine in zip(names, members, strict=True)
    ]
    queries = []
    for q, answer in enumerate(found):
        ranked = []
        for rank in _shown_ranks(answer, task.truth[q]):
            way, distance = names.index(answer.classes[rank]), answer.distances[rank]
            best = answer.nearest if answer.nearest in members[way] else int(members[way][0])
            best = answer.examples[rank] if answer.examples else best
            ranked.append(
                {"way": way, "rank": rank + 1, "picture": sent("support", best), "distance": distance,
                 "number": _number(answer, rank)}
            )  # fmt: skip
        truth = task.truth[q]
        queries.append(
            {
                "number": q + 1,
                "picture": sent("query", q),
                "state": judged(answer, truth),
                "to": [] if answer.why == NONE else [names.index(c) for c in answer.classes[: 2 if answer.tied else 1]],
                "refused": answer.why == NONE,
                "truth": names.index(truth) if truth in names else None,
                "said": said(q, answer, truth),
                "ranked": ranked,
            }
        )
    colours = {"right": theme.SAME, "wrong": theme.DIFFERENT, "unknown": theme.UNSURE, "tie": theme.UNSURE,
               "none": theme.UNSURE}  # fmt: skip
    return {"alt": _alt(task, found), "pictures": pictures, "classes": classes, "queries": queries, "colours": colours}


def judged(answer: Ranked, truth: str | None) -> str:
    """'right', 'wrong', 'tie', 'none' (of these) or 'unknown'; a tie is never right, and a foreign query is right when
    it is none of these."""
    if answer.why == NONE:
        return "none" if truth is None else "wrong" if truth in answer.classes else "right"
    if answer.tied:
        return "tie"
    return "unknown" if truth is None else "right" if answer.label == truth else "wrong"


def said(q: int, answer: Ranked, truth: str | None) -> str:
    """One query's answer as plain text."""
    number = show.number(answer.distances[0])
    if answer.why == NONE:
        words = (
            f"Query {q + 1}: none of these; the nearest, {show.class_name(answer.classes[0])} at distance {number}, is "
        )
        return f"{words}too far{_verdict(answer, truth)}."
    if answer.tied:
        words = f"Query {q + 1}: no answer, {_tied(answer)} are equally near, at distance {number}"
        return words + (f"; it is {show.class_name(truth)}." if truth else ".")
    return f"Query {q + 1}: {show.class_name(answer.label)}, at distance {number}{_verdict(answer, truth)}."


def _verdict(answer: Ranked, truth: str | None) -> str:
    if truth is None:
        return ""
    right = judged(answer, truth) == "right"
    outside = "" if truth in answer.classes else " outside the support set"
    return "; right" + (f", it is {show.class_name(truth)}" + outside if outside else "") if right else (
        f"; wrong, it is {show.class_name(truth)}{outside}"
    )  # fmt: skip


def _number(answer: Ranked, rank: int) -> str:
    """A class's distance, and how likely its nearest example is of the query's class."""
    number = show.number(answer.distances[rank])
    return number if answer.probabilities is None else f"{number} · {show.likely(answer.probabilities[rank])}"


def short(name: str, names: Sequence[str]) -> list[str]:
    """A class's name without its group's where that is clear among `names`; else the group on a line before."""
    group, _, last = name.rpartition("/")
    alike = sum(n.rpartition("/")[2] == last for n in names)
    return [show.class_name(n) for n in ([group, last] if group and alike > 1 else [last])]


def data_url(pixels: np.ndarray) -> str:
    """(H, W) or (H, W, 3) uint8 as a small PNG in a data URL; small scans are enlarged so that they stay crisp."""
    image = Image.fromarray(show.enlarged(pixels, SIDE))
    image.thumbnail((2 * SIDE, 2 * SIDE))
    out = io.BytesIO()
    image.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def _shown_ranks(answer: Ranked, truth: str | None) -> list[int]:
    """The first few places of a ranking, and that of the right class."""
    ranks = list(range(min(RANKED, len(answer.classes))))
    if truth in answer.classes[RANKED:]:
        ranks.append(answer.classes.index(truth))
    return ranks


def _tied(answer: Ranked) -> str:
    """The classes that are equally near, or how many where they are more than two."""
    count = answer.distances.count(answer.distances[0])
    return " and ".join(map(show.class_name, answer.classes[:2])) if count <= 2 else f"{count} classes"


def _in_words(task: Task, q: int, answer: Ranked) -> str:
    """One query's answer as Markdown, with the class in bold."""
    given = "none of these" if answer.why == NONE else "no answer" if answer.tied else show.class_name(answer.label)
    truth, number = task.truth[q], show.number(answer.distances[0])
    if judged(answer, truth) == "tie":
        return f"**{given}**: {show.plain(_tied(answer))} are equally near, at distance {number}"
    verdict = show.plain(_verdict(answer, truth).replace("; ", ", ", 1))
    nearest = f" to {show.plain(show.class_name(answer.classes[0]))}" if answer.why == NONE else ""
    return (
        f"**{show.plain(given)}**{verdict}. Distance {number}{nearest}; next is "
        f"{show.plain(show.class_name(answer.classes[1]))} with {show.number(answer.distances[1])}{_how_sure(answer)}"
    )


def _how_sure(answer: Ranked) -> str:
    """The run's probability for the nearest example of the first class, and how many foreign pictures come as near."""
    words = []
    if answer.probabilities is not None:
        words.append(f"one class with its nearest example: {show.likely(answer.probabilities[0])}")
    if answer.foreign is not None:
        words.append(f"foreign pictures that come as near: {show.likely(answer.foreign)}")
    return f" ({'; '.join(words)})" if words else ""


def _alt(task: Task, found: Sequence[Ranked]) -> str:
    """The picture in words: how much there is, and which answers are wrong."""
    words = f"A support set of {len(task.support.class_names)} classes"
    if not found:
        return words + "; no queries yet."
    words += f" and {len(found)} queries, each with an arrow to the class it was given."
    doubtful = [said(q, r, task.truth[q]) for q, r in enumerate(found) if judged(r, task.truth[q]) in ("wrong", "tie")]
    if any(t is not None for t in task.truth):
        words += f" Right: {len(found) - len(doubtful)}."
    return " ".join([words, *doubtful[:3], *([f"{len(doubtful) - 3} more are not right."] if doubtful[3:] else [])])
