"""What the film of a training needs, worked out beside the pages: its maps, and the pictures that its points are of.

Maps are kept by the snapshots they are made of. While a training goes on, those of its new epochs are added to those
that are there, and what is there can be watched while the rest is made.
"""

from __future__ import annotations

import base64
import hashlib
import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from pages.parts.preview_work import Answer, Background
from siamese_core import evolution, snapshots
from siamese_core.evolution import Frames
from siamese_core.runs import Run
from siamese_core.types import LabelledSet

KEPT = 16  # films
SIDE = 56  # pixels of a thumbnail's longer side, at most

Load = Callable[[str], LabelledSet]
Progress = Callable[[str, float], None]


class Films:
    """The films of this server, for all sessions."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.maps, self.sheets = Background(2 * KEPT), Background(KEPT)
        self.latest: OrderedDict[tuple[object, ...], Frames] = OrderedDict()
        self.lock = threading.Lock()

    def ask(self, run: Run, way: str) -> Answer | None:
        """The maps of all snapshots that there are (Frames), or None while they are made."""

        def work(progress: Progress) -> Frames:
            known = self.latest.get(_of(run, way))
            return evolution.frames(run, way, known, progress, lambda found: self._keep(run, way, found))

        return self.maps.ask(_key(run, way), work)

    def so_far(self, run: Run, way: str) -> Frames | None:
        """The maps that are made already."""
        return self.latest.get(_of(run, way))

    def progress(self, run: Run, way: str) -> tuple[str, float]:
        """What is being done, and how much of it is done."""
        return self.maps.progress(_key(run, way))

    def sheet(self, run: Run, items: np.ndarray | None) -> Answer | None:
        """The pictures of the points laid out as one, or None in the answer where they cannot be had; None: wait."""
        manifest = run.manifest()
        data = manifest.get("data") or {}
        if items is None or not data.get("digest") or not manifest.get("split"):
            return Answer()
        name = run.config().dataset

        def work(_: Progress) -> dict[str, Any] | None:
            whole = self.load(name)
            at = snapshots.places(whole, manifest["split"], items)
            if at is None or whole.digest != data["digest"]:
                return None  # other pictures than those it was trained on
            return laid_out([whole.items.natural(int(i)) for i in at])  # type: ignore[attr-defined]

        return self.sheets.ask((name, data["digest"], items.tobytes()), work)

    def _keep(self, run: Run, way: str, found: Frames) -> None:
        with self.lock:
            of = _of(run, way)
            before = self.latest.get(of)
            if before is None or before.digests[0] != found.digests[0] or len(before.digests) <= len(found.digests):
                self.latest[of] = found
                self.latest.move_to_end(of)
            while len(self.latest) > KEPT:
                self.latest.popitem(last=False)


def _of(run: Run, way: str) -> tuple[object, ...]:
    config = run.folder / "config.json"
    return str(run.folder), config.stat().st_ino if config.exists() else 0, way


def _key(run: Run, way: str) -> tuple[object, ...]:
    """Changes whenever a snapshot does."""
    facts = []
    for path in evolution.present(run):
        try:
            info = path.stat()
        except OSError:
            continue
        facts.append((path.name, info.st_size, info.st_mtime_ns))
    return *_of(run, way), tuple(facts)


def laid_out(pictures: Sequence[np.ndarray]) -> dict[str, Any]:
    """Pictures, (H, W) or (H, W, 3) uint8 of one size, as one PNG in a data address with rows of them."""
    first = Image.fromarray(pictures[0])
    first.thumbnail((SIDE, SIDE))
    width, height = first.size
    columns = max(1, round((len(pictures) * height / width) ** 0.5))
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB" if any(p.ndim == 3 for p in pictures) else "L", (columns * width, rows * height), "white")
    for i, pixels in enumerate(pictures):
        one = Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX)
        sheet.paste(one, (i % columns * width, i // columns * height))
    out = io.BytesIO()
    sheet.save(out, "PNG", optimize=True)
    src = "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")
    version = hashlib.sha256(out.getvalue()).hexdigest()[:16]
    return {"src": src, "columns": columns, "rows": rows, "width": width, "height": height, "version": version}
