"""The map in a real browser: click, hover, lasso, find, pictures, the keyboard, two maps side by side."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import LATER, SOON, drawn, name_of, nothing_broke, place, press, serving, settled, wait_for

from siamese_core import map_files, map_jobs, map_worker, runs

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
MAP = "map?run=starter&map_source=Glyphs%20(invented%20characters)&map_points=300%20points"
SORTED = "[...siameseMaps.views].sort((a, b) => b.data.main - a.data.main)"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a finished map that no page has asked for, to stand beside another."""
    home = tmp_path_factory.mktemp("maps")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(map_jobs, "_spawn", lambda job: map_worker.work(job))
        map_jobs.start(runs.find("starter"), "glyphs", "pca", max_points=200, folder=home / "runs")
    return home


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """A dashboard on these maps."""
    with serving(home) as url:
        yield url


def open_map(page: Any, address: str) -> None:
    """The map of 300 glyphs, which is made the first time."""
    page.goto(f"{address}/{MAP}")
    page.get_by_role("heading", level=1).wait_for()
    settled(page)
    if not page.locator("canvas.over").count():
        press(page, "Make the map")
    page.locator("canvas.over").wait_for(timeout=LATER)
    drawn(page)


def hover(page: Any, point: int, which: int = 0) -> int:
    """Point at a point; the one that lies on top there."""
    x, y = place(page, point, which)
    page.mouse.move(x - 5, y)
    page.mouse.move(x, y)
    page.locator(".tip").nth(which).wait_for()
    return int(page.evaluate(f"n => {SORTED}[n].hover", which))


def drag(page: Any, *corners: tuple[float, float]) -> None:
    """Draw on the first map; corners in parts of its width and height."""
    page.locator(".stage").first.scroll_into_view_if_needed()
    box = page.locator("canvas.over").first.bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*at[0])
    page.mouse.down()
    for x, y in at[1:]:
        page.mouse.move(x, y, steps=4)
    page.mouse.up()


def selected(page: Any, which: int = 0) -> list[int]:
    """The points that a map shows as selected."""
    found = page.evaluate(
        "n => { const mask = "
        + SORTED
        + "[n].kept.selected; return mask ? [...mask.keys()].filter(i => mask[i]) : [] }",
        which,
    )
    return list(found)


def items(page: Any, which: int, points: list[int]) -> set[int]:
    """The items of the data that points of a map are."""
    ids = page.evaluate(f"n => [...{SORTED}[n].set.arrays.ids]", which)
    return {int(ids[p]) for p in points}


def inked(page: Any) -> int:
    """How many dark pixels the card beside the pointer shows."""
    return int(page.locator(".tip canvas").first.evaluate(
        """c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let n = 0; for (let i = 0; i < d.length; i += 4) n += d[i + 3] > 100 && d[i] < 100; return n }"""
    ))  # fmt: skip


def test_a_point_is_looked_at_and_chosen(page: Any, address: str) -> None:
    open_map(page, address)
    point = hover(page, 7)
    assert page.locator(".tip .name").inner_text() == name_of(page, point)
    wait_for(lambda: inked(page) > 50, 20)
    page.get_by_role("combobox", name="Colour by").locator("option[value=right]").wait_for(state="attached")
    hover(page, 8)
    point = hover(page, 7)
    assert "Distance to the nearest" in page.locator(".tip .more").inner_text()
    page.mouse.click(*place(page, 7))
    page.get_by_text("Its true neighbours").wait_for()
    page.get_by_alt_text(f"The chosen picture, of class {name_of(page, point)}").wait_for()
    wait_for(lambda: page.evaluate("[...siameseMaps.views][0].near.length") == 6, 20)
    nothing_broke(page)


def test_map_and_legend_are_seen_without_scrolling(page: Any, address: str) -> None:
    open_map(page, address)
    bar, legend = (page.locator(s).first.bounding_box() for s in (".bar", ".legend"))
    assert bar["height"] < 32  # one row
    assert legend["y"] + legend["height"] <= 800
    assert page.locator("canvas.over").bounding_box()["height"] > 400


