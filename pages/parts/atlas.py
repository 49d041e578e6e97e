"""A finished map on screen: the points, their colours, and what a click on one shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from pages.parts import cache, charts_map, show, state, theme
from siamese_core import map_jobs, projection
from siamese_core.runs import Run

NEIGHBOURS = 6


def draw(run: Run, job: Path) -> None:
    """The map of a finished job, and the clicked point's picture with its true neighbours. Raises RunError."""
    found = map_jobs.result(job)
    key = f"map_chart_{job.name}"
    chosen = _chosen(key, len(found["x"]))
    near, distances = np.empty(0, int), np.empty(0)
    if chosen is not None:
        near, distances = projection.neighbours(cache.trained(run), found["embeddings"], chosen, NEIGHBOURS)
    names = [str(n) for n in found["class_names"]]
    unseen, words = _learnt(run, [names[i] for i in np.unique(found["labels"])])
    with st.container(horizontal=True, gap="medium"):
        left, right = st.container(key="map_picture"), st.container(key="map_side")
    with right:
        details, controls = st.container(), st.container()
    with controls:
        colours = _colours(found["labels"], names)
    with left:
        figure = charts_map.points(
            np.column_stack([found["x"], found["y"]]), found["labels"], names, colours, chosen, near.tolist(),
            unseen, theme.ink(show.dark()),
        )  # fmt: skip
        alt = f"t-SNE map of {len(found['x'])} pictures of {len(names)} classes. {words}"
        show.chart(figure, alt, key, on_select="rerun", selection_mode="points", config={"scrollZoom": True})
    controls.caption(" ".join(show.plain(w) for w in (map_jobs.status(job).note, colours.note, words) if w))
    with details:
        if chosen is None:
            st.info("Click a point to see its picture and its true neighbours.", icon=":material/ads_click:")
        else:
            _details(found, chosen, near, distances, run)


def _colours(labels: np.ndarray, names: list[str]) -> charts_map.Colouring:
    """Who gets which colour, as the reader chooses; groups where there are more classes than colours."""
    groups = sorted({n.rsplit("/", 1)[0] for n in names}) if all("/" in n for n in names) else []
    codes = np.array([groups.index(n.rsplit("/", 1)[0]) for n in names]) if groups else None
    by = "class"
    if len(groups) > 1:
        usual = "group" if len(names) > charts_map.MOST_COLOURED else "class"
        by = st.segmented_control("Colour by", ["class", "group"], key="map_by", required=True, default=usual)
    only = st.multiselect("Only these", groups if by == "group" else names, key=f"map_only_{by}", max_selections=21,
                          placeholder="The others turn grey")  # fmt: skip
    return charts_map.colouring(labels, names, codes, groups, by, only)


def _learnt(run: Run, names: list[str]) -> tuple[set[str], str]:
    """The classes to outline, which the network has not learnt from, and what to say of them."""
    learnt = set((run.manifest().get("split") or {}).get("train", ()))
    unseen = {n for n in names if n not in learnt}
    if not unseen:
        return set(), "The network has learnt from all of these classes."
    if len(unseen) == len(names):
        return set(), "The network has learnt from none of these classes."
    return (
        unseen,
        f"Outlined points are of the {len(unseen)} of {len(names)} classes that the network has not learnt from.",
    )


def _chosen(key: str, count: int) -> int | None:
    """The index of the clicked point."""
    event = state.get(key)
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
                group, _, last = of.rpartition("/")
                other = f"{show.plain(group)}  \n" if group != name.rpartition("/")[0] else ""
                st.caption(f"{other}:{colour}[{show.plain(last)}]  \n{show.number(float(d))}")
