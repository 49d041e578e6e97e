"""Maps as jobs: a map takes its time, so it is made in a process of its own and its result is kept.

A job is a folder RUNS/.maps/<digest of all it depends on>: request.json, status.json (replaced
atomically), `stop` (an empty file: please stop), worker.log, frame.npz while it grows, and the files of
`map_files` when it is done. The same request again finds the same folder, so a map is computed once.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from siamese_core import __version__, datasets, evolution, map_files, processes, projection, runs
from siamese_core.errors import ConfigError, RunError
from siamese_core.files import read_json, write_json
from siamese_core.runs import Run

FORMAT = 2
WATCHED = "watched"  # the part of a run's data that its snapshots are of
MAX_POINTS = 2000  # unless more are asked for
KEPT = 40  # maps; older ones are removed
START_GRACE = 60.0  # seconds until a new job's worker must have written its first status
HEAR_GRACE = 2.0  # seconds that a worker is given to hear a stop: scikit-learn looks up every 50 iterations only
POLL = 0.1  # seconds between two looks meanwhile
END_GRACE = 5.0  # seconds that a worker which cannot listen is given to end


@dataclass(frozen=True)
class MapStatus:
    """Where a map job is. `state` is one of queued, running, stalled, stopped, failed, finished;
    `text` what is being done; `progress` 0..1 of that, and whether it is told at all (`measured`); `seconds` since that
    began; `note` what was done otherwise than asked."""

    state: str
    text: str = ""
    progress: float = 0.0
    reason: str = ""
    note: str = ""
    measured: bool = True
    seconds: float = 0.0

    @property
    def active(self) -> bool:
        """True while it is worth waiting."""
        return self.state in ("queued", "running")


def start(
    run: Run,
    data: str | None = None,
    method: str = "tsne",
    perplexity: float | None = None,
    seed: int = 0,
    max_points: int = MAX_POINTS,
    *,
    dims: int = 2,
    learning_rate: float | None = None,
    neighbours: int | None = None,
    min_distance: float | None = None,
    engine: str = "automatic",
    part: str = "test",
    epoch: int | None = None,
    folder: Path | None = None,
    data_root: Path | None = None,
    begin: bool = True,
) -> Path:
    """The job's folder; starts it unless it is done or under way. Without `begin` nothing is started, and the
    folder is there only if somebody has started this job before.

    data: a registered name or a path; None: the run's own classes of that `part`. epoch: not the best weights but what
    the network made of the pictures that it watched after this epoch (0: before training); `data` and `part` have no
    say then. folder: the runs folder. Raises ConfigError for settings that cannot be, RunError when the run has no
    weights, or no snapshot of that epoch.
    """
    if not 1 <= max_points <= projection.MOST_POINTS:
        raise ConfigError(f"A map has 1 to {projection.MOST_POINTS:,} points, not {max_points:,}.")
    settings: dict[str, Any] = {
        "method": method, "perplexity": perplexity, "dims": dims, "learning_rate": learning_rate,
        "neighbours": neighbours, "min_distance": min_distance, "engine": engine,
    }  # fmt: skip
    projection.check(**settings)  # raises what is wrong before a process is started
    if epoch is not None and data is not None:
        raise ConfigError("Of an epoch only what the run watched is kept; leave out the data, or the epoch.")
    request: dict[str, Any] = {
        "format": FORMAT,
        "version": __version__,
        "run": str(run.folder.absolute()),
        "weights": run.weights_digest(),
        "data": data,
        "part": part if data is None else None,
        "content": _fingerprint(data) if data is not None else run.manifest().get("data", {}).get("digest"),
        "data_root": str(datasets.data_root(data_root).absolute()),
        **settings,
        "seed": seed,
        "max_points": max_points,
    }
    if epoch is not None:
        request |= {"epoch": epoch, "part": WATCHED, "weights": evolution.at(run, epoch).digest}
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:24]
    root = (folder or runs.runs_folder()) / ".maps"
    job = root / digest
    now = status(job)
    if not begin or now.active or now.state == "finished":
        return job
    try:
        job.mkdir(parents=True, exist_ok=True)
        (job / "stop").unlink(missing_ok=True)
        map_files.remove(job)
        write_json(job / "request.json", request)
        write_json(job / "status.json", {"state": "queued", "text": "Starting", "heartbeat": time.time()})
        _spawn(job)
    except OSError as e:
        raise RunError(f"The map cannot be written to {root}: {e.strerror or e}.") from None
    _prune(root, job)
    return job


def status(job: Path) -> MapStatus:
    """Where a job is now; a folder that is not there reads as stalled."""
    try:
        raw = read_json(job / "status.json")
    except (OSError, ValueError):
        raw = None
    raw = raw if isinstance(raw, dict) else {}
    alive = processes.alive(raw.get("pid"), raw.get("started"))
    state = classify(raw, time.time(), alive)
    if state == "finished" and not (job / map_files.POINTS).is_file():
        state = "stalled"
    reason = str(raw.get("reason", ""))
    if state == "stalled":
        reason = "Its process ended without a word (killed, or the machine was restarted); make the map again."
    began = float(raw.get("began") or raw.get("heartbeat") or time.time())
    return MapStatus(
        state, str(raw.get("text", "")), float(raw.get("progress", 0.0)), reason, str(raw.get("note", "")),
        bool(raw.get("hears", True)), max(time.time() - began, 0.0),
    )  # fmt: skip


def classify(raw: Mapping[str, Any], now: float, alive: bool) -> str:
    """A job's state from its last status, the time now (s) and whether its process lives; pure."""
    state = raw.get("state")
    if state in runs.TERMINAL:
        return str(state)
    if state not in ("queued", "running"):
        return "stalled"
    if alive:
        return str(state)
    fresh = raw.get("pid") is None and now - float(raw.get("heartbeat") or 0.0) <= START_GRACE
    return "queued" if fresh else "stalled"


