"""The Runs page: comparing runs, and what can be done with one."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest
import worlds

from pages.parts import charts, runs_curves, runs_list, runs_one, runs_settings
from siamese_core import archive, runs, upkeep
from siamese_core.config import defaults
from siamese_core.files import read_json, write_json
from siamese_core.runs import History, Run

pytestmark = pytest.mark.usefixtures("no_starter")


@pytest.fixture
def several(world, runs_folder):
    """Three finished runs: 'finished', 'narrow' with another seed and loss, 'again' with its settings."""
    first = world("finished")
    for age, (name, changes) in enumerate((("narrow", {"seed": 7, "learning_rate": 0.01}), ("again", {}))):
        folder = Path(shutil.copytree(first, runs_folder / name))
        manifest = read_json(folder / "config.json")
        config = manifest["config"] | changes
        write_json(folder / "config.json", manifest | {"config": config, "created_at": 1e9 - age})
    return first


def packed(folder: Path) -> bytes:
    return runs_one.packed(Run(folder)).getvalue()


def listed(app) -> list[str]:
    return list(app.dataframe[0].value["Run"])


def settings(app):
    return app.table[0].value


def select(app, *rows: int):
    app.session_state[app.dataframe[0].key] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    return app.run()


def opened(app, button: str):
    """A dialog, on the screen; what is pressed in it counts while its button is pressed too."""
    app.button(key=button).click().run()
    app.button(key=button).click()
    return app


def renamed(app, run: str, name: str):
    opened(app, f"runs_rename_{run}").text_input(key="runs_new_name").set_value(name)
    return app.button(key="runs_rename_really").click().run()


def imported(app, data: bytes):
    opened(app, "runs_import").file_uploader(key="runs_file").set_value(("run.zip", data, "application/zip"))
    opened(app, "runs_import")
    return app.button(key="runs_import_really").click().run()


def test_several_runs_are_side_by_side(several):
    app = worlds.visit("runs", "finished")
    assert not worlds.told(app)
    assert listed(app) == ["finished", "narrow", "again"]
    table = settings(app)
    assert list(table.columns) == ["Setting", "finished", "narrow", "again"]
    assert list(table["Setting"]) == ["Learning rate", "Seed"]
    assert list(table["narrow"]) == [":blue-background[0.01]", ":blue-background[7]"]
    assert list(table["again"]) == list(table["finished"])
    app.toggle(key="runs_only").set_value(False).run()
    assert len(settings(app)) == len(defaults())


def test_chosen_rows_are_compared(several):
    app = worlds.visit("runs", "finished")
    select(app, 0, 2)
    assert not app.table
    assert "These runs have the same settings." in worlds.words(app)
    select(app, 1)
    assert list(settings(app).columns) == ["Setting", "usual", "narrow"]
    (runs.runs_folder() / "new").mkdir()
    shutil.copy(several / "config.json", runs.runs_folder() / "new")
    app.run()
    assert len(listed(app)) == 4
    assert len(settings(app).columns) == 5


def test_each_measure_by_each_axis_with_smoothing(several):
    app = worlds.visit("runs", "finished")
    for field in runs_curves.MEASURES:
        app.button_group(key="runs_field").set_value(field).run()
        for across in runs_curves.ACROSS:
            app.button_group(key="runs_across").set_value(across).run()
            assert not worlds.told(app)
            assert not app.exception
    assert app.slider(key="runs_smoothing_steps").value == 0.9
    app.slider(key="runs_smoothing_steps").set_value(0.0).run()
    assert not worlds.told(app)


def test_points_of_a_curve_by_batches_epochs_and_seconds():
    now = {"step": 5, "epoch": 1, "seconds": 2.5, "loss": 3.0}
    odd = [{"event": "epoch", "step": 6, "one_shot": None}, {"event": "step", "step": "7", "loss": 1.0}]
    good = [{"event": "step", **now}, {"event": "epoch", **now, "one_shot": 0.5}]
    history = History().add([{"event": "start", "steps_per_epoch": 10}, *good, *odd])
    assert [runs_curves.points(history, "loss", a) for a in runs_curves.ACROSS] == [
        ([5], [3.0]), ([0.5], [3.0]), ([2.5], [3.0])]  # fmt: skip
    assert runs_curves.points(history, "one_shot", "epochs") == ([1], [0.5])


def test_long_curves_are_thinned_to_their_means():
    x, y = runs_curves.thinned(([float(i) for i in range(10)], [0.0, 2.0] * 5), most=5)
    assert (x, y) == ([1, 3, 5, 7, 9], [1.0] * 5)
    assert runs_curves.thinned(([1.0], [2.0])) == ([1.0], [2.0])


def test_smoothed_curves_keep_the_raw_ones_behind():
    curves = {"a": ([1, 2, 3], [0.0, 1.0, 0.0]), "b": ([1], [0.5])}
    plain, smooth = charts.overlaid(curves, "Loss", False), charts.overlaid(curves, "Loss", False, smoothing=0.9)
    assert [list(t.y) for t in plain.data] == [[0.0, 1.0, 0.0], [0.5]]
    assert [t.name for t in smooth.data if t.showlegend is not False] == ["a", "b"]
    assert list(smooth.data[0].y) == [0.0, 1.0, 0.0]
    assert 0 < smooth.data[1].y[2] < 0.5


def test_a_flat_curve_of_a_rate_stays_below_the_whole():
    axis = charts.overlaid({"a": ([1, 2], [0.7, 0.7])}, "One-shot", True).layout.yaxis
    assert -0.1 < axis.autorangeoptions.clipmin <= 0
    assert 1 <= axis.autorangeoptions.clipmax < 1.1
    assert charts.overlaid({"a": ([1, 2], [7, 7])}, "Loss", False).layout.yaxis.autorangeoptions.clipmax is None


def test_names_and_values_are_plain_text():
    rows = runs_settings.side_by_side({"a": {"dataset": "x"}, "b_*": {"dataset": "[b](c) *d*"}}, only=True)
    assert rows == [{"Setting": "Data set", "a": "x", "b\\_\\*": ":blue-background[\\[b\\](c) \\*d\\*]"}]


def test_repeat_fills_the_form(world):
    run = world("finished")
    app = worlds.visit("runs", "finished")
    app.button(key="runs_repeat_finished").click().run()
    assert app.title[0].value == "Train"
    assert app.number_input(key="train_set_width").value == Run(run).config().width == 8


def test_delete_asks_first(world):
    run = world("finished")
    app = worlds.visit("runs", "finished")
    app.button(key="runs_delete_finished").click().run()
    assert run.exists()
    app.button(key="runs_really").click().run()
    assert not run.exists()
    assert not worlds.told(app)


def test_an_uploaded_archive_goes_with_the_last_run_that_was_trained_on_it(world, runs_folder):
    kept = runs_folder / ".uploads" / "0123456789abcdef" / "letters.zip"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"zip")
    own = runs_folder.parent / "letters.zip"  # somebody's own file is never deleted
    own.write_bytes(b"zip")
    first, last = world("finished"), world("failed")
    for run, dataset in ((first, own), (last, kept)):
        manifest = read_json(run / "config.json")
        write_json(run / "config.json", manifest | {"config": manifest["config"] | {"dataset": str(dataset)}})
    app = worlds.visit("runs", "finished")
    for name, left in (("finished", True), ("failed", False)):
        app.query_params["run"] = name
        app.run()
        app.button(key=f"runs_delete_{name}").click().run()
        app.button(key="runs_really").click().run()
        assert kept.exists() is left
    assert own.exists()


def test_what_is_training_is_neither_renamed_nor_deleted_nor_downloaded(world):
    world("running")
    app = worlds.visit("runs", "running")
    assert app.button(key="runs_delete_running").disabled
    assert app.button(key="runs_rename_running").disabled
    assert app.get("download_button")[-1].proto.disabled


def test_rename_is_followed_by_the_address(several, runs_folder):
    app = worlds.visit("runs", "finished")
    for bad, said in (("narrow", "already a run"), ("../x", "cannot be a run's name"), ("", "cannot be a run's name")):
        renamed(app, "finished", bad)
        assert len(worlds.told(app)) == 1
        assert said in worlds.told(app)[0]
    renamed(app, "finished", "best-so-far")
    assert not worlds.told(app)
    assert {r.name for r in runs.all_runs(runs_folder)} == {"best-so-far", "narrow", "again"}
    assert app.selectbox(key="runs_run").value == "best-so-far"
    assert app.query_params["run"] in ("best-so-far", ["best-so-far"])


def test_a_note_is_kept_and_shown_as_it_is(world):
    run = world("finished")
    app = worlds.visit("runs", "finished")
    opened(app, "runs_note_finished").text_area(key="runs_note_text").set_value("# <b>Wider</b>\n*better*")
    app.button(key="runs_note_save").click().run()
    assert upkeep.note(Run(run)) == "# <b>Wider</b>\n*better*"
    assert [t.value for t in app.text] == ["# <b>Wider</b>\n*better*"]
    assert app.dataframe[0].value["Note"][0] == "# <b>Wider</b>"


def test_a_downloaded_run_is_imported_and_works_everywhere(world, runs_folder):
    data = packed(world("finished"))
    app = worlds.visit("runs", "finished")
    imported(app, data)
    assert not worlds.told(app)
    assert app.selectbox(key="runs_run").value == "finished-2"
    assert Run(runs_folder / "finished-2").status().state == "finished"
    for page in ("train", "compare", "one_shot", "map"):
        app = worlds.visit(page, "finished-2")
        assert not worlds.told(app)
        assert app.selectbox(key=f"{page}_run").value == "finished-2"


def test_the_first_run_may_be_an_imported_one(finished_run, runs_folder):
    app = worlds.visit("runs")
    imported(app, packed(finished_run))
    assert not worlds.told(app)
    assert app.selectbox(key="runs_run").value == "tiny"


def bad_zip(**files: str) -> bytes:
    return worlds.zipped({f"x/{n.replace('__', '.')}": d.encode() for n, d in files.items()})


@pytest.mark.parametrize("data", [b"", b"no zip", bad_zip(model__pkl="x"), bad_zip(config__json="{}"),
                                  bad_zip(config__json="[" * 9999, best__safetensors="x")])  # fmt: skip
def test_a_bad_file_is_one_sentence_and_leaves_nothing(data, runs_folder):
    app = worlds.visit("runs")
    imported(app, data)
    assert len(worlds.told(app)) == 1
    assert not list(runs_folder.iterdir())


def test_the_size_is_checked_on_the_server(world, monkeypatch):
    world("finished")
    app = worlds.visit("runs", "finished")
    monkeypatch.setattr(archive, "MAX_PACKED", 2**20)
    imported(app, b"PK" + bytes(2**20))
    assert "more than the 1 MB allowed" in worlds.told(app)[0]


def test_the_download_holds_known_files_only(world):
    run = world("finished")
    (run / "worker.log").write_text("/home/somebody")
    with zipfile.ZipFile(io.BytesIO(packed(run))) as z:
        names = {n.removeprefix("finished/") for n in z.namelist()}
    assert names == {"config.json", "card.json", "events.jsonl", "best.safetensors", "train_digests.txt"}


def test_damaged_runs_are_one_notice_and_the_rest_works(several, runs_folder):
    (runs_folder / "cut").mkdir()
    (runs_folder / "cut" / "config.json").write_text('{"format": 1, "conf')
    app = worlds.visit("runs", "finished")
    assert len(worlds.told(app)) == 1
    assert "cut" in worlds.told(app)[0]
    assert listed(app) == ["finished", "narrow", "again"]
    foreign = read_json(runs_folder / "again" / "config.json")
    write_json(runs_folder / "again" / "config.json", foreign | {"config": {"flavour": "red"}})
    app = worlds.visit("runs", "cut")
    assert len(worlds.told(app)) == 1
    assert "2 runs cannot be read" in worlds.told(app)[0]
    assert listed(app) == ["finished", "narrow"]


def test_a_damaged_run_can_be_deleted(several):
    (several / "config.json").write_text("{")
    app = worlds.visit("runs", "finished")
    app.button(key="runs_delete_finished").click().run()
    app.button(key="runs_really").click().run()
    assert not several.exists()
    assert not worlds.told(app)


@pytest.mark.parametrize("name", ["card.json", "events.jsonl", "status.json", "note.txt", "best.safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"\xff\x00{", b"[1]\n", b'{"validation": [1], "event": "epoch"}\n{"event": "resume"}\n']
)
def test_foreign_files_in_a_run_break_nothing(name, content, world):
    run = world("finished")
    (run / name).write_bytes(content)
    app = worlds.visit("runs", "finished")
    assert not app.exception
    assert all("not your doing" not in told for told in worlds.told(app))
    assert listed(app) == ["finished"]


def test_a_run_deleted_in_another_tab_takes_no_other_one_along(several, runs_folder):
    app = worlds.visit("runs", "finished")
    shutil.rmtree(several)
    app.button(key="runs_delete_finished").click().run()
    assert not worlds.told(app)
    assert "finished" in app.warning[0].value
    assert listed(app) == ["narrow", "again"]
    assert not any(b.key == "runs_really" for b in app.button)


def test_a_run_deleted_while_its_dialog_is_open_is_one_sentence(several, monkeypatch):
    app = worlds.visit("runs", "finished")
    rename = upkeep.rename
    monkeypatch.setattr(upkeep, "rename", lambda run, name: shutil.rmtree(several) or rename(run, name))
    renamed(app, "finished", "other")
    assert worlds.told(app)
    assert all("is not a run" in told for told in worlds.told(app))


def test_the_table_of_curves_is_of_the_shown_runs(several):
    mine = [Run(several), Run(several.with_name("again"))]
    lines = upkeep.curves_csv(mine).decode().splitlines()
    each = (several / "events.jsonl").read_text().splitlines()
    assert len(lines) == 1 + 2 * sum(json.loads(e)["event"] in ("step", "epoch") for e in each)


def test_the_current_run_is_always_among_the_shown(runs_folder):
    rows = [{"Run": f"run{i}", "Note": ""} for i in range(runs_list.SHOWN + 3)]
    assert runs_list.first([r["Run"] for r in rows], "run8")[0] == "run8"
    assert len(runs_list.first([r["Run"] for r in rows], "run8")) == runs_list.SHOWN
    assert runs_list.first(["a", "b"], "gone") == ["a", "b"]
