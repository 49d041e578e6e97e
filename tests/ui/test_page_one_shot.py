"""The One-shot page: what can be done there."""

from __future__ import annotations

import base64

import pytest
import worlds

from pages.parts import later

pytestmark = pytest.mark.usefixtures("no_starter")


@pytest.fixture
def one_shot(world):
    world("finished")
    return worlds.visit("one_shot", "finished")


def test_a_sampled_task_is_answered_and_measured(one_shot, monkeypatch):
    monkeypatch.setattr(later, "_spawn", lambda work: work.run())
    assert "of 4 right" in worlds.words(one_shot)
    app = one_shot.button(key="one_shot_measure").click().run()
    assert not worlds.told(app)
    assert app.metric[0].label == "4-way 1-shot accuracy"
    assert "95% interval" in worlds.words(app)


def give_classes(app, names: list[str], files: list[list[bytes]]):
    app.segmented_control(key="one_shot_source").set_value("classes").run()
    for i, (name, data) in enumerate(zip(names, files, strict=True)):
        app.text_input(key=f"one_shot_name_{i}").set_value(name)
        app.file_uploader(key=f"one_shot_class_{i}_upload_0").set_value(
            [(f"{name}{j}.png", d, "image/png") for j, d in enumerate(data)]
        )
    return app


def ask(app, *queries: bytes):
    files = [(f"q{i}.png", q, "image/png") for i, q in enumerate(queries)]
    return app.file_uploader(key="one_shot_queries_upload_0").set_value(files).run()


def by_hand(app, key: str, data: bytes, count: int = 0):
    """Draw a picture for this part, as the browser's sheet of paper sends it; `count`: sheets begun before."""
    app.session_state[f"{key}_draw_{count}"] = {"picture": base64.b64encode(data).decode()}
    return app.run()


def test_uploaded_classes_answer_uploaded_queries(one_shot):
    app = give_classes(one_shot, ["sun", "moon"], [[worlds.picture(1), worlds.picture(2)], [worlds.picture(3)]])
    ask(app, worlds.picture(3))
    assert not worlds.told(app)
    assert "**moon**" in worlds.words(app)


def test_two_classes_of_one_name_are_told_and_nothing_is_lost(one_shot):
    app = ask(give_classes(one_shot, ["sun", "sun"], [[worlds.picture(1)], [worlds.picture(3)]]), worlds.picture(3))
    assert len(worlds.told(app)) == 1
    assert "Two classes" in worlds.told(app)[0]
    app.text_input(key="one_shot_name_1").set_value("moon").run()
    assert not worlds.told(app)
    assert "**moon**" in worlds.words(app)


def test_a_class_without_examples_is_told_and_nothing_is_lost(one_shot):
    app = ask(give_classes(one_shot, ["sun", "moon"], [[worlds.picture(1)], []]), worlds.picture(3))
    assert not worlds.told(app)
    assert "'moon' has no example" in worlds.words(app)
    app.file_uploader(key="one_shot_class_1_upload_0").set_value([("m.png", worlds.picture(3), "image/png")]).run()
    assert "**moon**" in worlds.words(app)


def test_a_bad_example_is_one_sentence_and_nothing_is_lost(one_shot):
    app = ask(give_classes(one_shot, ["sun", "moon"], [[b"no picture"], [worlds.picture(3)]]), worlds.picture(3))
    assert len(worlds.told(app)) == 1
    assert "sun0" in worlds.told(app)[0]
    app.file_uploader(key="one_shot_class_0_upload_0").set_value([("s.png", worlds.picture(1), "image/png")]).run()
    assert not worlds.told(app)
    assert "**moon**" in worlds.words(app)


def test_an_example_taken_away_leaves_the_rest(one_shot):
    app = ask(give_classes(one_shot, ["sun", "moon"], [[worlds.picture(1)], [worlds.picture(3)]]), worlds.picture(3))
    app.file_uploader(key="one_shot_class_0_upload_0").set_value([]).run()
    assert not worlds.told(app)
    assert "'sun' has no example" in worlds.words(app)


def test_too_many_examples_are_one_sentence(one_shot):
    app = give_classes(one_shot, ["sun", "moon"], [[worlds.picture(i) for i in range(21)], [worlds.picture(3)]]).run()
    assert len(worlds.told(app)) == 1
    assert "more than the 20" in worlds.told(app)[0]


def test_a_query_that_is_a_support_picture_is_told(one_shot):
    same = worlds.picture(3, "BMP")  # another file, the same picture
    app = give_classes(one_shot, ["sun", "moon"], [[worlds.picture(1), worlds.picture(2)], [worlds.picture(3)]])
    ask(app, worlds.picture(4), same)
    assert [w.value for w in app.warning if "Query 2 is the same picture as an example of 'moon'" in w.value]
    ask(app, worlds.picture(4), worlds.picture(5))
    assert not app.warning
    ask(app, worlds.picture(1), worlds.picture(2))
    assert "2 queries (1, 2)" in app.warning[0].value


