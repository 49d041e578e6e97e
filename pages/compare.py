"""Compare a pair: two pictures in, one distance and a verdict out."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.parts import cache, charts, frame, show, state, theme, uploads
from siamese_core.errors import DataError
from siamese_core.modalities.image import from_files
from siamese_core.runs import Run
from siamese_core.types import Items, LabelledSet
from siamese_core.verifier import Comparison, compare

SIZE = 150  # of a picture on the screen, in pixels
SIDES = (("A", theme.TWIN_A, "blue"), ("B", theme.TWIN_B, "orange"))


def _draw_pair(data: LabelledSet, kind: str, seed: int) -> tuple[int, int]:
    """Two different items of one class, or of two."""
    rng = np.random.default_rng([seed, 11])
    several = np.flatnonzero(data.counts >= 2)
    if not len(several) or data.n_classes < 2:
        raise DataError("These classes hold too few pictures to draw pairs from; choose another set.")
    first = int(rng.choice(several))
    mine = rng.permutation(np.flatnonzero(data.labels == first))
    if kind == "same":
        return int(mine[0]), int(mine[1])
    others = np.flatnonzero((data.counts > 0) & (np.arange(data.n_classes) != first))
    if data.class_groups is not None:
        near = others[data.class_groups[others] == data.class_groups[first]]
        others = near if len(near) else others
    return int(mine[0]), int(rng.choice(np.flatnonzero(data.labels == rng.choice(others))))


def _again(kind: str) -> None:
    state.put("compare_kind", kind)
    state.next_seed("compare")


def _from_set(run: Run) -> list[tuple[np.ndarray, str, Items]]:
    """Both sides from a set: (as people see it, its name, the item)."""
    sets = cache.choices(run)
    state.default("compare_kind", "same")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("From", list(sets), key="compare_set", format_func=sets.get, width=280)
        st.button("Draw a pair of the same class", type="primary", key="compare_same", icon=theme.ICONS["shuffle"],
                  on_click=_again, args=("same",))  # fmt: skip
        st.button("Draw two different classes", key="compare_different", icon=theme.ICONS["shuffle"],
                  on_click=_again, args=("different",))  # fmt: skip
    data = cache.examples(run, chosen)
    pair = _draw_pair(data, state.get("compare_kind"), state.seed("compare"))
    return [
        (data.items.natural(i), data.class_names[int(data.labels[i])], data.items.select(np.array([i]))) for i in pair
    ]


def _from_files(run: Run) -> list[tuple[np.ndarray, str, Items]]:
    """Both sides from uploads; fewer than two while something is missing."""
    st.caption("Uploads stay in this browser session and are gone with it; nothing is saved.")
    sides = []
    for column, (side, _, colour) in zip(st.columns(2), SIDES, strict=True):
        with column:
            given = uploads.pictures(f":{colour}[**Picture {side}**]", f"compare_file_{side}")
            for name, content in given:
                items = from_files([(name, content)], run.spec())
                sides.append((np.asarray(uploads.thumbnail(name, content)), name, items))
    return sides


def _side(which: int, seen: tuple[np.ndarray, str, Items], run: Run) -> None:
    """One twin's row: what was given, and what the network sees of it."""
    side, _, colour = SIDES[which]
    picture, name, items = seen
    network = items.fitted(run.spec())
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":{colour}[**{side}**]  \n{show.plain(name)}", width=72)
        show.picture(picture, f"Picture {side}, {name}", "as given", SIZE)
        st.markdown(f":{colour}[:material/arrow_forward:]", width="content")
        show.picture(network.picture(0), f"Picture {side} as the network sees it", "as the network sees it", SIZE)


def _verdict(found: Comparison) -> None:
    if found.same is None or found.threshold is None:
        st.markdown(f"### Distance {show.number(found.distance)}")
        st.caption("This run has no threshold, so there is no verdict; smaller means more alike.")
        return
    word, colour, icon = ("Same class", "green", "same") if found.same else ("Different classes", "red", "different")
    st.markdown(f"## :{colour}[{theme.ICONS[icon]} {word}]")
    share = found.distance / found.threshold if found.threshold > 0 else float("inf")
    near = " It is a close call." if 0.85 < share < 1.15 else ""
    st.markdown(
        f"Their distance is **{show.number(found.distance)}**, {'below' if found.same else 'above'} this run's "
        f"threshold of {show.number(found.threshold)}.{near}"
    )


def _result(run: Run, sides: list[tuple[np.ndarray, str, Items]]) -> None:
    model = cache.trained(run)
    found = compare(model, sides[0][2], sides[1][2])[0]
    left, right = st.columns([0.54, 0.46], gap="large", vertical_alignment="center")
    with left:
        for i, side in enumerate(sides):
            _side(i, side, run)
    with right:
        _verdict(found)
        _scale(run, found)


def _scale(run: Run, found: Comparison) -> None:
    validation = (run.card() or {}).get("distances")
    if not validation or found.threshold is None:
        return
    show.chart(
        charts.distance_scale(
            validation["edges"], validation["same"], validation["different"], found.threshold, found.distance
        ),
        f"Histogram of the distances of equal and different validation pairs, with this pair at "
        f"{show.number(found.distance)} and the threshold at {show.number(found.threshold)}.",
        "compare_scale",
    )
    st.caption("Bars: pairs of validation classes, which the network has not learnt from.")


def page() -> None:
    """The whole page."""
    run = frame.begin("compare", "Compare a pair", "Are two pictures of the same class? One distance tells.")
    if frame.needs_weights(run) and run is not None:
        where = st.segmented_control("Pictures", ["From a set", "Upload"], default="From a set", key="compare_source",
                                     required=True, label_visibility="collapsed")  # fmt: skip
        sides = _from_files(run) if where == "Upload" else _from_set(run)
        if len(sides) == 2:
            _result(run, sides)
        else:
            st.info("Give two pictures: the verdict appears here at once.", icon=theme.ICONS["upload"])


frame.draw(page)
