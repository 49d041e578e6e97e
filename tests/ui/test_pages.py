"""Every page, visited first by its address, in each of the four worlds; and what can be done there."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import worlds

from siamese_core import jobs, map_jobs, map_worker, runs
from siamese_core.runs import Run

REAL_STARTER = runs.STARTER


@pytest.fixture(autouse=True)
def no_starter(tmp_path, monkeypatch):
    """The worlds are the same whether this copy has a starter model or not."""
    monkeypatch.setattr(runs, "STARTER", tmp_path / "no-starter")


@pytest.fixture
def no_process(monkeypatch):
    """Trainings are queued, but no process is started."""
    monkeypatch.setattr(jobs, "_spawn", lambda run, data_root: None)


@pytest.fixture
def world(finished_run, runs_folder):
    """Make a world in the runs folder; its run's folder."""
    return lambda name: worlds.make(name, finished_run, runs_folder)


@pytest.mark.parametrize(("page", "name"), list(itertools.product(worlds.PAGES, worlds.WORLDS)))
def test_page_in_world(page, name, world):
    run = world(name)
    app = worlds.visit(page, run.name if run else None)
    assert not app.exception
    assert len(app.title) == 1
    assert len(worlds.primaries(app)) == 1, worlds.primaries(app)
    expected = ["The disk is full; free some space\\."] if name == "failed" and page in ("train", "runs") else []
    assert [e.replace("\\.", ".") for e in worlds.told(app)] == [e.replace("\\.", ".") for e in expected]
    if run and page != "home":
        assert app.selectbox(key=f"{page}_run").value == run.name
        assert app.query_params.get("run") == [run.name] or app.query_params.get("run") == run.name


@pytest.mark.parametrize("page", worlds.PAGES)
def test_page_with_the_starter_alone(page, finished_run, runs_folder, monkeypatch):
    monkeypatch.setattr(runs, "STARTER", finished_run)
    app = worlds.visit(page)
    assert not worlds.told(app)
    if page in ("compare", "one_shot", "map"):
        assert app.selectbox(key=f"{page}_run").value == "starter"
        assert not any(b.key == "go_train" for b in app.button)


@pytest.mark.parametrize("page", ["runs", "compare", "one_shot", "map"])
def test_empty_state_leads_to_training(page, runs_folder):
    app = worlds.visit(page)
    app.button(key="go_train").click().run()
    assert app.title[0].value == "Train"


def test_a_run_that_is_gone_is_told(world):
    world("finished")
    app = worlds.visit("compare", "deleted-elsewhere")
    assert not worlds.told(app)
    assert "deleted-elsewhere" in app.warning[0].value.replace("\\", "")
    assert app.selectbox(key="compare_run").value == "finished"


def test_the_current_run_goes_along_to_other_pages(world):
    world("finished")
    world("running")
    app = worlds.visit("compare", "finished")
    app.query_params.clear()  # as a click in the navigation does
    app.switch_page("pages/one_shot.py").run()
    assert app.selectbox(key="one_shot_run").value == "finished"
    app.selectbox(key="one_shot_run").set_value("running").run()
    app.query_params.clear()
    app.switch_page("pages/map.py").run()
    assert app.selectbox(key="map_run").value == "running"


def test_a_page_that_breaks_says_so_without_details(world, monkeypatch):
    world("finished")
    monkeypatch.setattr(Run, "card", lambda self: 1 / 0)
    app = worlds.visit("compare", "finished")
    assert not app.exception
    assert len(app.error) == 1
    assert "division" not in app.error[0].value


def test_a_damaged_run_is_one_notice(world):
    run = world("finished")
    (run / "best.safetensors").write_bytes(b"not weights")
    app = worlds.visit("compare", "finished")
    assert len(worlds.told(app)) == 1
    assert "cut short or damaged" in worlds.told(app)[0]


# ---- train ----


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
    app.file_uploader(key="train_zip").set_value(None).run()
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


# ---- runs ----


def test_repeat_fills_the_form(world):
    run = world("finished")
    app = worlds.visit("runs", "finished")
    app.button(key="runs_repeat").click().run()
    assert app.title[0].value == "Train"
    assert app.number_input(key="train_set_width").value == Run(run).config().width == 8


