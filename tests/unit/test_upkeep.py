"""Renaming a run, its note, and its curves as a table."""

from __future__ import annotations

import csv
import io
import json
import time

import psutil
import pytest

from siamese_core import runs, upkeep
from siamese_core.errors import RunError
from siamese_core.files import write_json
from siamese_core.runs import Run


@pytest.fixture
def run(tiny_run) -> Run:
    return Run(tiny_run)


def test_a_renamed_run_is_the_same_folder(run, runs_folder):
    before = (run.folder / "config.json").read_bytes()
    new = upkeep.rename(run, " wider_2.0 ")
    assert [r.name for r in runs.all_runs(runs_folder)] == ["wider_2.0"] == [new.name]
    assert (new.folder / "config.json").read_bytes() == before
    assert upkeep.rename(new, "wider_2.0") == new


@pytest.mark.parametrize("name", ["", "..", "../up", "a/b", ".hidden", "a b", "é", "x" * 81, "starter", "a\n"])
def test_names_that_cannot_be_are_refused(run, name):
    with pytest.raises(RunError):
        upkeep.rename(run, name if name != "a\n" else "a\nb")
    assert run.folder.exists()


def test_a_taken_name_is_told(run, runs_folder):
    (runs_folder / "other").mkdir()
    with pytest.raises(RunError, match="already a run called 'other'"):
        upkeep.rename(run, "other")
    assert run.folder.exists()


@pytest.mark.parametrize(("state", "age"), [("queued", 0), ("running", 0), ("running", 1000)])
def test_what_a_worker_is_at_keeps_its_name(run, state, age):
    me = psutil.Process()
    now = {"state": state, "heartbeat": time.time() - age, "pid": me.pid, "started": me.create_time()}
    write_json(run.folder / "status.json", now)
    with pytest.raises(RunError, match="is training"):
        upkeep.rename(run, "new")
    write_json(run.folder / "status.json", now | {"pid": 2**22 + 1, "state": "running"})  # its process is gone
    assert upkeep.rename(run, "new").name == "new"


def test_a_folder_that_is_no_run_is_left_alone(runs_folder):
    (runs_folder / "photos").mkdir()
    for work in (lambda r: upkeep.rename(r, "new"), lambda r: upkeep.write_note(r, "mine")):
        with pytest.raises(RunError, match="not a run"):
            work(Run(runs_folder / "photos"))
    assert list((runs_folder / "photos").iterdir()) == []


def test_a_note_is_kept_changed_and_dropped(run):
    before = (run.folder / "config.json").read_bytes()
    assert upkeep.note(run) == ""
    upkeep.write_note(run, "  Wider,\r\nbetter: 93%\x00\x1b \ud800 ")
    assert upkeep.note(run) == "Wider,\nbetter: 93%"
    assert (run.folder / "config.json").read_bytes() == before
    with pytest.raises(RunError, match="2,001"):
        upkeep.write_note(run, "é" * 2001)
    assert upkeep.note(run) == "Wider,\nbetter: 93%"
    upkeep.write_note(run, "é" * 2000)
    assert upkeep.note(run) == "é" * 2000
    upkeep.write_note(run, " ")
    assert not (run.folder / upkeep.NOTE).exists()


def test_a_foreign_note_is_cut(run):
    (run.folder / upkeep.NOTE).write_bytes(b"\xff" * 100_000)
    assert len(upkeep.note(run)) == upkeep.MAX_NOTE


def test_all_steps_and_epochs_are_in_the_table(run, runs_folder):
    now = {"epoch": 1, "seconds": 0.5, "loss": 2.0, "time": 1.0}
    events = [{"event": "step", "step": s, **now} for s in (1, 2, 3)]
    events += [{"event": "resume", "step": 2}, {"event": "step", "step": 3, **now, "loss": 1.0}]
    events += [{"event": "epoch", "step": 3, **now, "one_shot": 0.25, "best": True, "=cmd()": 1}]
    (run.folder / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events))
    other = Run(runs_folder / "other")
    other.folder.mkdir()
    rows = list(csv.DictReader(io.StringIO(upkeep.curves_csv([run, other]).decode())))
    assert [(r["run"], r["event"], r["step"], r["loss"]) for r in rows] == [
        ("tiny", "step", "1", "2.0"), ("tiny", "step", "2", "2.0"), ("tiny", "step", "3", "1.0"),
        ("tiny", "epoch", "3", "2.0"),
    ]  # fmt: skip
    assert list(rows[0]) == ["run", "event", "step", "epoch", "seconds", "loss", "one_shot", "best"]
    assert (rows[0]["one_shot"], rows[3]["one_shot"]) == ("", "0.25")
