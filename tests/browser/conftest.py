"""The browser that all tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from install import find


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
