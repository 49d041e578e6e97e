"""health: what a run's embeddings look like as a whole."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from siamese_core.cli import output
from siamese_core.cli.parser import add_data_root, add_device, add_run, command


def add(commands: Any) -> None:
    """Add the command to the parser."""
    about = "Measure the health of a run's space: directions, evenness, classes apart, hubs, collapse."
    p = command(commands, "health", about, health)
    add_run(p)
    p.add_argument("--data", metavar="DIR", help="a data set by name or path (default: the run's own test classes)")
    add_data_root(p)
    p.add_argument("--seed", type=int, default=0, metavar="N", help="of the sample of large sets (default: 0)")
    add_device(p)


def health(args: argparse.Namespace) -> int:
    """Every figure, beside plain pixels, with what it means."""
    from siamese_core import health as healths
    from siamese_core import protocols, runs, trained
    from siamese_core.errors import ConfigError

    if args.seed < 0:
        raise ConfigError("The seed must be at least 0.")
    run = runs.find(args.run, runs.runs_folder(args.runs))
    model = trained.load(run, args.device)
    root = None if args.data_root is None else Path(args.data_root).expanduser()
    ticker = output.Ticker()
    try:
        data = protocols.data_for(run, args.data, "test", root, ticker)
        found = healths.of_run(run, model, data, args.seed, ticker)
    finally:
        ticker.clear()
    output.warn(list(found.warnings))
    value = {"run": run.name, "weights": model.weights_digest, "data": args.data or "its test classes"}
    output.result(value | found.to_json(), args.json, _text(found))
    return 0


def _text(found: Any) -> str:
    h = found.network
    head = f"{output.count(h.items, 'picture')} of {output.count(h.classes, 'class')}, {h.dims} numbers each."
    lines = [" ".join([head, *found.notes])]
    for r in found.readings:
        beside = f" (plain pixels: {r.pixels})" if r.pixels else ""
        lines.append(f"[{r.severity}] {r.title}: {r.value}{beside}. {r.means} {r.do}".rstrip())
    pairs = [p for p in found.to_json()["confused"] if p["items"]][:3]
    if pairs:
        lines.append(
            "Most confused: " + "; ".join(f"{p['class']} and {p['other']} ({p['items']})" for p in pairs) + "."
        )
    return "\n".join(lines)
