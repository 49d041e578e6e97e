"""Every page, visited first by its address, in each of the four worlds."""

from __future__ import annotations

import itertools

import pytest
import worlds

from siamese_core import runs
from siamese_core.runs import Run

pytestmark = pytest.mark.usefixtures("no_starter")


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
    if page in ("compare", "evaluate", "one_shot", "search", "map"):
        assert app.selectbox(key=f"{page}_run").value == "starter"
        assert not any(b.key == "go_train" for b in app.button)


@pytest.mark.parametrize("page", ["runs", "compare", "evaluate", "one_shot", "search", "map"])
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


@pytest.mark.parametrize("page", ["train", "runs"])
@pytest.mark.parametrize("name", worlds.WORLDS)
def test_the_starter_is_not_missing_where_only_ones_own_runs_are(page, name, world, finished_run, monkeypatch):
    monkeypatch.setattr(runs, "STARTER", finished_run)
    run = world(name)
    app = worlds.visit(page, "starter")
    assert not app.warning
    if run:
        assert app.selectbox(key=f"{page}_run").value == run.name


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


def test_first_paint_needs_no_torch():
    """Home draws itself before torch is there."""
    import subprocess
    import sys

    code = "import sys\nfrom pages.parts import cache, frame, picture, show, state\nprint('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], cwd=worlds.ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False"]
