"""A run's calibration from a table of labelled pairs that was scored.

A table names pictures, not people: who is who is known as far as its labels tell (`linked`). Rows that prove nothing
are left out and counted: without a label, the same picture on both sides, a pair that stands there already, and a
"different" pair of two pictures that "same" pairs join. Of the last there may only be a few.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from siamese_core import calibrate, calibration, calibration_card, linked, metrics
from siamese_core.bootstrap import LINKED, Bootstrap
from siamese_core.calibrate import Fitted
from siamese_core.errors import DataError
from siamese_core.pair_scoring import PairScores
from siamese_core.runs import Run
from siamese_core.scored import ScoredPairs

MOST_CONTRADICTIONS = 0.05  # of the different pairs
ROWS_NAMED = 8


@dataclass(frozen=True, eq=False)
class LabelledPairs:
    """The pairs of a table that a calibration can be fitted on, and what was left out.

    scored          pairs with their identities; `first` and `second` number the pictures
    pictures        their digests, one a picture, as the network sees them
    digest          16 hexadecimal digits of pictures and labels, whatever their order
    unscored, unlabelled, alike, repeated
                    how many rows were left out, and why: they could not be scored, have no label, show the same picture
                    on both sides, or stand there already
    contradicting   (M,) the rows that say "different" of pictures that same pairs join
    """

    scored: ScoredPairs
    pictures: tuple[str, ...]
    digest: str
    unscored: int
    unlabelled: int
    alike: int
    repeated: int
    contradicting: tuple[int, ...]

    def left_out(self) -> str:
        """What was left out, in a sentence; "" when nothing was."""
        kinds = (
            (self.unscored, "that could not be scored"),
            (self.unlabelled, "without a label"),
            (self.alike, "with the same picture on both sides"),
            (self.repeated, "that repeat another"),
        )
        told = [f"{count:,} {words}" for count, words in kinds if count]
        return f"Rows left out: {', '.join(told)}." if told else ""

    def warnings(self) -> list[str]:
        """What to say of them."""
        said = [self.left_out()] if self.left_out() else []
        if self.contradicting:
            rows = _rows(self.contradicting)
            said.append(f"{rows} 'different' of pictures that 'same' rows join as one identity; left out.")
        return said


def labelled(scores: PairScores) -> LabelledPairs:
    """The pairs of scored rows that a calibration can be fitted on.

    Pictures are told apart by what the network sees. Raises DataError when more than a few rows contradict each other.
    """
    use = (scores.same >= 0) & ~scores.alike
    digests, place = np.unique(scores.digests[np.stack([scores.first, scores.second])[:, use]], return_inverse=True)
    first, second = place.reshape(2, -1)
    same, rows, distances = scores.same[use] == 1, scores.rows[use], scores.distances[use]
    identity = linked.identities(first, second, same)
    wrong = ~same & (identity[first] == identity[second])
    _refuse_many(rows[wrong], int((~same).sum()))
    again = ~linked.first_of_each(first, second, same) & ~wrong
    good = ~wrong & ~again
    first, second, same = first[good], second[good], same[good]
    found = ScoredPairs(distances[good], same, identity[first], identity[second], first, second)
    names = np.char.decode(digests, "ascii")
    used = np.unique(np.concatenate([first, second]))
    return LabelledPairs(
        scored=found,
        pictures=tuple(names[used].tolist()),
        digest=_digest(names, first, second, same),
        unscored=scores.broken_count,
        unlabelled=int((scores.same < 0).sum()),
        alike=int(((scores.same >= 0) & scores.alike).sum()),
        repeated=int(again.sum()),
        contradicting=tuple(int(row) for row in rows[wrong]),
    )


def fit_scores(run: Run, scores: PairScores, name: str, seed: int = 0, **how: object) -> Fitted:
    """Calibrate a run on labelled pairs that its network has scored; nothing is saved.

    name: the table's, for the record. `how` is as in `calibration.fit`. Raises RunError while the run is training,
    DataError when the pairs are too few, contradict each other or the network, or show pictures that it was trained on,
    ConfigError for settings that cannot be.
    """
    calibration_card.refuse_training(run)
    pairs = labelled(scores)
    try:
        pairs.scored.need(calibration.MIN_PAIRS, "A calibration")
    except DataError as error:
        raise DataError(" ".join([str(error), *pairs.warnings()])) from None
    warnings = [*pairs.warnings(), *calibrate.refuse_training_data(run, pairs.pictures)]
    _refuse_turned(pairs.scored)
    source = f"{len(pairs.scored):,} pairs of {name}"
    found = calibration.fit(pairs.scored, source=source, digest=pairs.digest, seed=seed, **how)  # type: ignore[arg-type]
    if found.unit == "identities":
        found = replace(found, unit=LINKED)
    return Fitted(found, pairs.scored, tuple(warnings))


def _refuse_many(rows: np.ndarray, different: int) -> None:
    if len(rows) > MOST_CONTRADICTIONS * different:
        raise DataError(
            f"{_rows(rows)} 'different' of pictures that 'same' rows join as one identity, {len(rows):,} of "
            f"{different:,} different pairs; one wrong 'same' label joins two identities, and labels turned round join "
            "all: mend them, or say what the label 1 means."
        )


def _refuse_turned(scored: ScoredPairs) -> None:
    auc = metrics.roc_auc(scored.distances, scored.same)
    if auc < 0.5 and Bootstrap(scored).auc().high < 0.5:
        raise DataError(
            f"Of these pairs the 'different' ones are nearer than the 'same' ones (AUC {auc:.0%}), as if the labels "
            "were turned round; say what the label 1 means, or mend the labels."
        )


def _rows(rows: Sequence[int] | np.ndarray) -> str:
    """ "Row 3 says", "Rows 3, 9 and 4 more say"."""
    named = [f"{int(row):,}" for row in rows[:ROWS_NAMED]]
    if len(rows) == 1:
        return f"Row {named[0]} says"
    last = f"{len(rows) - ROWS_NAMED:,} more" if len(rows) > ROWS_NAMED else named.pop()
    return f"Rows {', '.join(named)} and {last} say"


def _digest(names: np.ndarray, first: np.ndarray, second: np.ndarray, same: np.ndarray) -> str:
    """Of pairs of pictures and their labels, whatever their order; `names` (N,) are sorted."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    order = np.lexsort((same, high, low))
    h = hashlib.sha256("".join(names[np.stack([low[order], high[order]])].ravel()).encode())
    h.update(same[order].astype("u1").tobytes())
    return h.hexdigest()[:16]
