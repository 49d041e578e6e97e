"""What the browser tests share: a dashboard of its own, waiting for it, pictures to hand over, pressing buttons."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.waiting import until as wait_for

ROOT = Path(__file__).resolve().parents[2]
SOON = 60_000  # ms until a page must have drawn itself, on a slow machine
LATER = 180_000  # ms until a process must have done its work


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


def settled(page: Any) -> None:
    """Wait until the page's script has run to its end."""
    page.wait_for_timeout(300)
    page.wait_for_function("document.querySelector('[data-test-script-state=notRunning]') !== null")


def nothing_broke(page: Any) -> None:
    """No traceback and no notice of a bug on the page."""
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.get_by_text("not your doing").count() == 0


def picture(seed: int) -> dict[str, Any]:
    """A picture file with some strokes, as the file chooser hands it over."""
    rng = np.random.default_rng(seed)
    paper = np.full((60, 60), 255, np.uint8)
    for _ in range(3):
        y, x = rng.integers(8, 40, 2)
        paper[y : y + 4, x : x + 16] = 0
    out = io.BytesIO()
    Image.fromarray(paper).save(out, "PNG")
    return {"name": f"strokes{seed}.png", "mimeType": "image/png", "buffer": out.getvalue()}


def press(page: Any, name: str) -> None:
    """Click a button of the page itself; Streamlit has a Stop of its own above it."""
    page.get_by_test_id("stMain").get_by_role("button", name=name, exact=True).click()
