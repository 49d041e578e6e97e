"""A folder of class folders, or a zip of one: what is found, what is passed over, what is refused."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from siamese_core import datasets
from siamese_core.datasets import folder
from siamese_core.datasets.splits import split_by_class
from siamese_core.errors import DataError
from siamese_core.types import InputSpec
from tests.pictures import class_folders, cross, encoded, huge_png, photo, zipped


def load(path: Path):
    return datasets.load(str(path))


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        load(path)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith((".", ".)"))
    return text


def zip_of(root: Path, path: Path, wrapper: str = "") -> Path:
    return zipped(
        path, {wrapper + p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}
    )


def test_classes_in_order_of_name(tmp_path):
    data = load(class_folders(tmp_path / "set", ("b", "a", "c"), each=3))
    assert data.name == "set"
    assert data.class_names == ("a", "b", "c")
    assert data.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert data.class_groups is None
    assert data.makers is None
    assert data.items.spec == InputSpec(1, 20, 20, "ink")
    assert "9 pictures in 3 class folders" in data.about
    first = (tmp_path / "set" / "a" / "0.png").read_bytes()
    from siamese_core.modalities.image import decode

    np.testing.assert_array_equal(data.items.natural(0), np.asarray(decode(first, "x")))


def test_groups_of_classes(tmp_path):
    data = load(class_folders(tmp_path / "set", ("g2/a", "g1/b", "g1/a")))
    assert data.class_names == ("g1/a", "g1/b", "g2/a")
    assert data.group_names == ("g1", "g2")
    assert data.class_groups.tolist() == [0, 0, 1]
    assert data.group_of(2) == "g2"
    deep = load(class_folders(tmp_path / "deep", ("x/g2/a", "x/g1/b", "y/g/a")))
    assert deep.group_names == ("x/g1", "x/g2", "y/g")


def test_classes_at_different_depths_have_no_groups(tmp_path):
    data = load(class_folders(tmp_path / "set", ("a", "g/b", "g")))
    assert data.class_names == ("a", "g", "g/b")
    assert data.class_groups is None


def test_hidden_and_side_files_are_passed_over(tmp_path):
    root = class_folders(tmp_path / "set", ("a", "b"))
    for name in ("a/.DS_Store", "a/Thumbs.db", "a/notes.txt", "b/table.csv", "labels.csv", "a/._0.png", "a/README"):
        (root / name).write_bytes(b"not a picture")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "x.png").write_bytes(b"junk")
    (root / "empty").mkdir()
    (root / "only text").mkdir()
    (root / "only text" / "a.txt").write_text("x")
    data = load(root)
    assert len(data) == 4
    assert data.class_names == ("a", "b")
    assert data.warnings == ()


def test_pictures_without_an_ending_count(tmp_path):
    root = class_folders(tmp_path / "set", ("a", "b"))
    (root / "a" / "scan").write_bytes(encoded(cross()))
    (root / "b" / "scan.001").write_bytes(encoded(cross(at=12), "GIF"))
    assert len(load(root)) == 6


def test_pictures_beside_class_folders_are_told(tmp_path):
    root = class_folders(tmp_path / "set")
    (root / "stray.png").write_bytes(encoded(cross()))
    data = load(root)
    assert len(data) == 4
    assert data.warnings == ("1 pictures that lie in no class folder were passed over.",)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs symbolic links")
def test_links_that_lead_outside_are_passed_over(tmp_path):
    outside = class_folders(tmp_path / "outside", ("x",))
    root = class_folders(tmp_path / "set", ("a", "b"))
    (root / "a" / "link.png").symlink_to(outside / "x" / "0.png")
    (root / "c").symlink_to(outside / "x")
    (root / "a" / "dangling.png").symlink_to(root / "nothing.png")
    (root / "a" / "loop").symlink_to(root)
    (root / "b" / "inside.png").symlink_to(root / "a" / "0.png")
    data = load(root)
    assert data.class_names == ("a", "b")
    assert data.counts.tolist() == [2, 3]


# ---- sizes, polarity, colour ----


def test_one_size_stays_native_also_when_not_square(tmp_path):
    root = tmp_path / "faces"
    for name in "ab":
        (root / name).mkdir(parents=True)
        for i in range(3):
            (root / name / f"{i}.pgm").write_bytes(encoded(photo(30, 23, seed=i), "PPM"))
    data = load(root)
    assert data.items.spec == InputSpec(1, 30, 23, "photo")
    np.testing.assert_array_equal(data.items.picture(1), photo(30, 23, seed=1))


def test_mixed_sizes_are_fitted_to_the_median_longer_side(tmp_path):
    root = tmp_path / "set"
    for name, side in (("a", 30), ("b", 40), ("c", 50)):
        (root / name).mkdir(parents=True)
        (root / name / "x.png").write_bytes(encoded(cross(side, at=side // 2)))
    assert load(root).items.spec == InputSpec(1, 40, 40, "ink")
    for i in range(4):
        (root / "c" / f"large{i}.png").write_bytes(encoded(cross(300 + i, at=100)))
    assert load(root).items.spec == InputSpec(1, 128, 128, "ink")


def test_one_large_size_is_fitted(tmp_path):
    root = tmp_path / "set"
    for name in "ab":
        (root / name).mkdir(parents=True)
        (root / name / "x.png").write_bytes(encoded(photo(300, 400)))
    assert load(root).items.spec == InputSpec(1, 128, 128, "photo")


def test_polarity_needs_nine_in_ten(tmp_path):
    root = class_folders(tmp_path / "set", ("a", "b"), each=10)
    (root / "a" / "photo.png").write_bytes(encoded(photo(20, 20)))
    assert load(root).items.spec.polarity == "ink"
    for i in range(3):
        (root / "b" / f"photo{i}.png").write_bytes(encoded(photo(20, 20, seed=i)))
    assert load(root).items.spec.polarity == "photo"


def test_mixed_polarity_of_ink_comes_out_alike(tmp_path):
    root = tmp_path / "set"
    for name in "ab":
        (root / name).mkdir(parents=True)
        (root / name / "0.png").write_bytes(encoded(cross()))
        (root / name / "1.png").write_bytes(encoded(255 - cross()))
    data = load(root)
    assert len(set(data.items.digests())) == 1


def test_colour_photos_keep_colour_and_grey_ones_join_them(tmp_path):
    root = tmp_path / "set"
    for name in "ab":
        (root / name).mkdir(parents=True)
    (root / "a" / "0.png").write_bytes(encoded(photo(16, 16, colours=3)))
    (root / "b" / "0.png").write_bytes(encoded(photo(16, 16)))
    data = load(root)
    assert data.items.spec == InputSpec(3, 16, 16, "photo")
    np.testing.assert_array_equal(data.items.picture(0), photo(16, 16, colours=3))
    np.testing.assert_array_equal(data.items.picture(1), np.stack([photo(16, 16)] * 3, -1))


# ---- zips ----


@pytest.mark.parametrize("wrapper", ["", "set/", "my/set/"])
def test_zip_is_the_folder(tmp_path, wrapper):
    root = class_folders(tmp_path / "set", ("g1/a", "g1/b", "g2/a"))
    (root / "g1" / "a" / "notes.txt").write_text("x")
    plain = load(root)
    seen: list[float] = []
    path = zip_of(root, tmp_path / "set.zip", wrapper)
    data = datasets.load(str(path), progress=lambda _, f: seen.append(f))
    assert data.class_names == plain.class_names
    assert data.group_names == plain.group_names
    assert data.digest == plain.digest
    assert data.name == "set"
    assert seen[-1] == 1.0


def test_zip_of_classes_without_groups(tmp_path):
    root = class_folders(tmp_path / "set", ("a", "b"))
    for wrapper in ("", "set/"):
        assert load(zip_of(root, tmp_path / "x.zip", wrapper)).class_names == ("a", "b")


def test_zip_refusals_reach_the_user(tmp_path):
    root = class_folders(tmp_path / "set", ("a",))
    path = zip_of(root, tmp_path / "x.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../up.png", b"x")
    assert "outside" in refused(path)
    (tmp_path / "y.zip").write_bytes(b"PK\x03\x04 cut off")
    assert "not a zip file" in refused(tmp_path / "y.zip")


# ---- refused in one sentence ----


def test_bad_pictures_are_named_and_counted(tmp_path):
    root = class_folders(tmp_path / "set", ("a", "b", "c"), each=3)
    (root / "b" / "1.png").write_bytes(b"")
    assert refused(root) == "b/1.png is empty (0 bytes); choose another file."
    (root / "c" / "2.png").write_bytes(encoded(photo(50, 50))[:900])
    (root / "c" / "9.jpg").write_bytes(b"text")
    assert refused(root).startswith("b/1.png is empty")
    assert "3 of the 10 pictures" in refused(root)
    (root / "a" / "0.png").write_bytes(huge_png(20_000, 20_000))
    assert "a/0.png has 20,000 x 20,000 pixels" in refused(root)


def test_no_class_folders(tmp_path):
    (tmp_path / "flat").mkdir()
    assert "are missing" in refused(tmp_path / "flat")
    (tmp_path / "flat" / "x.png").write_bytes(encoded(cross()))
    assert "cats/one.png" in refused(tmp_path / "flat")
    assert "are missing" in refused(zipped(tmp_path / "x.zip", {"a/readme.txt": b"x"}))
    assert "lie beside" in refused(zipped(tmp_path / "y.zip", {"x.png": encoded(cross())}))


def test_too_many_pixels_for_the_memory(tmp_path, monkeypatch):
    root = class_folders(tmp_path / "set", ("a", "b"), each=40)
    monkeypatch.setattr(folder, "MAX_PIXEL_BYTES", 20 * 20 * 30)
    text = refused(root)
    assert "memory" in text
    assert "this is the first" not in text
    monkeypatch.setattr(folder, "MAX_PIXEL_BYTES", 20 * 20 * 80)
    assert len(load(root)) == 80


def test_one_class_or_one_picture_a_class_loads_but_cannot_be_trained(tmp_path):
    one = load(class_folders(tmp_path / "one", ("a",), each=5))
    with pytest.raises(DataError, match="has 1 class but at least 4"):
        split_by_class(one, 0)
    single = load(class_folders(tmp_path / "single", tuple("abcdefgh"), each=1))
    assert single.counts.tolist() == [1] * 8
    with pytest.raises(DataError, match="only one picture"):
        split_by_class(single, 0)


def test_an_unreadable_file_is_one_sentence(tmp_path, monkeypatch):
    root = class_folders(tmp_path / "set")
    real = Path.open

    def denied(self, *args, **options):
        if self.name == "1.png":
            raise PermissionError(13, "Permission denied")
        return real(self, *args, **options)

    monkeypatch.setattr(Path, "open", denied)
    assert "1.png cannot be read: Permission denied" in refused(root)
