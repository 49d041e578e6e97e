"""Long work beside the pages: a function in a thread, its progress, a stop, and its result for the session that asked.

The function knows nothing of Streamlit. While it works, one fragment looks at it every second; when it has ended, one
rerun draws the page without the ticking. Results stay in the session, by what they are of; no other session sees them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any

import streamlit as st

from pages.parts import show, state, theme
from siamese_core.errors import SiameseError

Progress = Callable[[str, float], None]

TICK = 1.0  # seconds
AT_ONCE = 2  # pieces of work, of all sessions together; others wait for their turn
KEPT = 20  # results a session

_turns = threading.BoundedSemaphore(AT_ONCE)


class Stopped(Exception):
    """Somebody asked for the end; raised from inside a call of progress."""


class Work:
    """One piece of work, to be looked at from any thread: where it is, and what came of it."""

    def __init__(self, function: Callable[[Progress], Any]) -> None:
        self.text, self.fraction = "Waiting for its turn", 0.0
        self.stopped = False
        self.result: Any = None
        self.error: Exception | None = None
        self._function: Callable[[Progress], Any] | None = function
        self._ended = False

    @property
    def active(self) -> bool:
        """True while it is worth waiting."""
        return not (self._ended or self.stopped)

    def stop(self) -> None:
        """End it: for the page at once; the thread itself at its next sign of progress."""
        self.stopped = self.stopped or not self._ended

    def run(self) -> None:
        """Wait for a turn, do the work, keep what came of it. Raises nothing."""
        try:
            while not _turns.acquire(timeout=0.2):
                self._tell(self.text, 0.0)
            try:
                if self._function is not None:
                    self.result = self._function(self._tell)
            finally:
                _turns.release()
        except Stopped:
            pass
        except Exception as error:
            if not isinstance(error, SiameseError):
                show.log.exception("Work beside a page failed")
            self.error = error
        finally:
            self._function = None  # and with it whatever it was given: an upload may be large
            self._ended = True

    def _tell(self, text: str, fraction: float) -> None:
        if self.stopped:
            raise Stopped
        self.text, self.fraction = text, min(max(fraction, 0.0), 1.0)


def start(of: Hashable, function: Callable[[Progress], Any]) -> None:
    """Begin `function(progress)` for this session, unless it is under way or done; its other work is stopped."""
    mine = _mine()
    if of in mine and (mine[of].active or mine[of].result is not None):
        return
    for other in mine.values():
        other.stop()
    mine.pop(of, None)
    while len(mine) >= KEPT:
        mine.pop(next(iter(mine)))
    mine[of] = Work(function)
    _spawn(mine[of])


def forget(of: Hashable) -> None:
    """Let this be begun anew, when it has ended."""
    if not active(of):
        _mine().pop(of, None)


def known(of: Hashable) -> bool:
    """Whether this was begun, however it went."""
    return of in _mine()


def active(of: Hashable) -> bool:
    """Whether this is under way."""
    return of in _mine() and _mine()[of].active


def outcome(of: Hashable) -> Any:
    """The result, or None: then what there is to say of it is drawn, if it was started at all."""
    work = _mine().get(of)
    if work is None:
        return None
    if work.active:
        _ticking(of)
    elif work.stopped:
        st.caption(f"{theme.ICONS['stop']} Stopped.")
    elif isinstance(work.error, SiameseError):
        show.notice(work.error)
    elif work.error is not None:
        show.unexpected()
    else:
        return work.result
    return None


@st.fragment(run_every=TICK)
@show.guarded
def _ticking(of: Hashable) -> None:
    work = _mine().get(of)
    if work is None or not work.active:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(work.fraction, text=show.plain(work.text), width="stretch")
        st.button("Stop", key="later_stop", icon=theme.ICONS["stop"], on_click=work.stop)


def _mine() -> dict[Hashable, Work]:
    return state.lab().answers.setdefault("later", {})


def _spawn(work: Work) -> None:
    threading.Thread(target=work.run, daemon=True, name="later").start()
