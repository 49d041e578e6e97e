"""Trainings as processes of their own: started, followed, stopped and resumed; never waited for by a page."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from siamese_core import runs
from siamese_core.config import TrainConfig
from siamese_core.errors import RunError
from siamese_core.files import write_json
from siamese_core.runs import Run

# Threads that wait for each other by spinning cost a training more than half its speed beside other work.
CALM_THREADS = {"GOMP_SPINCOUNT": "1000"}
PACKAGE_PARENT = Path(__file__).resolve().parent.parent


def start(config: TrainConfig, folder: Path, data_root: Path | None = None, name: str | None = None) -> Run:
    """Create a run in the runs folder and start its worker. Raises ConfigError or RunError."""
    from siamese_core import beginnings

    beginnings.check(config)
    run = runs.create(config, folder, name)
    _spawn(run, data_root)
    return run


def resume(run: Run, data_root: Path | None = None) -> Run:
    """Go on with a run that was stopped, failed or killed. Raises RunError when it cannot be."""
    status = run.status()
    run.config()
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


def _spawn(run: Run, data_root: Path | None) -> None:
    command = [sys.executable, "-m", "siamese_core.worker", str(run.folder)]
    if data_root is not None:
        command += ["--data-root", str(Path(data_root).absolute())]
    path = os.pathsep.join(p for p in (str(PACKAGE_PARENT), os.environ.get("PYTHONPATH", "")) if p)
    with (run.folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=CALM_THREADS | os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
        )
    _reap_later(process)


def _reap_later(process: subprocess.Popen[bytes]) -> None:
    """So that a worker that ended leaves no zombie while the dashboard lives."""
    import threading

    threading.Thread(target=process.wait, daemon=True).start()
