"""Can the figures of a run be believed? What its training part shares with what it is measured on, what it could have
got by looking elsewhere, and whether it looks at all. Every answer is a `Finding`, told in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from siamese_core import collapse, copy_leaks, near_copies, protocols, shortcuts, side_leaks
from siamese_core.errors import DataError, RunError
from siamese_core.findings import PART_WORDS, SEVERITIES, Finding
from siamese_core.modalities.image import ImageItems
from siamese_core.runs import Run
from siamese_core.types import Embedder, InputSpec, LabelledSet

MOST_TRAINING = 10_000  # pictures of a part that are compared
MOST_MEASURED = 4_000

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Sides:
    """What is checked.

    parts    "train", "validation" and "test", or "given" in the place of the last
    spec     what the network reads; pictures of parts of different kinds are compared as the network sees them
    names    the class names of every part, of those too whose pictures are not at hand
    seen     digests of training pictures as the network sees them; used when "train" is not at hand
    missing  why the run's own pictures are not at hand, in one sentence, or ""
    """

    parts: Mapping[str, LabelledSet]
    spec: InputSpec
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()
    missing: str = ""

    def all_names(self) -> dict[str, tuple[str, ...]]:
        """The class names of every part."""
        return dict(self.names) | {name: part.class_names for name, part in self.parts.items()}

    def alike(self) -> dict[str, LabelledSet]:
        """The parts with pictures that can be compared: as they are where all are of one kind, else as the network
        sees them."""
        one_kind = len({part.items.spec for part in self.parts.values()}) == 1 and "train" in self.parts
        return {name: part if one_kind else part.with_items(part.items.fitted(self.spec))
                for name, part in self.parts.items()}  # fmt: skip


def sides_of(
    run: Run, data: str | None = None, data_root: Path | None = None, progress: Progress | None = None
) -> Sides:  # fmt: skip
    """A run's own three parts, or its training and validation parts and other data by name or path.

    Raises DataError or RunError when what is to be measured cannot be loaded; that the run's own pictures cannot be
    is told in `missing` where other data is given.
    """
    split = run.manifest().get("split") or {}
    own = ("train", "validation") if data is not None else protocols.PARTS
    names = {name: tuple(split.get(name) or ()) for name in own if split.get(name)}
    parts: dict[str, LabelledSet] = {}
    missing = ""
    if data is not None:
        parts["given"] = protocols.data_for(run, data, data_root=data_root, progress=progress)
    elif not names:
        raise RunError(f"Run {run.name} has no split yet; wait for its first epoch, or give data to check it with.")
    try:
        for name in names:
            parts[name] = protocols.data_for(run, None, name, data_root, progress)
    except (DataError, RunError) as error:
        if data is None:
            raise
        missing = str(error)
        parts = {"given": parts["given"]}
    return Sides(parts, run.spec(), names, _seen(run), missing)


def _seen(run: Run) -> frozenset[str]:
    try:
        return frozenset((run.folder / "train_digests.txt").read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return frozenset()


def checks(
    sides: Sides, embedder: Embedder | None = None, seed: int = 0, progress: Progress | None = None
) -> tuple[Finding, ...]:  # fmt: skip
    """Every check that these sides allow; the gravest findings first.

    embedder is the trained network; without it only the data is judged. The same seed gives the same findings.
    """
    tell = progress or (lambda words, share: None)
    parts, alike = sides.parts, sides.alike()
    found: list[Finding] = []
    if sides.missing:
        found.append(Finding(
            "not checked", "look",
            f"The run's own pictures are not at hand ({sides.missing.rstrip('.')}), so only names and exact copies "
            "were compared; put its data back to look for near copies."))  # fmt: skip
    tell("Comparing names and pictures", 0.0)
    found += side_leaks.class_names(sides.all_names(), parts)
    found += side_leaks.groups_and_makers(parts)
    found += side_leaks.blanks(alike)
    found += side_leaks.duplicates(alike, sides.seen)
    found += side_leaks.two_names(parts)
    tell("Looking for near copies", 0.2)
    looks = _looks(alike, seed)
    found += copy_leaks.across(alike, looks)
    same = {n: p for n, p in parts.items() if n in alike and p.items is alike[n].items}
    others = _looks({n: p for n, p in parts.items() if n not in same and n == "given"}, seed)
    found += copy_leaks.inside(others if others.prints else looks)
    measured = next((name for name in ("test", "given", "validation") if name in parts), None)
    if measured is not None:
        found += _measured(parts, measured, embedder, seed, tell)
    tell("Checked", 1.0)
    return tuple(sorted(found, key=lambda f: -SEVERITIES.index(f.severity)))


def _measured(
    parts: Mapping[str, LabelledSet], name: str, embedder: Embedder | None, seed: int, tell: Progress
) -> list[Finding]:  # fmt: skip
    """The probes and the trap, on what is measured."""
    found: list[Finding] = []
    data, _ = _thinned(parts[name], MOST_MEASURED, seed)
    train = _thinned(parts["train"], MOST_MEASURED, seed)[0] if "train" in parts else None
    tell("Telling pairs apart from borders and brightness alone", 0.6)
    try:
        found += shortcuts.probes(data, train, embedder, seed)
    except DataError as error:
        found.append(Finding("border", "look", f"No pairs could be drawn from the {PART_WORDS[name]} part, so "
                                               f"shortcuts were not looked for: {error}"))  # fmt: skip
    if embedder is not None:
        tell("Showing noise to the network", 0.9)
        found += collapse.constant_output(parts[name], embedder, name, seed)
    return found


def _looks(parts: Mapping[str, LabelledSet], seed: int) -> copy_leaks.Looks:
    """The pictures of the parts made ready for comparing; of large parts a sample."""
    prints, labels, places = {}, {}, {}
    for name, part in parts.items():
        if isinstance(part.items, ImageItems) and len(part):
            thin, kept = _thinned(part, MOST_TRAINING if name == "train" else MOST_MEASURED, seed)
            prints[name] = near_copies.prints(thin.items.pixels)  # type: ignore[attr-defined]
            labels[name], places[name] = thin.labels, kept
    return copy_leaks.Looks(prints, labels, places)


def _thinned(part: LabelledSet, most: int, seed: int) -> tuple[LabelledSet, np.ndarray]:
    """Up to `most` items of a set, all classes staying classes, and the place of each in the whole."""
    if len(part) <= most:
        return part, np.arange(len(part))
    kept = np.sort(np.random.default_rng([seed, 20]).permutation(len(part))[:most])
    makers = None if part.makers is None else part.makers[kept]
    return replace(part, items=part.items.select(kept), labels=part.labels[kept], makers=makers), kept
