"""A distance as a decision: same, different or not sure, with a probability and the error rates that go with it.

A calibration is a value, fitted on labelled pairs of classes that the network was not trained on, and saved in the
run's card. It holds

- a threshold at an operating point: equal error rates ("eer"), the largest with a FAR of at most x ("far"), the
  best balanced accuracy ("accuracy"), or the least expected cost ("cost");
- a probability of "same" by logistic (Platt 1999) or isotonic regression (Zadrozny and Elkan 2002);
- a band of doubt: the answer is "not sure" wherever the threshold and the probability do not both say so (`Band`);
- FAR and FRR with 95% intervals at any threshold (`bootstrap`), so that a threshold can be moved without the pairs.

The logistic is in the distance itself, on purpose: with log d or a spline it fits validation classes better and
unseen alphabets worse. Ours differs from Platt's in two ways. The share of same pairs it was fitted on is taken out
and the stated prior put in (odds are multiplied). And probabilities p at even odds become (K p + 1) / (K + 2), K
the identities seen (Laplace's rule; Platt counts pairs): who has seen K identities cannot be surer than that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from siamese_core import calibration_fit as fitting
from siamese_core.bootstrap import Bootstrap, unit_words
from siamese_core.calibration_json import read, written
from siamese_core.errors import ConfigError, DataError
from siamese_core.scored import ScoredPairs

METHODS = ("logistic", "isotonic")
POINTS = ("eer", "far", "accuracy", "cost")
MIN_PAIRS = 20  # of each kind
CERTAINTY = 0.9
SAME, DIFFERENT, NOT_SURE = "same", "different", "not sure"

Interval = tuple[float, float]


@dataclass(frozen=True)
class Decision:
    """What is said of one pair. FAR and FRR are those of the rule, at its threshold; the last two are those of this
    distance: the share of different pairs at least as near, and of same pairs farther apart."""

    verdict: str  # same, different or not sure
    probability: float  # of "same", at the calibration's prior
    far: float
    far_interval: Interval
    frr: float
    frr_interval: Interval
    far_here: float
    frr_here: float


@dataclass(frozen=True)
class Calibration:
    """See the head of this file; made by `fit`, or read by `from_json`."""

    threshold: float
    operating_point: str
    value: tuple[float, ...]  # far: (x,); cost: (of a false accept, of a false reject); else ()
    method: str
    prior: float  # the share of same pairs that is expected in use
    certainty: float  # the probability from which on an answer is sure
    coefficients: tuple[float, ...]  # logistic: slope and offset of the log odds at even odds
    knots: tuple[tuple[float, float], ...]  # isotonic: (distance, log odds at even odds), straight in between
    rates: dict[str, tuple[float, ...]]  # columns distance, far, far_low, far_high, frr, frr_low, frr_high
    unit: str  # what the intervals are over: identities, linked ones (`bootstrap.LINKED`), items or pairs
    units: int  # how many stand behind either kind of error
    identities: int
    same_pairs: int
    different_pairs: int
    quality: dict[str, float]  # ece, brier, brier_skill, auc, eer: cross-fitted over the units
    digest: str  # of the data
    source: str  # words: "2 validation classes of digits"
    thresholds: dict[str, float]  # of single identities, where wanted

    @property
    def band(self) -> tuple[float | None, float | None]:
        """The distances up to which and from which the probability is sure; None where it never is."""
        d = self.rates["distance"]
        reach = max(d[-1] - d[0], 1e-9)
        between = (d[0] - reach, d[-1] + reach)
        return (
            fitting.where(self.probability, self.certainty, *between),
            fitting.where(self.probability, 1.0 - self.certainty, *between),
        )

    @property
    def band_rule(self) -> str:
        """The rule of the band of doubt, in words."""
        sure = f"{self.certainty:.0%}"
        return f"'not sure' where the answer's probability is below {sure}, or the threshold says otherwise"

    @property
    def intervals_are_over(self) -> str:
        """What the intervals are over, in words."""
        return unit_words(self.unit, self.identities, self.identities)

    def probability(self, distance: float) -> float:
        """Of "same", at the calibration's prior."""
        return float(self.probabilities(np.array([distance]))[0])

    def probabilities(self, distances: np.ndarray, prior: float | None = None) -> np.ndarray:
        """The same for (P,) distances, falling with the distance; at another prior when one is given."""
        odds = fitting.log_odds(np.asarray(distances, dtype=np.float64), self.coefficients, self.knots)
        return fitting.at_prior(odds, self.units, self.prior if prior is None else prior)

    def verdicts(self, distances: np.ndarray) -> np.ndarray:
        """What is said of each of (P,) distances: same, different or not sure."""
        low, high = self.band
        d = np.asarray(distances, dtype=np.float64)
        found = np.full(len(d), NOT_SURE, dtype="<U9")
        if low is not None:
            found[d <= min(low, self.threshold)] = SAME
        if high is not None:
            found[(d >= high) & (d > self.threshold)] = DIFFERENT
        return found

    def rates_at(self, threshold: float) -> dict[str, float]:
        """FAR and FRR with their intervals at any threshold: far, far_low, far_high, frr, frr_low, frr_high."""
        d = self.rates["distance"]
        return {k: float(np.interp(threshold, d, v)) for k, v in self.rates.items() if k != "distance"}

    def decide(self, distance: float, identity: str | None = None) -> Decision:
        """The decision on a pair at this distance. Raises DataError when it is not a finite number.

        identity: whose own threshold to use, where there is one.
        """
        if not np.isfinite(distance):
            raise DataError("The distance of this pair is not a finite number, so nothing can be said about it.")
        own = self.at(self.thresholds[identity]) if identity in self.thresholds else self
        verdict = str(own.verdicts(np.array([distance]))[0])
        rule, here = own.rates_at(own.threshold), own.rates_at(distance)
        return Decision(
            verdict=verdict,
            probability=own.probability(distance),
            far=rule["far"],
            far_interval=(rule["far_low"], rule["far_high"]),
            frr=rule["frr"],
            frr_interval=(rule["frr_low"], rule["frr_high"]),
            far_here=here["far"],
            frr_here=here["frr"],
        )

    def at(self, threshold: float) -> Calibration:
        """The same with a moved threshold. Raises DataError when it is not a finite number."""
        if not np.isfinite(threshold):
            raise DataError("The threshold must be a finite number.")
        return replace(self, threshold=float(threshold))

    def to_json(self) -> dict[str, Any]:
        """Plain values, for card.json."""
        return written(self) | {"band": list(self.band), "band_rule": self.band_rule}

    @classmethod
    def from_json(cls, value: object) -> Calibration:
        """The inverse of `to_json`. Raises DataError for anything else than a calibration: an unknown or missing key,
        a value that is not a finite number, rates that are none."""
        return cls(**read(cls, value, METHODS, POINTS))


