"""Tables of pairs: what is read, which rows are broken, and what is refused as a whole."""

from __future__ import annotations

import io
import os
import tracemalloc

import pytest

from siamese_core import pair_csv
from siamese_core.errors import DataError
from siamese_core.pair_csv import read_pairs
from siamese_core.pair_tables import MAX_BROKEN
from tests.pictures import cross, encoded


def table(data: str | bytes, **more):
    file = io.BytesIO(data.encode() if isinstance(data, str) else data)
    file.name = "given/pairs.csv"
    return read_pairs(file, **more)


def pairs(found) -> list[tuple[int, str, str, int]]:
    """(row, first, second, same) of each pair."""
    columns = zip(found.rows, found.first, found.second, found.same, strict=True)
    return [(int(r), found.names[a], found.names[b], int(s)) for r, a, b, s in columns]


def refused(data: str | bytes, **more) -> str:
    with pytest.raises(DataError) as caught:
        table(data, **more)
    said = str(caught.value)
    assert "\n" not in said
    assert said.endswith(".")
    return said


PLAIN = "image_a,image_b,label\nx/1.png,x/2.png,1\nx/1.png,y/1.png,0\n"
EXPECTED = [(2, "x/1.png", "x/2.png", 1), (3, "x/1.png", "y/1.png", 0)]
SPELLINGS = {
    "plain": PLAIN,
    "semicolons": PLAIN.replace(",", ";"),
    "tabs": PLAIN.replace(",", "\t"),
    "windows": PLAIN.replace("\n", "\r\n"),
    "old mac": PLAIN.replace("\n", "\r"),
    "byte order mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "short names": PLAIN.replace("image_a,image_b,label", "a,b,same"),
    "first, second": PLAIN.replace("image_a,image_b,label", "first,second,label"),
    "as people write": PLAIN.replace("image_a,image_b,label", " Image A , IMAGE-B , Label "),
    "two marks": b"\xef\xbb\xbf" * 2 + PLAIN.encode(),
    "quotes": 'image_a,"image_b",label\n"x/1.png",x/2.png,"1"\nx/1.png,"y/1.png",0\n',
    "backslashes": PLAIN.replace("/", "\\"),
    "true and false": PLAIN.replace(",1\n", ",True\n").replace(",0\n", ",FALSE\n"),
    "same and different": PLAIN.replace(",1\n", ",Same\n").replace(",0\n", ",different\n"),
    "pandas": PLAIN.replace(",1\n", ",1.0\n").replace(",0\n", ",0.0\n"),
    "no last line end": PLAIN.rstrip("\n"),
    "empty cells behind": PLAIN.replace("\n", ",,\n"),
}


@pytest.mark.parametrize("data", list(SPELLINGS.values()), ids=list(SPELLINGS))
def test_one_table_in_many_spellings(data):
    found = table(data)
    assert pairs(found) == EXPECTED
    assert found.broken_count == 0


def test_columns_in_another_order_and_others_between():
    found = table("label,when,image_b,image_a\n1,now,p.png,q.png\n")
    assert pairs(found) == [(2, "q.png", "p.png", 1)]


def test_names_may_hold_the_separator_and_quotes():
    found = table('a,b\n"one, two.png","a ""b"".png"\n')
    assert pairs(found) == [(2, "one, two.png", 'a "b".png', -1)]


def test_rows_are_numbered_as_in_the_file():
    found = table("sep=;\n\na;b;label\n\np;q;1\n\n\np;r;\n")
    assert pairs(found) == [(5, "p", "q", 1), (8, "p", "r", -1)]


def test_a_label_one_may_mean_different():
    assert [s for *_, s in pairs(table(PLAIN, label_one="different"))] == [0, 1]
    assert [s for *_, s in pairs(table(SPELLINGS["same and different"], label_one="different"))] == [1, 0]
    assert "'same'" in refused(SPELLINGS["short names"], label_one="different")
    assert "1 means" in refused(PLAIN, label_one="forgery")


BROKEN = {
    "p.png,q.png,2": "'2' is neither 0 nor 1",
    "p.png,q.png,nan": "'nan' is neither",
    "p.png,q.png,-1": "'-1' is neither",
    "p.png,,1": "second picture is missing",
    " ,q.png,1": "first picture is missing",
    "p.png": "1 of 3 cells",
    "p.png;q.png;1": "another one here",
    "p.png,q.png,1,more": "4 cells",
    '"p.png,q.png,1': "not closed",
    '"p"x,q.png,1': "not closed",
    "p" * 5000 + ",q.png,1": "longer than 4,096",
}


