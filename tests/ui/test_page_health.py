"""The Map page's view of a space's health: before, after, in each of the worlds, and with what cannot be measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import worlds
from streamlit.testing.v1 import AppTest
from test_epochs import snapshot

from pages.parts import charts_health, health_view, later, theme
from siamese_core import health, space_words, trained
from siamese_core.runs import Run

pytestmark = pytest.mark.usefixtures("no_starter")


@pytest.fixture
def at_once(monkeypatch):
    """Work beside a page is done before the page goes on."""
    monkeypatch.setattr(later, "_spawn", lambda work: work.run())


def on_health(run: str | None) -> AppTest:
    """The Map page with its Health, by the address."""
    app = AppTest.from_file(str(worlds.ROOT / "app.py"), default_timeout=60)
    app.query_params["map_view"] = "Health"
    if run is not None:
        app.query_params["run"] = run
    return app.switch_page("pages/map.py").run()


def directly(run: Run) -> health.RunHealth:
    """The same without a page."""
    return health.of_run(run, trained.load(run, "cpu"), health_view._pictures(run, {"data": None, "part": "test"}))


def measured(app: AppTest) -> AppTest:
    return app.button(key="health_start").click().run()


def test_a_finished_run_is_measured_and_every_figure_has_its_sentence(world, at_once):
    run = world("finished")
    for epoch in range(3):
        snapshot(run, epoch, points=96)
    app = on_health("finished")
    assert "Press **Measure**" in worlds.words(app)
    assert not app.metric
    app.selectbox(key="map_source").set_value("part:test").run()
    measured(app)
    assert not worlds.told(app)
    found = directly(Run(run))
    titles = {r.title: r.value for r in found.readings}
    assert {m.label: m.value for m in app.metric} == titles
    words = worlds.words(app).replace("\\", "")
    for reading in found.readings:
        assert reading.means in words
    assert "354 pictures of 2 classes" in words
    assert "pictures of 2 unseen classes that the run watches" in words
    assert len(app.get("plotly_chart")) == 6 + 5  # a picture a card, and a small line but for the first
    assert len(app.get("image")) >= 2 + 8
    app.number_input(key="map_seed").set_value(1).run()
    assert not app.metric  # another seed is another measurement
    app.number_input(key="map_seed").set_value(0).run()
    assert app.metric  # and the first is still there


def test_the_pictures_are_those_chosen_for_the_map(world, at_once):
    world("finished")
    app = on_health("finished")
    app.selectbox(key="map_source").set_value("data:digits").run()
    measured(app)
    assert not worlds.told(app)
    assert "1,797 pictures of 10 classes" in worlds.words(app)
    assert "were in the run's training data" in worlds.words(app)
    app.segmented_control(key="map_view").set_value("map").run()
    assert app.selectbox(key="map_source").value == "data:digits"


def test_work_shows_how_far_it_is_and_stops(world, monkeypatch):
    begun: list[later.Work] = []
    monkeypatch.setattr(later, "_spawn", begun.append)
    world("finished")
    app = measured(on_health("finished"))
    assert len(app.get("progress")) == 1
    app.button(key="later_stop").click().run()
    begun[0].run()
    assert begun[0].result is None
    app.run()
    assert "Stopped" in worlds.words(app)
    assert not worlds.told(app)


@pytest.mark.parametrize(
    ("name", "words"), [(None, "no trained network yet"), ("failed", "failed before its first epoch")]
)
def test_without_a_network_the_page_says_what_to_do(world, runs_folder, name, words):
    if name:
        world(name)
    app = on_health(name)
    assert words in worlds.words(app)
    assert not app.exception


def test_a_running_training_can_be_measured(world, at_once):
    world("running")
    app = measured(on_health("running"))
    assert not worlds.told(app)
    assert len(app.metric) == 6


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.classes([0]), "needs at least two classes"),
        (
            lambda d: replace(d, items=d.items.select(np.array([0, 180])), labels=np.array([0, 1])),
            "needs at least 20 pictures",
        ),
        (lambda d: replace(d, items=d.items.select(np.array([0])), labels=np.array([0])), "at least two pictures"),
    ],
)
def test_one_class_two_items_and_one_are_sentences(world, at_once, monkeypatch, change, words):
    world("finished")
    before = health_view._pictures
    monkeypatch.setattr(health_view, "_pictures", lambda run, where: change(before(run, where)))
    app = measured(on_health("finished"))
    assert words in worlds.words(app)
    assert not app.exception
    assert "not your doing" not in worlds.words(app)


@pytest.mark.parametrize(("value", "words"), [(1.0, "it has collapsed"), (np.nan, "not finite numbers")])
def test_a_broken_network_is_told(world, at_once, monkeypatch, value, words):
    world("finished")
    broken = lambda self, items, progress=None: np.full((len(items), 16), value, np.float32)  # noqa: E731
    monkeypatch.setattr(trained.Trained, "embed", broken)
    app = measured(on_health("finished"))
    assert words in worlds.words(app)
    assert not app.exception
    if value == 1:
        assert worlds.words(app).count("Problem") == 6
        assert space_words.COLLAPSED in worlds.words(app)


def test_names_are_shown_as_they_are_and_shortened(world, at_once, monkeypatch):
    world("finished")
    before = health_view._pictures
    names = ("*a*_[b](c)", "a very long name of a class indeed")

    def renamed(run, where):
        return replace(before(run, where).classes([0, 1]), class_names=names)

    monkeypatch.setattr(health_view, "_pictures", renamed)
    app = measured(on_health("finished"))
    assert not worlds.told(app)
    assert r"\*a\*\_\[b\](c)" in worlds.words(app)
    assert "name of a class indeed" not in worlds.words(app)


def test_figures_show_what_was_measured(tiny_run):
    run = Run(tiny_run)
    found = directly(run)
    h, p = found.network, found.pixels
    c = h.confusion
    matrix = charts_health.nearest(c.matrix(2), ("8", "9"), theme.ink(False))
    right = np.array(matrix.data[0].z, float)
    assert right[0, 0] == c.matrix(2)[0, 0] / c.matrix(2)[0].sum()
    assert np.isnan(right[0, 1])
    line = charts_health.directions(h, p).data
    assert line[0].y[1] == h.spectrum.shares[0]
    assert [t.line.dash for t in line] == [None, "dash"]
    bars = charts_health.hubs(h.hubs, p.hubs).data
    assert sum(bars[0].y) == pytest.approx(1)
    assert bars[0].y[0] == (h.hubs.occurrence < 0.5).mean()
    dots = {t.name: (t.x[0], t.y[0]) for t in charts_health.sphere(h, p).data}
    assert dots["this network"] == (h.alignment.same, h.uniformity)
    assert dots["points far apart"] == (0.0, h.tight)
    assert list(charts_health.numbers(h).data[0].y) == sorted(h.spectrum.deviations, reverse=True)
