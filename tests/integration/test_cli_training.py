"""The command line: train, stop, resume and runs."""

from __future__ import annotations

import json
import signal

import pytest

from siamese_core.files import write_json
from siamese_core.runs import Run
from tests.commands import TINY, command
from tests.waiting import until


def test_runs_are_listed(tiny_run, cli, cli_json):
    (tiny_run.parent / "broken").mkdir()
    (tiny_run.parent / "broken" / "config.json").write_text("{")
    rows = {r["name"]: r for r in cli_json("runs")["runs"]}
    assert rows["tiny"]["state"] == "finished"
    assert rows["tiny"]["auc"] == 0.9
    assert rows["broken"]["state"] == "unreadable"
    _, out, _ = cli("runs")
    assert [line.split()[0] for line in out.splitlines()] == ["run", *rows]


def test_an_empty_runs_folder_is_no_mistake(runs_folder, cli, cli_json):
    assert cli_json("runs")["runs"] == []
    assert "no runs" in cli("runs")[1]


def test_settings_that_cannot_be_are_told_all_at_once(runs_folder, refused):
    line = refused("train", "digits", "--loss", "supcon", "--distance", "euclidean", "--width", "1", "--epochs", "0")
    for word in ("distance", "Width", "Epochs"):
        assert word in line
    assert "no preset 'best'" in refused("train", "digits", "--preset", "best")
    assert "no data set 'digitz'" in refused("train", "digitz")
    assert "cannot be read" in refused("train", "digits", "--hold-out", "@nowhere.txt")
    assert "run's name" in refused("train", "digits", "--name", "a/b")
    assert list(runs_folder.iterdir()) == []


def test_stop_and_resume_refuse_a_finished_run(tiny_run, refused):
    assert "not training" in refused("stop", "tiny")
    assert "is finished" in refused("resume", "tiny")
    assert "no run" in refused("resume", "nobody")


@pytest.mark.slow
def test_train_prints_the_folder_last_and_can_be_used(runs_folder, tmp_path, cli, cli_json):
    names = tmp_path / "held.txt"
    names.write_text("3\n5\n8\n")
    code, out, err = cli(*TINY, "--epochs", "2", "--name", "first", "--hold-out", f"@{names}")
    assert code == 0, err
    assert out == f"{runs_folder / 'first'}\n"
    assert sum(line.startswith("epoch ") for line in err.splitlines()) == 2
    run = Run(runs_folder / "first")
    assert run.manifest()["split"]["test"] == ["3", "5", "8"]
    assert run.config().hold_out == ("3", "5", "8")
    found = cli_json("evaluate", "first", "verification", "--max-pairs", "200")
    assert found["classes"] == 3
    assert found["threshold"] == run.card()["threshold"]
    assert found["warnings"] == []


@pytest.mark.slow
def test_a_training_that_fails_by_a_mistake_is_code_2(runs_folder, cli, support):
    code, out, err = cli(*TINY, "--epochs", "1", "--hold-out", "eleven,twelve")
    assert (code, out) == (2, "")
    assert "'eleven'" in err.splitlines()[-1]


@pytest.mark.slow
def test_stop_from_elsewhere_then_resume(runs_folder, cli, cli_json):
    process = command(*TINY, "--epochs", "4000", "--name", "long")
    run = Run(runs_folder / "long")
    until(lambda: run.has_weights() and run.status().epoch >= 2)
    assert cli_json("stop", "long")["asked"] is True
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out.splitlines()[-1] == str(run.folder)
    assert run.status().state == "stopped"
    before = len(run.history().epochs)

    value = json.loads((run.folder / "config.json").read_text())
    value["config"]["epochs"] = before + 2
    write_json(run.folder / "config.json", value)
    code, out, err = cli("resume", "long")
    assert code == 0, err
    assert out == f"{run.folder}\n"
    assert "Going on at step" in err
    assert "epoch 1/" not in err  # only what is new
    assert run.status().state == "finished"


@pytest.mark.slow
def test_ctrl_c_saves_and_stops(runs_folder):
    process = command(*TINY, "--epochs", "4000", "--name", "broken-off", "--json")
    run = Run(runs_folder / "broken-off")
    until(lambda: run.has_weights() and run.status().epoch >= 1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert json.loads(out)["state"] == "stopped"
    assert (run.folder / "optimiser.safetensors").is_file()
    lines = err.splitlines()
    assert len(set(lines)) == len(lines)  # nothing is told twice
