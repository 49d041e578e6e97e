"""Support sets: changed into new ones, written and read again, and never trusted."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siamese_core import support_files, support_set
from siamese_core.errors import DataError
from siamese_core.modalities.image import ImageItems
from siamese_core.support_set import FORMAT, MANIFEST, SupportClass, SupportSet
from siamese_core.types import InputSpec, LabelledSet
from tests.pictures import class_folders, cross, encoded, huge_png, photo, zipped

ONE, TWO, THREE = (encoded(cross(at=at)) for at in (6, 8, 10))


def small() -> SupportSet:
    """Two classes, of two pictures and of one."""
    return SupportSet().with_class("sun", [("a.png", ONE), ("b.png", TWO)]).with_class("moon", [("c.png", THREE)])


def opened(data: bytes, name: str = "mine.zip"):
    """Bytes as an upload."""
    out = io.BytesIO(data)
    out.name = name
    return out


def test_every_change_makes_a_new_value():
    first = small()
    changes = [
        first.renamed("sun", "star"),
        first.without_class("moon"),
        first.with_pictures("moon", [("d.png", ONE)]),
        first.without_picture("sun", 0),
    ]
    assert first == small()
    assert [c.names for c in changes] == [("star", "moon"), ("sun",), ("sun", "moon"), ("sun", "moon")]
    assert [len(c) for c in changes] == [3, 2, 4, 2]
    assert changes[3]["sun"].pictures == (("b.png", TWO),)
    assert first.labels.tolist() == [0, 0, 1]
    assert [name for name, _ in first.pictures] == ["a.png", "b.png", "c.png"]


def test_what_cannot_be_is_one_sentence():
    set_ = small()
    for wrong, words in (
        (lambda: set_.with_class("sun"), "Two classes are called 'sun'"),
        (lambda: set_.renamed("sun", "moon"), "Two classes"),
        (lambda: set_.renamed("sun", "  "), "cannot be a class's name"),
        (lambda: set_.renamed("sun", "a\nb"), "cannot be a class's name"),
        (lambda: set_.renamed("sun", "x" * 101), "1 to 100"),
        (lambda: set_.without_class("mars"), "no class 'mars'"),
        (lambda: set_.without_picture("moon", 1), "no example 2"),
        (lambda: SupportSet().check(), "is empty"),
        (lambda: set_.without_class("moon").check(), "at least two classes"),
        (lambda: set_.without_picture("moon", 0).check(), "'moon' of the support set has no example"),
        (lambda: set_.with_pictures("moon", [("bad.png", b"x")]).items(InputSpec()), "bad.png"),
    ):
        with pytest.raises(DataError, match=words):
            wrong()


def test_there_is_an_end_to_what_fits(monkeypatch):
    monkeypatch.setattr(support_set, "MOST_PICTURES", 3)
    with pytest.raises(DataError, match="4 pictures"):
        small().with_pictures("sun", [("d", ONE)])
    monkeypatch.setattr(support_set, "MOST_TOGETHER", 10)
    with pytest.raises(DataError, match="together"):
        small()


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_set_comes_back_as_it_was(mode):
    pictures = [("x.jpg", encoded(photo(colours=3 if mode == "RGB" else 0))), ("y.png", ONE)]
    set_ = SupportSet().with_class("été 日本/1", pictures).with_class("…", [("z.bmp", encoded(cross(), "BMP"))])
    data = set_.to_bytes()
    back = support_files.from_zip(opened(data))
    assert back.names == set_.names
    assert back.labels.tolist() == set_.labels.tolist()
    spec = InputSpec(3, 24, 24, "photo")
    np.testing.assert_array_equal(back.items(spec).pixels, set_.items(spec).pixels)
    assert back.to_bytes() == data


def test_samples_are_to_the_network_what_the_set_itself_is():
    ink = np.stack([255 - cross(at=at) for at in (6, 7, 8, 9, 10, 11)])[:, None]
    items = ImageItems(ink, InputSpec(1, 20, 20, "ink"))
    marks = LabelledSet("marks", items, np.array([0, 1, 0, 1, 2, 2]), ("a", "b", "c"))
    picked = np.array([0, 5, 3, 2])
    found = support_files.from_samples(marks, picked)
    assert found.names == tuple(dict.fromkeys(marks.class_names[i] for i in marks.labels[picked]))
    spec = InputSpec(1, 12, 12, "ink")
    order = np.argsort([found.names.index(marks.class_names[i]) for i in marks.labels[picked]], kind="stable")
    np.testing.assert_array_equal(found.items(spec).pixels, marks.items.select(picked[order]).fitted(spec).pixels)


def test_folders_and_zips_of_class_folders(tmp_path):
    root = class_folders(tmp_path / "s", ("a", "b"))
    found = support_files.load(root)
    assert (found.names, len(found)) == (("a", "b"), 4)
    assert found.pictures[0][0] == str(root / "a" / "0.png")
    files = {f"top/{n}": ONE for n in ("a/1.png", "b/1.png", "x/b/2.png")} | {"top/note.txt": b"hello"}
    found = support_files.load(zipped(tmp_path / "s.zip", files))
    assert found.names == ("a", "top/b", "top/x/b")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "no class folders"),
        ({"a.png": ONE}, "lies in no class folder"),
        ({"a/1.png": ONE, "b/note.txt": b"hello"}, "'b' in the zip .* has no picture"),
        ({"a/1.png": ONE, "b/1.png": b"x"}, "1.png"),
        ({"a/1.png": ONE, "b/1.png": huge_png(60_000, 60_000)}, "million"),
        ({"../a/1.png": ONE}, "outside"),
    ],
)
def test_zips_that_cannot_be_used(tmp_path, files, words):
    with pytest.raises(DataError, match=words):
        support_files.load(zipped(tmp_path / "s.zip", files))


def test_folders_that_cannot_be_used(tmp_path):
    with pytest.raises(DataError, match="no folder"):
        support_files.load(tmp_path / "none")
    with pytest.raises(DataError, match="no class folders"):
        support_files.load(tmp_path)
    class_folders(tmp_path / "s", ("a",))
    (tmp_path / "s" / "b").mkdir()
    with pytest.raises(DataError, match=r"b has no picture"):
        support_files.load(tmp_path / "s")


def described(manifest: object, files: dict[str, bytes] | None = None) -> bytes:
    """A zip with this manifest: as JSON, or as it is when it is text."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr(MANIFEST, manifest if isinstance(manifest, str) else json.dumps(manifest))
        for name, data in ({"pictures/0001.png": ONE} if files is None else files).items():
            z.writestr(name, data)
    return out.getvalue()


