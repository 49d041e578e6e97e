"""The Train page's look at the data before the start: what the network will be fed, and what never."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from pages.parts import cache, charts_preview, show, state, theme
from siamese_core import datasets
from siamese_core import preview as previews
from siamese_core.config import TrainConfig
from siamese_core.errors import DataError
from siamese_core.preview import Preview

GAP = 3  # pixels between pictures
SIDE = 46  # of a picture, about, in pixels
ROWS, EACH = 6, 6  # classes, and pictures of each
COLUMNS = 12  # pairs, triplets or classes of a batch
NAMED = 14  # classes or groups of a part before "and so many more"
UNEVEN = 1.5  # largest to smallest class, from which on a chart is worth its place
ABSENT = {
    "omniglot": ("9.5 MB", "github.com/brendenlake/omniglot"),
    "omniglot-evaluation": ("6.5 MB", "github.com/brendenlake/omniglot"),
    "olivetti": ("about 4 MB", "figshare.com"),
}
PARTS = {
    "train": ("Learns from", "the network is trained on these classes."),
    "validation": ("Validation", "for the curves, the best epoch and the threshold, never learnt from."),
    "test": ("Test", "kept for the end, measured by evaluate alone."),
}


def data(config: TrainConfig) -> None:
    """The whole view; what takes long to read is read beside the page."""
    if not cache.is_here(config.dataset):
        if config.dataset in datasets.BY_HAND:
            _to_fetch(config.dataset)
            return
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


def _to_fetch(dataset: str) -> None:
    """What to put where, of a set that only people can fetch."""
    try:
        datasets.load(dataset)
    except DataError as error:
        show.notice(error)


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
    lines = []
    for part, (word, _) in PARTS.items():
        more = f", and {extra} invented classes" if extra and part == "train" else ""
        lines.append(f"**{word}** · {_part(found.names[part], found.groups[part])}{more}")
    st.caption("  \n".join(lines), help=" ".join(f"{word}: {why}" for word, why in PARTS.values()))
    for warning in found.warnings:
        st.caption(f"{theme.ICONS['warning']} {show.plain(warning)}")


def _many(n: int) -> str:
    for size, word in ((10**9, "billion"), (10**6, "million")):
        if n >= size:
            return f"{n / size:.3g} {word}"
    return f"{n:,}"


def _part(names: Sequence[str], groups: Sequence[str]) -> str:
    if not names:
        return "none: so few classes leave nothing to test on"
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
        show.chart(charts_preview.class_counts(counts.tolist(), found.names["train"]), words, "preview_counts")
        st.caption("Every class is drawn equally often all the same.")
    with st.expander("All classes by name", icon=":material/list:"):
        for part, (word, why) in PARTS.items():
            st.markdown(f"**{word}**: {', '.join(map(show.plain, found.names[part])) or 'none'}. :gray[{why}]")


def _sheet(found: Preview, config: TrainConfig) -> None:
    rows = previews.sheet(found, config, rows=ROWS, columns=EACH, seed=state.seed("train"))
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.subheader("As fed to the network", anchor=False)
        st.button("Draw others", icon=theme.ICONS["shuffle"], key="train_draw", on_click=state.next_seed,
                  args=("train",))  # fmt: skip
    spec = found.spec
    kind = "ink bright on black" if spec.polarity == "ink" else "the centre"
    kind = {"ink": "cropped to the ink, bright on black", "face": "the face, its eyes level"}.get(spec.crop, kind)
    left, right = st.columns(2)
    left.caption(f"Fitted: {spec.width} × {spec.height} pixels, {kind}")
    right.caption("Augmented: changed anew each time")
    grid = [[*_filled(row.fitted, EACH), *_filled(row.augmented, EACH)] for row in rows]
    names = ", ".join(_short(row.name) for row in rows)
    _image(mosaic(grid, EACH), f"Rows of pictures of one class each, fitted and augmented: {names}")
    st.caption(f"A class in each row, from above: {names}.")
    if config.class_copies:
        eight = previews.mirrors(found, state.seed("train"))
        _image(mosaic([list(eight)]), "One picture in its eight mirrors and quarter turns")
        st.caption("Mirrored and turned by quarters, a class counts as eight.")


def _filled(pictures: np.ndarray, count: int) -> list[np.ndarray | None]:
    return [*pictures, *[None] * (count - len(pictures))]


def _short(name: str) -> str:
    """A class's own name, and the first word of where it belongs."""
    group, _, last = show.class_name(name).rpartition("/")
    return show.plain(last) + (f" ({show.plain(group.partition('/')[0])})" if group else "")


def _batch(found: Preview, config: TrainConfig) -> None:
    drawn = previews.draw(found, config, most=COLUMNS, seed=state.seed("train"))
    st.subheader("A batch, as the sampler draws it", anchor=False)
    shown = len(drawn.groups)
    part = "" if shown == drawn.total else f" {shown} of them are shown."
    pictures = f"{drawn.pictures} pictures"
    if drawn.kind == "pairs":
        left, right = (
            f"{theme.ICONS['same']} Left: the same class.",
            f"{theme.ICONS['different']} Right: different ones.",
        )
        st.caption(f"{drawn.total} pairs, {pictures}, each in a column.{part} :green[{left}] :red[{right}]")
    elif drawn.kind == "triplets":
        st.caption(f"{drawn.total} triplets, {pictures}, each in a column: anchor, positive, negative.{part}")
    else:
        st.caption(
            f"{drawn.total} classes × {len(drawn.groups[0][2])} = {pictures}, each class in a column.{part} Within a "
            "column all pairs are the same; between columns all are different."
        )
    grid = [list(row) for row in zip(*(pictures for _, _, pictures in drawn.groups), strict=True)]
    words = "; ".join(" and ".join(names) for names, _, _ in drawn.groups)
    _image(mosaic(grid, sum(drawn.same) or None), f"Columns of a batch of {drawn.kind}: {words}")


def mosaic(grid: Sequence[Sequence[np.ndarray | None]], apart: int | None = None, side: int = SIDE) -> np.ndarray:
    """Rows of pictures (H, W) or (H, W, 3) uint8 -> one picture (h, w, 4), each about `side` pixels high.

    What is between them, or missing, is clear; after `apart` columns the gap is wider.
    """
    sized = [[None if p is None else _sized(p, side) for p in row] for row in grid]
    height, width = next(p.shape[:2] for row in sized for p in row if p is not None)
    left = [c * (width + GAP) + (4 * GAP if apart and c >= apart else 0) for c in range(len(sized[0]))]
    out = np.zeros((len(sized) * (height + GAP) - GAP, left[-1] + width, 4), dtype=np.uint8)
    for r, row in enumerate(sized):
        for x, picture in zip(left, row, strict=True):
            if picture is not None:
                y = r * (height + GAP)
                out[y : y + height, x : x + width, :3] = picture[..., None] if picture.ndim == 2 else picture
                out[y : y + height, x : x + width, 3] = 255
    return out


def _sized(picture: np.ndarray, side: int) -> np.ndarray:
    """Whole pixels repeated, or blocks of them averaged."""
    factor = picture.shape[0] // side
    if factor < 2:
        return show.enlarged(picture, side)
    height, width = (n // factor for n in picture.shape[:2])
    blocks = picture[: height * factor, : width * factor].reshape(height, factor, width, factor, -1)
    return blocks.mean(axis=(1, 3)).astype(np.uint8).squeeze()


def _image(pixels: np.ndarray, alt: str) -> None:
    st.image(pixels, alt=alt, width=pixels.shape[1], output_format="PNG")
