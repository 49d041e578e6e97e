"""The findings of a check as they stand on a page."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def _page() -> None:
    import numpy as np

    from pages.parts import leaks_view
    from siamese_core.findings import Finding

    leaks_view.draw(
        [
            Finding("border", "fine", "The border says nothing."),
            Finding("classes", "look", "One_name and *another* are alike.", {}, ((("test", 0), ("train", 1)),)),
            Finding("near copies", "problem", "Copies.", {}, ((("test", 2), ("train", 3)), (("test", 4), ("test", 4)))),
        ],
        lambda place: (np.full((8, 8), 20 * place[1], np.uint8), f"class_{place[1]}"),
    )


def test_the_gravest_comes_first_with_its_pictures_and_fine_is_folded():
    app = AppTest.from_function(_page).run()
    assert not app.exception
    words = [m.value for m in app.markdown]
    assert [w.split("**")[1] for w in words] == ["Problem", "Worth a look", "Fine"]
    assert r"One\_name and \*another\* are alike." in words[1]
    assert app.expander[0].label == "1 check found nothing wrong"
    captions = [p.proto.imgs[0].caption for p in app.image]
    assert captions == [r"test: class\_2", r"training: class\_3", r"test: class\_4", r"test: class\_0",
                        r"training: class\_1"]  # fmt: skip


def _clean() -> None:
    from pages.parts import leaks_view
    from siamese_core.findings import Finding

    leaks_view.draw([Finding("border", "fine", "The border says nothing.")], lambda place: None)


def test_nothing_found_is_said():
    app = AppTest.from_function(_clean).run()
    assert "No leak" in app.success[0].value
