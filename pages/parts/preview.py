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
    "train": ("Learns from", "the network is trained on these classes"),
    "validation": (
        "Validation",
        "for the curves, the best epoch and the threshold; the network never learns from them",
    ),
    "test": ("Test", "kept for the end: only Evaluate looks at them"),
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
        _figures(answer.value, config)
        _parts(answer.value)
        _sheet(answer.value, config)
        _batch(answer.value, config)


@st.fragment(run_every=1.0)
def _reading(config: TrainConfig) -> None:
    if cache.preview(config) is not None:
        st.rerun()
    text, share = cache.preview_progress(config)
    st.progress(min(max(share, 0.0), 1.0), text=show.plain(text or "Reading the data set") + "…")


def _figures(found: Preview, config: TrainConfig) -> None:
    counts, extra = found.own, len(found.counts) - len(found.own)
    with st.grid(4, min_column_width=120, gap="small"):
        st.metric("Classes", f"{found.classes:,}", border=True)
        st.metric("Pictures", f"{found.items:,}", border=True)
        st.metric("In a class (median)", f"{np.median(counts):g}", border=True,
                  help="Of the classes it learns from.")  # fmt: skip
        st.metric("Fewest to most", f"{counts.min()} – {counts.max()}", border=True)
    same, different, triplets = (_many(n) for n in previews.possible(found.counts))
    more = f", and {extra} invented classes beside its own" if extra else ""
    st.caption(
        f"To learn from there are {same} pairs of the same class, {different} pairs of different classes and "
        f"{triplets} triplets{more}." + _copies(config)
    )
    for warning in found.warnings:
        st.caption(f"{theme.ICONS['warning']} {show.plain(warning)}")
    if counts.max() > UNEVEN * max(1, counts.min()):
        words = f"Pictures in each class, from {counts.max()} down to {counts.min()}."
        show.chart(charts.class_counts(counts.tolist(), found.names["train"]), words, "preview_counts")
        st.caption("The classes are of unequal size; every class is drawn equally often all the same.")


def _copies(config: TrainConfig) -> str:
    return " Mirrors and quarter turns make each class eight." if config.class_copies else ""


def _many(n: int) -> str:
    for size, word in ((10**9, "billion"), (10**6, "million")):
        if n >= size:
            return f"{n / size:.3g} {word}"
    return f"{n:,}"


def _parts(found: Preview) -> None:
    lines = []
    for part, (word, why) in PARTS.items():
        names, groups = found.names[part], found.groups[part]
        what = f"{len(names)} classes" + (f" in {len(groups)} groups" if groups else "")
        lines.append(f"**{word}** · {what}: {_listed(groups or names)} :gray[– {why}]")
    st.markdown("  \n".join(lines))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(show.plain(n) for n in names[:NAMED])
    return shown + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


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
    right.caption("Augmented: another change at every look")
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
    return show.plain(last) + (f"  \n:small[{show.plain(group)}]" if group else "")


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
                st.caption(_relation(drawn, i) + " · ".join(show.plain(n.rpartition("/")[2]) for n in names))


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
