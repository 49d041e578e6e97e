"""The command line: what it prints, what it refuses and how, and that it is quick to say so."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from siamese_core import bench, map_jobs, runs
from siamese_core.cli import main
from siamese_core.cli.parser import build, given_settings
from siamese_core.config import TrainConfig
from siamese_core.files import write_json
from siamese_core.runs import Run

ROOT = Path(__file__).resolve().parents[2]
TINY = [
    "train", "digits", "--extra-classes", "none", "--image-size", "12", "--width", "8", "--embedding-size", "8",
    "--classes-per-batch", "5", "--items-per-class", "3", "--no-class-copies", "--steps-per-epoch", "4",
    "--max-seconds", "0", "--device", "cpu",
]  # fmt: skip


@pytest.fixture
def cli(capsys):
    """Run a command in this process: (exit code, stdout, stderr)."""

    def run(*words):
        code = main([str(w) for w in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def cli_json(cli):
    """Run a command with --json that must succeed; its object."""

    def run(*words):
        code, out, err = cli(*words, "--json")
        assert code == 0, err
        assert out.count("\n") == 1
        return json.loads(out)

    return run


@pytest.fixture
def refused(cli):
    """Run a command that must be refused: exit 2, one line on stderr, nothing on stdout. The line."""

    def run(*words):
        code, out, err = cli(*words)
        assert code == 2, (out, err)
        assert out == ""
        assert err.startswith("siamese: ")
        assert err.count("\n") == 1
        return err

    return run


def command(*words, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "siamese_core", *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, **more,
    )  # fmt: skip


def scribble(path, seed=0, size=64):
    rng = np.random.default_rng(seed)
    image = Image.new("L", (size, size), 255)
    ImageDraw.Draw(image).line([tuple(p) for p in rng.integers(8, size - 8, size=(6, 2)).tolist()], fill=0, width=5)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


@pytest.fixture
def pictures(tmp_path):
    """Three different scribbles."""
    return [scribble(tmp_path / f"{i}.png", i) for i in range(3)]


@pytest.fixture
def support(tmp_path):
    """A support set of three classes with two pictures each."""
    for c, name in enumerate(("cross", "loop", "wave")):
        for k in range(2):
            scribble(tmp_path / "support" / name / f"{k}.png", 10 * c + k)
    return tmp_path / "support"


# ---- words ----


def test_help_is_quick_to_come_because_it_imports_nothing_heavy():
    code = (
        "import sys; from siamese_core.cli import main\n"
        "assert main(['--help']) == 0 and main(['train', '--help']) == 0\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'numpy', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "COMMAND" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        [], ["frobnicate"], ["train"], ["train", "digits", "--colour", "red"], ["train", "digits", "--epoch", "3"],
        ["train", "digits", "--epochs", "many"], ["compare", "starter", "a.png"], ["evaluate", "starter", "guess"],
        ["classify", "starter", "--support", "x"], ["map", "starter"],
    ],
)  # fmt: skip
def test_wrong_words_are_one_line_and_code_2(refused, words):
    assert "--help" in refused(*words)


def test_every_setting_is_an_option_and_arrives_with_its_type():
    words = ["train", "digits"]
    expected = {}
    for f in fields(TrainConfig):
        if f.name in ("dataset", "hold_out"):
            continue
        flag = "--" + f.name.replace("_", "-")
        if isinstance(f.default, bool):
            expected[f.name] = not f.default
            words.append(flag if not f.default else flag.replace("--", "--no-"))
        else:
            expected[f.name] = f.metadata["choices"][-1] if f.metadata["choices"] else type(f.default)(3)
            words += [flag, str(expected[f.name])]
    assert given_settings(build().parse_args(words)) == expected
    assert given_settings(build().parse_args(["train", "digits"])) == {}


# ---- compare ----


def test_compare_a_picture_with_itself_and_with_another(tiny_run, cli, cli_json, pictures):
    a, b, _ = pictures
    found = cli_json("compare", "tiny", a, a)
    assert found["distance"] == 0
    assert found["same"] is True
    assert found["threshold"] == 0.02
    assert found["probability"] is None
    other = cli_json("compare", tiny_run, a, b)
    assert other["distance"] > 0
    assert other["same"] is (other["distance"] <= 0.02)
    assert cli_json("compare", "tiny", b, a)["distance"] == pytest.approx(other["distance"], abs=1e-6)
    code, out, err = cli("compare", "tiny", a, a)
    assert (code, err) == (0, "")
    assert out.startswith("Same: distance 0 ")


def test_compare_without_a_threshold_gives_no_verdict(tiny_run, cli_json, pictures):
    (tiny_run / "card.json").unlink()
    found = cli_json("compare", "tiny", *pictures[:2])
    assert found["same"] is None
    assert found["threshold"] is None
    assert "no threshold" in found["text"]


def test_either_polarity_is_the_same_to_a_network_of_ink(tiny_run, cli_json, pictures, tmp_path):
    image = Image.open(pictures[0])
    image.point(lambda v: 255 - v).save(tmp_path / "chalk.png")
    assert cli_json("compare", "tiny", pictures[0], tmp_path / "chalk.png")["distance"] < 1e-4


def test_bad_pictures_are_named(tiny_run, refused, pictures, tmp_path):
    good, *_ = pictures
    whole = good.read_bytes()
    cases = {"empty.png": b"", "text.png": b"hello, I am no picture", "cut.png": whole[: len(whole) // 2]}
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        assert name in refused("compare", "tiny", good, tmp_path / name)
    assert "no file" in refused("compare", "tiny", good, tmp_path / "missing.png")
    assert "is a folder" in refused("compare", "tiny", good, tmp_path)


def test_bad_runs_are_named(tiny_run, refused, pictures):
    assert "no run 'tinny'" in refused("compare", "tinny", *pictures[:2])
    path = tiny_run / "best.safetensors"
    path.write_bytes(path.read_bytes()[:500])
    assert "cut short" in refused("compare", "tiny", *pictures[:2])
    path.unlink()
    assert "no trained weights" in refused("compare", "tiny", *pictures[:2])
    (tiny_run / "config.json").write_text("{")
    assert "config.json" in refused("compare", "tiny", *pictures[:2])


def test_a_device_that_is_not_there(tiny_run, refused, pictures):
    assert "abacus" in refused("compare", "tiny", *pictures[:2], "--device", "abacus")


# ---- classify ----


@pytest.mark.parametrize("rule", ["nearest", "prototype"])
def test_classify_finds_the_support_pictures_themselves(tiny_run, cli_json, support, rule):
    queries = [support / "loop" / "0.png", support / "wave" / "1.png"]
    found = cli_json("classify", "tiny", "--support", support, *queries, "--rule", rule)
    first, second = found["queries"]
    assert first["file"] == str(queries[0])
    assert first["nearest"] == str(queries[0])
    assert first["tied"] is False
    assert set(first["scores"]) == {"cross", "loop", "wave"}
    assert max(first["scores"], key=first["scores"].get) == first["label"]
    assert first["scores"]["cross"] == -first["distances"]["cross"]
    if rule == "nearest":
        assert [q["label"] for q in found["queries"]] == ["loop", "wave"]
        assert second["distances"]["wave"] == 0


def test_a_tie_has_no_label(tiny_run, cli, cli_json, support):
    (support / "cross" / "same.png").write_bytes((support / "loop" / "0.png").read_bytes())
    words = ["classify", "tiny", "--support", support, support / "loop" / "0.png"]
    query = cli_json(*words)["queries"][0]
    assert query["label"] is None
    assert query["tied"] is True
    assert "equally near" in cli(*words)[1]


def test_classify_passes_over_side_files_but_not_over_broken_pictures(tiny_run, cli_json, refused, support):
    (support / "loop" / ".hidden.png").write_bytes(b"x")
    (support / "loop" / "notes.txt").write_text("about the loops")
    words = ["classify", "tiny", "--support", support, support / "loop" / "0.png"]
    assert cli_json(*words)["queries"][0]["label"] == "loop"
    (support / "loop" / "broken.png").write_bytes(b"x")
    assert "broken.png" in refused(*words)


def test_support_sets_that_cannot_be(tiny_run, refused, support, pictures, tmp_path):
    query = pictures[0]
    assert "no folder" in refused("classify", "tiny", "--support", tmp_path / "none", query)
    assert "no class folders" in refused("classify", "tiny", "--support", support / "loop", query)
    (support / "empty").mkdir()
    assert "has no picture" in refused("classify", "tiny", "--support", support, query)
    alone = tmp_path / "alone"
    scribble(alone / "one" / "a.png")
    assert "at least two classes" in refused("classify", "tiny", "--support", alone, query)


# ---- evaluate ----


def test_evaluate_verification(tiny_run, cli, cli_json):
    found = cli_json("evaluate", "tiny", "verification", "--max-pairs", "500")
    assert 0.5 < found["auc"] <= 1
    assert found["pairs"] == 1000
    assert found["threshold"] == 0.02
    assert found["ece"] is None
    assert found["brier"] is None
    assert found["warnings"] == []
    code, out, _ = cli("evaluate", "tiny", "verification", "--max-pairs", "500")
    assert code == 0
    assert out.startswith("AUC 0.")


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


# ---- map ----


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


# ---- train, stop, resume, runs ----


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


def until(condition, seconds=90.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


# ---- the rest ----


def test_a_reader_that_has_seen_enough_is_no_error(tiny_run):
    process = command("runs", "--json", env=os.environ | {"SIAMESE_RUNS": str(tiny_run.parent)})
    process.stdout.close()
    assert process.wait(60) in (0, 141)
    assert process.stderr.read() == ""
    process.stderr.close()


def test_an_interrupt_is_clean(cli, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "all_runs", interrupt)
    code, out, err = cli("runs")
    assert (code, out, err) == (130, "", "siamese: Interrupted.\n")


def test_a_bug_keeps_its_traceback(cli, monkeypatch):
    def break_(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(runs, "all_runs", break_)
    with pytest.raises(ZeroDivisionError):
        cli("runs")


def test_benchmarks_are_found_by_name(refused, cli_json, tmp_path, monkeypatch):
    assert "encode" in bench.names()
    assert "no benchmark 'nothing'" in refused("bench", "nothing")
    (tmp_path / "small.py").write_text(
        "def run():\n    return {'headline': {'what': 'ratio', 'value': 2.0}, 'rows': [{'n': 1}]}\n"
    )
    found = bench.run("small", tmp_path)
    assert found == {"name": "small", "headline": {"what": "ratio", "value": 2.0}, "rows": [{"n": 1}]}
    (tmp_path / "wrong.py").write_text("def run():\n    return []\n")
    with pytest.raises(TypeError, match=r"wrong\.py"):
        bench.run("wrong", tmp_path)


def test_the_encoding_benchmark_has_the_shape_of_all():
    import importlib.util

    spec = importlib.util.spec_from_file_location("encode", ROOT / "benchmarks" / "encode.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = module.run(items=8, rounds=1)
    assert found["name"] == "encode"
    assert found["headline"]["value"] > 0
    assert len(found["rows"]) == 2