def test_a_lasso_becomes_a_gallery_that_can_be_taken_along(page: Any, address: str) -> None:
    open_map(page, address)
    page.get_by_role("button", name="Lasso").click()
    drag(page, (0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98))
    page.get_by_text("300 of 300 points selected and shown below.").wait_for()
    page.get_by_role("heading", name="300 selected").wait_for()
    wait_for(lambda: page.locator(".gallery .tile").count() == 60, 20)
    page.get_by_role("button", name="On", exact=True).click()
    page.get_by_text("Page 2 of 5").wait_for()
    page.locator(".gallery .tile").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".gallery").evaluate("g => g.getRootNode().activeElement === g.querySelectorAll('.tile')[1]")
    drag(page, (0.1, 0.1), (0.9, 0.1), (0.1, 0.9))
    wait_for(lambda: 0 < len(selected(page)) < 300, 20)
    parts = page.evaluate(
        """() => { const view = [...siameseMaps.views][0], {width, height} = view;
        return [...Array(300).keys()].map(i => view.at(i)).map(([x, y]) => [x / width, y / height]) }"""
    )
    depth = [min(x - 0.1, y - 0.1, 1.0 - x - y) for x, y, *_ in parts]  # inside the triangle: above 0
    assert {i for i, d in enumerate(depth) if d > 0.02} <= set(selected(page))
    assert not {i for i, d in enumerate(depth) if d < -0.02} & set(selected(page))
    count = len(selected(page))
    page.get_by_role("heading", name=f"{count} selected", exact=True).wait_for()
    with page.expect_download() as given:
        page.get_by_role("button", name="Table (CSV)").click()
    assert len(Path(given.value.path()).read_text().splitlines()) == count + 1
    tile = page.locator(".gallery .tile").first
    tile.click()
    page.get_by_text("Its true neighbours").wait_for()
    assert page.evaluate("[...siameseMaps.views][0].chosen") == selected(page)[0]
    page.get_by_role("button", name="Clear the selection").click()
    page.locator(".gallery").wait_for(state="detached")
    nothing_broke(page)


def test_a_class_is_found_and_others_turn_faint(page: Any, address: str) -> None:
    open_map(page, address)
    page.get_by_role("combobox", name="Colour by").select_option("class")
    name = name_of(page, 5)
    search = page.get_by_role("combobox", name="Find")
    search.press_sequentially("no such class")
    page.get_by_text("Nothing here is called").wait_for()
    search.fill("")
    search.press_sequentially(name)
    page.get_by_text(f"Found: {name}.").wait_for()
    chip = page.get_by_role("button", name=name, exact=True)
    wait_for(lambda: page.evaluate("[...siameseMaps.views][0].inView(5)"), 20)
    search.press("ControlOrMeta+a")
    search.press("Delete")
    page.get_by_text(re.compile(r"^300 points\.")).wait_for()
    if chip.get_attribute("aria-pressed") == "false":
        chip.click()
    kinds = page.evaluate("[...[...siameseMaps.views][0].marks().kinds].filter((v, k) => k % 4 === 3)")
    of = page.evaluate("[...[...siameseMaps.views][0].set.arrays.class]")
    assert {c for c, coloured in zip(of, kinds, strict=True) if coloured} == {of[5]}
    nothing_broke(page)


def test_ones_own_numbers_colour_the_map_and_go_again(page: Any, address: str) -> None:
    open_map(page, address)
    ids = page.evaluate(f"[...{SORTED}[0].set.arrays.ids]")
    by = page.get_by_role("combobox", name="Colour by")

    def give(column: str, scale: int) -> None:
        rows = [f"{i},{scale * n}" for n, i in enumerate(ids[:100])]
        text = "\n".join([f"index,{column}", *rows]).encode()
        page.locator("input[type=file]").last.set_input_files(
            {"name": "mine.csv", "mimeType": "text/csv", "buffer": text}
        )

    def largest() -> float:
        return float(page.locator(".legend").inner_text().split()[-1])  # of the ramp, which leaves out the outermost

    page.get_by_role("button", name="Colour by your numbers").click()
    settled(page)
    give("age <b>", 1)
    by.get_by_role("option", name="age <b>", exact=True).wait_for(state="attached")
    by.select_option(label="age <b>")
    wait_for(lambda: 90 <= largest() <= 99, 20)
    give("size", 7)
    by.get_by_role("option", name="size", exact=True).wait_for(state="attached")
    assert "age <b>" not in by.inner_text()
    wait_for(lambda: page.evaluate(f"{SORTED}[0].column.kind") == "class", 20)  # what it was coloured by is gone
    by.select_option(label="size")
    wait_for(lambda: 630 <= largest() <= 693, 20)
    nothing_broke(page)


def test_pictures_stand_for_points_when_few_are_in_view(page: Any, address: str) -> None:
    open_map(page, address)
    opaque = """c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] === 255; return n }"""
    canvas = page.locator("canvas.over")
    assert canvas.evaluate(opaque) < 3000  # at most names
    x, y = place(page, 7)
    page.mouse.move(x, y)
    for _ in range(4):
        page.mouse.wheel(0, -200)
        page.wait_for_timeout(50)
    page.mouse.move(5, 5)
    wait_for(lambda: canvas.evaluate(opaque) > 6000, 20)
    nothing_broke(page)


