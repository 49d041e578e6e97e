"""What must hold for any table of pairs: it is read, or one sentence says why not; every row is accounted for."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siamese_core import pair_csv
from siamese_core.datasets.folder import Source
from siamese_core.datasets.picture_files import PictureFiles, found_by_name
from siamese_core.errors import SiameseError
from siamese_core.pair_csv import read_pairs

cells = st.sampled_from(
    ['"', '""', ",", ";", "\t", "\r", "\n", "\r\n", "\0", "a.png", "b/c.png", "..", "1", "nan", "é"]
)
heads = st.sampled_from(
    ["", "a,b\n", "image_a;image_b;label\r\n", "first\tsecond\tsame\n", "\ufeffa,b,label\n", "sep=,\n"]
)
texts = st.builds(lambda head, body: head + "".join(body), heads, st.lists(cells | st.text(max_size=8), max_size=40))


def check(data: bytes) -> None:
    said = ""
    try:
        found = read_pairs(io.BytesIO(data))
    except SiameseError as error:
        said = str(error)
    assert "\n" not in said
    assert len(said) < 400
    if said:
        return
    assert found.broken_count == len(found.broken)
    rows = [*found.rows.tolist(), *(b.row for b in found.broken)]
    assert len(set(rows)) == len(rows)
    assert set(found.same.tolist()) <= {-1, 0, 1}
    assert all(b.why.isprintable() for b in found.broken)
    assert all(name == name.strip() for name in found.names)


@given(texts, st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]))
@settings(max_examples=400)
def test_any_text_is_a_table_or_one_sentence(text, encoding):
    check(text.encode(encoding, "surrogatepass"))


@given(st.binary(max_size=200), st.sampled_from([b"", b"a,b\n", b"PK\x03\x04", b"\xff\xfe", b"\xef\xbb\xbf"]))
def test_any_bytes_are_a_table_or_one_sentence(data, head):
    check(head + data)


@given(texts)
@settings(max_examples=300)
def test_whole_blocks_are_read_as_single_lines_are(text):
    def read() -> tuple:
        try:
            t = read_pairs(io.BytesIO(text.encode("utf-8", "surrogatepass")))
        except SiameseError as error:
            return (str(error),)
        return t.names, t.first.tolist(), t.second.tolist(), t.same.tolist(), t.rows.tolist(), t.broken

    quick = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_csv._Reader, "quickly", lambda self, start, lines: False)
        assert read() == quick
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_csv, "_BLOCK", 7)
        assert read() == quick


paths = st.lists(st.sampled_from(["a", "b", "1.png", "2.png", "é", ".."]), min_size=1, max_size=4).map("/".join)


@given(st.lists(paths, max_size=6, unique=True), st.lists(paths, max_size=6, unique=True))
def test_a_file_that_is_found_shares_the_end_of_the_name(wanted, names):
    files = PictureFiles("here", tuple(Source(n, lambda limit: b"") for n in names))
    places = found_by_name(wanted, files)
    for name, place in zip(wanted, places, strict=True):
        if isinstance(place, int):
            assert name == names[place] or name.endswith("/" + names[place]) or names[place].endswith("/" + name)
            if name in names:
                assert names[place] == name
        else:
            assert name not in names
