"""The film of a training: what the browser is given, and the pages in each of the worlds."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import worlds
from safetensors.torch import save
from streamlit.testing.v1 import AppTest

from pages.parts import cache, epochs, epochs_work
from siamese_core import datasets, evolution
from siamese_core.files import read_json, write_json
from siamese_core.runs import History, Run

pytestmark = pytest.mark.usefixtures("no_starter")
POINTS = 24


def snapshot(run: Path, epoch: int, points: int = POINTS, size: int = 16) -> None:
    """Four classes, the first two of them unseen, that part as epochs pass."""
    rng = np.random.default_rng(5)
    labels = np.arange(points) * 4 // points
    x = rng.normal(size=(4, size))[labels] * epoch + rng.normal(size=(points, size))
    validation = 358  # items of the digits' classes 6 and 7 before which the training part begins
    items = np.where(labels < 2, np.arange(points), validation + np.arange(points))
    tensors = {"embeddings": torch.from_numpy(x).half(), "labels": torch.from_numpy(labels),
               "items": torch.from_numpy(items)}  # fmt: skip
    (run / "snapshots").mkdir(exist_ok=True)
    (run / "snapshots" / f"{epoch:05d}.safetensors").write_bytes(save(tensors))


@pytest.fixture(autouse=True)
def own_films():
    """No test sees another's maps."""
    cache.films.clear()
    yield
    cache.films.clear()


@pytest.fixture
def film(world):
    """A run of a world with snapshots of before training and of two epochs."""

    def make(name: str, last: int = 2) -> Path:
        run = Path(world(name))
        for epoch in range(last + 1):
            snapshot(run, epoch)
        return run

    return make


def given(app: AppTest) -> tuple[dict[str, Any], np.ndarray]:
    """The head and the maps that the browser got."""
    (part,) = [b for b in app.get("bidi_component") if b.proto.component_name.endswith("siamese_epochs")]
    return unpacked(part.proto.bytes)


def unpacked(data: bytes) -> tuple[dict[str, Any], np.ndarray]:
    """As the browser reads it."""
    (size,) = struct.unpack("<I", data[:4])
    head = json.loads(data[4 : 4 + size])
    return head, np.frombuffer(data[4 + size :], "<f4").reshape(len(head["epochs"]), len(head["labels"]), 2)


def on_the_map(run: str) -> AppTest:
    """The Map page with its Epochs, by the address."""
    app = AppTest.from_file(str(worlds.ROOT / "app.py"), default_timeout=60)
    app.query_params |= {"run": run, "map_view": "Epochs"}
    return app.switch_page("pages/map.py").run()


def test_the_map_page_shows_a_finished_run_as_a_film(film):
    run = Run(film("finished"))
    app = on_the_map("finished")
    assert not worlds.told(app)
    head, maps = given(app)
    found = evolution.frames(run)
    assert np.array_equal(maps, found.maps)
    assert head["epochs"] == [0, 1, 2]
    assert [c["name"] for c in head["classes"]] == ["6", "7", "0", "1"]
    assert [c["unseen"] for c in head["classes"]] == [True, True, False, False]
    assert {c["name"]: c["values"] for c in head["curves"]} == {
        "pairs": [None, 0.8, 0.8],
        "2-way one-shot": [None, 0.7, 0.7],
    }
    assert not head["live"]
    assert head["sheet"]["columns"] * head["sheet"]["rows"] >= POINTS
    assert "Trustworthiness" in worlds.words(app)
    app.segmented_control(key="epochs_way").set_value("pca").run()
    assert not worlds.told(app)
    other, maps = given(app)
    assert np.array_equal(maps, evolution.frames(run, "pca").maps)
    assert other["story"] != head["story"]


def test_new_epochs_of_a_running_training_are_added_to_the_same_film(film):
    run = film("running")
    app = on_the_map("running")
    head, maps = given(app)
    assert head["live"]
    snapshot(run, 3)
    worlds.events(run, 3)
    app.run()
    assert not worlds.told(app)
    later, more = given(app)
    assert later["story"] == head["story"]
    assert later["version"] != head["version"]
    assert np.array_equal(more[:3], maps)
    assert later["epochs"] == [0, 1, 2, 3]
    assert later["curves"][0]["values"] == [None, 0.8, 0.8, 0.8]
    app.run()
    assert given(app)[0] == later


