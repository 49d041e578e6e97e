"""Pictures found by what a table calls them, and pairs of two folders."""

from __future__ import annotations

import os
import sys
import unicodedata

import pytest

from siamese_core.datasets import picture_files
from siamese_core.datasets.folder import Source
from siamese_core.datasets.picture_files import PictureFiles, files_in, found_by_name
from siamese_core.errors import DataError
from siamese_core.pair_tables import pair_folders
from tests.pictures import class_folders, zipped


def files(*names: str, label: str = "here") -> PictureFiles:
    return PictureFiles(label, tuple(Source(n, lambda limit: b"") for n in names))


def found(wanted: str, *names: str) -> str:
    """The file that a name finds, or why there is none."""
    place = found_by_name([wanted], files(*names))[0]
    return place if isinstance(place, str) else names[place]


@pytest.mark.parametrize(
    ("wanted", "names", "expected"),
    [
        ("a/1.png", ("a/1.png", "top/a/1.png"), "a/1.png"),
        ("a/1.png", ("top/a/1.png", "top/b/1.png"), "top/a/1.png"),
        ("1.png", ("top/a/1.png", "top/b/2.png"), "top/a/1.png"),
        ("/home/me/top/a/1.png", ("a/1.png", "b/1.png"), "a/1.png"),
        ("a/1.png", ("1.png",), "1.png"),
        (unicodedata.normalize("NFC", "é.png"), (unicodedata.normalize("NFD", "é.png"),), "e\u0301.png"),
    ],
)
def test_a_picture_is_found(wanted, names, expected):
    assert found(wanted, *names) == expected


@pytest.mark.parametrize(
    ("wanted", "names", "why"),
    [
        ("1.png", ("a/1.png", "b/1.png"), "Several pictures"),
        ("a/1.png", ("x/a/1.png", "y/a/1.png"), "Several pictures"),
        ("a/1.png", ("b/1.png",), "no picture 'a/1.png'"),
        ("1.PNG", ("1.png",), "no picture"),
        ("../1.png", ("a/1.png",), "no picture"),
    ],
)
def test_a_picture_is_never_guessed(wanted, names, why):
    assert why in found(wanted, *names)


def test_names_that_differ_in_how_letters_are_composed_are_not_guessed():
    composed, apart = (unicodedata.normalize(form, "a/é.png") for form in ("NFC", "NFD"))
    assert "are called 'a/é.png'; give each a name of its own." in found(composed, composed, apart)
    assert "Several pictures" in found("é.png", composed, apart)
    assert "no picture" in found("x/a/é.png", composed, apart)


@pytest.mark.parametrize(("wanted", "own"), [("A/1.PNG", "a/1.png"), ("IMG.JPG", "top/img.jpg"), ("STRASSE", "straße")])
def test_other_letters_are_hinted_at_but_never_taken(wanted, own):
    said = found(wanted, own, "b/2.png")
    assert said == f"There is no picture '{wanted}' in here, but '{own}'; write it in the same letters."
    assert found("1.PNG", "a/1.png", "b/1.png") == "There is no picture '1.PNG' in here."


def test_only_ends_that_are_wanted_are_kept():
    names = [f"{'d/' * 30}{i}.png" for i in range(50)]
    assert set(picture_files._ending(names, {"7.png", "d/8.png", "9"})) == {"7.png", "d/8.png"}


def test_two_names_never_become_one_file():
    wanted = ["a/1.png", "b/1.png", "c/2.png"]
    places = found_by_name(wanted, files("1.png", "2.png"))
    assert "Several names in the table" in str(places[0])
    assert "Several names in the table" in str(places[1])
    assert places[2] == 1


def test_very_deep_paths_cost_little():
    deep = "/".join(["d"] * 20_000) + "/1.png"
    assert found("1.png", deep) == deep
    assert found(deep, "1.png") == "1.png"
    assert len(files(deep).pictures()) == 1


def test_a_folder_and_its_zip_are_alike(tmp_path):
    folder = class_folders(tmp_path / "set", ("a", "b"))
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "x.png").write_bytes(b"x")
    whole = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.png") if ".hidden" not in str(p)}
    archive = zipped(tmp_path / "set.zip", whole)
    with files_in(folder) as left, files_in(archive) as right:
        assert sorted(left.names) == sorted(right.names) == ["a/0.png", "a/1.png", "b/0.png", "b/1.png"]
        reads = [{s.name: s.read(10**6) for s in side.sources} for side in (left, right)]
    assert reads[0] == reads[1] == whole


def test_places_that_cannot_be(tmp_path):
    with pytest.raises(DataError, match="no folder or zip"), files_in(tmp_path / "none"):
        pass
    (tmp_path / "no.zip").write_text("no")
    with pytest.raises(DataError, match="not a zip file"), files_in(tmp_path / "no.zip"):
        pass


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    folder = class_folders(tmp_path / "set", ("a",))
    (tmp_path / "secret.png").write_bytes(b"secret")
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    with files_in(folder) as there:
        assert "out.png" not in there.names


def test_odd_things_in_a_folder_are_passed_over(tmp_path):
    folder = class_folders(tmp_path / "set", ("a",))
    os.mkfifo(folder / "pipe.png")
    (folder / "circle.png").symlink_to("circle.png")
    (folder / "gone.png").symlink_to("nowhere.png")
    (folder / "same.png").symlink_to("a/0.png")
    with files_in(folder) as there:
        assert sorted(there.names) == ["a/0.png", "a/1.png", "same.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not store such names")
def test_a_name_that_is_no_text_becomes_one(tmp_path):
    with open(os.fsencode(tmp_path) + b"/n\xff.png", "wb") as file:
        file.write(b"x")
    with files_in(tmp_path) as there:
        assert there.names == ["n?.png"]
        assert there.sources[0].read(9) == b"x"


def test_folders_are_paired_by_equal_names():
    table, both = pair_folders(
        files("top/2.png", "top/1.png", "top/only.png", "top/notes.txt", label="A"),
        files("1.JPG", "2.png", "3.png", label="B"),
    )
    assert [(table.names[a], table.names[b]) for a, b in zip(table.first, table.second, strict=True)] == [
        ("A/1.png", "B/1.JPG"), ("A/2.png", "B/2.png"),
    ]  # fmt: skip
    assert table.rows.tolist() == [1, 2]
    assert [(b.row, b.why) for b in table.broken] == [(3, "'3' is in B alone."), (4, "'only' is in A alone.")]
    assert table.same.tolist() == [-1, -1]
    assert all(isinstance(p, int) for p in found_by_name(table.names, both))


def test_folders_of_one_name_are_told_apart():
    table, both = pair_folders(files("1.png", "1.gif", "2.png"), files("1.png", "2.png"))
    assert table.names == ("first here/2.png", "second here/2.png")
    assert "twice in first here" in table.broken[0].why
    assert found_by_name(table.names, both) == [2, 4]


@pytest.mark.parametrize(("a", "b", "why"), [((), ("1.png",), "no pictures"), (("1.png",), ("2.png",), "equal names")])
def test_folders_without_a_pair_are_refused(a, b, why):
    with pytest.raises(DataError, match=why):
        pair_folders(files(*a), files(*b))
