"""The Train page's look at the data before the start: what the network will be fed, and what never."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from pages.parts import cache, charts, show, state, theme
from siamese_core import datasets
from siamese_core import preview as previews
from siamese_core.config import TrainConfig
from siamese_core.preview import Drawn, Preview

GAP = 2  # pixels between pictures
NAMED = 14  # classes or groups of a part before "and so many more"
UNEVEN = 1.5  # largest to smallest class, from which on a chart is worth its place
ABSENT = {
    "omniglot": ("9.5 MB", "github.com/brendenlake/omniglot"),
    "omniglot-evaluation": ("6.5 MB", "github.com/brendenlake/omniglot"),
    "olivetti": ("about 4 MB", "figshare.com"),
}
PARTS = {
    "train": ("Learns from", "The network is trained on these classes."),
    "validation": ("Validation", "For the curves, the best epoch and the threshold; the network never learns from it."),
    "test": ("Test", "Kept for the end: measured with evaluate alone, never used in training."),
}


def data(config: TrainConfig) -> None:
    """The whole view; what takes long to read is read beside the page."""
    if not cache.is_here(config.dataset):
        size, source = ABSENT.get(config.dataset, ("", ""))
        st.info(
            f"This set is not on this computer yet. **Start** fetches it first ({size} from {source}) into "
            f"{show.plain(datasets.data_root())}; then it can be looked at here.",
            icon=":material/download:",
        )
        return
    answer = cache.preview(config)
    if answer is None:
        _reading(config)
    elif answer.error is not None:
        show.notice(answer.error)
    else:
        _figures(answer.value)
        _sheet(answer.value, config)
        _batch(answer.value, config)
        _more(answer.value)


@st.fragment(run_every=1.0)
def _reading(config: TrainConfig) -> None:
    if cache.preview(config) is not None:
        st.rerun()
    text, share = cache.preview_progress(config)
    st.progress(min(max(share, 0.0), 1.0), text=show.plain(text or "Reading the data set") + "…")


def _figures(found: Preview) -> None:
    counts = found.own
    with st.grid(4, min_column_width=120, gap="small"):
        st.metric("Classes", f"{found.classes:,}", border=True)
        st.metric("Pictures", f"{found.items:,}", border=True)
        st.metric("Median a class", f"{np.median(counts):g}", border=True,
                  help="Pictures in a class, of those it learns from.")  # fmt: skip
        st.metric("Fewest – most", f"{counts.min()} – {counts.max()}", border=True)
    extra = len(found.counts) - len(counts)
    for part, (word, why) in PARTS.items():
        more = f", and {extra} invented classes" if extra and part == "train" else ""
        st.caption(f"**{word}** · {_part(found.names[part], found.groups[part])}{more}", help=why)
    for warning in found.warnings:
        st.caption(f"{theme.ICONS['warning']} {show.plain(warning)}")


def _many(n: int) -> str:
    for size, word in ((10**9, "billion"), (10**6, "million")):
        if n >= size:
            return f"{n / size:.3g} {word}"
    return f"{n:,}"


def _part(names: Sequence[str], groups: Sequence[str]) -> str:
    what = f"{len(names)} classes" + (f" in {len(groups)} groups" if groups else "")
    listed = list(groups or names)
    shown = ", ".join(show.plain(n) for n in listed[:NAMED])
    return f"{what}: {shown}" + (f" and {len(listed) - NAMED} more" if len(listed) > NAMED else "")


def _more(found: Preview) -> None:
    """What there is to draw from, and how unequal the classes are."""
    same, different, triplets = (_many(n) for n in previews.possible(found.counts))
    st.caption(
        f"There are {same} pairs of the same class, {different} pairs of different classes and {triplets} triplets "
        "to draw from."
    )
    counts = found.own
    if counts.max() > UNEVEN * max(1, counts.min()):
        st.subheader("Classes of unequal size", anchor=False)
        words = f"Pictures in each class, from {counts.max()} down to {counts.min()}."
        show.chart(charts.class_counts(counts.tolist(), found.names["train"]), words, "preview_counts")
        st.caption("Every class is drawn equally often all the same.")
    with st.expander("All classes by name", icon=":material/list:"):
        for part, (word, why) in PARTS.items():
            st.markdown(f"**{word}**: {', '.join(map(show.plain, found.names[part]))}. :gray[{why}]")


def _sheet(found: Preview, config: TrainConfig) -> None:
    rows = previews.sheet(found, config, seed=state.seed("train"))
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.subheader("As fed to the network", anchor=False)
        st.button("Draw others", icon=theme.ICONS["shuffle"], key="train_draw", on_click=state.next_seed,
                  args=("train",))  # fmt: skip
    widths, spec = [0.18, 0.41, 0.41], found.spec
    kind = "ink bright on black" if spec.polarity == "ink" else "the centre square"
    _, left, right = st.columns(widths, gap="small")
    left.caption(f"Fitted: {spec.width} × {spec.height} pixels, {kind}")
    right.caption("Augmented: changed anew each time")
    for row in rows:
        name, left, right = st.columns(widths, gap="small", vertical_alignment="center")
        name.caption(_short(row.name))
        with left:
            show.picture(tiled(row.fitted, 6), f"Pictures of class {row.name}, fitted", side=236)
        with right:
            show.picture(tiled(row.augmented, 6), f"The same pictures of class {row.name}, augmented", side=236)
    if config.class_copies:
        st.caption("Mirrored and turned by quarters, a picture counts as eight classes:")
        eight = previews.mirrors(found, state.seed("train"))
        show.picture(tiled(eight, 8), "One picture in its eight mirrors and quarter turns", side=420)


def _short(name: str) -> str:
    group, _, last = name.rpartition("/")
    return show.plain(last) + (f"  \n:small[{show.plain(group.partition('/')[0])}]" if group else "")


def _names(names: Sequence[str]) -> str:
    """Short names, or whole ones where short ones would hide that the classes differ."""
    short = [n.rpartition("/")[2] for n in names]
    return " · ".join(map(show.plain, short if len(set(short)) == len(set(names)) else names))


def _batch(found: Preview, config: TrainConfig) -> None:
    drawn = previews.draw(found, config, most=12 if config.sampler == "classes" else 6, seed=state.seed("train"))
    st.subheader("A batch, as the sampler draws it", anchor=False)
    if drawn.kind == "classes":
        _classes(drawn)
        return
    each = "pairs, half of them the same" if drawn.kind == "pairs" else "triplets: anchor, positive, negative"
    st.caption(f"{drawn.total} {each}: {drawn.pictures} pictures. The first few:")
    with st.grid(3, min_column_width=150, gap="small") as grid:
        for i, (names, _, pictures) in enumerate(drawn.groups):
            with grid.cell():
                words = ", ".join(names)
                show.picture(tiled(pictures, 3), f"{drawn.kind[:-1].capitalize()} of {words}", side=len(pictures) * 66)
                st.caption(_relation(drawn, i) + _names(names))


def _relation(drawn: Drawn, i: int) -> str:
    if drawn.kind != "pairs":
        return ""
    icon, colour, word = ("same", "green", "same") if drawn.same[i] else ("different", "red", "different")
    return f":{colour}[{theme.ICONS[icon]} {word}]  \n"


def _classes(drawn: Drawn) -> None:
    k = len(drawn.groups[0][2])
    more = "" if len(drawn.groups) == drawn.total else f" (the first {len(drawn.groups)} are shown)"
    st.caption(
        f"{drawn.total} classes × {k} pictures = {drawn.pictures} pictures; each column is one class{more}. "
        "Within a column all pairs are the same, between columns all are different."
    )
    columns = np.stack([pictures for _, _, pictures in drawn.groups], axis=1)  # K rows of P pictures
    words = "Columns: " + ", ".join(n[0] for n, _, _ in drawn.groups)
    show.picture(tiled(columns.reshape(-1, *columns.shape[2:]), len(drawn.groups)), words, side=len(drawn.groups) * 46)


def tiled(pictures: np.ndarray, columns: int) -> np.ndarray:
    """(M, H, W) or (M, H, W, 3) uint8, row by row -> one picture (h, w, 4); what is between them is clear."""
    m, height, width = pictures.shape[:3]
    rows = -(-m // columns)
    sheet = np.zeros((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 4), dtype=np.uint8)
    for i, picture in enumerate(pictures):
        y, x = i // columns * (height + GAP), i % columns * (width + GAP)
        sheet[y : y + height, x : x + width, :3] = picture[..., None] if picture.ndim == 2 else picture
        sheet[y : y + height, x : x + width, 3] = 255
    return sheet
