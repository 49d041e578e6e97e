"""Answers that take a while, worked out beside the pages: a page asks, shows that it waits, and asks again."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from siamese_core.errors import DataError, SiameseError

log = logging.getLogger("siamese_lab")
WORKERS = 2
MOST_WAITING = 6

Progress = Callable[[str, float], None]
Work = Callable[[Progress], Any]


@dataclass(frozen=True)
class Answer:
    """A value, or the mistake that stood in its way."""

    value: Any = None
    error: SiameseError | None = None


class Spoilt(Exception):
    """Raised by work whose answer is not worth keeping: the question is open again."""


class Background:
    """A few threads that work out answers, the newest question first. The last `most` answers are kept.

    Questions that nobody asks again are in time dropped: whoever still wants one asks every second.
    """

    def __init__(self, most: int) -> None:
        self.most, self.lock, self.running = most, threading.Lock(), 0
        self.answers: OrderedDict[Hashable, Answer] = OrderedDict()
        self.waiting: OrderedDict[Hashable, Work] = OrderedDict()
        self.doing: dict[Hashable, tuple[str, float]] = {}

    def ask(self, key: Hashable, work: Work) -> Answer | None:
        """The answer, or None while it is being worked out."""
        with self.lock:
            if key in self.answers:
                self.answers.move_to_end(key)
                return self.answers[key]
            if key not in self.doing:
                self.waiting[key] = work
                self.waiting.move_to_end(key)
                while len(self.waiting) > MOST_WAITING:
                    self.waiting.popitem(last=False)
            begin = self.running < WORKERS and bool(self.waiting)
            self.running += begin
        if begin:
            self._begin()
        return self.answers.get(key)

    def progress(self, key: Hashable) -> tuple[str, float]:
        """What is being done for a question, and how much of that is done."""
        return self.doing.get(key, ("", 0.0))

    def _begin(self) -> None:
        threading.Thread(target=self.drain, daemon=True, name="preview").start()

    def drain(self) -> None:
        """Work until nothing is asked."""
        while True:
            with self.lock:
                if not self.waiting:
                    self.running -= 1
                    return
                key, work = self.waiting.popitem()
                self.doing[key] = ("", 0.0)
            answer = self._answer(key, work)
            with self.lock:
                self.doing.pop(key)
                if answer is not None:
                    self.answers[key] = answer
                while len(self.answers) > self.most:
                    self.answers.popitem(last=False)

    def _answer(self, key: Hashable, work: Work) -> Answer | None:
        def show(text: str, share: float) -> None:
            self.doing[key] = (text, share)

        try:
            return Answer(work(show))
        except Spoilt:
            return None
        except SiameseError as error:
            return Answer(error=error)
        except MemoryError:
            return Answer(error=DataError("This set needs more memory than there is; use fewer or smaller pictures."))
        except Exception:
            log.exception("A preview could not be made")
            return Answer(error=DataError("This cannot be shown beforehand; the details are in the server's log."))
