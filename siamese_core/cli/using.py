"""compare, classify."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from siamese_core.cli import output
from siamese_core.cli.parser import add_device, add_run, command
from siamese_core.errors import DataError

RULES = ("nearest", "prototype")


def add(commands: Any) -> None:
    """Add the commands to the parser."""
    p = command(commands, "compare", "Compare two pictures: their distance and whether they are the same.", compare)
    add_run(p)
    p.add_argument("a", metavar="A", type=Path, help="a picture")
    p.add_argument("b", metavar="B", type=Path, help="another picture")
    add_device(p)
    p = command(commands, "classify", "Give each query the class of its nearest support picture.", classify)
    add_run(p)
    p.add_argument("--support", metavar="DIR", type=Path, required=True, help="examples: DIR/<class>/<picture>")
    p.add_argument("queries", metavar="QUERY", type=Path, nargs="+", help="pictures to classify")
    p.add_argument(
        "--rule", choices=RULES, default="nearest", help="a class is as far as its nearest picture, or as their mean"
    )
    add_device(p)


def compare(args: argparse.Namespace) -> int:
    """The distance of two pictures and the verdict."""
    from siamese_core import runs, trained, verifier
    from siamese_core.modalities import face
    from siamese_core.modalities.image import from_files

    sources = [read_picture(args.a), read_picture(args.b)]
    model = trained.load(runs.find(args.run, runs.runs_folder(args.runs)), args.device)
    items = [from_files([source], model.spec) for source in sources]
    found = verifier.compare(model, items[0], items[1])[0]
    strange = [None if (said := model.unlike(item)) is None else bool(said[0]) for item in items]
    sentence = f"Distance {found.distance:.4g}; this run has no threshold, so it is not said whether they are the same."
    if found.threshold is not None:
        verdict, side = ("Same", "at or below") if found.same else ("Different", "above")
        sentence = f"{verdict}: distance {found.distance:.4g} is {side} the threshold {found.threshold:.4g}."
    if found.decision is not None:
        sentence = _decided(found.decision, sentence)
    value = {
        "distance": found.distance,
        "threshold": found.threshold,
        "same": found.same,
        "probability": found.probability,
        "verdict": found.verdict,
        **_rates(found.decision),
        "unlike_training": strange,
        "run": model.name,
        "a": args.a,
        "b": args.b,
        "text": sentence,
    }
    for name, item in zip((args.a, args.b), items, strict=True):
        output.warn(face.words(item.faces, one=str(name)))
    for name, is_strange in zip((args.a, args.b), strange, strict=True):
        if is_strange:
            output.warn([f"{name} is unlike anything that this network was trained on: do not rely on the verdict."])
    output.result(value, args.json, sentence)
    return 0


def _decided(decision: Any, sentence: str) -> str:
    """The verdict in words, and the reason with its probability."""
    reason = sentence.split(": ", 1)[1]
    said = decision.verdict.capitalize()
    return f"{said}: the probability of same is {output.percent(decision.probability)}; {reason}"


def _rates(decision: Any) -> dict[str, Any]:
    """The error rates of the rule, with their 95% intervals; all None for a run that is not calibrated."""
    names = ("far", "far_interval", "frr", "frr_interval", "far_here", "frr_here")
    return {name: None if decision is None else getattr(decision, name) for name in names}


def classify(args: argparse.Namespace) -> int:
    """The nearest class of each query."""
    from siamese_core import one_shot, runs, trained
    from siamese_core.modalities import face
    from siamese_core.modalities.image import from_files

    files, labels, names = support_files(args.support)
    sources = [read_picture(path) for path in args.queries]
    model = trained.load(runs.find(args.run, runs.runs_folder(args.runs)), args.device)
    examples, asked = from_files([read_picture(p) for p in files], model.spec), from_files(sources, model.spec)
    output.warn(face.words(examples.faces, "examples") + face.words(asked.faces, "queries", "the query"))
    support = one_shot.Support(examples, labels, names)
    ranked = one_shot.classify(model, support, asked, args.rule)
    rows, lines = [], []
    for path, answer in zip(args.queries, ranked, strict=True):
        distances = dict(zip(answer.classes, answer.distances, strict=True))
        rows.append(
            {
                "file": path,
                "label": answer.label,
                "scores": {name: -d for name, d in distances.items()},
                "distances": distances,
                "nearest": files[answer.nearest],
                "tied": answer.tied,
            }
        )
        first, second = answer.classes[0], answer.classes[1]
        if answer.tied:
            lines.append(f"{path}: no answer, '{first}' and '{second}' are equally near ({answer.distances[0]:.4g})")
        else:
            lines.append(
                f"{path}: {first} (distance {answer.distances[0]:.4g}; next is {second}, {answer.distances[1]:.4g})"
            )
    value = {"queries": rows, "classes": names, "rule": args.rule, "run": model.name}
    output.result(value, args.json, "\n".join(lines))
    return 0


def read_picture(path: Path) -> tuple[str, bytes]:
    """(name, content) of a picture file; not more than a picture may have. Raises DataError."""
    from siamese_core.modalities.decoding import MAX_BYTES

    try:
        with path.open("rb") as f:
            return str(path), f.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise DataError(f"There is no file {path}; check its name.") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder; give a picture file.") from None
    except (OSError, ValueError) as e:
        raise DataError(f"{path} cannot be read: {getattr(e, 'strerror', None) or e}.") from None


def support_files(folder: Path) -> tuple[list[Path], Any, tuple[str, ...]]:
    """DIR/<class>/<picture> -> (files, labels (S,) int64, class names), both in order of name.

    Hidden files, and files that are no pictures by name and content, are passed over. Raises DataError
    when there is no class folder or one holds no picture.
    """
    import numpy as np

    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}; the support set is a folder of class folders.")
    classes = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        raise DataError(f"{folder} has no class folders; put each class's pictures into DIR/<class>/.")
    files: list[Path] = []
    labels: list[int] = []
    for label, place in enumerate(classes):
        found = [p for p in sorted(place.iterdir()) if p.is_file() and _is_picture(p)]
        if not found:
            raise DataError(f"The class folder {place} has no picture; add one, or remove the folder.")
        files += found
        labels += [label] * len(found)
    return files, np.array(labels, dtype=np.int64), tuple(p.name for p in classes)


def _is_picture(path: Path) -> bool:
    """By its ending, else by its first bytes."""
    from siamese_core.modalities.decoding import EXTENSIONS, opener

    if path.name.startswith("."):
        return False
    if path.suffix.lower() in EXTENSIONS:
        return True
    try:
        with path.open("rb") as f:
            return opener(f.read(16)) is not None
    except OSError:
        return False