def test_delete_asks_first(world):
    run = world("finished")
    app = worlds.visit("runs", "finished")
    app.button(key="runs_delete").click().run()
    assert run.exists()
    app.button(key="runs_really").click().run()
    assert not run.exists()
    assert not worlds.told(app)


def test_a_training_cannot_be_deleted(world):
    world("running")
    assert worlds.visit("runs", "running").button(key="runs_delete").disabled


# ---- compare ----


def upload_pair(app, a: bytes, b: bytes):
    app.segmented_control(key="compare_source").set_value("Upload").run()
    app.file_uploader(key="compare_file_A").set_value(("first.png", a, "image/png"))
    return app.file_uploader(key="compare_file_B").set_value(("second.png", b, "image/png")).run()


@pytest.fixture
def compare(world):
    world("finished")
    return worlds.visit("compare", "finished")


def test_the_same_picture_twice_is_the_same_class(compare):
    app = upload_pair(compare, worlds.picture(1), worlds.picture(1))
    assert not worlds.told(app)
    assert "Same class" in worlds.words(app)
    assert len(app.image) == 4


def test_a_verdict_is_on_the_page_at_once_and_can_be_drawn_again(compare):
    before = worlds.words(compare)
    assert ("Same class" in before) != ("Different classes" in before)
    pictures = [i.proto.imgs[0].url for i in compare.image]
    after = compare.button(key="compare_different").click().run()
    assert [i.proto.imgs[0].url for i in after.image] != pictures
    assert not worlds.told(after)


BAD_PICTURES = {
    "empty": b"",
    "text": b"hello",
    "cut": worlds.picture()[:60],
    "fake": b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
}


@pytest.mark.parametrize("data", list(BAD_PICTURES.values()), ids=list(BAD_PICTURES))
def test_a_bad_picture_is_one_sentence(compare, data):
    app = upload_pair(compare, worlds.picture(1), data)
    assert len(worlds.told(app)) == 1
    assert "second" in worlds.told(app)[0]


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "CMYK"), ("GIF", "P"), ("TIFF", "L"), ("WEBP", "RGBA")])
def test_odd_pictures_are_read(compare, kind, mode):
    app = upload_pair(compare, worlds.picture(1), worlds.picture(2, kind, mode))
    assert not worlds.told(app)
    assert len(app.image) == 4


def test_a_large_upload_is_refused_on_the_server(compare, monkeypatch):
    from pages.parts import uploads

    monkeypatch.setattr(uploads, "MAX_PICTURE", 1 << 20)
    app = upload_pair(compare, worlds.picture(1), b"\x89PNG" + bytes(2 << 20))
    assert len(worlds.told(app)) == 1
    assert "larger than 1 MB" in worlds.told(app)[0].replace("\\", "")


# ---- one-shot ----


@pytest.fixture
def one_shot(world):
    world("finished")
    return worlds.visit("one_shot", "finished")


def test_a_sampled_task_is_answered_and_measured(one_shot):
    assert "of 4 right" in worlds.words(one_shot)
    app = one_shot.button(key="one_shot_measure").click().run()
    assert not worlds.told(app)
    assert app.metric[0].label == "4-way 1-shot accuracy"
    assert "95% interval" in worlds.words(app)


def give_classes(app, names: list[str], files: list[list[bytes]]):
    app.segmented_control(key="one_shot_source").set_value("classes").run()
    for i, (name, data) in enumerate(zip(names, files, strict=True)):
        app.text_input(key=f"one_shot_name_{i}").set_value(name)
        app.file_uploader(key=f"one_shot_files_{i}").set_value(
            [(f"{name}{j}.png", d, "image/png") for j, d in enumerate(data)]
        )
    return app


def test_uploaded_classes_answer_uploaded_queries(one_shot):
    app = give_classes(one_shot, ["sun", "moon"], [[worlds.picture(1), worlds.picture(2)], [worlds.picture(3)]])
    app.file_uploader(key="one_shot_queries").set_value([("q.png", worlds.picture(3), "image/png")]).run()
    assert not worlds.told(app)
    assert "**moon**" in worlds.words(app)


def test_two_classes_of_one_name_are_told(one_shot):
    app = give_classes(one_shot, ["sun", "sun"], [[worlds.picture(1)], [worlds.picture(3)]]).run()
    assert len(worlds.told(app)) == 1
    assert "Two classes" in worlds.told(app)[0]


