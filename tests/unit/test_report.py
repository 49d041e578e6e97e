"""The report: one page with everything in it, its numbers those of the evaluation, whatever the names are."""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from siamese_core import curves, evaluation, report, report_charts, report_page, svg
from siamese_core.errors import ConfigError, DataError
from siamese_core.retrieval import Retrieval
from siamese_core.svg import percent
from tests.embedders import Constant, Plain, Random, numbers

ABOUT = report.About("the test classes of numbers", "These are classes it has not learnt from.", {"Weights": "abcd"})
VOID = {"meta", "img", "wbr"}


class Strict(HTMLParser):
    """Reads a page and complains about tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.addresses, self.words = [], [], [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "xlink:href", "data", "action")]
        assert not [k for k, _ in attrs if k.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


class Fair(Plain):
    """Right about most pairs of `numbers` with a spread of 6, and wrong about some."""

    threshold = 25.0


def measured(embedder=None, **changes):
    data = numbers(groups=2, spread=6)
    made = evaluation.measure(embedder or Fair(), data, run="my run", episodes=20, max_pairs=500)
    return replace(made, **changes)


@pytest.fixture(scope="module")
def found():
    return measured()


def picture(i):
    return np.random.default_rng(i).integers(0, 255, (12, 9), dtype=np.uint8)


def svgs(text):
    return [ET.fromstring(s) for s in re.findall("(<svg xmlns.*?</svg>)</figure>", text)]


def titles(text):
    return re.findall(r"<h[23]>(.*?)</h[23]>", text)


def test_the_page_is_whole_and_needs_nothing_else(found):
    text = report.html(found, ABOUT, picture)
    page = Strict(text)
    assert not {"script", "link", "iframe", "object", "form"} & set(page.tags)
    assert page.addresses
    assert all(a.startswith("data:image/png;base64,") for a in page.addresses)
    outside = text.replace("http://www.w3.org/2000/svg", "")
    assert "http" not in outside
    assert "url(" not in outside
    assert "@import" not in outside
    assert titles(text) == [
        "Same or different", "Distances", "Errors against the threshold", "ROC", "DET", "Precision and recall",
        "Right and wrong at the threshold", "The worst mistakes", "Different, but most alike to the network",
        "The same, but most unlike to the network", "Search", "One-shot tasks", "Class by class", "Group by group",
        "How it was measured",
    ]  # fmt: skip


def test_every_chart_is_well_formed_and_named(found):
    roots = svgs(report.html(found, ABOUT))
    assert len(roots) == 7
    assert all(r.get("role") == "img" and r.get("aria-label") for r in roots)
    assert all("nan" not in ET.tostring(r, "unicode") for r in roots)


def test_its_numbers_are_those_of_the_evaluation(found):
    text = Strict(report.html(found, ABOUT, made_at="2026-01-02 03:04")).text
    assert 0 < found.far < 1
    assert 0 < found.frr < 1
    n = curves.confusion(found.scored, found.threshold)
    for number in (
        percent(found.accuracy), percent(found.eer[0]), f"{found.auc:.3f}", percent(found.far), percent(found.frr),
        f"{curves.average_precision(found.rates):.3f}", percent(found.search.map_at_r), f"{n['refused_same']:,}",
        found.digest, "abcd", "2026-01-02 03:04", "8 classes, 80 items, 360 same and 360 different pairs",
        "These are classes it has not learnt from.", *(percent(v) for _, v in found.search.recall),
        *(percent(c.accuracy) for c in found.grid),
    ):  # fmt: skip
        assert number in text, number
    worst = max(found.classes, key=lambda c: c.far + c.frr)
    cells = f"{worst.items} {worst.same_pairs} {worst.different_pairs} {percent(worst.frr)} {percent(worst.far)}"
    assert re.search(rf"Recall@1 {worst.name} {cells}", text)


def test_charts_are_drawn_from_the_rates(found):
    root = ET.fromstring(report_charts.roc(found))
    frame = root.find(".//{*}svg")
    d = frame.findall("{*}path")[1].get("d")
    xy = np.array([[float(v) for v in p.split()] for p in re.split("[ML]", d) if p])
    x, y = xy[:, 0] / float(frame.get("width")), 1 - xy[:, 1] / float(frame.get("height"))
    assert np.trapezoid(y, x) == pytest.approx(found.auc, abs=2e-3)


def test_the_grids_hold_what_was_counted(found):
    def texts(drawing):
        return [t.text for t in ET.fromstring(drawing).iter("{http://www.w3.org/2000/svg}text")]

    n = curves.confusion(found.scored, found.threshold)
    same, different = found.scored.n_same, found.scored.n_different
    assert texts(report_charts.confusion(found)) == [
        "says same", "says different",
        "are the same", f"{n['accepted_same']}", f"{100 * n['accepted_same'] / same:.1f}%",
        f"{n['refused_same']}", f"{100 * n['refused_same'] / same:.1f}%",
        "are different", f"{n['accepted_different']}", f"{100 * n['accepted_different'] / different:.1f}%",
        f"{n['refused_different']}", f"{100 * n['refused_different'] / different:.1f}%",
    ]  # fmt: skip
    said = texts(report_charts.one_shot(found))
    for c in found.grid:
        row = said[said.index(f"{c.n_way}-way") :]
        assert row[1 + 2 * [1, 3, 5].index(c.k_shot)] == f"{100 * c.accuracy:.1f}%"


def test_false_accepts_have_the_colour_of_different(found):
    frame = ET.fromstring(report_charts.rates(found)).find(".//{*}svg")
    far, frr = frame.findall("{*}path")
    assert (far.get("stroke"), frr.get("stroke")) == (svg.DIFFERENT, svg.SAME)
    heights = [float(p.get("d").split("L")[-1].split()[1]) for p in (far, frr)]
    assert heights == [0.0, float(frame.get("height"))]  # at the largest threshold everything is accepted


def test_intervals_are_shown_where_they_are_known(found):
    assert "95% interval 12.3% to 45.6%" not in report.html(found, ABOUT)
    text = report.html(
        found, ABOUT, intervals={"eer": (0.123, 0.456), "auc": (0.4012, 0.6), "recall@1": (0.011, 0.022)}
    )
    assert "95% interval 12.3% to 45.6%" in text
    assert "95% interval 0.401 to 0.600" in text
    assert "<td>1.1% to 2.2%</td>" in text


def test_intervals_along_curves_are_bands(found):
    r = found.rates

    @dataclass
    class Bands:
        thresholds: np.ndarray
        far_low: np.ndarray
        far_high: np.ndarray
        frr_low: np.ndarray
        frr_high: np.ndarray
        far: np.ndarray

    low, high = (lambda v: np.clip(v - 0.05, 0, 1)), (lambda v: np.clip(v + 0.05, 0, 1))
    bands = Bands(r.thresholds, low(r.far), high(r.far), low(r.frr), high(r.frr), r.far)
    for draw, many in ((report_charts.rates, 2), (report_charts.roc, 1), (report_charts.det, 1)):
        filled = [p for p in ET.fromstring(draw(found, bands)).iter("{http://www.w3.org/2000/svg}path")
                  if p.get("fill-opacity") == ".22"]  # fmt: skip
        assert len(filled) == many
        assert "nan" not in draw(found, bands)
        assert len(svgs(report.html(found, ABOUT, bands=bands, roc_band=bands))) == 7


def test_names_from_users_are_only_words(found):
    nasty = "<script>alert(1)</script>\"'&\x01"
    names = tuple(f"{nasty}{i}" for i in range(8))
    parts = tuple(replace(p, name=nasty) for p in found.classes)
    bad = replace(
        found, run=nasty, data=nasty, class_names=names, classes=parts, groups=parts[:2], warnings=(nasty,)
    )  # fmt: skip

    @dataclass
    class Found:
        severity: str = "problem"
        sentence: str = nasty

    about = report.About(nasty, nasty, {nasty: nasty})
    text = report.html(bad, about, picture, [Found()], {nasty: nasty}, nasty, intervals={nasty: (0, 1)})
    page = Strict(text)
    assert "<script" not in text
    assert "script" not in page.tags
    assert "<script>alert(1)</script>" in page.text
    assert "\x01" not in text
    assert len(svgs(text)) == 7


def test_a_network_that_cannot_see_gets_no_praise():
    blind = measured(Constant())
    text = Strict(report.html(blind, ABOUT, picture)).text
    assert "Area under ROC 0.500" in text
    assert "Equal error rate 50.0%" in text
    assert "MAP@R 0.0%" in text
    assert "nan" not in report.html(blind, ABOUT).lower().replace("nance", "")
    assert len(svgs(report.html(blind, ABOUT))) == 7


def test_a_perfect_network_breaks_nothing():
    apart = evaluation.measure(Plain(), numbers(), episodes=5)
    assert (apart.auc, apart.eer[0]) == pytest.approx((1.0, 0.0))
    text = report.html(apart, ABOUT, picture)
    assert 'Area under ROC</dt><dd class="value">1.000' in text
    assert "nan" not in text.split("<body>")[1].split("base64")[0]
    assert len(svgs(text)) == 7


def test_what_was_not_measured_is_left_out(found):
    bare = replace(found, groups=(), grid=(), search=None, scored=replace(found.scored, first=None, second=None))
    text = report.html(bare, ABOUT, picture)
    left_out = {"Group by group", "One-shot tasks", "Search", "Reliability", "Calibration"}
    assert not left_out & set(titles(text))
    assert "<img" not in text
    assert "distance " in text
    Strict(text)


def test_probabilities_bring_their_own_chart_and_figures(found):
    p = np.linspace(0, 1, len(found.scored))
    text = report.html(replace(found, probability=p), ABOUT, calibration={"Method": "logistic"})
    assert {"Reliability", "Calibration"} <= set(titles(text))
    assert f"off by {percent(curves.ece(p, found.scored.same))} on average" in text
    assert f"{curves.brier(p, found.scored.same):.3f}" in text
    assert "logistic" in text
    assert len(svgs(text)) == 8


def test_a_borrowed_threshold_is_said():
    class Unsure(Plain):
        threshold = None

    assert "no threshold of its own" in report.html(measured(Unsure()), ABOUT)
    assert "no threshold of its own" not in report.html(measured(), ABOUT)


def test_the_gravest_check_stands_first(found):
    @dataclass
    class Found:
        severity: str
        sentence: str

    said = [Found("fine", "All is well."), Found("problem", "It cheats.")]
    text = Strict(report.html(replace(found, warnings=("Mind this.",)), ABOUT, checks=said)).text
    assert text.index("It cheats.") < text.index("Mind this.") < text.index("All is well.")


def test_the_worst_pairs_are_marked_by_what_the_run_says(found):
    near, far = found.scored.distances.min() / 2, found.scored.distances.max() * 2
    refuses = report.html(replace(found, threshold=near), ABOUT)
    assert "accepted: wrong" not in refuses
    assert "refused: wrong" in refuses
    accepts = report.html(replace(found, threshold=far), ABOUT)
    assert "accepted: wrong" in accepts
    assert "refused: wrong" not in accepts


def test_pictures_are_small_and_true():
    url = report_page.data_url(picture(1))
    read = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))))
    np.testing.assert_array_equal(read, picture(1))
    large = report_page.data_url(np.zeros((400, 800, 3), dtype=np.uint8))
    assert Image.open(io.BytesIO(base64.b64decode(large.split(",")[1]))).size == (160, 80)


def test_a_page_of_many_pairs_and_classes_stays_small():
    many = evaluation.measure(Random(), numbers(200, 8, groups=100), run="big", episodes=2, max_pairs=50_000)
    noise = np.random.default_rng(0).integers(0, 255, (1000, 1000, 3), dtype=np.uint8)
    text = report.html(many, ABOUT, lambda i: noise)
    pictures = 48 * 4 / 3 * 160 * 160 * 3 * 1.02
    assert len(text) < 200_000 + pictures
    assert len(report.html(many, ABOUT)) < 200_000
    assert "The 15 worst of 200 classes" in text
    for root in svgs(text):
        assert all(len(p.get("d", "").split("L")) <= 600 for p in root.iter("{http://www.w3.org/2000/svg}path"))


def test_a_class_without_rates_has_dashes(found):
    empty = evaluation.Part("alone", 1, 0, 0, None, None, None)
    text = report.html(replace(found, classes=(*found.classes, empty)), ABOUT)
    assert "<td>alone</td><td>1</td><td>0</td><td>0</td><td>–</td><td>–</td><td>–</td>" in text
    assert text.index("alone") > text.index("<td>g0/c0</td>")


def test_search_of_few_items(found):
    text = report.html(replace(found, search=Retrieval((), 0.5, 2, np.array([0.5]))), ABOUT)
    assert "Each of 2 items" in text


def test_files_are_refused_in_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match=r"written as \.html"):
        report.check(tmp_path / "a.pdf")
    with pytest.raises(ConfigError, match="no folder"):
        report.check(tmp_path / "deep" / "a.html")
    (tmp_path / "a.html").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        report.write(tmp_path / "a.html", "x")
    report.write(tmp_path / "b.HTML", "grün")
    assert (tmp_path / "b.HTML").read_text(encoding="utf-8") == "grün"
