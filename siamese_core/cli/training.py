"""train, folds, resume, stop, runs."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from siamese_core.cli import output
from siamese_core.cli.parser import add_data_root, add_run, add_settings, command, given_settings

if TYPE_CHECKING:
    from siamese_core.runs import Run

POLL = 0.2  # seconds between two looks at a run


def add(commands: Any) -> None:
    """Add the commands to the parser."""
    p = command(commands, "train", "Train a network on a data set, in a process of its own.", train)
    p.add_argument("dataset", metavar="DATASET", help="a registered name, a folder of class folders, or a zip of one")
    add_data_root(p)
    add_run(p, positional=False)
    p.add_argument("--name", metavar="NAME", help="the run's name (default: made from data set, loss and time)")
    p.add_argument("--preset", metavar="P", help="a named recipe; settings given here outrank it")
    p.add_argument(
        "--hold-out", metavar="GROUPS", default=None,
        help="groups or classes kept out of training and of everything fitted: names, comma-separated, or @FILE",
    )  # fmt: skip
    add_settings(p)
    p = command(
        commands, "folds", "Deal a set's groups or classes into folds, as files for train --hold-out @FILE.", folds
    )
    p.add_argument("dataset", metavar="DATASET", help="a registered name, a folder of class folders, or a zip of one")
    add_data_root(p)
    p.add_argument("--k", type=int, default=4, metavar="N", help="how many folds (default: 4)")
    p.add_argument("--seed", type=int, default=0, metavar="N", help="of the deal (default: 0)")
    p.add_argument("--out", type=Path, metavar="DIR", required=True, help="where fold1.txt, ... are written")
    p = command(commands, "resume", "Go on with a run that was stopped, failed or killed.", resume)
    add_run(p)
    add_data_root(p)
    add_run(command(commands, "stop", "Ask a run to save and stop; returns at once.", stop))
    add_run(command(commands, "runs", "List the runs, newest first.", list_runs), positional=False)


def train(args: argparse.Namespace) -> int:
    """Start a worker and follow it. The last line on stdout is the run's folder."""
    from siamese_core import datasets, jobs, presets, runs
    from siamese_core.datasets.splits import read_hold_out

    settings = given_settings(args)
    if args.hold_out is not None:
        settings["hold_out"] = read_hold_out(args.hold_out)
    name = args.dataset
    if name not in datasets.REGISTRY:
        path = Path(name).expanduser()
        if not path.exists():
            datasets.load(name)  # there is no such set: raises the sentence that lists the names
        name = str(path.absolute())
    config = presets.build(name, args.preset, **settings)
    run = jobs.start(config, runs.runs_folder(args.runs), _root(args), args.name)
    return _follow(run, args.json)


def folds(args: argparse.Namespace) -> int:
    """Write the folds, one file each."""
    from siamese_core import datasets
    from siamese_core import folds as dealt

    ticker = output.Ticker()
    try:
        data = datasets.load(args.dataset, _root(args), progress=ticker)
    finally:
        ticker.clear()
    found = dealt.split(data, args.k, args.seed)
    paths = dealt.write(found, args.out)
    value = {
        "data": data.name, "digest": data.digest, "k": args.k, "seed": args.seed,
        "folds": [{"file": p, "hold_out": names} for p, names in zip(paths, found, strict=True)],
    }  # fmt: skip
    output.result(value, args.json, "\n".join(f"{p}: {', '.join(n)}" for p, n in zip(paths, found, strict=True)))
    return 0


def resume(args: argparse.Namespace) -> int:
    """Go on with a run and follow it."""
    from siamese_core import jobs, runs

    run = runs.find(args.run, runs.runs_folder(args.runs))
    _, offset = run.events()
    jobs.resume(run, _root(args))
    return _follow(run, args.json, offset)


def stop(args: argparse.Namespace) -> int:
    """Ask, and return at once."""
    from siamese_core import jobs, runs

    run = runs.find(args.run, runs.runs_folder(args.runs))
    jobs.stop(run)
    text = f"Asked run {run.name} to stop; it saves and ends after the current batch."
    output.result({"run": run.folder, "name": run.name, "asked": True}, args.json, text)
    return 0


