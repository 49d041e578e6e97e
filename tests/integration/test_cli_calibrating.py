"""The command line: calibrate, on a table of pairs, and of what must stay as it is."""

from __future__ import annotations

import json

import pytest

from siamese_core import runs, trained
from siamese_core.files import read_json
from siamese_core.runs import Run
from tests import digit_pairs
from tests.pictures import zipped


@pytest.fixture
def images(tmp_path):
    """Pictures of classes that the run has not learnt from, as a zip."""
    return zipped(tmp_path / "pictures.zip", digit_pairs.pictures())


@pytest.fixture
def table(tmp_path):
    """60 labelled pairs of them."""
    path = tmp_path / "pairs.csv"
    path.write_text(digit_pairs.table(digit_pairs.rows()))
    return path


def test_a_table_decides_from_then_on(tiny_run, cli, cli_json, images, table):
    words = ["calibrate", "tiny", "--pairs", table, "--images", images]
    made = cli_json(*words)
    found = made["calibration"]
    assert (made["run"], made["saved"], made["warnings"], made["broken"]) == ("tiny", "tiny", [], [])
    assert found["source"] == "60 pairs of pairs.csv"
    assert made["far_low"] <= made["far"] <= made["far_high"]
    model = trained.load(Run(tiny_run))
    assert model.threshold == model.calibration.threshold == found["threshold"] == Run(tiny_run).card()["threshold"]
    scored = cli_json("score", "tiny", "--pairs", table, "--images", images)
    assert scored["threshold"] == found["threshold"]
    assert all(row[5] is not None for row in scored["rows"])
    other = cli_json(*words, "--operating-point", "accuracy", "--method", "isotonic", "--certainty", "0.8")[
        "calibration"
    ]
    assert (other["operating_point"], other["method"], other["certainty"]) == ("accuracy", "isotonic", 0.8)
    assert Run(tiny_run).card()["calibration_before"]["calibration"] == found
    code, out, err = cli(*words)
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert "fitted on 60 pairs of pairs.csv" in out


def test_rows_that_cannot_be_used_are_told_as_in_score(tiny_run, cli, images, table):
    table.write_text(
        table.read_text() + "8/0.png,gone.png,1\n8/0.png,9/0.png,maybe\n8/1.png,8/1.png,1\n8/0.png,9/1.png,\n"
    )
    code, out, err = cli("calibrate", "tiny", "--pairs", table, "--images", images, "--json")
    assert code == 0
    made = json.loads(out)
    assert [b["row"] for b in made["broken"]] == [62, 63]
    assert made["broken_count"] == 2
    lines = err.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["row 62", "row 63", "warning"]
    assert "2 that could not be scored, 1 without a label, 1 with the same picture on both sides" in lines[2]


def test_what_the_label_one_means_can_be_said(tiny_run, cli_json, refused, images, table):
    words = ["calibrate", "tiny", "--images", images, "--pairs"]
    plain = cli_json(*words, table)["calibration"]
    turned = table.with_name("turned.csv")
    turned.write_text(digit_pairs.table([(a, b, 1 - same) for a, b, same in digit_pairs.rows()]))
    assert cli_json(*words, turned, "--label-one", "different")["calibration"]["digest"] == plain["digest"]
    assert "say what the label 1 means" in refused(*words, turned)


def test_what_cannot_be_is_refused_and_the_card_stays(tiny_run, refused, images, table, tmp_path):
    before = (tiny_run / "card.json").read_bytes()
    words, pairs = ["calibrate", "tiny"], ["--pairs", table, "--images", images]
    for wrong in (["--pairs", table], ["--images", images], [*pairs, "--data", "digits"]):
        assert "Give either --data DIR, or --pairs CSV with --images" in refused(*words, *wrong)
    assert "--label-one goes with --pairs" in refused(*words, "--label-one", "different")
    assert "--per-class goes with" in refused(*words, *pairs, "--per-class")
    assert "prior" in refused(*words, *pairs, "--prior", "1")
    assert "not there" in refused(*words, "--pairs", tmp_path / "none.csv", "--images", images)
    assert "no folder or zip" in refused(*words, "--pairs", table, "--images", tmp_path / "none")
    assert "at least 1,000 different pairs" in refused(*words, *pairs, "--operating-point", "far", "--far", "0.001")
    for text, why in (
        ("image_a,label\nx,1\n", "image_b"),
        (digit_pairs.table([r for r in digit_pairs.rows() if r[2]]), "30 and 0"),
        (digit_pairs.table(digit_pairs.rows())[:200], "give more labelled pairs"),
        ("image_a,image_b,label\nx.png,y.png,1\n", "None of the 1 rows can be scored; row 2: There is no picture"),
    ):
        table.write_text(text)
        assert why in refused(*words, *pairs)
    assert (tiny_run / "card.json").read_bytes() == before


def test_pictures_of_the_training_are_refused(tiny_run, refused, tmp_path):
    seen = (2, 5)
    images = zipped(tmp_path / "seen.zip", digit_pairs.pictures(seen))
    (tmp_path / "seen.csv").write_text(digit_pairs.table(digit_pairs.rows(seen)))
    assert "were in the run's training data" in refused(
        "calibrate", "tiny", "--pairs", tmp_path / "seen.csv", "--images", images
    )


def test_it_can_be_saved_with_a_copy_while_the_run_stays_as_it_is(tiny_run, cli_json, refused, images, table):
    before = {p.name: p.read_bytes() for p in tiny_run.iterdir() if p.is_file()}
    words = ["calibrate", "tiny", "--pairs", table, "--images", images, "--save-as"]
    made = cli_json(*words, "mine")
    assert (made["run"], made["saved"]) == ("tiny", "mine")
    assert {p.name: p.read_bytes() for p in tiny_run.iterdir() if p.is_file()} == before
    card = read_json(tiny_run.parent / "mine" / "card.json")
    assert card["calibration"] == made["calibration"]
    assert "already a run called 'mine'" in refused(*words, "mine")
    assert "cannot be a run's name" in refused(*words, "../mine")


def test_the_starter_is_measured_but_never_changed(
    finished_run, runs_folder, monkeypatch, cli, cli_json, images, table
):
    monkeypatch.setattr(runs, "STARTER", finished_run)
    before = {p.name: p.read_bytes() for p in finished_run.iterdir() if p.is_file()}
    words = ["calibrate", "starter", "--pairs", table, "--images", images]
    code, out, err = cli(*words, "--json")
    made = json.loads(out)
    assert (code, made["saved"]) == (0, None)
    assert made["far_low"] <= made["far"] <= made["far_high"]
    assert "stays as it is, so this was not saved; --save-as NAME" in err
    assert cli_json(*words, "--save-as", "mine")["saved"] == "mine"
    assert {p.name: p.read_bytes() for p in finished_run.iterdir() if p.is_file()} == before
    assert trained.load(Run(runs_folder / "mine")).calibration is not None
