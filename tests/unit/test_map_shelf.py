"""Which finished maps may stand beside another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from siamese_core import map_shelf
from siamese_core.files import read_json, write_json

ASKED = {"run": "/runs/one", "data": "digits", "part": None, "content": "", "data_root": None, "method": "tsne",
         "perplexity": None, "seed": 0, "max_points": 300, "weights": "w"}  # fmt: skip


@pytest.fixture
def shelf(tmp_path):
    def put(name: str, state: str = "finished", **changes: Any) -> Path:
        job = tmp_path / name
        job.mkdir()
        write_json(job / "request.json", ASKED | changes)
        write_json(job / "status.json", {"state": state})
        (job / "points.npz").touch()
        return job

    return put


def words(job: Path) -> set[str]:
    return {s.words for s in map_shelf.beside(job)}


def test_maps_of_the_same_data_are_told_by_what_differs(shelf):
    job = shelf("a")
    shelf("b", perplexity=10.0)
    shelf("c", method="pca")
    shelf("d", run="/runs/two", max_points=1000)
    shelf("e", weights="v")
    assert words(job) == {"t-SNE, perplexity 10", "PCA", "t-SNE, at most 1,000 points, run two",
                          "t-SNE, other weights of the same run"}  # fmt: skip


def test_others_are_left_out(shelf):
    job = shelf("a")
    shelf("b", data="glyphs")
    shelf("c", content="changed")
    shelf("d", state="failed", seed=1)
    shelf("e", state="stopped", seed=2)
    (shelf("f", seed=3) / "points.npz").unlink()
    (shelf("g", seed=4) / "request.json").write_text("{not json")
    (shelf("h", seed=5) / "request.json").write_text("[]")
    (job.parent / "a-file").touch()
    assert words(job) == set()
    (job / "request.json").unlink()
    assert map_shelf.beside(job) == []


def test_own_classes_are_the_same_only_where_the_split_is(shelf, tmp_path, finished_run):
    manifest = read_json(finished_run / "config.json")
    for name, test in (("one", ["8", "9"]), ("two", ["8", "9"]), ("three", ["9", "8"])):
        (tmp_path / "runs" / name).mkdir(parents=True)
        split = manifest["split"] | {"test": test}
        write_json(tmp_path / "runs" / name / "config.json", manifest | {"split": split})
    own = {"data": None, "part": "test", "content": "d"}
    job = shelf("a", run=str(tmp_path / "runs" / "one"), **own)
    shelf("b", run=str(tmp_path / "runs" / "two"), **own)
    shelf("c", run=str(tmp_path / "runs" / "three"), **own)
    shelf("d", run=str(tmp_path / "runs" / "gone"), **own)
    assert words(job) == {"t-SNE, run two"}


def test_equal_words_are_numbered(shelf):
    job = shelf("a")
    shelf("b", version="1")
    shelf("c", version="2")
    assert words(job) == {"t-SNE", "t-SNE (2)"}


def test_both_titles_say_what_differs(shelf):
    assert map_shelf.titles(shelf("a"), shelf("b", perplexity=5.0)) == (
        "t-SNE, perplexity automatic",
        "t-SNE, perplexity 5",
    )


def test_maps_share_items_of_the_same_class_only():
    a = {"indices": np.array([1, 3, 5]), "labels": np.array([0, 1, 1]), "class_names": np.array(["x", "y"])}
    b = {"indices": np.array([5, 1, 9]), "labels": np.array([1, 0, 0]), "class_names": np.array(["x", "y"])}
    assert map_shelf.shared(a, b) == 2
    assert map_shelf.shared(a, b | {"labels": np.array([0, 0, 0])}) == 0
    assert map_shelf.shared(a, b | {"indices": np.array([7, 8, 9])}) == 0
