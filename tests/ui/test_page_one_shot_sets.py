"""The One-shot page: support sets that are edited and taken along, rules, "none of these", and the laboratory."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import worlds
from PIL import Image

from pages.parts import charts_shots, deciding, later, support_editor, theme
from siamese_core import calibrate, support_files
from siamese_core.confusion import confusion
from siamese_core.laboratory import Cell
from siamese_core.runs import Run
from siamese_core.support_set import SupportSet
from siamese_core.types import InputSpec


def drawn(app) -> dict:
    """What the page gave the browser to draw."""
    return json.loads(app.get("bidi_component")[0].proto.json)


def names(app) -> list[str]:
    return [t.value for t in app.text_input if (t.key or "").startswith("one_shot_name_")]


def opened(app, made: SupportSet | bytes):
    """Open a saved set."""
    data = made if isinstance(made, bytes) else made.to_bytes()
    app.segmented_control(key="one_shot_source").set_value("zip").run()
    return app.file_uploader(key="one_shot_zip").set_value(("set.zip", data, "application/zip")).run()


def three() -> SupportSet:
    """Three classes with two, one and one example."""
    found = SupportSet().with_class("sun", [("1", worlds.picture(1)), ("2", worlds.picture(2))])
    return found.with_class("moon", [("3", worlds.picture(3))]).with_class("star", [("4", worlds.picture(4))])


def ask(app, *queries: bytes):
    files = [(f"q{i}.png", q, "image/png") for i, q in enumerate(queries)]
    return app.file_uploader(key="one_shot_queries_upload_0").set_value(files).run()


@pytest.fixture
def one_shot(world):
    world("finished")
    return worlds.visit("one_shot", "finished")


def test_a_saved_set_is_opened_edited_and_is_the_same_again(one_shot):
    app = opened(one_shot, three())
    assert not worlds.told(app)
    assert [c["shots"] for c in drawn(app)["classes"]] == [2, 1, 1]
    app = app.button(key="one_shot_edit").click().run()
    assert not worlds.told(app)
    assert app.segmented_control(key="one_shot_source").value == "classes"
    assert names(app) == ["sun", "moon", "star"]
    assert [(c["name"], c["shots"]) for c in drawn(app)["classes"]] == [("sun", 2), ("moon", 1), ("star", 1)]


def test_classes_are_renamed_removed_and_lose_examples(one_shot):
    app = opened(one_shot, three()).button(key="one_shot_edit").click().run()
    app.text_input(key="one_shot_name_1").set_value("mars").run()
    app.button(key="one_shot_cut_0").click().run()
    assert [(c["name"], c["shots"]) for c in drawn(app)["classes"]] == [("sun", 1), ("mars", 1), ("star", 1)]
    app.button(key="one_shot_remove_0").click().run()
    assert names(app) == ["mars", "star"]
    assert [c["name"] for c in drawn(app)["classes"]] == ["mars", "star"]
    app = ask(app, worlds.picture(3))
    assert "an example of 'mars'" in app.warning[0].value
    app.button(key="one_shot_remove_0").click().run()  # one class is too few, and it is said
    assert not worlds.told(app)
    assert "has no example" in worlds.words(app)


def test_examples_are_added_to_an_opened_set(one_shot):
    app = opened(one_shot, three()).button(key="one_shot_edit").click().run()
    key = next(u.key for u in app.file_uploader if u.key.startswith("one_shot_class_2_upload"))
    app.file_uploader(key=key).set_value([("n.png", worlds.picture(9), "image/png")]).run()
    assert [c["shots"] for c in drawn(app)["classes"]] == [2, 1, 2]


def test_a_sampled_task_can_be_edited(one_shot):
    before = [c["name"] for c in drawn(one_shot)["classes"]]
    app = one_shot.button(key="one_shot_edit").click().run()
    assert not worlds.told(app)
    assert [c["name"] for c in drawn(app)["classes"]] == before
    assert sorted(names(app)) == sorted(before)


def test_names_stay_when_the_page_is_left(one_shot):
    app = opened(one_shot, three()).button(key="one_shot_edit").click().run()
    app.switch_page("pages/home.py").run()
    app.switch_page("pages/one_shot.py").run()
    app.segmented_control(key="one_shot_source").set_value("classes").run()
    assert names(app) == ["sun", "moon", "star"]
    assert [c["shots"] for c in drawn(app)["classes"]] == [2, 1, 1]


def test_a_manifest_that_lies_is_one_sentence(one_shot):
    bad = worlds.zipped({"manifest.json": b"{}", "pictures/0001.png": worlds.picture(1)})
    app = opened(one_shot, bad)
    assert len(worlds.told(app)) == 1
    assert "other keys" in worlds.told(app)[0]


def test_a_set_of_one_class_and_one_that_is_too_large(one_shot):
    app = opened(one_shot, three().without_class("moon").without_class("star"))
    assert not worlds.told(app)
    assert "at least two" in worlds.words(app)
    many = SupportSet()
    for i in range(21):
        many = many.with_class(f"c{i}", [("p", worlds.picture(i))])
    assert "at most 20" in worlds.told(opened(app, many))[0]
    with pytest.raises(Exception, match="at most 20"):
        support_editor.lay_out(many)


def test_more_examples_than_fit_are_said(one_shot):
    many = three().with_pictures("moon", [(str(i), worlds.picture(i)) for i in range(30)])
    app = opened(one_shot, many)
    assert "Of moon the first 20 pictures are used" in worlds.words(app)
    assert [c["shots"] for c in drawn(app)["classes"]] == [2, 20, 1]


def test_the_rule_is_switched_and_its_reason_told(one_shot):
    app = ask(opened(one_shot, three()), worlds.picture(1))
    assert "Of 2 examples left out in turn" in worlds.words(app)
    app.selectbox(key="one_shot_rule").set_value("prototype").run()
    assert not worlds.told(app)
    assert "class prototypes." in worlds.words(app)
    app.selectbox(key="one_shot_rule").set_value("head").run()
    app.toggle(key="one_shot_augment").set_value(True).run()
    assert not worlds.told(app)
    assert "a head adapted to it." in worlds.words(app)


def test_a_run_that_is_not_calibrated_says_so(one_shot):
    assert one_shot.selectbox(key="one_shot_reject").disabled
    assert "not calibrated" in worlds.words(one_shot)


def test_a_run_with_few_classes_refuses_by_its_pairs(world):
    calibrate.of_run(Run(world("finished")))
    app = ask(opened(worlds.visit("one_shot", "finished"), three()), worlds.picture(1), noise())
    assert not worlds.told(app)
    assert "reckoned from pairs" in worlds.words(app)
    assert drawn(app)["queries"][0]["state"] == "unknown"  # it is an example itself


def noise() -> bytes:
    """A picture of nothing."""
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40)).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_a_foreign_picture_is_none_of_these():
    app = ask(opened(worlds.visit("one_shot", "starter"), three()), worlds.picture(1), noise())
    assert not worlds.told(app)
    known, foreign = drawn(app)["queries"]
    assert (known["state"], known["refused"]) == ("unknown", False)
    assert (foreign["state"], foreign["to"], foreign["refused"]) == ("none", [], True)
    assert "none of these; the nearest" in foreign["said"]
    assert "About 10% of foreign pictures are named all the same" in worlds.words(app)
    assert "**none of these**" in worlds.words(app)
    app.selectbox(key="one_shot_reject").set_value("never").run()
    assert drawn(app)["queries"][1]["state"] == "unknown"


def test_foreign_queries_are_sampled_and_right_when_they_are_refused():
    app = worlds.visit("one_shot", "starter")
    app.number_input(key="one_shot_foreign").set_value(3).run()
    queries = drawn(app)["queries"]
    assert len(queries) == 8
    for q in queries[5:]:
        assert q["truth"] is None
        assert q["state"] == ("right" if q["refused"] else "wrong")
    right = sum(q["state"] == "right" for q in queries)
    assert f"Queries: {right} of 8 right" in worlds.words(app)
    assert f"**{right} of 8 right**" in worlds.words(app)


def test_labelled_queries_give_a_confusion_table(one_shot):
    app = opened(one_shot, three())
    labelled = {"sun/a.png": worlds.picture(1), "sun/b.png": worlds.picture(2), "mars/c.png": worlds.picture(3)}
    zipped = ("q.zip", worlds.zipped(labelled), "application/zip")
    app.file_uploader(key="one_shot_labelled").set_value(zipped).run()
    app.selectbox(key="one_shot_rule").set_value("nearest").run()
    assert not worlds.told(app)
    assert "**2 of 3 right**" in worlds.words(app)
    app = ask(app, worlds.picture(5))  # one more, of which nothing is known
    assert "**2 of 3 right**" in worlds.words(app)
    assert len(drawn(app)["queries"]) == 4


def test_a_confusion_figure_says_every_count():
    found = confusion(["a", "b", None], [None, None, "none of these"], ["a", "a", "x"], ("a", "b"))
    figure = charts_shots.confusion(found, theme.ink(False))
    assert [list(row) for row in figure.data[0].text] == [["1", "1", ""], ["", "", "1"]]
    assert list(figure.layout.xaxis.ticktext) == ["a", "b", "none of these"]
    assert list(figure.layout.yaxis.ticktext) == ["a", "another class"]


def test_lines_carry_bands_pixels_and_chance():
    cells = [Cell(n, k, 0.9, 0.85, 0.95, 0.4, 0.3, 0.5) for n in (2, 5) for k in (1, 3)]
    for by, levels in (("n_way", ["1-shot", "3-shot"]), ("k_shot", ["2-way", "5-way"])):
        figure = charts_shots.against(cells, by)
        shown = [t.name for t in figure.data if t.showlegend is not False]
        assert set(shown) == {*levels, "plain pixels", "chance"}
        band = next(t for t in figure.data if t.fill == "toself")
        assert (max(band.y), min(band.y)) == (0.95, 0.85)
    chance = [list(t.y) for t in charts_shots.against(cells, "n_way").data if t.name == "chance"]
    assert chance == [[0.5, 0.2]]


def laboratory(run: str):
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(worlds.ROOT / "app.py"), default_timeout=60)
    app.query_params["run"] = run
    app.query_params["one_shot_view"] = "Laboratory"
    return app.switch_page("pages/one_shot.py").run()


@pytest.mark.usefixtures("no_starter")
@pytest.mark.parametrize("name", worlds.WORLDS)
def test_the_laboratory_opens_in_every_world(world, name):
    world(name)
    app = laboratory(name)
    assert not worlds.told(app)
    assert len(worlds.primaries(app)) <= 1


@pytest.mark.usefixtures("no_starter")
def test_the_laboratory_measures(world, monkeypatch):
    monkeypatch.setattr(later, "_spawn", lambda work: work.run())
    world("finished")
    app = laboratory("finished")
    assert "Press **Measure**" in worlds.words(app)
    app = app.button(key="lab_start").click().run()
    assert not worlds.told(app)
    assert "hardest classes, 4-way 1-shot" in worlds.words(app)
    assert "200 tasks each of 4 classes of digits" in worlds.words(app)
    assert len(app.get("plotly_chart")) == 3
    app.selectbox(key="lab_rule").set_value("prototype").run()
    assert "Press **Measure**" in worlds.words(app)


def test_what_is_downloaded_can_be_opened():
    made = three()
    back = support_files.from_zip(named(made.to_bytes()))
    spec = InputSpec(1, 12, 12, "ink")
    np.testing.assert_array_equal(back.items(spec).pixels, made.items(spec).pixels)


def named(data: bytes):
    out = io.BytesIO(data)
    out.name = support_editor.FILE
    return out


def test_rates_and_rules_are_the_cores():
    from siamese_core import class_rules, open_set

    assert set(deciding.RULES) == set(class_rules.NAMES)
    for rate in deciding.RATES.values():
        if rate is not None:
            open_set.check_rate(rate)
    assert deciding.RATES[deciding.USUAL] == open_set.RATE
