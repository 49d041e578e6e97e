"""The training process: `python -m siamese_core.worker FOLDER [--data-root DIR]`.

Joins the loop (which knows no files) to the run folder (which knows no training). It is the only
writer of its folder. It waits for its turn on the device by itself, so a queued run starts even when
the dashboard is down, and it takes up where a checkpoint left off when there is one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import psutil

from siamese_core.errors import SiameseError
from siamese_core.files import DISK_FULL, read_json, write_json
from siamese_core.runs import FORMAT, Run

HEARTBEAT = 1.0  # seconds
LOCK_POLL = 0.5  # seconds
SMALLER = "start again with smaller batches, smaller pictures or a narrower network."
MEMORY_FULL = f"The machine ran out of memory; {SMALLER}"


class Stopped(Exception):
    """Somebody asked to stop before the first batch."""


class Folder:
    """The worker's pen: events and status of one run. Writing them can never end a training."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        me = psutil.Process()
        self.status: dict[str, Any] = {
            "format": FORMAT,
            "state": "queued",
            "reason": "",
            "pid": me.pid,
            "started": me.create_time(),
            "heartbeat": time.time(),
        }
        self.events = folder / "events.jsonl"
        self._drop_unfinished_line()
        for part in folder.glob(".*.part"):  # what a killed worker was writing
            part.unlink(missing_ok=True)
        self._closed = threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def emit(self, event: dict[str, Any]) -> None:
        """Append one event. A full disk is not a reason to lose a training."""
        line = json.dumps({"time": round(time.time(), 3)} | event, ensure_ascii=False) + "\n"
        try:
            with self.events.open("a", encoding="utf-8") as f:
                f.write(line)
        except OSError as e:
            print(f"event not written: {e}", file=sys.stderr)
        if event["event"] in ("step", "epoch"):
            self.update(**{k: event[k] for k in ("step", "epoch", "epochs", "seconds", "progress")}, write=False)

    def message(self, text: str) -> None:
        """One plain sentence for the log under the curves."""
        self.emit({"event": "message", "text": text})

    def update(self, write: bool = True, **changes: Any) -> None:
        """Change the status; written now, or with the next heartbeat."""
        with self.lock:
            self.status |= changes
        if write:
            self._write()

    def close(self, state: str, reason: str = "", mistake: bool = False) -> None:
        """The last words: a terminal state."""
        self._closed.set()
        self.emit({"event": "end", "state": state, "reason": reason})
        self.update(state=state, reason=reason, mistake=mistake)

    def should_stop(self) -> bool:
        """True once somebody asked."""
        return (self.folder / "stop").exists()

    def _beat(self) -> None:
        while not self._closed.wait(HEARTBEAT):
            self._write()

    def _write(self) -> None:
        with self.lock:
            self.status["heartbeat"] = time.time()
            try:
                write_json(self.folder / "status.json", self.status)
            except OSError as e:
                print(f"status not written: {e}", file=sys.stderr)

    def _drop_unfinished_line(self) -> None:
        if not self.events.exists():
            return
        with self.events.open("r+b") as f:
            data = f.read()
            f.truncate(data.rfind(b"\n") + 1)


def locks_folder() -> Path:
    """Where the devices' locks are: one folder for all runs folders of this user on this machine."""
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = Path(os.environ.get("SIAMESE_LOCKS") or Path(tempfile.gettempdir()) / f"siamese-lab-{user}")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def work(folder: Path, data_root: Path | None = None) -> str:
    """Train the run in `folder` to its end; returns the terminal state that was written."""
    pen = Folder(folder)
    pen.update()
    mistake = False  # of the user's, as against a bug or a machine that failed
    try:
        state, reason = _wait_and_train(pen, data_root), ""
    except Stopped:
        state, reason = "stopped", ""
    except SiameseError as e:
        state, reason, mistake = "failed", str(e), True
    except MemoryError:
        state, reason = "failed", MEMORY_FULL
    except Exception as e:
        traceback.print_exc()
        state, reason = "failed", _plain_reason(e)
    pen.close(state, reason, mistake)
    return state


def _plain_reason(error: Exception) -> str:
    kind, text = type(error).__name__, str(error).splitlines()[0] if str(error) else ""
    if kind == "OutOfMemoryError":
        return f"The GPU ran out of memory; {SMALLER}"
    if "can't allocate memory" in text or "not enough memory" in text:  # as PyTorch says it of the machine's own
        return MEMORY_FULL
    if isinstance(error, OSError) and error.errno == 28:
        return DISK_FULL
    if "CUDA" in text or "cuda" in text:
        return (
            f"The GPU failed during training ({text}); resume the run when it works again, or start again with the "
            "device CPU."
        )
    return f"Something unexpected went wrong ({kind}: {text}); the details are in worker.log in the run's folder."


def _wait_and_train(pen: Folder, data_root: Path | None) -> str:
    from filelock import FileLock, Timeout

    from siamese_core import device as devices

    run = Run(pen.folder)
    config = run.config()
    pen.message("Starting.")
    device = devices.choose(config.device)
    lock = FileLock(locks_folder() / f"{device}.lock")
    while True:
        try:
            lock.acquire(timeout=LOCK_POLL)
            break
        except Timeout:
            waiting = f"Another training is using the {device.upper()}; this one starts by itself when that one ends."
            if pen.status["reason"] != waiting:
                pen.message(waiting)
                pen.update(reason=waiting)
            if pen.should_stop():
                return "stopped"
    with lock:
        pen.update(state="running", reason="", device=device)
        return _train(pen, run, device, data_root)


