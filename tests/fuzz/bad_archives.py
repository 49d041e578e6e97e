"""Zip files as strangers might send them: spoiled, lying, packed against the reader, with names to harm."""

from __future__ import annotations

import functools
import io
import stat
import struct
import warnings
import zipfile

import numpy as np

from tests.fuzz import bad_pictures
from tests.fuzz.spoil import EDGES, spoiled

NAMES = (
    "../up.png", "a/../../up.png", "/etc/cron.d/x.png", "C:\\x.png", "..\\..\\x.png", "a/./b.png", "a//b.png", ".",
    "~/.bashrc", "a/\u202egnp.exe", "\u00e9\u0301/\U0001f600.png", "a/" + "n" * 300 + ".png", "a/" * 200 + "x.png",
    "CON/1.png", "a/x.png/y.png", "", "./a.png", "a/", " /x.png", "a/x.png\n", "a/\x1b[31m.png", "a/x.png.", "a/..",
    "\\\\host\\x.png", "a:b/c.png", ".hidden/x.png", "__MACOSX/x.png", "a/x.zip", "a/*?.png", "a/x\0.png", "a/b.csv",
)  # fmt: skip


@functools.lru_cache(maxsize=60)
def good(variant: int) -> bytes:
    """A sound zip of class folders; every variant is another."""
    rng = np.random.default_rng([2, variant])
    forms = list(bad_pictures.MODES)
    files = {
        f"{'all/' if variant % 2 else ''}{word}/{i}.png": bad_pictures.good(
            forms[int(rng.integers(7))], int(rng.integers(40))
        )
        for word in ("sun", "moon", "star")
        for i in range(int(rng.integers(1, 4)))
    }
    return packed(files, zipfile.ZIP_STORED if variant % 3 == 0 else zipfile.ZIP_DEFLATED)


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, link: str = "") -> bytes:
    """A zip of these files; the one called `link` is marked as a link."""
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", method) as z:
        warnings.simplefilter("ignore")
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type, info.create_system = method, 3
            info.external_attr = (stat.S_IFLNK if name == link else stat.S_IFREG | 0o644) << 16
            z.writestr(info, data, compresslevel=1)
    return out.getvalue()


def mutated(rng: np.random.Generator) -> bytes:
    """A sound zip, spoiled anywhere, or in its directory alone."""
    data = good(int(rng.integers(30)))
    if rng.random() < 0.5:
        return spoiled(data, rng)
    at = data.index(b"PK\x01\x02")
    return data[:at] + spoiled(data[at:], rng)


def crafted(rng: np.random.Generator) -> bytes:
    """A zip that is made to harm."""
    return CRAFTED[int(rng.integers(len(CRAFTED)))](rng)


def _lying(rng: np.random.Generator) -> bytes:
    """Numbers of the directory that are not true: sizes, offsets, counts, flags, methods."""
    data = bytearray(good(int(rng.integers(30))))
    fields = {8: "<H", 10: "<H", 20: "<I", 24: "<I", 28: "<H", 30: "<H", 32: "<H", 38: "<I", 42: "<I"}
    places = [i for i in range(len(data) - 46) if data[i : i + 4] == b"PK\x01\x02"]
    for _ in range(int(rng.integers(1, 4))):
        offset = int(rng.choice(list(fields)))
        value = EDGES[int(rng.integers(len(EDGES)))] % 256 ** struct.calcsize(fields[offset])
        struct.pack_into(fields[offset], data, int(rng.choice(places)) + offset, value)
    if rng.random() < 0.3:
        struct.pack_into("<I", data, len(data) - int(rng.choice([10, 6])), EDGES[int(rng.integers(len(EDGES)))])
    return bytes(data)


def _names(rng: np.random.Generator) -> bytes:
    picture = bad_pictures.good("PNG", int(rng.integers(20)))
    chosen = [NAMES[int(i)] for i in rng.choice(len(NAMES), int(rng.integers(1, 4)), replace=False)]
    return packed({"a/1.png": picture} | dict.fromkeys(chosen, picture))


