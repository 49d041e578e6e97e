"""The command line: support sets, rules and "none of these"."""

from __future__ import annotations

import shutil

import pytest

from siamese_core import support_files


def test_auto_says_what_it_chose_and_why(tiny_run, cli, cli_json, support, pictures):
    found = cli_json("classify", "tiny", "--support", support, pictures[0])
    assert found["rule"] in ("nearest", "prototype", "head")
    assert found["asked_rule"] == "auto"
    assert "left out in turn" in found["reason"]
    assert set(found["leave_one_out"]) == {"nearest", "prototype", "head"}
    assert cli("classify", "tiny", "--support", support, pictures[0])[1].startswith("Of 6 examples")
    asked = cli_json("classify", "tiny", "--support", support, pictures[0], "--rule", "head")
    assert (asked["rule"], asked["reason"]) == ("head", None)


def test_a_saved_support_set_is_the_same_as_its_folder(tiny_run, cli_json, support, pictures, tmp_path):
    path = tmp_path / "mine.zip"
    path.write_bytes(support_files.load(support).to_bytes())
    words = [*pictures[:2], "--rule", "nearest"]
    folder = cli_json("classify", "tiny", "--support", support, *words)["queries"]
    zipped = cli_json("classify", "tiny", "--support", path, *words)["queries"]
    assert [q["distances"] for q in folder] == [q["distances"] for q in zipped]
    assert zipped[0]["nearest"].startswith("pictures/")


def test_none_of_these_has_no_label_and_says_why(cli, cli_json, support, pictures):
    words = [
        "classify",
        "starter",
        "--support",
        support,
        *pictures[:2],
        support / "loop" / "0.png",
        "--rule",
        "nearest",
    ]
    closed = cli_json(*words)
    assert all(q["label"] and q["why"] is None for q in closed["queries"])
    assert closed["reject"] is None
    found = cli_json(*words, "--reject", "0.01")
    assert found["reject"]["rate"] == 0.01
    assert found["reject"]["by"] == "episodes"
    for q in found["queries"]:
        far = q["score"] > found["reject"]["bound"]
        assert (q["label"] is None) is far
        assert q["why"] == ("none of these" if far else None)
        assert q["foreign_as_near"] is not None
        assert 0 < q["probability"] < 1
    assert found["queries"][2]["label"] == "loop"
    assert found["queries"][2]["same_as"] == str(support / "loop" / "0.png")
    code, _, err = cli(*words, "--reject", "0.01")
    assert code == 0
    assert "is the same picture as an example" in err


def test_a_folder_of_class_folders_gives_accuracy_and_confusion(cli, cli_json, support, tmp_path):
    asked = tmp_path / "asked"
    shutil.copytree(support, asked)
    (asked / "loop").rename(asked / "moon")
    found = cli_json("classify", "starter", "--support", support, asked, "--rule", "nearest", "--reject", "0.1")
    assert found["confusion"]["rows"] == ["cross", "wave", "another class"]
    assert sum(map(sum, found["confusion"]["counts"])) == 6 == len(found["queries"])
    assert found["accuracy"] == pytest.approx(4 / 6)  # what is called moon here is an example of loop
    assert {q["truth"] for q in found["queries"]} == {"cross", "moon", "wave"}
    out = cli("classify", "starter", "--support", support, asked, "--rule", "nearest", "--reject", "0.1")[1]
    assert "4 of 6 right" in out
    assert "another class" in out
    plain = cli_json("classify", "starter", "--support", support, asked / "cross")
    assert "accuracy" not in plain
    assert [q["truth"] for q in plain["queries"]] == [None, None]


def test_top_and_augment(cli_json, support, pictures):
    found = cli_json("classify", "starter", "--support", support, pictures[0], "--augment", "--top", "2")
    top = found["queries"][0]["top"]
    assert found["augment"] is True
    assert [t["class"] for t in top] == list(found["queries"][0]["distances"])[:2]
    assert all(t["nearest"].startswith(str(support / t["class"])) for t in top)


def test_what_cannot_be_asked(tiny_run, refused, support, pictures, tmp_path):
    words = ("classify", "tiny", "--support", support, pictures[0])
    assert "not calibrated" in refused(*words, "--reject", "0.1")
    assert "false accept rate" in refused(*words, "--reject", "lots")
    assert "between" in refused(*words, "--reject", "2")
    assert "at least 1" in refused(*words, "--top", "0")
    (tmp_path / "empty").mkdir()
    assert "no picture" in refused("classify", "tiny", "--support", support, tmp_path / "empty")
    (tmp_path / "bad.zip").write_bytes(b"x")
    assert "bad.zip" in refused("classify", "tiny", "--support", tmp_path / "bad.zip", pictures[0])


def test_open_set_and_laboratory_are_protocols(cli, cli_json, refused):
    words = [
        "evaluate",
        "starter",
        "open-set",
        "--data",
        "digits",
        "--n-way",
        "5",
        "--episodes",
        "20",
        "--reject",
        "0.2",
    ]
    found = cli_json(*words)
    assert 0.5 < found["auroc"] <= 1
    low, high = found["interval"]
    assert low <= found["auroc"] <= high
    assert found["rate"] == 0.2
    assert 0 <= found["far"] <= 1
    assert 0 <= found["frr"] <= 1
    assert found["queries"] == found["foreign"] == 100
    assert "of other classes are named" in cli(*words)[1]
    assert "go with open-set" in refused("evaluate", "starter", "one-shot", "--data", "digits", "--augment")
    found = cli_json("evaluate", "starter", "laboratory", "--data", "digits", "--episodes", "3")
    assert {c["n_way"] for c in found["cells"]} == {2, 5, 10}
    assert all(c["low"] <= c["accuracy"] <= c["high"] for c in found["cells"])
    assert "plain pixels" in cli("evaluate", "starter", "laboratory", "--data", "digits", "--episodes", "3")[1]
