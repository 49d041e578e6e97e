"""The sheet of paper in a real browser: strokes become a picture, stay where they belong, and can be taken back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from browsing import ELL, VEE, nothing_broke, press, settled, stroke, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def open_sheets(page: Any, address: str) -> None:
    """Both sides of Compare ready to be drawn on."""
    page.goto(f"{address}/compare?run=starter")
    page.get_by_role("radio", name="Your own").click()
    settled(page)
    for side in range(2):
        page.get_by_role("radio", name="Draw", exact=True).nth(side).click()
        settled(page)
    page.locator("canvas.paper").nth(1).wait_for()


def ink(page: Any, side: int) -> int:
    """How many dark pixels a sheet shows."""
    return int(page.locator("canvas.paper").nth(side).evaluate(
        """c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let n = 0; for (let i = 0; i < d.length; i += 4) n += d[i] < 100; return n }"""
    ))  # fmt: skip


def test_two_drawings_get_a_verdict_and_change_places(page: Any, address: str) -> None:
    open_sheets(page, address)
    stroke(page, 0, VEE)
    page.get_by_alt_text("Picture A as the network sees it").wait_for()
    page.get_by_text("Give two pictures").wait_for()
    stroke(page, 1, ELL)
    page.get_by_role("heading", name=re.compile("Different classes|Not sure")).wait_for()
    settled(page)
    before = ink(page, 0), ink(page, 1)
    assert min(before) > 100
    press(page, "Swap A and B")
    page.get_by_text("order does not matter").wait_for()
    wait_for(lambda: (ink(page, 1), ink(page, 0)) == before, 20)
    nothing_broke(page)


def test_undo_and_clear_reach_the_server(page: Any, address: str) -> None:
    open_sheets(page, address)
    sheet = page.get_by_label("Picture A: paper to draw on")
    stroke(page, 0, VEE)
    stroke(page, 0, ELL)
    both = ink(page, 0)
    page.get_by_alt_text("Picture A as the network sees it").wait_for()
    page.get_by_role("button", name="Undo").first.click()
    assert 0 < ink(page, 0) < both
    page.get_by_role("button", name="Clear").first.click()
    page.get_by_alt_text("Picture A as the network sees it").wait_for(state="detached")
    assert ink(page, 0) == 0
    assert page.get_by_role("button", name="Undo").first.is_disabled()
    assert sheet.evaluate("c => c.getRootNode().activeElement === c")
    nothing_broke(page)


def test_strokes_stay_when_the_theme_changes_and_when_the_page_is_left(page: Any, address: str) -> None:
    open_sheets(page, address)
    stroke(page, 0, VEE)
    page.get_by_alt_text("Picture A as the network sees it").wait_for()
    before = ink(page, 0)
    page.emulate_media(color_scheme="dark")
    settled(page)
    assert ink(page, 0) == before
    stroke(page, 0, ELL)
    wait_for(lambda: ink(page, 0) > before, 20)
    page.get_by_role("radio", name="Examples").click()
    settled(page)
    page.get_by_role("radio", name="Your own").click()
    settled(page)
    page.get_by_role("radio", name="Draw", exact=True).first.click()
    page.get_by_alt_text("Picture A as the network sees it").wait_for()
    assert ink(page, 0) > before
    nothing_broke(page)


def test_the_keyboard_draws(page: Any, address: str) -> None:
    open_sheets(page, address)
    page.locator("canvas.paper").first.focus()
    for key in ("ArrowLeft", "ArrowUp", "Space", *["ArrowDown"] * 6, "Space"):
        page.keyboard.press(key)
    page.get_by_alt_text("Picture A as the network sees it").wait_for()
    page.keyboard.press("Control+z")
    page.get_by_alt_text("Picture A as the network sees it").wait_for(state="detached")
    nothing_broke(page)


def test_a_finger_draws_and_the_page_stays(browser: Any, address: str) -> None:
    context = browser.new_context(viewport={"width": 820, "height": 700}, has_touch=True, device_scale_factor=2)
    page = context.new_page()
    page.set_default_timeout(60_000)
    open_sheets(page, address)
    sheet = page.locator("canvas.paper").first
    sheet.scroll_into_view_if_needed()
    settled(page)
    box = sheet.bounding_box()
    scroll = "document.querySelector('[data-testid=stMain]').scrollTop"
    before = page.evaluate(scroll)
    assert sheet.evaluate("c => c.width") == pytest.approx(2 * box["width"], abs=6)  # as sharp as the screen
    touch = context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.8
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for i in range(12):
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y - 10 * i}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.get_by_alt_text("Picture A as the network sees it").wait_for()
    assert ink(page, 0) > 500
    assert page.evaluate(scroll) == before
    context.close()


def test_another_visitor_has_an_empty_sheet(browser: Any, page: Any, address: str) -> None:
    open_sheets(page, address)
    stroke(page, 0, VEE)
    page.get_by_alt_text("Picture A as the network sees it").wait_for()
    context = browser.new_context()
    other = context.new_page()
    other.set_default_timeout(60_000)
    open_sheets(other, address)
    assert ink(other, 0) == 0
    assert other.get_by_alt_text("Picture A").count() == 0
    context.close()


def test_a_thumbnail_is_picked_by_click_and_by_key(page: Any, address: str) -> None:
    page.goto(f"{address}/compare?run=starter")
    page.get_by_role("radio", name="Examples").click()
    group = page.get_by_role("radiogroup", name="Picture B")
    group.get_by_role("radio").nth(8).click()
    page.get_by_alt_text("Picture B, hook 3").wait_for()
    page.get_by_role("heading", name="Different classes").wait_for()
    group.get_by_role("radio").nth(8).press("ArrowRight")
    page.get_by_alt_text("Picture B, kite 1").wait_for()
    assert group.get_by_role("radio").nth(9).is_checked()
    nothing_broke(page)
