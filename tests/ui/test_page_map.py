"""The Map page: what can be done there."""

from __future__ import annotations

import base64
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import worlds
from map_messages import galleries, maps, sent
from streamlit.testing.v1 import AppTest

from pages.parts import atlas, map_out, map_pack, map_placing, show
from siamese_core import (
    distances,
    map_export,
    map_files,
    map_jobs,
    map_worker,
    projection,
    runs,
    snapshots,
    trained,
)
from siamese_core.runs import Run

pytestmark = pytest.mark.usefixtures("no_starter")


def test_a_map_is_made_and_shown(world, monkeypatch):
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: map_worker.work(job))
    world("finished")
    app = worlds.visit("map", "finished")
    app.selectbox(key="map_points").set_value(300).run()
    app.button(key="map_start").click().run()
    assert not worlds.told(app)
    (shown,) = maps(app)
    assert shown["label"].startswith("Map of 300 points of 10 classes. Outlined points are of the 4 of 10 classes")
    assert "Outlined points are of the 4 of 10 classes" in worlds.words(app)
    messages = sent(app)
    assert {head["of"] for head, _ in messages.values()} == {shown["of"]}
    head, arrays = messages["points"]
    assert (head["count"], len(arrays["x"]), len(messages["pictures"][1]["which"])) == (300, 300, 300)
    assert arrays["unseen"].sum() == sum(int(c) > 5 for c in arrays["class"])  # classes 0 to 5 were learnt
    assert len(messages["facts"][1]["right"]) == 300
    assert "Click a point" in worlds.words(app)


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


@pytest.fixture
def made(world, monkeypatch):
    """A finished run, and a map of 300 of its points that somebody has made; the map is not a good one, but quick."""
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: map_worker.work(job))
    monkeypatch.setattr(projection, "make", lambda z, *asked: projection.Projected(z[:, :2].astype(float), "none"))
    run = Run(world("finished"))
    map_jobs.start(run, "digits", max_points=300)
    return run


def test_a_map_is_shared_by_its_address(made):
    app = worlds.visit("map", "finished")
    assert not maps(app)  # of 600 points there is none
    app = AppTest.from_file(str(worlds.ROOT / "app.py"), default_timeout=60)
    app.query_params |= {"run": "finished", "map_points": "300 points"}
    app.switch_page("pages/map.py").run()
    assert not worlds.told(app)
    assert len(maps(app)) == 1


def test_seen_and_unseen_classes_are_told_apart(made):
    app = worlds.visit("map", "finished")
    map_jobs.start(made, part="test", perplexity=None, max_points=300)
    app.selectbox(key="map_points").set_value(300).run()
    app.selectbox(key="map_source").set_value("part:test").run()
    assert not worlds.told(app)
    assert "learnt from none of these classes" in worlds.words(app)
    app.selectbox(key="map_source").set_value("data:digits").run()
    assert "Outlined points are of the 4 of 10 classes" in worlds.words(app)


def test_groups_can_be_coloured(world, monkeypatch):
    monkeypatch.setattr(map_jobs, "_spawn", lambda job: map_worker.work(job))
    map_jobs.start(Run(world("finished")), "glyphs", max_points=300)
    app = worlds.visit("map", "finished")
    app.selectbox(key="map_points").set_value(300).run()
    app.selectbox(key="map_source").set_value("data:glyphs").run()
    assert not worlds.told(app)
    head, arrays = sent(app)["points"]
    by_key = {c["key"]: c for c in head["columns"]}
    names, groups = by_key["class"]["names"], by_key["group"]["names"]
    for of, group in zip(arrays["class"], arrays["group"], strict=True):
        assert names[of].startswith(f"{groups[group]}/")


def opened(points: int = 300, **said: object) -> AppTest:
    """The map of so many points, after the browser has said this of it."""
    app = worlds.visit("map", "finished")
    app.selectbox(key="map_points").set_value(points).run()
    if said:
        app.session_state[maps(app)[0]["name"]] = said
        app.run()
    return app


