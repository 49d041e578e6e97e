"""New pictures on a finished map, which stays as it is; and how far to believe the map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from pages.parts import cache, gather, map_out, show, state, theme
from pages.parts.map_pack import Placed
from siamese_core import projection, projections
from siamese_core.runs import Run

MOST = 50  # pictures placed at once


def draw(run: Run, job: Path) -> Placed | None:
    """Beside a finished map: how far to believe it, the reader's own pictures, taking it along. Raises RunError."""
    _belief(cache.finished_map(job).found)
    placed = _own(run, job)
    map_out.draw(run, job)
    return placed


def _belief(found: dict[str, np.ndarray]) -> None:
    """What made the map, in how long, and how far to believe it."""
    if "trustworthiness" not in found:
        return
    method = projections.TITLES.get(str(found["method"]), "Map")
    engine = {"opentsne": "openTSNE"}.get(str(found["engine"]), str(found["engine"]))
    took = "under 1 s" if found["seconds"] < 1 else show.duration(float(found["seconds"]))
    words = [f"{method} by {engine}, {took}"]
    k = int(found["k"])
    if k:
        sample = "" if int(found["measured"]) == len(found["x"]) else f", on {int(found['measured']):,} points"
        words.append(f"trustworthiness {found['trustworthiness']:.3f} · continuity {found['continuity']:.3f}{sample}")
    told = (
        f"Of each point's {k} nearest: trustworthiness falls where the map shows neighbours that are none in truth, "
        "continuity where it tears true neighbours apart. 1 is without error; 0.5 is a map that knows nothing."
    )
    st.caption(" · ".join(words), help=told if k else None)


def _own(run: Run, job: Path) -> Placed | None:
    """Pictures of the reader's, and where they lie on the map; None while there are none."""
    if "epoch" in cache.finished_map(job).found:
        st.caption("Your own pictures can be placed on maps of the best weights: of an epoch no network is kept.")
        return None
    spec = run.spec()
    with st.popover("Place your own pictures", icon=theme.ICONS["upload"], key="map_place"):
        st.caption("They are put where the network finds them alike; the map itself stays as it is.")
        given = gather.many("Pictures to place on the map", "map_own", spec, MOST)
    if not given:
        return None
    found = cache.finished_map(job)
    about = (found.digest, cache.weights_digest(run), tuple(given.items.digests()))
    kept = state.lab().answers.get("map_placed")
    if kept is None or kept[0] != about:
        kept = (about, projection.place(found.found, cache.trained(run).embed(given.items)))
        state.lab().answers["map_placed"] = kept
    names = [name for name, _ in given.sources]
    return Placed(np.asarray(kept[1]), names, given.items.pixels)
