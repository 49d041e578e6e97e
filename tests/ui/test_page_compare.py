"""The Compare page: what can be done there."""

from __future__ import annotations

import base64

import pytest
import worlds

from siamese_core.files import read_json, write_json
from tests.ready import make_it_see_faces

pytestmark = pytest.mark.usefixtures("no_starter")

SOURCES = ("drawn", "picked", "examples", "own")


def source(app, name: str):
    return app.segmented_control(key="compare_source").set_value(name).run()


def upload(app, slot: int, data: bytes | None, name: str):
    return app.file_uploader(key=f"compare_own_{slot}_upload_0").set_value(
        None if data is None else (name, data, "image/png")
    )


def upload_pair(app, a: bytes, b: bytes):
    source(app, "own")
    upload(app, 0, a, "first.png")
    return upload(app, 1, b, "second.png").run()


def shown(app) -> list[str]:
    """Addresses of the pictures on the page: A as given and as seen, then B."""
    return [i.proto.imgs[0].url for i in app.image]


def draw(app, slot: int, data: bytes):
    """What the browser's sheet of paper sends."""
    app.segmented_control(key=f"compare_own_{slot}_way").set_value("draw").run()
    app.session_state[f"compare_own_{slot}_draw_0"] = {"picture": base64.b64encode(data).decode()}
    return app.run()


@pytest.fixture
def compare(world):
    world("finished")
    return worlds.visit("compare", "finished")


def test_the_same_picture_twice_is_the_same_class(compare):
    app = upload_pair(compare, worlds.picture(1), worlds.picture(1))
    assert not worlds.told(app)
    assert "Same class" in worlds.words(app)
    assert len(app.image) == 4


@pytest.mark.parametrize(("threshold", "same"), [(0.0, "Wrong"), (1e6, "Right")])
def test_a_verdict_on_known_classes_is_told_right_or_wrong(world, threshold, same):
    run = world("finished")
    write_json(run / "card.json", read_json(run / "card.json") | {"threshold": threshold})
    app = worlds.visit("compare", "finished")
    assert f"**{same}**: both are of one class." in worlds.words(app)
    app.button(key="compare_different").click().run()
    other = "Right" if same == "Wrong" else "Wrong"
    assert f"**{other}**: they are of two classes." in worlds.words(app)
    source(app, "picked")
    assert "both are of one class." in worlds.words(app)
    upload_pair(app, worlds.picture(1), worlds.picture(1))
    assert "of one class" not in worlds.words(app)


def test_a_verdict_is_on_the_page_at_once_and_can_be_drawn_again(compare):
    before = worlds.words(compare)
    assert ("Same class" in before) != ("Different classes" in before)
    pictures = shown(compare)
    after = compare.button(key="compare_different").click().run()
    assert shown(after) != pictures
    assert not worlds.told(after)


@pytest.mark.parametrize("name", ["picked", "examples"])
def test_a_pair_is_there_before_anything_is_picked(compare, name):
    app = source(compare, name)
    assert not worlds.told(app)
    assert len(app.image) == 4
    assert len(set(shown(app))) == 4


def test_each_side_picks_its_own_class_and_picture(compare):
    app = source(compare, "picked")
    before = shown(app)
    names = app.selectbox[-1].options
    app.selectbox[-1].set_value(names[1]).run()
    assert not worlds.told(app)
    assert shown(app)[:2] == before[:2]
    assert shown(app)[2:] != before[2:]
    digest = app.selectbox[-1].key.rpartition("_")[2]
    app.session_state[f"compare_pick_0_{digest}_0"] = {"chosen": 3}
    assert shown(app.run())[:2] != before[:2]


@pytest.mark.parametrize("chosen", [-1, 10**9, "1", None, True, [1]])
def test_a_strange_pick_is_no_pick(compare, chosen):
    app = source(compare, "examples")
    before = shown(app)
    app.session_state["compare_example_0"] = {"chosen": chosen}
    assert shown(app.run()) == before
    assert not worlds.told(app)


def test_a_drawing_is_a_picture_like_any_other(compare):
    app = upload_pair(compare, worlds.picture(1), worlds.picture(2))
    pictures = shown(app)
    app = draw(draw(app, 0, worlds.picture(1)), 1, worlds.picture(2))
    assert not worlds.told(app)
    assert shown(app) == pictures
    assert "Drawing" in worlds.words(app)


@pytest.mark.parametrize("picture", ["%%%", "aGVsbG8=", 7], ids=["no base64", "no picture", "no text"])
def test_a_strange_drawing_is_one_sentence(compare, picture):
    app = draw(source(compare, "own"), 0, b"")
    app.session_state["compare_own_0_draw_0"] = {"picture": picture}
    app.run()
    assert len(worlds.told(app)) == 1
    assert "rawing" in worlds.told(app)[0]


def test_an_empty_sheet_is_nothing_given(compare):
    app = draw(source(compare, "own"), 0, b"")
    assert not worlds.told(app)
    assert "Give two pictures" in worlds.words(app)


def test_the_camera_says_what_to_do_without_one(compare):
    app = source(compare, "own")
    app.segmented_control(key="compare_own_0_way").set_value("camera").run()
    assert "use Upload or Draw" in worlds.words(app)
    app.camera_input(key="compare_own_0_camera_0").set_value(("photo.jpg", worlds.picture(1, "JPEG"), "image/jpeg"))
    upload(app, 1, worlds.picture(1), "second.png").run()
    assert not worlds.told(app)
    assert "Camera picture" in worlds.words(app)
    assert "use Upload or Draw" not in worlds.words(app)
    assert len(app.image) == 4


