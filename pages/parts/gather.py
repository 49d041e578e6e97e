"""Giving pictures: by upload, by the camera or by drawing; one part for every page that asks for some.

What was given stays in the session. Widgets lose what they hold when they leave the page, so a list of
pictures keeps it beside them (`Lab.kept`) whenever another way of giving is chosen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from pages.parts import draw, show, state, theme, uploads
from pages.parts.uploads import Source
from siamese_core.errors import DataError
from siamese_core.modalities import face
from siamese_core.modalities.image import Fitted, ImageItems, decode, each, looked_at, together
from siamese_core.types import InputSpec

WAYS = {"upload": "Upload", "camera": "Camera", "draw": "Draw"}
CALLED = {"camera": "Camera picture", "draw": "Drawing"}
STAYS = "What you give stays in this browser session and is gone with it; nothing is saved."
SHELF = 8  # kept pictures that are shown
NO_CAMERA = "No picture? Allow the camera beside the page's address and reload, or use Upload or Draw."
LENT = "Browsers lend a camera only to pages of this machine itself, and to those under https."


@dataclass(frozen=True)
class Given:
    """M pictures: as they came, as people see them, and what the network sees of them."""

    sources: tuple[Source, ...]
    shown: tuple[np.ndarray, ...]
    items: ImageItems

    def __len__(self) -> int:
        return len(self.sources)


def one(label: str, key: str, spec: InputSpec) -> Given | None:
    """Ask for one picture; None while it is missing. What cannot be used is told right there."""
    found = show.guarded(_one)(label, key, spec)
    return found if found else None


def many(label: str, key: str, spec: InputSpec, most: int = uploads.MOST_PICTURES) -> Given | None:
    """Ask for any number of pictures; None when they cannot be used, which is told right there."""
    return show.guarded(_many)(label, key, spec, most)


def look(sources: list[Source], spec: InputSpec, key: str, side: int = 480) -> Given:
    """Decode pictures, once for as long as `key` gives the same ones. Raises DataError that names the first
    file that cannot be used."""
    about = (spec, side, *((name, hashlib.sha256(data).digest()) for name, data in sources))
    kept = state.lab().answers.get(f"look_{key}")
    if kept and kept[0] == about:
        return kept[1]
    done = each(partial(_look, spec=spec, side=side), sources, "Reading pictures") if sources else []
    items = together([fitted for _, fitted in done], spec)
    found = Given(tuple(sources), tuple(s for s, _ in done), items)
    state.lab().answers[f"look_{key}"] = (about, found)
    return found


def joined(parts: Sequence[Given]) -> Given:
    """Several as one, in their order; at least one, all of one spec."""
    pixels = np.concatenate([p.items.pixels for p in parts])
    faces = [p.items.faces for p in parts if p.items.faces is not None]
    return Given(
        tuple(s for p in parts for s in p.sources),
        tuple(s for p in parts for s in p.shown),
        ImageItems(pixels, parts[0].items.spec, np.concatenate(faces) if faces else None),
    )


def alike(queries: ImageItems, examples: ImageItems) -> list[tuple[int, int]]:
    """(query, example) wherever the network sees the very same in both; the first such example of each."""
    first: dict[str, int] = {}
    for i, digest in enumerate(examples.digests()):
        first.setdefault(digest, i)
    return [(q, first[digest]) for q, digest in enumerate(queries.digests()) if digest in first]


def sources_of(way: str, value: Any) -> list[Source]:
    """What the widget of a way of giving holds, as (name, bytes). Raises DataError when it is too much."""
    if way == "draw":
        data = draw.bytes_of((value or {}).get("picture"))
        return [(CALLED[way], data)] if data else []
    files = value if isinstance(value, list) else [value]
    found = uploads.checked([f for f in files if hasattr(f, "getvalue")])  # one taken away meanwhile has none
    return [(CALLED.get(way, name), data) for name, data in found]


def _look(source: Source, spec: InputSpec, side: int) -> tuple[np.ndarray, Fitted]:
    image = decode(source[1], source[0])
    fitted = looked_at(image, spec)
    image.thumbnail((side, side))
    return np.asarray(image), fitted


def _one(label: str, key: str, spec: InputSpec) -> Given:
    return look(_widget(_way(label, key, label_visibility="collapsed"), label, key, many=False), spec, key)


def _many(label: str, key: str, spec: InputSpec, most: int) -> Given:
    way = _way(label, key, on_change=show.told_later(_keep), args=(key, most))
    current = _widget(way, label, key, many=True)
    kept = state.lab().kept.get(key, [])
    above = _buttons(key, bool(kept), bool(current) and way != "upload", most)
    if len(kept) + len(current) > most:
        raise DataError(f"{label}: {len(kept) + len(current)} pictures are more than the {most} that fit; give fewer.")
    found = look([*kept, *current], spec, key, 160)
    for text in face.words(found.items.faces):
        st.caption(f"{theme.ICONS['warning']} {text}")
    with above:
        for i, picture in enumerate(found.shown[: min(len(kept), SHELF)]):
            show.picture(picture, f"Kept picture {i + 1}", side=40)
        if len(kept) > SHELF:
            st.caption(f"and {len(kept) - SHELF} more", width="content")
    return found


def _way(label: str, key: str, **more: Any) -> str:
    """The row of choices."""
    return st.segmented_control(label, list(WAYS), default="upload", required=True, key=f"{key}_way",
                                format_func=WAYS.get, **more)  # fmt: skip


def _key(key: str, way: str) -> str:
    """The key of a widget: another one each time that it must begin empty."""
    return f"{key}_{way}_{state.seed(key)}"


def _widget(way: str, label: str, key: str, many: bool) -> list[Source]:
    name = _key(key, way)
    if way == "upload":
        uploads.pictures(label, name, many)
    elif way == "camera":
        if st.camera_input(label, key=name, label_visibility="collapsed") is None:
            st.caption(NO_CAMERA, help=LENT)
    else:
        draw.sheet(label, name)
    return sources_of(way, state.get(name))


def _keep(key: str, most: int) -> None:
    """Put what the widgets hold to what is kept, and let them begin empty. Raises DataError."""
    found = [s for way in WAYS for s in sources_of(way, state.get(_key(key, way)))]
    kept = state.lab().kept
    state.next_seed(key)
    if len(kept.get(key, [])) + len(found) > most:
        raise DataError(f"More than {most} pictures do not fit here; take some away first.")
    if sum(len(data) for given in [*kept.values(), found] for _, data in given) > uploads.MAX_TOGETHER:
        raise DataError(f"These pictures are more than {uploads.MAX_TOGETHER >> 20} MB together; give smaller ones.")
    kept[key] = [*kept.get(key, []), *found]


def _drop(key: str) -> None:
    state.lab().kept.pop(key, None)


def _buttons(key: str, kept: bool, more: bool, most: int) -> Any:
    """Add to what is kept, and empty it; the place for what is kept."""
    if more:
        st.button("Add another", key=f"{key}_more", icon=theme.ICONS["add"],
                  on_click=show.told_later(_keep), args=(key, most))  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        above = st.container(horizontal=True, gap="xsmall", width="content")
        if kept:
            st.button("Remove", key=f"{key}_drop", icon=theme.ICONS["delete"], on_click=_drop, args=(key,),
                      help="Remove the pictures that were added before.")  # fmt: skip
    return above
