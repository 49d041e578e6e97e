"""A map that is watched growing, and one's own pictures placed into it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browsing import LATER, drawn, nothing_broke, picture, press, serving, settled, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
MAP = "map?run=starter&map_source=Glyphs%20(invented%20characters)&map_points=2000%20points&map_watch=true"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard without any map."""
    with serving(tmp_path_factory.mktemp("making")) as url:
        yield url


def test_a_map_grows_and_takes_in_ones_own_picture(page: Any, address: str) -> None:
    page.goto(f"{address}/{MAP}")
    page.get_by_role("heading", level=1).wait_for()
    settled(page)
    press(page, "Make the map")
    page.get_by_text("of 600 iterations").wait_for(timeout=LATER)
    drawn(page)
    assert page.evaluate("[...siameseMaps.views][0].data.growing")
    places = "[...[...siameseMaps.views][0].set.arrays.x].slice(0, 50)"
    first = page.evaluate(places)
    wait_for(lambda: page.evaluate(places) != first, 60)  # its points move
    page.get_by_text("t-SNE by openTSNE").wait_for(timeout=LATER)
    drawn(page)
    assert not page.evaluate("[...siameseMaps.views][0].data.growing")
    assert page.get_by_text("of 600 iterations").count() == 0

    before = page.evaluate("[...[...siameseMaps.views][0].set.arrays.x]")
    press(page, "Place your pictures")
    page.locator("input[type=file]").set_input_files([picture(3)])
    wait_for(lambda: len(placed(page)) == 1, 60)
    (item,) = placed(page)
    assert min(before) - 50 < item["x"] < max(before) + 50
    assert page.evaluate("[...[...siameseMaps.views][0].set.arrays.x]") == before  # the map stays as it is
    nothing_broke(page)


def placed(page: Any) -> list[dict[str, Any]]:
    """The new items that the map shows."""
    return list(page.evaluate("[...siameseMaps.views][0].set.placed.map(({ name, x, y }) => ({ name, x, y }))"))
