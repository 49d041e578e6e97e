"""Every page for everybody: axe-core finds nothing serious, and the keyboard reaches every control.

Both themes, without runs, with a finished one, one that trains and one that failed. Expanders are open; without runs
and with a finished one, every choice of a page's first row of choices (where pictures come from) is looked at.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import SOON, nothing_broke, serving

from siamese_core.files import read_json, write_json
from tests.ui import worlds

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
BAD = ("serious", "critical")
SAID = {"running": "in training", "finished": "finished", "failed": "failed"}  # of the world's run, on every page
TICKING = ("train", "runs")  # pages that look again by themselves while the run trains
OWN = {"running": ("train", "runs"), "failed": ("train", "runs", "compare")}  # pages that are not as they else are

CONTROLS = """() => {
  const all = root => [...root.querySelectorAll('*')].flatMap(e => e.shadowRoot ? [e, ...all(e.shadowRoot)] : [e]);
  const asked = e => e.matches('a[href], button, input, select, textarea, summary, [role=button], [role=tab]');
  const seen = e => e.checkVisibility({visibilityProperty: true}) && e.getBoundingClientRect().width > 1;
  const part = e => e.tabIndex < 0 && e.parentElement.parentElement.querySelector('input'); // its arrow keys do it
  const other = e => e.disabled || e.closest('[aria-hidden=true], [inert], [role=radiogroup]') || part(e);
  return all(document).filter(e => asked(e) && seen(e) && !other(e));
}"""
QUIET = """ticking => {
  const count = document.querySelectorAll('*').length;
  const ended = document.querySelector('[data-test-script-state=notRunning]');
  const busy = document.querySelector('[data-stale=true], [data-testid=stSkeleton], [data-testid=stSpinner]');
  if (ticking && (!ended || busy)) return false; // a look is no rest, but only what it brings is a change
  if (!ended || busy || count !== window.lastCount) [window.lastCount, window.since] = [count, performance.now()];
  return performance.now() - window.since > (ticking ? 2500 : 1000);
}"""
FOCUSED = """() => {
  let e = document.activeElement;
  while (e && e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
  return e;
}"""

OTHERS = """e => {  // how many more of its group its arrow keys must reach, where only one of them is a Tab stop
  const left = [...(e && e.closest('[role=group]') || document).querySelectorAll('button[tabindex="-1"]')];
  return left.some(b => window.left.has(b)) ? left.length : 0;
}"""


@pytest.fixture(scope="module", params=worlds.WORLDS)
def world(request: Any) -> str:
    """The world's name, which is its run's name too."""
    return str(request.param)


@pytest.fixture(scope="module")
def address(world: str, finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard in that world."""
    home = tmp_path_factory.mktemp(world)
    (home / "runs").mkdir()
    run = worlds.make(world, finished_run, home / "runs")
    with beating(run if world == "running" else None), serving(home) as url:
        yield url


@contextlib.contextmanager
def beating(run: Path | None) -> Iterator[None]:
    """The heartbeat of a run whose process trains nothing goes on, so that the run is not taken for stalled."""
    ended = threading.Event()

    def beat() -> None:
        while run is not None and not ended.wait(5.0):
            write_json(run / "status.json", read_json(run / "status.json") | {"heartbeat": time.time()})

    thread = threading.Thread(target=beat)
    thread.start()
    yield
    ended.set()
    thread.join()


def quiet(tab: Any, ticking: bool = False) -> None:
    """Wait until nothing on the page has changed for a second, or over two looks where it looks every second."""
    tab.evaluate("window.lastCount = -1")
    tab.wait_for_function(QUIET, arg=ticking)


def opened(browser: Any, address: str, world: str, page: str, scheme: str = "light") -> Any:
    """A tab with a page that has drawn itself, on the world's run, its expanders open."""
    tab = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme).new_page()
    tab.set_default_timeout(SOON)
    tab.goto(f"{address}/{'' if page == 'home' else page}{'' if world == 'none' else f'?run={world}'}")
    tab.get_by_role("heading", level=1).wait_for()
    tab.get_by_test_id("stBaseButton-primary").first.wait_for()
    if page == "home":
        tab.locator(".verdict.same").wait_for()
    if world != "none":
        tab.get_by_test_id("stMain").get_by_text(SAID[world]).first.wait_for()
    ticking = world == "running" and page in TICKING
    quiet(tab, ticking)
    for summary in tab.locator("[data-testid=stExpander] summary").all():
        summary.click()
        quiet(tab, ticking)
    return tab


