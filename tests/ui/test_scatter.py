"""The map in the browser: what it is sent, and what may come back."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from map_messages import unpacked
from PIL import Image

from pages.parts import map_pack, point, scatter, selection, theme
from siamese_core import sprites
from siamese_core.errors import DataError

NAMES = np.array(["zoo/a", "zoo/b", "sky/a"])


def found(count: int = 9, **more: np.ndarray) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "x": rng.normal(size=count),
        "y": rng.normal(size=count),
        "labels": np.arange(count) % 3,
        "class_names": NAMES,
        "groups": np.array([1, 1, 0] * count)[:count],
        "group_names": np.array(["sky", "zoo"]),
        "split": np.array([0, 3, 3] * count)[:count],
        "indices": 10 + np.arange(count),
        "embeddings": rng.normal(size=(count, 4)).astype(np.float32),
        **more,
    }


def bits(mask: list[int]) -> str:
    return base64.b64encode(np.packbits(mask, bitorder="little").tobytes()).decode()


def test_points_arrive_as_they_were():
    map_ = found(z=np.arange(9.0), error=np.linspace(0, 1, 9), pixels=np.zeros((9, 1, 4, 4), np.uint8))
    head, arrays = unpacked(map_pack.points("abc", map_))
    assert (head["kind"], head["of"], head["count"], head["pictured"]) == ("points", "abc", 9, True)
    for axis in "xyz":
        np.testing.assert_allclose(arrays[axis], map_[axis], rtol=1e-6)
    assert arrays["ids"].tolist() == map_["indices"].tolist()
    assert arrays["class"].tolist() == map_["labels"].tolist()
    by_key = {c["key"]: c for c in head["columns"]}
    assert by_key["class"]["names"] == NAMES.tolist()
    assert [by_key["group"]["names"][g] for g in arrays["group"]] == ["zoo", "zoo", "sky"] * 3
    assert arrays["unseen"].tolist() == [0, 1, 1] * 3
    assert by_key["error"]["kind"] == "number"


def test_what_a_map_does_not_hold_is_left_out():
    bare = {k: v for k, v in found().items() if k not in ("groups", "group_names", "split")}
    head, arrays = unpacked(map_pack.points("abc", bare))
    assert [c["key"] for c in head["columns"]] == ["class"]
    assert set(arrays) == {"x", "y", "ids", "class"}
    assert head["pictured"] is False


def test_parts_are_called_by_their_names():
    head, arrays = unpacked(map_pack.points("abc", found(split=np.array([0, 1, 2] * 3, np.int8))))
    names = next(c for c in head["columns"] if c["key"] == "part")["names"]
    assert [names[p] for p in arrays["part"][:3]] == ["Learnt from", "Validation", "Test"]
    assert arrays["unseen"].tolist() == [0, 1, 1] * 3
    head, arrays = unpacked(map_pack.points("abc", found(split=np.full(9, 3))))
    assert "part" not in arrays
    assert "unseen" not in arrays  # where all are, none is marked


def test_any_column_of_numbers_can_be_looked_at():
    more = {"stroke_width": np.arange(9.0), "writer": np.array(list("abcabcabc")), "table": np.zeros((9, 2))}
    head, arrays = unpacked(map_pack.points("abc", found(**more)))
    assert [c["name"] for c in head["columns"] if c["key"].startswith("own_")] == ["Stroke width"]
    assert arrays["own_stroke_width"].tolist() == list(range(9))


def test_what_was_not_measured_is_no_column():
    nothing = {"error": np.full(9, np.nan), "seconds": np.array(2.0), "centre": np.arange(9.0)}
    head, arrays = unpacked(map_pack.points("abc", found(**nothing, group_names=np.array([], str))))
    assert {c["key"] for c in head["columns"]} == {"class", "part"}
    _, arrays = unpacked(map_pack.points("abc", found(error=np.array([np.nan] + [0.5] * 8))))
    assert np.isnan(arrays["error"][0])
    assert arrays["error"][1] == 0.5


def test_the_place_of_a_point_is_told_against_the_others():
    map_ = found(error=np.array([np.nan, 0.1, 0.2, 0.3, 0.4, *[np.nan] * 4]))
    assert point.place_of(map_, 3) == "The map places 50% of the points better than this one."
    assert point.place_of(map_, 0) == ""
    best = int(np.nanargmin(map_["error"]))
    assert point.place_of(map_, best) == "The map places this point as well as any."
    assert point.place_of(found(), 0) == ""


def test_the_nearest_says_whether_it_is_right():
    nearest, distances = np.array([3, 0, 5, 0, 7, 2, 0, 4, 5]), np.linspace(0.1, 0.9, 9)
    head, arrays = unpacked(map_pack.facts("abc", found(), nearest, distances))
    by_key = {c["key"]: c for c in head["columns"]}
    assert arrays["predicted"].tolist() == (nearest % 3).tolist()
    right = [by_key["right"]["names"][r] for r in arrays["right"]]
    assert right == ["Right" if n % 3 == i % 3 else "Wrong" for i, n in enumerate(nearest)]
    assert by_key["right"]["colours"] == [theme.DIFFERENT, theme.SAME]
    np.testing.assert_allclose(arrays["distance"], distances, rtol=1e-6)


@pytest.mark.parametrize(("count", "channels", "height", "width"), [(1, 1, 5, 7), (7, 1, 6, 6), (10, 3, 4, 8)])
def test_a_sheet_holds_every_picture(count, channels, height, width):
    pixels = np.random.default_rng(1).integers(0, 256, (count, channels, height, width)).astype(np.uint8)
    made = sprites.sheet(pixels, ink=False)
    sheet = np.asarray(Image.open(io.BytesIO(made.png)))
    for k in range(count):
        row, column = divmod(k, made.across)
        tile = sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]
        np.testing.assert_array_equal(tile, pixels[k].transpose(1, 2, 0) if channels == 3 else pixels[k, 0])
    inked = np.asarray(Image.open(io.BytesIO(sprites.sheet(pixels, ink=True).png)))
    np.testing.assert_array_equal(inked[:height, :width], 255 - sheet[:height, :width])


def test_many_large_pictures_make_a_sheet_that_can_be_sent():
    made = sprites.sheet(np.zeros((400, 3, 200, 100), np.uint8), ink=False)
    size = Image.open(io.BytesIO(made.png)).size
    assert size[0] * size[1] <= 1.2 * sprites.MOST_PIXELS[3]
    assert made.height / made.width == pytest.approx(2, abs=0.1)


def test_pictures_say_whose_they_are():
    pixels = np.zeros((9, 1, 4, 4), np.uint8)
    pixels[5] = 200
    head, arrays = unpacked(map_pack.pictures("abc", pixels, False, np.array([2, 5])))
    assert arrays["which"].tolist() == [2, 5]
    sheet = np.asarray(Image.open(io.BytesIO(arrays["png"].tobytes())))
    assert sheet[0, head["width"]] == 200
    assert sheet[0, 0] == 0


def test_new_items_are_placed_and_taken_away():
    items = map_pack.Placed(np.array([[1.0, 2.0], [3.0, 4.0]]), ["Picture A", "<b>"], np.zeros((2, 1, 4, 4), np.uint8))
    head, arrays = unpacked(map_pack.placed("abc", items, True))
    assert [(i["name"], i["x"], i["y"]) for i in head["items"]] == [("Picture A", 1.0, 2.0), ("<b>", 3.0, 4.0)]
    assert np.asarray(Image.open(io.BytesIO(arrays["png"].tobytes()))).min() == 255  # ink is shown on paper
    assert unpacked(map_pack.placed("abc", None, True))[0]["items"] == []
    deep, _ = unpacked(map_pack.placed("abc", map_pack.Placed(np.ones((1, 3)), ["A"]), True))
    assert deep["items"][0]["z"] == 1.0


def test_a_selection_comes_back():
    mask = [0, 1, 0, 0, 1, 0, 0, 0, 1, 1]
    assert scatter.selection({"of": "abc", "bits": bits(mask)}, "abc", 10).tolist() == [1, 4, 8, 9]
    assert scatter.selection(None, "abc", 10).tolist() == []
    assert scatter.selection({"of": "other", "bits": bits(mask)}, "abc", 10).tolist() == []


def test_a_selection_of_a_hundred_thousand_is_small():
    mask = np.random.default_rng(0).integers(0, 2, 100_000)
    sent = bits(mask.tolist())
    assert len(sent) < 17_000
    assert scatter.selection({"of": "abc", "bits": sent}, "abc", len(mask)).tolist() == np.flatnonzero(mask).tolist()


@pytest.mark.parametrize(
    "value",
    [
        [1, 2],
        "AAAA",
        7,
        {},
        {"of": "abc"},
        {"of": "abc", "bits": None},
        {"of": "abc", "bits": [1, 2]},
        {"of": "abc", "bits": ""},
        {"of": "abc", "bits": "A" * 10_000_000},
        {"of": "abc", "bits": "&&&="},
        {"of": "abc", "bits": bits([1] * 16)},
        {"of": "abc", "bits": bits([0] * 10 + [1])},
        {"of": "abc", "bits": bits([1] * 30)},
    ],
)
def test_what_no_map_of_ours_sends_is_refused_in_one_sentence(value):
    with pytest.raises(DataError, match=r"^The selection did not arrive whole; select the points again\.$"):
        scatter.selection(value, "abc", 10)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, []),
        ({"of": "abc", "points": [3, 1, 3]}, [3, 1]),
        ({"of": "abc", "points": [-1, 9, 10, True, 2.0, "4", None, 2**70, 0]}, [9, 0]),
        ({"of": "other", "points": [1]}, []),
        ({"of": "abc", "points": list(range(10)) * 100}, []),
        ({"of": "abc", "points": {"0": 1}}, []),
        ("abc", []),
    ],
)
def test_only_pictures_that_are_there_are_given(value, expected):
    assert scatter.wanted(value, "abc", 10).tolist() == expected


@pytest.mark.parametrize("value", [None, -1, 10, True, 1.0, "1", [1], {"chosen": 1}, 2**80])
def test_only_a_point_that_is_there_is_chosen(value, monkeypatch):
    monkeypatch.setattr(scatter.state, "get", lambda key: {"chosen": value})
    assert scatter.chosen("map", 10) is None


def test_a_chosen_point_is_taken(monkeypatch):
    monkeypatch.setattr(scatter.state, "get", lambda key: {"chosen": 9})
    assert scatter.chosen("map", 10) == 9
    monkeypatch.setattr(scatter.state, "get", lambda key: None)
    assert scatter.chosen("map", 10) is None


def test_a_gallery_shows_a_page_of_pictures_and_the_classes():
    pixels = np.zeros((200, 1, 4, 4), np.uint8)
    map_ = found(200, pixels=pixels)
    which = np.arange(0, 200, 2)
    first, second = (selection.laid_out(map_, which, False, page) for page in (0, 1))
    assert [t["point"] for t in first["tiles"] + second["tiles"]] == which.tolist()
    assert (len(first["tiles"]), first["pages"]) == (selection.A_PAGE, 2)
    assert {b["name"]: (b["count"], b["all"]) for b in first["bars"]} == {
        n: (int((which % 3 == c).sum()), int((np.arange(200) % 3 == c).sum())) for c, n in enumerate(NAMES)
    }
    assert first["sheet"]
    assert selection.laid_out(found(), np.arange(3), False, 0)["sheet"] is None


def test_a_gallery_of_many_classes_says_how_many_more():
    names = np.array([f"c{i}" for i in range(12)])
    map_ = found(12) | {"labels": np.arange(12), "class_names": names}
    laid = selection.laid_out(map_, np.arange(12), False, 0)
    assert len(laid["bars"]) == selection.MOST_BARS
    assert laid["rest"] == "and 4 classes more"


@pytest.mark.parametrize("value", [None, 5, {"of": "x", "number": 1}, {"of": "d", "number": 2}, {"of": "d"},
                                   {"of": "d", "number": -1}, {"of": "d", "number": True}])  # fmt: skip
def test_only_a_page_of_this_selection_is_turned_to(value):
    assert selection.page_of(value, "d", 100) == 0


def test_a_page_is_turned_to():
    assert selection.page_of({"of": "d", "number": 1}, "d", 100) == 1


def test_what_a_zip_can_be_used_for_is_said():
    assert "One-shot takes" in selection.use_of(5, 100)
    assert "at least two classes" in selection.use_of(1, 100)
    assert "these are 21" in selection.use_of(21, 100)
    assert "select fewer" in selection.use_of(5, 6000)


def test_every_script_of_the_map_is_read_and_colours_are_the_themes():
    script = scatter.read(*scatter.SCRIPTS)
    assert script.count("export default function") == 1
    for use in ("innerHTML", "insertAdjacentHTML", "outerHTML", "document.write", "eval("):
        assert use not in script + scatter.read("map_hub", "map_data", "gallery")
    assert scatter.LOOK["palette"] == list(theme.PALETTE)
