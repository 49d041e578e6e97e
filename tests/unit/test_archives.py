"""Zip files from strangers: what is read, and what is refused in one sentence before anything is unpacked."""

from __future__ import annotations

import os
import stat
import struct
import warnings
import zipfile
from pathlib import Path

import pytest

from siamese_core.datasets import archives
from siamese_core.datasets.archives import SafeZip, read_zip, unpack
from siamese_core.errors import DataError
from tests.pictures import zipped


def refused(path: Path, **options: int) -> str:
    with pytest.raises(DataError) as caught:
        list(read_zip(path, **options))
    text = str(caught.value)
    assert path.name in text
    assert "\n" not in text
    assert text.endswith(".")
    return text


def test_files_come_in_order_without_hidden_ones(tmp_path):
    path = zipped(
        tmp_path / "x.zip",
        {"b/1.png": b"one", "a/2.png": b"two", ".DS_Store": b"", "__MACOSX/a/._2.png": b"", "a/.hid": b"", "d/": b""},
    )
    assert list(read_zip(path)) == [("b/1.png", b"one"), ("a/2.png", b"two")]
    assert list(tmp_path.iterdir()) == [path], "nothing is written to the disk"


def test_backslashes_are_folders(tmp_path):
    path = zipped(tmp_path / "x.zip", {"a\\b.png": b"1"})
    assert list(read_zip(path)) == [("a/b.png", b"1")]


@pytest.mark.parametrize(
    "name", ["../up.png", "a/../../up.png", "/etc/x.png", "..\\up.png", "a\\..\\..\\x", "C:/x.png", "C:\\x.png", ".."]
)
def test_entries_that_point_outside(tmp_path, name):
    assert "outside" in refused(zipped(tmp_path / "x.zip", {"a/1.png": b"1", name: b"2"}))


def test_a_name_may_hold_two_dots(tmp_path):
    assert [n for n, _ in read_zip(zipped(tmp_path / "x.zip", {"a/what..png": b"1"}))] == ["a/what..png"]


@pytest.mark.parametrize("name", ["n" * 1001, "a/" * 101 + "x.png"])
def test_a_path_that_no_file_system_has(tmp_path, name):
    assert "path is too long" in refused(zipped(tmp_path / "x.zip", {name: b"1"}))
    assert len(list(read_zip(zipped(tmp_path / "y.zip", {name[2:]: b"1"})))) == 1


def test_a_pipe_or_a_device_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.zip")
    for path in (tmp_path / "pipe.zip", tmp_path, Path(os.devnull)):
        assert "is no file" in refused(path)


def test_symlinks_and_devices(tmp_path):
    for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR):
        path = tmp_path / "x.zip"
        with zipfile.ZipFile(path, "w") as archive:
            info = zipfile.ZipInfo("a/link.png")
            info.create_system = 3
            info.external_attr = (kind | 0o777) << 16
            archive.writestr(info, "/etc/passwd")
        assert "link" in refused(path)


def test_archives_inside(tmp_path):
    inner = zipped(tmp_path / "inner.zip", {"a/1.png": b"1"}).read_bytes()
    assert "archive inside" in refused(zipped(tmp_path / "x.zip", {"a/inner.zip": inner}))
    assert "archive inside" in refused(zipped(tmp_path / "x.zip", {"a/inner.png": inner})), "whatever its name"


def test_too_many_entries(tmp_path):
    path = tmp_path / "x.zip"
    entries = [b"PK\x01\x02" + bytes(24) + struct.pack("<H", 8) + bytes(16) + b"a/%06d" % i for i in range(100_000)]
    entries.append(b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 100_000, 100_000, 54 * 100_000, 0))
    entries.append(b"PK\x06\x07" + struct.pack("<IQI", 0, 54 * 100_000, 1))
    entries.append(b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 65535, 65535, 54 * 100_000, 0, 0))
    path.write_bytes(b"".join(entries))
    assert "100,000 entries, more than the 20,000" in refused(path)
    assert "more than the 5" in refused(zipped(path, {f"a/{i}": b"" for i in range(6)}), max_entries=5)
    assert len(list(read_zip(path, max_entries=6))) == 6


def test_bomb_of_declared_size(tmp_path, monkeypatch):
    many = zipped(tmp_path / "x.zip", {f"a/{i}.png": bytes(2**23) for i in range(8)})
    assert "bomb" in refused(many)
    monkeypatch.setattr(archives, "MAX_FILE", 2**20)
    one = zipped(tmp_path / "y.zip", {"a/1.png": bytes(range(256)) * 4097})
    assert "more than 1 MiB" in refused(one)


def test_total_size(tmp_path, monkeypatch):
    path = zipped(tmp_path / "x.zip", {f"a/{i}": bytes(range(256)) * 40 for i in range(10)})
    with pytest.raises(DataError, match="unpacked"):
        SafeZip(path, max_total=100_000)
    SafeZip(path, max_total=102_400).close()


def patched(path: Path, name: bytes, **fields: int) -> None:
    """Changes numbers in the central directory: the archive lies about an entry."""
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    while data[at + 46 : at + 46 + len(name)] != name:
        at = data.index(b"PK\x01\x02", at + 4)
    offsets = {"packed": (20, "<I"), "size": (24, "<I"), "flags": (8, "<H"), "method": (10, "<H")}
    for field, value in fields.items():
        offset, form = offsets[field]
        struct.pack_into(form, data, at + offset, value)
    path.write_bytes(bytes(data))


