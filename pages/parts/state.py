"""The only place of `st.session_state` and `st.query_params`.

Widget keys are local to their page and may vanish when it is left. What must survive a page change
(the current run, the settings being made ready) is in one `Lab` a browser session; the current run is in the address
too (`?run=NAME`), so that it can be shared and found again.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from siamese_core.runs import History, Run

_LAB = "lab"
_RUN = "run"


@dataclass
class Curves:
    """What has been read of a run's events, and where to read on."""

    made: float
    offset: int = 0
    history: History = field(default_factory=History)


@dataclass
class Lab:
    """One browser session."""

    framed: bool = False  # app.py has drawn the frame around the pages
    run: str | None = None
    missing: str | None = None  # a run that was asked for in the address and is not there
    unmapped: str | None = None  # pictures that the address of a map asks for and that are not there
    trouble: Exception | None = None  # what a button's work ran into; the next drawing tells it
    draft: dict[str, Any] = field(default_factory=dict)  # the Train page's settings
    preset: str = ""
    margin_by_hand: bool = False  # so that it does not follow the distance
    source: str = "digits"
    stopping: set[str] = field(default_factory=set)  # runs that were asked to stop from here
    curves: dict[str, Curves] = field(default_factory=dict)
    visited: set[tuple[str, bool]] = field(default_factory=set)  # pages used, and whether with a run of one's own
    seeds: dict[str, int] = field(default_factory=dict)  # "draw another" on each page
    answers: dict[str, Any] = field(default_factory=dict)  # results asked for by a button, by what they are of
    archives: list[Path] = field(default_factory=list)  # to train on, kept below the runs folder
    kept: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)  # pictures given, by who asked for them


def lab() -> Lab:
    """This session's one state object."""
    if _LAB not in st.session_state:
        st.session_state[_LAB] = Lab()
    return st.session_state[_LAB]


def default(key: str, value: Any) -> None:
    """Give a widget's key its first value, unless it has one."""
    if key not in st.session_state:
        st.session_state[key] = value


def put(key: str, value: Any) -> None:
    """Set a widget's value; before the widget is made, or in a callback."""
    st.session_state[key] = value


def forget(key: str) -> None:
    """Let a widget begin with its first value again; before it is made, or in a callback."""
    st.session_state.pop(key, None)


def get(key: str, otherwise: Any = None) -> Any:
    """A widget's value by its key."""
    return st.session_state.get(key, otherwise)


def settle_run(names: Sequence[str], preferred: str | None, elsewhere: Sequence[str] = ()) -> str | None:
    """The current run among `names`: that of the address, else this session's, else `preferred`.

    Writes it back to both, because moving between pages drops the address's parameters. A run of the address that
    is `elsewhere` is there, but not for this page.
    """
    mine = lab()
    asked = st.query_params.get(_RUN)
    mine.missing = asked if asked and asked not in (*names, *elsewhere) else None
    chosen = next((n for n in (asked, mine.run) if n in names), preferred)
    if mine.missing is None:
        _write(chosen)
    return chosen


def asked(name: str) -> str | None:
    """What the address says of a widget that has not been drawn yet; None where it says nothing."""
    return None if name in st.session_state else st.query_params.get(name)


def choose_run(name: str | None) -> None:
    """Make a run the current one, in this session and in the address."""
    lab().missing = None
    _write(name)


def _write(name: str | None) -> None:
    lab().run = name
    if name is None:
        st.query_params.pop(_RUN, None)
    elif st.query_params.get(_RUN) != name:
        st.query_params[_RUN] = name


def run_query(name: str | None = None) -> dict[str, str]:
    """Query parameters that carry a run (by default the current one) to another page."""
    chosen = name or lab().run
    return {_RUN: chosen} if chosen else {}


def history(run: Run) -> History:
    """The run's curves, reading only what has been written since the last look."""
    made = (run.folder / "config.json").stat().st_ino if (run.folder / "config.json").exists() else 0
    seen = lab().curves.get(str(run.folder))
    if seen is None or seen.made != made:
        seen = lab().curves[str(run.folder)] = Curves(made)
    events, seen.offset = run.events(seen.offset)
    return seen.history.add(events)


def remembered(name: str, about: Hashable, of: object, make: Callable[[], Any], most: int = 8) -> Any:
    """`make()`, done once for as long as `about` and the very object `of` (a network, say) are the same.

    Each name has the last `most` of its answers in this session.
    """
    known = lab().answers.setdefault(name, {})
    kept = known.pop(about, None)
    if kept is None or kept[0]() is not of:
        kept = (weakref.ref(of), make())
    known[about] = kept
    while len(known) > most:
        known.pop(next(iter(known)))
    return kept[1]


def seed(page: str) -> int:
    """The number that 'draw another' counts up."""
    return lab().seeds.get(page, 0)


def next_seed(page: str) -> None:
    """Draw another one."""
    lab().seeds[page] = seed(page) + 1
