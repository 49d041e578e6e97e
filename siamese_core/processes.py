"""Work in processes of its own: started so that it outlives whoever asked for it, and known again later."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil

PACKAGE_PARENT = Path(__file__).resolve().parent.parent
WORKER_ENVIRONMENT = {
    # Threads that wait for each other by spinning cost a training more than half its speed beside other work.
    "GOMP_SPINCOUNT": "1000",
    # Memory of a batch that goes back to the system has to be asked for, and zeroed, at the next: keep it.
    "MALLOC_TRIM_THRESHOLD_": "8000000000",
    "MALLOC_MMAP_THRESHOLD_": "8000000000",
}


def spawn(module: str, *arguments: str, log: Path) -> None:
    """Start `python -m module arguments` in a session of its own; what it prints is added to `log`.

    Raises OSError when it cannot be started or the log cannot be written.
    """
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=environment(),
        )
    threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie


def environment() -> dict[str, str]:
    """What a process of our own is started with."""
    path = os.pathsep.join(p for p in (str(PACKAGE_PARENT), os.environ.get("PYTHONPATH", "")) if p)
    return WORKER_ENVIRONMENT | os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def alive(pid: int | None, started: float | None) -> bool:
    """True when a process with this id lives and began when the status says (ids are used again)."""
    if not pid:
        return False
    try:
        p = psutil.Process(pid)
        same = started is None or abs(p.create_time() - started) < 2.0
        return same and p.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def end(pid: int, grace: float) -> bool:
    """End a process of ours, by force if it has not ended after `grace` seconds; whether it is gone. Look with `alive`
    first whose it is."""
    try:
        p = psutil.Process(pid)
        p.terminate()
        try:
            p.wait(grace)
        except psutil.TimeoutExpired:
            p.kill()
            p.wait(grace)
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False
    return True
