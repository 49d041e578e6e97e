"""The command line: report."""

from __future__ import annotations

import json

from siamese_core.svg import percent


def test_a_report_of_the_runs_own_test_classes(tiny_run, cli_json, cli, tmp_path):
    out = tmp_path / "report.html"
    found = cli_json("report", "tiny", "--out", out, "--max-pairs", "300")
    text = out.read_text(encoding="utf-8")
    assert found["out"] == str(out)
    assert (found["classes"], found["pairs"]) == (2, 600)
    assert percent(found["eer"]) in text
    assert f"{found['auc']:.3f}" in text
    assert found["weights"] in text
    assert "Measured on the test classes of digits: 2 classes" in text
    assert "These are classes it has not learnt from." in text
    assert text.count("<img") == 2 * 2 * 12
    same = cli_json("evaluate", "tiny", "verification", "--max-pairs", "300")
    assert {k: found[k] for k in ("auc", "eer", "threshold", "accuracy")} == {
        k: same[k] for k in ("auc", "eer", "threshold", "accuracy")
    }
    code, said, err = cli("report", "tiny", "--out", out, "--max-pairs", "300", "--seed", "1")
    assert (code, err) == (0, "")
    assert said.startswith(f"{out}: tiny is right about ")
    assert said.count("\n") == 1


def test_a_report_on_other_data_says_what_the_run_knew(tiny_run, cli, support, tmp_path):
    out = tmp_path / "report.html"
    code, _, err = cli("report", "tiny", "--data", support, "--out", out)
    assert (code, err) == (0, "")
    text = out.read_text(encoding="utf-8")
    assert "None of these items was in its training data." in text
    assert "Measured on support: 3 classes" in text
    code, _, err = cli("report", "tiny", "--data", "digits", "--out", out, "--max-pairs", "200")
    assert code == 0
    assert "were in the run's training data" in err.replace("&#x27;", "'")
    text = out.read_text(encoding="utf-8")
    assert "has not learnt from" not in text
    assert "Not all of this is new to the network" in text


def test_a_run_without_a_threshold_has_a_report(tiny_run, cli, tmp_path):
    card = json.loads((tiny_run / "card.json").read_text())
    (tiny_run / "card.json").write_text(json.dumps(card | {"threshold": None}))
    assert cli("report", "tiny", "--out", tmp_path / "r.html", "--max-pairs", "100")[0] == 0
    assert "no threshold of its own" in (tmp_path / "r.html").read_text()


def test_report_refuses_before_it_measures(tiny_run, refused, tmp_path):
    assert ".html" in refused("report", "tiny", "--out", tmp_path / "r.pdf")
    assert "no folder" in refused("report", "tiny", "--out", tmp_path / "deep" / "r.html")
    assert "at least 1" in refused("report", "tiny", "--out", tmp_path / "r.html", "--max-pairs", "0")
    assert "at least 0" in refused("report", "tiny", "--out", tmp_path / "r.html", "--seed", "-1")
    refused("report", "nobody", "--out", tmp_path / "r.html")
    refused("report", "tiny", "--data", tmp_path / "nowhere", "--out", tmp_path / "r.html")
    assert not list(tmp_path.glob("*.html"))
