"""A run that learns from all classes, and its calibration from folds, from the shell."""

from __future__ import annotations

import pytest

from siamese_core.files import read_json

SMALL = (
    "--image-size", "12", "--width", "8", "--embedding-size", "8", "--extra-classes", "none", "--epochs", "2",
    "--classes-per-batch", "5", "--items-per-class", "3", "--no-class-copies", "--max-seconds", "0",
    "--steps-per-epoch", "3", "--device", "cpu", "--start-from", "nothing",
)  # fmt: skip


@pytest.mark.slow
def test_from_all_classes_to_a_verdict(cli, cli_json, refused, runs_folder, tmp_path, monkeypatch, pictures):
    monkeypatch.setenv("SIAMESE_LOCKS", str(tmp_path / "locks"))
    code, _, err = cli("train", "digits", "--all-classes", "--name", "all", *SMALL)
    assert code == 0, err
    assert "no classes to validate on" in err
    assert "calibrate --folds" in err
    assert "validation loss" not in err
    split = read_json(runs_folder / "all" / "config.json")["split"]
    assert (len(split["train"]), split["validation"], split["test"]) == (10, [], [])
    card = read_json(runs_folder / "all" / "card.json")
    assert card["threshold"] is None
    assert "validation" not in card
    assert cli_json("compare", "all", *pictures[:2])["same"] is None
    assert "learnt from all classes" in refused("calibrate", "all")
    assert "--folds deals the run's own classes" in refused("calibrate", "all", "--folds", "3", "--data", "digits")
    found = cli_json("calibrate", "all", "--folds", "3")["calibration"]
    assert found["identities"] == 10
    assert "3 folds" in found["source"]
    assert sorted(p.name for p in runs_folder.iterdir()) == ["all", *(f"all-fold{i}of3" for i in (1, 2, 3))]
    judged = cli_json("compare", "all", *pictures[:2])
    assert judged["threshold"] == found["threshold"]
    assert 0.0 < judged["probability"] < 1.0
    again = cli_json("calibrate", "all", "--folds", "3", "--method", "isotonic")["calibration"]
    assert again["threshold"] == found["threshold"]  # the networks are used again