def _links(rng: np.random.Generator) -> bytes:
    return packed({"a/1.png": b"/etc/passwd", "a/2.png": bad_pictures.good("PNG", 1)}, link="a/1.png")


def _twice(rng: np.random.Generator) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as z:
        warnings.simplefilter("ignore")
        for i in range(2):
            z.writestr("a/1.png", bad_pictures.good("PNG", i))
    return out.getvalue()


def _nested(rng: np.random.Generator) -> bytes:
    inner = good(int(rng.integers(30)))
    for _ in range(int(rng.integers(1, 6))):
        inner = packed({("a/b.zip", "a/b.png", "a/b")[int(rng.integers(3))]: inner}, zipfile.ZIP_STORED)
    return inner


def _bomb(rng: np.random.Generator) -> bytes:
    """Much out of little; bzip2 and LZMA give all of it at once, whatever size was declared."""
    method = int(rng.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
    data = bytearray(_zeros(method))
    if rng.random() < 0.5:
        struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, int(rng.choice([10, 100_000])))
    return bytes(data)


@functools.lru_cache(maxsize=4)
def _zeros(method: int) -> bytes:
    return packed({"a/1.png": bytes(2**25)}, method)


def _many(rng: np.random.Generator) -> bytes:
    """A hundred thousand entries, most of them lies."""
    return _entries(int(rng.choice([1_500, 20_001, 100_000])))


@functools.lru_cache(maxsize=3)
def _entries(count: int) -> bytes:
    rows = b"".join(
        b"PK\x01\x02" + bytes(24) + struct.pack("<H", 12) + bytes(16) + b"a/%06d.png" % i for i in range(count)
    )
    size = len(rows)
    rows += b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, size, 0)
    rows += b"PK\x06\x07" + struct.pack("<IQI", 0, size, 1)
    return rows + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 65535, 65535, 0xFFFFFFFF, 0xFFFFFFFF, 0)


def _overlapping(rng: np.random.Generator) -> bytes:
    """One piece of data that many entries point to, each under a name of its own."""
    body = packed({"a/0.png": bytes(2**20)})
    at, end = body.index(b"PK\x01\x02"), body.index(b"PK\x05\x06")
    count = int(rng.integers(2, 500))
    rows = b"".join(body[at:end].replace(b"a/0.png", b"a/%s.png" % bytes([65 + i % 26])) for i in range(count))
    tail = struct.pack("<HHHHIIH", 0, 0, count, count, len(rows), at, 0)
    return body[:at] + rows + b"PK\x05\x06" + tail


def _heavy(rng: np.random.Generator) -> bytes:
    """Pictures that are few enough and small when packed, and together more than anyone should hold in memory."""
    return _filled(int(rng.choice([40, 260])))


@functools.lru_cache(maxsize=2)
def _filled(count: int) -> bytes:
    body = np.random.default_rng(0).bytes(12_000) + bytes(1_500_000)
    return packed({f"c{i}/x.png": body for i in range(count)})


def _spoiled_pictures(rng: np.random.Generator) -> bytes:
    """A sound zip of pictures of which some are not."""
    forms = list(bad_pictures.MODES)
    files = {f"{c}/{i}.png": bad_pictures.mutated(forms[int(rng.integers(7))], rng) for c in "ab" for i in range(2)}
    return packed(files)


def _empty_classes(rng: np.random.Generator) -> bytes:
    files = {"a/": b"", "b/": b"", "c/note.txt": b"x", "d/rows.csv": b"1,2\nnan,inf\n"}
    return packed(dict(list(files.items())[: int(rng.integers(0, 5))]))


CRAFTED = (
    _lying, _lying, _lying, _names, _names, _links, _twice, _nested, _bomb, _many, _heavy, _overlapping,
    _spoiled_pictures, _spoiled_pictures, _empty_classes,
)  # fmt: skip