def list_runs(args: argparse.Namespace) -> int:
    """A table, or JSON."""
    from siamese_core import runs

    folder = runs.runs_folder(args.runs)
    rows = [_row(run) for run in runs.all_runs(folder)]
    columns = {
        "name": "run", "state": "state", "dataset": "data set", "loss": "loss", "epoch": "epoch", "auc": "AUC",
        "one_shot": "one-shot", "n_way": "ways", "created": "created",
    }  # fmt: skip
    text = output.table(rows, columns) if rows else f"There are no runs in {folder} yet; start one with `train`."
    output.result({"folder": folder, "runs": rows}, args.json, text)
    return 0


def _row(run: Run) -> dict[str, Any]:
    """One run's facts; an unreadable run is listed as such."""
    from siamese_core.errors import SiameseError

    row: dict[str, Any] = {"name": run.name, "folder": run.folder}
    try:
        manifest, status = run.manifest(), run.status()
    except SiameseError as e:
        return row | {"state": "unreadable", "reason": str(e)}
    found = (run.card() or {}).get("validation", {})
    settings = manifest["config"]
    return row | {
        "state": status.state,
        "reason": status.reason,
        "dataset": settings.get("dataset"),
        "loss": settings.get("loss"),
        "created": manifest.get("created"),
        "epoch": status.epoch or found.get("epoch"),
        "seconds": status.seconds,
        "auc": found.get("auc"),
        "one_shot": found.get("one_shot"),
        "n_way": found.get("n_way"),
        "threshold": (run.card() or {}).get("threshold"),
    }


def _root(args: argparse.Namespace) -> Path | None:
    return None if args.data_root is None else Path(args.data_root).expanduser()


def _follow(run: Run, as_json: bool, offset: int = 0) -> int:
    """Show a run's events until it ends; Ctrl-C asks it to stop, a second one leaves it alone."""
    output.tell(f"Run {run.name} in {run.folder}")
    show = _Shower(run, offset)
    interrupted = False
    while True:
        try:
            show.until_end()
            break
        except KeyboardInterrupt:
            if interrupted:
                output.tell(f"Left; the training goes on by itself. Stop it with `stop {run.name}`.")
                return 130
            interrupted = True
            run.request_stop()
            output.tell("Stopping after this batch and saving; Ctrl-C again to leave without waiting.")
    status = run.status()
    if status.state not in ("finished", "stopped"):
        output.say(status.reason or f"The training ended as '{status.state}'.")
        return 2 if status.state == "failed" and status.mistake else 1
    card = run.card() or {}
    value = {
        "run": run.folder,
        "name": run.name,
        "state": status.state,
        "threshold": card.get("threshold"),
        "validation": card.get("validation"),
    }
    output.result(value, as_json, str(run.folder))
    return 130 if interrupted else 0


class _Shower:
    """Prints a run's events as they come; can be interrupted and called again."""

    def __init__(self, run: Run, offset: int) -> None:
        self.run, self.offset = run, offset

    def until_end(self) -> None:
        """Returns when the run is no longer active and all of its events are told."""
        while True:
            active = self.run.status().active
            events, self.offset = self.run.events(self.offset)
            for event in events:
                if line := _line(event, self.run.config().all_classes):
                    output.tell(line)
            if not active:
                return
            time.sleep(POLL)


def _line(event: dict[str, Any], seen: bool = False) -> str:
    """One event for people; empty for those that are for curves only. seen: they are of classes that it learns from."""
    match event.get("event"):
        case "message":
            return str(event.get("text", ""))
        case "start":
            return (
                f"{event['train_items']:,} items of {event['train_classes']} classes to learn from, "
                f"{event['validation_classes'] or 'no'} classes to validate on; {event['parameters']:,} parameters "
                f"on {event['device'].upper()}"
            )
        case "resume":
            return f"Going on at step {event['step']}"
        case "epoch":
            loss, other = event.get("loss"), "on them as they are" if seen else "validation loss"
            return (
                f"epoch {event['epoch']}/{event['epochs']}  {event['seconds']:.0f} s"
                f"  loss {'-' if loss is None else f'{loss:.4f}'}  {other} {event['validation_loss']:.4f}"
                f"  pairs {output.percent(event['pair_accuracy'])}  AUC {event['auc']:.3f}"
                f"  {event['n_way']}-way 1-shot {output.percent(event['one_shot'])}"
                f"{'  best' if event.get('best') else ''}"
            )
    return ""
