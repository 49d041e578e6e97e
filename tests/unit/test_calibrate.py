"""Calibrating a run: on its validation classes or other data, never on what it learnt from, and into its card."""

from __future__ import annotations

import dataclasses
import os
import time

import numpy as np
import psutil
import pytest

from siamese_core import calibrate, calibration_card, protocols, trained, verifier
from siamese_core.errors import DataError, RunError
from siamese_core.files import read_json, write_json
from siamese_core.runs import Run


def test_a_run_is_calibrated_on_its_validation_classes(tiny_run):
    run = Run(tiny_run)
    found, warnings = calibrate.of_run(run, device="cpu")
    assert warnings == []
    assert found.source == "2 validation classes of digits"
    assert found.intervals_are_over == "2 identities: intervals over pictures"
    seen = protocols.data_for(run, part="validation")
    assert found.digest == seen.with_items(seen.items.fitted(run.spec())).digest
    card = run.card()
    assert card["threshold"] == card["calibration"]["threshold"] == found.threshold
    assert card["weights"]["best"] == run.weights_digest()
    model = trained.load(run)
    assert model.calibration == found
    assert model.threshold == found.threshold
    assert trained.load(run, calibrated=False).calibration is None


def test_the_verdict_of_a_pair_comes_from_the_card(tiny_run):
    run = Run(tiny_run)
    calibrate.of_run(run, device="cpu")
    model = trained.load(run)
    items = protocols.data_for(run).items.select([0, 1])
    found = verifier.compare(model, items, items)[0]
    assert found.probability == model.calibration.probability(found.distance)
    assert found.verdict in ("same", "different", "not sure")


def test_training_data_is_refused_and_the_card_stays(tiny_run):
    before = (tiny_run / "card.json").read_bytes()
    with pytest.raises(DataError, match="were in the run's training data"):
        calibrate.of_run(Run(tiny_run), "digits", "cpu")
    assert (tiny_run / "card.json").read_bytes() == before
    (tiny_run / "train_digests.txt").unlink()
    assert "was not checked" in calibrate.of_run(Run(tiny_run), "digits", "cpu")[1][0]


def test_a_run_in_training_is_left_alone(tiny_run):
    me = {"pid": os.getpid(), "started": psutil.Process().create_time(), "heartbeat": time.time()}
    write_json(tiny_run / "status.json", {"format": 1, "state": "running"} | me)
    with pytest.raises(RunError, match="is training"):
        calibrate.of_run(Run(tiny_run), device="cpu")


def test_a_calibration_that_is_broken_is_said_and_can_be_made_again(tiny_run):
    run = Run(tiny_run)
    calibrate.of_run(run, device="cpu")
    card = read_json(tiny_run / "card.json")
    write_json(tiny_run / "card.json", card | {"calibration": card["calibration"] | {"prior": 7}})
    with pytest.raises(RunError, match="'prior' cannot be used; calibrate the run again"):
        trained.load(run)
    calibrate.of_run(run, device="cpu")
    assert trained.load(run).calibration.prior == 0.5


def test_a_card_that_cannot_be_written_is_said(tiny_run, monkeypatch):
    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(calibration_card, "write_json", full)
    with pytest.raises(RunError, match="No space left"):
        calibrate.of_run(Run(tiny_run), device="cpu")


def test_fitting_alone_saves_nothing_and_says_the_same(tiny_run):
    run = Run(tiny_run)
    before = (tiny_run / "card.json").read_bytes()
    told: list[float] = []
    fitted = calibrate.fit_run(run, device="cpu", progress=lambda text, fraction: told.append(fraction))
    assert (tiny_run / "card.json").read_bytes() == before
    assert told[-1] == 1.0
    found, _ = calibrate.of_run(run, device="cpu")
    assert fitted.calibration.threshold == pytest.approx(found.threshold, abs=1e-5)
    assert fitted.calibration.source == found.source


def test_a_training_leaves_no_calibration_before(tiny_run):
    run = Run(tiny_run)
    data = protocols.data_for(run, part="validation")
    calibrate.on_validation(run, data.with_items(data.items.fitted(run.spec())), "cpu")
    assert calibration_card.before(run) is None
    assert calibration_card.now(run).calibration is not None


def test_rates_of_another_threshold_on_the_same_pairs_are_those_of_the_pairs(tiny_run):
    fitted = calibrate.fit_run(Run(tiny_run), device="cpu")
    scored = fitted.scored.select(np.arange(0, len(fitted.scored), 50))
    d, same = scored.distances, scored.same
    for threshold in (-1.0, 0.01, float(np.median(d)), 9.0):
        found = calibrate.rates_on(scored, threshold)
        assert found["far"] == pytest.approx((d[~same] <= threshold).mean(), abs=1e-12)
        assert found["frr"] == pytest.approx((d[same] > threshold).mean(), abs=1e-12)
        assert found["far_low"] <= found["far"] <= found["far_high"]
        assert found["frr_low"] <= found["frr"] <= found["frr_high"]
        assert set(found) == set(fitted.calibration.rates_at(0.0))


def test_few_pairs_are_refused(tiny_run):
    run = Run(tiny_run)
    data = protocols.data_for(run)
    kept = np.concatenate([np.flatnonzero(data.labels == c)[:3] for c in (0, 1)])
    few = dataclasses.replace(data, items=data.items.select(kept), labels=data.labels[kept])
    with pytest.raises(DataError, match="at least 20 same and 20 different"):
        calibrate.on_data(trained.load(run), few, "few")


def test_the_starter_is_calibrated():
    model = trained.load("starter")
    assert model.calibration.source == "101 validation classes of omniglot"
    assert model.calibration.unit == "identities"
    assert model.threshold == model.calibration.threshold == model.card["threshold"]


@pytest.mark.data
@pytest.mark.slow
def test_the_starter_s_probabilities_hold_on_alphabets_it_never_saw():
    run = Run(trained.runs.STARTER)
    data = protocols.data_for(run)
    assert len(data.group_names) == 10
    found = protocols.verification(trained.load(run), data)
    assert found["ece"] <= 0.03
    assert found["brier_skill"] >= 0.5
