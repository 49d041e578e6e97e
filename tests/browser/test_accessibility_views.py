"""What only shows after some work is for everybody too: every view of an evaluation, many pairs before, while and after
they are scored, and the decision card in each of its verdicts. One server and one tab, both themes in each place.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import SOON, serving, settled
from PIL import Image
from test_accessibility import problems, unreached

from siamese_core import calibrate
from siamese_core.runs import Run
from tests.ui import worlds

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
VIEWS = ("Errors", "Mistakes", "Classes", "Search and one-shot", "Probabilities")
SHOWN = """scheme => {
  const [red] = getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor.match(/\\d+/g);
  return (red < 128) === (scheme === 'dark');
}"""
ROWS = "image_a,image_b,label\na/0.png,a/1.png,1\na/0.png,b/0.png,0\na/1.png,b/2.png,1\na/0.png,a/0.png,1\na/0.png,,1\n"


@pytest.fixture(scope="module")
def address(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard with two calibrated runs."""
    home = tmp_path_factory.mktemp("views")
    (home / "runs").mkdir()
    run = worlds.make("finished", finished_run, home / "runs")
    assert run is not None
    calibrate.of_run(Run(run))
    shutil.copytree(run, home / "runs" / "other")
    with serving(home) as url:
        yield url


@pytest.fixture(scope="module")
def tab(browser: Any) -> Iterator[Any]:
    """One tab for all of it."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(SOON)
    yield page
    context.close()


def go(tab: Any, address: str, page: str, run: str) -> None:
    """Open a page on a run."""
    tab.goto(f"{address}/{page}?run={run}")
    tab.get_by_test_id("stBaseButton-primary").first.wait_for()
    settled(tab)


def looked_at(tab: Any, where: str) -> list[str]:
    """What axe finds serious or critical in either theme."""
    found = []
    for scheme in ("dark", "light"):
        tab.emulate_media(color_scheme=scheme)
        tab.wait_for_function(SHOWN, arg=scheme)
        settled(tab)
        found += problems(tab, f"{where}, {scheme}")
    return found


def chosen(tab: Any, word: str) -> None:
    """Choose one of a row of choices, and wait for what it brings."""
    tab.get_by_role("radio", name=word, exact=True).click()
    settled(tab)


def evaluated(tab: Any) -> None:
    """Press Evaluate, and wait for the figures."""
    tab.get_by_test_id("stMain").get_by_role("button", name="Evaluate", exact=True).click()
    tab.get_by_role("radio", name="Errors").wait_for()
    settled(tab)


def test_every_view_of_an_evaluation(tab: Any, address: str) -> None:
    go(tab, address, "evaluate", "finished")
    evaluated(tab)
    found: list[str] = []
    for view in VIEWS:
        chosen(tab, view)
        found += looked_at(tab, view)
    tab.get_by_text("Can these figures be believed?").click()
    tab.get_by_role("button", name="Look for leaks and shortcuts").click()
    tab.get_by_text("found nothing wrong").click()
    settled(tab)
    found += looked_at(tab, "the check")
    missed = [f"Evaluate: no key leads to {html}" for html in unreached(tab)]
    assert not found + missed, "\n".join(found + missed)


def test_two_runs_side_by_side(tab: Any, address: str) -> None:
    go(tab, address, "evaluate", "finished")
    tab.get_by_role("combobox", name="Beside").click()
    tab.get_by_role("option", name="other", exact=True).click()
    settled(tab)
    evaluated(tab)
    found = looked_at(tab, "two runs, errors")
    for view in ("Search and one-shot", "Probabilities"):  # the others show the first run alone
        chosen(tab, view)
        found += looked_at(tab, f"two runs, {view}")
    assert not found, "\n".join(found)


def test_many_pairs_before_while_and_after_they_are_scored(tab: Any, address: str) -> None:
    go(tab, address, "compare", "finished")
    chosen(tab, "Many pairs")
    found = looked_at(tab, "before")
    names, large = [f"{i}.png" for i in range(80)], _encoded(np.zeros((6300, 6300), np.uint8))
    give(tab, "image_a,image_b\n" + "".join(f"{n},0.png\n" for n in names), dict.fromkeys(names, large))
    tab.get_by_role("button", name="Score the pairs").click()
    stop = tab.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True)
    stop.wait_for()
    found += problems(tab, "while")
    stop.click()
    tab.get_by_text("Stopped.").wait_for()
    found += looked_at(tab, "stopped")
    give(tab, ROWS, {f"{c}/{i}.png": worlds.picture(10 * k + i) for k, c in enumerate("ab") for i in range(3)})
    tab.get_by_role("button", name="Score the pairs").click()
    tab.get_by_text("Rows that could not be scored").click()
    settled(tab)
    found += looked_at(tab, "after")
    missed = [f"Many pairs: no key leads to {html}" for html in unreached(tab)]
    assert not found + missed, "\n".join(found + missed)


def give(tab: Any, table: str, pictures: dict[str, bytes]) -> None:
    """Hand over a table and a zip, in place of those that are there."""
    for taken in tab.get_by_role("button", name="Remove").all()[::-1]:
        taken.click()
        settled(tab)
    files = (("pairs.csv", "text/csv", table.encode()), ("pictures.zip", "application/zip", worlds.zipped(pictures)))
    for i, (name, kind, data) in enumerate(files):
        tab.locator("input[type=file]").nth(i).set_input_files({"name": name, "mimeType": kind, "buffer": data})
        settled(tab)


def test_the_decision_card_in_each_of_its_verdicts(tab: Any, address: str) -> None:
    go(tab, address, "compare", "starter")
    chosen(tab, "Examples")
    tab.get_by_role("heading", name="Same class").wait_for()
    found = looked_at(tab, "same")
    tab.get_by_role("slider", name="Threshold").focus()
    tab.keyboard.press("Home")  # below the distance that is called the same for sure
    tab.get_by_role("heading", name="Not sure").wait_for()
    found += looked_at(tab, "not sure")
    tab.get_by_role("radio", name="hook 1", exact=True).last.check()
    tab.get_by_role("heading", name="Different classes").wait_for()
    found += looked_at(tab, "different")
    chosen(tab, "Your own")
    noise = _encoded(np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8))
    for i in range(2):
        given = {"name": f"{i}.png", "mimeType": "image/png", "buffer": noise}
        tab.locator("input[type=file]").nth(i).set_input_files(given)
        settled(tab)
    tab.get_by_text("do not rely on the verdict").wait_for()
    found += looked_at(tab, "warned")
    assert not found, "\n".join(found)


def _encoded(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_the_health_of_a_space(tab: Any, address: str) -> None:
    go(tab, address, "map", "finished&map_view=Health")
    found = looked_at(tab, "before")
    tab.get_by_test_id("stMain").get_by_role("button", name="Measure", exact=True).click()
    tab.get_by_text("Directions in use").first.wait_for()
    settled(tab)
    found += looked_at(tab, "health")
    missed = [f"Health: no key leads to {html}" for html in unreached(tab)]
    assert not found + missed, "\n".join(found + missed)