def bits(app: AppTest, which: list[int]) -> dict[str, str]:
    """What the browser sends when these points are selected."""
    mask = np.zeros(300, np.uint8)
    mask[which] = 1
    return {"of": maps(app)[0]["of"], "bits": base64.b64encode(np.packbits(mask, bitorder="little").tobytes()).decode()}


def buttons(app: AppTest, out: bool = False) -> list[str]:
    """What the download buttons say: those of the whole map (`out`), or the others."""
    found = [b.proto for b in app.get("download_button")]
    return [b.label for b in found if ("map_out_" in b.id) == out]


def test_a_map_can_be_taken_along(made, monkeypatch):
    asked = []
    monkeypatch.setattr(map_out.map_export, "make", lambda *given: asked.append(given) or b"made")
    app = opened()
    assert not worlds.told(app)
    assert len(buttons(app, out=True)) == len(map_export.KINDS) == len(map_out.FILES)
    words = worlds.words(app)
    assert all(use in words for _, _, use in map_out.FILES.values())
    assert not asked  # nothing is made before it is asked for


def test_every_file_of_a_map_is_made(made):
    found = map_jobs.result(next((runs.runs_folder() / ".maps").iterdir()))
    assert set(map_out.FILES) == set(map_export.KINDS)
    for kind in map_out.FILES:
        assert len(map_export.make(kind, found, "finished: digits by t-SNE", True)) > 1000


def test_a_chosen_point_shows_its_true_neighbours(made):
    app = opened(chosen=17)
    assert not worlds.told(app)
    found = map_jobs.result(next((runs.runs_folder() / ".maps").iterdir()))
    near, distances = projection.neighbours(trained.load(made), np.array(found["embeddings"]), 17, atlas.NEIGHBOURS)
    head, _ = sent(app)["near"]
    assert (head["chosen"], head["points"]) == (17, near.tolist())
    words = worlds.words(app)
    assert f"**{found['class_names'][found['labels'][17]]}**" in words
    assert all(show.number(float(d)) in words for d in distances)
    assert "not calibrated" in words


def test_neighbours_have_the_calibrated_probability(made, monkeypatch):
    class Calibrated:
        def probability(self, distance: float) -> float:
            return 0.625

    monkeypatch.setattr(atlas.cache, "trained", lambda run: replace(trained.load(run), calibration=Calibrated()))
    words = worlds.words(opened(chosen=3))
    assert words.count("62%") == atlas.NEIGHBOURS
    assert "probability of one class" in words


@pytest.mark.parametrize("value", [300, -1, "3", True, {"x": 1}])
def test_a_point_that_is_not_there_is_not_chosen(made, value):
    app = opened(chosen=value)
    assert not worlds.told(app)
    assert sent(app)["near"][0]["chosen"] == -1


def test_a_selection_becomes_a_gallery(made):
    app = opened()
    app = opened(selected=bits(app, [3, 5, 250]))
    assert not worlds.told(app)
    (gallery,) = galleries(app)
    assert [t["point"] for t in gallery["tiles"]] == [3, 5, 250]
    assert sum(b["count"] for b in gallery["bars"]) == 3
    assert "3 selected" in worlds.words(app)
    assert len(buttons(app)) == 2


def test_a_selection_that_is_none_of_ours_is_one_sentence_and_the_map_stays(made):
    app = opened(selected={"of": "x", "bits": 5})
    assert [t for t in worlds.told(app)] == ["The selection did not arrive whole; select the points again."]
    assert len(maps(app)) == 1
    assert not galleries(app)


