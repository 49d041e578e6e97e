"""The Evaluate page: what is measured, what is drawn of it, and two runs beside each other."""

from __future__ import annotations

import numpy as np
import pytest
import worlds

from pages.parts import charts_beside, charts_rates, later, theme
from siamese_core import curves, datasets
from siamese_core.evaluation import Cell, Part
from siamese_core.paired import Difference
from siamese_core.scored import ScoredPairs
from siamese_core.types import InputSpec
from tests.ready import make_run

pytestmark = pytest.mark.usefixtures("no_starter")
VIEWS = ("Errors", "Mistakes", "Classes", "Search and one-shot")


@pytest.fixture
def at_once(monkeypatch):
    """Work beside a page is done before the page goes on."""
    monkeypatch.setattr(later, "_spawn", lambda work: work.run())


def evaluated(app):
    app.button(key="evaluate_start").click().run()
    assert not worlds.told(app)
    return app


def test_every_view_of_a_finished_run(world, at_once):
    world("finished")
    app = evaluated(worlds.visit("evaluate", "finished"))
    assert [m.label for m in app.metric] == ["Equal error rate", "AUC", "False accepts", "False rejects"]
    assert "in 2 classes of digits" in worlds.words(app)
    charts = {}
    for view in VIEWS:
        app.segmented_control(key="evaluate_view").set_value(view).run()
        assert not worlds.told(app)
        charts[view] = len(app.get("plotly_chart"))
    assert charts == {"Errors": 5, "Mistakes": 0, "Classes": 1, "Search and one-shot": 1}


def test_mistakes_show_the_pairs(world, at_once):
    world("finished")
    app = evaluated(worlds.visit("evaluate", "finished"))
    app.segmented_control(key="evaluate_view").set_value("Mistakes").run()
    assert len(app.get("image")) >= 8
    assert "8 and 9" in worlds.words(app) or "9 and 8" in worlds.words(app)


def test_nothing_is_measured_before_it_is_asked_for(world, at_once):
    world("finished")
    app = worlds.visit("evaluate", "finished")
    assert not app.metric
    assert "Press **Evaluate**" in worlds.words(app)


def test_two_runs_are_measured_on_the_same_classes(world, at_once):
    world("finished")
    world("running")
    app = worlds.visit("evaluate", "finished")
    app.selectbox(key="evaluate_beside").set_value("running").run()
    evaluated(app)
    assert len(app.metric) == 8
    assert app.metric[0].value == app.metric[4].value  # they are copies of one network
    assert len(app.get("plotly_chart")) == 6
    assert "**finished** and **running** that these pairs of 2 identities could show" in worlds.words(app)
    assert "p\u00a0=\u00a01." in worlds.words(app)


def test_two_runs_that_differ(world, at_once):
    folder = world("finished").parent
    make_run(folder / "large_net", image_size=20)
    app = worlds.visit("evaluate", "finished")
    app.selectbox(key="evaluate_beside").set_value("large_net").run()
    evaluated(app)
    said = next(m.value for m in app.markdown if "equal error rate" in m.value and "p\u00a0" in m.value)
    assert "**large\\_net**" in said
    assert "lines through dots" in worlds.words(app)


def test_one_run_is_set_against_nothing(world, at_once):
    world("finished")
    app = evaluated(worlds.visit("evaluate", "finished"))
    assert "p\u00a0" not in worlds.words(app)
    assert len(app.get("plotly_chart")) == 5


def test_a_warning_of_one_of_two_runs_names_it(world, at_once):
    folder = world("finished").parent
    make_run(folder / "learnt")
    seen = datasets.load("digits").classes([8, 9]).items.fitted(InputSpec(1, 12, 12, "ink")).digests()
    (folder / "learnt" / "train_digests.txt").write_text("\n".join(seen) + "\n")
    app = worlds.visit("evaluate", "finished")
    app.selectbox(key="evaluate_beside").set_value("learnt").run()
    evaluated(app)
    assert [w.value.split(":")[0].rstrip("\\") for w in app.warning if "training data" in w.value] == ["learnt"]


def test_data_that_the_run_has_learnt_from_is_told(world, at_once):
    world("finished")
    app = worlds.visit("evaluate", "finished")
    app.selectbox(key="evaluate_set").set_value("digits").run()
    evaluated(app)
    assert any("were in the run" in w.value for w in app.warning)


def test_another_choice_asks_for_another_evaluation(world, at_once):
    world("finished")
    app = evaluated(worlds.visit("evaluate", "finished"))
    app.selectbox(key="evaluate_set").set_value("digits").run()
    assert not app.metric
    app.selectbox(key="evaluate_set").set_value("test").run()
    assert app.metric  # still known


def scored(tied: bool = False) -> ScoredPairs:
    rng = np.random.default_rng(0)
    same = np.repeat([True, False], 3000)
    d = np.ones(6000) if tied else np.where(same, rng.normal(1, 0.4, 6000), rng.normal(2, 0.4, 6000))
    ids = np.zeros(6000, np.int64)
    return ScoredPairs(d, same, ids, np.where(same, ids, 1))


