"""Where the two pictures of a pair come from: drawn from a set, picked from it, examples that ship, or given.

Each source draws its own controls and returns a giver: what puts one side's widget on the page, if it has
one, and returns that side. The examples were made by `siamese_core.datasets.glyphs` with the seed 2030, which
no training uses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from pages.parts import cache, gather, pick, show, state, theme
from siamese_core.errors import DataError
from siamese_core.modalities.image import from_files
from siamese_core.runs import Run
from siamese_core.types import InputSpec, Items, LabelledSet

EXAMPLES = Path(__file__).parent / "examples"
MOST_PICKED = 60  # pictures of a class to pick from


@dataclass(frozen=True)
class Side:
    """One side of a pair: its name, the picture as it was given, what a network sees of it, and whether its name is
    its class."""

    name: str
    picture: np.ndarray
    fit: Callable[[InputSpec], Items]
    known: bool = False


# (which of the two, its place on the page) -> the side, None while it is missing; Swap changes the places
Giver = Callable[[int, int], Side | None]
TWINS = (("A", theme.TWIN_A, "blue"), ("B", theme.TWIN_B, "orange"))  # the two places


def _of_set(data: LabelledSet, i: int) -> Side:
    item = data.items.select(np.array([i]))
    return Side(data.class_names[int(data.labels[i])], data.items.natural(i), item.fitted, known=True)  # type: ignore[attr-defined]


def drawn(run: Run) -> Giver:
    """A pair drawn from a set, of one class or of two. Raises DataError."""
    state.default("compare_kind", "same")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        data = _set(run)
        st.button("Draw a pair of the same class", type="primary", key="compare_same", icon=theme.ICONS["shuffle"],
                  on_click=_again, args=("same",))  # fmt: skip
        st.button("Draw two different classes", key="compare_different", icon=theme.ICONS["shuffle"],
                  on_click=_again, args=("different",))  # fmt: skip
    pair = draw_pair(data, state.get("compare_kind"), state.seed("compare"))
    return lambda slot, place: _of_set(data, pair[slot])


def _set(run: Run) -> LabelledSet:
    sets = cache.choices(run)
    return cache.examples(run, st.selectbox("From", list(sets), key="compare_set", format_func=sets.get, width=280))


def _again(kind: str) -> None:
    state.put("compare_kind", kind)
    state.next_seed("compare")


def draw_pair(data: LabelledSet, kind: str, seed: int) -> tuple[int, int]:
    """Two different items of one class ("same"), or of two. Raises DataError when there are none."""
    rng = np.random.default_rng([seed, 11])
    several = np.flatnonzero(data.counts >= 2)
    if not len(several) or data.n_classes < 2:
        raise DataError("These classes hold too few pictures to draw pairs from; choose another set.")
    first = int(rng.choice(several))
    mine = rng.permutation(np.flatnonzero(data.labels == first))
    if kind == "same":
        return int(mine[0]), int(mine[1])
    others = np.flatnonzero((data.counts > 0) & (np.arange(data.n_classes) != first))
    if data.class_groups is not None:
        near = others[data.class_groups[others] == data.class_groups[first]]
        others = near if len(near) else others
    return int(mine[0]), int(rng.choice(np.flatnonzero(data.labels == rng.choice(others))))


def picked(run: Run) -> Giver:
    """Two particular pictures of a set: a class by its name, a picture of it by a click."""
    data = _set(run)

    def give(slot: int, place: int) -> Side:
        names = [n for n, count in zip(data.class_names, data.counts, strict=True) if count]
        key = f"compare_class_{slot}_{data.digest}"
        letter, colour, _ = TWINS[place]
        name = st.selectbox(f"Class of picture {letter}", names, key=key, label_visibility="collapsed",
                            format_func=show.class_name)  # fmt: skip
        label = data.class_names.index(name)
        items = np.flatnonzero(data.labels == label)[:MOST_PICKED]
        words = [f"{show.class_name(name)}, picture {i + 1}" for i in range(len(items))]
        pictures = [data.items.natural(int(i)) for i in items]  # type: ignore[attr-defined]
        chosen = pick.one_of(
            pictures, words, f"Picture {letter}", colour, f"compare_pick_{slot}_{data.digest}_{label}", slot
        )
        if (count := int(data.counts[label])) > MOST_PICKED:
            st.caption(f"The first {MOST_PICKED} of {count}.")
        return _of_set(data, int(items[chosen]))

    return give


def examples(run: Run) -> Giver:
    """Two of the pictures that ship with the program."""
    st.caption("Invented characters, each written by three hands; no network here has learnt from them.")
    files = [(p.stem.replace("-", " "), p.read_bytes()) for p in sorted(EXAMPLES.glob("*.png"))]
    given = gather.look(files, run.spec(), "examples")

    def give(slot: int, place: int) -> Side:
        letter, colour, _ = TWINS[place]
        names = [name for name, _ in files]
        return _given(
            given, pick.one_of(given.shown, names, f"Picture {letter}", colour, f"compare_example_{slot}", slot)
        )

    return give


def own(run: Run) -> Giver:
    """Two pictures of the visitor's own."""
    st.caption(gather.STAYS)

    def give(slot: int, place: int) -> Side | None:
        found = gather.one(f"Picture {TWINS[place][0]}", f"compare_own_{slot}", run.spec())
        return _given(found, 0) if found else None

    return give


def _given(given: gather.Given, i: int) -> Side:
    source = given.sources[i]

    def fit(spec: InputSpec) -> Items:
        mine = given.items
        return mine.select(np.array([i])) if spec == mine.spec else from_files([source], spec)

    return Side(source[0], given.shown[i], fit)
