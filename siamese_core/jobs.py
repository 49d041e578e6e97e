"""Trainings as processes of their own: started, followed, stopped and resumed; never waited for by a page."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from siamese_core import beginnings, processes, runs
from siamese_core.config import TrainConfig
from siamese_core.errors import RunError
from siamese_core.files import write_json
from siamese_core.modalities import face
from siamese_core.runs import Run


def start(config: TrainConfig, folder: Path, data_root: Path | None = None, name: str | None = None) -> Run:
    """Create a run in the runs folder and start its worker. Raises ConfigError or RunError."""
    beginnings.check(config)
    _can_look(config)
    run = runs.create(config, folder, name)
    _spawn(run, data_root)
    return run


def resume(run: Run, data_root: Path | None = None) -> Run:
    """Go on with a run that was stopped, failed or killed. Raises RunError or ConfigError when it cannot be."""
    status = run.status()
    _can_look(run.config())
    if run.folder.resolve() == runs.STARTER.resolve():
        raise RunError("The starter model comes with Siamese Lab and is not trained on; start a run of your own.")
    if status.active:
        raise RunError(f"Run {run.name} is {status.state} already.")
    if status.state == "finished":
        raise RunError(f"Run {run.name} is finished; use Repeat to train again with more epochs.")
    try:
        (run.folder / "stop").unlink(missing_ok=True)
        write_json(
            run.folder / "status.json",
            {"format": runs.FORMAT, "state": "queued", "heartbeat": time.time(), "pid": None},
        )
    except OSError as e:
        raise RunError(f"The run {run.name} cannot be written to: {e.strerror or e}.") from None
    _spawn(run, data_root)
    return run


def stop(run: Run) -> None:
    """Ask a run to stop after the current batch, saving first. Raises RunError when it is not active."""
    status = run.status()
    if not status.active:
        raise RunError(f"Run {run.name} is not training (it is {status.state}).")
    run.request_stop()


def follow(
    run: Run, on_events: Callable[[list[dict[str, Any]]], None], poll: float = 0.2, offset: int = 0
) -> runs.Status:
    """Hand over events as they come until the run is no longer active; its status then."""
    while True:
        status = run.status()
        events, offset = run.events(offset)
        if events:
            on_events(events)
        if not status.active:
            events, offset = run.events(offset)
            if events:
                on_events(events)
            return status
        time.sleep(poll)


def _can_look(config: TrainConfig) -> None:
    """Raises ConfigError when the pictures cannot be cropped as the settings say, before a process finds out."""
    if config.crop == "face":
        face.require()


def _spawn(run: Run, data_root: Path | None) -> None:
    where = [] if data_root is None else ["--data-root", str(Path(data_root).absolute())]
    try:
        processes.spawn("siamese_core.worker", str(run.folder), *where, log=run.folder / "worker.log")
    except OSError as e:
        raise RunError(f"The training process of run {run.name} could not be started: {e.strerror or e}.") from None
