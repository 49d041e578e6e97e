"""A dashboard, a browser and a fresh tab for the browser tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import SOON, serving
from install import find


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard of its own with empty runs."""
    with serving(tmp_path_factory.mktemp("dashboard")) as url:
        yield url


@pytest.fixture(scope="module")
def launch() -> Iterator[Callable[..., Any]]:
    """Starts a headless Chromium, with these flags besides; without one on this machine these tests are skipped."""
    chromium = find()
    if chromium is None:
        pytest.skip("there is no Chromium; `make browser` installs one")
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as p:
        yield lambda *flags: p.chromium.launch(executable_path=chromium, args=[*quiet, *flags])


@pytest.fixture(scope="module")
def browser(launch: Callable[..., Any]) -> Iterator[Any]:
    """A headless Chromium."""
    chrome = launch()
    yield chrome
    chrome.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A fresh tab; an uncaught error of the page's scripts fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    tab = context.new_page()
    broken: list[str] = []
    tab.on("pageerror", lambda error: broken.append(str(error)))
    tab.set_default_timeout(SOON)
    yield tab
    context.close()
    assert not broken
