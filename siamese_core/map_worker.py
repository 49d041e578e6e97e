"""The map's process: `python -m siamese_core.map_worker FOLDER`, started by map_jobs; see there."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from siamese_core import map_files
from siamese_core.errors import DataError, SiameseError
from siamese_core.files import read_json, write_json

if TYPE_CHECKING:
    from siamese_core.retrieval import Distances
    from siamese_core.runs import Run

    # What compares embeddings, these (N, D), all that is known of the points, and what was done otherwise than asked.
    Made = tuple[Distances, np.ndarray, dict[str, np.ndarray], str]

WRITE_EVERY = 0.3  # seconds between two writes of the status
MOST_SEARCHED = 30_000  # points whose nearest neighbours are found too: some seconds; it grows with the square
FRAME_EVERY = 0.5  # seconds between two writes of the growing map, and at most a tenth of the time spent on it


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
        now = time.time()
        if changes.get("text", self.status.get("text")) != self.status.get("text"):
            changes["began"] = now
        self.status |= changes | {"heartbeat": now}
        self._written = time.monotonic()
        try:
            write_json(self.job / "status.json", self.status)
        except OSError as e:
            print(f"status not written: {e}", file=sys.stderr)

    def progress(self, text: str, fraction: float) -> None:
        """Tell how far it is; raises Stopped when somebody asked for the end."""
        if (self.job / "stop").exists():
            raise Stopped
        due = time.monotonic() - self._written >= WRITE_EVERY
        if due or text != self.status.get("text") or not self.status.get("hears", True):
            self.write(text=text, progress=round(min(max(fraction, 0.0), 1.0), 4), hears=True)

    def silent(self, text: str) -> None:
        """Something begins that tells nothing and hears nothing: `map_jobs.stop` ends the process. This is told first
        and the stop looked for then, so that one that is asked for in between is seen by one of the two."""
        self.write(text=text, progress=0.0, hears=False)
        if (self.job / "stop").exists():
            raise Stopped


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
    """Load, embed, project, measure, save; returns what was done otherwise than asked."""
    from siamese_core import nearest, projection, projection_quality
    from siamese_core.runs import Run

    request = read_json(job / "request.json")
    run = Run(Path(request["run"]))
    model, z, arrays, told = (_of_snapshot if "epoch" in request else _of_weights)(run, request, pen)

    began = time.monotonic()
    names = ("method", "perplexity", "dims", "learning_rate", "neighbours", "min_distance", "engine")
    known = projection.different(z)
    plan = projection.plan(len(known[0]), **{name: request[name] for name in names})
    watch = _Frames(job, arrays)
    found = projection.make(z, plan, request["seed"], projection.Hooks(pen.progress, pen.silent, watch), known)
    seconds = time.monotonic() - began
    quality = projection_quality.measure(model, z, found.points, seed=request["seed"], progress=pen.progress)
    if 2 <= len(z) <= MOST_SEARCHED:
        near = nearest.each(model, z, arrays["labels"], pen.progress)
        arrays |= {"nearest": near.indices, "nearest_distance": near.distances}
    arrays |= {name: found.points[:, d] for d, name in enumerate("xyz"[: plan.dims])}
    if found.axes is not None and found.centre is not None:
        arrays |= {"centre": found.centre, "axes": found.axes}
    arrays |= {
        "error": np.full(len(z), np.nan) if quality is None else quality.error,
        "trustworthiness": np.array(np.nan if quality is None else quality.trustworthiness),
        "continuity": np.array(np.nan if quality is None else quality.continuity),
        "k": np.array(0 if quality is None else quality.k),
        "measured": np.array(0 if quality is None else quality.measured),
        "method": np.array(plan.method),
        "engine": np.array(found.engine),
        "seconds": np.array(seconds),
        "perplexity": np.array(np.nan if plan.perplexity is None else plan.perplexity),
    }
    map_files.write(job, arrays)
    alike = f"The {len(z)} points have only {len(known[0])} different embeddings; equal ones share a place."
    if len(known[0]) == 1:
        alike = f"All {len(z)} points have the same embedding, so they share a place."
    return " ".join(filter(None, [told, plan.note, alike if 2 * len(known[0]) <= len(z) else ""]))


def _of_weights(run: Run, request: Mapping[str, Any], pen: Pen) -> Made:
    """The data that was asked for, through the run's best weights."""
    from siamese_core import protocols, trained

    data = protocols.data_for(run, request["data"], request["part"] or "test", Path(request["data_root"]), pen.progress)
    indices = _drawn(len(data), request)
    model = trained.load(run, "auto")
    items = data.items.select(indices).fitted(model.spec, pen.progress)
    z = model.embed(items, progress=pen.progress)
    facts = _facts(run, request["data"], data, indices) | _pictures(items) | {"embeddings": z}
    return model, z, facts, protocols.fitting_note(run, data)


