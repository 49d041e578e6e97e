"""The Map page: what can be done there."""

from __future__ import annotations

from pathlib import Path

import pytest
import worlds

from siamese_core import map_jobs, map_worker, runs

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
    assert "Outlined points" in worlds.words(app)
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
