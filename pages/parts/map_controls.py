"""What map is asked for: the controls above it. All of them are in the address too, so that a map can be shared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from pages.parts import cache, show, state, theme
from siamese_core import evolution, projections
from siamese_core.runs import Run

POINTS = [300, 600, 1000, 2000, 5000, 10_000, 30_000, 100_000]
PERPLEXITIES = [0, 5, 10, 30, 50, 100]
NEIGHBOURS = [0, 5, 10, 15, 30, 50, 100]
METHOD_HELP = (
    "t-SNE keeps near things near, and shows clusters best. UMAP and PaCMAP keep more of how clusters lie to each "
    "other. PCA turns the points without bending anything, and is there at once."
)
SHAPE_HELP = (
    "On a plane, or in space, which can be turned and bends less. t-SNE takes longer in space: about 5 seconds for 600 "
    "points, a quarter of a minute for 2,000."
)
MOST_SEED = 9999
USUAL_DISTANCE = 0.1  # UMAP's own
BEST = -1  # in the place of an epoch


def controls(run: Run, start: Any) -> dict[str, Any]:
    """Draw the controls; what was chosen, as `map_jobs.start` takes it. The button calls `start(run, asked)`."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        epoch = _epoch_chosen(run)
        where = pictures(run) if epoch is None else _watched(run, epoch)
        method = st.selectbox("Method", list(projections.TITLES), key="map_method", width=124, bind="query-params",
                              format_func=projections.TITLES.get, help=METHOD_HELP)  # fmt: skip
        dims = st.segmented_control("Shape", [2, 3], default=2, required=True, key="map_dims", bind="query-params",
                                    format_func=lambda n: f"{n}-D", wrap=False, width="content",
                                    help=SHAPE_HELP)  # fmt: skip
        most = st.selectbox("At most", POINTS, index=1, key="map_points", width=150, bind="query-params",
                            format_func=lambda n: f"{n} points",
                            help="Of larger sets, so many points are drawn by chance.")  # fmt: skip
        with st.popover("Settings", icon=theme.ICONS["tune"], key="map_settings"):
            more = _settings(method, dims)
            _epochs(run)
        asked = where | {"method": method, "dims": dims, "max_points": most} | more
        st.button("Make the map", type="primary", key="map_start", icon=theme.ICONS["start"], on_click=start,
                  args=(run, asked))  # fmt: skip
    if missing := state.lab().unmapped:
        st.warning(f"The address asks for a map of “{show.plain(missing)}”, which is not here; choose other pictures.",
                   icon=theme.ICONS["warning"])  # fmt: skip
    return asked


def pictures(run: Run) -> dict[str, Any]:
    """Which pictures: the same choice for the map and for the health of the space."""
    sources = _sources(run)
    if (asked := state.asked("map_source")) and asked not in sources.values():
        state.lab().unmapped = asked
    source = st.selectbox("Pictures", list(sources), key="map_source", format_func=sources.get, width=232,
                          bind="query-params", on_change=_settled,
                          help="A data set that is here, or a part of the run's own.")  # fmt: skip
    kind, _, name = source.partition(":")
    return {"data": name if kind == "data" else None, "part": name if kind == "part" else "test"}


def _epochs(run: Run) -> None:
    """Which network: the best weights, or what is kept of one of its epochs."""
    if epochs := evolution.mapped_epochs(run):
        st.selectbox(
            "Network", [BEST, *epochs], key="map_epoch", bind="query-params", format_func=_after, on_change=_settled,
            help="Of an epoch, only what the network made of the pictures that its run watched is kept: the map is "
                 "then of these. Maps of two epochs can stand side by side.",
        )  # fmt: skip


def _epoch_chosen(run: Run) -> int | None:
    """What the control says that is drawn later, or, at first, the address."""
    chosen = state.get("map_epoch")
    if chosen is None and (asked := state.asked("map_epoch")):
        chosen = next((e for e in [BEST, *evolution.mapped_epochs(run)] if _after(e) == asked), None)
        if chosen is None:
            state.lab().unmapped = asked
    return chosen if chosen in evolution.mapped_epochs(run) else None


def _after(epoch: int) -> str:
    return "best weights" if epoch == BEST else f"after epoch {epoch}" if epoch else "before training"


def _watched(run: Run, epoch: int) -> dict[str, Any]:
    """In the place of the pictures: that there is no choice."""
    words = f"Watched, {_after(epoch)}"
    st.selectbox("Pictures", [words], key="map_watched", disabled=True, width=232,
                 help="Of an epoch, only what the run watched is kept. For other pictures, choose the best weights "
                      "in Settings.")  # fmt: skip
    return {"epoch": epoch}


def _settled() -> None:
    state.lab().unmapped = None


def _settings(method: str, dims: int) -> dict[str, Any]:
    """The rarer ones, each only where the method has it."""
    found: dict[str, Any] = {}
    if method == "tsne":
        told = "Roughly how many neighbours t-SNE tries to keep near each point."
        perplexity = _number("Perplexity", PERPLEXITIES, "map_perplexity", told)
        found["perplexity"] = float(perplexity) if perplexity else None
    if method in ("umap", "pacmap"):
        told = "How many neighbours of each point count: few show detail, many the whole."
        found["neighbours"] = _number("Neighbours", NEIGHBOURS, "map_neighbours", told) or None
    if method == "umap":
        least = st.slider(
            "Least distance", 0.0, 0.99, USUAL_DISTANCE, 0.01, key="map_min_distance", bind="query-params",
            help="How close together points may lie; 0 packs clusters tightly.",
        )  # fmt: skip
        found["min_distance"] = None if least == USUAL_DISTANCE else least
    if method != "pca":
        found["learning_rate"] = st.number_input(
            "Learning rate", 0.001, 100_000.0, None, key="map_learning_rate", bind="query-params",
            placeholder="automatic",
            help="How far points move at once; change it only when a map looks like one round ball.",
        )  # fmt: skip
    found["seed"] = st.number_input(
        "Seed", 0, MOST_SEED, 0, key="map_seed", bind="query-params",
        help="Another number draws other points and begins elsewhere: what both maps show is really there.",
    )  # fmt: skip
    if method == "tsne" and dims == 2 and st.toggle(
        "Watch it grow", key="map_watch", bind="query-params",
        help="Shows the map every second while it is made, by the engine openTSNE, which takes longer.",
    ):  # fmt: skip
        found["engine"] = "opentsne"
    return found


def _number(label: str, options: list[int], key: str, help: str) -> int:
    return st.selectbox(label, options, key=key, bind="query-params", help=help,
                        format_func=lambda n: str(n) if n else "automatic")  # fmt: skip


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
