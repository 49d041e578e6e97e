"""A run's calibration, made on labelled pairs of classes that it was not trained on, and put into its card.

At the end of a training on its validation classes; later on any labelled data, without training again. For pairs from a
table see `calibrate_pairs`, for the card `calibration_card`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from siamese_core import calibration, calibration_card, open_set_fit, protocols, trained, verifier
from siamese_core.bootstrap import Bootstrap
from siamese_core.calibration import Calibration
from siamese_core.errors import DataError
from siamese_core.open_set import OpenSet
from siamese_core.runs import Run
from siamese_core.scored import ScoredPairs
from siamese_core.types import LabelledSet

Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A calibration that is not saved yet, the pairs it was fitted on, and what there is to say of them."""

    calibration: Calibration
    scored: ScoredPairs
    warnings: tuple[str, ...] = ()
    open_set: OpenSet | None = None


def on_data(
    model: trained.Trained, data: LabelledSet, source: str, seed: int = 0, progress: Progress | None = None, **how: Any
) -> Fitted:
    """Fit on balanced pairs of a labelled set; `how` is as in `calibration.fit`. Raises DataError or ConfigError, and
    what `progress` raises.

    source: where the classes are from, in words.
    """
    embeddings = None if progress is None else model.embed(data.items, progress=progress)
    scored = verifier.score(model, data, seed, embeddings=embeddings)
    if progress is not None:
        progress("Working out error rates and intervals", 1.0)
    if how.pop("per_identity", False):
        how["names"] = dict(enumerate(data.class_names))
    return Fitted(calibration.fit(scored, source=source, digest=data.digest, seed=seed, **how), scored)


def on_validation(run: Run, data: LabelledSet, device: str) -> Calibration:
    """Fit on a run's validation classes with its best weights, and save it. Raises DataError or OSError."""
    model = trained.load(run, device, calibrated=False)
    found = on_data(model, data, validation_words(data), run.config().seed).calibration
    calibration_card.put(run, found, keep=False)
    open_set_fit.save(run, open_set_fit.fit(model, data, validation_words(data), run.config().seed))
    return found


def validation_words(data: LabelledSet) -> str:
    """ "2 validation classes of digits"."""
    return f"{data.n_classes} validation classes of {data.name}"


def refuse_training_data(run: Run, digests: Sequence[str]) -> list[str]:
    """Warnings, when it cannot be told; raises DataError when the run was trained on any of the pictures with these
    digests, taken as the run sees them."""
    shared = protocols.seen_in_training(run, list(digests))
    if shared is None:
        return ["This run does not say what it was trained on, so overlap with this data was not checked."]
    if shared:
        raise DataError(
            f"{shared:,} of these {len(digests):,} pictures were in the run's training data, where its distances are "
            "too good to calibrate on; give classes it was not trained on."
        )
    return []


def fit_run(
    run: Run,
    data: str | LabelledSet | None = None,
    device: str = "auto",
    data_root: Path | None = None,
    progress: Progress | None = None,
    source: str | None = None,
    foreign: bool = False,
    **how: Any,
) -> Fitted:
    """Calibrate a run anew, on its own validation classes or on other labelled data (a set, its name, or a path);
    nothing is saved. `source` says in words what the data is; foreign: fit "none of these" as well.

    Raises RunError while the run is training, DataError when the data cannot be used or was trained on, ConfigError for
    settings that cannot be.
    """
    calibration_card.refuse_training(run)
    if data is None and run.config().all_classes:
        raise DataError(
            f"Run {run.name} learnt from all classes, so that none is left to calibrate on; use --folds, or give other "
            "data."
        )
    model = trained.load(run, device, calibrated=False)
    given = data
    if not isinstance(given, LabelledSet):
        given = protocols.data_for(run, given, "validation", data_root, progress)
    items = given.items.fitted(model.spec, progress)
    warnings = [*given.warnings, *refuse_training_data(run, items.digests())]
    words = validation_words(given) if data is None else f"{given.n_classes} classes of {given.name}"
    source, given = source or words, given.with_items(items)
    found = on_data(model, given, source, progress=progress, **how)
    bounds = open_set_fit.fit(model, given, source, run.config().seed, progress) if foreign else None
    return Fitted(found.calibration, found.scored, tuple(warnings), bounds)


def of_run(run: Run, data: str | None = None, device: str = "auto", **how: Any) -> tuple[Calibration, list[str]]:
    """`fit_run`, and save what it found, with bounds for "none of these" where the data has classes for them.

    Returns the calibration and warnings; raises as both do."""
    found = fit_run(run, data, device, foreign=True, **how)
    calibration_card.save(run, found.calibration)
    if found.open_set is not None:
        open_set_fit.save(run, found.open_set)
    return found.calibration, list(found.warnings)


def rates_on(scored: ScoredPairs, threshold: float, seed: int = 0) -> dict[str, float]:
    """What a threshold does on these pairs, as `Calibration.rates_at` has it: far, far_low, far_high, frr, ..."""
    far, frr = Bootstrap(scored, (threshold,), seed=seed).rates_at(threshold)
    found: dict[str, float] = {}
    for name, e in (("far", far), ("frr", frr)):
        found |= {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high}
    return found