def test_pictures_of_a_large_map_are_sent_when_they_are_looked_at(made, monkeypatch):
    monkeypatch.setattr(map_pack, "MOST_PICTURES", 100)
    app = opened()
    assert "pictures" not in sent(app)
    wanted = {"of": maps(app)[0]["of"], "points": [7, 8, 400]}
    monkeypatch.setattr(atlas.scatter, "draw", lambda *asked: wanted)
    app.run()
    assert not worlds.told(app)
    assert sent(app)["pictures"][1]["which"].tolist() == [7, 8]


def test_another_map_of_the_same_data_stands_beside(made):
    other = map_jobs.start(made, "digits", max_points=300, perplexity=10.0)
    app = opened()
    beside = next(box for box in app.selectbox if box.label == "Beside it")
    assert beside.options == ["no other map", "t-SNE, perplexity 10"]
    beside.set_value(str(other)).run()
    assert not worlds.told(app)
    first, second = maps(app)
    assert (first["main"], second["main"]) == (True, False)
    assert first["link"] == second["link"]
    assert second["of"].startswith(other.name)
    assert "t-SNE, perplexity automatic" in worlds.words(app)
    shutil.rmtree(other)
    app.run()
    assert not worlds.told(app)
    assert len(maps(app)) == 1


def epochs_of(run: Run) -> None:
    """Snapshots of before training and after two epochs, of 24 of its pictures."""
    items = np.concatenate([np.arange(12), 358 + np.arange(12)])  # the digits 6 and 7 are 358 pictures
    labels = np.repeat([0, 2], 12)
    watched = snapshots.Watched(items, labels, 358)
    for epoch in range(3):
        z = np.random.default_rng(epoch).normal(size=(24, 16)).astype(np.float32)
        snapshots.save(run.folder, epoch, watched, lambda part, _, z=z: z[:12] if part == "validation" else z[12:])


def test_maps_of_two_epochs_stand_side_by_side(made):
    epochs_of(made)
    early, late = (map_jobs.start(made, epoch=e, max_points=300) for e in (0, 2))
    app = opened()
    network = app.selectbox(key="map_epoch")
    assert network.options == ["best weights", "before training", "after epoch 1", "after epoch 2"]
    network.set_value(1).run()
    assert not worlds.told(app)
    assert not maps(app)  # of this one there is none yet
    app.selectbox(key="map_epoch").set_value(2).run()
    assert maps(app)[0]["of"].startswith(late.name)
    assert app.selectbox(key="map_watched").disabled
    assert "no network is kept" in worlds.words(app)
    beside = next(box for box in app.selectbox if box.label == "Beside it")
    assert beside.options == ["no other map", "t-SNE, before training"]
    beside.set_value(str(early)).run()
    assert not worlds.told(app)
    assert [m["of"].split("-")[0] for m in maps(app)] == [late.name, early.name]
    assert "**t-SNE, after epoch 2**" in worlds.words(app)
    app.session_state[maps(app)[0]["name"]] = {"chosen": 5}
    app.run()
    found = map_jobs.result(late)
    z = np.array(found["embeddings"])
    by = distances.Unlearned(made.config().distance)
    near, far = projection.neighbours(by, z, 5, atlas.NEIGHBOURS)
    assert sent(app)["near"][0]["points"] == near.tolist()
    assert all(show.number(float(d)) in worlds.words(app) for d in far)
    assert "calibrated for its best weights alone" in worlds.words(app)
    app.selectbox(key="map_epoch").set_value(-1).run()
    assert not worlds.told(app)
    assert len(maps(app)) == 1
    assert app.selectbox(key="map_source").value == "data:digits"


def test_an_epoch_is_shared_by_its_address(made):
    epochs_of(made)
    job = map_jobs.start(made, epoch=0, max_points=300)
    app = AppTest.from_file(str(worlds.ROOT / "app.py"), default_timeout=60)
    app.query_params |= {"run": "finished", "map_points": "300 points", "map_epoch": "before training"}
    app.switch_page("pages/map.py").run()
    assert not worlds.told(app)
    assert maps(app)[0]["of"].startswith(job.name)
    assert "learnt from nothing yet" in worlds.words(app)
    app = AppTest.from_file(str(worlds.ROOT / "app.py"), default_timeout=60)
    app.query_params |= {"run": "finished", "map_points": "300 points", "map_epoch": "after epoch 9"}
    app.switch_page("pages/map.py").run()
    assert "“after epoch 9”, which is not here" in app.warning[0].value
    assert len(maps(app)) == 1  # of the best weights