def _of_snapshot(run: Run, request: Mapping[str, Any], pen: Pen) -> Made:
    """What the run's network made of the pictures that it watches, after one of its epochs."""
    from siamese_core import datasets, distances, evolution, snapshots

    config, manifest = run.config(), run.manifest()
    snapshot = evolution.at(run, request["epoch"])
    data = datasets.load(config.dataset, Path(request["data_root"]), progress=pen.progress)
    items = snapshot.items
    places = None if items is None else snapshots.places(data, manifest.get("split") or {}, items)
    if places is None or data.digest != manifest.get("data", {}).get("digest"):
        raise DataError(f"The data set {data.name} has changed since run {run.name} was trained, so that its "
                        "snapshots are of other pictures; put it back.")  # fmt: skip
    kept = _drawn(len(places), request)
    z = snapshot.embeddings[kept].astype(np.float32)
    pictures = data.items.select(places[kept]).fitted(run.spec(), pen.progress)
    facts = _facts(run, config.dataset, data, places[kept]) | _pictures(pictures)
    compares = distances.Unlearned(config.distance)
    told = "What the network's distance has learnt is not kept with an epoch; Manhattan distance stands for it."
    return (
        compares,
        z,
        facts | {"embeddings": z, "epoch": np.array(snapshot.epoch)},
        told if compares.name != config.distance else "",
    )


def _drawn(count: int, request: Mapping[str, Any]) -> np.ndarray:
    """Which of so many items are on the map: all, or as many as were asked for, by the seed."""
    if count <= request["max_points"]:
        return np.arange(count)
    return np.sort(np.random.default_rng(request["seed"]).permutation(count)[: request["max_points"]])


def _pictures(items: Any) -> dict[str, np.ndarray]:
    pixels = getattr(items, "pixels", None)
    return {} if pixels is None else {"pixels": map_files.thumbnails(pixels)}


def _facts(run: Any, asked: str | None, data: Any, indices: np.ndarray) -> dict[str, np.ndarray]:
    """What is known of each chosen item beforehand: its class, its group, its part of the run's split."""
    labels = data.labels[indices]
    manifest = run.manifest()
    own = asked is None or asked == run.config().dataset or data.name == manifest.get("data", {}).get("name")
    split = manifest.get("split") or {} if own else {}
    part = {name: code for code, p in enumerate(("train", "validation", "test")) for name in split.get(p, ())}
    of_class = np.array([part.get(name, 3) for name in data.class_names], dtype=np.int8)
    groups = data.class_groups if data.class_groups is not None else np.full(data.n_classes, -1)
    return {
        "labels": labels,
        "class_names": np.array(data.class_names, dtype=np.str_),
        "groups": groups[labels],
        "group_names": np.array(data.group_names if data.class_groups is not None else (), dtype=np.str_),
        "split": of_class[labels],
        "indices": indices,
    }


class _Frames:
    """Writes the growing map, now and then; `facts` are those of its points."""

    def __init__(self, job: Path, facts: dict[str, np.ndarray]) -> None:
        self._job, self._facts = job, facts
        self._next = 0.0

    def __call__(self, points: np.ndarray, iteration: int, iterations: int) -> None:
        """The map after an iteration; a full disk does not end the job."""
        now = time.monotonic()
        if now < self._next:
            return
        try:
            map_files.write_frame(self._job, points, self._facts, iteration, iterations)
        except OSError as e:
            print(f"frame not written: {e}", file=sys.stderr)
        took = time.monotonic() - now
        self._next = now + max(FRAME_EVERY, 10 * took)


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
