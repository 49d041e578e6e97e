"""A run's calibration, made on labelled pairs of classes that it was not trained on, and put into its card.

At the end of a training on its validation classes; later on any labelled data, without training again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from siamese_core import calibration, protocols, trained, verifier
from siamese_core.calibration import Calibration
from siamese_core.errors import DataError, RunError
from siamese_core.files import write_json
from siamese_core.runs import Run
from siamese_core.types import LabelledSet


def on_data(model: trained.Trained, data: LabelledSet, source: str, seed: int = 0, **how: Any) -> Calibration:
    """Fit on balanced pairs of a labelled set; `how` is as in `calibration.fit`. Raises DataError or ConfigError.

    source: where the classes are from, in words.
    """
    scored = verifier.score(model, data, seed)
    if how.pop("per_identity", False):
        how["names"] = dict(enumerate(data.class_names))
    return calibration.fit(scored, source=source, digest=data.digest, seed=seed, **how)


def on_validation(run: Run, data: LabelledSet, device: str) -> Calibration:
    """Fit on a run's validation classes with its best weights, and save it. Raises DataError or OSError."""
    model = trained.load(run, device, calibrated=False)
    found = on_data(model, data, validation_words(data), run.config().seed)
    save(run, found)
    return found


def validation_words(data: LabelledSet) -> str:
    """ "2 validation classes of digits"."""
    return f"{data.n_classes} validation classes of {data.name}"


def refuse_training_data(run: Run, data: LabelledSet) -> list[str]:
    """Warnings, when it cannot be told; raises DataError when the run was trained on any of these items."""
    digests = data.items.fitted(run.spec()).digests()
    shared = protocols.seen_in_training(run, digests)
    if shared is None:
        return ["This run does not say what it was trained on, so overlap with this data was not checked."]
    if shared:
        raise DataError(
            f"{shared:,} of these {len(digests):,} pictures were in the run's training data, where its distances are "
            "too good to calibrate on; give classes it was not trained on."
        )
    return []


def save(run: Run, found: Calibration, distances: dict[str, Any] | None = None) -> None:
    """Write it into card.json, all at once; the card's threshold is its threshold. Raises OSError.

    distances: their histogram, for the decision card, where the run has none of validation pairs.
    """
    card = run.card() or {"format": 1}
    seen = {k: v for k, v in (card.get("validation") or {}).items() if k != "accuracy_at_threshold"}  # of another one
    write_json(
        run.folder / "card.json",
        ({"distances": distances} if distances else {})
        | card
        | ({"validation": seen} if seen else {})
        | {"threshold": found.threshold, "calibration": found.to_json()},
    )


def must_be_still(run: Run) -> None:
    """Raises RunError while a run is training."""
    if run.status().active:
        raise RunError(f"Run {run.name} is training; calibrate it when it has ended.")


def of_run(
    run: Run,
    data: str | None = None,
    device: str = "auto",
    data_root: Path | None = None,
    progress: Any = None,
    **how: Any,
) -> tuple[Calibration, list[str]]:
    """Calibrate a run anew, on its own validation classes or on other labelled data by name or path, and save it.

    Returns the calibration and warnings. Raises RunError while the run is training or cannot be written, DataError
    when the data cannot be used or was trained on, ConfigError for settings that cannot be.
    """
    must_be_still(run)
    if data is None and run.config().all_classes:
        raise DataError(
            f"Run {run.name} learnt from all classes, so that none is left to calibrate on; use --folds, or give other "
            "data."
        )
    model = trained.load(run, device, calibrated=False)
    given = protocols.data_for(run, data, "validation", data_root, progress)
    given = given.with_items(given.items.fitted(model.spec, progress))
    warnings = list(given.warnings) + refuse_training_data(run, given)
    source = validation_words(given) if data is None else f"{given.n_classes} classes of {given.name}"
    found = on_data(model, given, source, **how)
    try:
        save(run, found)
    except OSError as e:
        raise RunError(f"The card of run {run.name} cannot be written: {e.strerror or e}.") from None
    return found, warnings