def fit(
    scored: ScoredPairs,
    operating_point: str = "eer",
    value: tuple[float, ...] = (),
    method: str = "logistic",
    prior: float = 0.5,
    certainty: float = CERTAINTY,
    source: str = "",
    digest: str = "",
    names: dict[int, str] | None = None,
    seed: int = 0,
    folds: np.ndarray | None = None,
) -> Calibration:
    """Fit a calibration on labelled pairs.

    value: (x,) for "far", (cost of a false accept, cost of a false reject) for "cost". names: {identity: name} of
    identities that shall have thresholds of their own, where they have pairs enough. folds (P,) int64: pairs that were
    scored together, by one network of several; quality is then cross-fitted over these. Raises ConfigError for settings
    that cannot be, DataError when there are too few pairs.
    """
    check(operating_point, value, method, prior, certainty)
    scored.need(MIN_PAIRS, "A calibration")
    if scored.n_identities < 2:
        raise DataError("A calibration needs pairs of at least two identities, but there is one; add another.")
    threshold = fitting.threshold_at(scored, operating_point, value, prior)
    boot = Bootstrap(scored, (threshold,), seed=seed)
    coefficients, knots = fitting.probability_curve(scored, method)
    bands = boot.bands()
    rates = {k: tuple(float(f"{x:.5g}") for x in getattr(bands, k)) for k in fitting.RATES}
    seen = min(boot.trials)
    quality = fitting.cross_fitted(scored, method, boot.unit, seen, seed, folds)
    return Calibration(
        threshold=threshold,
        operating_point=operating_point,
        value=tuple(float(v) for v in value),
        method=method,
        prior=float(prior),
        certainty=float(certainty),
        coefficients=coefficients,
        knots=knots,
        rates={"distance": tuple(float(x) for x in bands.thresholds)} | rates,
        unit=boot.unit,
        units=seen,
        identities=scored.n_identities,
        same_pairs=scored.n_same,
        different_pairs=scored.n_different,
        quality=quality | {"auc": boot.auc().value, "eer": boot.eer().value},
        digest=digest or scored.digest,
        source=source,
        thresholds={} if not names else fitting.own_thresholds(scored, threshold, names),
    )


def check(
    operating_point: str = "eer",
    value: tuple[float, ...] = (),
    method: str = "logistic",
    prior: float = 0.5,
    certainty: float = CERTAINTY,
) -> None:
    """Raises ConfigError with everything that is wrong with such settings of `fit`."""
    problems = []
    if operating_point not in POINTS:
        problems.append(f"There is no operating point '{operating_point}'; choose one of: {', '.join(POINTS)}.")
    if method not in METHODS:
        problems.append(f"There is no calibration method '{method}'; choose one of: {', '.join(METHODS)}.")
    if not 0.0 < prior < 1.0:
        problems.append(f"The prior is {prior}, but must lie between 0 and 1.")
    if not 0.5 < certainty < 1.0:
        problems.append(f"The certainty is {certainty}, but must lie between 0.5 and 1.")
    if operating_point == "far" and not (len(value) == 1 and 0.0 < value[0] < 1.0):
        problems.append("The operating point 'far' needs one false accept rate between 0 and 1.")
    if operating_point == "cost" and not (len(value) == 2 and all(0.0 < v < float("inf") for v in value)):
        problems.append("The operating point 'cost' needs two costs above 0: of a false accept and of a false reject.")
    if operating_point in ("eer", "accuracy") and value:
        problems.append(f"The operating point '{operating_point}' takes no value.")
    if problems:
        raise ConfigError(problems)
