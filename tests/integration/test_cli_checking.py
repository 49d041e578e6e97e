"""The command line: check."""

from __future__ import annotations


def test_check_tells_each_finding(tiny_run, cli, cli_json):
    found = cli_json("check", "tiny")
    assert found["items"] == {"train": 1083, "validation": 360, "test": 354} | found["items"]
    kinds = [f["kind"] for f in found["findings"]]
    assert {"classes", "duplicates", "near copies", "border", "statistics", "constant output"} <= set(kinds)
    rank = ["problem", "look", "fine"]
    severities = [rank.index(f["severity"]) for f in found["findings"]]
    assert severities == sorted(severities)
    assert found["worst"] == rank[severities[0]]
    code, out, _ = cli("check", "tiny")
    assert code == 0
    assert out.splitlines() == [f"[{f['severity']}] {f['sentence']}" for f in found["findings"]]


def test_check_against_other_data_finds_what_was_trained_on(tiny_run, cli_json):
    found = cli_json("check", "tiny", "--data", "digits")
    assert found["worst"] == "problem"
    copies = next(f for f in found["findings"] if f["kind"] == "duplicates")
    assert copies["details"]["count"] == found["items"]["train"]
    assert copies["pictures"][0][0]["part"] == "given"


def test_check_refuses_what_cannot_be(tiny_run, refused):
    assert "at least 0" in refused("check", "tiny", "--seed", "-1")
    assert "no data set" in refused("check", "tiny", "--data", "no-such-set")
