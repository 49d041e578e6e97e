"""Points taken out of a map: a table, and a zip that One-shot and training read."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pages.parts import uploads
from siamese_core import datasets, map_selection
from siamese_core.datasets.archives import SafeZip
from siamese_core.errors import DataError
from siamese_core.modalities.image import decode

NAMES = ["zoo/sun", "zoo/moon", "sky/sun"]


def made(names: list[str] = NAMES, per_class: int = 4, **more: np.ndarray) -> dict[str, np.ndarray]:
    count = per_class * len(names)
    rng = np.random.default_rng(0)
    return {
        "x": rng.normal(size=count),
        "y": rng.normal(size=count),
        "labels": np.arange(count) % len(names),
        "class_names": np.array(names),
        "indices": 100 + np.arange(count),
        "pixels": rng.integers(0, 256, (count, 1, 8, 8)).astype(np.uint8),
        **more,
    }


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_counts_are_of_the_selection_and_of_the_map():
    found = made()
    assert map_selection.counts(found, np.array([1, 4, 7, 0])) == [("zoo/moon", 3, 4), ("zoo/sun", 1, 4)]
    assert map_selection.counts(found, np.empty(0, int)) == []


def test_a_table_holds_all_that_is_known_of_each_point():
    more = {"groups": np.array([0, 0, 1] * 4), "group_names": np.array(["zoo", "sky"]), "error": np.linspace(0, 1, 12),
            "split": np.array([0, 2, 3] * 4)}  # fmt: skip
    found = made(**more, nearest=np.roll(np.arange(12), 1))
    rows = table(map_selection.to_csv(found, np.array([3, 5])))
    assert list(rows[0]) == ["index", "item", "label", "group", "split", "x", "y", "error", "nearest_index"]
    assert [r["index"] for r in rows] == ["103", "105"]
    assert [r["nearest_index"] for r in rows] == ["102", "104"]  # into the data, not the place on this map
    assert [r["item"] for r in rows] == ["zoo/sun #2", "sky/sun #2"]
    assert [(r["label"], r["group"], r["split"]) for r in rows] == [
        ("zoo/sun", "zoo", "train"),
        ("sky/sun", "sky", "none"),
    ]
    assert float(rows[1]["x"]) == pytest.approx(found["x"][5], rel=1e-5)
    assert float(rows[0]["error"]) == pytest.approx(3 / 11, rel=1e-5)


def test_a_table_leaves_what_was_not_measured_empty():
    found = made(error=np.array([np.nan, 0.5] * 6), group_names=np.array([], dtype=str), groups=np.full(12, -1),
                 centre=np.arange(12.0), seconds=np.array(1.5))  # fmt: skip
    rows = table(map_selection.to_csv(found, np.arange(2)))
    assert [r["error"] for r in rows] == ["", "0.5"]
    assert list(rows[0]) == ["index", "item", "label", "x", "y", "error"]


def test_no_name_is_a_formula_in_a_spreadsheet():
    rows = table(map_selection.to_csv(made(["=1+1", "b"]), np.arange(2)))
    assert rows[0]["label"] == "'=1+1"
    assert rows[0]["item"] == "'=1+1 #1"


def test_a_zip_is_a_support_set_for_one_shot():
    found = made()
    data = map_selection.to_zip(found, np.array([0, 1, 3, 4, 5]), ink=True)
    classes = uploads.classes_of("selection.zip", data, 20)
    assert {name: len(files) for name, files in classes.items()} == {"zoo/sun": 2, "moon": 2, "sky/sun": 1}
    for i, (name, picture) in zip((1, 4), classes["moon"], strict=True):
        assert name == f"{100 + i}.png"
        np.testing.assert_array_equal(np.asarray(decode(picture, name)), 255 - found["pixels"][i, 0])


def test_a_zip_is_a_data_set_for_training(tmp_path):
    found = made(["a", "b"], pixels=np.random.default_rng(0).integers(0, 256, (8, 3, 8, 8)).astype(np.uint8))
    path = tmp_path / "selection.zip"
    path.write_bytes(map_selection.to_zip(found, np.arange(8), ink=False))
    assert datasets.load(str(path)).counts.tolist() == [4, 4]


BAD_NAMES = ["../../etc", "a\\b", "con", "x\n\ty", " . ", "", "/", "__MACOSX/a", ".hidden", "c:*?", "A", "a", "é" * 300]


def test_whatever_classes_are_called_the_zip_can_be_unpacked(tmp_path):
    data = map_selection.to_zip(made(BAD_NAMES), np.arange(4 * len(BAD_NAMES)), ink=False)
    path = tmp_path / "s.zip"
    path.write_bytes(data)
    with SafeZip(path) as archive:
        assert len(archive.names) == 4 * len(BAD_NAMES)  # none is refused, hidden, or outside
    folders = {str(Path(n).parent) for n in zipfile.ZipFile(path).namelist()}
    assert len({f.lower() for f in folders}) == len(BAD_NAMES)
    assert all(len(part) <= 110 for f in folders for part in f.split("/"))
    zipfile.ZipFile(path).extractall(tmp_path / "out")


def test_what_cannot_be_saved_is_told(monkeypatch):
    found = made()
    with pytest.raises(DataError, match="no pictures"):
        map_selection.to_zip({k: v for k, v in found.items() if k != "pixels"}, np.arange(2), True)
    with pytest.raises(DataError, match="no pictures"):
        map_selection.to_zip(found, np.empty(0, int), True)
    monkeypatch.setattr(map_selection, "MOST_PICTURES", 3)
    with pytest.raises(DataError, match="4 pictures are more than the 3"):
        map_selection.to_zip(found, np.arange(4), True)
