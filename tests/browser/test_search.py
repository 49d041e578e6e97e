"""Search in a real browser: a gallery is made, searched, walked through, and is there after a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import LATER, nothing_broke, picture, press, serving, settled, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def titles(page: Any) -> list[str]:
    """What the matches say of themselves."""
    return [str(t) for t in page.locator(".matches .tile").evaluate_all("tiles => tiles.map(t => t.title)")]


def serious(page: Any) -> list[str]:
    """What axe finds that keeps people out."""
    return [v["id"] for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]


def open_search(page: Any, url: str) -> None:
    page.goto(f"{url}/search?run=starter")
    page.get_by_role("heading", level=1).wait_for()
    settled(page)


def test_a_gallery_is_made_searched_and_found_again_after_a_restart(page: Any, tmp_path: Path) -> None:
    with serving(tmp_path) as url:
        open_search(page, url)
        assert not serious(page)
        press(page, "Make a gallery of Glyphs (invented characters)")
        page.locator(".matches .tile").nth(11).wait_for(timeout=LATER)
        page.get_by_text("4,000 added.").wait_for(timeout=LATER)
        settled(page)
        assert not serious(page)

        first = titles(page)
        page.locator(".matches .tile").nth(3).click()
        wait_for(lambda: titles(page) != first, 20)
        settled(page)
        page.get_by_text("Your own").click()
        settled(page)
        page.locator("input[type=file]").last.set_input_files([picture(1)])
        page.get_by_alt_text("What the network sees").wait_for()
        settled(page)
        found = titles(page)
        assert len(found) == 12
        nothing_broke(page)

        for view in ("Pictures", "Near copies", "How good"):
            page.get_by_text(view, exact=True).click()
            settled(page)
            assert not serious(page)
            nothing_broke(page)
        press(page, "Measure")
        page.get_by_text("MAP@R").wait_for(timeout=LATER)
    with serving(tmp_path) as url:
        open_search(page, url)
        page.get_by_text("Your own").click()
        settled(page)
        page.locator("input[type=file]").last.set_input_files([picture(1)])
        page.get_by_alt_text("What the network sees").wait_for()
        settled(page)
        assert titles(page) == found
        nothing_broke(page)


def test_a_point_of_the_map_is_searched_with(page: Any, tmp_path: Path) -> None:
    from browsing import choose_a_point, drawn

    with serving(tmp_path) as url:
        open_search(page, url)
        press(page, "Make a gallery of Glyphs (invented characters)")
        page.get_by_text("4,000 added.").wait_for(timeout=LATER)
        page.goto(f"{url}/map?run=starter&map_source=Glyphs%20(invented%20characters)&map_points=300%20points")
        page.get_by_role("heading", level=1).wait_for()
        settled(page)
        press(page, "Make the map")
        page.locator("canvas.over").wait_for(timeout=LATER)
        drawn(page)
        choose_a_point(page)
        press(page, "Search with it")
        page.get_by_text("This very picture is in the gallery").wait_for(timeout=LATER)
        nothing_broke(page)
