"""Work beside a page: progress, a stop, one notice when it fails, and nothing of one session in another."""

from __future__ import annotations

import threading

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import later


def begun(function) -> tuple[later.Work, threading.Thread]:
    work = later.Work(function)
    thread = threading.Thread(target=work.run, daemon=True)
    thread.start()
    return work, thread


def ended(thread: threading.Thread) -> None:
    thread.join(30)
    assert not thread.is_alive()


def test_work_tells_where_it_is_and_what_came_of_it():
    at, go = threading.Event(), threading.Event()

    def half(progress):
        progress("Halfway", 0.5)
        at.set()
        go.wait(30)
        return 7

    work, thread = begun(half)
    assert at.wait(30)
    assert (work.active, work.text, work.fraction) == (True, "Halfway", 0.5)
    go.set()
    ended(thread)
    assert (work.active, work.result, work.error) == (False, 7, None)
    work.stop()
    assert not work.stopped  # too late


def test_stopped_work_ends_at_its_next_sign_of_progress():
    at, go, after = threading.Event(), threading.Event(), []

    def steps(progress):
        at.set()
        go.wait(30)
        progress("Next", 0.5)
        after.append("went on")

    work, thread = begun(steps)
    assert at.wait(30)
    work.stop()
    assert not work.active
    go.set()
    ended(thread)
    assert not after
    assert work.error is None


def test_only_so_much_works_at_once_and_what_waits_can_be_stopped():
    go, running = threading.Event(), threading.Semaphore(0)

    def hold(progress):
        running.release()
        go.wait(30)

    others = [begun(hold)[1] for _ in range(later.AT_ONCE)]
    for _ in others:
        assert running.acquire(timeout=30)
    waiting, thread = begun(hold)
    assert waiting.text == "Waiting for its turn"
    waiting.stop()
    ended(thread)
    go.set()
    for other in others:
        ended(other)
    assert not running.acquire(blocking=False)


def script(words: str = "", go: bool = False) -> None:
    import streamlit as st

    from pages.parts import later
    from siamese_core.errors import ConfigError

    def work(progress):
        if words == "mistake":
            raise ConfigError("There are too few classes.")
        if words == "bug":
            raise ZeroDivisionError
        return words

    if go:
        later.start("same", work)
    st.write(f"result: {later.outcome('same')}")


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(later, "_spawn", lambda work: work.run())


@pytest.mark.parametrize(("words", "said"), [("mistake", "too few classes"), ("bug", "not your doing")])
def test_work_that_fails_is_one_notice(at_once, words, said):
    app = AppTest.from_function(script, kwargs={"words": words, "go": True}).run()
    assert not app.exception
    assert len(app.error) == 1
    assert said in app.error[0].value
    assert "result: None" in app.markdown[0].value


def test_results_stay_in_their_session(at_once):
    one = AppTest.from_function(script, kwargs={"words": "mine", "go": True}).run()
    assert "result: mine" in one.markdown[0].value
    other = AppTest.from_function(script).run()
    assert "result: None" in other.markdown[0].value
    assert not other.error
    assert "result: mine" in one.run().markdown[0].value


def test_progress_ticks_until_the_end(monkeypatch):
    begun: list[later.Work] = []
    monkeypatch.setattr(later, "_spawn", begun.append)
    app = AppTest.from_function(script, kwargs={"words": "done", "go": True}).run()
    assert len(app.get("progress")) == 1
    begun[0].run()
    app.run()
    assert not app.get("progress")
    assert "result: done" in app.markdown[0].value


def test_a_stop_is_seen_at_once_and_it_can_begin_again(monkeypatch):
    begun: list[later.Work] = []
    monkeypatch.setattr(later, "_spawn", begun.append)
    app = AppTest.from_function(script, kwargs={"words": "done", "go": True}).run()
    app.kwargs = {}
    app.button(key="later_stop").click().run()
    assert not app.get("progress")
    assert "Stopped" in app.caption[0].value
    app.kwargs = {"words": "done", "go": True}
    app.run()
    assert len(begun) == 2
    with pytest.raises(later.Stopped):
        begun[0]._tell("on", 0.1)
