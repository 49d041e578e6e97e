"""A finished map on screen: the points, what a click or a selection shows, and another map beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts import cache, map_pack, map_placing, point, scatter, search_point, selection, show, state
from siamese_core import map_jobs, map_shelf
from siamese_core.errors import SiameseError
from siamese_core.map_shelf import Shelved
from siamese_core.nearest import Nearest
from siamese_core.runs import Run

NEIGHBOURS = 6
TICK = 1.0
MOST_SEARCHED = 30_000  # points whose nearest neighbours are found here, in some seconds; of more, the map must say
NONE_FOUND = Nearest(np.empty(0, int), np.empty(0))


@dataclass(frozen=True)
class Shown:
    """A finished map, the run it is of, and its key on the page."""

    run: Run
    job: Path
    mapped: cache.Mapped
    key: str

    @property
    def found(self) -> dict[str, np.ndarray]:
        """The map's arrays."""
        return self.mapped.found

    @property
    def of(self) -> str:
        """The map's digest."""
        return self.mapped.digest

    @property
    def ink(self) -> bool:
        """Whether the pictures are ink, which is shown on paper."""
        return self.run.spec().polarity == "ink"


def draw(run: Run, job: Path) -> None:
    """The map of a finished job, and what a click or a selection on it shows. Raises RunError."""
    shown = Shown(run, job, cache.finished_map(job), f"map_{job.name}")
    waits = _nearest(shown) is None
    st.fragment(_explore, run_every=TICK if waits else None)(run, job, waits)


@show.guarded
def _explore(run: Run, job: Path, waits: bool) -> None:
    """All that a click on the map changes. `waits`: it looks again every second until nearest neighbours are found,
    by which points can be coloured then."""
    shown = Shown(run, job, cache.finished_map(job), f"map_{job.name}")
    found, count = shown.found, len(shown.found["x"])
    chosen = scatter.chosen(shown.key, count)
    near, distances = _neighbours(shown, chosen)
    two = bool(state.get(f"{shown.key}_beside"))
    left, facts, details, choice = _places(two)
    with facts:
        brought = map_placing.draw(run, job)
    with choice:
        other = _choose_other(shown)
        finding = (cache.nearest_progress(shown.mapped)[0] or "Finding nearest neighbours") + "." if waits else ""
        st.caption(" ".join(show.plain(w) for w in (map_jobs.status(job).note, _learnt(shown), finding) if w))
    with left:
        _maps([shown] if other is None else [shown, other], chosen, near)
        scatter.carry(f"{shown.key}_placed", map_pack.placed(shown.of, brought.placed, shown.ink))
        scatter.carry(f"{shown.key}_own", map_pack.own(shown.of, brought.digest, brought.columns))
    with details:
        if chosen is None:
            st.info("Click a point to see its picture and its true neighbours.", icon=":material/ads_click:")
        else:
            early = "epoch" in found
            calibration = None if early else cache.trained(run).calibration
            point.draw(found, chosen, near, distances, shown.ink, calibration, NEIGHBOURS if two else 3, early)
            if not early:
                search_point.offer(run, found, chosen, shown.ink)
    which = scatter.selected(shown.key, shown.of, count)
    if len(which):
        selection.draw(found | brought.columns, shown.of, which, shown.ink, shown.key)
    if waits and _nearest(shown) is not None:
        st.rerun()


def _places(two: bool) -> tuple[DeltaGenerator, ...]:
    """Where the map, what is known of it, the chosen point and the rest go: beside the map, or below where there are
    two."""
    if two:
        left = st.container(key="map_pictures", gap=None)
    with st.container(horizontal=True, gap="medium"):
        if not two:
            left = st.container(key="map_picture", gap=None)
        with st.container(key="map_below" if two else "map_side"):
            return left, st.container(), st.container(), st.container()


def _maps(maps: Sequence[Shown], chosen: int | None, near: np.ndarray) -> None:
    """One map, or two side by side that share what is chosen and selected."""
    with st.container(horizontal=True, gap="small"):
        places = [st.container(key=f"map_place_{i}", gap=None) for i in range(len(maps))]
    for i, (shown, place) in enumerate(zip(maps, places, strict=True)):
        with place:
            if len(maps) > 1:
                st.markdown(f"**{show.plain(map_shelf.titles(maps[0].job, maps[1].job)[i])}**")
            its = chosen if i == 0 else _counterpart(maps[0], shown, chosen)
            neighbours = near if i == 0 else _neighbours(shown, its)[0]
            _map(shown, maps[0].key, its, neighbours)


