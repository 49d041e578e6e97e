"""The main job in a real browser: train, watch, stop, resume, compare, classify, look at the map."""

from __future__ import annotations

import re
from typing import Any

import pytest
from browsing import (
    LATER,
    SOON,
    choose_a_point,
    nothing_broke,
    picture,
    points,
    press,
    run_of,
    settled,
    wait_for,
)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def test_the_main_job(page: Any, address: str) -> None:
    name = train(page, address)
    compare(page, address, name)
    classify(page, address, name)
    look_at_the_map(page, address, name)


def train(page: Any, address: str) -> str:
    """Train the digits from an empty dashboard; the curve moves, Stop stops, Resume goes on."""
    page.goto(f"{address}/train")
    page.get_by_text("Nothing has been trained yet").wait_for()
    limit = page.get_by_role("spinbutton", name="Time limit (s)")
    limit.fill("15")
    limit.press("Tab")
    settled(page)
    press(page, "Start")
    wait_for(lambda: points(page, "live_loss") >= 2, LATER / 1000)
    before = points(page, "live_loss")
    wait_for(lambda: points(page, "live_loss") > before, LATER / 1000)
    name = run_of(page)

    press(page, "Stop")
    page.get_by_role("button", name="Resume").wait_for(timeout=LATER)
    page.get_by_text("in training").wait_for(state="hidden")  # the whole page was drawn again
    assert page.get_by_text("stopped").first.is_visible()
    stopped_at = points(page, "live_loss")

    page.goto(f"{address}/")  # leave, and come back by the address
    page.get_by_text("Recent runs").wait_for()
    page.goto(f"{address}/train?run={name}")
    press(page, "Resume")
    page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True).wait_for()
    page.get_by_text("finished").first.wait_for(timeout=LATER)
    page.get_by_text("in training").wait_for(state="hidden")
    wait_for(lambda: points(page, "live_loss") > stopped_at, 30)
    nothing_broke(page)
    return name


def compare(page: Any, address: str, name: str) -> None:
    """Two uploaded files get one verdict."""
    page.goto(f"{address}/compare?run={name}")
    page.get_by_role("radio", name="Your own").click()
    choosers = page.locator("input[type=file]")
    wait_for(lambda: choosers.count() == 2, 30)
    for i in range(2):
        choosers.nth(i).set_input_files(picture(1))
        settled(page)
    page.get_by_role("heading", name="Same class").wait_for()
    page.get_by_alt_text("Picture A as the network sees it").wait_for()
    page.locator(".st-key-compare_scale .js-plotly-plot").wait_for()
    nothing_broke(page)


def classify(page: Any, address: str, name: str) -> None:
    """A query gets the class of its like."""
    page.goto(f"{address}/one_shot?run={name}")
    page.get_by_role("radio", name="Your own").click()
    for i, word in enumerate(("sun", "moon")):
        page.get_by_role("textbox", name="Class name").nth(i).fill(word)
        page.get_by_role("textbox", name="Class name").nth(i).press("Enter")
        settled(page)
    for key, seed in (
        ("one_shot_class_0_upload_0", 1),
        ("one_shot_class_1_upload_0", 2),
        ("one_shot_queries_upload_0", 2),
    ):
        page.locator(f".st-key-{key} input[type=file]").set_input_files(picture(seed))
        page.locator(f".st-key-{key}").get_by_text(f"strokes{seed}.png").wait_for()
        settled(page)
    page.get_by_role("button", name=re.compile("^Query 1: moon")).wait_for()
    assert page.locator(".episode .arrow").count() == 1
    nothing_broke(page)


def look_at_the_map(page: Any, address: str, name: str) -> None:
    """A click on a point shows its picture and its true neighbours."""
    page.goto(f"{address}/map?run={name}")
    press(page, "Make the map")
    page.locator(".st-key-map_picture canvas.over").wait_for(timeout=LATER)
    of = choose_a_point(page)
    page.get_by_text("Its true neighbours").wait_for()
    page.get_by_alt_text(f"The chosen picture, of class {of}").wait_for()
    wait_for(lambda: page.get_by_alt_text(re.compile("A neighbour of class")).count() == 6, 30)
    nothing_broke(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_draw_themselves_in_both_themes(browser: Any, address: str, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
    tab = context.new_page()
    asked: list[str] = []
    tab.on("request", lambda r: asked.append(r.url))
    for path in ("", "train", "runs", "compare", "evaluate", "one_shot", "map"):
        tab.goto(f"{address}/{path}")
        tab.get_by_role("heading", level=1).wait_for(timeout=SOON)
        nothing_broke(tab)
    outside = [u for u in asked if not u.startswith((address, "data:", "blob:", "ws://localhost"))]
    assert not outside, f"the pages ask the internet: {outside[:3]}"
    context.close()
