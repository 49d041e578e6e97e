"""The worker as a process: it starts, stops, queues, survives SIGKILL, and says why it failed."""

from __future__ import annotations

import json
import os
import random
import signal
import time

import pytest
from safetensors.torch import load_file

from siamese_core import checkpoint, evolution, jobs, presets, runs, worker
from siamese_core.errors import RunError
from siamese_core.files import write_json
from tests.waiting import until

TINY = {
    "image_size": 12, "width": 8, "embedding_size": 8, "extra_classes": "none", "classes_per_batch": 5,
    "items_per_class": 3, "class_copies": False, "max_seconds": 0.0, "device": "cpu",
}  # fmt: skip


@pytest.fixture(autouse=True)
def own_locks(tmp_path, monkeypatch):
    """Trainings of the person who runs the tests must not queue ours."""
    monkeypatch.setenv("SIAMESE_LOCKS", str(tmp_path / "locks"))


def tiny(**settings):
    return presets.build("digits", **(TINY | {"epochs": 3, "steps_per_epoch": 4} | settings))


def follow(run):
    events = []
    return jobs.follow(run, events.extend), events


def test_a_whole_run_leaves_everything_the_contract_names(tmp_path):
    run = jobs.start(tiny(), tmp_path / "runs")
    status, events = follow(run)
    assert status.state == "finished", status.reason
    assert events[0]["event"] == "message"
    assert [e["event"] for e in events if e["event"] in ("start", "end")] == ["start", "end"]
    for name in ("config.json", "events.jsonl", "status.json", "best.safetensors", "last.safetensors",
                 "optimiser.safetensors", "optimiser.json", "reference.safetensors", "card.json"):  # fmt: skip
        assert (run.folder / name).is_file(), name
    snapshots = sorted(p.stem for p in (run.folder / "snapshots").iterdir())
    assert snapshots == ["00000", "00001", "00002", "00003"]  # before training, and after each epoch
    assert [e["epoch"] for e in events if e["event"] == "epoch"] == [1, 2, 3]
    manifest = run.manifest()
    parts = manifest["split"]
    assert sorted(parts["train"] + parts["validation"] + parts["test"]) == [str(i) for i in range(10)]
    assert manifest["data"]["items"] == 1797
    card = run.card()
    assert card["threshold"] == card["calibration"]["threshold"] > 0
    assert card["calibration"]["source"].endswith("validation classes of digits")
    assert any(e.get("text", "").startswith("Calibrated on 2 validation classes") for e in events)
    assert set(load_file(run.folder / "best.safetensors")) == set(load_file(run.folder / "last.safetensors"))
    assert not list(run.folder.glob(".*.part"))


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tmp_path):
    made = [jobs.start(tiny(seed=s), tmp_path / "runs") for s in (0, 0, 1)]
    for run in made:
        assert follow(run)[0].state == "finished"
    a, b, c = (run.weights_digest() for run in made)
    assert a == b
    assert a != c


def test_stop_then_resume_then_finish(tmp_path):
    run = jobs.start(tiny(epochs=400), tmp_path / "runs")
    until(lambda: run.status().epoch >= 1, what="the first epoch")
    jobs.stop(run)
    assert follow(run)[0].state == "stopped"
    step = json.loads((run.folder / "optimiser.json").read_text())["step"]
    assert step >= 1
    with pytest.raises(RunError, match="not training"):
        jobs.stop(run)
    jobs.resume(run)
    until(lambda: run.status().step > step, what="a step after the resume")
    with pytest.raises(RunError, match="already"):
        jobs.resume(run)
    jobs.stop(run)
    assert follow(run)[0].state == "stopped"
    kinds = {evolution.frames(run, "pca").maps.shape[0], len(evolution.present(run))}
    assert len(kinds) == 1  # all are of the same points
    resumed = [e for e in run.events()[0] if e["event"] == "resume"]
    assert [e["step"] for e in resumed] == [step]
    steps = [s["step"] for s in run.history().steps]
    assert steps == sorted(steps)


def test_a_second_training_queues_and_starts_by_itself(tmp_path):
    first = jobs.start(tiny(epochs=100000), tmp_path / "runs", name="first")
    until(lambda: first.status().state == "running" and first.status().step > 0, what="the first run's first step")
    second = jobs.start(tiny(), tmp_path / "runs", name="second")
    until(lambda: "Another training" in second.status().reason, what="the second run's word that it waits")
    assert second.status().state == "queued"
    jobs.stop(first)
    assert follow(second)[0].state == "finished"
    assert first.status().state == "stopped"


def test_a_queued_run_can_be_stopped(tmp_path):
    first = jobs.start(tiny(epochs=100000), tmp_path / "runs", name="first")
    until(lambda: first.status().step > 0, what="the first run's first step")
    second = jobs.start(tiny(), tmp_path / "runs", name="second")
    until(lambda: "Another training" in second.status().reason, what="the second run's word that it waits")
    jobs.stop(second)
    assert follow(second)[0].state == "stopped"
    assert first.status().state == "running"
    jobs.stop(first)
    assert follow(first)[0].state == "stopped"


