"""What goes wrong while a page is open: runs and uploads that vanish, a server that comes back, others at work."""

from __future__ import annotations

import errno
import shutil

import pytest
import worlds

from pages.parts import uploads
from siamese_core import map_jobs, map_worker
from siamese_core.errors import DataError
from siamese_core.files import read_json, write_json

pytestmark = pytest.mark.usefixtures("no_starter")
USING = ("compare", "evaluate", "one_shot", "map")


@pytest.mark.parametrize("page", [*USING, "train", "runs"])
@pytest.mark.parametrize("left", ["another", "none"])
def test_a_run_deleted_in_another_tab(world, page, left):
    gone = world("finished")
    app = worlds.visit(page, "finished")
    if left == "another":
        world("running")
    shutil.rmtree(gone)
    app.run()
    assert not worlds.told(app)
    assert "no run **finished** here any more" in app.warning[0].value
    assert [b.value for b in app.selectbox if b.key == f"{page}_run"] == (["running"] if left == "another" else [])


@pytest.mark.parametrize("button", ["live_resume", "live_repeat"])
def test_a_button_of_a_run_that_is_gone(world, no_process, button):
    gone = world("failed")
    app = worlds.visit("train", "failed")
    shutil.rmtree(gone)
    app.button(key=button).click().run()
    assert len(worlds.told(app)) == 1
    assert "is not a run" in worlds.told(app)[0]


def test_a_training_that_is_deleted_while_it_is_watched(world):
    gone = world("running")
    app = worlds.visit("train", "running")
    shutil.rmtree(gone)
    app.button(key="live_stop").click().run()
    assert not worlds.told(app)
    assert "any more" in app.warning[0].value


def test_the_server_comes_back_during_a_training(world):
    """Nothing of the session is left; the address brings the run back, and it can be stopped."""
    run = world("running")
    worlds.visit("train", "running")
    app = worlds.visit("train", "running")
    assert "live_loss" in {c.key for c in app.get("plotly_chart")}
    app.button(key="live_stop").click().run()
    assert (run / "stop").exists()
    assert app.button(key="live_stop").disabled


def test_the_server_and_the_training_were_both_killed(world):
    run = world("running")
    write_json(run / "status.json", read_json(run / "status.json") | {"pid": 2**30})
    app = worlds.visit("train", "running")
    assert "ended without a word" in worlds.told(app)[0]
    assert app.button(key="live_resume")


def one_shot_with_uploads():
    app = worlds.visit("one_shot", "finished")
    app.segmented_control(key="one_shot_source").set_value("zip").run()
    names = {"sunprivate/1.png": worlds.picture(1), "moonprivate/1.png": worlds.picture(2)}
    app.file_uploader(key="one_shot_zip").set_value(("mineprivate.zip", worlds.zipped(names), "application/zip"))
    return app.run()


def everything(app) -> str:
    """All that the page was sent, what its browser parts show included."""
    return "\n".join(f"{e} {e.proto}" for e in app.main)


def test_an_upload_is_taken_away_in_the_middle(world):
    world("finished")
    app = one_shot_with_uploads()
    assert "sunprivate" in everything(app)
    app.file_uploader(key="one_shot_zip").set_value(None).run()
    assert not worlds.told(app)
    assert "sunprivate" not in everything(app)


def test_nothing_of_one_session_is_in_another(world, runs_folder):
    """Uploads, the current run, settings and draws stay with whoever made them."""
    world("finished")
    world("running")
    mine = one_shot_with_uploads()
    other = worlds.visit("one_shot")
    other.segmented_control(key="one_shot_source").set_value("zip").run()
    for page in worlds.PAGES:
        other.switch_page(f"pages/{page}.py").run()
        assert "private" not in everything(other), page
    other.switch_page("pages/one_shot.py").run()
    other.selectbox(key="one_shot_run").set_value("finished").run()
    mine.selectbox(key="one_shot_run").set_value("running").run()
    other.query_params.clear()  # as a click in the navigation does
    other.switch_page("pages/compare.py").run()
    assert other.selectbox(key="compare_run").value == "finished"
    assert not [p for p in runs_folder.rglob("*") if "private" in p.name]


def test_two_sessions_draw_on_their_own(world):
    world("finished")
    mine, other = worlds.visit("one_shot", "finished"), worlds.visit("one_shot", "finished")
    mine.number_input(key="one_shot_ways").set_value(2).run()
    mine.button(key="one_shot_again").click().run()
    before = worlds.words(other)
    other.run()
    assert worlds.words(other) == before
    assert other.number_input(key="one_shot_ways").value == 4


def test_a_map_that_was_cleared_away_while_it_is_looked_at(world, runs_folder, monkeypatch):
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: map_worker.work(job))
    world("finished")
    app = worlds.visit("map", "finished")
    app.selectbox(key="map_points").set_value(300).run()
    app.button(key="map_start").click().run()
    shutil.rmtree(runs_folder / ".maps")
    app.run()
    assert not worlds.told(app)
    assert "Press **Make the map**" in worlds.words(app)
    app.button(key="map_start").click().run()
    assert not worlds.told(app)


@pytest.mark.parametrize("name", ["card.json", "status.json", "events.jsonl", "config.json"])
@pytest.mark.parametrize("page", worlds.PAGES)
def test_a_run_whose_json_is_senseless_harms_no_page(world, page, name):
    """One damaged folder must not take the pages away from everybody."""
    run = world("running")
    world("finished")
    (run / name).write_text('{"threshold": "x", "state": ["running"], "config": {"dataset": 3}, "validation": [1]}\n')
    app = worlds.visit(page, "finished")
    assert not app.exception
    assert not any("not your doing" in e for e in worlds.told(app))
    app = worlds.visit(page, "running")
    assert not app.exception
    assert not any("not your doing" in e for e in worlds.told(app))


def test_a_kept_archive_is_whole_or_not_there(runs_folder, monkeypatch):
    data = worlds.zipped({f"{c}/1.png": worlds.picture(i) for i, c in enumerate("abcdef")})

    def full(path, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(uploads, "write_atomic", full)
    with pytest.raises(DataError, match="No space left"):
        uploads.keep_zip(runs_folder, "x.zip", data)
    assert not [p for p in runs_folder.rglob("*") if p.is_file()]
