"""A dashboard, a browser and a fresh tab for the browser tests."""

from __future__ import annotations

from collections.abc import Iterator
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
def browser() -> Iterator[Any]:
    """A headless Chromium; without one these tests are skipped."""
    chromium = find()
    if chromium is None:
        pytest.skip("there is no Chromium; `make browser` installs one")
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as p:
        chrome = p.chromium.launch(executable_path=chromium, args=quiet)
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
