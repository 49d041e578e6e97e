"""Tables of pairs as strangers might send them: spoiled, of other programs, endless, with names to harm."""

from __future__ import annotations

import functools

import numpy as np

from tests.fuzz import bad_archives, bad_pictures
from tests.fuzz.bad_records import TABLES
from tests.fuzz.spoil import spoiled

PLACES = tuple(f"{word}/{i}.png" for word in ("sun", "moon", "star") for i in range(3))
HEADER = "image_a,image_b,label\n"
NAMES = (
    "../sun/0.png", "/etc/passwd", "..\\..\\sun\\0.png", "C:\\sun\\0.png", "~/sun/0.png", "SUN/0.PNG", "sun/0", "0.png",
    "sun//0.png", "./sun/0.png", "sun/0.png/", "su\u0308n/0.png", "gone/0.png", "sun/\u202egnp.0", "sun/0.png\0",
    "=1+1", "@sun/0.png", "x" * 4000, "a/" * 1900 + "0.png", "file:///sun/0.png", "https://x/sun/0.png", "*", "sun",
    "-", "\u2028", "nan", " sun/0.png ", "\U0001f600.png", "sun/0.png;moon/0.png",
)  # fmt: skip
LABELS = (
    "0", "1", "", " ", "2", "-1", "nan", "NaN", "inf", "1e0", "1.0", "0.5", "true", "FALSE", "Same", "different", "yes",
    "None", "1" * 4000, "\uff11", "01", "=1", "\0", "\u2028", "same pair",
)  # fmt: skip
HEADERS = (
    "image_a,image_b", "a,b,same", "second,first,label", "image_a;image_b;label", "image_a\timage_b\tlabel",
    "a|b|label", "image_a,label", "image_b,label", "image_a,image_a,image_b", "a,b,label,label", "", "image_a,image_b,",
    '"image_a","image_b","label"', "Image A,IMAGE-B, Label ", "\ufeffimage_a,image_b,label", "sep=;", "label,b,a",
    '"a,b', "a,b,a", "x," * 500 + "a,b", "a,b" + ",x" * 3000, "image_a image_b label", "a b,a,b", "=a,b", "a\0,b",
)  # fmt: skip
ENDS = ("\n", "\r\n", "\r", "\n\n", "\r\r\n", "\u2028", "\x85", "\x0b", "\n ,\n", "\0\n")
CODES = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-7", "cp037")
HEADS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"%PDF-1.7\n", b"{\\rtf1", b"<?xml version='1.0'?>", b"[{")
MEGA = 2**20


@functools.lru_cache(maxsize=60)
def good(variant: int) -> bytes:
    """A sound table of pairs of the PLACES; every variant is another."""
    rng = np.random.default_rng([3, variant])
    return (HEADER + "".join(_row(rng) for _ in range(int(rng.integers(1, 40))))).encode()


@functools.lru_cache(maxsize=30)
def pictures(variant: int) -> bytes:
    """A sound zip of the PLACES."""
    forms = list(bad_pictures.MODES)
    rng = np.random.default_rng([4, variant])
    top = ("", "all/")[variant % 2]
    return bad_archives.packed(
        {top + p: bad_pictures.good(forms[int(rng.integers(7))], int(rng.integers(40))) for p in PLACES}
    )


def _row(rng: np.random.Generator, separator: str = ",", end: str = "\n") -> str:
    a, b = (PLACES[int(i)] for i in rng.integers(len(PLACES), size=2))
    return separator.join([a, b, str(int(rng.integers(2)))]) + end


def mutated(rng: np.random.Generator) -> bytes:
    """A sound table, spoiled anywhere."""
    return spoiled(good(int(rng.integers(30))), rng)


def crafted(rng: np.random.Generator) -> bytes:
    """A table that is another thing than it says, or made to harm."""
    return CRAFTED[int(rng.integers(len(CRAFTED)))](rng)


def _names(rng: np.random.Generator) -> bytes:
    rows = [f"{NAMES[int(i)]},{PLACES[int(j)]},1\n" for i, j in rng.integers(len(PLACES), size=(4, 2))]
    rows += [f'"{NAMES[int(i)]}","{NAMES[int(j)]}",0\n' for i, j in rng.integers(len(NAMES), size=(6, 2))]
    return (HEADER + "".join(rows) + _row(rng)).encode()


