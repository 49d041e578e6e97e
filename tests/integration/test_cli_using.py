"""The command line: compare and classify."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.commands import scribble
from tests.ready import make_it_see_faces


def test_compare_a_picture_with_itself_and_with_another(tiny_run, cli, cli_json, pictures):
    a, b, _ = pictures
    found = cli_json("compare", "tiny", a, a)
    assert found["distance"] == pytest.approx(0, abs=1e-6)
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


def test_compare_by_a_calibrated_run_decides(tiny_run, cli, cli_json, pictures):
    found = cli_json("compare", "starter", pictures[0], pictures[0])
    assert found["verdict"] == "same"
    assert 0.9 <= found["probability"] < 1
    for name in ("far", "frr"):
        low, high = found[f"{name}_interval"]
        assert 0 < low < found[name] < high < 0.2
    assert found["far_here"] == 0
    assert cli("compare", "starter", pictures[0], pictures[0])[1].startswith("Same: the probability of same is 9")
    plain = cli_json("compare", "tiny", *pictures[:2])
    assert {plain[k] for k in ("verdict", "probability", "far", "far_interval", "frr", "frr_interval")} == {None}


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
        assert second["distances"]["wave"] == pytest.approx(0, abs=1e-6)


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


def test_a_run_of_faces_says_where_it_found_none(tiny_run, cli, pictures, support):
    make_it_see_faces(tiny_run)
    code, out, err = cli("compare", "tiny", *pictures[:2])
    assert code == 0
    assert out.startswith(("Same", "Different"))
    assert [f"No face was found in {p}; its centre is used." in err for p in pictures] == [True, True, False]
    code, _, err = cli("classify", "tiny", "--support", support, *pictures[:2])
    assert code == 0
    assert "In 6 of 6 examples no face was found; their centre is used." in err
    assert "In 2 of 2 queries no face was found; their centre is used." in err
    code, _, err = cli("evaluate", "tiny", "verification", "--data", support)
    assert code == 0
    assert "In 6 of 6 pictures no face was found; their centre is used." in err


def test_a_run_of_faces_without_opencv_is_one_sentence(tiny_run, no_opencv, refused, pictures, support):
    make_it_see_faces(tiny_run)
    for words in (
        ("compare", "tiny", *pictures[:2]),
        ("classify", "tiny", "--support", support, pictures[0]),
        ("evaluate", "tiny", "verification", "--data", support),
        ("train", support, "--crop", "face"),
    ):
        assert "pip install -r requirements-extras.txt" in refused(*words)
