"""The Train page before the start: what will be fed, what it will cost, and margins that follow the distance."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import worlds

from pages.parts import cache, preview
from pages.parts.preview_work import Background
from siamese_core import forecast
from tests.pictures import encoded, photo


def test_the_preview_shows_what_will_be_fed(runs_folder):
    app = worlds.visit("train")
    text = worlds.words(app)
    assert "Nothing has been trained yet" in text
    assert [m.value for m in app.metric] == ["10", "1,797", "181", "174 – 183"]
    assert "6 classes: 0, 1, 3, 5, 8, 9, and 400 invented classes" in text
    assert "24 classes × 5 = 120 pictures" in text
    assert "counts as eight" in text
    app.selectbox(key="train_preset").set_value("pairs").run()
    assert "64 pairs, 128 pictures" in worlds.words(app)
    assert "counts as eight" not in worlds.words(app)
    assert not worlds.told(app)


def test_the_preview_is_drawn_anew_when_a_setting_changes(runs_folder, monkeypatch):
    drawn = []
    real = preview.mosaic
    monkeypatch.setattr(preview, "mosaic", lambda *a, **k: drawn.append(real(*a, **k)) or drawn[-1])
    app = worlds.visit("train")
    before = drawn[0]
    drawn.clear()
    app.run()
    assert np.array_equal(drawn[0], before)
    drawn.clear()
    app.number_input(key="train_set_rotation").set_value(90.0).run()
    assert not np.array_equal(drawn[0], before)
    drawn.clear()
    app.button(key="train_draw").click().run()
    assert drawn[0].shape == before.shape


def test_the_network_and_its_cost_are_told_before_the_start(runs_folder):
    app = worlds.visit("train")
    assert "36 s" in worlds.words(app)
    assert "the time limit ends it" in worlds.words(app)
    app.segmented_control(key="train_view").set_value("network").run()
    assert "**494,432 parameters, 2 MB.**" in worlds.words(app)
    assert "share every weight" in worlds.words(app)
    app.number_input(key="train_set_max_seconds").set_value(0.0).run()
    assert "600 batches of 120 pictures at about 1000 pictures/s" in worlds.words(app)  # 15 epochs of 40
    assert not worlds.told(app)


def test_the_page_waits_for_what_is_worked_out_beside_it(runs_folder, monkeypatch):
    monkeypatch.setattr(Background, "_begin", lambda self: None)
    busy = Background(1)
    monkeypatch.setattr(cache, "_previews", lambda: busy)
    monkeypatch.setattr(cache, "_speeds", lambda: busy)
    app = worlds.visit("train")
    assert not worlds.told(app)
    assert "Estimating the time" in worlds.words(app)
    assert not app.metric
    assert worlds.primaries(app) == ["Start"]
    assert not app.button(key="train_start").disabled


def test_what_was_measured_beside_a_training_is_not_believed(world, monkeypatch):
    fresh, made, ready = Background(1), [], forecast.Speed(0.001, 0.0002, "cpu")

    def measured(config, spec):
        if not made:  # Start is pressed meanwhile
            made.append(world("running"))
            return forecast.Speed(0.1, 0.02, "cpu")
        return ready

    monkeypatch.setattr(cache, "_speeds", lambda: fresh)
    monkeypatch.setattr(forecast, "measure_apart", measured)
    app = worlds.visit("train")
    assert not fresh.answers
    shutil.rmtree(made[0])
    app.run()
    assert [a.value for a in fresh.answers.values()] == [ready]


def test_a_set_that_is_not_there_is_neither_read_nor_fetched(runs_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("SIAMESE_DATA", str(tmp_path / "data"))
    app = worlds.visit("train")
    app.selectbox(key="train_source").set_value("omniglot").run()
    assert "9.5 MB" in app.info[0].value
    assert not app.metric
    assert not (tmp_path / "data").exists()
    assert "3,000 batches of 240 pictures" in worlds.words(app)
    assert not app.button(key="train_start").disabled


def test_wide_signatures_cropped_to_the_ink(runs_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("SIAMESE_DATA", str(tmp_path))
    app = worlds.visit("train")
    app.selectbox(key="train_source").set_value("signatures").run()
    (told,) = worlds.told(app)
    assert f"put its folders 001, 001_forg, ... into {tmp_path}" in told.replace("\\", "")
    for w in range(8):
        for name in (f"w{w}", f"w{w}_forg"):
            (tmp_path / "signatures_dutch" / "train" / name).mkdir(parents=True)
            for k in range(3):
                (tmp_path / "signatures_dutch" / "train" / name / f"{k}.png").write_bytes(worlds.picture(10 * w + k))
    app.run()
    text = worlds.words(app)
    assert not worlds.told(app)
    assert app.selectbox(key="train_preset").value == "signatures"
    assert "200 × 100 pixels, cropped to the ink" in text
    assert "classes × 6 = " in text
    app.toggle(key="train_set_class_copies").set_value(True).run()
    assert "cannot be quarter-turned" in worlds.words(app)
    app.button(key="train_mend").click().run()
    assert not app.toggle(key="train_set_class_copies").value


def test_a_set_that_cannot_be_trained_on_is_one_sentence_beforehand(runs_folder, tmp_path):
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        (tmp_path / "few" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "few" / name).write_bytes(worlds.picture())
    app = worlds.visit("train")
    app.selectbox(key="train_source").set_value("folder").run()
    app.text_input(key="train_folder").set_value(str(tmp_path / "few")).run()
    (told,) = worlds.told(app)
    assert "at least 4 are needed" in told


def test_a_folder_that_was_mended_is_read_again(runs_folder, tmp_path):
    def put(classes: str) -> None:
        for i, c in enumerate(classes):
            (tmp_path / "letters" / c).mkdir(parents=True)
            for k in range(1 + i):
                (tmp_path / "letters" / c / f"{k}.png").write_bytes(worlds.picture(k))

    put("abc")
    app = worlds.visit("train")
    app.selectbox(key="train_source").set_value("folder").run()
    app.text_input(key="train_folder").set_value(str(tmp_path / "letters")).run()
    assert len(worlds.told(app)) == 1
    put("defghi")
    app.run()
    assert not worlds.told(app)
    assert app.metric[0].value == "9"
    assert any("unequal size" in s.value for s in app.subheader)


def test_a_margin_follows_the_distance_until_it_is_set_by_hand(runs_folder):
    app = worlds.visit("train")
    app.selectbox(key="train_preset").set_value("pairs").run()
    assert app.number_input(key="train_set_margin").value == 1.0
    app.selectbox(key="train_set_distance").set_value("manhattan").run()
    assert app.number_input(key="train_set_margin").value == 9.0
    app.number_input(key="train_set_embedding_size").set_value(64).run()
    assert app.number_input(key="train_set_margin").value == 6.4
    app.selectbox(key="train_set_loss").set_value("triplet").run()
    assert app.number_input(key="train_set_margin").value == 1.9
    app.number_input(key="train_set_margin").set_value(3.0).run()
    app.selectbox(key="train_set_distance").set_value("cosine").run()
    assert app.number_input(key="train_set_margin").value == 3.0
    assert "about 0.15 would suit" in worlds.words(app)
    app.selectbox(key="train_preset").set_value("triplets").run()
    assert app.number_input(key="train_set_margin").value == 0.3


@pytest.fixture
def people(runs_folder, tmp_path):
    """The page with noise for photos, which are to be cropped to their faces."""
    for c in range(5):
        for k in range(2):
            path = tmp_path / "people" / f"p{c}" / f"{k}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(photo(60, 50, seed=10 * c + k)))
    app = worlds.visit("train")
    app.selectbox(key="train_source").set_value("folder").run()
    app.text_input(key="train_folder").set_value(str(tmp_path / "people")).run()
    return app.selectbox(key="train_set_crop").set_value("face").run()


def test_pictures_cropped_to_the_face(people):
    assert not worlds.told(people)
    text = worlds.words(people)
    assert "pixels, the face, its eyes level" in text
    assert "In 6 of 6 pictures no face was found; their centre is used." in text


def test_without_opencv_nothing_is_begun_that_looks_for_faces(no_opencv, people, runs_folder):
    assert any("pip install" in told for told in worlds.told(people))
    people.button(key="train_start").click().run()
    assert any("pip install" in told for told in worlds.told(people))
    assert not list(runs_folder.iterdir())
