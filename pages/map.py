"""Map: the embeddings of a whole set as a picture; click a point to see it and its true neighbours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from pages.parts import cache, charts_map, frame, show, state, theme
from siamese_core import map_jobs, projection
from siamese_core.runs import Run

NEIGHBOURS = 6
TICK = 1.0


def _sources(run: Run) -> dict[str, str]:
    """What can be mapped without a download: key -> words. 'part:' keys are the run's own classes."""
    manifest = run.manifest()
    split, name = manifest.get("split") or {}, run.config().dataset
    found = {}
    if split and cache.is_here(name):
        count = sum(len(v) for v in split.values())
        if count <= 100:
            found[f"data:{name}"] = f"All {count} classes of {_said(name)}"
        found["part:test"] = f"{len(split.get('test', ()))} unseen classes of {_said(name)}"
        found["part:validation"] = f"{len(split.get('validation', ()))} validation classes of {_said(name)}"
    for key, words in cache.choices(None).items():
        found.setdefault(f"data:{key}", words)
    if not found.get("part:test", "x").startswith(("0", "1 ")):
        return found
    found.pop("part:test", None)
    return found


def _said(dataset: str) -> str:
    return Path(dataset).stem if "/" in dataset else dataset.capitalize()


def _controls(run: Run) -> dict[str, Any]:
    sources = _sources(run)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = st.selectbox("Pictures", list(sources), key="map_source", format_func=sources.get, width=320)
        most = st.selectbox("At most", [300, 600, 1000, 2000], index=1, key="map_points", width=130,
                            format_func=lambda n: f"{n} points")  # fmt: skip
        perplexity = st.selectbox("Perplexity", [0, 5, 10, 30, 50], key="map_perplexity", width=150,
                                  format_func=lambda p: str(p) if p else "automatic",
                                  help="Roughly how many neighbours t-SNE tries to keep near each point.")  # fmt: skip
        kind, _, name = source.partition(":")
        asked = {
            "data": name if kind == "data" else None,
            "part": name if kind == "part" else "test",
            "perplexity": float(perplexity) if perplexity else None,
            "max_points": most,
        }
        st.button("Make the map", type="primary", key="map_start", icon=theme.ICONS["start"], on_click=_start,
                  args=(run, asked))  # fmt: skip
    return asked


@show.told_later
def _start(run: Run, asked: dict[str, Any]) -> None:
    state.lab().answers["map"] = (str(run.folder), map_jobs.start(run, **asked))
    state.forget("map_chart")


def _job(run: Run) -> Path | None:
    kept = state.lab().answers.get("map")
    return kept[1] if kept and kept[0] == str(run.folder) else None


@st.fragment(run_every=TICK)
@show.guarded
def _ticking(job: str) -> None:
    now = map_jobs.status(Path(job))
    if not now.active:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(now.progress, text=show.plain(now.text or "Starting"), width="stretch")
        st.button("Stop", key="map_stop", icon=theme.ICONS["stop"], on_click=map_jobs.stop, args=(Path(job),))


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


def _map(run: Run, job: Path) -> None:
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


def _page(run: Run) -> None:
    _controls(run)
    job = _job(run)
    if job is None:
        show.empty("Press **Make the map**: t-SNE lays pictures that the network finds alike beside each other. "
                   "It takes some seconds, and the same map is there at once the next time.")  # fmt: skip
        return
    now = map_jobs.status(job)
    if now.active:
        _ticking(str(job))
    elif now.state == "finished":
        _map(run, job)
    elif now.state == "stopped":
        st.info("The map was stopped. Make it again with fewer points if it took too long.", icon=theme.ICONS["stop"])
    else:
        st.error(show.plain(now.reason), icon=theme.ICONS["warning"])


def page() -> None:
    """The whole page."""
    run = frame.begin("map", "Map", "Every picture as a point: near each other where the network finds them alike.")
    if frame.needs_weights(run) and run is not None:
        _page(run)


frame.draw(page)
