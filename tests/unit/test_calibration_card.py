"""A calibration in a run's card: saved, the one before it kept, and put back."""

from __future__ import annotations

import os
import time

import psutil
import pytest

from siamese_core import calibrate, calibration_card, runs
from siamese_core.errors import RunError
from siamese_core.files import read_json, write_json
from siamese_core.runs import Run


@pytest.fixture
def run(tiny_run):
    card = read_json(tiny_run / "card.json")
    card["validation"]["accuracy_at_threshold"] = 0.875
    write_json(tiny_run / "card.json", card)
    return Run(tiny_run)


@pytest.fixture(scope="module")
def fitted(finished_run):
    """Two calibrations of the run."""
    return [
        calibrate.fit_run(Run(finished_run), device="cpu", **how).calibration
        for how in ({}, {"operating_point": "accuracy", "prior": 0.25})
    ]


def test_what_is_saved_is_what_it_decides_by(run, fitted):
    begin = time.time()
    calibration_card.save(run, fitted[0])
    now = calibration_card.now(run)
    assert (now.threshold, now.calibration) == (fitted[0].threshold, fitted[0])
    assert begin - 1 <= now.fitted_at <= time.time() + 1
    assert "accuracy_at_threshold" not in run.card()["validation"]
    assert run.card()["validation"]["auc"] == 0.9
    assert run.card()["weights"] == {"best": run.weights_digest()}


def test_the_bare_threshold_of_the_training_comes_back_with_its_accuracy(run, fitted):
    card = run.card()
    calibration_card.save(run, fitted[0])
    before = calibration_card.before(run)
    assert (before.threshold, before.calibration, before.fitted_at) == (0.02, None, None)
    assert calibration_card.put_back(run) == before
    back = run.card()
    assert back.pop(calibration_card.BEFORE)["calibration"] == fitted[0].to_json()
    assert back == card


def test_putting_back_twice_is_where_one_began(run, fitted):
    calibration_card.save(run, fitted[0])
    calibration_card.save(run, fitted[1])
    card = run.card()
    assert calibration_card.before(run).calibration == fitted[0]
    assert calibration_card.put_back(run).calibration == fitted[0]
    assert calibration_card.now(run).calibration == fitted[0]
    assert calibration_card.put_back(run).calibration == fitted[1]
    assert run.card() == card


def test_the_same_once_more_does_not_lose_the_one_before(run, fitted):
    calibration_card.save(run, fitted[0])
    calibration_card.save(run, fitted[1])
    calibration_card.save(run, fitted[1])
    assert calibration_card.before(run).calibration == fitted[0]


def test_what_cannot_be_used_does_not_become_the_one_before(run, fitted):
    calibration_card.save(run, fitted[0])
    card = read_json(run.folder / "card.json")
    write_json(run.folder / "card.json", card | {"calibration": card["calibration"] | {"prior": 7}})
    with pytest.raises(RunError, match="'prior' cannot be used"):
        calibration_card.now(run)
    calibration_card.save(run, fitted[1])
    assert calibration_card.before(run).threshold == 0.02


def test_without_one_before_there_is_nothing_to_put_back(run):
    assert calibration_card.before(run) is None
    with pytest.raises(RunError, match="no earlier threshold"):
        calibration_card.put_back(run)
    (run.folder / "card.json").unlink()
    assert calibration_card.now(run) == calibration_card.Kept(None)


def test_a_run_without_a_card_gets_one(run, fitted):
    (run.folder / "card.json").unlink()
    calibration_card.save(run, fitted[0])
    assert calibration_card.now(run).calibration == fitted[0]
    assert calibration_card.before(run) is None


def test_the_end_of_a_training_leaves_nothing_to_put_back(run, fitted):
    calibration_card.put(run, fitted[0], keep=False)
    assert calibration_card.before(run) is None


def test_the_starter_stays_as_it_is(run, fitted, monkeypatch):
    calibration_card.save(run, fitted[0])
    monkeypatch.setattr(runs, "STARTER", run.folder)
    card = (run.folder / "card.json").read_bytes()
    for change in (lambda: calibration_card.save(run, fitted[1]), lambda: calibration_card.put_back(run)):
        with pytest.raises(RunError, match="stays as it is"):
            change()
    assert (run.folder / "card.json").read_bytes() == card


def test_a_run_in_training_is_left_alone(run, fitted):
    calibration_card.save(run, fitted[0])
    me = {"pid": os.getpid(), "started": psutil.Process().create_time(), "heartbeat": time.time()}
    write_json(run.folder / "status.json", {"format": 1, "state": "running"} | me)
    for change in (lambda: calibration_card.save(run, fitted[1]), lambda: calibration_card.put_back(run)):
        with pytest.raises(RunError, match="is training"):
            change()


def test_a_card_that_cannot_be_written_is_said(run, fitted, monkeypatch):
    calibration_card.save(run, fitted[0])

    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(calibration_card, "write_json", full)
    for change in (lambda: calibration_card.save(run, fitted[1]), lambda: calibration_card.put_back(run)):
        with pytest.raises(RunError, match="No space left"):
            change()
