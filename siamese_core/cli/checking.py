"""check."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from siamese_core.cli import output
from siamese_core.cli.parser import add_data_root, add_device, add_run, command


def add(commands: Any) -> None:
    """Add the command to the parser."""
    about = "Look for leaks and shortcuts: whether a run's figures can be believed."
    p = command(commands, "check", about, check)
    add_run(p)
    p.add_argument(
        "--data", metavar="DIR",
        help="what the run is measured on, if not its own test classes: a data set by name, class folders, or a zip",
    )  # fmt: skip
    add_data_root(p)
    p.add_argument("--seed", type=int, default=0, metavar="N", help="of the pairs and samples (default: 0)")
    add_device(p)


def check(args: argparse.Namespace) -> int:
    """Every finding, the gravest first."""
    from siamese_core import findings, leaks, runs, trained
    from siamese_core.errors import ConfigError

    if args.seed < 0:
        raise ConfigError("The seed must be at least 0.")
    run = runs.find(args.run, runs.runs_folder(args.runs))
    model = trained.load(run, args.device)
    root = None if args.data_root is None else Path(args.data_root).expanduser()
    ticker = output.Ticker()
    try:
        sides = leaks.sides_of(run, args.data, root, ticker)
        found = leaks.checks(sides, model, args.seed, ticker)
    finally:
        ticker.clear()
    value = {
        "run": run.name,
        "weights": model.weights_digest,
        "data": args.data or "the run's own parts",
        "items": {name: len(part) for name, part in sides.parts.items()},
        "worst": findings.worst(found),
        "findings": [f.to_json() for f in found],
    }
    output.result(value, args.json, "\n".join(f"[{f.severity}] {f.sentence}" for f in found))
    return 0
