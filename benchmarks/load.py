"""Twenty visitors at once beside a training: `python -m siamese_core bench load`.

A server of its own on the loopback address, a training of its own on the same processors, and sessions that speak
Streamlit's own protocol. Four watch the training, whose page draws itself anew every second; the others go from page
to page, draw pairs and tasks, and upload class folders of their own, with a few seconds between, as people need to
look. One visitor goes through the pages before, so that the first load of the network is not counted.
Every session has words of its own, which it uploads and puts into its address; no other session may ever receive
them. The 95th percentile of all answers should stay below 2 seconds, and nothing may leak.
"""

from __future__ import annotations

import asyncio
import io
import tempfile
import time
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from siamese_core import bench

pages = bench.load("pages")
visitor = pages.visitor

SESSIONS, WATCHERS = 20, 4
SECONDS = 45.0  # of visits
THINK = (1.0, 4.0)  # seconds between two actions of one visitor


def run(sessions: int = SESSIONS, seconds: float = SECONDS) -> dict[str, Any]:
    """Milliseconds by kind of action; the headline is the 95th percentile of all."""
    with tempfile.TemporaryDirectory(prefix="siamese-bench-") as name:
        home = Path(name)
        pages.train(home, pages.SECONDS)
        ready = next(p.name for p in (home / "runs").iterdir() if not p.name.startswith("."))
        with visitor.serving(home) as server:
            training = pages.train(home, 60 + seconds, wait=False)
            try:
                crowd = Crowd(server, ready, sessions, seconds)
                asyncio.run(crowd.all())
                memory = psutil.Process(server.process.pid).memory_info().rss >> 20
            finally:
                training.terminate()
                training.wait(30)
                _end_workers(home)
    if crowd.leaks:
        raise RuntimeError("One session received what is another's: " + "; ".join(crowd.leaks[:5]))
    everything = [t for times in crowd.times.values() for t in times]
    rows = [_row(what, times) for what, times in sorted(crowd.times.items())] + [_row("all", everything)]
    return {
        "name": "load",
        "headline": {
            "what": f"95th percentile in ms of {len(everything)} answers to {sessions} sessions beside a training "
            f"(target: under 2000; no leaks; server {memory} MiB)",
            "value": rows[-1]["p95_ms"],
        },
        "rows": rows,
    }


def _row(what: str, times: list[float]) -> dict[str, Any]:
    ms = np.array(times) * 1000
    return {
        "action": what,
        "count": len(ms),
        "p50_ms": round(float(np.median(ms))),
        "p95_ms": round(float(np.percentile(ms, 95))),
        "max_ms": round(float(ms.max())),
    }


def _end_workers(home: Path) -> None:
    """End the training's own process, which outlives whoever started it: only what works in this folder."""
    for process in psutil.process_iter(["cmdline"]):
        if any(str(home) in word for word in process.info["cmdline"] or ()):
            process.terminate()


class Crowd:
    """All visitors, what they waited for, and what reached the wrong one."""

    def __init__(self, server: Any, run: str, sessions: int, seconds: float) -> None:
        self.server, self.run, self.sessions, self.seconds = server, run, sessions, seconds
        self.words = [f"private{chr(97 + i // 26)}{chr(97 + i % 26)}word" for i in range(sessions)]
        self.times: dict[str, list[float]] = defaultdict(list)
        self.leaks: list[str] = []

    async def all(self) -> None:
        """Everybody at once, until the time is over."""
        async with visitor.Visitor(self.server) as first:
            for page in ("", "train", "runs", "compare", "evaluate", "one_shot", "map"):
                await first.visit(page, f"run={self.run}")
            await first.visit("one_shot")
            await first.rerun(one_shot_set=first.label("one_shot_set", "digits"))
        self.until = time.monotonic() + self.seconds
        await asyncio.gather(*(self._watch(i) if i < WATCHERS else self._wander(i) for i in range(self.sessions)))

    async def _watch(self, i: int) -> None:
        """A session that looks at the training."""
        async with visitor.Visitor(self.server) as me:
            self._note(i, me, "open train", await me.visit("train"))
            while time.monotonic() < self.until:
                await asyncio.sleep(1)
                taken = await me.tick()
                if taken is None:
                    taken = await me.rerun()
                self._note(i, me, "tick of the training", taken)

    async def _wander(self, i: int) -> None:
        """A session that uses everything."""
        rng = np.random.default_rng(i)
        async with visitor.Visitor(self.server) as me:
            await asyncio.sleep(float(rng.uniform(0, THINK[1])))
            self._note(i, me, "open home", await me.visit("", f"run={self.words[i]}"))
            while time.monotonic() < self.until:
                for act in (self._compare, self._tasks, self._own_classes, self._runs):
                    await act(i, me, rng)

    async def _compare(self, i: int, me: Any, rng: np.random.Generator) -> None:
        await self._do(i, me, rng, "open compare", me.visit("compare", f"run={self.words[i]}"))
        if self.words[i].encode() not in me.received:
            self.leaks.append(f"session {i} did not get its own address back")
        for _ in range(3):
            await self._do(i, me, rng, "another pair", me.rerun(compare_same=True))

    async def _tasks(self, i: int, me: Any, rng: np.random.Generator) -> None:
        await self._do(i, me, rng, "open one-shot", me.visit("one_shot"))
        await self._do(i, me, rng, "choose a set", me.rerun(one_shot_set=me.label("one_shot_set", "digits")))
        ways = 2 + i % 8
        await self._do(i, me, rng, "set the ways", me.rerun(one_shot_ways=ways))
        await self._do(i, me, rng, "another task", me.rerun(one_shot_again=True))
        if me.elements["one_shot_ways"].value != ways:
            self.leaks.append(f"session {i} has {me.elements['one_shot_ways'].value} ways instead of {ways}")

    async def _own_classes(self, i: int, me: Any, rng: np.random.Generator) -> None:
        await self._do(i, me, rng, "open one-shot", me.visit("one_shot"))
        where = me.label("one_shot_source", "zip")
        await self._do(i, me, rng, "choose to upload", me.rerun(one_shot_source=where))
        data = class_folders(self.words[i], rng)
        await self._do(i, me, rng, "upload a zip", me.upload("one_shot_zip", f"{self.words[i]}.zip", data))
        if f"{self.words[i]}sun".encode() not in me.received:
            self.leaks.append(f"session {i} did not get its own classes back")

    async def _runs(self, i: int, me: Any, rng: np.random.Generator) -> None:
        for page in ("runs", "map", ""):
            await self._do(i, me, rng, f"open {page or 'home'}", me.visit(page))

    async def _do(self, i: int, me: Any, rng: np.random.Generator, what: str, work: Any) -> None:
        if time.monotonic() > self.until + 30:
            work.close()
            return
        self._note(i, me, what, await work)
        await asyncio.sleep(float(rng.uniform(*THINK)))

    def _note(self, i: int, me: Any, what: str, seconds: float) -> None:
        self.times[what].append(seconds)
        if b"not your doing" in me.received:
            self.leaks.append(f"session {i} met an unexpected error at '{what}'")
        for j, word in enumerate(self.words):
            if j != i and word.encode() in me.received:
                self.leaks.append(f"session {i} received a word of session {j} at '{what}'")


def class_folders(word: str, rng: np.random.Generator) -> bytes:
    """A zip of two classes whose names hold a word."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name in ("sun", "moon"):
            picture = io.BytesIO()
            Image.fromarray(rng.integers(0, 2, (28, 28), dtype=np.uint8) * 255).save(picture, "PNG")
            packed.writestr(f"{word}{name}/1.png", picture.getvalue())
    return out.getvalue()
