"""Above the map: what is asked for, a map in the making, how far to believe it, and one's own pictures on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import worlds
from map_messages import maps, sent
from streamlit.testing.v1 import AppTest

from siamese_core import map_files, map_jobs, map_worker, projection, runs
from siamese_core.files import read_json
from siamese_core.map_jobs import MapStatus
from siamese_core.runs import Run

pytestmark = pytest.mark.usefixtures("no_starter")


@pytest.fixture
def page(world, monkeypatch):
    """The Map page; maps are asked for and nobody makes them."""
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: None)
    monkeypatch.setattr(projection, "find_spec", lambda name: True)
    world("finished")
    return worlds.visit("map", "finished")


def keys(app: AppTest) -> set[str]:
    """Of the controls that are shown."""
    kinds = (app.selectbox, app.slider, app.number_input, app.toggle, app.segmented_control)
    return {w.key for kind in kinds for w in kind if w.key not in ("map_run", "map_view")}


def request() -> dict[str, object]:
    """What the newest job was asked for."""
    jobs = sorted((runs.runs_folder() / ".maps").iterdir(), key=lambda p: p.stat().st_mtime_ns)
    return read_json(jobs[-1] / "request.json")


@pytest.mark.parametrize(
    ("method", "own"),
    [
        ("tsne", {"map_perplexity", "map_learning_rate", "map_watch"}),
        ("umap", {"map_neighbours", "map_min_distance", "map_learning_rate"}),
        ("pacmap", {"map_neighbours", "map_learning_rate"}),
        ("pca", set()),
    ],
)
def test_each_method_shows_the_settings_that_it_has(page, method, own):
    page.selectbox(key="map_method").set_value(method).run()
    assert not worlds.told(page)
    assert keys(page) == {"map_source", "map_method", "map_dims", "map_points", "map_seed"} | own
    for kind in (page.selectbox, page.slider, page.number_input, page.toggle, page.segmented_control):
        for w in kind:
            assert w.key in ("map_run", "map_view") or w.help.endswith("."), f"{w.key} has no sentence of help"


def test_what_is_chosen_is_what_is_asked_for(page):
    page.selectbox(key="map_method").set_value("umap").run()
    page.segmented_control(key="map_dims").set_value(3).run()
    page.selectbox(key="map_points").set_value(1000)
    page.selectbox(key="map_neighbours").set_value(30)
    page.slider(key="map_min_distance").set_value(0.5)
    page.number_input(key="map_learning_rate").set_value(2.5)
    page.number_input(key="map_seed").set_value(7).run()
    page.button(key="map_start").click().run()
    assert not worlds.told(page)
    asked = request()
    expected = {"method": "umap", "dims": 3, "max_points": 1000, "neighbours": 30, "min_distance": 0.5,
                "learning_rate": 2.5, "seed": 7}  # fmt: skip
    assert {k: asked[k] for k in expected} == expected
    assert (asked["perplexity"], asked["engine"]) == (None, "automatic")


def test_as_they_come_the_settings_are_those_of_the_command_line(page):
    page.button(key="map_start").click().run()
    asked = request()
    alone = map_jobs.start(Run(runs.runs_folder() / "finished"), "digits", max_points=600, folder=None, begin=False)
    assert read_json(alone / "request.json") == asked


def test_the_address_says_which_map(page):
    app = AppTest.from_file(str(worlds.ROOT / "app.py"), default_timeout=60)
    app.query_params |= {
        "run": "finished", "map_method": "PaCMAP", "map_dims": "3-D", "map_points": "2000 points",
        "map_neighbours": "50", "map_seed": "3",
    }  # fmt: skip
    app.switch_page("pages/map.py").run()
    app.button(key="map_start").click().run()
    assert not worlds.told(app)
    asked = request()
    assert [asked[k] for k in ("method", "dims", "max_points", "neighbours", "seed")] == ["pacmap", 3, 2000, 50, 3]


def test_pictures_of_the_address_that_are_not_here_are_told(page):
    app = AppTest.from_file(str(worlds.ROOT / "app.py"), default_timeout=60)
    app.query_params |= {"run": "finished", "map_source": "My own_pictures"}
    app.switch_page("pages/map.py").run()
    told = [w.value for w in app.warning]
    assert len(told) == 1
    assert "My own\\_pictures" in told[0]
    app.run()
    assert len(app.warning) == 1
    app.selectbox(key="map_source").set_value("data:glyphs").run()
    assert not app.warning
    assert not page.warning


def test_watching_takes_the_engine_that_can_be_watched(page):
    page.toggle(key="map_watch").set_value(True).run()
    page.button(key="map_start").click().run()
    assert not worlds.told(page)
    assert request()["engine"] == "opentsne"
    page.segmented_control(key="map_dims").set_value(3).run()
    assert "map_watch" not in keys(page)


def test_a_method_that_is_not_installed_is_one_sentence(page, monkeypatch):
    monkeypatch.setattr(projection, "find_spec", lambda name: None)
    page.selectbox(key="map_method").set_value("umap").run()
    (said,) = worlds.told(page)
    assert "umap-learn" in said.replace("\\", "")
    page.selectbox(key="map_method").set_value("pca").run()
    assert not worlds.told(page)


def test_a_map_is_watched_growing(page):
    page.button(key="map_start").click().run()
    (job,) = (runs.runs_folder() / ".maps").iterdir()
    assert not maps(page)
    facts = {"labels": np.arange(60) % 10, "class_names": np.array([str(i) for i in range(10)]),
             "groups": np.full(60, -1), "group_names": np.array([], str), "split": np.full(60, 2),
             "indices": np.arange(60)}  # fmt: skip
    first, second = np.random.default_rng(0).normal(size=(2, 60, 2))
    map_files.write_frame(job, first, facts, 100, 1000)
    page.run()
    map_files.write_frame(job, second, facts, 250, 1000)
    page.run()
    assert not worlds.told(page)
    (shown,) = maps(page)
    assert shown["growing"]
    points, places = sent(page)["points"], sent(page)["places"]
    np.testing.assert_allclose(points[1]["x"], first[:, 0], rtol=1e-6)  # once, with all that stays the same
    np.testing.assert_allclose(places[1]["x"], second[:, 0], rtol=1e-6)
    assert (points[0]["of"], places[0]["step"]) == (shown["of"], 250)
    assert "after 250 of 1000 iterations" in worlds.words(page)
    (job / "frame.npz").write_bytes(b"half a file")
    page.run()
    assert not worlds.told(page)
    assert not maps(page)


def test_a_stage_that_tells_nothing_tells_its_time(monkeypatch, page):
    silent = MapStatus("running", "t-SNE is finding places", 0.0, measured=False, seconds=12.4)
    page.button(key="map_start").click().run()
    monkeypatch.setattr(map_jobs, "status", lambda job: silent)
    page.run()
    assert page.get("progress")[0].proto.text == "t-SNE is finding places · 12 s"


@pytest.fixture
def made(world, monkeypatch):
    """A finished run, and a PCA map of 300 of its points."""
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: map_worker.work(job))
    run = Run(world("finished"))
    return map_jobs.start(run, "digits", "pca", max_points=300)


def opened() -> AppTest:
    """The finished map."""
    app = worlds.visit("map", "finished")
    app.selectbox(key="map_points").set_value(300)
    app.selectbox(key="map_method").set_value("pca").run()
    return app


def test_it_says_how_far_to_believe_the_map(made: Path):
    app = opened()
    found = map_jobs.result(made)
    words = worlds.words(app)
    assert f"trustworthiness {found['trustworthiness']:.3f} · continuity {found['continuity']:.3f}" in words
    assert "PCA by numpy" in words


def test_ones_own_pictures_are_placed_into_the_map(made: Path):
    app = opened()
    assert sent(app)["placed"][0]["items"] == []
    files = [(f"{i}.png", worlds.picture(i), "image/png") for i in range(2)]
    app.file_uploader(key="map_own_upload_0").set_value(files).run()
    assert not worlds.told(app)
    head, arrays = sent(app)["placed"]
    assert [item["name"] for item in head["items"]] == ["0.png", "1.png"]
    found = map_jobs.result(made)
    run = Run(runs.runs_folder() / "finished")
    from pages.parts import gather
    from siamese_core import trained

    given = gather.look([(name, data) for name, data, _ in files], run.spec(), "test")
    places = projection.place(found, trained.load(run).embed(given.items))
    np.testing.assert_allclose([[i["x"], i["y"]] for i in head["items"]], places, rtol=1e-5)
    assert len(arrays["png"])
    assert len(maps(app)) == 1
    app.file_uploader(key="map_own_upload_0").set_value([("x.png", b"no picture", "image/png")]).run()
    assert len(worlds.told(app)) == 1
    assert len(maps(app)) == 1
