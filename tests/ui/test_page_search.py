"""The Search page: galleries are made, searched, looked through, changed and deleted."""

from __future__ import annotations

import json

import numpy as np
import pytest
import worlds
from streamlit.testing.v1 import AppTest

from pages.parts import gallery_choice, gallery_items, later, search_point, search_view
from siamese_core import galleries, runs
from siamese_core.galleries import engines, sources

pytestmark = pytest.mark.usefixtures("no_starter")


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """What is done beside the page is done when it is begun."""
    monkeypatch.setattr(later, "_spawn", lambda work: work.run())


@pytest.fixture
def made(world, trained_tiny):
    """A gallery of two classes, four pictures, of the finished run."""
    run = world("finished")
    model = trained_tiny(run)
    gallery = galleries.create("four", model, folder=runs.runs_folder())
    gallery.add(model, sources.of_files([(f"a{i}.png", worlds.picture(i)) for i in (1, 2)], label="sun"))
    gallery.add(model, sources.of_files([(f"b{i}.png", worlds.picture(i)) for i in (3, 4)], label="moon"))
    return gallery


@pytest.fixture
def trained_tiny():
    """Loads a run's network."""
    from siamese_core import trained

    return lambda run: trained.load(run)


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(worlds.ROOT / "app.py"), default_timeout=60)
    for key, value in {"run": "finished", **query}.items():
        app.query_params[key] = value
    return app.switch_page("pages/search.py").run()


def tiles(app: AppTest, key: str = "search_matches") -> list[dict]:
    """What the browser is asked to draw as matches."""
    found = [p for p in app.get("bidi_component") if key in p.proto.id]
    return json.loads(found[0].proto.json)["tiles"]


def test_without_a_gallery_one_press_makes_one(world):
    world("finished")
    app = opened()
    assert "A gallery is a collection" in worlds.words(app)
    app = app.button(key="gallery_first").click().run()
    assert not worlds.told(app)
    found, wrong = galleries.all_galleries(runs.runs_folder())
    assert (len(found), wrong) == (1, [])
    assert app.selectbox(key="search_gallery").value == found[0].name
    assert len(found[0]) > 100
    assert "of the 12 nearest" in worlds.words(app)
    assert f"{len(found[0]):,} added" in worlds.words(app)


def test_the_nearest_are_shown_with_their_classes(made, world, trained_tiny):
    app = opened()
    assert not worlds.told(app)
    asked = next(m for m in app.markdown if "of the 3 nearest" in m.value)
    shown = tiles(app)
    assert len(shown) == 3  # not itself
    assert [t["state"] for t in shown].count("right") == int(asked.value[2])
    assert "The gallery has only 3 pictures to find" in worlds.words(app)
    model = trained_tiny(runs.find("finished"))
    searcher = made.searcher(model)
    ids, z = searcher.all()
    mine = ({*ids.tolist()} - {t["id"] for t in shown}).pop()
    order = np.argsort(model.distance_matrix(z[ids == mine], z)[0], kind="stable")
    assert [t["id"] for t in shown] == [int(ids[i]) for i in order if ids[i] != mine]


def test_a_click_searches_on_from_there(made):
    app = opened()
    first = tiles(app)
    app.session_state["lab"].answers[f"search_item_{made.manifest.key}"] = first[0]["id"]
    app.session_state["lab"].answers[search_view.WANTED] = True
    app.run()
    assert first[0]["id"] not in [t["id"] for t in tiles(app)]
    app.button(key="search_again").click().run()
    assert not worlds.told(app)


def test_own_pictures_find_themselves(made):
    app = opened()
    app.segmented_control(key="search_way").set_value("own").run()
    assert "Give a picture" in worlds.words(app)
    app.file_uploader(key="search_own_upload_0").set_value([("x.png", worlds.picture(3), "image/png")]).run()
    assert not worlds.told(app)
    assert "This very picture is in the gallery" in worlds.words(app)
    assert tiles(app)[0]["name"] == "moon"
    files = [(f"x{i}.png", worlds.picture(i), "image/png") for i in (1, 3)]
    app.file_uploader(key="search_own_upload_0").set_value(files).run()
    assert [tiles(app, f"search_matches_{q}")[0]["name"] for q in (0, 1)] == ["sun", "moon"]
    app.segmented_control(key="search_together").set_value("best").run()
    assert {t["name"] for t in tiles(app)[:2]} == {"sun", "moon"}
    assert not worlds.told(app)


def test_a_broken_upload_is_one_sentence(made):
    app = opened()
    app.segmented_control(key="search_way").set_value("own").run()
    app.file_uploader(key="search_own_upload_0").set_value([("x.png", b"no picture", "image/png")]).run()
    assert len(worlds.told(app)) == 1
    assert "x\\.png" in worlds.told(app)[0] or "x.png" in worlds.told(app)[0]