def test_the_train_page_shows_the_film_beside_stop(film):
    film("running")
    app = worlds.visit("train", "running")
    app.segmented_control(key="train_view").set_value("epochs").run()
    assert not worlds.told(app)
    assert given(app)[0]["live"]
    assert app.button(key="live_stop").label == "Stop"


@pytest.mark.parametrize("page", ["map", "train"])
@pytest.mark.parametrize(("name", "words"), [("finished", "has no snapshots"), ("failed", "has no snapshots"),
                                             ("running", "first snapshot is written as soon as")])  # fmt: skip
def test_without_snapshots_it_is_said_what_to_do(world, page, name, words):
    world(name)
    if page == "map":
        app = on_the_map(name)
    else:
        app = worlds.visit("train", name)
        app.segmented_control(key="train_view").set_value("epochs").run()
    assert words in worlds.words(app)
    assert not [m for m in worlds.told(app) if "disk" not in m]  # the failed run says why it failed
    assert not app.get("bidi_component")


def test_without_a_run_the_page_says_what_to_do(runs_folder):
    app = AppTest.from_file(str(worlds.ROOT / "app.py"), default_timeout=60)
    app.query_params["map_view"] = "Epochs"
    app.switch_page("pages/map.py").run()
    assert not worlds.told(app)
    assert "no trained network yet" in worlds.words(app)


def test_a_stopped_run_without_weights_shows_what_there_is(film):
    film("failed", last=0)
    app = on_the_map("failed")
    assert not worlds.told(app)
    assert given(app)[0]["epochs"] == [0]


def test_damaged_snapshots_are_left_out_and_told_and_all_damaged_is_one_notice(film):
    run = film("finished")
    (run / "snapshots" / "00001.safetensors").write_bytes(b"x")
    app = on_the_map("finished")
    assert given(app)[0]["epochs"] == [0, 2]
    assert "epoch 1 cannot be read" in worlds.words(app)
    for path in evolution.present(Run(run)):
        path.write_bytes(b"x")
    app.run()
    assert len(worlds.told(app)) == 1
    assert "can be read; train it again" in worlds.told(app)[0]


def test_maps_in_the_making_show_how_far_they_are(film, monkeypatch):
    film("finished")
    monkeypatch.setattr(epochs_work.Background, "_begin", lambda self: None)
    app = on_the_map("finished")
    assert not worlds.told(app)
    assert len(app.get("progress")) == 1


def test_pictures_of_other_data_than_it_was_trained_on_are_not_shown(film):
    run = film("finished")
    manifest = read_json(run / "config.json")
    manifest["data"]["digest"] = "0" * 16
    write_json(run / "config.json", manifest)
    assert given(on_the_map("finished"))[0]["sheet"] is None


def test_points_lead_to_their_pictures(film):
    run = Run(film("finished"))
    found = evolution.frames(run)
    sheet = cache.watched_pictures(run, found.items).value
    digits = datasets.load("digits")
    whole = digits.classes([6, 7])
    first, last = whole.items.natural(0), whole.items.natural(int(found.items[11]))
    pixels = decoded(sheet)
    h, w = sheet["height"], sheet["width"]
    assert np.array_equal(pixels[:h, :w], first)
    at = (11 // sheet["columns"] * h, 11 % sheet["columns"] * w)
    assert np.array_equal(pixels[at[0] : at[0] + h, at[1] : at[1] + w], last)


def decoded(sheet: dict[str, Any]) -> np.ndarray:
    """The pixels of a sheet's PNG."""
    import base64
    import io

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(sheet["src"].partition(",")[2]))))


def test_a_sheet_takes_wide_and_coloured_pictures():
    pictures = [np.full((100, 200, 3), i, np.uint8) for i in range(7)]
    sheet = epochs_work.laid_out(pictures)
    assert (sheet["width"], sheet["height"]) == (56, 28)
    assert decoded(sheet)[28 * (6 // sheet["columns"]) + 5, 56 * (6 % sheet["columns"]) + 5].tolist() == [6, 6, 6]


def test_rates_that_are_none_are_left_out():
    events = [{"event": "epoch", "step": i, "epoch": i, "one_shot": v} for i, v in enumerate([0.5, 7, None, True], 1)]
    found = epochs.curves([0, 1, 2, 3, 4], History().add(events))
    assert [c["values"] for c in found] == [[None, 0.5, None, None, None]]
