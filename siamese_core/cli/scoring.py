"""score: many pairs at once."""

from __future__ import annotations

import argparse
import contextlib
import io
from pathlib import Path
from typing import Any

from siamese_core.cli import output
from siamese_core.cli.parser import add_device, add_run, command
from siamese_core.errors import ConfigError, DataError

TOLD = 20  # broken rows that are told one by one


def add(commands: Any) -> None:
    """Add the command to the parser."""
    p = command(commands, "score", "Score many pairs of pictures: their distances and verdicts as a CSV.", score)
    add_run(p)
    p.add_argument(
        "--pairs", metavar="CSV", type=Path,
        help="a table with a header: image_a,image_b and, if known, label (1 the same, 0 different)",
    )  # fmt: skip
    p.add_argument("--images", metavar="DIR_OR_ZIP", type=Path, help="where the pictures are that the table names")
    p.add_argument(
        "--folders", metavar=("A", "B"), type=Path, nargs=2,
        help="instead of a table: two folders (or zips) whose pictures of equal names are pairs",
    )  # fmt: skip
    p.add_argument(
        "--label-one", choices=("same", "different"), default="same",
        help="what the label 1 means (default: same; in some published sets 1 is a forgery, hence different)",
    )  # fmt: skip
    p.add_argument("--out", metavar="FILE", type=Path, help="write the CSV there (default: standard output)")
    add_device(p)


def score(args: argparse.Namespace) -> int:
    """Score the pairs; the CSV, the figures and the rows that could not be used."""
    from siamese_core import runs, trained
    from siamese_core.pair_scoring import COLUMNS

    if (args.folders is None) == (args.pairs is None) or (args.pairs is None) != (args.images is None):
        raise ConfigError("Give either --pairs CSV with --images DIR_OR_ZIP, or --folders A B.")
    _check_out(args)
    ticker = output.Ticker()
    try:
        found = _scored(args, trained.load(runs.find(args.run, runs.runs_folder(args.runs)), args.device), ticker)
    finally:
        ticker.clear()
    broken = [{"row": b.row, "why": b.why} for b in found.broken]
    if not len(found):
        raise DataError(f"None of the {found.broken_count:,} rows can be scored; row {found.broken[0].row}: "
                        f"{found.broken[0].why}")  # fmt: skip
    sentence = _sentence(found)
    for b in broken[:TOLD]:
        output.say(f"row {b['row']}: {b['why']}")
    if found.broken_count > TOLD:
        output.say(f"{found.broken_count - TOLD:,} more rows could not be scored.")
    value = {
        "run": args.run, "threshold": found.threshold, "pairs": len(found), "pictures": found.pictures,
        "same": found.count("same"), "different": found.count("different"), "not_sure": found.count("not sure"),
        "alike": int(found.alike.sum()), "labelled": found.accuracy(), "broken": broken,
        "broken_count": found.broken_count, "out": args.out, "text": sentence,
    }  # fmt: skip
    text = _written(found, args.out, args.json)
    if args.out is None and args.json:
        value |= {"columns": COLUMNS, "rows": [list(row.values()) for row in found.table(range(len(found)))]}
    if not args.json and args.out is None:
        output.say(sentence)
    output.result(value, args.json, sentence if args.out is not None else text.rstrip("\n"))
    return 0


def _check_out(args: argparse.Namespace) -> None:
    """Before the work: whether the file can be written, and is none of those that are read. Raises DataError."""
    if args.out is None:
        return
    if args.out.is_dir() or not args.out.parent.is_dir():
        raise DataError(f"{args.out} cannot be written; give a file in a folder that is there.")
    for given in (args.pairs, args.images, *(args.folders or ())):
        if given is not None and given.exists() and args.out.exists() and args.out.samefile(given):
            raise DataError(f"--out would write over {args.out}, which is to be scored; give another name.")


def _scored(args: argparse.Namespace, model: Any, ticker: Any) -> Any:
    """The scores of what the options name."""
    from siamese_core import pair_scoring
    from siamese_core.datasets.picture_files import files_in
    from siamese_core.pair_csv import read_pairs
    from siamese_core.pair_tables import pair_folders

    with contextlib.ExitStack() as open_places:
        if args.folders is None:
            table = read_pairs(args.pairs, args.label_one)
            files = open_places.enter_context(files_in(args.images))
        else:
            table, files = pair_folders(*(open_places.enter_context(files_in(place)) for place in args.folders))
        return pair_scoring.score(model, table, files, ticker)


def _written(found: Any, out: Path | None, as_json: bool) -> str:
    """The CSV, into a file (then "" is returned) or as text. Raises DataError."""
    from siamese_core.pair_scoring import write_csv

    if out is None:
        text = io.StringIO()
        if not as_json:
            write_csv(found, text)
        return text.getvalue()
    try:
        with out.open("w", encoding="utf-8", newline="") as file:
            write_csv(found, file)
    except OSError as error:
        raise DataError(f"{out} cannot be written: {error.strerror or error}.") from None
    return ""


def _sentence(found: Any) -> str:
    """What came of it, in one or two sentences."""
    pairs = f"{output.count(len(found), 'pair')} of {output.count(found.pictures, 'picture')}"
    if found.threshold is None:
        said = f"Scored {pairs}; this run has no threshold, so it is not said which are the same."
    else:
        unsure = f", {found.count('not sure'):,} not sure" if found.count("not sure") else ""
        said = f"Scored {pairs}: {found.count('same'):,} same, {found.count('different'):,} different{unsure}."
    if figures := found.accuracy():
        low, high = figures["interval"]
        p = output.percent
        said += (
            f" {p(figures['accuracy'])} of {output.count(figures['pairs'], 'labelled pair')} are right "
            f"(95% interval {p(low)} to {p(high)}): {figures['missed']:,} of {figures['same']:,} same ones missed, "
            f"{figures['accepted']:,} of {figures['different']:,} different ones accepted."
        )
    if count := found.broken_count:
        said += f" {output.count(count, 'row')} could not be scored."
    return said
