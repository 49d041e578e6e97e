"""The command line: its words and settings, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields

import pytest

from siamese_core import bench, runs
from siamese_core.cli.parser import build, given_settings
from siamese_core.config import TrainConfig
from tests.commands import ROOT, command


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
        [], ["frobnicate"], ["train"], ["train", "digits", "--hue", "red"], ["train", "digits", "--epoch", "3"],
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


def test_the_verification_benchmark_has_the_shape_of_all():
    found = bench.load("verification").run(pairs=3000, identities=(20, 400))
    assert found["name"] == "verification"
    assert found["headline"]["value"] == max(row["seconds"] for row in found["rows"]) > 0
    assert [row["identities"] for row in found["rows"]] == [20, 400]
