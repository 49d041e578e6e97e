"""Small things that every page shows alike: notices, states, pictures, numbers, empty states."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from pages.parts import state, theme
from siamese_core import map_export_table
from siamese_core.errors import ConfigError, SiameseError

log = logging.getLogger("siamese_lab")


def plain(text: object) -> str:
    """Text for a place that reads Markdown, so that names with * or _ show as they are."""
    return re.sub(r"([\\`*_\[\]:$~<>#|])", r"\\\1", str(text))


def class_name(name: object) -> str:
    """A class's or a group's name as people read it: data and files have `_` where a space is meant."""
    return map_export_table.shown(name)


def notice(error: SiameseError) -> None:
    """One notice for a mistake that can be mended; several problems become a list."""
    problems = error.problems if isinstance(error, ConfigError) else (str(error),)
    text = plain(problems[0]) if len(problems) == 1 else "\n".join(f"- {plain(p)}" for p in problems)
    st.error(text, icon=theme.ICONS["warning"])


def guarded(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Run a page or a part of one; whatever goes wrong becomes one notice, never a traceback."""

    @functools.wraps(draw)
    def safely(*args: Any, **kwargs: Any) -> Any:
        try:
            return draw(*args, **kwargs)
        except SiameseError as error:
            notice(error)
        except Exception:
            log.exception("A page could not be drawn")
            unexpected()
        return None

    return safely


def told_later(work: Callable[..., Any]) -> Callable[..., Any]:
    """For what a button does before the page is drawn: a mistake is told where the page begins."""

    @functools.wraps(work)
    def safely(*args: Any, **kwargs: Any) -> None:
        try:
            work(*args, **kwargs)
        except Exception as error:
            if not isinstance(error, SiameseError):
                log.exception("A button's work failed")
            state.lab().trouble = error

    return safely


def trouble() -> None:
    """Tell, once, what the last button ran into."""
    error, state.lab().trouble = state.lab().trouble, None
    if isinstance(error, SiameseError):
        notice(error)
    elif error is not None:
        unexpected()


def unexpected() -> None:
    """The notice for a bug: no details here, they are in the server's log."""
    st.error(
        "Something went wrong here that is not your doing. Reload the page; if that does not help, the "
        "details are in the log of the terminal where Siamese Lab was started.",
        icon=":material/bug_report:",
    )


def empty(words: str, page: str | None = None, label: str = "", query: dict[str, str] | None = None) -> None:
    """An empty state: what to do next, and the way there."""
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.markdown(words, text_alignment="center")
        if page:
            icon = theme.ICONS[page]
            if st.button(label, type="primary", icon=icon, key=f"go_{page}"):
                st.switch_page(f"pages/{page}.py", query_params=query or {})
        st.space("small")


def state_word(state: str) -> str:
    """A run's state as coloured Markdown with its icon."""
    colour, icon = theme.STATES[state]
    return f":{colour}[{icon} {state}]"


def percent(rate: float | None) -> str:
    """0.9312 -> '93%'; with one decimal above 99%, where it matters."""
    if rate is None:
        return "–"
    return f"{rate:.1%}" if 0.99 < rate < 1 else f"{rate:.0%}"


def rate(value: float | None) -> str:
    """An error rate: one decimal, and two where it is near 0 or 1: '7.9%', '0.31%'."""
    if value is None:
        return "–"
    return f"{value:.2%}" if 0 < value < 0.0095 or 0.9905 < value < 1 else f"{value:.1%}"


def likely(probability: float) -> str:
    """A probability in words that promise no more than is known: never 0% or 100%."""
    if probability < 0.01:
        return "under 1%"
    return "over 99%" if probability > 0.99 else f"{probability:.0%}"


def number(value: float | None) -> str:
    """Three significant digits, never in scientific notation where it can be avoided."""
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def duration(seconds: float | None) -> str:
    """'8 s', '3 min 20 s', '45 min', '2 h 5 min'."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    if seconds < 600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{int(seconds // 3600)} h {round(seconds % 3600 / 60)} min"


def enlarged(picture: np.ndarray, side: int) -> np.ndarray:
    """(H, W) or (H, W, 3) uint8, each pixel repeated a whole number of times so that small scans stay
    crisp; about `side` pixels on the longer side, and never below its own size."""
    factor = max(1, round(side / max(picture.shape[:2])))
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def picture(pixels: np.ndarray, alt: str, caption: str | None = None, side: int = 160) -> None:
    """A small picture with crisp pixels; `alt` says what it shows."""
    big = enlarged(pixels, 2 * side)
    height, width = big.shape[:2]
    st.image(big, caption=caption, width=max(1, round(side * width / max(height, width))), alt=alt, output_format="PNG")


def dark() -> bool:
    """Whether the reader has the dark theme."""
    return st.context.theme.type == "dark"


def chart(figure: Any, alt: str, key: str, **more: Any) -> Any:
    """A figure in the page's width, in the theme's colours, without the toolbar."""
    config = {"displayModeBar": False, "scrollZoom": False} | more.pop("config", {})
    return st.plotly_chart(figure, theme="streamlit", key=key, config=config, alt=alt, **more)
