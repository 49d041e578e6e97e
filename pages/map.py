"""Map: the embeddings of a whole set as a picture; click a point to see it and its true neighbours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from pages.parts import atlas, cache, epochs, frame, show, theme
from siamese_core import map_jobs
from siamese_core.runs import Run

TICK = 1.0
VIEWS = {"map": "Map", "epochs": "Epochs"}


def _sources(run: Run) -> dict[str, str]:
    """What can be mapped without a download: key -> words. 'part:' keys are the run's own classes."""
    manifest = run.manifest()
    split, name = manifest.get("split") or {}, run.config().dataset
    found = {}
    if split and cache.is_here(name):
        count = sum(len(v) for v in split.values())
        if count <= 100:
            found[f"data:{name}"] = f"All {count} classes of {_said(name)}"
        for part, words in (("test", "unseen"), ("validation", "validation")):
            if len(split.get(part, ())) > 1:
                found[f"part:{part}"] = f"{len(split[part])} {words} classes of {_said(name)}"
    for key, words in cache.choices(None).items():
        found.setdefault(f"data:{key}", words)
    return found


def _said(dataset: str) -> str:
    return Path(dataset).stem if "/" in dataset else dataset.capitalize()


def _controls(run: Run) -> dict[str, Any]:
    """What map is asked for; the settings are in the address too, so that a map can be shared."""
    sources = _sources(run)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = st.selectbox("Pictures", list(sources), key="map_source", format_func=sources.get, width=320,
                              bind="query-params")  # fmt: skip
        most = st.selectbox("At most", [300, 600, 1000, 2000], index=1, key="map_points", width=130,
                            bind="query-params", format_func=lambda n: f"{n} points")  # fmt: skip
        perplexity = st.selectbox("Perplexity", [0, 5, 10, 30, 50], key="map_perplexity", width=150,
                                  bind="query-params", format_func=lambda p: str(p) if p else "automatic",
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
    map_jobs.start(run, **asked)


@st.fragment(run_every=TICK)
@show.guarded
def _ticking(job: str) -> None:
    now = map_jobs.status(Path(job))
    if not now.active:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(now.progress, text=show.plain(now.text or "Starting"), width="stretch")
        st.button("Stop", key="map_stop", icon=theme.ICONS["stop"], on_click=map_jobs.stop, args=(Path(job),))


def _page(run: Run) -> None:
    job = map_jobs.start(run, **_controls(run), begin=False)
    if not job.is_dir():
        show.empty("Press **Make the map**: t-SNE lays pictures that the network finds alike beside each other. "
                   "It takes some seconds; the same map is there at once the next time.")  # fmt: skip
        return
    now = map_jobs.status(job)
    if now.active:
        _ticking(str(job))
    elif now.state == "finished":
        atlas.draw(run, job)
    elif now.state == "stopped":
        st.info("The map was stopped. Make it again with fewer points if it took too long.", icon=theme.ICONS["stop"])
    else:
        st.error(show.plain(now.reason), icon=theme.ICONS["warning"])


def page() -> None:
    """The whole page."""
    run = frame.begin("map", "Map", "Every picture as a point: near each other where the network finds them alike.")
    with st.container(horizontal=True, gap="medium"):
        view = st.segmented_control("View", list(VIEWS), key="map_view", required=True, format_func=VIEWS.get,
                                    bind="query-params", label_visibility="collapsed", default="map")  # fmt: skip
        if view == "epochs":
            epochs.choose_way()
    if view == "epochs" and run is not None:
        epochs.panel(run)
    elif frame.needs_weights(run) and run is not None:
        _page(run)


frame.draw(page)
