"""map: a run's embeddings on a plane, as a table or a page."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from siamese_core.cli import output
from siamese_core.cli.parser import add_data_root, add_run, command

POLL = 0.2  # seconds between two looks at the job


def add(commands: Any) -> None:
    """Add the command to the parser."""
    p = command(commands, "map", "Draw a run's embeddings on a plane, as a table, a page or a picture.", draw)
    add_run(p)
    p.add_argument("--method", default="tsne", metavar="{tsne,umap,pacmap,pca}", help="how to flatten (default: tsne)")
    p.add_argument("--dims", type=int, default=2, metavar="{2,3}", help="on a plane or in space (default: 2)")
    p.add_argument("--data", metavar="DIR", help="a data set by name or path (default: the run's own test classes)")
    p.add_argument("--epoch", type=int, metavar="N",
                   help="the network after epoch N (0: before training), on the pictures that its run watched "
                        "(default: the best weights)")  # fmt: skip
    add_data_root(p)
    p.add_argument("--out", metavar="FILE.{csv,html,svg,png,npz,parquet,zip}", type=Path, required=True,
                   help="the file to write; zip: for TensorBoard's projector")  # fmt: skip
    p.add_argument("--columns", type=Path, metavar="FILE.csv",
                   help="columns of numbers of your own to colour by: a map's table with more columns")  # fmt: skip
    p.add_argument("--vectors", action=argparse.BooleanOptionalAction,
                   help="with the embeddings' own numbers (default: all but .csv have them)")  # fmt: skip
    p.add_argument("--perplexity", type=float, metavar="X", help="t-SNE's (default: 30, less for few points)")
    p.add_argument(
        "--learning-rate", type=float, metavar="X", help="how far points move at once (default: the method's)"
    )
    p.add_argument("--neighbours", type=int, metavar="N", help="of UMAP (default: 15) and PaCMAP (default: 10)")
    p.add_argument("--min-distance", type=float, metavar="X", help="UMAP's, between points (default: 0.1)")
    p.add_argument("--max-points", type=int, default=2000, metavar="N", help="a sample of so many (default: 2000)")
    p.add_argument("--seed", type=int, default=0, metavar="N", help="of the sample and of the method (default: 0)")
    p.add_argument("--engine", default="automatic", metavar="NAME",
                   help="what computes t-SNE: automatic, scikit-learn-intelex, scikit-learn or opentsne")  # fmt: skip


def draw(args: argparse.Namespace) -> int:
    """Make the map in a process of its own (or find it made) and write the file."""
    from siamese_core import map_columns, map_export, map_jobs, runs
    from siamese_core.errors import ConfigError

    map_export.check(args.out, args.vectors)
    if not 0 <= args.seed < 2**32:
        raise ConfigError(f"The seed is {args.seed}, but must be between 0 and {2**32 - 1}.")
    folder = runs.runs_folder(args.runs)
    run = runs.find(args.run, folder)
    data = args.data
    if data is not None and Path(data).expanduser().exists():
        data = str(Path(data).expanduser().absolute())
    root = None if args.data_root is None else Path(args.data_root).expanduser()
    job = map_jobs.start(
        run, data, args.method, args.perplexity, args.seed, args.max_points, dims=args.dims,
        learning_rate=args.learning_rate, neighbours=args.neighbours, min_distance=args.min_distance,
        engine=args.engine, epoch=args.epoch, folder=folder, data_root=root,
    )  # fmt: skip
    status = _wait(job)
    if status.state != "finished":
        output.say(status.reason or f"The map ended as '{status.state}'.")
        mistake = status.state == "failed" and not status.reason.startswith("Something unexpected")
        return 130 if status.state == "stopped" else 2 if mistake else 1
    found = map_jobs.result(job)
    if args.columns is not None:
        found |= map_columns.read(args.columns, found)
    if status.note:
        output.say(status.note)
    part = None if args.epoch is None else map_jobs.WATCHED
    title = map_export.title_of(run.name, data, part, str(found["method"]), args.epoch)
    kind = map_export.write(args.out, found, title, run.spec().polarity == "ink", args.vectors)
    points, classes = len(found["x"]), len(set(found["labels"].tolist()))
    value = {
        "out": args.out, "kind": kind, "points": points, "classes": classes,
        "method": found["method"], "dims": args.dims, "engine": found["engine"], "seconds": found["seconds"],
        "trustworthiness": found["trustworthiness"], "continuity": found["continuity"],
        "k": found["k"], "measured": found["measured"],
        "note": status.note, "run": run.name, "epoch": args.epoch, "job": job,
    }  # fmt: skip
    text = f"{args.out}: {output.count(points, 'point')} of {output.count(classes, 'class')}."
    if found["k"] > 0:
        text += f" Trustworthiness {found['trustworthiness']:.3f}, continuity {found['continuity']:.3f}."
    output.result(value, args.json, text)
    return 0


def _wait(job: Path) -> Any:
    """Follow the job; Ctrl-C asks it to stop and waits for that."""
    from siamese_core import map_jobs

    ticker = output.Ticker()
    try:
        while (status := map_jobs.status(job)).active:
            if status.measured:
                ticker(status.text, status.progress)
            else:
                ticker(f"{status.text}, {status.seconds:.0f} s", None)
            time.sleep(POLL)
    except KeyboardInterrupt:
        map_jobs.stop(job)
        raise
    finally:
        ticker.clear()
    return status
