"""A search on screen: what is searched with, the nearest pictures of the gallery, and how far all the others are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from pages.parts import cache, charts_search, gallery_choice, gather, matches, search_point, show, state, theme
from siamese_core.errors import DataError
from siamese_core.galleries import Found, Gallery, Item, Searcher
from siamese_core.runs import Run

WAYS = {"gallery": "From the gallery", "own": "Your own", "set": "From a set"}
MAP = "map"  # a point that was chosen on the map; offered when there is one
TOGETHER = {"each": "Each by itself", "best": "Nearest of any", "mean": "Their mean"}
TOGETHER_HELP = (
    "Several pictures of one thing find more of it. Nearest of any: a picture counts by the one of yours that it is "
    "most like. Their mean: by the mean of your embeddings."
)
COUNTS = [6, 12, 24, 48]
MOST_QUERIES = 12
SIDE = 160  # pixels of the picture that is searched with
SAME_PICTURE = 1e-6  # distance, up to which the network sees no difference
FAR = 20_000  # embeddings of the gallery whose distances are drawn; of larger ones, a sample


@dataclass(frozen=True, eq=False)
class Query:
    """What is searched with: embeddings (Q, D), a picture and a name of each, its class where that is known, and the
    item of the gallery that it is."""

    embeddings: np.ndarray
    pictures: list[Any]
    names: list[str]
    label: str | None = None
    item: int | None = None

    def __len__(self) -> int:
        return len(self.embeddings)


def draw(run: Run, gallery: Gallery) -> None:
    """The view. Raises DataError for a damaged gallery, ConfigError for an engine that cannot be used."""
    searcher = cache.searcher(run, gallery)
    if not len(searcher):
        if not gallery_choice.busy(run):
            st.info("This gallery is empty; add pictures to it.", icon=theme.ICONS["upload"])
        return
    settle()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        way, count, together = _controls(run)
    with st.container(horizontal=True, gap="medium"):
        left = st.container(width=240, key="search_query")
        right = st.container(key="search_found")
    with left:
        query = GIVERS[way](run, gallery, searcher)
    with right:
        if query is None:
            st.info("Give a picture: the nearest ones of the gallery appear here at once.", icon=theme.ICONS["upload"])
        else:
            _results(run, gallery, searcher, query, count, together if len(query) > 1 else "each")


def _controls(run: Run) -> tuple[str, int, str]:
    ways = WAYS | ({MAP: "From the map"} if search_point.given(run) else {})
    if state.get("search_way") not in ways:
        state.put("search_way", "gallery")
    way = st.segmented_control("Search with a picture", list(ways), required=True, key="search_way",
                               format_func=ways.get)  # fmt: skip
    count = st.segmented_control("How many", COUNTS, default=12, required=True, key="search_count")
    together = "each"
    if way == "own":
        together = st.segmented_control(
            "Several pictures", list(TOGETHER), default="each", required=True, key="search_together",
            format_func=TOGETHER.get, help=TOGETHER_HELP,
        )  # fmt: skip
    return way, count, together


# ---- what is searched with ----


def _from_gallery(run: Run, gallery: Gallery, searcher: Searcher) -> Query | None:
    """A picture of the gallery: the one that was clicked, else one drawn by chance."""
    item = _chosen(gallery, len(searcher))
    st.button("Another by chance", type="primary", icon=theme.ICONS["shuffle"], key="search_again", on_click=_another)
    picture = gallery.thumbnails([item.id]).get(item.id)
    if picture is not None:
        show.picture(
            matches.decoded(picture), f"What is searched with, {show.class_name(item.label or item.name)}", side=SIDE
        )
    _named(item)
    return Query(searcher.embeddings([item.id]), [None], [item.name], item.label or None, item.id)


def _chosen(gallery: Gallery, count: int) -> Item:
    clicked = state.lab().answers.get(_clicked(gallery))
    if clicked is not None and (found := gallery.store.by_id([clicked])):
        return found[clicked]
    rng = np.random.default_rng([state.seed("search"), 11])
    found = gallery.items(int(rng.integers(count)), 1) or gallery.items(0, 1)
    if not found:
        raise DataError("This gallery has just been emptied; add pictures to it.")
    return found[0]


def _another() -> None:
    for key in [k for k in state.lab().answers if str(k).startswith("search_item_")]:
        state.lab().answers.pop(key)
    state.next_seed("search")


def _clicked(gallery: Gallery) -> str:
    return f"search_item_{gallery.manifest.key}"


def _named(item: Item) -> None:
    group, _, last = show.class_name(item.label or item.name).rpartition("/")
    st.markdown(f"**{show.plain(last)}**" + (f"  \n{show.plain(group)}" if group else ""))
    if item.label:
        st.caption(show.plain(item.name))


def _own(run: Run, gallery: Gallery, searcher: Searcher) -> Query | None:
    given = gather.many("Pictures to search with", "search_own", run.spec(), MOST_QUERIES)
    if not given:
        return None
    z = cache.trained(run).embed(given.items)
    if len(given) == 1:
        show.picture(given.shown[0], "What is searched with", "as given", 104)
        show.picture(given.items.picture(0), "What the network sees", "as the network sees it", 104)
    return Query(z, list(given.shown), [name for name, _ in given.sources])


def _from_set(run: Run, gallery: Gallery, searcher: Searcher) -> Query | None:
    sets = cache.choices(run)
    chosen = st.selectbox("Set", list(sets), key="search_set", format_func=sets.get)
    data = cache.examples(run, chosen)
    st.button("Draw another", type="primary", icon=theme.ICONS["shuffle"], key="search_draw", on_click=state.next_seed,
              args=("search_set",))  # fmt: skip
    i = int(np.random.default_rng([state.seed("search_set"), 13]).integers(len(data)))
    items = data.items.select(np.array([i]))
    name = data.class_names[int(data.labels[i])]
    show.picture(data.items.natural(i), f"What is searched with, {show.class_name(name)}", side=SIDE)  # type: ignore[attr-defined]
    st.markdown(f"**{show.plain(show.class_name(name))}**")
    return Query(cache.trained(run).embed(items), [None], [name], name)


def _map_point(run: Run, gallery: Gallery, searcher: Searcher) -> Query | None:
    point = search_point.given(run)
    if point is None:
        return None
    if point.picture is not None:
        show.picture(point.picture, f"The point of the map, {point.name}", side=SIDE)
    st.markdown(f"**{show.plain(point.name)}**")
    st.caption("A point that you chose on the map.")
    return Query(point.embedding[None], [point.picture], [point.name])


GIVERS: dict[str, Callable[[Run, Gallery, Searcher], Query | None]] = {
    "gallery": _from_gallery,
    "own": _own,
    "set": _from_set,
    MAP: _map_point,
}


# ---- what is found ----


def _results(run: Run, gallery: Gallery, searcher: Searcher, query: Query, count: int, together: str) -> None:
    model = cache.trained(run)
    without = [] if query.item is None else [query.item]
    found = searcher.search(query.embeddings, count, together, without)
    pictures = gallery.thumbnails(sorted({m.item.id for f in found for m in f.matches}))
    if len(found) == 1:
        _one(model, gallery, searcher, query, found[0], pictures, together)
    else:
        for q, answer in enumerate(found):
            with st.container(horizontal=True, gap="small"):
                with st.container(width=96):
                    show.picture(query.pictures[q], f"Picture {q + 1}, {query.names[q]}", side=88)
                    st.caption(show.plain(query.names[q]))
                with st.container():
                    _tiles(model, gallery, answer, pictures, None, f"_{q}")
    if found and found[0].fewer:
        st.caption(f"The gallery has only {found[0].total:,} pictures to find; all are shown.")


def _one(
    model: Any, gallery: Gallery, searcher: Searcher, query: Query, answer: Found, pictures: dict[int, bytes], way: str
) -> None:
    st.markdown(_headline(answer, query.label, model.threshold))
    far = _distances(model, searcher, query, way)
    shown = [m.distance for m in answer.matches]
    words = (
        f"Distances of {len(far):,} pictures of the gallery, from {far.min():.3g} to {far.max():.3g}."
        if len(far)
        else ""
    )
    show.chart(charts_search.distances(far, shown, model.threshold), words, "search_distances")
    _tiles(model, gallery, answer, pictures, query.label, "")
    st.caption("Click a picture to search on from there." + ("" if model.calibration is None else
               " The percentage is how likely both show one class."))  # fmt: skip


def _tiles(
    model: Any, gallery: Gallery, answer: Found, pictures: dict[int, bytes], label: str | None, suffix: str
) -> None:
    told = f"The {len(answer.matches)} nearest pictures"
    chosen = matches.draw(answer.matches, pictures, model.calibration, model.threshold, label,
                          f"search_matches{suffix}", told)  # fmt: skip
    if chosen is not None:
        state.lab().answers[_clicked(gallery)] = chosen
        state.lab().answers[WANTED] = True
        st.rerun()


WANTED = "search_wanted"  # a click asks for the way "gallery" when the page is drawn again


def settle() -> None:
    """Before the controls are drawn: go where a click leads."""
    if state.lab().answers.pop(WANTED, None):
        state.put("search_way", "gallery")


def _headline(answer: Found, label: str | None, threshold: float | None) -> str:
    """How good the answer is, as far as that is known."""
    n = len(answer.matches)
    if label:
        known = [m for m in answer.matches if m.item.label]
        right = sum(m.item.label == label for m in known)
        return f"**{right} of the {n} nearest** are of its class." if known else f"**The {n} nearest**"
    if threshold is None:
        return f"**The {n} nearest**"
    if n and answer.matches[0].distance <= SAME_PICTURE:
        name = show.plain(show.class_name(answer.matches[0].item.label or answer.matches[0].item.name))
        return f"**This very picture is in the gallery**, as {name}."
    within = sum(m.distance <= threshold for m in answer.matches)
    if not within:
        return "**Nothing like it in this gallery**: even the nearest picture is beyond the run's threshold."
    return f"**{within} of the {n} nearest** are within the run's threshold: the network takes them for the same."


def _distances(model: Any, searcher: Searcher, query: Query, way: str) -> np.ndarray:
    """(G,) distances of the gallery, or of a part of it drawn by chance, from the query."""
    z = cache.sample(searcher, FAR)
    q = query.embeddings.mean(axis=0, keepdims=True) if way == "mean" else query.embeddings
    return model.distance_matrix(q, z).min(axis=0)
