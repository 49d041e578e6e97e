"""The health of a run's space: of its network on some pictures, of plain pixels on the same, and epoch by epoch.

What a healthy space looks like is not known beforehand, so each figure stands beside what the pixels themselves get
(see `baseline`), and beside how it was before training and after each epoch, on the pictures that the run watches (see
`snapshots`): of those the unseen classes, where there are two with two pictures, else all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from siamese_core import distances, evolution, findings, protocols, space_health, space_words
from siamese_core.baseline import Pixels
from siamese_core.errors import DataError
from siamese_core.runs import Run
from siamese_core.space_health import Health
from siamese_core.space_words import Reading
from siamese_core.trained import Trained
from siamese_core.types import LabelledSet

SIDE = 32  # pixels a side, at most, of the pictures that plain pixels compare
PAIRS, HUBS = 6, 8  # examples to look at
MOST_EPOCHS = 40  # snapshots that are measured; of more, some evenly spread
FIGURES = ("d_prime", "confusion", "alignment", "uniformity", "effective_rank", "skewness", "anti_hubs")

Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Story:
    """Figures over the epochs, 0 before training: epochs (F,), values name -> (F,) with NaN where there is none;
    items and classes that were watched, and whether they are `unseen`; distance: the name of what compared them."""

    epochs: np.ndarray
    values: dict[str, np.ndarray]
    items: int
    classes: int
    unseen: bool
    distance: str


@dataclass(frozen=True, eq=False)
class RunHealth:
    """network and pixels on the same items, pixels None where items are no pictures; story None without snapshots.

    copies: how many different pictures share their embedding with another; class_names, and labels (M,) of the measured
    items; confused and hubs: the examples to look at; pictures: of those, by place among the measured items, as people
    see them; distance: the run's; notes: what was left out or sampled, and warnings: what
    of this the run has seen before, in whole sentences.
    """

    network: Health
    pixels: Health | None
    story: Story | None
    copies: int
    readings: tuple[Reading, ...]
    class_names: tuple[str, ...]
    labels: np.ndarray
    confused: tuple[tuple[int, int, int, int, int], ...]
    hubs: tuple[int, ...]
    pictures: dict[int, np.ndarray]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    seed: int
    distance: str

    @property
    def worst(self) -> str:
        """The gravest severity."""
        return max((r.severity for r in self.readings), key=findings.SEVERITIES.index, default="fine")

    def class_of(self, measured: int) -> str:
        """The class of an item by its place among the measured ones."""
        return self.class_names[int(self.labels[measured])]

    def to_json(self) -> dict[str, Any]:
        """Plain values, for --json."""
        story = self.story
        return {
            "items": self.network.items,
            "classes": self.network.classes,
            "dims": self.network.dims,
            "measured": len(self.network.measured),
            "seed": self.seed,
            "distance": self.distance,
            "copies": self.copies,
            "health": self.network.values(),
            "confusion_interval": space_words.interval(self.network),
            "pixels": self.pixels.values() if self.pixels else None,
            "confused": [self._pair(*pair) for pair in self.confused],
            "hubs": [self._hub(i) for i in self.hubs],
            "epochs": None if story is None else {
                "items": story.items, "classes": story.classes, "unseen": story.unseen, "distance": story.distance,
                "epoch": story.epochs.tolist(), **{name: v.tolist() for name, v in story.values.items()},
            },
            "worst": self.worst,
            "readings": [r.to_json() for r in self.readings],
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }  # fmt: skip

    def _pair(self, a: int, b: int, count: int, i: int, j: int) -> dict[str, Any]:
        at = self.network.measured
        return {"class": self.class_names[a], "other": self.class_names[b], "items": count,
                "example": int(at[i]), "nearest": int(at[j])}  # fmt: skip

    def _hub(self, i: int) -> dict[str, Any]:
        occurrence = float(self.network.hubs.occurrence[i]) if self.network.hubs else 0.0
        return {"item": int(self.network.measured[i]), "class": self.class_of(i), "occurrence": occurrence}


class _Pixels(Pixels):
    """Plain pixels, all their distances by one matrix product."""

    def distance_matrix(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """(Q, D) and (G, D) -> (Q, G)."""
        return distances.Unlearned("euclidean").distance_matrix(queries, gallery)


def of_run(
    run: Run,
    model: Trained,
    data: LabelledSet,
    seed: int = 0,
    progress: Progress | None = None,
    most: int = space_health.MOST,
) -> RunHealth:
    """The health of a run on a labelled set; classes of imitations are left out, which are nobody's hand.

    Raises DataError for fewer than two items, and where embeddings or distances are not finite numbers.
    """
    tell = progress or (lambda text, fraction: None)
    notes = []
    if data.forged.any():
        data = data.classes(np.flatnonzero(~data.forged))
        notes.append("Imitations are left out: they are nobody's own class.")
    if len(data) < 2:
        raise DataError(f"The health of a space needs at least two pictures, and {data.name} has {len(data)}.")
    if len(set(data.items.digests())) < 2:
        raise DataError(f"All {len(data)} pictures of {data.name} are the same, so that nothing can be told from them; "
                        "choose others.")  # fmt: skip
    if note := protocols.fitting_note(run, data):
        notes.append(note)
    fitted = data.items.fitted(model.spec, _part(tell, 0.0, 0.1))
    z = model.embed(fitted, progress=_part(tell, 0.1, 0.3))
    network = space_health.measure(model, z, data.labels, seed, _part(tell, 0.3, 0.6), most)
    if len(network.measured) < len(data):
        notes.append(f"Pairs are compared among {len(network.measured):,} of the {len(data):,} pictures, drawn by "
                     f"chance (seed {seed}).")  # fmt: skip
    pixels = None
    if hasattr(fitted, "pixels"):
        small = replace(model.spec, height=min(SIDE, model.spec.height), width=min(SIDE, model.spec.width))
        plain = _Pixels(small)
        part = network.measured
        told = _part(tell, 0.6, 0.85)
        pixels = space_health.measure(plain, plain.embed(data.items.select(part)), data.labels[part], seed,
                                      lambda text, share: told(f"{text}, of plain pixels", share), most)  # fmt: skip
    story = of_snapshots(run, _part(tell, 0.85, 1.0))
    seen = protocols.overlap_warnings(run, fitted, data.class_names)
    copies = max(0, len(set(fitted.digests())) - network.different)
    confused = tuple(network.confusion.pairs(PAIRS)) if network.confusion else ()
    hubs = tuple(int(i) for i in network.hubs.largest(HUBS)) if network.hubs else ()
    shown = {i for pair in confused for i in pair[3:]} | set(hubs)
    natural = getattr(data.items, "natural", None)
    pictures = {i: natural(int(network.measured[i])) for i in shown} if natural else {}
    return RunHealth(
        network, pixels, story, copies, space_words.readings(network, pixels, copies), data.class_names,
        data.labels[network.measured], confused, hubs, pictures, tuple(notes), tuple(seen), seed,
        run.config().distance,
    )  # fmt: skip


def _part(tell: Progress, begin: float, end: float) -> Progress:
    return lambda text, share: tell(text, begin + (end - begin) * share)


def of_snapshots(run: Run, progress: Progress | None = None) -> Story | None:
    """How a run's space grew, on the pictures that it watches; None where no snapshot can be used. A learned distance
    (weighted L1) is not kept with a snapshot: Manhattan distance then stands for it."""
    paths = evolution.present(run)
    if len(paths) > MOST_EPOCHS:
        paths = [paths[i] for i in np.linspace(0, len(paths) - 1, MOST_EPOCHS).round().astype(int)]
    found = [s for s in (evolution.read(p) for p in paths) if s is not None]
    if not found:
        return None
    usual = Counter(s.kind for s in found).most_common(1)[0][0]
    found = [s for s in found if s.kind == usual]
    labels = found[0].labels
    split = run.manifest().get("split") or {}
    kept = labels < len(split.get("validation", ()))
    unseen = int((np.bincount(labels[kept], minlength=1) > 1).sum()) > 1
    kept = kept if unseen else np.ones(len(labels), bool)
    if kept.sum() < 2:
        return None
    by = distances.Unlearned(run.config().distance)
    rows = []
    for i, s in enumerate(found):
        values = space_health.measure(by, s.embeddings[kept].astype(np.float32), labels[kept]).values()
        rows.append([np.nan if values[name] is None else float(values[name]) for name in FIGURES])
        if progress:
            progress(f"Looking at epoch {s.epoch}", (i + 1) / len(found))
    columns = np.array(rows).T
    return Story(
        np.array([s.epoch for s in found]), dict(zip(FIGURES, columns, strict=True)), int(kept.sum()),
        len(np.unique(labels[kept])), unseen, by.name,
    )  # fmt: skip
