"""The command line: evaluate."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.commands import scribble
from tests.ready import make_run


def test_evaluate_verification(tiny_run, cli, cli_json):
    found = cli_json("evaluate", "tiny", "verification", "--max-pairs", "500")
    assert 0.5 < found["auc"] <= 1
    assert found["pairs"] == 1000
    assert found["threshold"] == 0.02
    assert found["ece"] is None
    assert found["brier"] is None
    assert "not calibrated" in found["warnings"][0]
    code, out, _ = cli("evaluate", "tiny", "verification", "--max-pairs", "500")
    assert code == 0
    assert out.startswith("AUC 0.")


def test_calibrate_then_evaluate(tiny_run, cli, cli_json):
    made = cli_json("calibrate", "tiny")
    assert made["calibration"]["operating_point"] == "eer"
    assert made["far_low"] <= made["far"] <= made["far_high"]
    found = cli_json("evaluate", "tiny", "verification", "--max-pairs", "500")
    assert found["threshold"] == made["calibration"]["threshold"]
    assert found["warnings"] == []
    assert 0 <= found["ece"] <= 1
    assert 0 < found["brier"] < 1
    assert found["brier_skill"] == pytest.approx(1 - found["brier"] / 0.25)
    for name in ("auc", "eer", "accuracy", "far", "frr"):
        low, high = found["intervals"][name]
        assert low <= found[name] <= high
    assert found["identities"] == 2
    assert found["intervals_over"] == "2 identities: intervals over pictures"
    assert "calibration error" in cli("evaluate", "tiny", "verification", "--max-pairs", "500")[1]


def test_calibrate_takes_an_operating_point_and_a_method(tiny_run, cli, cli_json):
    words = ("--operating-point", "far", "--far", "0.05", "--method", "isotonic", "--prior", "0.2", "--per-class")
    made = cli_json("calibrate", "tiny", *words)["calibration"]
    assert (made["operating_point"], made["value"], made["method"], made["prior"]) == ("far", [0.05], "isotonic", 0.2)
    assert set(made["thresholds"]) == {"6", "7"}
    costs = ("--operating-point", "cost", "--cost-false-accept", "9", "--cost-false-reject", "1")
    assert cli_json("calibrate", "tiny", *costs)["calibration"]["value"] == [9.0, 1.0]
    code, out, _ = cli("calibrate", "tiny")
    assert code == 0
    assert out.startswith("Threshold 0.")
    assert out.endswith("2 validation classes of digits, 2 identities: intervals over pictures.\n")


def test_calibrate_refuses_what_cannot_be(tiny_run, refused, support):
    assert "training data" in refused("calibrate", "tiny", "--data", "digits")
    assert "at least 20 same" in refused("calibrate", "tiny", "--data", support)
    assert "goes with --operating-point far" in refused("calibrate", "tiny", "--far", "0.1")
    assert "goes with --operating-point cost" in refused("calibrate", "tiny", "--cost-false-accept", "2")
    assert "two costs" in refused("calibrate", "tiny", "--operating-point", "cost", "--cost-false-accept", "2")
    assert "false accept rate" in refused("calibrate", "tiny", "--operating-point", "far")
    assert "no operating point" in refused("calibrate", "tiny", "--operating-point", "best")
    assert "prior" in refused("calibrate", "tiny", "--prior", "1")
    assert "seed" in refused("calibrate", "tiny", "--seed", "-1")


def test_two_runs_beside_each_other(tiny_run, cli, cli_json, refused):
    make_run(tiny_run.parent / "large", image_size=20)
    words = ("--max-pairs", "400")
    found = cli_json("evaluate", "tiny", "verification", "--beside", "large", *words)
    other = found["beside"]
    assert (found["run"], other["run"]) == ("tiny", "large")
    alone = cli_json("evaluate", "tiny", "verification", *words)
    assert {k: v for k, v in found.items() if k != "beside"} == alone
    of_large = cli_json("evaluate", "large", "verification", *words)  # its test classes are the same
    assert {k: other[k] for k in of_large if k != "data"} == {k: v for k, v in of_large.items() if k != "data"}
    for name in ("eer", "auc", "accuracy", "far", "frr"):
        d = other["difference"][name]
        assert d["value"] == pytest.approx(found[name] - other[name], abs=1e-12)
        assert d["interval"][0] <= d["value"] <= d["interval"][1]
        assert 0 <= d["p"] <= 1
    assert other["difference_over"] == "2 identities: intervals over pictures"
    code, out, err = cli("evaluate", "tiny", "verification", "--beside", "large", *words)
    assert code == 0
    assert out.splitlines()[1].startswith(f"Beside large (AUC {other['auc']:.4f}, ")
    assert out.endswith(f"{other['verdict']}\n")
    assert "siamese: warning: large: This run is not calibrated" in err
    itself = cli_json("evaluate", "tiny", "verification", "--beside", "tiny", *words)["beside"]
    assert {(d["value"], d["p"]) for d in itself["difference"].values()} == {(0.0, 1.0)}
    assert "--beside goes with verification" in refused("evaluate", "tiny", "one-shot", "--beside", "large")
    assert "no run 'nothing'" in refused("evaluate", "tiny", "verification", "--beside", "nothing")


def test_evaluate_one_shot(tiny_run, cli, cli_json):
    words = ["evaluate", "tiny", "one-shot", "--episodes", "100"]
    found = cli_json(*words)
    assert (found["n_way"], found["k_shot"], found["episodes"]) == (2, 1, 100)
    low, high = found["interval"]
    assert low <= found["accuracy"] <= high
    assert found["chance"] == 0.5
    assert cli_json(*words) == found
    assert cli_json(*words, "--seed", 1)["accuracy"] != found["accuracy"]
    assert "2-way 1-shot" in cli(*words)[1]


def test_evaluate_warns_on_both_channels(tiny_run, cli):
    code, out, err = cli("evaluate", "tiny", "one-shot", "--data", "digits", "--episodes", "5", "--json")
    assert code == 0
    warnings = json.loads(out)["warnings"]
    assert len(warnings) == 2
    assert err == "".join(f"siamese: warning: {w}\n" for w in warnings)


def test_evaluate_on_folders_of_pictures(tiny_run, cli_json, support, tmp_path):
    assert cli_json("evaluate", "tiny", "one-shot", "--data", support, "--episodes", "5")["n_way"] == 3
    for group in ("north", "south"):
        for c in range(3):
            for k in range(2):
                scribble(tmp_path / "groups" / group / f"c{c}" / f"{k}.png", 100 * len(group) + 10 * c + k)
    words = ["evaluate", "tiny", "one-shot", "--data", tmp_path / "groups", "--episodes", "5"]
    assert cli_json(*words)["n_way"] == 6
    assert cli_json(*words, "--within-groups")["n_way"] == 3
    assert cli_json("evaluate", "tiny", "verification", "--data", tmp_path / "groups")["classes"] == 6


def test_folds_and_signatures(tiny_run, cli, cli_json, refused, tmp_path):
    for w in range(4):
        for name, count in ((f"w{w}", 3), (f"w{w}_forg", 2)):
            for k in range(count):
                scribble(tmp_path / "hands" / name / f"{k}.png", 100 * w + 10 * count + k)
    dealt = cli_json("folds", tmp_path / "hands", "--k", "2", "--out", tmp_path / "folds")
    assert sorted(n for fold in dealt["folds"] for n in fold["hold_out"]) == ["w0", "w1", "w2", "w3"]
    assert Path(dealt["folds"][0]["file"]).read_text().split() == dealt["folds"][0]["hold_out"]
    found = cli_json("evaluate", "tiny", "signatures", "--data", tmp_path / "hands", "--references", "2")
    assert (found["protocol"], found["writers"], found["genuine"], found["forged"]) == ("signatures", 4, 12, 8)
    assert [(r["references"], r["rule"], r["forgeries"]) for r in found["rows"]] == [
        (n, rule, sort) for sort in ("skilled", "random") for n, rule in ((1, "one"), (2, "nearest"), (2, "mean"))
    ]
    assert found["eer"] == found["rows"][0]["eer"]
    assert 0 <= found["accuracy"] <= 1
    code, out, _ = cli("evaluate", "tiny", "signatures", "--data", tmp_path / "hands")
    assert code == 0
    assert out.startswith("4 writers, 12 genuine, 8 forged signatures")
    assert "no writer" in refused("evaluate", "tiny", "signatures")
    assert "too few" in refused("folds", tmp_path / "hands", "--k", "9", "--out", tmp_path / "folds")


def test_evaluate_refuses_what_cannot_be(tiny_run, refused, tmp_path, support):
    assert "20 ways" in refused("evaluate", "tiny", "one-shot", "--n-way", "20")
    assert "no data set 'nothing'" in refused("evaluate", "tiny", "one-shot", "--data", "nothing")
    assert "run01" in refused("evaluate", "tiny", "lake", "--data", tmp_path)
    assert "no groups" in refused("evaluate", "tiny", "one-shot", "--data", support, "--within-groups")
    assert "seed" in refused("evaluate", "tiny", "one-shot", "--seed", "-1")


@pytest.mark.data
def test_evaluate_lake_on_real_runs(tiny_run, cli_json):
    folder = Path(os.environ["SIAMESE_DATA"]) / "omniglot-py" / "practice_runs"
    if not folder.is_dir():
        pytest.skip("there are no practice runs in SIAMESE_DATA")
    found = cli_json("evaluate", "tiny", "lake", "--data", folder)
    assert found["trials"] == 400
    assert len(found["per_run"]) == 20
    assert 0.05 < found["accuracy"] < 1
    assert 0 < found["one_to_one_accuracy"] < 1