def test_drawings_add_up_to_a_class(one_shot):
    app = give_classes(one_shot, ["sun", "moon"], [[worlds.picture(1)], [worlds.picture(3)]])
    app.segmented_control(key="one_shot_class_0_way").set_value("draw").run()  # what was uploaded is kept
    by_hand(app, "one_shot_class_0", worlds.picture(2), 1)
    app.button(key="one_shot_class_0_more").click().run()
    by_hand(app, "one_shot_class_0", worlds.picture(5), 2)
    assert not worlds.told(app)
    app.segmented_control(key="one_shot_queries_way").set_value("draw").run()
    for seed, count in ((1, 1), (2, 1), (5, 1)):  # each of the three is an example of the sun
        by_hand(app, "one_shot_queries", worlds.picture(seed), count)
        assert "an example of 'sun'" in app.warning[0].value
    app.button(key="one_shot_class_0_drop").click().run()
    assert "an example of 'sun'" in app.warning[0].value  # the one on the sheet stays
    by_hand(app, "one_shot_queries", worlds.picture(1), 1)
    assert not app.warning


def test_a_kept_picture_that_is_bad_can_be_removed(one_shot):
    app = give_classes(one_shot, ["sun", "moon"], [[b"no picture"], [worlds.picture(3)]])
    app.segmented_control(key="one_shot_class_0_way").set_value("draw").run()
    assert len(worlds.told(app)) == 1
    app.button(key="one_shot_class_0_drop").click().run()
    assert not worlds.told(app)


def test_a_photo_is_an_example(one_shot):
    app = give_classes(one_shot, ["sun", "moon"], [[], [worlds.picture(3)]])
    app.segmented_control(key="one_shot_class_0_way").set_value("camera").run()
    app.camera_input(key="one_shot_class_0_camera_1").set_value(("p.jpg", worlds.picture(1, "JPEG"), "image/jpeg"))
    ask(app, worlds.picture(1))
    assert not worlds.told(app)
    assert "**sun**" in worlds.words(app)


def test_what_is_kept_is_of_one_visitor(one_shot):
    app = give_classes(one_shot, ["sun", "moon"], [[worlds.picture(1)], [worlds.picture(3)]])
    app.segmented_control(key="one_shot_class_0_way").set_value("draw").run()
    assert app.button(key="one_shot_class_0_drop")
    other = worlds.visit("one_shot", "finished")
    other.segmented_control(key="one_shot_source").set_value("classes").run()
    assert not other.image
    assert not [b for b in other.button if b.key == "one_shot_class_0_drop"]


def give_zip(app, data: bytes):
    app.segmented_control(key="one_shot_source").set_value("zip").run()
    return app.file_uploader(key="one_shot_zip").set_value(("mine.zip", data, "application/zip")).run()


def test_a_zip_of_class_folders_is_a_support_set(one_shot):
    files = {"all/sun/1.png": worlds.picture(1), "all/moon/1.png": worlds.picture(3), "all/note.txt": b"x"}
    app = ask(give_zip(one_shot, worlds.zipped(files)), worlds.picture(1))
    assert not worlds.told(app)
    assert "**sun**" in worlds.words(app)


def test_folders_of_one_name_in_a_zip_are_two_classes(one_shot):
    files = {"g/sun/1.png": worlds.picture(1), "h/sun/1.png": worlds.picture(3), "h/moon/1.png": worlds.picture(5)}
    app = ask(give_zip(one_shot, worlds.zipped(files)), worlds.picture(3))
    assert not worlds.told(app)
    assert "an example of 'h/sun'" in app.warning[0].value


def test_a_bad_zip_loses_no_queries(one_shot):
    app = ask(give_zip(one_shot, b"x"), worlds.picture(1))
    assert len(worlds.told(app)) == 1
    assert app.file_uploader(key="one_shot_queries_upload_0").value


BAD_ZIPS = {
    "no zip": b"x",
    "no class folders": worlds.zipped({"a.png": worlds.picture()}),
    "out of itself": worlds.zipped({"/etc/a.png": b"x"}),
}


@pytest.mark.parametrize("data", list(BAD_ZIPS.values()), ids=list(BAD_ZIPS))
def test_a_bad_zip_of_examples_is_one_sentence(one_shot, data):
    app = one_shot.segmented_control(key="one_shot_source").set_value("zip").run()
    app.file_uploader(key="one_shot_zip").set_value(("mine.zip", data, "application/zip")).run()
    assert len(worlds.told(app)) == 1


def test_ways_never_exceed_the_classes_of_a_set(one_shot):
    app = one_shot.selectbox(key="one_shot_set").set_value("digits").run()
    app.number_input(key="one_shot_ways").set_value(9).run()
    assert "of 9 right" in worlds.words(app)
    app.selectbox(key="one_shot_set").set_value("unseen").run()
    assert app.number_input(key="one_shot_ways").value == 4
    assert not worlds.told(app)


def test_uploads_never_reach_the_disk(one_shot, runs_folder):
    before = {p for p in runs_folder.rglob("*") if p.is_file()}
    give_classes(one_shot, ["sun", "moon"], [[worlds.picture(1)], [worlds.picture(3)]]).run()
    assert {p for p in runs_folder.rglob("*") if p.is_file()} == before
