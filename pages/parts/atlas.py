"""A finished map on screen: the points, their colours, and what a click on one shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from pages.parts import cache, charts_map, show, state, theme
from siamese_core import map_jobs, projection
from siamese_core.runs import Run

NEIGHBOURS = 6


def _colours(found: dict[str, np.ndarray], run: Run) -> tuple[charts_map.Colouring, set[str]]:
    names = [str(n) for n in found["class_names"]]
    groups = sorted({n.rsplit("/", 1)[0] for n in names}) if all("/" in n for n in names) else []
    codes = np.array([groups.index(n.rsplit("/", 1)[0]) for n in names]) if groups else None
    split = run.manifest().get("split") or {}
    learnt = set(split.get("train", ()))
    unseen = {n for n in names if n not in learnt} if learnt & set(names) else set()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = "class"
        if len(groups) > 1:
            usual = "group" if len(names) > charts_map.MOST_COLOURED else "class"
            by = st.segmented_control("Colour by", ["class", "group"], key="map_by", required=True, default=usual)
        only = st.multiselect("Only these", groups if by == "group" else names, key=f"map_only_{by}", max_selections=24,
                              placeholder="search by name; the others turn grey")  # fmt: skip
    return charts_map.colouring(found["labels"], names, codes, groups, by, only), unseen


def draw(run: Run, job: Path) -> None:
    """The map of a finished job, and the clicked point's picture with its true neighbours. Raises RunError."""
    found = map_jobs.result(job)
    left, right = st.columns([0.7, 0.3], gap="medium")
    chosen = _chosen(len(found["x"]))
    near, distances = np.empty(0, int), np.empty(0)
    if chosen is not None:
        near, distances = projection.neighbours(cache.trained(run), found["embeddings"], chosen, NEIGHBOURS)
    with left:
        above, below = st.container(), st.container()
        with below:
            colours, unseen = _colours(found, run)
        figure = charts_map.points(
            np.column_stack([found["x"], found["y"]]), found["labels"], found["class_names"], colours, chosen,
            near.tolist(), unseen, theme.ink(show.dark()),
        )  # fmt: skip
        with above:
            words = f"t-SNE map of {len(found['x'])} pictures of {len(found['class_names'])} classes."
            show.chart(figure, words, "map_chart", on_select="rerun", selection_mode="points",
                       config={"scrollZoom": True})  # fmt: skip
        words = [map_jobs.status(job).note, colours.note]
        words += ["Outlined points are of classes that the network has not learnt from."] if unseen else []
        below.caption(" ".join(show.plain(w) for w in words if w))
    with right:
        if chosen is None:
            st.info("Click a point to see its picture and its true neighbours.", icon=":material/ads_click:")
        else:
            _details(found, chosen, near, distances, run)


def _chosen(count: int) -> int | None:
    """The index of the clicked point."""
    event = state.get("map_chart")
    points = event["selection"]["points"] if event else []
    for point in points:
        index = point.get("customdata")
        if isinstance(index, (int, float)) and 0 <= index < count:
            return int(index)
    return None


def _details(found: dict[str, np.ndarray], chosen: int, near: np.ndarray, distances: np.ndarray, run: Run) -> None:
    names, labels = found["class_names"], found["labels"]
    ink = run.spec().polarity == "ink"

    def shown(i: int) -> np.ndarray:
        pixels = found["pixels"][i]
        pixels = 255 - pixels if ink else pixels
        return pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)

    name = str(names[labels[chosen]])
    show.picture(shown(chosen), f"The chosen picture, of class {name}", side=150)
    st.markdown(f"**{show.plain(name)}**")
    st.caption("Its true neighbours, by the network's own distance, wherever the map has put them:")
    with st.grid(3, min_column_width=76, gap="small") as grid:
        for i, d in zip(near, distances, strict=True):
            with grid.cell():
                of = str(names[labels[i]])
                show.picture(shown(int(i)), f"A neighbour of class {of} at distance {d:.3g}", side=72)
                colour = "green" if of == name else "red"
                st.caption(f":{colour}[{show.plain(of.rsplit('/', 1)[-1])}]  \n{show.number(float(d))}")
