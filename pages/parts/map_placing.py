"""New pictures and numbers on a finished map, which stays as it is; and how far to believe the map."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from pages.parts import cache, gather, map_out, show, state, theme, uploads
from pages.parts.map_pack import Placed
from siamese_core import map_columns, projection, projections
from siamese_core.runs import Run

MOST = 50  # pictures placed at once


@dataclass(frozen=True, eq=False)
class Brought:
    """What readers bring to a map: placed pictures, or None; columns of numbers by name, and a digest of these."""

    placed: Placed | None
    columns: dict[str, np.ndarray]
    digest: str


def draw(run: Run, job: Path) -> Brought:
    """Beside a finished map: how far to believe it, the reader's own pictures and numbers, taking it along. Raises
    RunError."""
    _belief(cache.finished_map(job).found)
    row = st.container(horizontal=True, gap="xsmall")
    columns, digest = show.guarded(_numbers)(job) or ({}, "")
    with row:
        placed = _own(run, job)
        map_out.draw(run, job, columns)
    return Brought(placed, columns, digest)


def _numbers(job: Path) -> tuple[dict[str, np.ndarray], str]:
    """Columns of the reader's to colour by. Raises DataError."""
    with st.popover("Colour by your numbers", icon=theme.ICONS["table"], key="map_numbers"):
        st.caption("Save the map's table (Download, Table), add columns of numbers to it, and give it here. The column "
                   "“index” says which point a row is of.")  # fmt: skip
        given = uploads.one_file("Table with your own columns", "csv", "map_columns", map_columns.MOST_BYTES)
    if given is None:
        return {}, ""
    mapped, data = cache.finished_map(job), given.getvalue()
    digest = hashlib.sha256(data + given.name.encode()).hexdigest()
    kept = state.lab().answers.get("map_columns")
    if kept is None or kept[0] != (mapped.digest, digest):
        kept = ((mapped.digest, digest), map_columns.parsed(data, given.name, mapped.found))
        state.lab().answers["map_columns"] = kept
    return kept[1], digest


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
    with st.popover("Place your pictures", icon=theme.ICONS["upload"], key="map_place"):
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
