"""classify: queries named from a support set, or refused."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from siamese_core.cli import output
from siamese_core.cli.parser import add_device, add_run, command
from siamese_core.cli.using import read_picture
from siamese_core.errors import ConfigError, DataError

RULES = ("nearest", "prototype", "head", "auto")
MOST_QUERIES = 100_000


@dataclass(frozen=True)
class Query:
    """A picture's file, and its class where it lies in a class folder."""

    path: Path
    truth: str | None = None


def add(commands: Any) -> None:
    """Add the command to the parser."""
    about = "Name each query after the class of a support set that is nearest, or say that it is none of these."
    p = command(commands, "classify", about, classify)
    add_run(p)
    p.add_argument(
        "--support", metavar="DIR", type=Path, required=True,
        help="examples: DIR/<class>/<picture>, a zip of that, or a support set that was saved",
    )  # fmt: skip
    p.add_argument(
        "queries", metavar="QUERY", type=Path, nargs="+",
        help="pictures to classify, or folders of them; a folder of class folders gives accuracy and confusion as well",
    )  # fmt: skip
    p.add_argument(
        "--rule", choices=RULES, default="auto",
        help="a class is as far as its nearest picture, as their mean, or as a small head adapted to them says; "
        "auto: what names the support set's own pictures best when they are left out (default: auto)",
    )  # fmt: skip
    p.add_argument(
        "--reject", metavar="RATE", default="none",
        help="say 'none of these' so that about this share of foreign pictures is named all the same, as 0.1; "
        "none: name every query (default: none)",
    )  # fmt: skip
    p.add_argument(
        "--augment",
        action="store_true",
        help="mean embedding over slightly moved copies of each picture (8 times the work)",
    )
    p.add_argument("--top", type=int, default=5, metavar="K", help="classes told of each query (default: 5)")
    add_device(p)


def classify(args: argparse.Namespace) -> int:
    """Name the queries."""
    from siamese_core import confusion, one_shot, runs, support_files, trained
    from siamese_core.modalities import face
    from siamese_core.modalities.image import from_files

    rate = _rate(args.reject)
    if args.top < 1:
        raise ConfigError(f"The number of classes to tell is {args.top}, but must be at least 1.")
    given = support_files.load(args.support).check()
    queries = [q for path in args.queries for q in _queries(path)]
    sources = [read_picture(q.path) for q in queries]
    model = trained.load(runs.find(args.run, runs.runs_folder(args.runs)), args.device)
    support, asked = one_shot.support_of(given, model.spec), from_files(sources, model.spec)
    examples: Any = support.items
    output.warn(face.words(examples.faces, "examples") + face.words(asked.faces, "queries", "the query"))
    classifier = one_shot.prepare(model, support, args.rule, args.augment)
    rejection = None if rate is None else classifier.rejection(rate)
    if rate is not None and rejection is None:
        raise ConfigError(f"Run {model.name} is not calibrated, so it cannot say when a query is none of these; "
                          "calibrate it, or use --reject none.")  # fmt: skip
    answers = classifier.answer(asked, rate)
    files = [name for name, _ in given.pictures]
    rows = [_row(q, a, files, args.top) for q, a in zip(queries, answers, strict=True)]
    if twice := [str(q.path) for q, a in zip(queries, answers, strict=True) if a.same_as is not None]:
        output.warn([f"{path} is the same picture as an example of the support set: its answer proves nothing."
                     for path in twice[:5]])  # fmt: skip
        output.warn([f"{len(twice) - 5} more are the same as examples."] if twice[5:] else [])
    value: dict[str, Any] = {
        "queries": rows, "classes": support.class_names, "rule": classifier.rule, "asked_rule": args.rule,
        "reason": classifier.choice.reason or None, "leave_one_out": classifier.choice.accuracies or None,
        "reject": None if rejection is None else vars(rejection), "augment": args.augment, "run": model.name,
    }  # fmt: skip
    lines = [classifier.choice.reason] if classifier.choice.reason else []
    lines += [_line(q, a) for q, a in zip(queries, answers, strict=True)]
    if any(q.truth is not None for q in queries):
        told = confusion.confusion([a.label for a in answers], [a.why for a in answers], [q.truth for q in queries],
                                   support.class_names)  # fmt: skip
        value |= {
            "accuracy": told.accuracy, "interval": told.interval,
            "confusion": {"rows": told.rows, "columns": told.columns, "counts": told.counts},
        }  # fmt: skip
        lines.append(_confusion(told))
    output.result(value, args.json, "\n".join(lines))
    return 0


def _rate(text: str) -> float | None:
    """The false accept rate, or None. Raises ConfigError."""
    from siamese_core import open_set

    if text == "none":
        return None
    try:
        rate = float(text)
    except ValueError:
        raise ConfigError(f"--reject is '{text}', but must be a false accept rate as 0.1, or none.") from None
    open_set.check_rate(rate)
    return rate


def _queries(path: Path) -> list[Query]:
    """A picture; or those of a folder, each with its class where they lie in class folders. Raises DataError."""
    from siamese_core.datasets.folder import folder_sources, pictures_of

    if not path.is_dir():
        return [Query(path)]
    found = pictures_of(folder_sources(path, MOST_QUERIES))
    if not found:
        raise DataError(f"The folder {path} has no picture to classify.")
    return [Query(path / s.name, s.name.rpartition("/")[0].rpartition("/")[2] or None) for s in found]


def _row(query: Query, answer: Any, files: list[str], top: int) -> dict[str, Any]:
    distances = dict(zip(answer.classes, answer.distances, strict=True))
    likely = answer.probabilities
    return {
        "file": query.path,
        "label": answer.label,
        "why": answer.why,
        "scores": {name: -d for name, d in distances.items()},
        "distances": distances,
        "nearest": files[answer.nearest],
        "tied": answer.tied,
        "probability": None if likely is None else likely[0],
        "score": answer.score,
        "foreign_as_near": answer.foreign,
        "same_as": None if answer.same_as is None else files[answer.same_as],
        "truth": query.truth,
        "top": [
            {"class": answer.classes[i], "distance": answer.distances[i], "nearest": files[answer.examples[i]],
             "probability": None if likely is None else likely[i]}
            for i in range(min(top, len(answer.classes)))
        ],
    }  # fmt: skip


def _line(query: Query, answer: Any) -> str:
    first, second = answer.classes[0], answer.classes[1]
    d = answer.distances
    if answer.why == "none of these":
        return f"{query.path}: none of these; the nearest is {first} (distance {d[0]:.4g}), which is too far"
    if answer.why == "tie":
        if d[0] != d[1]:
            return (
                f"{query.path}: no answer, the very same picture is an example of two classes, so they are equally near"
            )
        return f"{query.path}: no answer, '{first}' and '{second}' are equally near ({d[0]:.4g})"
    return f"{query.path}: {first} (distance {d[0]:.4g}; next is {second}, {d[1]:.4g})"


def _confusion(told: Any) -> str:
    p = output.percent
    low, high = told.interval
    head = {"true": "true class"} | {str(i): name for i, name in enumerate(told.columns)}
    rows = [{"true": name} | {str(i): int(n) for i, n in enumerate(told.counts[r])} for r, name in enumerate(told.rows)]
    right = f"{told.right} of {told.total} right, {p(told.accuracy)} (95% interval {p(low)} to {p(high)})"
    return f"{right}; what was called what:\n{output.table(rows, head)}"
