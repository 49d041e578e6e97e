"""A one-shot task as a picture: what the browser is given to draw, and what is said in words."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
import worlds
from PIL import Image

from pages.parts import episode, later, tasks, theme
from pages.parts.picture import ASSETS
from siamese_core.modalities.image import ImageItems
from siamese_core.one_shot import Ranked, Support
from siamese_core.types import InputSpec
from tests.embedders import Constant, numbers

SPEC = InputSpec(1, 8, 8, "ink")
NAMES = ("zoo/sun", "zoo/moon", "sky/sun")


def sheet(i: int) -> np.ndarray:
    return np.full((8, 8), 10 * i, np.uint8)


def items(count: int) -> ImageItems:
    return ImageItems(np.zeros((count, 1, 8, 8), np.uint8), SPEC)


def made(truth: tuple[str | None, ...]) -> tasks.Task:
    """Three classes, the first with two examples, and a query for each truth."""
    support = Support(items(4), np.array([0, 0, 1, 2]), NAMES)
    return tasks.Task(
        support, items(len(truth)), truth, [sheet(i) for i in range(4)], [sheet(9 + i) for i in range(len(truth))]
    )


def answered(*order: int, tied: bool = False, nearest: int = 0) -> Ranked:
    names = tuple(NAMES[i] for i in order)
    distances = (0.25, 0.25, 0.5) if tied else (0.25, 0.5, 0.75)
    return Ranked(None if tied else names[0], tied, names, distances, nearest)


def drawn(app) -> dict:
    """What the page gave the browser to draw."""
    return json.loads(app.get("bidi_component")[0].proto.json)


def test_arrows_lead_to_what_each_query_was_given():
    task = made(("zoo/moon", "sky/sun", "zoo/sun", None))
    found = [
        answered(1, 0, 2, nearest=2),
        answered(0, 1, 2, nearest=1),
        answered(0, 2, 1, tied=True),
        answered(2, 1, 0),
    ]
    right, wrong, tie, unknown = episode.laid_out(task, found)["queries"]
    assert [q["state"] for q in (right, wrong, tie, unknown)] == ["right", "wrong", "tie", "unknown"]
    assert [q["to"] for q in (right, wrong, tie, unknown)] == [[1], [0], [0, 2], [2]]
    assert [q["truth"] for q in (right, wrong, tie, unknown)] == [1, 2, 0, None]
    assert wrong["said"] == "Query 2: zoo/sun, at distance 0.25; wrong, it is sky/sun."
    assert tie["said"] == "Query 3: no answer, zoo/sun and sky/sun are equally near, at distance 0.25; it is zoo/sun."
    assert episode.headline(task, found) == "Queries: 1 of 3 right"
    assert [r["number"] for r in right["ranked"]] == ["0.25", "0.5", "0.75"]


def test_what_right_and_wrong_look_like_is_the_themes():
    colours = episode.laid_out(made(()), [])["colours"]
    assert (colours["right"], colours["wrong"], colours["unknown"]) == (theme.SAME, theme.DIFFERENT, theme.UNSURE)


def pixels(url: str) -> np.ndarray:
    kind, _, data = url.partition(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_pictures_travel_once_and_the_nearest_example_is_shown():
    task = made((None,))
    data = episode.laid_out(task, [answered(0, 1, 2, nearest=1)])
    assert [c["shots"] for c in data["classes"]] == [2, 1, 1]
    shades = [int(pixels(url)[0, 0]) for url in data["pictures"]]
    assert sorted(shades) == [0, 10, 20, 30, 90]
    assert shades[data["queries"][0]["picture"]] == 90
    assert [shades[r["picture"]] for r in data["queries"][0]["ranked"]] == [10, 20, 30]
    assert [shades[c["picture"]] for c in data["classes"]] == [0, 20, 30]


def test_pictures_are_crisp_and_not_large():
    small = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert (pixels(episode.data_url(small))[::20, ::20] == small).all()
    photo = np.random.default_rng(0).integers(0, 256, (900, 600, 3)).astype(np.uint8)
    assert max(pixels(episode.data_url(photo)).shape) <= 2 * episode.SIDE


def test_the_right_class_is_ranked_however_far_it_is():
    names = tuple(f"c{i}" for i in range(20))
    task = tasks.Task(Support(items(20), np.arange(20), names), items(1), ("c17",), [sheet(0)] * 20, [sheet(1)])
    answer = Ranked("c0", False, names, tuple(i / 20 for i in range(20)), 0)
    ranked = episode.laid_out(task, [answer])["queries"][0]["ranked"]
    assert [r["rank"] for r in ranked] == [1, 2, 3, 4, 5, 18]
    assert ranked[-1]["way"] == 17


def test_names_are_as_short_as_they_can_be():
    assert [episode.short(n, NAMES) for n in NAMES] == [["zoo", "sun"], ["moon"], ["sky", "sun"]]


def test_the_picture_is_told_in_words():
    task = made(("zoo/moon", "zoo/moon"))
    found = [answered(1, 0, 2), answered(0, 1, 2)]
    alt = episode.laid_out(task, found)["alt"]
    assert "3 classes and 2 queries" in alt
    assert "Right: 1. Query 2: zoo/sun, at distance 0.25; wrong, it is zoo/moon." in alt
    assert "no queries yet" in episode.laid_out(made(()), [])["alt"]


def test_a_collapsed_network_answers_nothing():
    from siamese_core.one_shot import classify, sample_episode

    data = numbers(classes=4)
    drawn = sample_episode(data, 4, 1, 1, np.random.default_rng(0))
    found = classify(Constant(), Support(data.items.select(drawn.support), drawn.support_ways, (*NAMES, "d")),
                     data.items.select(drawn.queries))  # fmt: skip
    assert episode.judged(found[0], "zoo/sun") == "tie"
    assert "4 classes are equally near" in episode.said(0, found[0], "zoo/sun")


def test_what_people_typed_is_never_read_as_html():
    script = (ASSETS / "episode.js").read_text("utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|setHTML|eval\(", script)


@pytest.mark.usefixtures("no_starter")
def test_the_page_draws_the_task_first(world):
    world("finished")
    app = worlds.visit("one_shot", "finished")
    data = drawn(app)
    assert len(data["classes"]) == len(data["queries"]) == 4
    right = sum(q["state"] == "right" for q in data["queries"])
    assert f"Queries: {right} of 4 right" in worlds.words(app)
    shown = app.selectbox(key="one_shot_set").set_value("glyphs").run()
    shown = drawn(shown.number_input(key="one_shot_ways").set_value(20).run())["classes"]
    assert len({tuple(c["lines"]) for c in shown}) == 20


@pytest.mark.usefixtures("no_starter")
def test_many_queries_are_in_the_list_and_the_first_in_the_picture(world):
    world("finished")
    app = worlds.visit("one_shot", "finished")
    app.segmented_control(key="one_shot_source").set_value("zip").run()
    data = worlds.zipped(
        {"sun/1.png": worlds.picture(1), "sun/2.png": worlds.picture(2), "m*n/1.png": worlds.picture(3)}
    )
    app.file_uploader(key="one_shot_zip").set_value(("mine.zip", data, "application/zip")).run()
    assert not drawn(app)["queries"]
    queries = [(f"{i}.png", worlds.picture(1 + i % 3), "image/png") for i in range(45)]
    app.file_uploader(key="one_shot_queries_upload_0").set_value(queries).run()
    assert not worlds.told(app)
    assert len(drawn(app)["queries"]) == episode.MOST_QUERIES
    assert "first 40 of 45" in worlds.words(app)
    listed = next(m.value for m in app.markdown if m.value.startswith("1. "))
    assert len(listed.splitlines()) == 45
    assert "**m\\*n**" in listed


def test_the_network_and_plain_pixels_solve_the_same_tasks(finished_run):
    from siamese_core import datasets, trained
    from siamese_core.runs import Run

    told: list[tuple[str, float]] = []
    data = datasets.load("digits").classes([0, 1, 2])
    found = tasks.measured(trained.load(Run(finished_run)), data, 3, 1, 60, lambda *now: told.append(now))
    assert found["pixels"] > 0.6  # chance is a third, and these digits look different
    assert found["accuracy"] != found["pixels"]
    assert found["episodes"] == 60
    assert [f for _, f in told] == sorted(f for _, f in told)
    assert len({words for words, _ in told}) == 2


@pytest.mark.usefixtures("no_starter")
def test_an_accuracy_that_was_measured_is_kept(world, monkeypatch):
    begun: list[later.Work] = []
    monkeypatch.setattr(later, "_spawn", lambda work: (begun.append(work), work.run()))
    world("finished")
    app = worlds.visit("one_shot", "finished")
    app.button(key="one_shot_measure").click().run()
    assert app.metric[0].label == "4-way 1-shot accuracy"
    app.number_input(key="one_shot_ways").set_value(3).run()
    assert not app.metric
    app.number_input(key="one_shot_ways").set_value(4).run()
    assert app.metric[0].label == "4-way 1-shot accuracy"
    assert len(begun) == 1