def test_the_keyboard_moves_chooses_and_selects(page: Any, address: str) -> None:
    open_map(page, address)
    canvas = page.locator("canvas.over")
    canvas.focus()
    before = page.evaluate("({...[...siameseMaps.views][0].camera})")
    for key in ("+", "ArrowRight"):
        canvas.press(key)
    after = page.evaluate("({...[...siameseMaps.views][0].camera})")
    assert after["scale"] > before["scale"]
    assert after["x"] > before["x"]
    canvas.press("Enter")
    page.get_by_text("Its true neighbours").wait_for()
    canvas.press("s")
    wait_for(lambda: 0 < len(selected(page)) < 300, 20)
    page.locator(".gallery").wait_for()
    canvas.press("Escape")
    page.locator(".gallery").wait_for(state="detached")
    page.get_by_text("Click a point to see").wait_for()
    nothing_broke(page)


def test_what_is_selected_on_one_map_is_selected_beside_it(page: Any, address: str) -> None:
    open_map(page, address)
    page.get_by_role("combobox", name="Beside it").click()
    page.get_by_role("option", name="PCA, at most 200 points").click()
    drawn(page, 2)
    page.keyboard.down("Shift")
    box = page.locator("canvas.over").nth(1).bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 5, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    wait_for(lambda: 0 < len(selected(page, 1)) < 200, 20)
    assert items(page, 0, selected(page, 0)) == items(page, 1, selected(page, 1))
    page.get_by_role("heading", name=f"{len(selected(page))} selected", exact=True).wait_for()
    point = hover(page, 20, 1)
    page.mouse.click(*place(page, 20, 1))
    page.get_by_text("Its true neighbours").wait_for()
    chosen = [int(c) for c in page.evaluate(f"{SORTED}.map(v => v.chosen)")]
    assert chosen[1] == point
    assert items(page, 0, chosen[:1]) == items(page, 1, chosen[1:])
    nothing_broke(page)


def test_a_large_map_fetches_the_pictures_that_are_looked_at(page: Any, address: str, home: Path) -> None:
    open_map(page, address)
    job = home / "runs" / ".maps" / page.evaluate("[...siameseMaps.views][0].set.of").split("-")[0]
    shutil.copytree(job, home / "kept")
    found = map_jobs.result(job)
    many = {k: np.concatenate([v] * 10) for k, v in found.items() if v.shape[:1] == (300,)}
    rng = np.random.default_rng(0)
    places = {"x": rng.normal(size=3000), "y": rng.normal(size=3000), "indices": np.arange(3000)}
    map_files.write(job, found | many | places)
    try:
        open_map(page, address)
        page.get_by_text(re.compile(r"^3,000 points\.")).wait_for()
        assert page.evaluate("[...siameseMaps.views][0].set.tiles.size") == 0
        hover(page, 11)
        wait_for(lambda: inked(page) > 50, 30)
        assert 0 < page.evaluate("[...siameseMaps.views][0].set.tiles.size") <= 150
        nothing_broke(page)
    finally:
        shutil.copytree(home / "kept", job, dirs_exist_ok=True)


def test_without_webgl_the_map_is_drawn_all_the_same(launch: Callable[..., Any], address: str) -> None:
    chrome = launch("--disable-3d-apis")
    page = chrome.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(SOON)
    open_map(page, address)
    page.get_by_text("Drawn without WebGL").wait_for()
    painted = """c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n }"""
    assert page.locator("canvas.points").evaluate(painted) > 300
    page.mouse.click(*place(page, 7))
    page.get_by_text("Its true neighbours").wait_for()
    nothing_broke(page)
    chrome.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_and_a_narrow_page_is_whole(browser: Any, address: str, scheme: str) -> None:
    page = browser.new_context(viewport={"width": 820, "height": 900}, color_scheme=scheme).new_page()
    page.set_default_timeout(SOON)
    open_map(page, address)
    page.get_by_role("button", name="Box").click()
    drag(page, (0.05, 0.05), (0.95, 0.95))
    page.locator(".gallery .tile").first.wait_for()
    page.mouse.click(*place(page, 7))
    settled(page)
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    bad = [f"{r['id']}: {n['html'][:160]}" for r in found for n in r["nodes"] if r["impact"] in ("serious", "critical")]
    assert not bad, "\n".join(bad)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 820
    page.context.close()
