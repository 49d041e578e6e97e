"""'None of these': how near a query must come to a support set before it is named at all.

A query is refused when the class that is nearest to it is too far (the nearest class mean with a bound, Bendale and
Boult 2015, "Towards open world recognition"). How far is too far depends on how many classes and examples there are to
come near to. So the bound is read off tasks played on classes that the network was not trained on, half of whose
queries are of classes outside the support set: among n such foreign queries, accepting what comes nearer than the k-th
nearest of them, k = rate x (n + 1), accepts at most that share of the next one (the conformal rank of Vovk, Gammerman
and Shafer 2005). Between the numbers of classes and of examples that were played it is interpolated in their
logarithms; for more classes than were played the rate asked for is divided by as much (the union bound).

A run whose validation classes are too few for such tasks falls back on its calibration on pairs: each of the M support
pictures may be taken for the query's by mistake, so that a false accept rate of x needs one of x / M a pair.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from siamese_core import metrics
from siamese_core.calibration import Calibration
from siamese_core.errors import ConfigError, DataError

FORMAT = 1
KEY = "open_set"  # in a run's card
RATES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75)
SCORES = ("nearest", "prototype")  # the head's own probabilities say nothing of foreign queries: see `score_of`
RATE = 0.1  # where none is asked for
FEWEST = 20  # foreign queries that a bound is read off
MOST_ROWS = 200
WHERE = ("episodes", "pairs")


@dataclass(frozen=True)
class Row:
    """One kind of task: bounds and false reject rates at each of `RATES`, and how well scores part the two kinds."""

    score: str
    augmented: bool
    n_way: int
    k_shot: int
    bounds: tuple[float, ...]
    frr: tuple[float, ...]
    auroc: float


@dataclass(frozen=True)
class Rejection:
    """A query is refused when its score is above `bound`. rate: of foreign queries that are let in, about; frr: of
    known ones that are refused, None where it was not seen; by "episodes" or "pairs"; source in words."""

    bound: float
    rate: float
    frr: float | None
    by: str
    source: str


@dataclass(frozen=True)
class OpenSet:
    """See the head of this file; made by `open_set_fit`, or read by `from_json`."""

    rows: tuple[Row, ...]
    classes: int
    groups: int  # 0 where there are none
    tasks: int  # of each kind
    source: str
    digest: str

    def rejection(self, score: str, augmented: bool, n_way: int, k_shot: float, rate: float) -> Rejection | None:
        """The bound for this many classes and examples each, at a false accept rate; None without such tasks."""
        check_rate(rate)
        curve = self._curve(score, augmented, n_way, k_shot)
        if curve is None:
            return None
        bounds, frr, beyond = curve
        logs = np.log(RATES)
        at = math.log(rate / beyond)
        bound = float(np.interp(at, logs, bounds))
        return Rejection(bound, rate, float(np.interp(at, logs, frr)), "episodes", self.source)

    def foreign(self, scores: np.ndarray, score: str, augmented: bool, n_way: int, k_shot: float) -> np.ndarray | None:
        """(Q,) scores -> (Q,) the share of foreign queries that come as near; None without such tasks."""
        curve = self._curve(score, augmented, n_way, k_shot)
        if curve is None:
            return None
        bounds, _, beyond = curve
        # equal bounds: the larger share, for a collapsed network lets in all or nothing
        shares = np.array([RATES[np.flatnonzero(bounds <= b)[-1]] for b in bounds])
        found = np.interp(scores, bounds, shares, right=1.0)
        return np.minimum(found * beyond, 1.0)

    def _curve(
        self, score: str, augmented: bool, n_way: int, k_shot: float
    ) -> tuple[np.ndarray, np.ndarray, float] | None:
        """Bounds and false reject rates at RATES, and how many times more classes there are than were played."""
        rows = [r for r in self.rows if (r.score, r.augmented) == (score, augmented)]
        if not rows:
            return None
        shots = sorted({r.k_shot for r in rows})
        below = max((k for k in shots if k <= k_shot), default=shots[0])
        above = min((k for k in shots if k >= k_shot), default=shots[-1])
        share = 0.0 if below == above else (math.log(k_shot) - math.log(below)) / (math.log(above) - math.log(below))
        low, high = (self._at(rows, k, n_way) for k in (below, above))
        mixed = [(1 - share) * a + share * b for a, b in zip(low[:2], high[:2], strict=True)]
        return np.maximum.accumulate(mixed[0]), mixed[1], max(1.0, low[2], high[2])

    @staticmethod
    def _at(rows: Sequence[Row], k_shot: int, n_way: int) -> tuple[np.ndarray, np.ndarray, float]:
        of = sorted((r for r in rows if r.k_shot == k_shot), key=lambda r: r.n_way)
        logs = np.log([r.n_way for r in of])
        bounds, frr = np.array([r.bounds for r in of]), np.array([r.frr for r in of])
        between = [np.interp(math.log(n_way), logs, column) for column in (*bounds.T, *frr.T)]
        return np.array(between[: len(RATES)]), np.array(between[len(RATES) :]), n_way / of[-1].n_way

    def to_json(self) -> dict[str, Any]:
        """Plain values, for card.json."""
        rows = [{k: list(v) if isinstance(v, tuple) else v for k, v in asdict(r).items()} for r in self.rows]
        return {"format": FORMAT, "rates": list(RATES)} | asdict(self) | {"rows": rows}

    @classmethod
    def from_json(cls, value: object) -> OpenSet:
        """The inverse of `to_json`. Raises DataError for anything else: an unknown or missing key, or numbers that
        cannot be."""
        known = {f.name for f in fields(cls)} | {"format", "rates"}
        _need(isinstance(value, dict) and set(value) == known, "keys")
        assert isinstance(value, dict)
        _need(value["format"] == FORMAT and value["rates"] == list(RATES), "format")
        for name in ("classes", "groups", "tasks"):
            _need(_whole(value[name], 0), name)
        _need(all(isinstance(value[n], str) for n in ("source", "digest")), "source")
        _need(isinstance(value["rows"], list) and len(value["rows"]) <= MOST_ROWS, "rows")
        rows = tuple(_row(r) for r in value["rows"])
        kinds = [(r.score, r.augmented, r.n_way, r.k_shot) for r in rows]
        _need(len(set(kinds)) == len(kinds), "rows")
        return cls(rows, *(value[n] for n in ("classes", "groups", "tasks", "source", "digest")))


def of_card(card: dict[str, Any]) -> OpenSet | None:
    """What a run's card has of it, or None. Raises DataError when that cannot be used."""
    return None if card.get(KEY) is None else OpenSet.from_json(card[KEY])


