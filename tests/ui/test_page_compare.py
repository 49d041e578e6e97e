"""The Compare page: what can be done there."""

from __future__ import annotations

import pytest
import worlds

pytestmark = pytest.mark.usefixtures("no_starter")


def upload_pair(app, a: bytes, b: bytes):
    app.segmented_control(key="compare_source").set_value("Upload").run()
    app.file_uploader(key="compare_file_A").set_value(("first.png", a, "image/png"))
    return app.file_uploader(key="compare_file_B").set_value(("second.png", b, "image/png")).run()


@pytest.fixture
def compare(world):
    world("finished")
    return worlds.visit("compare", "finished")


def test_the_same_picture_twice_is_the_same_class(compare):
    app = upload_pair(compare, worlds.picture(1), worlds.picture(1))
    assert not worlds.told(app)
    assert "Same class" in worlds.words(app)
    assert len(app.image) == 4


def test_a_verdict_is_on_the_page_at_once_and_can_be_drawn_again(compare):
    before = worlds.words(compare)
    assert ("Same class" in before) != ("Different classes" in before)
    pictures = [i.proto.imgs[0].url for i in compare.image]
    after = compare.button(key="compare_different").click().run()
    assert [i.proto.imgs[0].url for i in after.image] != pictures
    assert not worlds.told(after)


BAD_PICTURES = {
    "empty": b"",
    "text": b"hello",
    "cut": worlds.picture()[:60],
    "fake": b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
}


@pytest.mark.parametrize("data", list(BAD_PICTURES.values()), ids=list(BAD_PICTURES))
def test_a_bad_picture_is_one_sentence(compare, data):
    app = upload_pair(compare, worlds.picture(1), data)
    assert len(worlds.told(app)) == 1
    assert "second" in worlds.told(app)[0]


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
