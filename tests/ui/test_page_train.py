"""The Train page: what can be done there."""

from __future__ import annotations

import json

import pytest
import worlds

from siamese_core import runs
from siamese_core.runs import Run

pytestmark = pytest.mark.usefixtures("no_starter")


REAL_STARTER = runs.STARTER


def test_start_makes_a_queued_run_with_the_forms_settings(runs_folder, no_process, monkeypatch):
    monkeypatch.setattr(runs, "STARTER", REAL_STARTER)
    app = worlds.visit("train")
    app.number_input(key="train_set_epochs").set_value(3)
    app.toggle(key="train_set_class_copies").set_value(False)
    app.run()
    app.button(key="train_start").click().run()
    assert not worlds.told(app)
    (run,) = runs.all_runs(runs_folder)
    config = run.config()
    assert (config.dataset, config.epochs, config.class_copies) == ("digits", 3, False)
    assert run.status().state == "queued"
    assert app.selectbox(key="train_run").value == run.name
    assert worlds.primaries(app) == ["Stop"]


def test_all_problems_are_told_before_the_start_and_can_be_mended(runs_folder, no_process):
    app = worlds.visit("train")
    app.selectbox(key="train_set_loss").set_value("bce")
    app.selectbox(key="train_set_mining").set_value("hard").run()
    text = app.warning[0].value
    assert text.count("\n- ") == 2
    assert app.button(key="train_start").disabled
    app.button(key="train_mend").click().run()
    assert not app.warning
    assert app.selectbox(key="train_set_distance").value == "weighted_l1"
    assert not app.button(key="train_start").disabled


def test_a_recipe_fills_the_form(runs_folder):
    app = worlds.visit("train")
    app.selectbox(key="train_preset").set_value("pairs").run()
    assert app.selectbox(key="train_set_loss").value == "contrastive"
    assert app.selectbox(key="train_set_sampler").value == "pairs"
    app.selectbox(key="train_source").set_value("omniglot").run()
    assert app.selectbox(key="train_preset").value == "laptop"
    assert app.number_input(key="train_set_image_size").value == 28
    app.selectbox(key="train_preset").set_value("triplets").run()
    assert app.number_input(key="train_set_image_size").value == 28


def test_settings_survive_a_page_change(runs_folder):
    app = worlds.visit("train")
    app.number_input(key="train_set_epochs").set_value(7).run()
    app.switch_page("pages/home.py").run()
    app.switch_page("pages/train.py").run()
    assert app.number_input(key="train_set_epochs").value == 7


def test_stop_asks_the_worker(world):
    run = world("running")
    app = worlds.visit("train", "running")
    app.button(key="live_stop").click().run()
    assert (run / "stop").exists()
    assert app.button(key="live_stop").disabled


def test_curves_are_read_on_from_where_they_were(world):
    run = world("running")
    app = worlds.visit("train", "running")
    assert [m.value for m in app.metric][:1] == ["2 / 4"]
    worlds.events(run, 3)
    app.run()
    assert [m.value for m in app.metric][:1] == ["3 / 4"]
    assert app.metric[3].label == "2-way one-shot"


@pytest.mark.parametrize("state", ["stopped", "stalled"])
def test_a_stopped_run_is_resumed(world, state, no_process):
    run = world("finished")
    old = {"format": 1, "state": state if state == "stopped" else "running", "heartbeat": 1.0, "pid": None}
    runs.write_json(run / "status.json", old)
    app = worlds.visit("train", "finished")
    assert worlds.primaries(app) == ["Resume"]
    app.button(key="live_resume").click().run()
    assert Run(run).status().state == "queued"
    assert not worlds.told(app)


def test_a_failed_runs_settings_go_back_into_the_form(world):
    run = world("failed")
    app = worlds.visit("train", "failed")
    app.number_input(key="train_set_epochs").set_value(2).run()
    app.button(key="live_repeat").click().run()
    assert app.number_input(key="train_set_epochs").value == Run(run).config().epochs


def test_a_zip_to_train_on_is_kept_and_can_be_deleted(runs_folder, no_process):
    names = [f"{c}/{i}.png" for c in "abcdef" for i in range(2)]
    data = worlds.zipped({n: worlds.picture(i) for i, n in enumerate(names)})
    app = worlds.visit("train")
    app.selectbox(key="train_source").set_value("zip").run()
    assert app.button(key="train_start").disabled
    app.file_uploader(key="train_zip").set_value(("my letters!.zip", data, "application/zip")).run()
    assert not worlds.told(app)
    (kept,) = (runs_folder / ".uploads").glob("*/*.zip")
    assert kept.read_bytes() == data
    app.button(key="train_start").click().run()
    (run,) = runs.all_runs(runs_folder)
    assert run.config().dataset == str(kept)
    assert run.config().extra_classes == "none"
    other = worlds.visit("train")
    other.selectbox(key="train_source").set_value("zip").run()
    assert "train_kept" not in {b.key for b in other.selectbox}  # another session sees nothing of it
    app.file_uploader(key="train_zip").set_value(None).run()
    assert app.selectbox(key="train_kept").options == ["my-letters.zip"]
    app.button(key="train_drop").click().run()
    assert not kept.exists()


@pytest.mark.parametrize("data", [b"", b"no zip at all", worlds.zipped({"../out.png": b"x"})])
def test_a_bad_zip_to_train_on_is_one_sentence(runs_folder, data):
    app = worlds.visit("train")
    app.selectbox(key="train_source").set_value("zip").run()
    app.file_uploader(key="train_zip").set_value(("bad.zip", data, "application/zip")).run()
    assert len(worlds.told(app)) == 1
    assert not list(runs_folder.glob(".uploads/*/*"))
    assert app.button(key="train_start").disabled


def test_a_folder_that_is_not_there_is_one_sentence(runs_folder):
    app = worlds.visit("train")
    app.selectbox(key="train_source").set_value("folder").run()
    app.text_input(key="train_folder").set_value("/no/such/folder").run()
    assert len(worlds.told(app)) == 1
    assert app.button(key="train_start").disabled


def test_a_running_training_shows_its_pace_and_its_distances(world):
    run = world("running")
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    for e in events:
        if e["event"] == "step":
            e |= {"learning_rate": 0.002, "images_per_second": 1234.5}
    (run / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events))
    app = worlds.visit("train", "running")
    assert "**Learning rate**, now 0.002" in worlds.words(app)
    assert "Distances of validation pairs" in worlds.words(app)  # of the card, as in older runs
    assert not worlds.told(app)
    status = json.loads((run / "status.json").read_text())
    (run / "status.json").write_text(json.dumps(status | {"state": "finished"}))
    assert ", now" not in worlds.words(worlds.visit("train", "running"))


def test_a_finished_run_can_be_left_for_the_next_ones_data(world):
    world("finished")
    app = worlds.visit("train", "finished")
    assert app.segmented_control(key="train_view").value == "run"
    app.selectbox(key="train_source").set_value("glyphs").run()
    assert app.segmented_control(key="train_view").value == "data"
    assert app.metric[0].value == "200"
    world("running")
    app.query_params["run"] = "running"
    app.run()
    assert app.segmented_control(key="train_view").value == "run"