GOOD = {"format": FORMAT, "classes": ["sun"], "files": {"pictures/0001.png": "sun"}}


@pytest.mark.parametrize(
    ("manifest", "files", "words"),
    [
        (GOOD | {"run": "starter"}, None, "other keys"),
        ({k: v for k, v in GOOD.items() if k != "classes"}, None, "other keys"),
        (GOOD | {"format": "siamese-lab-support-9"}, None, "another format"),
        (GOOD | {"classes": "sun"}, None, "names of its classes"),
        (GOOD | {"classes": ["sun", "sun"]}, None, "one name"),
        (GOOD | {"classes": [1]}, None, "names of its classes"),
        (GOOD | {"classes": ["sun", "a\x07"]}, None, "cannot be a class's name"),
        (GOOD | {"files": {"pictures/0001.png": "moon"}}, None, "one of its classes"),
        (GOOD | {"files": {"pictures/0001.png": ["sun"]}}, None, "one of its classes"),
        (GOOD | {"files": ["pictures/0001.png"]}, None, "one of its classes"),
        (GOOD | {"files": GOOD["files"] | {"pictures/2.png": "sun"}}, None, "lacks"),
        (GOOD, {"pictures/0001.png": ONE, "more.png": ONE}, "does not name"),
        (GOOD, {"pictures/0001.png": encoded(cross(), "BMP")}, "not a PNG"),
        (GOOD, {"pictures/0001.png": ONE[:60]}, "damaged"),
        (GOOD, {"pictures/0001.png": huge_png(60_000, 60_000)}, "million"),
        ("{", None, "not readable"),
        ('{"format": NaN}', None, "not readable"),
        ('{"format": 1, "format": 1}', None, "not readable"),
        ("[" * 100_000, None, "not readable"),
        ("[]", None, "other keys"),
    ],
)
def test_a_manifest_that_is_not_wholly_right_is_refused(manifest, files, words):
    with pytest.raises(DataError, match=words):
        support_files.from_zip(opened(described(manifest, files)))


def read(data: bytes):
    """What is said of it, or the set."""
    try:
        return "", support_files.from_zip(opened(data))
    except DataError as error:
        return str(error), None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_spoilt_bytes_are_refused_or_read_but_never_a_surprise(data):
    whole = bytearray(small().to_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    told, found = read(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    assert "\n" not in told
    assert told or isinstance(found, SupportSet)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
                    max_leaves=6)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(["format", "classes", "files", "more"]), JSON, max_size=4))
def test_any_manifest_is_read_or_refused(changes):
    told, found = read(described(json.dumps(GOOD | changes)))
    assert "\n" not in told
    assert told or (set(changes) <= {"format", "classes", "files"} and found.names)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=6), st.lists(st.sampled_from([ONE, TWO, THREE]), max_size=3)),
                max_size=4, unique_by=lambda c: c[0]))  # fmt: skip
def test_any_set_that_can_be_comes_back(classes):
    try:
        set_ = SupportSet(tuple(SupportClass(n, tuple((f"p{i}", d) for i, d in enumerate(p))) for n, p in classes))
    except DataError:
        return
    if not len(set_):
        with pytest.raises(DataError, match="no class folders"):
            support_files.from_zip(opened(set_.to_bytes()))
        return
    back = support_files.from_zip(opened(set_.to_bytes()))
    assert (back.names, back.labels.tolist()) == (set_.names, set_.labels.tolist())
