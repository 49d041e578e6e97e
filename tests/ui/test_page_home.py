"""Home: the picture's pairs and numbers, and the steps that know what is done."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import worlds
from PIL import Image

from pages.parts import cache, picture
from siamese_core import runs


def done(app) -> list[str]:
    """The words of the steps that are marked as done."""
    return [c.value.removeprefix(":green[Done.] ") for c in app.caption if c.value.startswith(":green[Done.]")]


def links(app) -> list[str]:
    return [e.proto.label for e in app.get("page_link")]


def test_pairs_are_what_they_are_called():
    scene = picture.scene(cache.signs())
    names = [sign["name"] for sign in scene["signs"]]
    assert len(scene["same"]) >= 12
    assert all(names[i] == names[j] for i, j in scene["same"])
    assert all(names[i] != names[j] for i, j in scene["different"])
    assert len(scene["same"]) + len(scene["different"]) == len(names) * (len(names) - 1) // 2
    assert scene["first"] == scene["same"][0]


def test_pictures_are_the_signs_themselves():
    signs = cache.signs()
    for sign, i in zip(picture.scene(signs)["signs"], range(len(signs)), strict=True):
        data = base64.b64decode(sign["picture"].removeprefix("data:image/png;base64,"))
        assert (np.asarray(Image.open(io.BytesIO(data))) == signs.items.natural(i)).all()


def test_numbers_are_those_of_the_starter():
    from siamese_core import trained

    signs, model = cache.signs(), trained.load("starter")
    cache.warm_up()
    assert cache._engine().ready.wait(60)
    found = picture.numbers(cache.seen_by(runs.find("starter"), signs))
    one, other = (model.embed(signs.items.select(np.array([i]))) for i in (0, 4))
    assert found["distances"][0][4] == pytest.approx(float(model.distances(one, other)[0]), abs=1e-3)
    assert found["embeddings"][4] == pytest.approx(other[0], abs=1e-3)
    assert found["threshold"] == model.threshold
    (i, j), (k, m) = picture.scene(signs)["same"][0], picture.scene(signs)["different"][0]
    assert found["distances"][i][j] < found["threshold"] < found["distances"][k][m]  # the first ones shown are right


def test_without_any_network_training_comes_first(no_starter, runs_folder):
    app = worlds.visit("home")
    assert worlds.primaries(app) == ["Train a network"]
    assert done(app) == []
    assert not links(app)[1:]  # nothing else can be opened yet


def test_with_the_starter_comparing_comes_first(runs_folder):
    app = worlds.visit("home")
    assert worlds.primaries(app) == ["Compare a pair"]
    assert links(app) == ["Train a network", "Name new classes", "Look at the map"]
    app.button(key="home_1").click().run()
    assert app.title[0].value == "Compare a pair"
    assert app.selectbox(key="compare_run").value == "starter"


def test_steps_are_done_when_their_pages_were_used(world):
    world("finished")
    app = worlds.visit("home")
    assert done(app) == ["On real handwritten digits; it takes about a minute."]
    for page in ("compare", "train", "one_shot"):
        app.switch_page(f"pages/{page}.py").run()
    app.switch_page("pages/home.py").run()
    assert len(done(app)) == 5
    assert worlds.primaries(app) == ["Look at the map"]
    app.switch_page("pages/map.py").run()
    app.switch_page("pages/home.py").run()
    assert len(done(app)) == 6
    assert worlds.primaries(app) == ["Train another network"]
    app.button(key="home_again").click().run()
    assert app.title[0].value == "Train"


def test_recent_runs_show_state_and_accuracy(world):
    world("finished")
    world("failed")
    app = worlds.visit("home")
    assert {"finished", "failed"} <= set(links(app))
    assert "2-way one-shot 80%" in worlds.words(app)
    assert "failed" in worlds.words(app)
