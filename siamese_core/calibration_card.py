"""The calibration in a run's card: read, saved, and the one before it, which can be put back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from siamese_core.calibration import Calibration
from siamese_core.errors import DataError, RunError
from siamese_core.files import write_json
from siamese_core.modalities.decoding import plain_name
from siamese_core.runs import Run

BEFORE = "calibration_before"
OWN = "accuracy_at_threshold"  # among the card's validation figures the one that is of its threshold
STARTER_STAYS = "The starter model comes with Siamese Lab and stays as it is"


@dataclass(frozen=True)
class Kept:
    """What decides: a threshold, None without any; its calibration, None where it is a bare one; and when it was
    fitted, in seconds since 1970, where that is known."""

    threshold: float | None
    calibration: Calibration | None = None
    fitted_at: float | None = None


def now(run: Run) -> Kept:
    """What a run decides by. Raises RunError when its calibration cannot be used."""
    return _kept(run.card() or {}, run.name)


def before(run: Run) -> Kept | None:
    """What it decided by before, where the card has it. Raises RunError when that cannot be used."""
    value = (run.card() or {}).get(BEFORE)
    return _kept(value, run.name) if value else None


def save(run: Run, found: Calibration, distances: dict[str, Any] | None = None) -> None:
    """Let a run decide by a calibration from now on; what it decided by until now becomes the one before.

    distances: their histogram, for the decision card, where the run has none of validation pairs. Raises RunError while
    the run is training, for the starter model, or when it cannot be written.
    """
    refuse_starter(run)
    refuse_training(run)
    try:
        put(run, found, distances)
    except OSError as e:
        raise _unwritten(run, e) from None


def put(run: Run, found: Calibration, distances: dict[str, Any] | None = None, keep: bool = True) -> None:
    """Write it into card.json, all at once; the card's threshold is its threshold. Raises OSError.

    keep: what it decided by until now becomes the one before.
    """
    card = ({"distances": distances} if distances else {}) | (run.card() or {"format": 1})
    fresh = {"threshold": found.threshold, "calibration": found.to_json(), "calibrated_at": time.time()}
    earlier = _earlier(card, found, run.name) if keep else None
    write_json(run.folder / "card.json", _with(card, fresh) | ({BEFORE: earlier} if earlier else {}))


def put_back(run: Run) -> Kept:
    """Let a run decide by what it did before, and keep what it does now as the one before; what it decides by now.

    Raises RunError while the run is training, for the starter model, when there is nothing before, or when it cannot
    be written.
    """
    refuse_starter(run)
    refuse_training(run)
    if (found := before(run)) is None:
        raise RunError(f"Run {run.name} has no earlier threshold to put back.")
    card = run.card() or {}
    try:
        write_json(run.folder / "card.json", _with(card, card[BEFORE]) | {BEFORE: _moved(card)})
    except OSError as e:
        raise _unwritten(run, e) from None
    return found


def _unwritten(run: Run, error: OSError) -> RunError:
    return RunError(f"The card of run {run.name} cannot be written: {error.strerror or error}.")


def refuse_training(run: Run) -> None:
    """Raises RunError while a run is training: its card is its worker's."""
    if run.status().active:
        raise RunError(f"Run {run.name} is training; calibrate it when it has ended.")


def refuse_starter(run: Run) -> None:
    """Raises RunError for the model that comes with the program."""
    if run.is_starter:
        raise RunError(f"{STARTER_STAYS}; save the calibration with a copy of it.")


def _earlier(card: dict[str, Any], found: Calibration, name: str) -> Any:
    """What will be the one before: what the card decides by, unless that is the very same or cannot be used."""
    try:
        current = _kept(card, name)
    except RunError:
        return card.get(BEFORE)
    return card.get(BEFORE) if current.threshold is None or current.calibration == found else _moved(card)


def _moved(card: dict[str, Any]) -> dict[str, Any]:
    """What the card says of how it decides, to be kept."""
    kept = {k: card[k] for k in ("threshold", "calibration", "calibrated_at") if card.get(k) is not None}
    own = (card.get("validation") or {}).get(OWN)
    return kept if own is None else kept | {OWN: own}


def _with(card: dict[str, Any], decides: dict[str, Any]) -> dict[str, Any]:
    """The card with another way of deciding."""
    rest = {k: v for k, v in card.items() if k not in ("threshold", "calibration", "calibrated_at", BEFORE)}
    seen = {k: v for k, v in (card.get("validation") or {}).items() if k != OWN}
    if OWN in decides:
        seen[OWN] = decides[OWN]
    return rest | ({"validation": seen} if seen else {}) | {k: v for k, v in decides.items() if k != OWN}


def _kept(value: dict[str, Any], name: str) -> Kept:
    threshold, found = value.get("threshold"), value.get("calibration")
    if found is None:
        return Kept(threshold)
    try:
        calibration = Calibration.from_json(found)
    except DataError as e:
        raise RunError(f"The card.json of run {name} cannot be used: {plain_name(str(e))}") from None
    return Kept(calibration.threshold, calibration, value.get("calibrated_at"))