def _labels(rng: np.random.Generator) -> bytes:
    rows = [f"sun/0.png,moon/{i % 3}.png,{LABELS[int(i)]}\n" for i in rng.integers(len(LABELS), size=12)]
    return (HEADER + "".join(rows)).encode()


def _headers(rng: np.random.Generator) -> bytes:
    header = HEADERS[int(rng.integers(len(HEADERS)))]
    separator = next((s for s in ";\t|" if s in header), ",")
    return (header + "\n" + "".join(_row(rng, separator) for _ in range(5))).encode("utf-8", "surrogatepass")


def _codes(rng: np.random.Generator) -> bytes:
    text = (HEADER + "s\u00fcn/0.png,moon/0.png,1\n" + "".join(_row(rng) for _ in range(5))).encode(
        CODES[int(rng.integers(len(CODES)))], "replace"
    )
    return text[: len(text) - int(rng.integers(2))]


def _ends(rng: np.random.Generator) -> bytes:
    end = ENDS[int(rng.integers(len(ENDS)))]
    rows = [_row(rng, end=ENDS[int(rng.integers(len(ENDS)))] if rng.random() < 0.3 else end) for _ in range(9)]
    return (HEADER.strip() + end + "".join(rows)).encode()


def _quotes(rng: np.random.Generator) -> bytes:
    rows = ['"sun/0.png,moon/0.png,1\n', 'sun/0.png,"moon/0.png,1\n', '"sun/0.png"x,moon/0.png,1\n', '"""",b,1\n',
            '"sun/0.png","moon/0.png","1"\n', "'sun/0.png',moon/0.png,1\n", '"' * 5001 + "\n", '"sun\n/0.png",b,1\n',
            'sun/0.png,moon/0.png,1"\n']  # fmt: skip
    chosen = [rows[int(i)] for i in rng.integers(len(rows), size=7)]
    return (HEADER + "".join(chosen) + _row(rng)).encode()


def _cells(rng: np.random.Generator) -> bytes:
    rows = [",".join(["sun/0.png"] * int(n)) + "\n" for n in rng.choice([0, 1, 2, 3, 4, 50, 400], size=6)]
    return (HEADER + "".join(rows) + _row(rng)).encode()


def _other(rng: np.random.Generator) -> bytes:
    """No table at all: pictures, zips, spreadsheets, pages."""
    way = int(rng.integers(4))
    if way == 0:
        return bad_pictures.good(list(bad_pictures.MODES)[int(rng.integers(7))], int(rng.integers(40)))
    if way == 1:
        return bad_archives.good(int(rng.integers(30)))
    if way == 2:
        return HEADS[int(rng.integers(len(HEADS)))] + good(0)
    return TABLES[int(rng.integers(len(TABLES)))]


def _nothing(rng: np.random.Generator) -> bytes:
    ends = (b"", b"\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n", HEADER.encode(), HEADER.strip().encode(), b" ",
            b"\0" * 99, HEADER.encode() + b"\n \n,,\n", HEADER.encode() * 3)  # fmt: skip
    return ends[int(rng.integers(len(ends)))]


def _alike(rng: np.random.Generator) -> bytes:
    """The same picture on both sides, or pairs of one kind only."""
    label = int(rng.integers(2))
    if rng.random() < 0.5:
        return (HEADER + "".join(f"{p},{p},{label}\n" for p in PLACES)).encode()
    return (HEADER + "".join(f"{p},sun/0.png,{label}\n" for p in PLACES)).encode()


def flood(way: int) -> bytes:
    """As many bytes as the page takes, for as much work as they can make."""
    part, before = FLOODS[way]
    head = HEADER.encode() + b"sun/0.png,sun/1.png,1\n"
    body = part * (31 * MEGA // len(part))
    return body + b"\n" + head if before else head + body


FLOODS = (
    (b"\n", False), (b"\n", True), (b"\r", False), (b" \n", False), (b"x", False), (b"x", True), (b'"', False),
    (b",", False), (b",", True), (b"a,b\n", False), (b"\0", False), (b"sun/0.png,moon/0.png,1\n", False),
    (b'"a","b",1\n', False), (b"sun/0.png,moon/0.png,9\n", False), (b"\xe2\x80\xa8", False),
)  # fmt: skip
CRAFTED = (
    _names, _names, _names, _labels, _labels, _headers, _headers, _codes, _ends, _ends, _quotes, _quotes, _cells,
    _other, _nothing, _alike,
)  # fmt: skip
