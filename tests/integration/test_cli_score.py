"""The command line: score."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from tests.commands import scribble
from tests.pictures import zipped


@pytest.fixture
def images(tmp_path):
    """Two people with two pictures each."""
    for c, name in enumerate(("anna", "bert")):
        for k in range(2):
            scribble(tmp_path / "images" / name / f"{k}.png", 10 * c + k)
    return tmp_path / "images"


@pytest.fixture
def table(tmp_path):
    """Three good rows, one whose picture is missing, one whose label is none."""
    path = tmp_path / "pairs.csv"
    path.write_text(
        "image_a;image_b;label\nanna/0.png;anna/1.png;1\nanna/0.png;bert/0.png;0\nanna/0.png;anna/0.png;1\n"
        "anna/0.png;carl/0.png;0\nanna/0.png;bert/1.png;maybe\n"
    )
    return path


def test_pairs_of_a_folder_as_csv(tiny_run, cli, cli_json, images, table, tmp_path):
    code, out, err = cli("score", "tiny", "--pairs", table, "--images", images)
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [r["row"] for r in rows] == ["2", "3", "4"]
    assert [r["label"] for r in rows] == ["same", "different", "same"]
    assert rows[2]["note"] == "the same picture on both sides"
    single = cli_json("compare", "tiny", images / "anna/0.png", images / "bert/0.png")
    assert float(rows[1]["distance"]) == pytest.approx(single["distance"], abs=1e-5)
    assert (rows[1]["verdict"] == "same") is single["same"]
    assert [line.split(": ")[1] for line in err.splitlines()[:2]] == ["row 5", "row 6"]
    code, said, _ = cli("score", "tiny", "--pairs", table, "--images", images, "--out", tmp_path / "o.csv")
    assert code == 0
    assert (tmp_path / "o.csv").read_text() == out
    assert said.startswith("Scored 3 pairs of 3 pictures: ")
    assert said.count("\n") == 1


def test_pairs_of_a_zip_as_json(tiny_run, cli_json, images, table, tmp_path):
    inside = {f"top/{p.relative_to(images).as_posix()}": p.read_bytes() for p in images.rglob("*.png")}
    found = cli_json("score", "tiny", "--pairs", table, "--images", zipped(tmp_path / "i.zip", inside))
    assert (found["pairs"], found["pictures"], found["alike"]) == (3, 3, 1)
    assert found["same"] + found["different"] == 3
    assert [b["row"] for b in found["broken"]] == [5, 6]
    assert found["labelled"]["pairs"] == 2
    assert found["labelled"]["alike"] == 1
    rows = [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]
    assert rows[0]["label"] == "same"
    assert rows[0]["probability"] is None
    other = cli_json("score", "tiny", "--pairs", table, "--images", tmp_path / "i.zip", "--label-one", "different",
                     "--out", tmp_path / "o.csv")  # fmt: skip
    assert "rows" not in other
    assert other["labelled"]["accuracy"] == pytest.approx(1 - found["labelled"]["accuracy"])


def test_two_folders(tiny_run, cli_json, images):
    scribble(images / "bert" / "2.png", 5)
    found = cli_json("score", "tiny", "--folders", images / "anna", images / "bert")
    assert [row[1:3] for row in found["rows"]] == [[f"anna/{k}.png", f"bert/{k}.png"] for k in range(2)]
    assert found["labelled"] is None
    assert found["broken"] == [{"row": 3, "why": "'2' is in bert alone."}]


def test_a_run_without_a_threshold_gives_distances_alone(tiny_run, cli_json, images, table):
    (tiny_run / "card.json").unlink()
    found = cli_json("score", "tiny", "--pairs", table, "--images", images)
    assert found["labelled"] is None
    assert {row[4] for row in found["rows"]} == {None}
    assert "no threshold" in found["text"]


def test_what_cannot_be_scored_is_refused(tiny_run, refused, images, table, tmp_path):
    pairs = ["--pairs", table]
    assert "Give either" in refused("score", "tiny")
    assert "Give either" in refused("score", "tiny", *pairs)
    assert "Give either" in refused("score", "tiny", *pairs, "--images", images, "--folders", images, images)
    assert "no folder or zip" in refused("score", "tiny", *pairs, "--images", tmp_path / "none")
    assert "not a zip" in refused("score", "tiny", *pairs, "--images", table)
    assert "not there" in refused("score", "tiny", "--pairs", tmp_path / "none.csv", "--images", images)
    assert "no run" in refused("score", "tinny", *pairs, "--images", images)
    assert "cannot be written" in refused("score", "tiny", *pairs, "--images", images, "--out", tmp_path)
    (tmp_path / "empty").mkdir()
    said = refused("score", "tiny", *pairs, "--images", tmp_path / "empty")
    assert "None of the 5 rows can be scored; row 2: There is no picture" in said
    assert "no pictures" in refused("score", "tiny", "--folders", images, tmp_path / "empty")
    table.write_text("image_a,label\nx,1\n")
    assert "image_b" in refused("score", "tiny", *pairs, "--images", images)


def test_what_is_read_is_never_written_over(tiny_run, refused, images, table, tmp_path):
    before = table.read_text()
    assert "write over" in refused("score", "tiny", "--pairs", table, "--images", images, "--out", table)
    (tmp_path / "other.csv").symlink_to(table)
    assert "write over" in refused(
        "score", "tiny", "--pairs", table, "--images", images, "--out", tmp_path / "other.csv"
    )
    assert table.read_text() == before


def test_a_pair_whose_distance_is_no_number_has_no_verdict(tiny_run, refused, images, table, monkeypatch):
    from siamese_core.trained import Trained

    monkeypatch.setattr(Trained, "distances", lambda self, a, b: np.full(len(a), np.nan, np.float32))
    assert "not a finite number" in refused("compare", "tiny", images / "anna/0.png", images / "bert/0.png")
    assert "not a finite number" in refused("score", "tiny", "--pairs", table, "--images", images)


def test_json_says_where_broken_rows_are_and_stderr_too(tiny_run, cli, images, table):
    code, out, err = cli("score", "tiny", "--pairs", table, "--images", images, "--json")
    assert code == 0
    assert len(json.loads(out)["broken"]) == len(err.splitlines()) == 2
