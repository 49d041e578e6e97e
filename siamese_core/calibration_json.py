"""A calibration as JSON, read with no trust: a card may have been copied from anywhere or changed by hand."""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from itertools import pairwise
from typing import Any

from siamese_core.errors import DataError

FORMAT = 1
TOLD = ("format", "band", "band_rule")  # for people; worked out again when it is read
COLUMNS = ("distance", "far", "far_low", "far_high", "frr", "frr_low", "frr_high")
QUALITY = ("ece", "brier", "brier_skill", "auc", "eer")
COUNTS = ("units", "identities", "same_pairs", "different_pairs")
UNITS = ("identities", "linked", "items", "pairs")
MOST = 5_000  # rows of a table


def written(calibration: Any) -> dict[str, Any]:
    """Plain values of all its fields."""
    return {"format": FORMAT} | _plain(asdict(calibration))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def read(kind: type, value: object, methods: tuple[str, ...], points: tuple[str, ...]) -> dict[str, Any]:
    """The arguments of a calibration. Raises DataError in one sentence."""
    known = {f.name for f in fields(kind)}
    if not isinstance(value, dict):
        raise DataError("The calibration is not an object of named values; calibrate the run again.")
    wrong = sorted(set(value) - known - set(TOLD)) + sorted(known - set(value))
    if wrong:
        raise DataError(f"The calibration has an unknown or a missing key ({wrong[0]!r}); calibrate the run again.")
    _need(value.get("format", FORMAT) == FORMAT, "format")
    for name, choices in (("method", methods), ("operating_point", points), ("unit", UNITS)):
        _need(value[name] in choices, name)
    for name in ("digest", "source"):
        _need(isinstance(value[name], str), name)
    for name in COUNTS:
        _need(type(value[name]) is int and value[name] > 0, name)
    _need(_number(value["threshold"]), "threshold")
    _need(_number(value["prior"], 0.0, 1.0) and 0.0 < value["prior"] < 1.0, "prior")
    _need(_number(value["certainty"], 0.5, 1.0) and 0.5 < value["certainty"] < 1.0, "certainty")
    _need(_row(value["value"]) and len(value["value"]) <= 2, "value")
    _need(isinstance(value["thresholds"], dict) and all(map(_number, value["thresholds"].values())), "thresholds")
    _need(isinstance(value["quality"], dict) and set(value["quality"]) == set(QUALITY), "quality")
    _need(all(map(_number, value["quality"].values())), "quality")
    _curve(value)
    arguments = {k: value[k] for k in known}
    return arguments | {
        "value": tuple(map(float, value["value"])),
        "coefficients": tuple(map(float, value["coefficients"])),
        "knots": tuple((float(a), float(b)) for a, b in value["knots"]),
        "rates": _rates(value["rates"]),
        "threshold": float(value["threshold"]),
    }


def _curve(value: dict[str, Any]) -> None:
    """The probability falls: coefficients for the logistic, knots for the isotonic, not both."""
    line, knots = value["coefficients"], value["knots"]
    logistic = value["method"] == "logistic"
    _need(_row(line) and len(line) == (2 if logistic else 0), "coefficients")
    _need(not logistic or line[0] <= 0.0, "coefficients")
    pairs = isinstance(knots, (list, tuple)) and all(_row(k) and len(k) == 2 for k in knots)
    _need(pairs and (len(knots) == 0 if logistic else 0 < len(knots) <= MOST), "knots")
    _need(all(a[0] < b[0] and a[1] >= b[1] for a, b in pairwise(knots)), "knots")


def _rates(value: object) -> dict[str, tuple[float, ...]]:
    """The table of error rates: distances rise, FAR rises, FRR falls, all within 0..1 and their intervals."""
    _need(isinstance(value, dict), "rates")
    assert isinstance(value, dict)
    _need(set(value) == set(COLUMNS) and all(map(_row, value.values())), "rates")
    rows = len(value["distance"])
    _need(2 <= rows <= MOST and all(len(column) == rows for column in value.values()), "rates")
    table = {k: tuple(map(float, value[k])) for k in COLUMNS}
    _need(all(0.0 <= x <= 1.0 for k in COLUMNS[1:] for x in table[k]), "rates")
    for name, turned in (("distance", 1), ("far", 1), ("frr", -1)):
        steps = [turned * (b - a) for a, b in pairwise(table[name])]
        _need(all(s > 0 if name == "distance" else s >= 0 for s in steps), "rates")
    return table


def _need(good: bool, name: str) -> None:
    if not good:
        raise DataError(f"The calibration's '{name}' cannot be used; calibrate the run again.")


def _number(value: object, low: float = -1e18, high: float = 1e18) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) and low <= value <= high


def _row(value: object) -> bool:
    return isinstance(value, (list, tuple)) and len(value) <= MOST and all(map(_number, value))
