"""Charts drawn as SVG: well-formed, to scale, escaped, with words for a screen reader."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from pages.parts import theme
from siamese_core import map_export_drawing, svg

SVG = "{http://www.w3.org/2000/svg}"
UNIT = svg.linear("x", 0, 1, percent=True)


def drawn(*parts, x=UNIT, y=UNIT):
    return ET.fromstring(svg.plot("Chart", "What it says", x, y, parts))


def coordinates(path):
    return np.array([[float(v) for v in p.split()] for p in re.split("[MLZ]", path.get("d")) if p])


def test_colours_are_the_products():
    assert {svg.NETWORK, svg.SAME, svg.DIFFERENT} <= set(map_export_drawing.COLOURS)
    assert (svg.NETWORK, svg.SAME, svg.DIFFERENT, svg.BASELINE) == (
        theme.TWIN_A, theme.SAME, theme.DIFFERENT, theme.BASELINE
    )  # fmt: skip


def test_a_chart_says_what_it_is():
    root = drawn()
    assert root.tag == SVG + "svg"
    assert root.get("role") == "img"
    assert root.get("aria-label") == "Chart. What it says"
    assert root.find(SVG + "title").text == "Chart"


def test_a_line_lies_where_its_numbers_say():
    root = drawn(svg.Line("curve", np.array([0, 0.5, 1]), np.array([0, 1, 0.25])))
    frame = root.find(f".//{SVG}svg")
    wide, high = float(frame.get("width")), float(frame.get("height"))
    np.testing.assert_allclose(
        coordinates(frame.find(SVG + "path")), [[0, high], [wide / 2, 0], [wide, 0.75 * high]], atol=0.05
    )
    assert "curve" in [t.text for t in root.iter(SVG + "text")]


def test_bars_stand_on_the_axis_and_bands_enclose():
    bars = drawn(svg.Bars("b", np.array([0, 0.5, 1]), np.array([0.5, 1.0]))).find(f".//{SVG}svg")
    high = float(bars.get("height"))
    assert coordinates(bars.find(SVG + "path"))[:, 1].tolist() == [high, high / 2, high / 2, 0, 0, high]
    band = drawn(svg.Band("i", np.array([0, 1]), np.array([0.25, 0.25]), np.array([0.75, 0.75])))
    ys = coordinates(band.find(f".//{SVG}svg/{SVG}path"))[:, 1]
    assert ys.tolist() == [0.75 * high, 0.75 * high, 0.25 * high, 0.25 * high]


def test_only_what_is_not_the_networks_is_dashed():
    x = np.array([0.0, 1.0])
    paths = drawn(svg.Line("a", x, x), svg.Line("b", x, x, svg.BASELINE, True)).findall(f".//{SVG}svg/{SVG}path")
    assert [p.get("stroke-dasharray") is not None for p in paths] == [False, True]


def test_words_stay_inside_the_chart():
    for at in (0.0, 0.5, 1.0):
        root = drawn(svg.Rule(at, "threshold 0.278"), svg.Points("", np.array([at]), np.array([at]), words="threshold"))
        for t in root.iter(SVG + "text"):
            if t.text and t.text.startswith("threshold"):
                x, wide = float(t.get("x")), svg.LETTER * len(t.text)
                assert x + wide <= 346 if t.get("text-anchor") == "start" else x - wide >= 0
    assert not [t for t in drawn(svg.Rule(3.0, "outside")).iter(SVG + "text") if t.text == "outside"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (0.13, 0.94, ["0.2", "0.4", "0.6", "0.8"]),
        (-3, 1200, ["0", "250", "500", "750", "1000"]),
        (0, 3e-5, ["0", "1e-05", "2e-05", "3e-05"]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert [text for _, text in svg.linear("x", low, high).ticks] == expected


def test_an_axis_without_reach_is_still_one():
    for value in (0.0, 0.7, 1e9):
        axis = svg.linear("x", value, value)
        assert axis.low < value < axis.high
        assert axis.ticks


def test_normal_deviate_axes():
    axis = svg.deviates("FAR", 0.0005, 0.6)
    assert [text for _, text in axis.ticks] == ["0.1%", "1%", "5%", "10%", "20%", "40%", "60%"]
    from scipy.special import ndtri

    assert axis.low == pytest.approx(ndtri(0.0005))
    np.testing.assert_allclose([at for at, _ in axis.ticks], ndtri([0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6]))


def test_a_grid_holds_its_numbers_and_leaves_holes():
    cells = [[svg.Cell("90%", "88 to 92%", 0.9), None], [svg.Cell("1", strength=7), svg.Cell("2", strength=-1)]]
    root = ET.fromstring(svg.grid("G", "a", ["c1", "c2"], ["r1", "r2"], cells))
    assert [t.text for t in root.iter(SVG + "text")] == ["c1", "c2", "r1", "90%", "88 to 92%", "r2", "1", "2"]
    strengths = [float(r.get("fill-opacity")) for r in root.iter(SVG + "rect")]
    assert strengths == pytest.approx([0.46, 0.5, 0.06], abs=0.006)


def test_any_text_is_safe_in_xml():
    nasty = "<script>alert('1')</script>\x00\x1b\ud800\ufffe & \"quoted\" 😀"
    root = ET.fromstring(svg.plot(nasty, nasty, svg.linear(nasty, 0, 1), UNIT, [svg.Rule(0.5, nasty)]))
    assert not list(root.iter("script"))
    assert not list(root.iter(SVG + "script"))
    assert root.find(SVG + "title").text == "<script>alert('1')</script>\ufffd\ufffd\ufffd\ufffd & \"quoted\" 😀"


def test_numbers_keep_three_digits():
    assert [svg.number(v) for v in (0.23, 0.27769, 12.0, 123.4, 12345.6, 0.0012, -5e-324)] == [
        "0.230", "0.278", "12.0", "123", "12,346", "0.00120", "0",
    ]  # fmt: skip
    assert [svg.percent(v) for v in (0.0, 0.9123, 1.0, 0.00025)] == ["0.0%", "91.2%", "100.0%", "0.025%"]
