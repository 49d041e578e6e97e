"""A reader's own numbers for the points of a map."""

from __future__ import annotations

import numpy as np
import pytest

from siamese_core import map_columns, map_export_table
from siamese_core.errors import DataError

FOUND = {
    "x": np.zeros(4), "y": np.zeros(4), "labels": np.zeros(4, int), "class_names": np.array(["a"]),
    "indices": np.array([7, 3, 20, 9]), "epoch": np.array(2), "nearest": np.array([1, 0, 0, 0]),
    "embeddings": np.zeros((4, 2)),
}  # fmt: skip


def parsed(text: str, name: str = "mine.csv") -> dict[str, list[float]]:
    return {k: v.tolist() for k, v in map_columns.parsed(text.encode(), name, FOUND).items()}


def test_rows_find_their_points_and_the_rest_stays_empty():
    found = map_columns.parsed(
        b"index,age,who,size\n9,1.5,ann,\n3,2,bob,4e2\n99,7,cy,1\n\n20,,dee,nan\n", "m.csv", FOUND
    )
    assert list(found) == ["age", "size"]
    np.testing.assert_array_equal(found["age"], [np.nan, 2, np.nan, 1.5])
    np.testing.assert_array_equal(found["size"], [np.nan, 400, np.nan, np.nan])


@pytest.mark.parametrize("text", ["index;age\n7;1,5\n3;-2\n", "\ufeffindex\tage\r\n7\t1.5\r\n3\t-2\r\n"])
def test_separators_of_spreadsheets(text):
    np.testing.assert_array_equal(parsed(text)["age"], [1.5, -2, np.nan, np.nan])


def test_a_maps_own_table_with_a_column_more():
    rows = map_export_table.to_csv(FOUND | {"error": np.full(4, 0.5)}, vectors=True).splitlines()
    mine = "\n".join([rows[0] + ",age", *(f"{row},{i}" for i, row in enumerate(rows[1:]))])
    assert parsed(mine) == {"age": [0, 1, 2, 3]}


def test_names_take_no_array_of_the_map_and_are_no_formula():
    assert list(parsed("index,epoch,=SUM(A1),labels\n7,1,2,3\n")) == ["epoch (2)", "'=SUM(A1)", "labels (2)"]


def test_no_more_columns_than_fit():
    head = ",".join(f"c{i}" for i in range(20))
    assert list(parsed(f"index,{head}\n7,{','.join('1' * 20)}\n")) == [f"c{i}" for i in range(map_columns.MOST)]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no rows under its titles"),
        (b"index,age\n", "no rows under its titles"),
        (b"item,age\n7,1\n", "no column called index"),
        (b"index,age\nseven,1\n", "Line 2 of mine.csv has no whole number"),
        (b"index,age\n7,1\n,2\n", "Line 3 of mine.csv has no whole number"),
        (b"index,age\n7,1\n7,2\n", "Line 3 of mine.csv is of item 7"),
        (b"index,age\n99,1\n", "No line of mine.csv is of a point"),
        (b"index,age\n7,old\n", "no column of numbers besides"),
        (b"index,age\n7,inf\n", "no column of numbers besides"),
        (b"index,x\n7,1\n", "no column of numbers besides"),
        (b"\xff\xfei\x00", "not UTF-8"),
        (b'index,age\n7,"' + b"a" * 200_000, "cannot be read as a table"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(data, words):
    with pytest.raises(DataError, match=words) as told:
        map_columns.parsed(data, "mine.csv", FOUND)
    assert "\n" not in str(told.value)


def test_a_table_that_is_too_large_is_not_read(monkeypatch, tmp_path):
    monkeypatch.setattr(map_columns, "MOST_BYTES", 10)
    (tmp_path / "m.csv").write_text("index,age\n7,1\n")
    with pytest.raises(DataError, match="larger than"):
        map_columns.read(tmp_path / "m.csv", FOUND)
    with pytest.raises(DataError, match="larger than"):
        map_columns.parsed(b"index,age\n7,1\n", "m.csv", FOUND)
