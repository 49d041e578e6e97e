"""A finished map on screen: the points, and what a click or a selection shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from pages.parts import cache, map_pack, scatter, show
from siamese_core import map_jobs, projection
from siamese_core.calibration import Calibration
from siamese_core.runs import Run

NEIGHBOURS = 6


def draw(run: Run, job: Path) -> None:
    """The map of a finished job, and the chosen point's picture with its true neighbours. Raises RunError."""
    _explore(run, job)


@st.fragment
@show.guarded
def _explore(run: Run, job: Path) -> None:
    """All that a click on the map changes."""
    mapped = cache.finished_map(job)
    found, of = mapped.found, mapped.digest
    count = len(found["x"])
    key = f"map_{job.name}"
    learnt = set((run.manifest().get("split") or {}).get("train", ()))
    chosen = scatter.chosen(key, count)
    near, distances = np.empty(0, int), np.empty(0)
    if chosen is not None:
        near, distances = projection.neighbours(cache.trained(run), found["embeddings"], chosen, NEIGHBOURS)
    words = _learnt(found, learnt)
    with st.container(horizontal=True, gap="medium"):
        left, right = st.container(key="map_picture", gap=None), st.container(key="map_side")
    with left:
        label = f"Map of {count:,} points of {len(np.unique(found['labels']))} classes. {words}"
        asked = scatter.draw(key, of, label, key)
        scatter.carry(f"{key}_points", cache.map_bytes(of, "points", lambda: map_pack.points(of, found, learnt)))
        _pictures(key, of, found, run, asked)
        scatter.carry(f"{key}_near", map_pack.near(of, chosen, near.tolist()))
    with right:
        if chosen is None:
            st.info("Click a point to see its picture and its true neighbours.", icon=":material/ads_click:")
        else:
            _details(found, chosen, near, distances, run)
        st.caption(" ".join(show.plain(w) for w in (map_jobs.status(job).note, words) if w))


def _pictures(key: str, of: str, found: dict[str, np.ndarray], run: Run, asked: object) -> None:
    """Bring the pictures: all of them where they are few, else those that the browser asks for."""
    if "pixels" not in found:
        return
    count, ink = len(found["x"]), run.spec().polarity == "ink"
    if count <= map_pack.MOST_PICTURES:
        everything = np.arange(count)
        pack = lambda: map_pack.pictures(of, found["pixels"], ink, everything)  # noqa: E731
        scatter.carry(f"{key}_pictures", cache.map_bytes(of, "pictures", pack))
    elif len(which := scatter.wanted(asked, of, count)):
        scatter.carry(f"{key}_more", map_pack.pictures(of, found["pixels"], ink, which))


def _learnt(found: dict[str, np.ndarray], learnt: set[str]) -> str:
    """What to say of the classes that the network has not learnt from."""
    unseen = map_pack.unseen_of(found, learnt)
    if not unseen.any():
        return "The network has learnt from all of these classes."
    if unseen.all():
        return "The network has learnt from none of these classes."
    labels = found["labels"]
    few, all_ = len(np.unique(labels[unseen])), len(np.unique(labels))
    return f"Outlined points are of the {few} of {all_} classes that the network has not learnt from."


def _details(found: dict[str, np.ndarray], chosen: int, near: np.ndarray, distances: np.ndarray, run: Run) -> None:
    names, labels = found["class_names"], found["labels"]
    ink = run.spec().polarity == "ink"
    calibration = cache.trained(run).calibration

    def shown(i: int) -> np.ndarray:
        pixels = found["pixels"][i]
        pixels = 255 - pixels if ink else pixels
        return pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)

    name = str(names[labels[chosen]])
    if "pixels" in found:
        show.picture(shown(chosen), f"The chosen picture, of class {name}", side=150)
    st.markdown(f"**{show.plain(name)}**")
    st.caption("Its true neighbours, by the network's own distance, wherever the map has put them:")
    with st.grid(3, min_column_width=76, gap="small") as grid:
        for i, d in zip(near, distances, strict=True):
            with grid.cell():
                of = str(names[labels[i]])
                if "pixels" in found:
                    show.picture(shown(int(i)), f"A neighbour of class {of} at distance {d:.3g}", side=72)
                colour = "green" if of == name else "red"
                group, _, last = of.rpartition("/")
                other = f"{show.plain(group)}  \n" if group != name.rpartition("/")[0] else ""
                st.caption(f"{other}:{colour}[{show.plain(last)}]  \n{_nearness(float(d), calibration)}")


def _nearness(distance: float, calibration: Calibration | None) -> str:
    """'0.12 · 87%': a distance and, where that is known, how likely both are of one class."""
    number = show.number(distance)
    return number if calibration is None else f"{number} · {show.likely(calibration.probability(distance))}"
