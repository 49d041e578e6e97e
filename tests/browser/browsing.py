"""What the browser tests share: a dashboard of its own, waiting for it, pictures to hand over, pressing buttons,
drawing, what a chart shows."""

from __future__ import annotations

import contextlib
import io
import os
import re
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

VEE = [(0.2, 0.2), (0.5, 0.8), (0.8, 0.2)]
ELL = [(0.3, 0.2), (0.3, 0.8), (0.7, 0.8)]


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


def points(page: Any, chart: str) -> int:
    """How many points the first curve of a chart has; 0 while it is not there."""
    found = page.evaluate(
        "key => { const c = document.querySelector(`.st-key-${key} .js-plotly-plot`);"
        " return c && c._fullData && c._fullData.length ? c._fullData[0].x.length : 0 }",
        chart,
    )
    return int(found)


def run_of(page: Any) -> str:
    """The current run in the address."""
    found = re.search(r"[?&]run=([^&]+)", page.url)
    assert found, page.url
    return found[1]


def stroke(page: Any, side: int, points: list[tuple[float, float]]) -> None:
    """Draw a stroke on one side's paper; points in parts of its width and height."""
    sheet = page.locator("canvas.paper").nth(side)
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for x, y in at[1:]:
        page.mouse.move(x, y, steps=6)
    page.mouse.up()


def place(page: Any, point: int, which: int = 0) -> tuple[float, float]:
    """Where on the screen a point of the map on the page is."""
    x, y = page.evaluate(
        """([point, which]) => { const view = [...siameseMaps.views].sort((a, b) => b.data.main - a.data.main)[which];
        const box = view.root.querySelector('.over').getBoundingClientRect(), [x, y] = view.at(point);
        return [box.left + x, box.top + y] }""",
        [point, which],
    )
    return float(x), float(y)


def drawn(page: Any, maps: int = 1) -> None:
    """Wait until so many maps are on the page and have drawn their points."""
    page.wait_for_function(
        "n => window.siameseMaps && [...siameseMaps.views].filter(v => v.matrix).length === n", arg=maps
    )
    settled(page)


def name_of(page: Any, point: int) -> str:
    """The class of a point of the map on the page."""
    return str(page.evaluate(
        """point => { const set = [...siameseMaps.views][0].set, column = set.columns.find(c => c.key === 'class');
        return column.names[set.arrays.class[point]] }""", point
    ))  # fmt: skip


def choose_a_point(page: Any) -> str:
    """Click a point of the map; its class."""
    drawn(page)
    x, y = place(page, 2)
    page.mouse.move(x - 4, y - 4)
    page.mouse.move(x, y)
    at = int(page.evaluate("[...siameseMaps.views][0].hover"))  # another may lie over it
    page.mouse.click(x, y)
    return name_of(page, at)
