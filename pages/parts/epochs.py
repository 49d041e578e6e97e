"""A training as a film: the same pictures as points, epoch after epoch, as its network comes to tell classes apart.

The maps are made beside the page (see cache.evolution); they are played, dragged and looked at by a part of the
browser's, which is given all of them at once as numbers and, while a training runs, the same with more at their end.
Names travel as data and are set as text; pictures are PNG made here of pixels that were decoded before.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from pages.parts import cache, episode, show, state, theme
from pages.parts.picture import ASSETS
from siamese_core import evolution
from siamese_core.evolution import Frames
from siamese_core.runs import History, Run

TICK = 1.0  # seconds
ABOVE = 362  # pixels of a page that are not the stage's, so that the line of the epochs is seen without scrolling
WAYS = {"tsne": "t-SNE", "pca": "PCA"}
HELP = (
    "t-SNE: every map grows out of the one before and keeps neighbours together; distances between groups mean little. "
    "PCA: the two directions in which the points lie widest, in the network's own scale, turned to the map before."
)

_stage = st.components.v2.component(
    "siamese_epochs",
    html=(ASSETS / "epochs.html").read_text("utf-8"),
    css=(ASSETS / "epochs.css").read_text("utf-8"),
    js="\n".join((ASSETS / name).read_text("utf-8") for name in ("epochs_stage.js", "epochs.js")),
)


def choose_way() -> None:
    """How points are laid out; beside whatever else is chosen about the page."""
    st.segmented_control("Show by", list(WAYS), key="epochs_way", required=True, format_func=WAYS.get, default="tsne",
                         help=HELP, label_visibility="collapsed")  # fmt: skip


def panel(run: Run) -> None:
    """The film of a run, which looks for more by itself while there is something to wait for. It is a fragment
    afterwards too, so that it keeps its place on the page and what is being done with it."""
    waiting = waits(run)
    st.fragment(_ticking, run_every=TICK if waiting else None)(run, waiting)


@show.guarded
def _ticking(run: Run, waiting: bool) -> None:
    draw(run)
    if waiting and not waits(run):
        st.rerun()


def waits(run: Run) -> bool:
    """Whether there will be more to see: the run trains, or its maps or pictures are being made."""
    if run.status().active:
        return True
    if not evolution.present(run):
        return False
    found = cache.films().ask(run, _way())
    return found is None or (found.value is not None and cache.watched_pictures(run, found.value.items) is None)


def draw(run: Run, above: int = ABOVE) -> None:
    """The film as far as its maps are made, or what to do to have one. Raises RunError."""
    if not evolution.present(run):
        _none(run)
        return
    way = _way()
    answer = cache.films().ask(run, way)
    if answer is not None and answer.error is not None:
        raise answer.error
    found = answer.value if answer else cache.films().so_far(run, way)
    if found is None:
        text, share = cache.films().progress(run, way)
        st.progress(share, text=text or "Reading the snapshots")
        return
    pictures = cache.watched_pictures(run, found.items)
    sheet = pictures.value if pictures else None
    live = run.status().active
    total = run.config().epochs if live else int(found.epochs[-1])  # it may have ended before all were made
    _stage(key="epochs", data=packed(found, state.history(run), run.name, live, total, sheet, above))
    st.caption(" ".join([said(found), *(show.plain(note) for note in found.notes)]))


def _way() -> str:
    return str(state.get("epochs_way") or "tsne")


def _none(run: Run) -> None:
    name = show.plain(run.name)
    if run.status().active:
        st.caption("The first snapshot is written as soon as the data is ready.")
        return
    words = (
        f"The run **{name}** has no snapshots of its epochs, so that there is nothing to watch. Train a network, and "
        "its classes can be seen to part while it learns and afterwards."
    )
    show.empty(words, "train", "Train a network")


def said(found: Frames) -> str:
    """What is seen, and how far to believe it."""
    low, high = float(found.trust.min()), float(found.trust.max())
    alone = len(found.epochs) == 1
    ways = {
        "tsne": "by t-SNE" + ("" if alone else ", each map growing out of the one before"),
        "pca": "by PCA" + ("" if alone else ", each map turned to the one before"),
        "plain": "as they are: an embedding has only two numbers",
    }
    span = f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"
    trust = f" Trustworthiness {span} (1: all neighbours on the map are true ones)."
    single = " There is only this one snapshot, so there is nothing to play." if alone else ""
    return (
        f"{found.maps.shape[1]} pictures {ways[found.method]}.{trust if found.method != 'plain' else ''}{single} "
        "Same-class neighbours are counted among the embeddings themselves, not on the map: of the points nearest to "
        "one, as many as its class has others, the share that are of its class (R-precision)."
    )


# ---- what the browser is given ----


def packed(
    found: Frames,
    history: History,
    name: str,
    live: bool,
    total: int,
    sheet: dict[str, Any] | None = None,
    above: int = ABOVE,
) -> bytes:
    """A head in JSON, its length before it, and all maps as float32: little-endian, (F, M, 2)."""
    head: dict[str, Any] = {
        "story": hashlib.sha256(repr((name, found.method, found.digests[0], found.names)).encode()).hexdigest()[:16],
        "live": live,
        "colour": theme.SAME,  # of the sign that it is live
        "total": total,
        "above": above,
        "epochs": found.epochs.tolist(),
        "labels": found.labels.tolist(),
        "classes": classes(found),
        "apart": [[None if np.isnan(v) else round(float(v), 4) for v in row] for row in found.apart],
        "trust": [round(float(v), 4) for v in found.trust],
        "curves": curves(found.epochs.tolist(), history),
        "sheet": sheet,
        "words": {
            "apart": "Same-class neighbours",
            "unseen": "Unseen classes",
            "seen": "Classes it learns from",
            "unseen_one": "An unseen class",
            "seen_one": "A class it learns from",
            "map": f"{found.maps.shape[1]} pictures of {len(found.names)} classes as points.",
        },
    }
    body = np.ascontiguousarray(found.maps, dtype="<f4").tobytes()
    told = json.dumps(head, ensure_ascii=False, allow_nan=False)
    head["version"] = hashlib.sha256(told.encode() + repr(found.digests).encode()).hexdigest()[:16]
    text = json.dumps(head, ensure_ascii=False, allow_nan=False).encode()
    return struct.pack("<I", len(text)) + text + body


def classes(found: Frames) -> list[dict[str, Any]]:
    """Each class's name, colour and shape; unseen classes come first, as everywhere."""
    return [
        {
            "name": show.class_name(name),
            "lines": episode.short(name, found.names),
            "colour": theme.colour_of(i),
            "symbol": theme.symbol_of(i),
            "unseen": bool(found.unseen[i]),
        }
        for i, name in enumerate(found.names)
    ]


def curves(epochs: Sequence[int], history: History) -> list[dict[str, Any]]:
    """The validation curves at these epochs; nothing was measured before training."""
    by_epoch = {e.get("epoch"): e for e in history.epochs}
    ways = next((e["n_way"] for e in reversed(history.epochs) if e.get("n_way")), None)
    kinds = [("pair_accuracy", "pairs", theme.VALIDATION),
             ("one_shot", f"{ways}-way one-shot" if ways else "one-shot", theme.ONE_SHOT)]  # fmt: skip
    rows = [(name, colour, [_rate(by_epoch.get(e, {}).get(field)) for e in epochs]) for field, name, colour in kinds]
    return [{"name": n, "colour": c, "values": v} for n, c, v in rows if any(x is not None for x in v)]


def _rate(value: object) -> float | None:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1
    return round(float(value), 4) if good else None  # type: ignore[arg-type]