def stop(job: Path) -> None:
    """End a job. It looks at every sign of progress; where it gives none for `HEAR_GRACE` seconds, or says that it
    cannot hear, its process is ended from here. Nothing happens when it is gone."""
    if not job.is_dir():
        return
    (job / "stop").touch()
    with suppress(OSError, ValueError, KeyError):
        until = time.monotonic() + HEAR_GRACE
        while (raw := read_json(job / "status.json"))["state"] == "running":
            if not processes.alive(raw["pid"], raw["started"]):
                return
            if raw.get("hears", True) and time.monotonic() < until:
                time.sleep(POLL)
                continue
            if not processes.end(raw["pid"], END_GRACE):
                return
            if read_json(job / "status.json").get("state") == "running":
                write_json(job / "status.json", raw | {"state": "stopped", "reason": "Stopped on request."})
            return


def frame(job: Path) -> dict[str, np.ndarray] | None:
    """The map as far as it has grown, where its engine can be watched: see `map_files.frame`."""
    return map_files.frame(job)


def result(job: Path) -> dict[str, np.ndarray]:
    """The finished map of M points, by name:

    x, y (and z in 3-D)   (M,) float64
    labels, class_names   (M,) into the names of the classes
    groups, group_names   (M,) into the names of the groups, -1 without; no names where the data has no groups
    split                 (M,) 0 training, 1 validation, 2 test classes of the run, 3 none of them
    indices               (M,) into the data
    embeddings            (M, D) float32, and pixels (M, C, H, W) uint8 as the network saw them (pictures only; smaller
                          where there are very many); both read only, from the file
    nearest, nearest_distance    (M,) each point's nearest other one in the original space, and the run's own distance
                          to it (see `nearest`); up to 30,000 points
    error                 (M,) float64 0..1 of each point, NaN where it was not measured
    trustworthiness, continuity, k, measured    of the map (see `projection_quality`); NaN for fewer than 4 points
    method, engine, seconds, perplexity         what made it, and how long that took; perplexity NaN but for t-SNE
    centre, axes          (D,) and (D, dims), for PCA only
    epoch                 after which epoch, for maps of a snapshot only; `indices` are then into the run's whole data

    Raises RunError when the job is not finished or its file is damaged.
    """
    if (now := status(job)).state != "finished":
        raise RunError(f"This map is not finished ({now.state}). {now.reason}".strip())
    try:
        return map_files.read(job)
    except map_files.UNREADABLE:
        shutil.rmtree(job, ignore_errors=True)
        raise RunError("The saved map was damaged and has been removed; make it again.") from None


def _fingerprint(data: str) -> str:
    """Changes when the files of a data set given by path change; a registered name stands for itself."""
    path = Path(data).expanduser()
    h = hashlib.sha256()
    found = sorted(path.rglob("*")) if path.is_dir() else [path] if path.is_file() else []
    for p in found:
        facts = p.stat()
        h.update(f"{p.relative_to(path)}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return h.hexdigest()[:16] if found else ""


def _spawn(job: Path) -> None:
    processes.spawn("siamese_core.map_worker", str(job), log=job / "worker.log")


def _prune(root: Path, keep: Path) -> None:
    """Remove the oldest maps that nobody is working on."""
    jobs = sorted((p for p in root.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in jobs[KEPT:]:
        if old != keep and not status(old).active:
            shutil.rmtree(old, ignore_errors=True)