@pytest.mark.parametrize("tied", [False, True])
def test_curves_are_thin_and_mark_the_threshold(tied):
    rates = curves.rates(scored(tied))
    far, frr = rates.at(1.5)
    for figure in (charts_rates.roc({"a": rates}, 1.5), charts_rates.det({"a": rates}, 1.5)):
        assert all(len(t.x) <= charts_rates.POINTS for t in figure.data)
    roc = charts_rates.roc({"a": rates}, 1.5)
    assert (roc.data[-1].x[0], roc.data[-1].y[0]) == (far, 1 - frr)
    moving = charts_rates.by_threshold(rates, 1.5)
    assert [t.line.shape for t in moving.data] == ["hv", "hv"]
    assert len(charts_rates.precision_recall({"a": rates}).data[0].x) <= charts_rates.POINTS


def test_normal_deviate_axes_have_rates_on_their_ticks():
    figure = charts_rates.det({"a": curves.rates(scored())}, 1.5)
    axis = figure.layout.xaxis
    place = dict(zip(axis.ticktext, axis.tickvals, strict=True))
    assert place["20%"] == pytest.approx(-0.8416, abs=1e-4)
    assert axis.range == figure.layout.yaxis.range
    assert (np.diff(np.array(figure.data[0].y, float)) <= 1e-12).all()  # more accepted, fewer refused


def test_two_runs_are_told_apart_without_colour():
    rates = curves.rates(scored())
    lines = [t for t in charts_rates.roc({"a": rates, "b": rates}, 1.5).data if t.name in ("a", "b")]
    assert len({(t.line.color, t.line.dash) for t in lines}) == 2
    assert {t.line.dash for t in lines} == {"solid", "dash"}


def test_a_band_lies_around_its_curve():
    rates = curves.rates(scored())
    grid = np.linspace(0.05, 0.5, 5)
    bands = {"a": (grid, np.full(5, 0.1), np.full(5, 0.3))}
    band = charts_rates.roc({"a": rates}, 1.5, bands).data[1]
    assert band.fill == "toself"
    assert (min(band.y), max(band.y)) == pytest.approx((0.7, 0.9))


def test_the_better_run_is_on_its_side_of_zero():
    of = {
        "errors": (Difference(-0.02, -0.03, -0.01, 0.001), False),
        "areas": (Difference(-0.02, -0.03, -0.01, 0.001), True),
        "nothing": (Difference(0.01, -0.02, 0.04, 0.4), False),
    }
    figure = charts_beside.differences(of, "a", "b" * 40)
    low, high, unclear = figure.data
    assert tuple(low.x) == pytest.approx((-3, -2, -1))
    assert tuple(high.x) == pytest.approx((3, 2, 1))
    assert [t.marker.color for t in (low, high, unclear)] == [theme.colour_of(0), theme.colour_of(1), theme.UNSURE]
    assert low.text[1].startswith("a better by 2.00 points<br>95% interval 1.00 to 3.00")
    words = [a.text for a in figure.layout.annotations]
    assert words[:3] == ["p = 0.001", "p = 0.001", "p = 0.40"]
    assert words[3:] == ["\u2190 a better", f"{'b' * 19}… better \u2192"]
    assert list(figure.layout.xaxis.ticktext) == [
        "6 points",
        "4 points",
        "2 points",
        "0",
        "2 points",
        "4 points",
        "6 points",
    ]


def test_a_picture_of_no_difference_can_be_drawn():
    figure = charts_beside.differences({"errors": (Difference(0.0, 0.0, 0.0, 1.0), False)}, "a", "b")
    assert figure.layout.xaxis.range[0] < 0 < figure.layout.xaxis.range[1]


def test_the_hardest_parts_come_first():
    of = [Part(f"c{i}", 5, 10, 10, i / 100, None, None) for i in range(30)]
    figure = charts_rates.parts(of)
    assert list(figure.data[0].y[:2]) == ["c29", "c28"]
    assert len(figure.data[0].y) == 15


def test_missing_cells_of_the_grid_stay_empty():
    figure = charts_rates.grid([Cell(2, 1, 0.9, 0.8, 1.0, 10), Cell(5, 3, 0.7, 0.6, 0.8, 10)])
    assert figure.data[0].text[0][1] == ""
    assert "90.0%" in figure.data[0].text[0][0]


def test_the_report_is_this_evaluation(world, at_once):
    world("finished")
    app = evaluated(worlds.visit("evaluate", "finished"))
    assert len(app.get("download_button")) == 1


def test_leaks_and_shortcuts_are_looked_for_when_asked(world, at_once):
    world("finished")
    app = evaluated(worlds.visit("evaluate", "finished"))
    app.button(key="evaluate_checks").click().run()
    assert not [e for e in worlds.told(app) if "not your doing" in e]
    assert "checks found nothing wrong" in " ".join(e.label for e in app.expander)
