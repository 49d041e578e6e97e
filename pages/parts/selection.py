"""What was selected on a map: how many of each class, their pictures a page at a time, and ways to take them along."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from pages.parts import scatter, show, state, theme
from siamese_core import map_selection, sprites

A_PAGE = 60
MOST_BARS = 8
MOST_WAYS = 20  # classes that One-shot takes

_gallery = st.components.v2.component(
    "siamese_gallery",
    html=(scatter.ASSETS / "gallery.html").read_text("utf-8"),
    css=(scatter.ASSETS / "gallery.css").read_text("utf-8"),
    js=scatter.read("map_hub", "gallery"),
)


def draw(found: Mapping[str, np.ndarray], of: str, which: np.ndarray, ink: bool, map_key: str) -> None:
    """The points `which` of the map `of`; a click on a picture chooses it on the map with `map_key`."""
    key = f"{map_key}_gallery"
    digest = hashlib.sha256(which.tobytes()).hexdigest()[:16]
    page = page_of((state.get(key) or {}).get("page"), digest, len(which))

    def nothing() -> None:
        """The page is read when the part is drawn again."""

    st.subheader(f"{len(which):,} selected", anchor=False)
    _gallery(
        key=key,
        data=laid_out(found, which, ink, page) | {"of": of, "map": map_key, "selection": digest},
        on_page_change=nothing,
    )
    _take_along(found, which, ink, key)


def laid_out(found: Mapping[str, np.ndarray], which: np.ndarray, ink: bool, page: int) -> dict[str, Any]:
    """What the browser draws: one page of pictures, and a bar for each of the most frequent classes."""
    names = [show.class_name(n) for n in found["class_names"]]
    part = which[page * A_PAGE : (page + 1) * A_PAGE]
    told = [names[label] for label in found["labels"][part]]
    counts = map_selection.counts(found, which)
    rest = len(counts) - MOST_BARS
    sheet = None
    if "pixels" in found:
        made = sprites.sheet(found["pixels"][part], ink)
        png = base64.b64encode(made.png).decode("ascii")
        sheet = {"png": png, "across": made.across, "width": made.width, "height": made.height}
    classes = "1 class" if len(counts) == 1 else f"{len(counts):,} classes"
    return {
        "title": f"Of {classes}",
        "bars": [{"name": show.class_name(n), "count": c, "all": a} for n, c, a in counts[:MOST_BARS]],
        "rest": f"and {rest:,} classes more" if rest > 1 else "and 1 class more" if rest == 1 else "",
        "tiles": [
            {"point": int(i), "name": _last(n), "said": f"{n}: show on the map"}
            for i, n in zip(part, told, strict=True)
        ],
        "sheet": sheet,
        "page": page,
        "pages": max(1, -(-len(which) // A_PAGE)),
    }


def page_of(value: Any, digest: str, count: int) -> int:
    """The page that the browser asked for, where it is one of this selection; else the first."""
    number = value.get("number") if isinstance(value, dict) and value.get("of") == digest else None
    good = isinstance(number, int) and not isinstance(number, bool) and 0 <= number < -(-count // A_PAGE)
    return number if good else 0  # type: ignore[return-value]


def _take_along(found: Mapping[str, np.ndarray], which: np.ndarray, ink: bool, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button("Table (CSV)", functools.partial(map_selection.to_csv, found, which), "selection.csv",
                           "text/csv", key=f"{key}_csv", icon=theme.ICONS["table"], on_click="ignore")  # fmt: skip
        if "pixels" not in found:
            return
        few = len(which) <= map_selection.MOST_PICTURES
        st.download_button("Pictures (zip of class folders)",
                           functools.partial(map_selection.to_zip, found, which, ink) if few else b"", "selection.zip",
                           "application/zip", key=f"{key}_zip", icon=theme.ICONS["download"], disabled=not few,
                           on_click="ignore")  # fmt: skip
        st.caption(use_of(len(np.unique(found["labels"][which])), len(which)))


def use_of(classes: int, count: int) -> str:
    """What a zip of so many pictures can be used for."""
    if count > map_selection.MOST_PICTURES:
        return f"Pictures are saved up to {map_selection.MOST_PICTURES:,} at once; select fewer."
    words = "Pictures as the network sees them, in class folders. "
    if classes < 2:
        return words + "As a support set for One-shot, select points of at least two classes."
    if classes > MOST_WAYS:
        return words + f"As a support set for One-shot, select at most {MOST_WAYS} classes; these are {classes:,}."
    return words + "One-shot takes the zip as a support set."


def _last(name: object) -> str:
    """A class's name without its group's."""
    return str(name).rpartition("/")[2]