def test_a_size_that_lies_ends_at_what_was_declared(tmp_path):
    path = zipped(tmp_path / "x.zip", {"a/1.png": bytes(2**24)})
    patched(path, b"a/1.png", size=1000)
    assert "damaged" in refused(path)
    path = zipped(tmp_path / "x.zip", {"a/1.png": b"abc" * 100})
    patched(path, b"a/1.png", size=10_000)
    with SafeZip(path) as archive:
        assert archive.read("a/1.png") == b"abc" * 100, "less than declared harms nobody"


def test_password_and_unknown_compression(tmp_path):
    path = zipped(tmp_path / "x.zip", {"a/1.png": b"abc"})
    patched(path, b"a/1.png", flags=1)
    assert "password" in refused(path)
    path = zipped(tmp_path / "x.zip", {"a/1.png": b"abc"})
    patched(path, b"a/1.png", method=77)
    assert "unusual way" in refused(path)


def test_packing_that_unpacks_all_at_once(tmp_path):
    """bzip2 and LZMA would hand over gigabytes for a few hundred bytes, whatever size was declared."""
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        path = zipped(tmp_path / "x.zip", {"a/1.png": b"abc"}, method)
        assert "unusual way" in refused(path)


def test_two_files_of_one_name(tmp_path):
    path = tmp_path / "x.zip"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("a/1.png", b"1")
        archive.writestr("a/1.png", b"2")
    assert "two files" in refused(path)


def test_damaged_or_no_zip(tmp_path):
    good = zipped(tmp_path / "x.zip", {f"a/{i}.png": bytes(range(256)) * 20 for i in range(4)}).read_bytes()
    for data in (b"", b"no zip at all", good[:-30], good[: len(good) // 2]):
        (tmp_path / "x.zip").write_bytes(data)
        assert "not a zip file" in refused(tmp_path / "x.zip")
    spoiled = bytearray(good)
    spoiled[60:90] = bytes(30)
    (tmp_path / "x.zip").write_bytes(bytes(spoiled))
    assert "damaged" in refused(tmp_path / "x.zip")
    with pytest.raises(DataError, match="There is no file"):
        SafeZip(tmp_path / "absent.zip")


def test_read_no_more_than_asked(tmp_path):
    with SafeZip(zipped(tmp_path / "x.zip", {"a": b"x" * (3 * 2**20)})) as archive:
        assert archive.read("a", 5) == b"xxxxx"
        assert len(archive.read("a", 2**20 + 1)) == 2**20 + 1
        assert len(archive.read("a")) == 3 * 2**20


# ---- unpacking: whole or not at all ----


def test_unpack_one_folder_of_it(tmp_path):
    path = zipped(tmp_path / "x.zip", {"images/a/1.png": b"1", "images/b/2.png": b"22", "readme.txt": b"r"})
    seen: list[float] = []
    unpack(path, tmp_path / "root" / "images", inside="images", progress=lambda _, f: seen.append(f))
    files = {p.relative_to(tmp_path / "root").as_posix(): p.read_bytes() for p in (tmp_path / "root").rglob("*.*")}
    assert files == {"images/a/1.png": b"1", "images/b/2.png": b"22"}
    assert seen
    unpack(path, tmp_path / "root" / "images", inside="images")  # another process was quicker: no error


@pytest.mark.parametrize("files", [{"images/1": b"1", "images/../../up": b"2"}, {"other/1": b"1"}])
def test_unpack_leaves_nothing_when_it_refuses(tmp_path, files):
    path = zipped(tmp_path / "x.zip", files)
    with pytest.raises(DataError):
        unpack(path, tmp_path / "root" / "images", inside="images")
    assert not list(tmp_path.rglob("up"))
    assert not (tmp_path / "root" / "images").exists()
    assert not [p for p in tmp_path.rglob("*") if p.name.startswith(".images")]


def test_unpack_of_a_damaged_file_leaves_nothing(tmp_path):
    path = zipped(tmp_path / "x.zip", {"images/1": b"1", "images/2": bytes(range(256)) * 99}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[5000] ^= 255
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="damaged"):
        unpack(path, tmp_path / "root" / "images", inside="images")
    assert list((tmp_path / "root").iterdir()) == []


def test_unpack_on_a_full_disk(tmp_path, monkeypatch):
    path = zipped(tmp_path / "x.zip", {"images/1": b"1"})

    def full(self, *args, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(DataError, match="No space left"):
            unpack(path, tmp_path / "root" / "images", inside="images")
    assert list((tmp_path / "root").iterdir()) == []


@pytest.mark.data
def test_the_published_archive_unpacks(tmp_path, published_small):
    unpack(published_small, tmp_path / "images", inside="images_background_small1")
    assert len(list((tmp_path / "images").glob("*/*/*.png"))) == 2720


@pytest.fixture
def published_small() -> Path:
    from siamese_core.datasets import data_root

    path = data_root() / "omniglot-py" / "images_background_small1.zip"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    return path
