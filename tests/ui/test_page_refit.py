"""Threshold and probabilities on Evaluate and Compare: fitted anew, looked at, saved, and put back."""

from __future__ import annotations

import numpy as np
import pytest
import worlds

from pages.parts import later, refit_view, refit_work, show, uploads
from siamese_core import calibrate, calibration, calibration_card, pair_scoring, runs
from siamese_core.calibration_card import Kept
from siamese_core.files import read_json, write_json
from siamese_core.runs import Run
from siamese_core.scored import ScoredPairs
from tests import digit_pairs

pytestmark = pytest.mark.usefixtures("no_starter")
TABLE = digit_pairs.table(digit_pairs.rows())


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Work beside a page is done before the page goes on."""
    monkeypatch.setattr(later, "_spawn", lambda work: work.run())


@pytest.fixture
def evaluate(world):
    world("finished")
    return worlds.visit("evaluate", "finished")


@pytest.fixture
def run(runs_folder):
    return Run(runs_folder / "finished")


def keys(app, kind: str = "button") -> set[str]:
    return {w.key for w in getattr(app, kind)}


def press(app, key: str):
    app.button(key=key).click().run()
    return app


def source(app, key: str):
    return app.selectbox(key="evaluate_refit_source").set_value(key).run()


def give(app, where: str = "evaluate_refit", table: str | bytes = TABLE, pictures: bytes | None = None):
    data = table if isinstance(table, bytes) else table.encode()
    app.file_uploader(key=f"{where}_csv").set_value(("mine.csv", data, "text/csv"))
    zipped = worlds.zipped(digit_pairs.pictures()) if pictures is None else pictures
    app.file_uploader(key=f"{where}_zip").set_value(("mine.zip", zipped, "application/zip"))
    return app.run()


def fitted(app, page: str = "evaluate"):
    press(app, f"{page}_refit_start")
    assert not worlds.told(app)
    assert "| | Now | Fitted |" in worlds.words(app)
    return app


def test_nothing_changes_before_it_is_saved_and_it_can_be_put_back(evaluate, run):
    assert not worlds.told(evaluate)
    assert "has a threshold of **0.02**, but no probabilities" in worlds.words(evaluate)
    assert "evaluate_refit_back" not in keys(evaluate)
    card = run.card()
    app = fitted(evaluate)
    assert len(app.get("plotly_chart")) == 1
    assert run.card() == card
    press(app, "evaluate_refit_save")
    assert not worlds.told(app)
    now = calibration_card.now(run)
    assert now.calibration.source == "2 validation classes of digits"
    assert "**finished** now decides by the threshold" in app.success[0].value
    assert [m.label for m in app.metric] == ["Threshold", "False accepts", "False rejects", "Not sure"]
    assert "Fitted on 2 validation classes of digits on " in worlds.words(app)
    assert "| | Now | Fitted |" not in worlds.words(app)
    press(app, "evaluate_refit_back")
    assert not worlds.told(app)
    assert calibration_card.now(run) == Kept(0.02)
    assert not app.metric
    press(app, "evaluate_refit_back")
    assert calibration_card.now(run).calibration == now.calibration


def test_few_identities_and_none_are_led_to_folds(evaluate, run):
    assert "calibrate finished --folds 4" not in worlds.words(evaluate)  # nothing is fitted yet
    press(fitted(evaluate), "evaluate_refit_save")
    assert "So few identities tell little of others" in worlds.words(evaluate)
    assert "calibrate finished --folds 4" in worlds.words(evaluate)
    manifest = read_json(run.folder / "config.json")
    write_json(run.folder / "config.json", manifest | {"config": manifest["config"] | {"all_classes": True}})
    card = {k: v for k, v in run.card().items() if k not in ("calibration", "threshold")}
    write_json(run.folder / "card.json", card | {"threshold": None})
    app = worlds.visit("evaluate", "finished")
    assert not worlds.told(app)
    assert "It learnt from all classes, so that none is left" in worlds.words(app)


def test_other_pages_decide_by_it_at_once(evaluate, run):
    app, said = evaluate, []
    for point in ("eer", "cost"):
        app.selectbox(key="evaluate_refit_point_finished").set_value(point).run()
        press(fitted(app), "evaluate_refit_save")
        said.append(f"threshold of {show.number(calibration_card.now(run).threshold)}")
        app.switch_page("pages/compare.py").run()
        assert said[-1] in worlds.words(app)
        app.switch_page("pages/evaluate.py").run()
    assert said[0] != said[1]


def test_an_evaluation_by_the_old_threshold_is_not_shown_as_one_by_the_new(evaluate):
    app = press(evaluate, "evaluate_start")
    assert "Equal error rate" in [m.label for m in app.metric]
    press(fitted(app), "evaluate_refit_save")
    assert "Equal error rate" not in [m.label for m in app.metric]
    press(app, "evaluate_start")
    assert not worlds.told(app)
    assert "Equal error rate" in [m.label for m in app.metric]


def test_a_table_and_a_zip(evaluate, run):
    app = source(evaluate, "table")
    assert app.button(key="evaluate_refit_start").disabled
    fitted(give(app, table=TABLE + "8/0.png,gone.png,1\n"))
    assert "1 that could not be scored" in " ".join(w.value for w in app.warning)
    assert "30 same and 30 different pairs" in worlds.words(app)
    press(app, "evaluate_refit_save")
    assert calibration_card.now(run).calibration.source == "60 pairs of mine.csv"


def test_class_folders_in_a_zip(evaluate, run):
    app = source(evaluate, "zip")
    assert app.button(key="evaluate_refit_start").disabled
    zipped = worlds.zipped(digit_pairs.pictures())
    app.file_uploader(key="evaluate_refit_classes").set_value(("mine.zip", zipped, "application/zip")).run()
    press(fitted(app), "evaluate_refit_save")
    assert calibration_card.now(run).calibration.source == "2 classes of mine"


def test_a_data_set_at_hand_but_not_the_one_it_was_trained_on(evaluate, run):
    app = source(evaluate, "glyphs")
    press(fitted(app), "evaluate_refit_save")
    assert calibration_card.now(run).calibration.source.endswith("classes of glyphs")
    assert not [w for w in app.selectbox(key="evaluate_refit_source").options if "Digits" in w]


def test_the_settings_are_those_that_it_is_fitted_with(evaluate, run):
    app = evaluate
    app.selectbox(key="evaluate_refit_point_finished").set_value("far").run()
    app.number_input(key="evaluate_refit_far_finished").set_value(2.5)
    app.number_input(key="evaluate_refit_prior_finished").set_value(20.0)
    app.number_input(key="evaluate_refit_certainty_finished").set_value(95.0)
    app.selectbox(key="evaluate_refit_method_finished").set_value("isotonic")
    press(fitted(app.run()), "evaluate_refit_save")
    found = calibration_card.now(run).calibration
    assert (found.operating_point, found.value, found.prior, found.certainty, found.method) == (
        "far", (0.025,), 0.2, 0.95, "isotonic",
    )  # fmt: skip
    fresh = worlds.visit("evaluate", "finished")  # begins where the run's own are
    assert fresh.number_input(key="evaluate_refit_far_finished").value == pytest.approx(2.5)
    assert fresh.number_input(key="evaluate_refit_prior_finished").value == pytest.approx(20.0)
    fresh.selectbox(key="evaluate_refit_point_finished").set_value("cost").run()
    press(fitted(fresh), "evaluate_refit_save")
    assert calibration_card.now(run).calibration.value == (10.0, 1.0)


def test_another_setting_is_another_fit(evaluate):
    app = fitted(evaluate)
    app.selectbox(key="evaluate_refit_point_finished").set_value("accuracy").run()
    assert "| | Now | Fitted |" not in worlds.words(app)
    app.selectbox(key="evaluate_refit_point_finished").set_value("eer").run()
    assert "| | Now | Fitted |" in worlds.words(app)


SEEN = worlds.zipped(digit_pairs.pictures((0, 1)))
BAD = {
    "a missing column": ("image_a,label\n8/0.png,1\n", None, "image_b"),
    "another separator": (digit_pairs.table(digit_pairs.rows(), "|"), None, "must name its columns"),
    "no labels": (TABLE.replace(",1\n", ",\n").replace(",0\n", ",\n"), None, "60 without a label"),
    "one kind only": (digit_pairs.table([r for r in digit_pairs.rows() if r[2]]), None, "30 and 0"),
    "labels of another kind": (TABLE.replace(",1\n", ",2\n"), None, "30 that could not be scored"),
    "absent files": (TABLE.replace("8/", "7/").replace("9/", "6/"), None, "None of the 60 rows can be scored; row 2"),
    "the same picture": ("a,b,label\n" + "8/0.png,8/0.png,1\n" * 30, None, "30 with the same picture on both sides"),
    "pictures of the training": (
        digit_pairs.table(digit_pairs.rows((0, 1))), SEEN, "were in the run's training data",
    ),
    "no zip": (TABLE, b"hello", "not a zip file"),
    "no text": (b"\xff\xfe\0", None, "UTF-16"),
}  # fmt: skip


@pytest.mark.parametrize(("table", "pictures", "why"), BAD.values(), ids=BAD)
def test_bad_files_are_one_sentence_and_can_be_changed(evaluate, run, table, pictures, why):
    before = run.card()
    app = press(give(source(evaluate, "table"), table=table, pictures=pictures), "evaluate_refit_start")
    assert len(worlds.told(app)) == 1
    assert why in worlds.told(app)[0].replace("\\", "")
    assert "evaluate_refit_save" not in keys(app)
    assert run.card() == before
    fitted(give(app))


def test_what_is_too_large_is_refused_on_the_server(evaluate, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_ZIP", 1 << 20)
    app = give(source(evaluate, "table"), pictures=b"PK" + b"x" * (2 << 20))
    assert len(worlds.told(app)) == 1
    assert "is larger than" in worlds.told(app)[0]
    assert app.button(key="evaluate_refit_start").disabled


def test_it_can_be_stopped(evaluate, monkeypatch, run):
    begun: list[later.Work] = []
    monkeypatch.setattr(later, "_spawn", begun.append)
    app = press(evaluate, "evaluate_refit_start")
    assert len(app.get("progress")) == 1
    press(app, "later_stop")
    assert "Stopped" in worlds.words(app)
    begun[0].run()
    assert begun[0].result is None
    assert "calibration" not in run.card()


def test_a_run_in_training_is_told_and_left_alone(world):
    world("running")
    app = worlds.visit("evaluate", "running")
    assert not worlds.told(app)
    assert "its threshold is fitted at the end" in worlds.words(app)
    assert not [k for k in keys(app) if k and "refit" in k]


def test_a_run_that_began_to_train_meanwhile_keeps_its_card(evaluate, world, run):
    app = fitted(evaluate)
    card = run.card()
    status = read_json(world("running") / "status.json")
    write_json(run.folder / "status.json", status)
    press(app, "evaluate_refit_save")
    assert any("is training" in t for t in worlds.told(app))
    assert run.card() == card


def test_a_calibration_that_is_broken_is_told_and_can_be_made_again(evaluate, run):
    calibrate.of_run(run)
    card = read_json(run.folder / "card.json")
    write_json(run.folder / "card.json", card | {"calibration": card["calibration"] | {"prior": 7}})
    app = worlds.visit("evaluate", "finished")
    assert len(worlds.told(app)) == 1
    assert "'prior' cannot be used" in worlds.told(app)[0].replace("\\", "")
    press(app, "evaluate_refit_start")
    press(app, "evaluate_refit_save")
    assert not worlds.told(app)
    assert calibration_card.now(run).calibration is not None


def test_a_card_that_cannot_be_written_is_told_and_what_was_fitted_stays(evaluate, run, monkeypatch):
    def full(*given):
        raise OSError(28, "No space left on device")

    app = fitted(evaluate)
    monkeypatch.setattr(calibration_card, "write_json", full)
    press(app, "evaluate_refit_save")
    assert "No space left" in worlds.told(app)[0]
    assert "| | Now | Fitted |" in worlds.words(app)


def test_the_starter_becomes_a_run_of_ones_own(finished_run, runs_folder, monkeypatch):
    monkeypatch.setattr(runs, "STARTER", finished_run)
    before = {p.name: p.read_bytes() for p in finished_run.iterdir() if p.is_file()}
    for name in ("my-starter", "my-starter-2"):
        app = fitted(worlds.visit("evaluate", "starter"))
        assert app.button(key="evaluate_refit_save").label == "Save as a run of your own"
        press(app, "evaluate_refit_save")
        assert not worlds.told(app)
        assert app.selectbox(key="evaluate_run").value == name
        assert f"**{name}** now decides by" in app.success[0].value
        assert calibration_card.now(Run(runs_folder / name)).calibration is not None
    assert {p.name: p.read_bytes() for p in finished_run.iterdir() if p.is_file()} == before


# ---- Compare, many pairs ----


@pytest.fixture
def scored(world):
    world("finished")
    app = worlds.visit("compare", "finished")
    app.segmented_control(key="compare_source").set_value("many").run()
    return press(give(app, "compare_many"), "compare_many_score")


def test_scored_pairs_are_fitted_to_and_judged_anew_without_being_scored_again(scored, run, monkeypatch):
    app = scored
    verdicts = [m.value for m in app.metric]
    monkeypatch.setattr(pair_scoring, "score", None)
    fitted(app, "compare")
    assert calibration_card.before(run) is None
    assert [m.value for m in app.metric] == verdicts
    press(app, "compare_refit_save")
    assert not worlds.told(app)
    found = calibration_card.now(run).calibration
    assert found.source == "60 pairs of mine.csv"
    assert "**finished** now decides by" in app.success[0].value
    assert "Probability" in app.dataframe[-1].value
    assert "Not sure" in [m.label for m in app.metric]
    press(app, "compare_refit_back")
    assert not worlds.told(app)
    assert [m.value for m in app.metric] == verdicts
    assert "Probability" not in app.dataframe[-1].value


def test_a_page_of_the_shell_s_making_is_noticed(scored, run):
    """The card is changed by the command line while the page is open."""
    calibrate.of_run(run)
    app = scored.run()
    assert not worlds.told(app)
    assert "Probability" in app.dataframe[-1].value


def test_pairs_without_labels_are_nothing_to_fit_to(scored):
    app = give(scored, "compare_many", TABLE.replace(",1\n", ",\n").replace(",0\n", ",\n"))
    press(app, "compare_many_score")
    assert not worlds.told(app)
    assert "compare_refit_start" not in keys(app)


def test_few_pairs_are_one_sentence_and_the_scores_stay(scored):
    app = press(give(scored, "compare_many", digit_pairs.table(digit_pairs.rows()[:25])), "compare_many_score")
    press(app, "compare_refit_start")
    assert len(worlds.told(app)) == 1
    assert "at least 20 same and 20 different pairs" in worlds.told(app)[0]
    assert app.metric


def test_the_starter_becomes_a_run_of_ones_own_with_the_scores_in_sight(finished_run, runs_folder, monkeypatch):
    monkeypatch.setattr(runs, "STARTER", finished_run)
    app = worlds.visit("compare", "starter")
    app.segmented_control(key="compare_source").set_value("many").run()
    press(give(app, "compare_many"), "compare_many_score")
    press(fitted(app, "compare"), "compare_refit_save")
    assert not worlds.told(app)
    assert app.selectbox(key="compare_run").value == "my-starter"
    assert "Probability" in app.dataframe[-1].value


# ---- words ----


def apart(gap: float, shift: float = 0.0):
    """A calibration on pairs of 40 identities whose same and different distances lie so far apart."""
    rng = np.random.default_rng(0)
    same, who = np.repeat([True, False], 400), np.arange(800) % 40
    d = np.abs(rng.normal(np.where(same, 1.0, 1.0 + gap), 0.4)) + shift
    return calibration.fit(ScoredPairs(d, same, who, np.where(same, who, (who + 1) % 40)))


def test_not_sure_is_where_threshold_and_probability_do_not_agree():
    found = apart(1.0)
    low, high = found.band
    assert 0 < low < found.threshold < high
    for moved in (low - 0.2, found.threshold, high + 0.2):
        told = f"{show.number(min(low, moved))} to {show.number(max(high, moved))}"
        assert refit_view._doubt(found.at(moved)) == told
    assert refit_view._doubt(None) == "–"


def test_no_distance_below_nought_is_told():
    found = apart(0.2)
    assert found.band[0] < 0 < found.band[1]
    assert refit_view._doubt(found) == f"below {show.number(found.band[1])}"
    assert " to " in refit_view._doubt(apart(0.2, shift=-3.0))  # of a network that has such distances
    assert refit_view._doubt(apart(0.0)) == "everywhere"


def test_the_old_threshold_is_measured_on_the_new_pairs(world):
    run = Run(world("finished"))
    found = refit_work.of_data(run, "validation", {}, lambda text, fraction: None)
    fit = calibrate.fit_run(run, progress=lambda text, fraction: None)
    d, same = fit.scored.distances, fit.scored.same
    assert found.now == Kept(0.02)
    assert found.before["far"] == pytest.approx((d[~same] <= 0.02).mean(), abs=1e-12)
    assert found.before["frr"] == pytest.approx((d[same] > 0.02).mean(), abs=1e-12)
    assert int(found.bins["same"].sum()) == found.calibration.same_pairs
