"""The map's process: `python -m siamese_core.map_worker FOLDER`, started by map_jobs; see there."""

from __future__ import annotations

import io
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from siamese_core.errors import SiameseError
from siamese_core.files import read_json, write_atomic, write_json

WRITE_EVERY = 0.3  # seconds between two writes of the status


class Stopped(Exception):
    """Somebody asked for the end; raised from inside a progress call."""


class Pen:
    """The only writer of a job's status."""

    def __init__(self, job: Path) -> None:
        self.job = job
        me = psutil.Process()
        self.status: dict[str, Any] = {"state": "running", "pid": me.pid, "started": me.create_time()}
        self._written = 0.0
        self.write(text="Starting", progress=0.0)

    def write(self, **changes: Any) -> None:
        """Change the status and write it; a full disk does not end the job."""
        self.status |= changes | {"heartbeat": time.time()}
        self._written = time.monotonic()
        try:
            write_json(self.job / "status.json", self.status)
        except OSError as e:
            print(f"status not written: {e}", file=sys.stderr)

    def progress(self, text: str, fraction: float) -> None:
        """Tell how far it is; raises Stopped when somebody asked for the end."""
        if (self.job / "stop").exists():
            raise Stopped
        if time.monotonic() - self._written >= WRITE_EVERY or text != self.status.get("text"):
            self.write(text=text, progress=round(min(max(fraction, 0.0), 1.0), 4))


def work(job: Path) -> str:
    """Do the job in this folder; the terminal state that was written."""
    pen = Pen(job)
    try:
        note = _map(job, pen)
        pen.write(state="finished", text="Done", progress=1.0, note=note)
    except Stopped:
        pen.write(state="stopped", reason="Stopped on request.")
    except SiameseError as e:
        pen.write(state="failed", reason=str(e), mistake=True)
    except OSError as e:
        pen.write(state="failed", reason=f"The map could not be made or written: {e.strerror or e}.", mistake=True)
    except MemoryError:
        pen.write(state="failed", reason="The machine ran out of memory; use fewer points.", mistake=True)
    except Exception as e:
        traceback.print_exc()
        reason = f"Something unexpected went wrong ({type(e).__name__}: {e}); the details are in {job}/worker.log."
        pen.write(state="failed", reason=reason, mistake=False)
    return str(pen.status["state"])


def _map(job: Path, pen: Pen) -> str:
    """Load, embed, project, save; returns what was done otherwise than asked."""
    from siamese_core import projection, protocols, trained
    from siamese_core.runs import Run

    request = read_json(job / "request.json")
    run = Run(Path(request["run"]))
    root = None if request["data_root"] is None else Path(request["data_root"])
    data = protocols.data_for(run, request["data"], request["part"] or "test", root, pen.progress)
    indices = np.arange(len(data))
    if len(indices) > request["max_points"]:
        indices = np.sort(np.random.default_rng(request["seed"]).permutation(len(data))[: request["max_points"]])
    model = trained.load(run, "auto")
    items = data.items.select(indices).fitted(model.spec, pen.progress)
    z = model.embed(items, progress=pen.progress)
    plan = projection.plan(len(z), request["method"], request["perplexity"])
    points = projection.project(z, plan.method, request["seed"], plan.perplexity, pen.progress)
    arrays: dict[str, np.ndarray] = {
        "x": points[:, 0],
        "y": points[:, 1],
        "labels": data.labels[indices],
        "class_names": np.array(data.class_names, dtype=np.str_),
        "indices": indices,
        "embeddings": z,
    }
    pixels = getattr(items, "pixels", None)
    if pixels is not None:
        arrays["pixels"] = pixels
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_atomic(job / "points.npz", buffer.getvalue())
    return plan.note


def main(argv: list[str] | None = None) -> int:
    """Entry point of the process: 0 when the map is finished or was stopped on request."""
    words = sys.argv[1:] if argv is None else argv
    if len(words) != 1 or not (Path(words[0]) / "request.json").is_file():
        print("usage: python -m siamese_core.map_worker FOLDER (made by siamese_core.map_jobs)", file=sys.stderr)
        return 2
    from filelock import FileLock, Timeout

    job = Path(words[0])
    try:
        with FileLock(job / ".lock", timeout=0):  # one writer a folder
            state = work(job)
    except Timeout:
        return 0
    return 0 if state in ("finished", "stopped") else 1


if __name__ == "__main__":
    sys.exit(main())
