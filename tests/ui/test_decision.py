"""The decision card on Compare: probability, error rates, not sure, and a threshold that moves all of it."""

from __future__ import annotations

import pytest
import worlds

from pages.parts import charts, show, state, theme, verdict
from siamese_core import calibrate
from siamese_core.calibration import Decision
from siamese_core.runs import Run
from siamese_core.trained import Trained
from siamese_core.verifier import Comparison

pytestmark = pytest.mark.usefixtures("no_starter")


@pytest.fixture
def calibrated(world):
    """A finished run with a calibration on its validation classes."""
    run = Run(world("finished"))
    calibrate.of_run(run)
    return run


def the_slider(app):
    return next(s for s in app.slider if s.label == "Threshold")


def test_the_threshold_moves_the_verdict_and_its_error_rates(calibrated):
    app = worlds.visit("compare", "finished")
    assert not worlds.told(app)
    assert "The probability that they are of the same class is" in worlds.words(app)
    slider = the_slider(app)
    own = [m.value for m in app.metric]
    assert [m.label for m in app.metric] == ["False accepts", "False rejects"]
    slider.set_value(slider.min).run()
    assert not worlds.told(app)
    assert app.metric[0].value in ("0.0%", "0.01%")
    assert app.metric[1].value == "100.0%"
    assert "Same class" not in worlds.words(app)
    the_slider(app).set_value(the_slider(app).max).run()
    assert app.metric[0].value == "100.0%"
    assert [m.value for m in app.metric] != own
    assert "Different classes" not in worlds.words(app)


def test_a_run_without_a_calibration_has_no_card(world):
    world("finished")
    app = worlds.visit("compare", "finished")
    assert not app.metric
    assert not [s for s in app.slider if s.label == "Threshold"]
    assert "probability" not in worlds.words(app)


def test_the_slider_begins_at_the_runs_own_threshold(calibrated):
    own = calibrated.card()["calibration"]["threshold"]
    app = worlds.visit("compare", "finished")
    assert the_slider(app).value == pytest.approx(own, abs=0.001)
    assert f"threshold of {show.number(own)}" in worlds.words(app)


def test_moving_the_threshold_encodes_nothing(calibrated, monkeypatch):
    encoded: list[int] = []
    plain = Trained._encode
    monkeypatch.setattr(Trained, "_encode", lambda self, *a: (encoded.append(len(a[1])), plain(self, *a))[1])
    monkeypatch.setattr(Trained, "unlike", lambda self, items: self.features(items)[:, 0] < 0)
    app = worlds.visit("compare", "finished")
    assert sum(encoded) == 4  # each of the two for its distance, and for what it looks like
    for value in (the_slider(app).min, the_slider(app).max):
        the_slider(app).set_value(value).run()
    app.button(key="compare_swap").click().run()  # the other way round is another question
    assert not worlds.told(app)
    assert sum(encoded) == 6
    app.button(key="compare_different").click().run()
    assert sum(encoded) > 6


def test_a_network_that_was_loaded_anew_is_asked_anew(monkeypatch):
    class Network:
        pass

    lab, asked = state.Lab(), []
    monkeypatch.setattr(state, "lab", lambda: lab)
    one, other = Network(), Network()
    for about, of in (
        ("a", one),
        ("a", one),
        ("b", one),
        ("a", other),
        ("a", one),
        *((i, one) for i in range(8)),
        ("a", one),
    ):
        state.remembered("pairs", about, of, lambda a=about: asked.append(a))
    assert asked == ["a", "b", "a", "a", *range(8), "a"]
    assert len(lab.answers["pairs"]) == 8


@pytest.mark.parametrize(("strange", "words"), [((True, False), "Picture A is"), ((True, True), "Both pictures are")])
def test_a_picture_unlike_the_training_is_warned_of(world, monkeypatch, strange, words):
    told = iter(strange * 20)
    monkeypatch.setattr(Trained, "unlike", lambda self, items: [next(told)])
    world("finished")
    app = worlds.visit("compare", "finished")
    assert any(words in w.value and "do not rely on the verdict" in w.value for w in app.warning)


def decided(said: str, distance: float = 0.3) -> Comparison:
    decision = Decision(said, 0.55, 0.1, (0.05, 0.2), 0.1, (0.05, 0.2), 0.2, 0.1)
    return Comparison(distance, 0.25, distance <= 0.25, decision)


def test_not_sure_is_grey_and_neither_right_nor_wrong():
    found = decided("not sure")
    assert "Not sure" in verdict.word(found)
    assert ":gray[" in verdict.word(found)
    told = verdict._told(found, True)
    assert "Right" not in told
    assert "Wrong" not in told
    assert "both are of one class" in told
    assert "too close to call" in verdict._reason(found)
    assert "**Wrong**" in verdict._told(decided("different"), True)


def test_the_band_of_doubt_and_the_pairs_colour_are_drawn():
    figure = charts.distance_scale([0, 0.5, 1.0], [8, 2], [1, 3], 0.4, 0.45, band=(0.3, 0.6), mark=theme.UNSURE)
    band = next(s for s in figure.layout.shapes if s.type == "rect")
    assert (band.x0, band.x1) == (0.3, 0.6)
    assert next(t for t in figure.data if t.type == "scatter").line.color == theme.UNSURE


@pytest.mark.parametrize(
    ("value", "words"), [(0.0, "under 1%"), (0.004, "under 1%"), (0.5, "50%"), (0.996, "over 99%"), (1.0, "over 99%")]
)
def test_no_probability_is_certain(value, words):
    assert show.likely(value) == words
