"""The One-shot page: what can be done there."""

from __future__ import annotations

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
        app.file_uploader(key=f"one_shot_files_{i}").set_value(
            [(f"{name}{j}.png", d, "image/png") for j, d in enumerate(data)]
        )
    return app


def test_uploaded_classes_answer_uploaded_queries(one_shot):
    app = give_classes(one_shot, ["sun", "moon"], [[worlds.picture(1), worlds.picture(2)], [worlds.picture(3)]])
    app.file_uploader(key="one_shot_queries").set_value([("q.png", worlds.picture(3), "image/png")]).run()
    assert not worlds.told(app)
    assert "**moon**" in worlds.words(app)


def test_two_classes_of_one_name_are_told(one_shot):
    app = give_classes(one_shot, ["sun", "sun"], [[worlds.picture(1)], [worlds.picture(3)]]).run()
    assert len(worlds.told(app)) == 1
    assert "Two classes" in worlds.told(app)[0]


def test_a_class_without_examples_is_told(one_shot):
    app = give_classes(one_shot, ["sun", "moon"], [[worlds.picture(1)], []]).run()
    assert not worlds.told(app)
    assert "'moon' has no example" in app.info[0].value


def test_a_zip_of_class_folders_is_a_support_set(one_shot):
    data = worlds.zipped(
        {"all/sun/1.png": worlds.picture(1), "all/moon/1.png": worlds.picture(3), "all/note.txt": b"x"}
    )
    app = one_shot.segmented_control(key="one_shot_source").set_value("zip").run()
    app.file_uploader(key="one_shot_zip").set_value(("mine.zip", data, "application/zip"))
    app.file_uploader(key="one_shot_queries").set_value([("q.png", worlds.picture(1), "image/png")]).run()
    assert not worlds.told(app)
    assert "**sun**" in worlds.words(app)


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
