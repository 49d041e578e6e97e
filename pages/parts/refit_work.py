"""Fitting a run's threshold anew, beside the page: from data, or from pairs; and what the page shows of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pages.parts import cache, many_work
from pages.parts.many_work import Asked
from pages.parts.uploads import Named
from siamese_core import calibration_card, curves, pair_scoring
from siamese_core.calibration import Calibration
from siamese_core.calibration_card import Kept
from siamese_core.datasets import folder
from siamese_core.errors import DataError, RunError
from siamese_core.modalities.decoding import plain_name
from siamese_core.pair_scoring import PairScores
from siamese_core.runs import Run

if TYPE_CHECKING:
    from siamese_core.calibrate import Fitted

Progress = Callable[[str, float], None]
VALIDATION = "validation"


@dataclass(frozen=True, eq=False)
class Result:
    """A calibration that is not saved, beside what the run decides by now.

    now       a bare threshold, a calibration, or nothing
    before    the error rates of the threshold of now on the pairs it was fitted on, as `Calibration.rates_at` has them
    bins      how the distances of these pairs lie, as `curves.histogram` has them
    """

    calibration: Calibration
    now: Kept
    before: dict[str, float] | None
    bins: dict[str, Any]
    warnings: tuple[str, ...]


def of_data(run: Run, source: str, how: dict[str, Any], progress: Progress) -> Result:
    """Fit on the run's validation classes, or on a data set by its name. Raises DataError, RunError, ConfigError."""
    from siamese_core import calibrate

    own = source == VALIDATION
    data = cache.validation_classes(run) if own else cache.dataset(source)
    words = calibrate.validation_words(data) if own else None
    return _result(run, calibrate.fit_run(run, data, progress=progress, source=words, **how), progress)


def of_zip(run: Run, name: str, content: bytes, how: dict[str, Any], progress: Progress) -> Result:
    """Fit on a zip of class folders. Raises as `of_data` does."""
    from siamese_core import calibrate

    data = folder.load_zip(Named(content, name), progress)
    return _result(run, calibrate.fit_run(run, data, progress=progress, **how), progress)


def of_table(run: Run, asked: Asked, how: dict[str, Any], progress: Progress) -> Result:
    """Score a table of pairs and fit on it. Raises as `of_data` does."""
    from siamese_core import trained

    calibration_card.refuse_training(run)
    with many_work.opened(asked, progress) as (table, files):
        scores = pair_scoring.score(trained.load(run, calibrated=False), table, files, progress)
    if not len(scores):
        first = scores.broken[0]
        raise DataError(f"None of the {scores.broken_count:,} rows can be scored; row {first.row}: {first.why}")
    return of_scores(run, scores, asked.first[0], how, progress)


def of_scores(run: Run, scores: PairScores, name: str, how: dict[str, Any], progress: Progress) -> Result:
    """Fit on pairs that were scored already. Raises as `of_data` does."""
    from siamese_core import calibrate_pairs

    progress("Working out error rates and intervals", 0.5)
    return _result(run, calibrate_pairs.fit_scores(run, scores, plain_name(name), **how), progress)


def decides_by(run: Run) -> Kept:
    """What the run decides by now; nothing where that cannot be used."""
    try:
        return calibration_card.now(run)
    except RunError:
        return Kept(None)


def _result(run: Run, fitted: Fitted, progress: Progress) -> Result:
    from siamese_core import calibrate

    progress("Comparing with the threshold of now", 0.9)
    now = decides_by(run)
    before = None if now.threshold is None else calibrate.rates_on(fitted.scored, now.threshold)
    return Result(fitted.calibration, now, before, curves.histogram(fitted.scored), fitted.warnings)