def _map(shown: Shown, link: str, chosen: int | None, near: np.ndarray) -> None:
    """A map with all that it needs in the browser. What does not change is not sent again."""
    found, of, key = shown.found, shown.of, shown.key
    label = f"Map of {len(found['x']):,} points of {len(np.unique(found['labels']))} classes. {_learnt(shown)}"
    asked = scatter.draw(key, of, label, link, key == link)
    scatter.carry(f"{key}_points", cache.map_bytes(of, "points", partial(map_pack.points, of, found)))
    nearest = _nearest(shown)
    if nearest is not None and len(nearest.indices):
        pack = partial(map_pack.facts, of, found, nearest.indices, nearest.distances)
        scatter.carry(f"{key}_facts", cache.map_bytes(of, "facts", pack))
    if "pixels" in found and len(found["x"]) <= map_pack.MOST_PICTURES:
        pack = partial(map_pack.pictures, of, found["pixels"], shown.ink, np.arange(len(found["x"])))
        scatter.carry(f"{key}_pictures", cache.map_bytes(of, "pictures", pack))
    scatter.carry(f"{key}_near", map_pack.near(of, chosen, near.tolist()))
    which = scatter.wanted(asked, of, len(found["x"]))
    if "pixels" in found and len(which):
        scatter.carry(f"{key}_more", map_pack.pictures(of, found["pixels"], shown.ink, which))


def _choose_other(shown: Shown) -> Shown | None:
    """The map to stand beside this one, if the reader wants one."""
    others = {str(s.job): s for s in map_shelf.beside(shown.job)}
    if not others:
        st.caption("Make another map of these pictures, by another run, epoch, method or setting, and it can stand "
                   "beside this one.")  # fmt: skip
        return None
    chosen = st.selectbox("Beside it", [None, *others], key=f"{shown.key}_beside",
                          format_func=lambda k: "no other map" if k is None else others[k].words)  # fmt: skip
    return None if chosen is None else _opened(shown, others[chosen])


def _opened(shown: Shown, other: Shelved) -> Shown | None:
    """The other map, if it can be read and is of the same pictures; otherwise says why not."""
    try:
        opened = Shown(Run(other.run), other.job, cache.finished_map(other.job), f"map_{other.job.name}_beside")
        opened.run.spec()
    except SiameseError as error:
        show.notice(error)
        return None
    if map_shelf.shared(shown.found, opened.found):
        return opened
    st.warning("That map has no picture in common with this one, so it cannot be linked.")
    return None


def _counterpart(one: Shown, other: Shown, chosen: int | None) -> int | None:
    """The same item on another map."""
    if chosen is None:
        return None
    at = np.flatnonzero(other.found["indices"] == one.found["indices"][chosen])
    return int(at[0]) if len(at) else None


def _neighbours(shown: Shown, chosen: int | None) -> tuple[np.ndarray, np.ndarray]:
    if chosen is None:
        return np.empty(0, int), np.empty(0)
    try:
        return cache.neighbours(shown.run, shown.mapped, chosen, NEIGHBOURS)
    except SiameseError as error:
        show.notice(error)
        return np.empty(0, int), np.empty(0)


def _nearest(shown: Shown) -> Nearest | None:
    """Every point's nearest neighbour: as the map says, else as soon as they are found."""
    found = shown.found
    if "nearest" in found and "nearest_distance" in found:
        return Nearest(found["nearest"], found["nearest_distance"])
    if not 2 <= len(found["x"]) <= MOST_SEARCHED:
        return NONE_FOUND
    answer = cache.nearest(shown.run, shown.mapped)
    return answer and (answer.value or NONE_FOUND)


def _learnt(shown: Shown) -> str:
    """What to say of the classes that the network has not learnt from."""
    found = shown.found
    if "split" not in found or found.get("epoch", 1) == 0:
        return "" if "split" not in found else "The network has learnt from nothing yet."
    unseen = map_pack.unseen_of(found)
    if not unseen.any():
        return "The network has learnt from all of these classes."
    if unseen.all():
        return "The network has learnt from none of these classes."
    few, every = len(np.unique(found["labels"][unseen])), len(np.unique(found["labels"]))
    return f"Outlined points are of the {few} of {every} classes that the network has not learnt from."
