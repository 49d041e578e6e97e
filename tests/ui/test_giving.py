"""What was given, where it needs no page: drawings, photos, repeats, picks, zips of classes."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import worlds

from pages.parts import draw, gather, pairs, pick, uploads
from siamese_core.errors import DataError
from siamese_core.modalities.image import from_files
from siamese_core.types import InputSpec

SPEC = InputSpec(1, 12, 12, "ink")


def sent(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_sheet_is_nothing(value):
    assert draw.bytes_of(value) is None
    assert gather.sources_of("draw", {"picture": value}) == []
    assert gather.sources_of("draw", None) == []


def test_a_drawing_is_a_picture_file():
    data = worlds.picture(3)
    assert gather.sources_of("draw", {"picture": sent(data)}) == [("Drawing", data)]


STRANGE = {
    "number": 7,
    "true": True,
    "list": ["iVBORw0KGgo="],
    "mapping": {"a": 1},
    "bytes": b"iVBORw0KGgo=",
    "not base64": "data:image/png;base64,iVBORw0KGgo=",
    "with gaps": "iVBO Rw0K",
    "not ASCII": "é" * 8,
    "cut": "iVBORw0KGg",
    "too long": "A" * (draw.MOST_CHARACTERS + 4),
}


@pytest.mark.parametrize("value", list(STRANGE.values()), ids=list(STRANGE))
def test_a_strange_drawing_is_one_sentence(value):
    with pytest.raises(DataError, match="draw again"):
        draw.bytes_of(value)


def test_the_longest_drawing_is_let_in():
    assert draw.bytes_of("A" * draw.MOST_CHARACTERS) == b"\0" * (draw.MOST_CHARACTERS // 4 * 3)


class Upload:
    def __init__(self, name: str, data: bytes) -> None:
        self.name, self.data, self.size = name, data, len(data)

    def getvalue(self) -> bytes:
        return self.data


def test_a_photo_has_a_name_people_know():
    assert gather.sources_of("camera", Upload("camera_input_2026.jpg", b"1")) == [("Camera picture", b"1")]
    assert gather.sources_of("camera", None) == []


def test_an_upload_taken_away_meanwhile_is_passed_over():
    gone = object()  # Streamlit's mark of a file that is no more
    assert gather.sources_of("upload", [Upload("a.png", b"1"), gone]) == [("a.png", b"1")]
    assert gather.sources_of("upload", gone) == []


def test_repeats_are_what_the_network_sees_alike():
    files = [("a.png", worlds.picture(1)), ("b.png", worlds.picture(2)), ("a-again.bmp", worlds.picture(1, "BMP"))]
    examples, queries = from_files(files, SPEC), from_files([files[2], ("c.png", worlds.picture(3)), files[1]], SPEC)
    assert gather.alike(queries, examples) == [(0, 0), (2, 1)]
    assert gather.alike(queries, examples.select(np.array([], int))) == []


def test_joined_keeps_the_order():
    def part(*seeds: int) -> gather.Given:
        files = tuple((f"{s}.png", worlds.picture(s)) for s in seeds)
        return gather.Given(files, tuple(np.full((2, 2), s, np.uint8) for s in seeds), from_files(files, SPEC))

    whole = gather.joined([part(1, 2), part(), part(3)])
    assert [name for name, _ in whole.sources] == ["1.png", "2.png", "3.png"]
    assert [int(s[0, 0]) for s in whole.shown] == [1, 2, 3]
    assert whole.items.digests() == from_files(list(whole.sources), SPEC).digests()


@pytest.mark.parametrize("value", [3, -1, True, "1", 1.0, None, [1]])
def test_only_an_index_is_a_choice(value):
    assert pick._index(value, 3, 2) == 2
    assert [pick._index(i, 3, 2) for i in range(3)] == [0, 1, 2]


def test_one_picture_is_chosen_where_there_is_one():
    assert pick._index(None, 1, 1) == 0


def test_class_folders_keep_their_own_names_where_those_are_clear():
    files = {"all/sun/1.png": b"1", "all/sun/2.png": b"2", "all/moon/1.png": b"3"}
    found = uploads.classes_of("a.zip", worlds.zipped(files), 1)
    assert found == {"sun": [("1.png", b"1")], "moon": [("1.png", b"3")]}


def test_folders_of_one_name_are_not_mixed():
    files = {"g/sun/1.png": b"1", "h/sun/1.png": b"2", "h/moon/1.png": b"3"}
    found = uploads.classes_of("a.zip", worlds.zipped(files), 5)
    assert found == {"g/sun": [("1.png", b"1")], "h/sun": [("1.png", b"2")], "moon": [("1.png", b"3")]}


def test_the_examples_are_small_and_none_is_another():
    files = sorted(pairs.EXAMPLES.glob("*.png"))
    assert len(files) == 12
    assert sum(p.stat().st_size for p in files) < 50_000
    items = from_files([(p.name, p.read_bytes()) for p in files], InputSpec(1, 28, 28, "ink"))
    assert len(set(items.digests())) == 12
