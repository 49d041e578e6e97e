"""Every page for everybody: axe-core finds nothing serious, and the keyboard reaches every control.

Both themes, without runs and with a finished one. Expanders are open, and every choice of a page's first row
of choices (where pictures come from) is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import SOON, nothing_broke, serving

from tests.ui import worlds

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
BAD = ("serious", "critical")

CONTROLS = """() => {
  const all = root => [...root.querySelectorAll('*')].flatMap(e => e.shadowRoot ? [e, ...all(e.shadowRoot)] : [e]);
  const asked = e => e.matches('a[href], button, input, select, textarea, summary, [role=button], [role=tab]');
  const seen = e => e.checkVisibility({visibilityProperty: true}) && e.getBoundingClientRect().width > 1;
  const part = e => e.tabIndex < 0 && e.parentElement.parentElement.querySelector('input'); // its arrow keys do it
  const other = e => e.disabled || e.closest('[aria-hidden=true], [inert], [role=radiogroup]') || part(e);
  return all(document).filter(e => asked(e) && seen(e) && !other(e));
}"""
QUIET = """() => {
  const count = document.querySelectorAll('*').length;
  const ended = document.querySelector('[data-test-script-state=notRunning]');
  const busy = document.querySelector('[data-stale=true], [data-testid=stSkeleton], [data-testid=stSpinner]');
  if (!ended || busy || count !== window.lastCount) [window.lastCount, window.since] = [count, performance.now()];
  return performance.now() - window.since > 1000;
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


@pytest.fixture(scope="module", params=["none", "finished"])
def address(request: Any, finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard in one of two worlds."""
    home = tmp_path_factory.mktemp(request.param)
    (home / "runs").mkdir()
    worlds.make(request.param, finished_run, home / "runs")
    with serving(home) as url:
        yield url


def quiet(tab: Any) -> None:
    """Wait until nothing on the page has changed for a second."""
    tab.evaluate("window.lastCount = -1")
    tab.wait_for_function(QUIET)


def opened(browser: Any, address: str, page: str, scheme: str = "light") -> Any:
    """A tab with a page that has drawn itself, its expanders open."""
    tab = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme).new_page()
    tab.set_default_timeout(SOON)
    tab.goto(f"{address}/{'' if page == 'home' else page}")
    tab.get_by_role("heading", level=1).wait_for()
    tab.get_by_test_id("stBaseButton-primary").first.wait_for()
    if page == "home":
        tab.locator(".verdict.same").wait_for()
    quiet(tab)
    for summary in tab.locator("[data-testid=stExpander] summary").all():
        summary.click()
        quiet(tab)
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
def test_axe_finds_nothing_serious(browser: Any, address: str, scheme: str) -> None:
    found: list[str] = []
    for page in worlds.PAGES:
        tab = opened(browser, address, page, scheme)
        found += problems(tab, page)
        choices = tab.locator("[data-testid=stButtonGroup]").first.get_by_role("radio")
        for choice in choices.all()[1:]:
            choice.click()
            quiet(tab)
            found += problems(tab, f"{page}, {choice.inner_text()}")
        tab.context.close()
    assert not found, "\n".join(found)


def test_the_keyboard_reaches_every_control(browser: Any, address: str) -> None:
    missed: list[str] = []
    for page in worlds.PAGES:
        tab = opened(browser, address, page)
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
        left = tab.evaluate("() => [...window.left].map(e => e.outerHTML.slice(0, 120))")
        missed += [f"{page}: {html}" for html in left]
        tab.context.close()
    assert not missed, "\n".join(missed)


def test_homes_picture_follows_the_keyboard(browser: Any, address: str) -> None:
    tab = opened(browser, address, "home")
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
