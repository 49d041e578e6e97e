"""The command line: health."""

from __future__ import annotations


def test_health_tells_each_figure(tiny_run, cli, cli_json):
    found = cli_json("health", "tiny")
    assert (found["items"], found["classes"], found["dims"], found["measured"]) == (354, 2, 16, 354)
    assert (found["run"], found["data"], found["epochs"]) == ("tiny", "its test classes", None)
    figures = ["collapse", "separation", "confusion", "sphere", "rank", "hubs"]
    assert [r["figure"] for r in found["readings"]] == figures
    assert set(found["health"]) == set(found["pixels"])
    assert 0 < found["health"]["effective_rank"] < 16
    assert found["health"]["uniformity"] < 0
    assert found["confusion_interval"] is None  # two classes do not tell of others
    assert found["worst"] in ("fine", "look", "problem")
    code, out, _ = cli("health", "tiny")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "354 pictures of 2 classes, 16 numbers each."
    assert [line.split("]")[0][1:] for line in lines[1:7]] == [r["severity"] for r in found["readings"]]
    assert "plain pixels: d′" in lines[2]


def test_health_on_other_data_warns_of_what_was_trained_on(tiny_run, cli, cli_json):
    code, _, err = cli("health", "tiny", "--data", "digits")
    assert code == 0
    assert "were in the run's training data" in err
    one, again = (cli_json("health", "tiny", "--data", "digits", "--seed", "3") for _ in range(2))
    assert one == again
    assert one["confusion_interval"][0] < one["health"]["confusion"] < one["confusion_interval"][1]


def test_health_refuses_what_cannot_be(tiny_run, refused, pictures, tmp_path):
    assert "at least 0" in refused("health", "tiny", "--seed", "-1")
    assert "no data set" in refused("health", "tiny", "--data", "no-such-set")
    assert "no run" in refused("health", "nobody").lower()