def score_of(rule: str) -> str:
    """The distance that refuses under a rule: that rule's own, for the head the prototypes'."""
    return rule if rule in SCORES else "prototype"


def row(score: str, augmented: bool, n_way: int, k_shot: int, known: np.ndarray, foreign: np.ndarray) -> Row | None:
    """What (M,) scores of known and (F,) of foreign queries tell; None for too few. Raises DataError when scores are
    not finite numbers."""
    if min(len(known), len(foreign)) < FEWEST:
        return None
    same = np.repeat([True, False], [len(known), len(foreign)])
    auroc = metrics.roc_auc(np.concatenate([known, foreign]), same)
    ordered = np.sort(np.asarray(foreign, dtype=np.float64))
    bounds = [_below(ordered, rate) for rate in RATES]
    frr = [float((known > b).mean()) for b in bounds]
    return Row(score, augmented, n_way, k_shot, tuple(bounds), tuple(round(f, 4) for f in frr), round(auroc, 4))


def _below(ordered: np.ndarray, rate: float) -> float:
    """The largest bound that lets in at most this share of what is `ordered`; a little below all when it lets none."""
    k = max(1, math.floor(rate * (len(ordered) + 1)))
    bound = float(ordered[k - 1])
    return float(f"{bound - max(abs(bound), 1e-6) * 2e-6:.7g}")  # the k-th itself stays out


def from_pairs(calibration: Calibration, pictures: int, rate: float) -> Rejection:
    """The bound on the distance to the nearest of so many support pictures, by the calibration of single pairs."""
    check_rate(rate)
    far, at = np.array(calibration.rates["far"]), np.array(calibration.rates["distance"])
    bound = float(at[np.flatnonzero(far <= rate / pictures)[-1]]) if (far <= rate / pictures).any() else float(at[0])
    return Rejection(bound, rate, None, "pairs", calibration.source)


def check_rate(rate: float) -> None:
    """Raises ConfigError unless it is a false accept rate that can be asked for."""
    if not (isinstance(rate, (int, float)) and RATES[0] <= rate <= RATES[-1]):
        raise ConfigError(f"The false accept rate is {rate}, but must lie between {RATES[0]} and {RATES[-1]}.")


def _row(value: object) -> Row:
    _need(isinstance(value, dict) and set(value) == {f.name for f in fields(Row)}, "rows")
    assert isinstance(value, dict)
    _need(value["score"] in SCORES and isinstance(value["augmented"], bool), "rows")
    _need(_whole(value["n_way"], 2) and _whole(value["k_shot"], 1), "rows")
    for name in ("bounds", "frr"):
        _need(isinstance(value[name], list) and len(value[name]) == len(RATES), name)
        _need(all(map(_number, value[name])), name)
    _need(value["bounds"] == sorted(value["bounds"]), "bounds")
    _need(all(0 <= v <= 1 for v in value["frr"]) and _number(value["auroc"]) and 0 <= value["auroc"] <= 1, "frr")
    numbers = {name: tuple(map(float, value[name])) for name in ("bounds", "frr")}
    return Row(**value | numbers | {"auroc": float(value["auroc"])})


def _need(good: bool, what: str) -> None:
    if not good:
        raise DataError(f"What the card says of 'none of these' cannot be used (its {what}); calibrate the run again.")


def _whole(value: object, low: int) -> bool:
    return type(value) is int and low <= value <= 10**9


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12