def test_pictures_are_found_by_name_and_removed_for_good(made):
    app = opened(search_view="Pictures")
    assert not worlds.told(app)
    table = app.dataframe[0].value
    assert table["name"].tolist() == ["sun/a1.png", "sun/a2.png", "moon/b3.png", "moon/b4.png"]
    app.text_input(key="gallery_find").set_value("moon").run()
    assert app.dataframe[0].value["name"].tolist() == ["moon/b3.png", "moon/b4.png"]
    gallery_items.remove(made, [2])
    app.run()
    assert app.dataframe[0].value["name"].tolist() == ["moon/b4.png"]
    app.text_input(key="gallery_find").set_value("no such thing").run()
    assert "No picture has that" in worlds.words(app)


def test_near_copies_and_quality(made, trained_tiny):
    model = trained_tiny(runs.find("finished"))
    made.add(model, sources.of_files([("again.png", worlds.picture(1)), ("c.png", worlds.picture(9))], label="earth"))
    app = opened(search_view="Near copies")
    app.number_input(key="copies_reach").set_value(1000.0).run()
    app = app.button(key="copies_find").click().run()
    assert not worlds.told(app)
    n = len(made)
    assert f"**{n * (n - 1) // 2} pairs**" in worlds.words(app)
    assert "two classes" in worlds.words(app)
    app.segmented_control(key="search_view").set_value("quality").run()
    app = app.button(key="quality_start").click().run()
    assert not worlds.told(app)
    assert app.metric[0].label == "Nearest is of the right class"


def test_a_gallery_of_other_weights_is_not_searched_but_told(made, world, finished_run):
    world("running")
    folder = runs.find("running").folder / "best.safetensors"
    data = bytearray(folder.read_bytes())
    data[-1] ^= 1
    folder.write_bytes(bytes(data))
    app = opened(run="running", search_gallery="four")
    assert not worlds.told(app)
    assert "was made by other weights" in app.warning[0].value
    assert "Here are galleries of other runs or weights: four" in worlds.words(app)


def test_a_gallery_that_is_gone_or_damaged_is_one_sentence(made):
    app = opened(search_gallery="nothing")
    assert "There is no gallery **nothing** here any more" in app.warning[0].value
    (made.folder / "items.sqlite").write_bytes(b"no database")
    app = opened()
    assert len(worlds.told(app)) == 1
    assert "four" in worlds.told(app)[0]
    (made.folder / "gallery.json").write_text("{")
    app = opened()
    assert not worlds.told(app)
    assert any("gallery.json of gallery four" in w.value.replace("\\", "") for w in app.warning)


def test_a_gallery_is_deleted_for_good(made):
    app = opened()
    app = app.button(key="gallery_delete_sure").click().run()
    assert not worlds.told(app)
    assert not made.folder.exists()
    assert "A gallery is a collection" in worlds.words(app)


def test_own_pictures_become_a_gallery(world):
    world("finished")
    app = opened()
    app.selectbox(key="gallery_source").set_value("pictures").run()
    files = [(f"p{i}.png", worlds.picture(i), "image/png") for i in range(3)]
    app.file_uploader(key="gallery_new_pictures").set_value([*files, ("bad.png", b"x", "image/png")]).run()
    app.text_input(key="gallery_name").set_value("mine").run()
    app = app.button(key="gallery_make").click().run()
    assert len(galleries.open_gallery("mine", runs.runs_folder())) == 3
    assert any("3 added, 1 could not be read" in w.value for w in app.warning)
    app.text_input(key="gallery_name").set_value("../evil").run()
    app = app.button(key="gallery_make").click().run()
    assert len(worlds.told(app)) == 1


def test_a_point_of_the_map_searches(made, trained_tiny):
    model = trained_tiny(runs.find("finished"))
    z = made.searcher(model).embeddings([2])
    app = opened()
    point = search_point.Point(model.weights_digest, z[0], None, "moon")
    app.session_state["lab"].answers["search_point"] = point
    app.run()
    app.segmented_control(key="search_way").set_value("map").run()
    assert not worlds.told(app)
    assert "A point that you chose on the map." in worlds.words(app)
    assert tiles(app)[0]["id"] == 2
    app.session_state["lab"].answers["search_point"] = search_point.Point("other weights", z[0], None, "moon")
    app.run()
    assert not worlds.told(app)
    assert list(app.segmented_control(key="search_way").options) == list(search_view.WAYS.values())


def test_a_server_that_is_down_can_be_tried_again(made, monkeypatch):
    def down(self, *given, **more):
        raise galleries.EngineError("The server at http://x:1 cannot be reached; start it.")

    with monkeypatch.context() as patch:
        patch.setattr(galleries.Searcher, "search", down)
        app = opened()
        assert len(worlds.told(app)) == 1
        assert "cannot be reached" in worlds.told(app)[0]
    app = app.button(key="search_retry").click().run()
    assert not worlds.told(app)
    assert len(tiles(app)) == 3


def test_what_stays_on_a_server_is_told(made, monkeypatch):
    monkeypatch.setattr(galleries.Gallery, "delete", lambda self: "Its embeddings stay on the server: it is down.")
    app = opened()
    app = app.button(key="gallery_delete_sure").click().run()
    assert len(worlds.told(app)) == 1
    assert "stay on the server" in worlds.told(app)[0]


def test_every_engine_is_offered():
    assert list(gallery_choice.ENGINES) == list(engines.REGISTRY)