def _train(pen: Folder, run: Run, device: str, data_root: Path | None) -> str:
    from siamese_core import beginnings, checkpoint
    from siamese_core.prepare import prepare
    from siamese_core.saver import Saver
    from siamese_core.training import Trainer

    manifest, config = run.manifest(), run.config()
    pen.message(f"Loading the data set {config.dataset}.")
    data = prepare(config, data_root, progress=_progress_to(pen), names=manifest.get("split"))
    pen.update(reason="")
    for note in data.notes:
        pen.message(note)
    _stop_if_asked(pen)
    _fill_in(run, manifest, data)
    begin = beginnings.encoder_weights(config)
    if begin is not None:
        pen.message(f"Beginning with the weights of the {config.start_from}.")
    trainer = Trainer(config, data.spec, data.train, data.validation, device, begin)
    saved = checkpoint.load_state(run.folder)
    parameters = sum(p.numel() for p in trainer.encoder.parameters())
    if saved is not None:
        _restore(trainer, saved, run)
        pen.emit({"event": "resume", "step": trainer.step, "epoch": trainer.epoch, "seconds": trainer.seconds})
    else:
        pen.emit(
            {
                "event": "start",
                "parameters": parameters,
                "device": device,
                "steps_per_epoch": trainer.steps_per_epoch,
                "epochs": config.epochs,
                "train_items": len(data.train),
                "train_classes": data.train.n_classes,
                "validation_classes": 0 if config.all_classes else data.validation.n_classes,
                "test_classes": data.test.n_classes,
            }
        )
    saver = Saver(pen.folder, pen.message, trainer, data, {"device": device, "parameters": parameters})
    if trainer.step == 0:
        saver.beginning()
    outcome = trainer.run(pen.emit, pen.should_stop, saver.epoch)
    saver.state()
    if saver.problem:
        raise SiameseError(saver.problem)
    _calibrate(pen, run, device, data)
    _refer(pen, run, device, data)
    return outcome


def _refer(pen: Folder, run: Run, device: str, data: Any) -> None:
    """What training inputs look like. A run without it cannot tell when an input is unlike them."""
    import numpy

    from siamese_core import reference

    if not run.has_weights():
        return
    try:
        seen = run.config().all_classes  # then nothing tells what is usual of items it has not learnt from
        other = data.validation.items.select(numpy.arange(0)) if seen else data.validation.items
        reference.make(run, data.train.items, other, device)
    except (SiameseError, OSError) as e:
        pen.message(f"What the training pictures look like could not be written down: {e}")


def _calibrate(pen: Folder, run: Run, device: str, data: Any) -> None:
    """A threshold with probabilities and error rates, by the best weights. A run without one can be used as well."""
    from siamese_core import calibrate

    if not run.has_weights():
        return
    if run.config().all_classes:
        pen.message("It learnt from all classes, so that none is left to calibrate on; `calibrate --folds` makes a "
                    "threshold from networks of folds.")  # fmt: skip
        return
    try:
        found = calibrate.on_validation(run, data.validation, device)
    except SiameseError as e:
        pen.message(f"The run has a threshold but no probabilities: {e}")
    except OSError as e:
        pen.message(f"The calibration could not be written ({e.strerror or e}); `calibrate` makes it again.")
    else:
        pen.message(f"Calibrated on {found.source} ({found.intervals_are_over}).")


def _restore(trainer: Any, saved: Any, run: Run) -> None:
    from siamese_core.errors import RunError

    try:
        trainer.restore(*saved)
    except (KeyError, RuntimeError, ValueError, TypeError, IndexError):
        raise RunError(
            f"The checkpoint of run {run.name} belongs to another network or version and cannot be resumed; "
            "use Repeat to train it again."
        ) from None


def _fill_in(run: Run, manifest: dict[str, Any], data: Any) -> None:
    """What only the data can tell, into config.json, at the first start; checked at later ones."""
    import platform

    import numpy
    import torch

    from siamese_core import __version__, beginnings
    from siamese_core.errors import DataError

    if "data" in manifest:
        if manifest["data"]["digest"] != data.about["digest"]:
            raise DataError(
                f"The data set {data.about['name']} is not the one this run began with (its content differs); "
                "put the old one back, or start a new run."
            )
        return
    manifest["input"] = data.spec.to_json()
    manifest["data"] = data.about
    manifest["split"] = data.names
    manifest["versions"] = {
        "siamese_core": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
    }
    own = data.train.labels < len(data.names["train"])  # invented extra classes are nobody's data
    digests = set(data.train.items.select(numpy.flatnonzero(own)).digests()) | beginnings.seen_before(run.config())
    (run.folder / "train_digests.txt").write_text("\n".join(sorted(digests)) + "\n")
    write_json(run.folder / "config.json", manifest)


def _progress_to(pen: Folder) -> Any:
    last = [0.0]

    def show(text: str, share: float) -> None:
        _stop_if_asked(pen)
        if time.monotonic() - last[0] > 1.0:
            last[0] = time.monotonic()
            pen.update(reason=f"{text} ({share:.0%})", write=False)

    return show


def _stop_if_asked(pen: Folder) -> None:
    if pen.should_stop():
        raise Stopped


def main(argv: list[str] | None = None) -> int:
    """Entry point of the process; 0 when the run finished or was stopped."""
    parser = argparse.ArgumentParser(prog="python -m siamese_core.worker", description="Train the run in a folder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data-root", type=Path, default=None)
    args = parser.parse_args(argv)
    try:
        read_json(args.folder / "config.json")
    except (OSError, ValueError):
        print(f"{args.folder} is not a run: it has no readable config.json.", file=sys.stderr)
        return 2
    from filelock import FileLock, Timeout

    try:
        with FileLock(args.folder / ".worker.lock", timeout=5):  # one writer a folder, whatever happens
            return 0 if work(args.folder, args.data_root) in ("finished", "stopped") else 1
    except Timeout:
        print("Another worker is at this run.", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