def problems(tab: Any, where: str) -> list[str]:
    """What axe finds serious or critical on the page as it is."""
    nothing_broke(tab)
    found = Axe().run(tab, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{where}: {rule['id']} ({rule['impact']}): {node['html'][:160]}"
        for rule in found
        for node in rule["nodes"]
        if rule["impact"] in BAD
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, address: str, world: str, scheme: str) -> None:
    found: list[str] = []
    for page in OWN.get(world, worlds.PAGES):
        tab = opened(browser, address, world, page, scheme)
        found += problems(tab, page)
        choices = tab.locator("[data-testid=stButtonGroup]").first.get_by_role("radio")
        for choice in choices.all()[1:] if world not in OWN else []:
            choice.click()
            quiet(tab)
            found += problems(tab, f"{page}, {choice.inner_text()}")
        tab.context.close()
    assert not found, "\n".join(found)


def test_the_keyboard_reaches_every_control(browser: Any, address: str, world: str) -> None:
    missed: list[str] = []
    for page in OWN.get(world, worlds.PAGES):
        tab = opened(browser, address, world, page)
        missed += [f"{page}: {html}" for html in unreached(tab)]
        tab.context.close()
    assert not missed, "\n".join(missed)


def unreached(tab: Any) -> list[str]:
    """The controls of the page that no key leads to."""
    controls = tab.evaluate_handle(CONTROLS)
    count = tab.evaluate("c => (window.left = new Set(c)).size", controls)
    assert count > 5
    for _ in range(3 * count):
        tab.keyboard.press("Tab")
        tab.evaluate(f"() => window.left.delete(({FOCUSED})())")
        others = tab.evaluate(f"() => ({OTHERS})(({FOCUSED})())")
        for key in ["Home", *["ArrowRight"] * others] if others else []:
            tab.keyboard.press(key)
            tab.evaluate(f"() => window.left.delete(({FOCUSED})())")
    return list(tab.evaluate("() => [...window.left].map(e => e.outerHTML.slice(0, 120))"))


@pytest.mark.parametrize("world", ["none"], indirect=True)
def test_homes_picture_follows_the_keyboard(browser: Any, address: str, world: str) -> None:
    tab = opened(browser, address, world, "home")
    tab.get_by_role("button", name="different classes").focus()
    tab.keyboard.press("Enter")
    tab.locator(".verdict.different").wait_for()
    tab.get_by_text("Above the threshold. Right: they are of two classes.").wait_for()
    picture = tab.get_by_role("button", name="Picture B").get_by_role("img")
    before = picture.get_attribute("alt")
    tab.get_by_role("button", name="Picture B").focus()
    tab.keyboard.press("Space")
    tab.wait_for_function("([i, was]) => i.alt !== was", arg=[picture.element_handle(), before])
    tab.context.close()


@pytest.mark.parametrize("world", ["running"], indirect=True)
def test_the_focus_stays_while_the_page_looks_at_the_training(browser: Any, address: str, world: str) -> None:
    tab = opened(browser, address, world, "train")
    stop = tab.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True)
    stop.focus()
    quiet(tab, ticking=True)
    assert stop.evaluate("e => e === document.activeElement")
    tab.keyboard.press("Enter")
    stopping = tab.get_by_role("button", name="Stopping…")
    stopping.wait_for()
    assert stopping.is_disabled()
    nothing_broke(tab)
    tab.context.close()
