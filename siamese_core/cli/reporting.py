"""report: an evaluation as one printable page."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from siamese_core.cli import output
from siamese_core.cli.parser import add_data_root, add_device, add_run, command


def add(commands: Any) -> None:
    """Add the command to the parser."""
    p = command(commands, "report", "Measure a run from all sides and write one printable page.", report)
    add_run(p)
    p.add_argument("--data", metavar="DIR", help="a data set by name or path (default: the run's own test classes)")
    add_data_root(p)
    p.add_argument("--out", metavar="FILE.html", type=Path, required=True, help="the file to write")
    p.add_argument("--max-pairs", type=int, default=20_000, metavar="P", help="pairs of each kind (default: 20000)")
    p.add_argument("--seed", type=int, default=0, metavar="N", help="of the random pairs and tasks (default: 0)")
    add_device(p)


def report(args: argparse.Namespace) -> int:
    """Measure and write."""
    from siamese_core import evaluation, protocols, runs, trained
    from siamese_core import report as reports
    from siamese_core.errors import ConfigError

    reports.check(args.out)
    if args.seed < 0 or args.max_pairs < 1:
        raise ConfigError("The seed must be at least 0 and the number of pairs at least 1.")
    run = runs.find(args.run, runs.runs_folder(args.runs))
    model = trained.load(run, args.device)
    root = None if args.data_root is None else Path(args.data_root).expanduser()
    ticker = output.Ticker()
    try:
        data = protocols.data_for(run, args.data, "test", root, ticker)
        overlap = protocols.overlap_warnings(run, data.items, data.class_names)
        found = evaluation.measure(model, data, run=run.name, seed=args.seed, max_pairs=args.max_pairs, progress=ticker)
    finally:
        ticker.clear()
    found = replace(found, warnings=(*found.warnings, *overlap))
    about = reports.about(run, model.weights_digest, args.data, data.name, overlap)
    pictures = getattr(data.items, "natural", None)
    told = reports.calibration_words(model.calibration)
    made_at = time.strftime("%Y-%m-%d %H:%M %z")
    reports.write(args.out, reports.html(found, about, pictures, calibration=told, made_at=made_at))
    output.warn(list(found.warnings))
    value = evaluation.summary(found) | {"out": args.out, "weights": model.weights_digest}
    output.result(value, args.json, f"{args.out}: {reports.verdict(found)}")
    return 0
