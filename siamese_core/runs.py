"""A run is a folder (the first contract of docs/architecture.md); this file reads it and never trains.

    config.json  events.jsonl  status.json  stop  last.safetensors  best.safetensors
    optimiser.safetensors  optimiser.json  reference.safetensors  card.json  snapshots/  train_digests.txt

Everything here survives a folder that is half there: what is missing reads as missing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from siamese_core import processes, records
from siamese_core.config import TrainConfig
from siamese_core.errors import ConfigError, RunError
from siamese_core.files import read_json, sha16, write_json
from siamese_core.modalities.decoding import plain_name
from siamese_core.types import InputSpec

FORMAT = 1
TERMINAL = ("stopped", "failed", "finished")
START_GRACE = 30.0  # seconds that a new run may take until its worker writes a status of its own
STALE = 120.0  # seconds without a heartbeat after which a living worker counts as stalled
STARTER = Path(__file__).parent / "starter"


@dataclass(frozen=True)
class Status:
    """Where a run is. `state` is one of queued, running, stalled, stopped, failed, finished."""

    state: str
    reason: str = ""
    heartbeat: float = 0.0
    pid: int | None = None
    device: str = ""
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    seconds: float = 0.0
    mistake: bool = False  # a failure that the user can mend

    @property
    def active(self) -> bool:
        """True while a worker is at it or will be."""
        return self.state in ("queued", "running")

    @property
    def can_resume(self) -> bool:
        """True when training can be taken up again."""
        return self.state in ("stopped", "failed", "stalled")


@dataclass
class History:
    """The curves of a run: what its events say once resumed stretches replace what they repeat."""

    start: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def add(self, events: list[dict[str, Any]]) -> History:
        """Take in further events, in order; returns itself. Steps without a number are passed over."""
        for e in events:
            at = e.get("step")
            match e.get("event"):
                case "start":
                    self.start = e
                case "message":
                    self.messages.append(str(e.get("text", "")))
                case _ if not isinstance(at, int):
                    pass
                case "resume":
                    self.steps = [s for s in self.steps if s["step"] <= at]
                    self.epochs = [s for s in self.epochs if s["step"] <= at]
                case "step":
                    self.steps.append(e)
                case "epoch":
                    self.epochs.append(e)
        return self


def classify(status: Mapping[str, Any] | None, now: float, alive: bool) -> str:
    """What state a run is in: its last status, the time now (s) and whether its process lives.

    Terminal states outrank everything; a worker that died, or gave no sign for two minutes, is
    stalled; a queued run whose worker has not yet started is given half a minute.
    """
    state = (status or {}).get("state")
    if state in TERMINAL:
        return str(state)
    if state not in ("queued", "running"):
        return "stalled"
    age = now - float((status or {}).get("heartbeat") or 0.0)
    if alive:
        return "stalled" if age > STALE else str(state)
    if (status or {}).get("pid") is None and age <= START_GRACE:
        return "queued"
    return "stalled"


@dataclass(frozen=True)
class Run:
    """One run's folder; reads afresh at every call, raises RunError with one clear sentence."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def is_starter(self) -> bool:
        """Whether it is the model that comes with the program, whose files stay as they are."""
        return self.folder.resolve() == STARTER.resolve()

    def manifest(self) -> dict[str, Any]:
        """config.json, whole. Raises RunError when it is missing, broken or of another version."""
        try:
            value = read_json(self.folder / "config.json")
        except FileNotFoundError:
            raise RunError(f"{self.folder} is not a run: it has no config.json.") from None
        except (OSError, ValueError) as e:
            raise RunError(f"The config.json of run {self.name} cannot be read ({e}); delete the run.") from None
        if not records.manifest(value):
            raise RunError(f"The config.json of run {self.name} is not a run's; delete the run.")
        if value.get("format") != FORMAT:
            other = plain_name(str(value.get("format")))
            raise RunError(
                f"Run {self.name} has format {other}, but this version of Siamese Lab reads format {FORMAT}; "
                "open it with the version that made it."
            )
        return value

    def config(self) -> TrainConfig:
        """Its settings. Raises RunError."""
        try:
            return TrainConfig.from_dict(self.manifest()["config"]).check()
        except ConfigError as e:
            raise RunError(f"The settings of run {self.name} cannot be used: {e}") from None

    def spec(self) -> InputSpec:
        """What its network reads. Raises RunError when the run has not got that far."""
        value = self.manifest().get("input")
        if value is None:
            raise RunError(f"Run {self.name} has not loaded its data yet; wait for its first epoch.")
        try:
            return InputSpec.from_json(value)
        except ConfigError as e:
            raise RunError(f"The config.json of run {self.name} cannot be used: {e}") from None

    def raw_status(self) -> dict[str, Any] | None:
        """What in status.json can be used, or None."""
        try:
            return records.status(read_json(self.folder / "status.json")) or None
        except (OSError, ValueError):
            return None

    def status(self) -> Status:
        """Where the run is now. A run that was copied here without a status but with weights is finished."""
        raw = self.raw_status()
        if raw is None and self.has_weights():
            return Status("finished")
        raw = raw or {}
        alive = processes.alive(raw.get("pid"), raw.get("started"))
        state = classify(raw, time.time(), alive)
        reason = str(raw.get("reason") or "")
        if state == "stalled":
            reason = "Its process ended without a word (killed, or the machine was restarted); it can be resumed."
        names = ("heartbeat", "pid", "device", "epoch", "epochs", "step", "seconds", "mistake")
        known = {k: raw[k] for k in names if k in raw}
        return Status(state, reason, **known)

    def events(self, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Events from a byte offset on, and the offset for the next call; an unfinished last line waits."""
        try:
            with (self.folder / "events.jsonl").open("rb") as f:
                f.seek(offset)
                data = f.read()
        except OSError:
            return [], offset
        end = data.rfind(b"\n") + 1
        found = []
        for line in data[:end].splitlines():
            try:
                if records.event(value := json.loads(line)):
                    found.append(value)
            except (ValueError, RecursionError):
                continue
        return found, offset + end

    def history(self) -> History:
        """All curves so far."""
        return History().add(self.events()[0])

    def card(self) -> dict[str, Any] | None:
        """card.json, or None while there is none."""
        try:
            value = read_json(self.folder / "card.json")
        except (OSError, ValueError):
            return None
        return value if records.card(value) else None

    def weights(self, which: str = "best") -> Path:
        """Path of its weights ('best' or 'last'). Raises RunError when there are none."""
        path = self.folder / f"{which}.safetensors"
        if not path.is_file():
            raise RunError(f"Run {self.name} has no trained weights yet; train it for at least one epoch.")
        return path

    def has_weights(self) -> bool:
        """True when it can be used."""
        return (self.folder / "best.safetensors").is_file()

    def weights_digest(self) -> str:
        """16 hexadecimal digits of the best weights' file."""
        return sha16(self.weights())

    def request_stop(self) -> None:
        """Ask the worker to stop; it looks between batches."""
        (self.folder / "stop").touch()

    def delete(self) -> None:
        """Remove the folder for good. Raises RunError while it is training, or for the starter."""
        if self.is_starter:
            raise RunError("The starter model comes with Siamese Lab and cannot be deleted.")
        if self.status().active:
            raise RunError(f"Run {self.name} is training; stop it first, then delete it.")
        if not (self.folder / "status.json").is_file():
            self.manifest()  # never delete a folder that is not a run
        try:
            shutil.rmtree(self.folder)
        except OSError as e:
            raise RunError(f"Run {self.name} cannot be deleted: {e.strerror or e}.") from None


def runs_folder(explicit: str | Path | None = None) -> Path:
    """Where runs are kept: the argument, else SIAMESE_RUNS, else runs/ where the program was started."""
    return Path(explicit or os.environ.get("SIAMESE_RUNS") or "runs").expanduser().absolute()


def all_runs(folder: Path) -> list[Run]:
    """The runs in a folder, newest first; folders that are no runs are passed over."""
    if not folder.is_dir():
        return []
    found = [p for p in folder.iterdir() if not p.name.startswith(".") and (p / "config.json").is_file()]
    return [Run(p) for p in sorted(found, key=_created, reverse=True)]


def _created(folder: Path) -> tuple[float, str]:
    try:
        return float(read_json(folder / "config.json").get("created_at", 0.0)), folder.name
    except (OSError, ValueError, AttributeError, TypeError):
        return 0.0, folder.name


def find(text: str | Path, folder: Path | None = None) -> Run:
    """A run by its folder, its name in the runs folder, or 'starter'. Raises RunError when there is none."""
    runs = folder or runs_folder()
    if str(text) == "starter":
        if not (STARTER / "config.json").is_file():
            raise RunError("The starter model is missing from this copy; make it with `make starter`.")
        return Run(STARTER)
    for path in (runs / str(text), Path(text).expanduser()):
        if (path / "config.json").is_file():
            return Run(path.absolute())
    names = [r.name for r in all_runs(runs)]
    here = f"there are: {', '.join(names[:8])}" if names else f"there are none in {runs} yet"
    raise RunError(f"There is no run '{text}'; {here}, and 'starter'.")


def check_name(name: str) -> None:
    """Raises RunError when a run cannot be called this."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", name):
        raise RunError(f"'{name}' cannot be a run's name; use letters, digits, '.', '_' and '-'.")
    if name == "starter":
        raise RunError("The name 'starter' is taken by the model that comes with Siamese Lab; choose another.")


def create(config: TrainConfig, folder: Path, name: str | None = None) -> Run:
    """A new run's folder with config.json and a queued status. Raises ConfigError or RunError."""
    config.check()
    if name is not None:
        check_name(name)
    stem = name or f"{_short(config.dataset)}-{config.loss}-{time.strftime('%Y%m%d-%H%M%S')}"
    now = time.time()
    manifest = {
        "format": FORMAT,
        "name": stem,
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "created_at": now,
        "config": config.to_dict(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(1000):
            path = folder / (stem if i == 0 else f"{stem}-{i + 1}")
            try:
                path.mkdir()
                break
            except FileExistsError:
                if name is not None:
                    raise RunError(f"There is already a run called '{name}'; choose another name.") from None
        write_json(path / "status.json", {"format": FORMAT, "state": "queued", "heartbeat": now, "pid": None})
        write_json(path / "config.json", manifest | {"name": path.name})
    except OSError as e:
        raise RunError(f"The run cannot be written to {folder}: {e.strerror or e}.") from None
    return Run(path)


def _short(dataset: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", Path(dataset).stem if "/" in dataset else dataset).strip("-.")[:40] or "run"
