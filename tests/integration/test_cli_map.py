"""The command line and the jobs behind it: map."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import time
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from siamese_core import datasets, map_files, map_jobs, map_shelf, map_worker, projection_quality, snapshots, trained
from siamese_core.errors import RunError
from siamese_core.files import read_json, write_json
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
    assert list(rows[0]) == ["index", "item", "label", "split", "x", "y", "error", "nearest_index", "nearest_distance"]
    assert len(rows) == 60
    assert {r["label"] for r in rows} == {"8", "9"}
    assert np.isfinite([[float(r["x"]), float(r["y"])] for r in rows]).all()

    began = (Path(found["job"]) / "points.npz").stat().st_mtime_ns
    code, out, _ = cli("map", "tiny", "--max-points", "60", "--out", page)
    believed = f"Trustworthiness {found['trustworthiness']:.3f}, continuity {found['continuity']:.3f}."
    assert (code, out) == (0, f"{page}: 60 points of 2 classes. {believed}\n")
    assert (Path(found["job"]) / "points.npz").stat().st_mtime_ns == began  # made once
    marks = Marks()
    marks.feed(page.read_text())
    assert marks.tags.count("circle") == 60 + 2  # without scripts; the legend has one a class
    assert marks.tags.count("title") == 60 + 2
    assert not marks.outside

    job = map_jobs.result(Path(found["job"]))
    assert job["embeddings"].shape == (60, 16)
    assert job["pixels"].shape == (60, 1, 12, 12)
    assert job["class_names"].tolist() == ["8", "9"]
    assert job["groups"].tolist() == [-1] * 60
    assert job["group_names"].tolist() == []
    assert job["split"].tolist() == [2] * 60
    assert (found["k"], found["measured"], found["method"], found["dims"]) == (12, 60, "tsne", 2)
    assert found["engine"] in ("scikit-learn", "scikit-learn-intelex")
    assert found["seconds"] > 0
    points = np.column_stack([job["x"], job["y"]])
    again = projection_quality.measure(trained.load(Run(tiny_run)), np.array(job["embeddings"]), points)
    assert again.trustworthiness == pytest.approx(found["trustworthiness"], abs=1e-12)
    np.testing.assert_array_equal(job["error"], again.error)
    z = np.array(job["embeddings"])
    d = trained.load(Run(tiny_run)).distance_matrix(z, z) + np.diag([np.inf] * 60)
    np.testing.assert_array_equal(job["nearest_distance"], d.min(axis=1).astype(np.float32))
    np.testing.assert_array_equal(d[np.arange(60), job["nearest"]], d.min(axis=1))
    assert f"{float(rows[0]['error']):.4g}" == f"{again.error[0]:.4g}"
    assert [int(r["nearest_index"]) for r in rows] == job["indices"][job["nearest"]].tolist()
    assert [float(r["nearest_distance"]) for r in rows] == pytest.approx(job["nearest_distance"].tolist(), rel=1e-5)
    text = page.read_text()
    assert f"Trustworthiness {found['trustworthiness']:.3f}" in text


def test_the_ending_says_what_is_written(tiny_run, cli_json, tmp_path):
    begins = {
        "svg": b"<?xml",
        "png": b"\x89PNG",
        "npz": b"PK",
        "parquet": b"PAR1",
        "zip": b"PK",
        "html": b"<!doctype html>",
    }
    for kind, first in begins.items():
        out = tmp_path / f"m.{kind}"
        found = cli_json("map", "tiny", "--method", "pca", "--max-points", "20", "--out", out)
        assert (found["kind"], found["out"]) == (kind, str(out))
        assert out.read_bytes().startswith(first)
    job = map_jobs.result(Path(found["job"]))
    with np.load(tmp_path / "m.npz", allow_pickle=False) as f:
        np.testing.assert_array_equal(f["embeddings"], job["embeddings"])
        assert str(f["title"]) == "tiny: its test classes by PCA"
    with zipfile.ZipFile(tmp_path / "m.zip") as z:
        sprite = np.asarray(Image.open(io.BytesIO(z.read("sprite.png"))))
    np.testing.assert_array_equal(sprite[:12, :12], 255 - job["pixels"][0, 0])  # ink is shown on paper

    cli_json("map", "tiny", "--method", "pca", "--max-points", "20", "--vectors", "--out", tmp_path / "m.csv")
    with (tmp_path / "m.csv").open() as f:
        row = next(csv.DictReader(f))
    assert [float(row[f"e{d}"]) for d in range(16)] == pytest.approx(job["embeddings"][0].tolist(), rel=1e-5)
    cli_json("map", "tiny", "--method", "pca", "--max-points", "20", "--no-vectors", "--out", tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz", allow_pickle=False) as f:
        assert "embeddings" not in f.files


@pytest.fixture
def at_once(monkeypatch):
    """Maps are made in this process."""
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: map_worker.work(job))


def watched(folder: Path, epoch: int, noise: float = 0.0) -> None:
    """What a run made of 12 pictures of its validation part and 12 of its training part, by its own weights."""
    run = Run(folder)
    model, data = trained.load(run), datasets.load("digits")
    unseen, seen = data.classes([6, 7]), data.classes(range(6))
    own, other = np.arange(5, 17), np.arange(40, 52)
    z = np.concatenate([model.embed(unseen.items.select(own)), model.embed(seen.items.select(other))])
    z = z + noise * np.random.default_rng(epoch).normal(size=z.shape).astype(np.float32)
    of = snapshots.Watched(np.concatenate([own, len(unseen) + other]),
                           np.concatenate([unseen.labels[own], 2 + seen.labels[other]]), len(unseen))  # fmt: skip
    snapshots.save(folder, epoch, of, lambda part, at: z[:12] if part == "validation" else z[12:])


def test_a_map_of_an_epoch_is_of_what_the_run_watched_then(at_once, tiny_run, cli_json, refused, tmp_path):
    watched(tiny_run, 0, noise=0.5)
    watched(tiny_run, 3)
    first, last = (cli_json("map", "tiny", "--epoch", e, "--out", tmp_path / "m.csv") for e in ("0", "3"))
    assert (first["epoch"], last["epoch"], last["points"]) == (0, 3, 24)
    found, early = map_jobs.result(Path(last["job"])), map_jobs.result(Path(first["job"]))
    assert (found["epoch"], early["epoch"]) == (3, 0)
    data = datasets.load("digits")
    np.testing.assert_array_equal(found["labels"], data.labels[found["indices"]])
    np.testing.assert_array_equal(found["split"], [1] * 12 + [0] * 12)
    again = trained.load(Run(tiny_run)).embed(data.items.select(found["indices"]))
    np.testing.assert_allclose(found["embeddings"], again, atol=2e-3)  # half precision
    fitted = data.items.select(found["indices"]).fitted(Run(tiny_run).spec())
    np.testing.assert_array_equal(found["pixels"], fitted.pixels)
    np.testing.assert_array_equal(found["indices"], early["indices"])
    assert np.abs(found["embeddings"] - early["embeddings"]).max() > 0.1
    assert [s.words for s in map_shelf.beside(Path(last["job"]))] == ["t-SNE, before training"]
    assert map_shelf.titles(Path(last["job"]), Path(first["job"])) == ("t-SNE, after epoch 3", "t-SNE, before training")
    watched(tiny_run, 3, noise=0.1)  # trained anew
    assert cli_json("map", "tiny", "--epoch", "3", "--out", tmp_path / "m.csv")["job"] != last["job"]

    out = tmp_path / "n.csv"
    assert "no snapshot of epoch 2; it has 0 and 3" in refused("map", "tiny", "--epoch", "2", "--out", out)
    assert "leave out the data" in refused("map", "tiny", "--epoch", "3", "--data", "digits", "--out", out)
    config = read_json(tiny_run / "config.json")
    config["data"]["digest"] = "0" * 16
    write_json(tiny_run / "config.json", config)
    assert "has changed since run tiny was trained" in refused("map", "tiny", "--epoch", "3", "--out", out)
    for path in (tiny_run / "snapshots").iterdir():
        path.unlink()
    assert "has no snapshots of its epochs" in refused("map", "tiny", "--epoch", "3", "--out", out)


def test_the_learned_distance_of_an_epoch_is_told_to_be_gone(at_once, tiny_run, cli_json, tmp_path):
    watched(tiny_run, 1)
    config = read_json(tiny_run / "config.json")
    config["config"] |= {"distance": "weighted_l1", "loss": "bce"}
    write_json(tiny_run / "config.json", config)
    found = cli_json("map", "tiny", "--epoch", "1", "--out", tmp_path / "m.csv")
    assert "Manhattan distance stands for it" in found["note"]
    z = map_jobs.result(Path(found["job"]))
    i, near = 4, z["nearest"][4]
    assert z["nearest_distance"][i] == pytest.approx(np.abs(z["embeddings"][i] - z["embeddings"][near]).sum(), rel=1e-3)


def test_ones_own_columns_are_taken_along(at_once, tiny_run, cli_json, refused, tmp_path):
    table, mine = tmp_path / "map.csv", tmp_path / "mine.csv"
    cli_json("map", "tiny", "--max-points", "20", "--method", "pca", "--out", table)
    with table.open() as f:
        rows = list(csv.DictReader(f))
    mine.write_text("index,age\n" + "".join(f"{r['index']},{i}\n" for i, r in enumerate(rows[:10])))
    cli_json("map", "tiny", "--max-points", "20", "--method", "pca", "--columns", mine, "--out", table)
    with table.open() as f:
        assert [r["age"] for r in csv.DictReader(f)] == [*map(str, range(10)), *[""] * 10]
    mine.write_text("age\n1\n")
    ask = ("map", "tiny", "--max-points", "20", "--method", "pca", "--out", table)
    assert "no column called index" in refused(*ask, "--columns", mine)
    assert "cannot be read" in refused(*ask, "--columns", tmp_path / "none.csv")


def test_pictures_of_another_shape_are_told_to_be_changed(at_once, tiny_run, support, cli_json, tmp_path):
    out = tmp_path / "m.csv"
    assert "ink on paper of 12 x 12 pixels" in cli_json("map", "tiny", "--data", support, "--out", out)["note"]
    assert (
        cli_json("map", "tiny", "--method", "pca", "--data", "digits", "--max-points", "9", "--out", out)["note"] == ""
    )


def test_map_in_space(tiny_run, cli_json, tmp_path):
    found = cli_json("map", "tiny", "--method", "pca", "--dims", "3", "--data", "glyphs", "--max-points", "50",
                     "--seed", "4", "--out", tmp_path / "m.csv")  # fmt: skip
    assert (found["method"], found["engine"], found["dims"]) == ("pca", "numpy", 3)
    with (tmp_path / "m.csv").open() as f:
        rows = list(csv.DictReader(f))
    assert list(rows[0])[3:] == ["group", "split", "x", "y", "z", "error", "nearest_index", "nearest_distance"]
    job = map_jobs.result(Path(found["job"]))
    assert [float(r["z"]) for r in rows] == pytest.approx(job["z"].tolist(), rel=1e-5)
    assert set(job["split"]) == {3}  # no classes of this run's
    groups, names = job["group_names"], job["class_names"]
    assert all(names[c].startswith(f"{groups[g]}/") for c, g in zip(job["labels"], job["groups"], strict=True))
    np.testing.assert_allclose((job["embeddings"] - job["centre"]) @ job["axes"],
                               np.column_stack([job[a] for a in "xyz"]), atol=1e-6)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("method", ["umap", "pacmap"])
def test_map_by_the_methods_of_the_extras(tiny_run, cli_json, tmp_path, method):
    pytest.importorskip(method)
    words = ["--method", method, "--neighbours", "8", "--learning-rate", "0.9", "--max-points", "60"]
    words += ["--min-distance", "0.3"] if method == "umap" else []
    found = cli_json("map", "tiny", *words, "--out", tmp_path / "m.csv")
    assert (found["method"], found["note"]) == (method, "")
    assert found["trustworthiness"] > 0.7


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
    assert ".parquet or .zip, not as 'm.gif'" in refused("map", "tiny", "--out", tmp_path / "m.gif")
    assert "holds no vectors" in refused("map", "tiny", "--vectors", "--out", tmp_path / "m.png")
    assert "leave out --no-vectors" in refused("map", "tiny", "--no-vectors", "--out", tmp_path / "m.zip")
    assert "no folder" in refused("map", "tiny", "--out", tmp_path / "deep" / "m.csv")
    assert "no map method 'mds'" in refused("map", "tiny", "--method", "mds", "--out", out)
    assert "2 or 3 dimensions" in refused("map", "tiny", "--dims", "4", "--out", out)
    assert "PCA has no perplexity" in refused("map", "tiny", "--method", "pca", "--perplexity", "9", "--out", out)
    assert "100,000 points, not 100,001" in refused("map", "tiny", "--max-points", "100001", "--out", out)
    assert "above 0" in refused("map", "tiny", "--perplexity", "0", "--out", out)
    assert "1 to 100,000 points, not 0" in refused("map", "tiny", "--max-points", "0", "--out", out)
    assert not (tiny_run.parent / ".maps").exists()


@pytest.mark.slow
def test_a_map_can_be_stopped_and_its_death_is_noticed(tiny_run, tmp_path):
    job = map_jobs.start(Run(tiny_run), "digits", perplexity=60, max_points=1797, engine="scikit-learn")
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


def test_a_stage_that_cannot_listen_is_ended_with_its_process(tiny_run, monkeypatch):
    began = []

    def spawn(job):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        began.append(child)
        me = psutil.Process(child.pid)
        write_json(job / "status.json", {
            "state": "running", "pid": child.pid, "started": me.create_time(), "hears": False,
            "text": "t-SNE is finding places", "began": time.time() - 7,
        })  # fmt: skip

    monkeypatch.setattr(map_jobs, "_spawn", spawn)
    job = map_jobs.start(Run(tiny_run))
    now = map_jobs.status(job)
    assert (now.active, now.measured, 7 <= now.seconds < 60) == (True, False, True)
    map_jobs.stop(job)
    assert began[0].poll() is not None
    assert (map_jobs.status(job).state, map_jobs.status(job).reason) == ("stopped", "Stopped on request.")


def test_a_stage_that_should_listen_and_does_not_is_ended_too(tiny_run, monkeypatch):
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: None)
    monkeypatch.setattr(map_jobs, "HEAR_GRACE", 0.2)
    job = map_jobs.start(Run(tiny_run))
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    write_json(job / "status.json", {
        "state": "running", "pid": child.pid, "started": psutil.Process(child.pid).create_time(), "hears": True,
    })  # fmt: skip
    map_jobs.stop(job)
    assert child.poll() is not None
    assert map_jobs.status(job).state == "stopped"


def test_a_stop_between_looking_and_going_silent_is_not_lost(tiny_run, monkeypatch):
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: None)
    job = map_jobs.start(Run(tiny_run))
    pen = map_worker.Pen(job)
    write = pen.write
    monkeypatch.setattr(pen, "write", lambda **changes: ((job / "stop").touch(), write(**changes)))  # just before
    with pytest.raises(map_worker.Stopped):
        pen.silent("UMAP is finding places")


def test_a_stranger_with_the_same_number_is_not_ended(tiny_run, monkeypatch):
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: None)
    job = map_jobs.start(Run(tiny_run))
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        write_json(job / "status.json", {"state": "running", "pid": child.pid, "started": 1.0, "hears": False})
        map_jobs.stop(job)
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_a_worker_says_when_it_cannot_listen(tiny_run, monkeypatch):
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: None)
    job = map_jobs.start(Run(tiny_run))
    pen = map_worker.Pen(job)
    pen.progress("Encoding", 0.5)
    assert map_jobs.status(job).measured
    pen.silent("t-SNE is finding places")
    assert (map_jobs.status(job).measured, map_jobs.status(job).text) == (False, "t-SNE is finding places")
    pen.progress("Measuring", 0.0)
    assert map_jobs.status(job).measured
    (job / "stop").touch()
    for hear in (lambda: pen.silent("Next"), lambda: pen.progress("Next", 0.0)):
        with pytest.raises(map_worker.Stopped):
            hear()


def test_a_map_leaves_frames_while_it_grows(tiny_run, monkeypatch):
    pytest.importorskip("openTSNE")
    seen = []
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: None)
    monkeypatch.setattr(map_worker, "FRAME_EVERY", 0.0)
    write = map_files.write_frame

    def look(job, *frame):
        write(job, *frame)
        seen.append(map_jobs.frame(job))

    monkeypatch.setattr(map_files, "write_frame", look)
    job = map_jobs.start(Run(tiny_run), max_points=40, engine="opentsne")
    assert map_worker.work(job) == "finished"
    assert len(seen) > 1
    assert all(len(f["x"]) == len(f["labels"]) == 40 for f in seen)
    assert int(seen[0]["iteration"]) < int(seen[-1]["iteration"]) <= 600
    assert map_jobs.frame(job) is None
    assert str(map_jobs.result(job)["engine"]) == "opentsne"


def test_equal_and_broken_embeddings(tiny_run, monkeypatch):
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: None)
    embedded = trained.Trained.embed
    job = map_jobs.start(Run(tiny_run), max_points=30)
    monkeypatch.setattr(trained.Trained, "embed", lambda *a, **k: np.ones((30, 16), np.float32))
    assert map_worker.work(job) == "finished"
    note = map_jobs.status(job).note
    assert "at least 5 different points; 1 can only be shown by PCA" in note
    assert "have the same embedding" in note
    found = map_jobs.result(job)
    assert (str(found["method"]), float(found["trustworthiness"])) == ("pca", 1.0)
    monkeypatch.setattr(trained.Trained, "embed", lambda *a, **k: embedded(*a, **k) * np.nan)
    assert map_worker.work(job) == "failed"
    assert "30 of the 30 points are not finite numbers" in map_jobs.status(job).reason


def test_a_damaged_map_is_removed_and_said(tiny_run, monkeypatch):
    monkeypatch.setattr(map_jobs, "_spawn", map_worker.work)
    for name in ("points.npz", "pixels.npy"):
        job = map_jobs.start(Run(tiny_run), method="pca", max_points=20)
        (job / name).write_bytes(b"nothing")
        with pytest.raises(RunError, match="damaged and has been removed"):
            map_jobs.result(job)
        assert not job.exists()


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
    monkeypatch.setenv("SIAMESE_DATA", str(tiny_run))  # a registered name may be something else there
    assert map_jobs.start(run, "orl") != map_jobs.start(run, "orl", data_root=tiny_run.parent)
    assert map_jobs.start(run, "orl") == map_jobs.start(run, "orl", data_root=tiny_run)
