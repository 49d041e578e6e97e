"""A rerun of every page with a trained run and a map of 2,000 pictures: `python -m siamese_core bench pages`.

A server of its own is started with a run of its own (a few seconds of training on the digits) and visited over its
websocket, so that a rerun is all of it: the script, the charts, the messages and their way here. The first reruns of
each page fill the caches and are not counted. "busy" is the server's processor time for the median rerun, which other
work on the machine does not change. The median should stay below 200 ms on every page.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from siamese_core import bench

RERUNS, WARM = 30, 3
SECONDS = 8  # of training
POINTS = 2000

visitor = bench.load("_visitor")

# What is changed before each rerun, beside nothing at all: page -> words and widgets (of a slider: by how much)
ACTIONS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "compare": [("another pair", {"compare_same": True}), ("threshold moved", {"compare_threshold": 0.001})],
    "one_shot": [("another task", {"one_shot_again": True})],
    "search": [("another picture", {"search_again": True})],
}


def run(reruns: int = RERUNS) -> dict[str, Any]:
    """Milliseconds for each page; the headline is the slowest page's median."""
    with tempfile.TemporaryDirectory(prefix="siamese-bench-") as name:
        home = Path(name)
        train(home, SECONDS)
        with visitor.serving(home) as server:
            rows = asyncio.run(_measure(server, reruns))
    return {
        "name": "pages",
        "headline": {
            "what": "median ms of a rerun of the slowest page (target: under 200)",
            "value": max(row["median_ms"] for row in rows),
        },
        "rows": rows,
    }


def train(home: Path, seconds: float, wait: bool = True) -> subprocess.Popen[bytes]:
    """A training on the digits in a folder of its own."""
    command = [sys.executable, "-m", "siamese_core", "train", "digits", "--max-seconds", str(seconds)]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=visitor.ROOT, env=os.environ | visitor.folders(home), **quiet)
    if wait and process.wait():
        raise RuntimeError("The training failed.")
    return process


async def _measure(server: Any, reruns: int) -> list[dict[str, Any]]:
    rows = []
    async with visitor.Visitor(server) as me:
        for page in ("", "train", "runs", "compare", "evaluate", "one_shot", "search", "map"):
            await me.visit(page)
            if page == "map":
                await _map(me)
            if page == "search":
                await _gallery(me)
            rows.append(await _row(server, me, page or "home", "nothing changed", {}, reruns))
            for action in ACTIONS.get(page, []):
                rows.append(await _row(server, me, page, *action, reruns))
    return rows


async def _map(me: Any) -> None:
    """Have the map made, and wait until it is on the page."""
    await me.rerun(map_source=me.label("map_source", "glyphs"), map_points=me.label("map_points", str(POINTS)))
    await me.rerun(map_start=True)
    for _ in range(300):
        await me.rerun()
        if any(key.startswith("map_") and key.endswith("_near") for key in me.elements):
            return
        await asyncio.sleep(1)
    raise RuntimeError("The map was not made in time.")


async def _gallery(me: Any) -> None:
    """Have a gallery made, and wait until it is full."""
    await me.rerun(gallery_first=True)
    for _ in range(300):
        await me.rerun()
        if "search_matches" in me.elements and "later_stop" not in me.elements:
            return
        await asyncio.sleep(1)
    raise RuntimeError("The gallery was not made in time.")


async def _row(server: Any, me: Any, page: str, what: str, widgets: dict[str, Any], reruns: int) -> dict[str, Any]:
    process = psutil.Process(server.process.pid)
    taken, busy, sent = [], [], 0
    for i in range(reruns + WARM):
        before = sum(process.cpu_times()[:2])
        seconds = await me.rerun(**{me.key(k): v if v is True else me.value(k) + v for k, v in widgets.items()})
        if i >= WARM:
            taken.append(seconds * 1000)
            busy.append((sum(process.cpu_times()[:2]) - before) * 1000)
            sent = max(sent, len(me.received))
    return {
        "page": page,
        "rerun": what,
        "median_ms": round(float(np.median(taken))),
        "p95_ms": round(float(np.percentile(taken, 95))),
        "busy_ms": round(float(np.mean(busy))),
        "sent_kb": round(sent / 1000),
    }