@pytest.mark.slow
def test_ten_kills_at_random_moments_lose_at_most_an_epoch(tmp_path):
    rng = random.Random(7)
    run = jobs.start(tiny(epochs=100000, steps_per_epoch=5), tmp_path / "runs")
    reached = 0
    for _ in range(10):
        until(lambda: run.status().state == "running" and run.status().pid, what="a running worker")
        time.sleep(rng.uniform(0.0, 3.0))
        os.kill(run.status().pid, signal.SIGKILL)
        until(lambda: run.status().state == "stalled", what="the state stalled")
        saved = checkpoint.load_state(run.folder)  # whole or absent, never damaged
        step = saved[1]["step"] if saved else 0
        assert step >= reached, "a checkpoint went backwards"
        reached = step
        if run.has_weights():
            load_file(run.folder / "best.safetensors")
            assert run.card() is not None
        run.manifest()
        with (run.folder / "events.jsonl").open("ab") as f:
            f.write(b'{"event": "step", "st')  # as if the kill had come in the middle of a line
        run.request_stop()  # an old stop must not stop the next start
        jobs.resume(run)
    until(lambda: run.status().step > reached + 5, what="progress after ten kills")
    jobs.stop(run)
    assert follow(run)[0].state == "stopped"
    for line in (run.folder / "events.jsonl").read_bytes().splitlines():
        json.loads(line)
    steps = [s["step"] for s in run.history().steps]
    assert steps == sorted(steps)


def test_a_user_mistake_fails_with_its_sentence_and_no_traceback(tmp_path):
    run = jobs.start(presets.build(str(tmp_path / "nowhere"), "quick"), tmp_path / "runs")
    status, _ = follow(run)
    assert status.state == "failed"
    assert "nowhere" in status.reason
    assert "Traceback" not in (run.folder / "worker.log").read_text()


def test_a_device_that_is_gone_is_named(tmp_path):
    run = runs.create(tiny(device="mps"), tmp_path)
    assert worker.work(run.folder) == "failed"
    assert "no Apple GPU" in run.status().reason


def test_a_full_disk_keeps_the_last_good_checkpoint_and_says_so(tmp_path, monkeypatch):
    run = runs.create(tiny(epochs=4), tmp_path)
    real, calls = checkpoint.write_atomic, []

    def write(path, data):
        calls.append(path.name)
        if calls.count("optimiser.safetensors") > 1:
            raise OSError(28, "No space left on device")
        real(path, data)

    monkeypatch.setattr(checkpoint, "write_atomic", write)
    assert worker.work(run.folder) == "failed"
    assert run.status().reason == worker.DISK_FULL
    assert checkpoint.load_state(run.folder)[1]["step"] == 4
    assert not list(run.folder.glob(".*.part"))
    monkeypatch.undo()
    assert run.status().can_resume
    (run.folder / "stop").unlink(missing_ok=True)
    assert worker.work(run.folder) == "finished"
    assert run.history().epochs[-1]["epoch"] == 4


def test_a_disk_that_is_full_for_a_while_does_not_end_the_training(tmp_path, monkeypatch):
    run = runs.create(tiny(epochs=4), tmp_path)
    real, failed = checkpoint.write_atomic, []

    def write(path, data):
        if len(failed) < 2:
            failed.append(path)
            raise OSError(28, "No space left on device")
        real(path, data)

    monkeypatch.setattr(checkpoint, "write_atomic", write)
    assert worker.work(run.folder) == "finished"
    assert worker.DISK_FULL in run.history().messages
    assert run.has_weights()


def test_a_bug_is_reported_in_words_and_logged_whole(tmp_path, monkeypatch, capsys):
    run = runs.create(tiny(), tmp_path)
    monkeypatch.setattr("siamese_core.probe.measure", lambda *a: 1 / 0)
    assert worker.work(run.folder) == "failed"
    assert "ZeroDivisionError" in run.status().reason
    assert "worker.log" in run.status().reason
    assert "Traceback" in capsys.readouterr().err


def test_changed_data_is_not_resumed_into(tmp_path):
    run = runs.create(tiny(), tmp_path)
    assert worker.work(run.folder) == "finished"
    manifest = run.manifest()
    manifest["data"]["digest"] = "0" * 16
    write_json(run.folder / "config.json", manifest)
    assert worker.work(run.folder) == "failed"
    assert "not the one this run began with" in run.status().reason


def test_one_writer_a_folder(tmp_path):
    run = jobs.start(tiny(epochs=100000), tmp_path / "runs")
    until(lambda: run.status().step > 0, what="the first step")
    pid = run.status().pid
    assert worker.main([str(run.folder)]) == 3
    assert run.status().pid == pid
    jobs.stop(run)
    assert follow(run)[0].state == "stopped"


def test_stop_is_obeyed_while_the_data_is_made_ready(tmp_path, monkeypatch):
    run = runs.create(tiny(), tmp_path)

    def endless(config, root, progress, names):
        for _ in range(1000):
            run.request_stop()
            progress("Reading", 0.5)
        raise AssertionError("nobody looked at the stop")

    monkeypatch.setattr("siamese_core.prepare.prepare", endless)
    assert worker.work(run.folder) == "stopped"
    assert run.status().can_resume
    monkeypatch.undo()
    (run.folder / "stop").unlink()
    assert worker.work(run.folder) == "finished"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), "The disk is full"),
        (MemoryError(), "ran out of memory; start again with smaller batches"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"), "start again with smaller batches"),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"), "The GPU ran out of memory; start again"),
        (RuntimeError("CUDA error: device lost"), "start again with the device CPU"),
    ],
)
def test_every_known_reason_says_what_to_do(tmp_path, monkeypatch, error, words):
    def fail(*args, **more):
        raise error

    run = runs.create(tiny(), tmp_path)
    monkeypatch.setattr("siamese_core.prepare.prepare", fail)
    assert worker.work(run.folder) == "failed"
    assert words in run.status().reason


def test_pictures_that_have_vanished_are_named(tmp_path):
    run = runs.create(presets.build(str(tmp_path / "gone"), "quick"), tmp_path)
    assert worker.work(run.folder) == "failed"
    assert str(tmp_path / "gone") in run.status().reason
    assert "put them there and resume" in run.status().reason