@pytest.mark.parametrize(("line", "why"), list(BROKEN.items()), ids=[line[:20] for line in BROKEN])
def test_a_broken_row_is_told_and_the_rest_is_read(line, why):
    found = table(f"image_a,image_b,label\nx/1.png,x/2.png,1\n{line}\nx/1.png,y/1.png,0\n")
    assert pairs(found) == [EXPECTED[0], (4, *EXPECTED[1][1:])]
    assert [(b.row, found.broken_count) for b in found.broken] == [(3, 1)]
    assert why in found.broken[0].why
    assert found.broken[0].why.endswith((".", "?"))


REFUSED = {
    "empty": ("", "is empty"),
    "only a header": ("image_a,image_b,label\n", "no pairs below"),
    "only a header and blanks": ("image_a,image_b\n\n \n", "no pairs below"),
    "no header": ("x.png,y.png,1\n", "must name its columns"),
    "one column missing": ("image_a,label\nx,1\n", "none called 'image_b'"),
    "the other missing": ("second;label\nx;1\n", "none called 'first'"),
    "another separator": ("image_a|image_b|label\nx|y|1\n", "commas, semicolons or tabs"),
    "a column twice": ("a,b,label,label\nx,y,1,0\n", "two columns called 'label'"),
    "utf-16": ("a,b\nx,y\n".encode("utf-16"), "UTF-16"),
    "utf-16 without a mark": ("a,b\nx,y\n".encode("utf-16-le"), "UTF-16"),
    "utf-16 without a mark, other end": ("a,b\nx,y\n".encode("utf-16-be"), "UTF-16"),
    "a picture": (encoded(cross()), "is a picture"),
    "a JPEG": (encoded(cross(), "JPEG"), "is a picture"),
    "an old spreadsheet": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(40), "spreadsheet"),
    "only a mark": (b"\xef\xbb\xbf\r\n\r\n", "is empty"),
    "latin-1": ("a,b\nmüll,y\n".encode("latin-1"), "not UTF-8"),
    "a spreadsheet": (b"PK\x03\x04" + bytes(40), "spreadsheet"),
    "zeros": (bytes(50), "no table of pairs"),
    "one endless line": (b"a" * 100_000, "no table of pairs"),
}


@pytest.mark.parametrize(("data", "why"), list(REFUSED.values()), ids=list(REFUSED))
def test_what_is_no_table_is_one_sentence(data, why):
    said = refused(data)
    assert why in said
    assert "pairs.csv" in said
    assert "given" not in said


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(DataError, match="not there"):
        read_pairs(tmp_path / "none.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_pairs(tmp_path)
    (tmp_path / "p.csv").write_text(PLAIN)
    assert pairs(read_pairs(tmp_path / "p.csv")) == EXPECTED


@pytest.mark.parametrize("name", ["BMI", "GIF89a", "P5"])
def test_a_column_that_begins_as_a_picture_does(name):
    assert pairs(table(f"{name}\ta\tb\n1\tx\ty\n")) == [(2, "x", "y", -1)]


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "p.csv")
    with pytest.raises(DataError, match="is no file"):
        read_pairs(tmp_path / "p.csv")


def test_too_many_rows_are_refused_before_they_are_read(monkeypatch):
    class Endless(io.RawIOBase):
        """Ten million rows that nobody wrote down; how much of them was asked for."""

        name, read_bytes, size = "endless.csv", 0, 40_000_000

        def readable(self):
            return True

        def seekable(self):
            return True

        def seek(self, to, whence=0):
            self.read_bytes = self.size if whence == 2 else to
            return self.read_bytes

        def tell(self):
            return self.read_bytes

        def readinto(self, into):
            whole = b"a,b\n" * (len(into) // 4)
            into[: len(whole)] = whole
            self.read_bytes += len(whole)
            return len(whole)

    file = io.BufferedReader(Endless())
    tracemalloc.start()
    with pytest.raises(DataError, match="more than the 20,000 rows allowed"):
        read_pairs(file, max_rows=20_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert file.raw.read_bytes < 200_000
    assert peak < 4 * 2**20
    monkeypatch.setattr(pair_csv, "MAX_BYTES", 2**20)
    with pytest.raises(DataError, match="38 MB, more than the 1 MB allowed"):
        read_pairs(file)


def test_of_many_broken_rows_all_are_counted_and_some_are_kept():
    found = table("a,b\n" + "x\n" * (MAX_BROKEN + 500) + "x,y\n")
    assert found.broken_count == MAX_BROKEN + 500
    assert len(found.broken) == MAX_BROKEN
    assert len(found) == 1


def test_the_sample_can_be_read():
    assert [s for *_, s in pairs(table(pair_csv.SAMPLE))] == [1, 0, 1]