def test_an_upload_taken_away_leaves_the_other(compare):
    app = upload_pair(compare, worlds.picture(1), worlds.picture(2))
    before = shown(app)
    upload(app, 0, None, "").run()
    assert not worlds.told(app)
    assert "Give two pictures" in worlds.words(app)
    assert shown(app) == before[2:]


def test_what_is_said_of_uploads_is_said_once(compare):
    words = worlds.words(source(compare, "own"))
    assert words.count("gone with it") == 1


@pytest.mark.parametrize("name", SOURCES)
def test_swapping_changes_the_places_alone(compare, name):
    app = upload_pair(compare, worlds.picture(1), worlds.picture(2)) if name == "own" else source(compare, name)
    before = shown(app)
    distance = next(m.value for m in app.markdown if "Their distance" in m.value)
    app.button(key="compare_swap").click().run()
    assert not worlds.told(app)
    assert shown(app) == before[2:] + before[:2]
    assert distance in [m.value for m in app.markdown]
    assert "order does not matter" in worlds.words(app)


BAD_PICTURES = {
    "empty": b"",
    "text": b"hello",
    "cut": worlds.picture()[:60],
    "fake": b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
}


@pytest.mark.parametrize("data", list(BAD_PICTURES.values()), ids=list(BAD_PICTURES))
def test_a_bad_picture_is_one_sentence_and_the_other_stays(compare, data):
    app = upload_pair(compare, data, worlds.picture(1))
    assert len(worlds.told(app)) == 1
    assert "first" in worlds.told(app)[0]
    assert len(app.image) == 2
    upload(app, 0, worlds.picture(1), "first.png").run()
    assert not worlds.told(app)
    assert "Same class" in worlds.words(app)


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "CMYK"), ("GIF", "P"), ("TIFF", "L"), ("WEBP", "RGBA")])
def test_odd_pictures_are_read(compare, kind, mode):
    app = upload_pair(compare, worlds.picture(1), worlds.picture(2, kind, mode))
    assert not worlds.told(app)
    assert len(app.image) == 4


def test_a_large_upload_is_refused_on_the_server(compare, monkeypatch):
    from pages.parts import uploads

    monkeypatch.setattr(uploads, "MAX_PICTURE", 1 << 20)
    app = upload_pair(compare, worlds.picture(1), b"\x89PNG" + bytes(2 << 20))
    assert len(worlds.told(app)) == 1
    assert "larger than 1 MB" in worlds.told(app)[0].replace("\\", "")


def test_long_names_are_shown_whole(compare):
    name = "Alphabet_of_the_" + "Magi" * 20 + ".png"
    app = source(compare, "own")
    upload(app, 0, worlds.picture(1), name).run()
    assert name in worlds.words(app).replace("\\", "")


def rows(app) -> list[list[str]]:
    """The table of runs, its words without their colours."""
    table = next(m.value for m in app.markdown if m.value.startswith("| Run"))
    return [[c.strip() for c in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_the_same_pair_on_another_run_has_its_own_threshold(world, runs_folder):
    world("finished")
    other = world("running")
    write_json(other / "card.json", read_json(other / "card.json") | {"threshold": 1e-9})
    world("failed")
    app = worlds.visit("compare", "finished")
    assert app.multiselect(key="compare_others").options == ["running"]
    app.multiselect(key="compare_others").set_value(["running"]).run()
    assert not worlds.told(app)
    found = rows(app)
    assert [r[0] for r in found] == ["finished", "running"]
    assert found[0][2] == found[1][2]  # the same weights, the same distance
    assert "Different" in found[1][1]
    assert found[1][3] == "1e-09"


def test_a_run_that_cannot_be_loaded_is_told_in_its_row(world):
    world("finished")
    (world("running") / "best.safetensors").write_bytes(b"not weights")
    app = worlds.visit("compare", "finished")
    app.multiselect(key="compare_others").set_value(["running"]).run()
    assert not worlds.told(app)
    assert "cut short or damaged" in rows(app)[1][1]


def test_another_run_that_becomes_the_current_one_is_no_other(world):
    world("finished")
    world("running")
    app = worlds.visit("compare", "finished")
    app.multiselect(key="compare_others").set_value(["running"]).run()
    app.selectbox(key="compare_run").set_value("running").run()
    assert not worlds.told(app)
    assert app.multiselect(key="compare_others").value == []
    assert app.multiselect(key="compare_others").options == ["finished"]


def test_another_visitor_sees_nothing_of_it(compare):
    mine = upload_pair(compare, worlds.picture(1), worlds.picture(2))
    other = source(worlds.visit("compare", "finished"), "own")
    assert not other.image
    assert len(mine.run().image) == 4


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_works_without_omniglot(compare, monkeypatch, tmp_path, name):
    monkeypatch.setenv("SIAMESE_DATA", str(tmp_path / "nothing"))
    app = source(compare, name)
    assert not worlds.told(app)


def test_where_no_face_is_found_it_is_said(world):
    make_it_see_faces(world("finished"))
    app = upload_pair(worlds.visit("compare", "finished"), worlds.picture(1), worlds.picture(2))
    assert not worlds.told(app)
    for letter in "AB":
        assert f"No face was found in picture {letter}; its centre is used." in worlds.words(app)
    assert len(app.image) == 4


def test_without_opencv_a_run_of_faces_is_one_notice(world, no_opencv):
    make_it_see_faces(world("finished"))
    app = worlds.visit("compare", "finished")
    (told,) = worlds.told(app)
    assert "pip install" in told
    assert not app.exception
