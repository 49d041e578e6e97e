"""compare."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from siamese_core.cli import output
from siamese_core.cli.parser import add_device, add_run, command
from siamese_core.errors import DataError


def add(commands: Any) -> None:
    """Add the commands to the parser."""
    p = command(commands, "compare", "Compare two pictures: their distance and whether they are the same.", compare)
    add_run(p)
    p.add_argument("a", metavar="A", type=Path, help="a picture")
    p.add_argument("b", metavar="B", type=Path, help="another picture")
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
