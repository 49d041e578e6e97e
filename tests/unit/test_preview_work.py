"""Answers worked out beside the pages: newest first, kept for a while, mistakes told in words."""

from __future__ import annotations

import threading

from pages.parts.preview_work import MOST_WAITING, WORKERS, Background, Spoilt
from siamese_core.errors import DataError


def paused(monkeypatch) -> Background:
    monkeypatch.setattr(Background, "_begin", lambda self: None)
    return Background(3)


def test_an_answer_comes_once_it_is_worked_out():
    work, go = Background(3), threading.Event()

    def wait(progress):
        progress("Waiting", 0.5)
        go.wait(10)
        return 7

    assert work.ask("a", wait) is None
    for _ in range(1000):
        if work.progress("a") == ("Waiting", 0.5):
            break
        threading.Event().wait(0.01)
    assert work.ask("a", wait) is None
    assert work.progress("a") == ("Waiting", 0.5)
    go.set()
    for _ in range(1000):
        if answer := work.ask("a", wait):
            break
        threading.Event().wait(0.01)
    assert answer.value == 7


def test_the_newest_question_is_answered_first_and_old_ones_are_dropped(monkeypatch):
    work, done = paused(monkeypatch), []
    for i in range(MOST_WAITING + 4):
        work.ask(i, lambda progress, i=i: done.append(i))
    work.drain()
    assert done == list(range(MOST_WAITING + 3, 3, -1))
    assert len(work.answers) == 3
    assert work.running == WORKERS - 1


def test_mistakes_are_answers_and_bugs_are_logged(monkeypatch, caplog):
    work = paused(monkeypatch)

    def refuse(progress):
        raise DataError("No pictures.")

    work.ask("mistake", refuse)
    work.ask("bug", lambda progress: 1 / 0)
    work.drain()
    assert str(work.ask("mistake", refuse).error) == "No pictures."
    assert "division" not in str(work.ask("bug", refuse).error)
    assert "ZeroDivisionError" in caplog.text


def test_a_spoilt_answer_is_not_kept_and_the_question_is_open_again(monkeypatch, caplog):
    work, found = paused(monkeypatch), iter([Spoilt(), 7])

    def measure(progress):
        value = next(found)
        if isinstance(value, Spoilt):
            raise value
        return value

    assert work.ask("a", measure) is None
    work.drain()
    assert work.ask("a", measure) is None
    assert not caplog.text
    work.running = 0
    work.drain()
    assert work.ask("a", measure).value == 7
