"""A whole gallery looked at: which pictures are nearly the same, and how often the nearest is of the right class."""

from __future__ import annotations

import streamlit as st

from pages.parts import cache, charts_search, later, matches, point, show, theme
from siamese_core.errors import DataError
from siamese_core.galleries import Gallery, duplicates, measuring
from siamese_core.galleries.duplicates import Duplicates
from siamese_core.retrieval import Retrieval
from siamese_core.runs import Run

SHOWN = 24  # pairs
MOST = 50_000  # pictures that are all compared with each other from a page; more take many minutes
MAP_HELP = (
    "Mean average precision at R: every picture asks, and of the R places that its own class could fill, how many are, "
    "the first ones counting most. 100% is a gallery in which every class stands together."
)


def copies(run: Run, gallery: Gallery) -> None:
    """The view of near copies. Raises DataError for a damaged gallery."""
    model, searcher = cache.trained(run), cache.searcher(run, gallery)
    usual = (model.threshold or 1.0) / 4
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reach = st.number_input(
            "At most so far apart", 0.0, None, float(f"{usual:.2g}"), step=float(f"{usual / 5:.1g}"), format="%.4g",
            key="copies_reach", width=200,
            help="A distance: 0 finds pictures in which the network sees no difference. At first, a quarter of the "
                 "run's threshold.",
        )  # fmt: skip
        key = ("copies", gallery.manifest.key, gallery.store.state(), float(reach))
        st.button("Find near copies", type="primary", icon=theme.ICONS["search"], key="copies_find",
                  on_click=later.start,
                  args=(key, lambda progress: duplicates.find(searcher, model, float(reach), progress)),
                  disabled=len(searcher) > MOST)  # fmt: skip
    if len(searcher) > MOST:
        st.caption(f"Every picture is compared with every other: more than {MOST:,} take long. In a shell, `python -m "
                   f"siamese_core gallery duplicates {gallery.name}` does it.")  # fmt: skip
    found = later.outcome(key)
    if isinstance(found, Duplicates):
        _pairs(gallery, found)
    elif not later.known(key):
        st.info("Every picture is compared with every other: copies, the same thing twice, and mistakes in the classes "
                "come to light.", icon=theme.ICONS["look"])  # fmt: skip


def _pairs(gallery: Gallery, found: Duplicates) -> None:
    if not found.total:
        st.success("No two pictures are so near.", icon=theme.ICONS["same"])
        return
    pairs = "1 pair" if found.total == 1 else f"{found.total:,} pairs"
    groups = "1 group" if len(found.groups) == 1 else f"{len(found.groups):,} groups"
    st.markdown(f"**{pairs}** at most {show.number(found.threshold)} apart, in {groups}. The nearest:")
    shown = list(zip(found.first[:SHOWN].tolist(), found.second[:SHOWN].tolist(), found.distances, strict=False))
    ids = sorted({i for a, b, _ in shown for i in (a, b)})
    items, pictures = gallery.store.by_id(ids), gallery.thumbnails(ids)
    with st.grid(4, min_column_width=210, gap="small") as grid:
        for a, b, d in shown:
            if a not in items or b not in items:
                continue
            with grid.cell(), st.container(border=True, gap="xxsmall"):
                with st.container(horizontal=True, gap="xsmall"):
                    for i in (a, b):
                        if i in pictures:
                            name = show.class_name(items[i].label or items[i].name)
                            show.picture(matches.decoded(pictures[i]), f"A near copy, {name}", side=72)
                names = [matches.short(items[i].label or items[i].name) for i in (a, b)]
                differ = items[a].label != items[b].label
                words = f"{names[0]} and {names[1]}" if differ else names[0]
                st.caption(
                    f"{show.plain(words)}  \n{point.nearness(float(d), None)}" + (" · two classes" if differ else "")
                )


def quality(run: Run, gallery: Gallery) -> None:
    """The view of how good a search is. Raises DataError for a damaged gallery."""
    model, searcher = cache.trained(run), cache.searcher(run, gallery)
    key = ("retrieval", gallery.manifest.key, gallery.store.state())
    st.button(
        "Measure", type="primary", icon=theme.ICONS["measure"], key="quality_start", on_click=later.start,
        args=(key, lambda progress: measuring.measure(searcher, gallery.store, model, progress=progress)),
    )  # fmt: skip
    told = later.outcome(key)
    if told is None:
        if not later.known(key):
            st.info("Every picture of a known class asks, and all others may answer. How often is the nearest one of "
                    "its class?", icon=theme.ICONS["look"])  # fmt: skip
        return
    found, count = told
    if not isinstance(found, Retrieval) or not found.recall:
        raise DataError("There are too few pictures to measure anything; add more of each class.")
    with st.container(horizontal=True):
        first = dict(found.recall).get(1)
        st.metric("Nearest is of the right class", show.percent(first), help="Recall@1.")
        st.metric("MAP@R", show.percent(found.map_at_r), help=MAP_HELP)
        st.metric("Pictures that asked", f"{found.queries:,}")
    words = ", ".join(f"recall@{k} {share:.1%}" for k, share in found.recall)
    show.chart(charts_search.recall(found.recall), f"How often one of the k nearest is of the right class: {words}.",
               "quality_recall")  # fmt: skip
    st.caption(f"Of {count:,} labelled pictures; equal distances count against the network. These are the gallery's "
               "own pictures: where the run has learnt from them, they say nothing of new classes.")  # fmt: skip
