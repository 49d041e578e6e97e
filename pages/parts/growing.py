"""A map in the making: what is done, for how long, a Stop, and the points as they part."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

from pages.parts import cache, map_pack, scatter, show, theme
from siamese_core import map_jobs
from siamese_core.map_jobs import MapStatus


def draw(job: Path, now: MapStatus) -> None:
    """Progress, Stop and, where the engine can be watched, the map so far, where the finished one will be."""
    frame = map_jobs.frame(job)
    if frame is None:
        _progress(job, now)
        return
    with st.container(horizontal=True, gap="medium"):
        with st.container(key="map_picture", gap=None):
            _map(job, frame)
        with st.container(key="map_side"):
            _progress(job, now)
            done, of = int(frame["iteration"]), int(frame["iterations"])
            st.caption(f"The map after {done} of {of} iterations. Points can be chosen when it is finished.")


def _progress(job: Path, now: MapStatus) -> None:
    words = show.plain(now.text or "Starting")
    if not now.measured or now.seconds >= 3:
        words += f" · {show.duration(now.seconds)}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(now.progress if now.measured else 0.0, text=words, width="stretch")
        st.button("Stop", key="map_stop", icon=theme.ICONS["stop"], on_click=map_jobs.stop, args=(job,))


def _map(job: Path, frame: dict[str, np.ndarray]) -> None:
    """All is sent with the first frame that is seen, of the others only the places."""
    key, of = f"map_{job.name}", f"{job.name} growing"
    label = f"Map of {len(frame['x']):,} points in the making."
    scatter.draw(f"{key}_growing", of, label, key, growing=True)
    facts = {name: values for name, values in frame.items() if not name.startswith("iteration")}
    scatter.carry(f"{key}_growing_points", cache.map_bytes(of, "points", partial(map_pack.points, of, facts)))
    scatter.carry(f"{key}_growing_places", map_pack.places(of, frame, int(frame["iteration"])))
