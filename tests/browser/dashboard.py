"""A dashboard of its own for browser tests, and waiting for it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOON = 60_000  # ms until a page must have drawn itself, on a slow machine


@contextlib.contextmanager
def serving(home: Path) -> Iterator[str]:
    """The address of a dashboard on a free port, whose runs are those in `home`/runs."""
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


def answers(url: str) -> bool:
    """Whether a server answers there."""
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def wait_for(true: Callable[[], Any], seconds: float) -> Any:
    """What `true` returns once it is not false; fails after so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := true():
            return found
        time.sleep(0.2)
    raise AssertionError(f"still waiting after {seconds} s")


def settled(page: Any) -> None:
    """Wait until the page's script has run to its end."""
    page.wait_for_timeout(300)
    page.wait_for_function("document.querySelector('[data-test-script-state=notRunning]') !== null")


def nothing_broke(page: Any) -> None:
    """No traceback and no notice of a bug on the page."""
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.get_by_text("not your doing").count() == 0
