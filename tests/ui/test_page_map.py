"""The Map page: what can be done there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import worlds
from streamlit.testing.v1 import AppTest

from siamese_core import map_jobs, map_worker, runs
from siamese_core.runs import Run

pytestmark = pytest.mark.usefixtures("no_starter")


def test_a_map_is_made_and_shown(world, monkeypatch):
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: map_worker.work(job))
    world("finished")
    app = worlds.visit("map", "finished")
    app.selectbox(key="map_points").set_value(300).run()
    app.button(key="map_start").click().run()
    assert not worlds.told(app)
    chart = app.get("plotly_chart")
    assert len(chart) == 1
    assert "Outlined points are of the 4 of 10 classes" in worlds.words(app)
    app.multiselect(key="map_only_class").set_value(["3"]).run()
    assert not worlds.told(app)


def test_a_map_in_the_making_shows_its_progress_and_stops(world, monkeypatch):
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: None)
    world("finished")
    app = worlds.visit("map", "finished")
    app.button(key="map_start").click().run()
    assert len(app.get("progress")) == 1
    app.button(key="map_stop").click().run()
    assert len(list(Path(runs.runs_folder() / ".maps").glob("*/stop"))) == 1


def test_a_map_that_failed_says_why(world, monkeypatch):
    def fail(job: Path) -> None:
        map_jobs.write_json(job / "status.json", {"state": "failed", "reason": "The machine ran out of memory."})

    monkeypatch.setattr(map_jobs, "_spawn", fail)
    world("finished")
    app = worlds.visit("map", "finished")
    app.button(key="map_start").click().run()
    assert [e.replace("\\", "") for e in worlds.told(app)] == ["The machine ran out of memory."]


@pytest.fixture
def made(world, monkeypatch):
    """A finished run, and a map of 300 of its points that somebody has made."""
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: map_worker.work(job))
    run = Run(world("finished"))
    map_jobs.start(run, "digits", max_points=300)
    return run


def test_a_map_is_shared_by_its_address(made):
    app = worlds.visit("map", "finished")
    assert not app.get("plotly_chart")  # of 600 points there is none
    app = AppTest.from_file(str(worlds.ROOT / "app.py"), default_timeout=60)
    app.query_params |= {"run": "finished", "map_points": "300 points"}
    app.switch_page("pages/map.py").run()
    assert not worlds.told(app)
    assert len(app.get("plotly_chart")) == 1


def test_seen_and_unseen_classes_are_told_apart(made):
    app = worlds.visit("map", "finished")
    map_jobs.start(made, part="test", perplexity=None, max_points=300)
    app.selectbox(key="map_points").set_value(300).run()
    app.selectbox(key="map_source").set_value("part:test").run()
    assert not worlds.told(app)
    assert "learnt from none of these classes" in worlds.words(app)
    app.selectbox(key="map_source").set_value("data:digits").run()
    assert "Outlined points are of the 4 of 10 classes" in worlds.words(app)


def test_many_classes_are_coloured_by_group(world, monkeypatch):
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: map_worker.work(job))
    map_jobs.start(Run(world("finished")), "glyphs", max_points=300)
    app = worlds.visit("map", "finished")
    app.selectbox(key="map_points").set_value(300).run()
    app.selectbox(key="map_source").set_value("data:glyphs").run()
    assert app.segmented_control(key="map_by").value == "group"
    app.segmented_control(key="map_by").set_value("class").run()
    assert not worlds.told(app)
    assert "21 of " in worlds.words(app)


def test_a_run_that_is_deleted_meanwhile_is_told(made, world):
    world("running")
    app = worlds.visit("map", "finished")
    app.selectbox(key="map_points").set_value(300).run()
    assert len(app.get("plotly_chart")) == 1
    shutil.rmtree(made.folder)
    app.run()
    assert not worlds.told(app)
    assert "no run **finished**" in app.warning[0].value
    assert app.selectbox(key="map_run").value == "running"