def test_a_class_without_examples_is_told(one_shot):
    app = give_classes(one_shot, ["sun", "moon"], [[worlds.picture(1)], []]).run()
    assert not worlds.told(app)
    assert "'moon' has no example" in app.info[0].value


def test_a_zip_of_class_folders_is_a_support_set(one_shot):
    data = worlds.zipped(
        {"all/sun/1.png": worlds.picture(1), "all/moon/1.png": worlds.picture(3), "all/note.txt": b"x"}
    )
    app = one_shot.segmented_control(key="one_shot_source").set_value("zip").run()
    app.file_uploader(key="one_shot_zip").set_value(("mine.zip", data, "application/zip"))
    app.file_uploader(key="one_shot_queries").set_value([("q.png", worlds.picture(1), "image/png")]).run()
    assert not worlds.told(app)
    assert "**sun**" in worlds.words(app)


BAD_ZIPS = {
    "no zip": b"x",
    "no class folders": worlds.zipped({"a.png": worlds.picture()}),
    "out of itself": worlds.zipped({"/etc/a.png": b"x"}),
}


@pytest.mark.parametrize("data", list(BAD_ZIPS.values()), ids=list(BAD_ZIPS))
def test_a_bad_zip_of_examples_is_one_sentence(one_shot, data):
    app = one_shot.segmented_control(key="one_shot_source").set_value("zip").run()
    app.file_uploader(key="one_shot_zip").set_value(("mine.zip", data, "application/zip")).run()
    assert len(worlds.told(app)) == 1


def test_ways_never_exceed_the_classes_of_a_set(one_shot):
    app = one_shot.selectbox(key="one_shot_set").set_value("digits").run()
    app.number_input(key="one_shot_ways").set_value(9).run()
    assert "of 9 right" in worlds.words(app)
    app.selectbox(key="one_shot_set").set_value("unseen").run()
    assert app.number_input(key="one_shot_ways").value == 4
    assert not worlds.told(app)


def test_names_are_told_apart_by_their_group(one_shot):
    app = one_shot.selectbox(key="one_shot_set").set_value("glyphs").run()
    app.number_input(key="one_shot_ways").set_value(20).run()
    assert not worlds.told(app)
    shown = [c.value for c in app.caption if "character" in c.value and "\n" not in c.value]
    assert len(shown) == len(set(shown))


# ---- map ----


def test_a_map_is_made_and_shown(world, monkeypatch):
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: map_worker.work(job))
    world("finished")
    app = worlds.visit("map", "finished")
    app.selectbox(key="map_points").set_value(300).run()
    app.button(key="map_start").click().run()
    assert not worlds.told(app)
    chart = app.get("plotly_chart")
    assert len(chart) == 1
    assert "Outlined points" in worlds.words(app)
    app.multiselect(key="map_only_class").set_value(["3"]).run()
    assert not worlds.told(app)


def test_a_map_in_the_making_shows_its_progress_and_stops(world, monkeypatch):
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: None)
    world("finished")
    app = worlds.visit("map", "finished")
    app.button(key="map_start").click().run()
    assert len(app.get("progress")) == 1
    app.button(key="map_stop").click().run()
    assert len(list(Path(runs.runs_folder() / ".maps").glob("*/stop"))) == 1


def test_a_map_that_failed_says_why(world, monkeypatch):
    def fail(job: Path) -> None:
        map_jobs.write_json(job / "status.json", {"state": "failed", "reason": "The machine ran out of memory."})

    monkeypatch.setattr(map_jobs, "_spawn", fail)
    world("finished")
    app = worlds.visit("map", "finished")
    app.button(key="map_start").click().run()
    assert [e.replace("\\", "") for e in worlds.told(app)] == ["The machine ran out of memory."]


def test_first_paint_needs_no_torch():
    """Home draws itself before torch is there."""
    import subprocess
    import sys

    code = "import sys\nfrom pages.parts import cache, frame, picture, show, state\nprint('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], cwd=worlds.ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False"]


def test_uploads_never_reach_the_disk(one_shot, runs_folder):
    before = {p for p in runs_folder.rglob("*") if p.is_file()}
    give_classes(one_shot, ["sun", "moon"], [[worlds.picture(1)], [worlds.picture(3)]]).run()
    assert {p for p in runs_folder.rglob("*") if p.is_file()} == before