def test_ones_own_numbers_colour_the_map(made):
    app = opened()
    found = map_jobs.result(next((runs.runs_folder() / ".maps").iterdir()))
    text = "index,age\n" + "".join(f"{i},{n}\n" for n, i in enumerate(found["indices"][:200]))
    app.file_uploader(key="map_columns").set_value(("mine.csv", text.encode(), "text/csv")).run()
    assert not worlds.told(app)
    head, arrays = sent(app)["own"]
    (column,) = head["columns"]
    assert (column["name"], column["kind"]) == ("age", "number")
    np.testing.assert_array_equal(arrays[column["key"]], [*range(200), *[np.nan] * 100])
    app.file_uploader(key="map_columns").set_value(("mine.csv", b"age\n1\n", "text/csv")).run()
    (told,) = worlds.told(app)
    assert "no column called index" in told
    assert sent(app)["own"][0]["columns"] == []
    assert len(maps(app)) == 1


def test_without_another_map_it_is_said_how_to_have_one_beside(made):
    assert "stand beside this one" in worlds.words(opened())


def test_a_map_of_other_pictures_is_not_linked(made):
    other = map_jobs.start(made, "digits", max_points=300, perplexity=10.0)
    found = map_jobs.result(other)
    map_files.write(other, found | {"labels": (found["labels"] + 1) % 10})
    app = opened()
    next(box for box in app.selectbox if box.label == "Beside it").set_value(str(other)).run()
    assert len(maps(app)) == 1
    assert "no picture in common" in app.warning[0].value


def test_a_map_without_pictures_can_be_explored(made):
    job = next((runs.runs_folder() / ".maps").iterdir())
    found = map_jobs.result(job)
    map_files.write(job, {k: v for k, v in found.items() if k != "pixels"})
    (job / "pixels.npy").unlink()
    app = opened()
    app = opened(chosen=4, selected=bits(app, [1, 2]))
    assert not worlds.told(app)
    assert sent(app)["points"][0]["pictured"] is False
    assert galleries(app)[0]["sheet"] is None
    assert len(app.get("download_button")) == 1 + len(map_out.FILES)  # of a selection, its table alone
    for kind in map_out.FILES:
        assert len(map_export.make(kind, map_jobs.result(job), "finished: digits by t-SNE", True)) > 1000


def test_a_run_that_is_deleted_meanwhile_is_told(made, world):
    world("running")
    app = worlds.visit("map", "finished")
    app.selectbox(key="map_points").set_value(300).run()
    assert len(maps(app)) == 1
    shutil.rmtree(made.folder)
    app.run()
    assert not worlds.told(app)
    assert "no run **finished**" in app.warning[0].value
    assert app.selectbox(key="map_run").value == "running"


def test_what_is_taken_along_names_the_epoch_and_holds_own_numbers(made, monkeypatch):
    given = []
    monkeypatch.setattr(map_out.map_shelf, "request", lambda job: {"epoch": 3, "part": "watched"})
    monkeypatch.setattr(map_out, "partial", lambda make, kind, found, title, ink: given.append((found, title)) or b"x")
    own = {"weight": np.arange(300.0)}
    monkeypatch.setattr(map_placing, "_numbers", lambda job: (own, "digest"))
    assert not worlds.told(opened())
    found, title = given[-1]
    assert title.startswith("finished, epoch 3: its watched classes")
    np.testing.assert_array_equal(found["weight"], own["weight"])
