"""The four worlds a page may be opened in, made of a run that is ready, and pictures to upload."""

from __future__ import annotations

import io
import json
import shutil
import time
import zipfile
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from streamlit.testing.v1 import AppTest

from siamese_core.files import read_json, write_json

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("home", "train", "runs", "compare", "evaluate", "one_shot", "search", "map")
WORLDS = ("none", "running", "finished", "failed")


def make(world: str, ready: Path, folder: Path) -> Path | None:
    """The run of a world, in the runs folder: None in the first, without weights in the last."""
    if world == "none":
        return None
    run = Path(shutil.copytree(ready, folder / world))
    manifest = read_json(run / "config.json")
    write_json(run / "config.json", manifest | {"name": world, "created_at": time.time()})
    card = read_json(run / "card.json")
    bins = {"edges": [0.0, 0.02, 0.04, 0.08], "same": [30, 10, 2], "different": [2, 12, 28]}
    write_json(run / "card.json", card | {"distances": bins})
    events(run, 2 if world == "running" else 4)
    me = psutil.Process()
    status = {"format": 1, "heartbeat": time.time(), "pid": me.pid, "started": me.create_time(), "reason": ""}
    if world == "running":
        write_json(run / "status.json", status | {"state": "running"})
    elif world == "finished":
        write_json(run / "status.json", status | {"state": "finished"})
    else:
        for name in ("best.safetensors", "last.safetensors", "card.json", "events.jsonl"):
            (run / name).unlink()
        write_json(run / "status.json", status | {"state": "failed", "reason": "The disk is full; free some space."})
    return run


def events(run: Path, epochs: int) -> None:
    """A training of so many of four epochs."""
    lines: list[dict[str, object]] = [{"event": "start", "epochs": 4, "parameters": 1000, "device": "cpu"}]
    for step in range(1, epochs * 10 + 1):
        now = {"step": step, "epoch": (step + 9) // 10, "epochs": 4, "seconds": step / 2, "progress": step / 40}
        lines.append({"event": "step", "loss": 3 / step, **now})
        if step % 10 == 0:
            measured = {"validation_loss": 2.0, "pair_accuracy": 0.8, "one_shot": 0.7, "n_way": 2, "best": True}
            lines.append({"event": "epoch", "loss": 3 / step, **now, **measured})
    (run / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in lines), encoding="utf-8")


def visit(page: str, run: str | None = None) -> AppTest:
    """Open a page by its address, as the first thing a fresh server is asked for."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    if run is not None:
        app.query_params["run"] = run
    return app.switch_page(f"pages/{page}.py").run()


def told(app: AppTest) -> list[str]:
    """All notices of trouble on the page."""
    return [e.value for e in (*app.error, *app.exception)]


def words(app: AppTest) -> str:
    """Everything that is written on the page."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.info, app.warning, app.error)
    return "\n".join(str(e.value) for kind in kinds for e in kind)


def primaries(app: AppTest) -> list[str]:
    """Labels of the primary buttons."""
    return [b.label for b in app.button if b.proto.type == "primary"]


def picture(seed: int = 0, kind: str = "PNG", mode: str = "L") -> bytes:
    """A picture file: a few dark strokes on white paper."""
    rng = np.random.default_rng(seed)
    paper = np.full((40, 40), 255, np.uint8)
    for _ in range(3):
        y, x = rng.integers(6, 30, 2)
        paper[y : y + 3, x : x + 10] = 0
    out = io.BytesIO()
    Image.fromarray(paper).convert(mode).save(out, kind)
    return out.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, data in files.items():
            z.writestr(name, data)
    return out.getvalue()
