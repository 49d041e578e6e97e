"""A dashboard of its own, a browser and a fresh tab for the browser tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import SOON, answers, wait_for
from install import find

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard of its own on a free port, with empty runs."""
    home = tmp_path_factory.mktemp("dashboard")
    with socket.socket() as s:
        s.bind(("localhost", 0))
        port = s.getsockname()[1]
    folders = {"SIAMESE_RUNS": str(home / "runs"), "SIAMESE_LOCKS": str(home / "locks")}
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true",
             "--server.port", str(port), "--server.fileWatcherType", "none"],
            cwd=ROOT, env=os.environ | folders, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_for(lambda: answers(f"http://localhost:{port}/_stcore/health"), 60)
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait(20)


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
