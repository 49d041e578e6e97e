"""A map taken along: downloaded from its page, and the page made of it opened far from any server."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import LATER, drawn, nothing_broke, press, settled, wait_for
from PIL import Image

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
MAP = "map?run=starter&map_source=Glyphs%20(invented%20characters)&map_points=300%20points"
LABELS = {"html": "Page that moves (HTML)", "png": "Picture (PNG)", "csv": "Table (CSV)",
          "zip": "For TensorBoard (zip)"}  # fmt: skip


@pytest.fixture(scope="module")
def files(browser: Any, address: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the buttons of a finished map give, by kind."""
    folder = tmp_path_factory.mktemp("out")
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    page = context.new_page()
    page.goto(f"{address}/{MAP}")
    page.get_by_role("heading", level=1).wait_for()
    settled(page)
    press(page, "Make the map")
    page.locator("canvas.over").wait_for(timeout=LATER)
    drawn(page)
    press(page, "Download")
    found = {}
    for kind, label in LABELS.items():
        with page.expect_download(timeout=LATER) as told:
            page.get_by_role("button", name=label).click()
        assert told.value.suggested_filename == f"starter-map.{kind}"
        found[kind] = folder / told.value.suggested_filename
        told.value.save_as(found[kind])
    nothing_broke(page)
    context.close()
    return found


@pytest.fixture
def alone(browser: Any, files: dict[str, Path]) -> Any:
    """The page of the map in a browser that has no network; it may ask for nothing and report nothing."""
    context = browser.new_context(viewport={"width": 1100, "height": 800}, color_scheme="dark", offline=True)
    page = context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
    page.on("request", lambda asked: None if asked.url.startswith(("file:", "data:")) else trouble.append(asked.url))
    page.goto(files["html"].as_uri())
    page.wait_for_function("window.siameseMap && siameseMap.matrix !== null")
    yield page
    context.close()
    assert not trouble


def hover(page: Any, point: int) -> int:
    """Point at a point; the one that lies on top there."""
    x, y = page.evaluate(
        """point => { const box = siameseMap.find('.over').getBoundingClientRect();
        const [x, y] = siameseMap.screen().subarray(3 * point);
        return [box.left + x, box.top + y] }""",
        point,
    )
    page.mouse.move(x - 5, y)
    page.mouse.move(x, y)
    page.locator(".tip").wait_for()
    return int(page.evaluate("siameseMap.hover"))


def test_tables_and_pictures_are_downloaded(files: dict[str, Path]) -> None:
    rows = list(csv.DictReader(io.StringIO(files["csv"].read_text("utf-8"))))
    assert len(rows) == 300
    assert all(np.isfinite([float(r["x"]), float(r["y"])]).all() for r in rows)
    with Image.open(files["png"]) as image:
        assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 100
    with zipfile.ZipFile(files["zip"]) as packed:
        assert packed.read("tensors.tsv").count(b"\n") == 300
        assert packed.read("metadata.tsv").count(b"\n") == 301


def test_the_page_is_explored_without_a_server(alone: Any) -> None:
    point = hover(alone, 7)
    said = alone.evaluate("i => siameseMap.set.columns[0].names[siameseMap.set.arrays.class[i]]", point)
    assert said in alone.locator(".tip .name").inner_text()
    wait_for(lambda: alone.locator(".tip canvas").evaluate(
        "c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size > 8"), 20)  # fmt: skip

    alone.get_by_role("combobox", name="Find").fill("no such class")
    alone.get_by_text("Nothing here is called “no such class”.").wait_for()
    alone.get_by_role("combobox", name="Find").fill("")
    chip = alone.locator(".legend button").first
    chip.click()
    assert chip.get_attribute("aria-pressed") == "true"
    alone.get_by_text("shown.").wait_for()
    alone.get_by_role("button", name="Show all").click()
    assert alone.locator(".legend [aria-pressed=true]").count() == 0

    alone.get_by_role("combobox", name="Colour by").select_option("own_error")
    assert alone.locator(".ramp").count() == 1


def test_the_page_is_moved_by_keyboard(alone: Any) -> None:
    where = "JSON.stringify(siameseMap.camera)"
    first = alone.evaluate(where)
    alone.locator("canvas.over").focus()
    for key in ("+", "ArrowLeft"):
        before = alone.evaluate(where)
        alone.keyboard.press(key)
        wait_for(lambda before=before: alone.evaluate(where) != before, 20)
    alone.keyboard.press("Enter")
    wait_for(lambda: alone.locator("[role=status]").inner_text() != "", 20)
    alone.keyboard.press("0")
    wait_for(lambda: alone.evaluate(where) == first, 20)


def test_the_page_is_for_everybody_in_both_themes(alone: Any) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = alone.evaluate(ground)
    for _ in range(2):
        found = [v["id"] for v in Axe().run(alone).response["violations"] if v["impact"] in ("serious", "critical")]
        assert not found
        alone.locator("button.theme").click()
    assert alone.evaluate(ground) == dark
    alone.locator("button.theme").click()
    assert alone.evaluate(ground) != dark


def test_without_scripts_there_is_a_still_picture(browser: Any, files: dict[str, Path]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(files["html"].as_uri())
    assert page.locator(".still svg").is_visible()
    assert page.locator(".still svg > g").first.locator("circle, polygon").count() == 300
    assert not page.locator("main").is_visible()
    context.close()
