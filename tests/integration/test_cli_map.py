"""The command line and the jobs behind it: map."""

from __future__ import annotations

import csv
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from siamese_core import map_jobs
from siamese_core.files import write_json
from siamese_core.runs import Run
from tests.commands import scribble


class Marks(HTMLParser):
    """Counts what is drawn on a map's page."""

    def __init__(self):
        super().__init__()
        self.tags = []
        self.outside = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.outside += [v for k, v in attrs if k in ("src", "href") and v]


def test_map_as_a_table_and_as_a_page(tiny_run, cli_json, cli, tmp_path):
    table, page = tmp_path / "map.csv", tmp_path / "map.html"
    found = cli_json("map", "tiny", "--max-points", "60", "--out", table)
    assert found["points"] == 60
    with table.open() as f:
        rows = list(csv.DictReader(f))
    assert list(rows[0]) == ["index", "item", "label", "x", "y"]
    assert len(rows) == 60
    assert {r["label"] for r in rows} == {"8", "9"}
    assert np.isfinite([[float(r["x"]), float(r["y"])] for r in rows]).all()

    began = (Path(found["job"]) / "points.npz").stat().st_mtime_ns
    code, out, _ = cli("map", "tiny", "--max-points", "60", "--out", page)
    assert (code, out) == (0, f"{page}: 60 points of 2 classes.\n")
    assert (Path(found["job"]) / "points.npz").stat().st_mtime_ns == began  # made once
    marks = Marks()
    marks.feed(page.read_text())
    assert marks.tags.count("circle") == 60 + 2  # the legend has one a class
    assert marks.tags.count("title") == 60 + 1
    assert not marks.outside
    assert "script" not in marks.tags

    job = map_jobs.result(Path(found["job"]))
    assert job["embeddings"].shape == (60, 16)
    assert job["pixels"].shape == (60, 1, 12, 12)
    assert job["class_names"].tolist() == ["8", "9"]


@pytest.mark.slow
def test_map_with_few_points_says_what_it_did(tiny_run, cli, tmp_path):
    code, _, err = cli("map", "tiny", "--max-points", "4", "--out", tmp_path / "m.csv")
    assert code == 0
    assert "shown by PCA" in err


def test_a_map_that_fails_says_why(tiny_run, refused, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "no folder of class folders" in refused(
        "map", "tiny", "--data", tmp_path / "empty", "--out", tmp_path / "m.csv"
    )


def test_map_refuses_before_it_starts(tiny_run, refused, tmp_path):
    out = tmp_path / "m.csv"
    assert ".csv or .html" in refused("map", "tiny", "--out", tmp_path / "m.png")
    assert "no folder" in refused("map", "tiny", "--out", tmp_path / "deep" / "m.csv")
    assert "umap" in refused("map", "tiny", "--method", "umap", "--out", out)
    assert "above 0" in refused("map", "tiny", "--perplexity", "0", "--out", out)
    assert "at least 1 point" in refused("map", "tiny", "--max-points", "0", "--out", out)
    assert not (tiny_run.parent / ".maps").exists()


@pytest.mark.slow
def test_a_map_can_be_stopped_and_its_death_is_noticed(tiny_run, tmp_path):
    job = map_jobs.start(Run(tiny_run), "digits", perplexity=60, max_points=1797)
    assert map_jobs.status(job).active
    map_jobs.stop(job)
    while map_jobs.status(job).active:
        time.sleep(0.05)
    assert map_jobs.status(job).state == "stopped"
    with pytest.raises(Exception, match="not finished"):
        map_jobs.result(job)
    write_json(job / "status.json", {"state": "running", "pid": 2**22 + 5, "started": 1.0})
    assert map_jobs.status(job).state == "stalled"
    assert map_jobs.status(tmp_path / "nowhere").state == "stalled"


@pytest.mark.parametrize(
    ("raw", "alive", "expected"),
    [
        ({}, True, "stalled"),
        ({"state": "queued", "heartbeat": 1000.0}, False, "queued"),
        ({"state": "queued", "heartbeat": 900.0}, False, "stalled"),
        ({"state": "running", "pid": 7, "heartbeat": 1000.0}, True, "running"),
        ({"state": "running", "pid": 7, "heartbeat": 1000.0}, False, "stalled"),
        ({"state": "running", "pid": 7, "heartbeat": 0.0}, True, "running"),
        ({"state": "finished"}, False, "finished"),
        ({"state": "failed"}, True, "failed"),
        ({"state": "stopped"}, False, "stopped"),
    ],
)
def test_the_states_of_a_map(raw, alive, expected):
    assert map_jobs.classify(raw, 1001.0, alive) == expected


def test_a_map_is_made_anew_when_anything_it_depends_on_changes(tiny_run, support, monkeypatch):
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: None)
    run = Run(tiny_run)
    first = map_jobs.start(run, str(support))
    assert map_jobs.start(run, str(support)) == first
    jobs = {first, map_jobs.start(run), map_jobs.start(run, str(support), seed=1), map_jobs.start(run, part="train")}
    scribble(support / "loop" / "new.png", 77)
    jobs.add(map_jobs.start(run, str(support)))
    last = tiny_run / "last.safetensors"
    (tiny_run / "best.safetensors").write_bytes(last.read_bytes() + b" ")
    jobs.add(map_jobs.start(run, str(support)))
    assert len(jobs) == 6
