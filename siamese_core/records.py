"""What the JSON files of a run may say. A folder may be copied from anywhere, cut short, or changed by hand:
readers of runs ask here first, so that nobody after them meets a word where a number should be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LARGEST = 1e18
LATEST = 4e9  # seconds since 1970
_WHOLE = ("step", "epoch", "epochs", "n_way", "pid")
_STATUS = ("heartbeat", "started", "seconds", "pid", "epoch", "epochs", "step")
_WORDS = ("state", "reason", "device")
_BINS = "histogram"  # of distances: the one field of an event that holds several numbers
_NEEDED = {"step": ("step", "loss"), "epoch": ("step", "seconds"), "resume": ("step",)}


def status(raw: object) -> dict[str, Any]:
    """status.json: what in it is of the right kind; nothing when it is no object."""
    if not isinstance(raw, dict):
        return {}
    kept = {k: raw[k] for k in _STATUS if _number(raw.get(k), whole=k in _WHOLE, low=0)}
    kept |= {k: raw[k] for k in _WORDS if isinstance(raw.get(k), str)}
    return kept | {"mistake": raw.get("mistake") is True}


def event(value: object) -> bool:
    """Whether a line of events.jsonl can be used: steps and epochs hold numbers, messages words."""
    if not isinstance(value, dict):
        return False
    kind = value.get("event")
    if kind == "message":
        return isinstance(value.get("text"), str)
    if kind == "end":
        return True
    if kind not in ("start", "resume", "step", "epoch"):
        return False
    told = {k: v for k, v in value.items() if v is not None}
    needed = _NEEDED.get(str(kind), ())
    if not told.keys() >= set(needed) or not all(_number(told[k], low=0) for k in needed if k != "loss"):
        return False
    if any(k in told and not _number(told[k], whole=True, low=0) for k in _WHOLE):
        return False
    if kind in ("start", "resume"):
        return True
    bins = told.pop(_BINS, {})
    return _numbers(bins) and all(_scalar(v) for k, v in told.items() if k != "event")


def card(value: object) -> bool:
    """Whether a model card can be used: its threshold and rates are numbers, its histogram is one."""
    if not isinstance(value, dict):
        return False
    parts = [value.get(k) or {} for k in ("validation", "distances", "training", "data", "weights")]
    if not all(isinstance(p, dict) for p in parts) or not _decides(value):
        return False
    seen, bins = parts[0], parts[1]
    if not all(_number(v, none=True) for v in seen.values()) or not _number(seen.get("n_way"), True, none=True):
        return False
    if not bins:
        return True
    edges, same, different = (bins.get(k) or [] for k in ("edges", "same", "different"))
    if not isinstance(bins.get("of", ""), str):
        return False
    if not _each(edges, _number) or not all(_each(c, lambda n: _number(n, low=0)) for c in (same, different)):
        return False
    return edges == sorted(edges) and len(same) == len(different) == len(edges) - 1 > 0


def _decides(value: dict[str, Any]) -> bool:
    """Whether a card's threshold is a number, and so is that of what it decided by before."""
    before = value.get("calibration_before") or {}
    return isinstance(before, dict) and all(
        _number(part.get("threshold"), none=True)
        and _number(part.get("calibrated_at"), low=0, high=LATEST, none=True)
        and _number(part.get("accuracy_at_threshold"), none=True)
        for part in (value, before)
    )


def manifest(value: object) -> bool:
    """Whether a config.json has the parts of a run's, each of its kind (its settings are read by their own reader)."""
    if not isinstance(value, dict) or not isinstance(value.get("config"), dict):
        return False
    if not all(isinstance(value.get(k) or {}, dict) for k in ("input", "data", "split")):
        return False
    split = (value.get("split") or {}).values()
    if not all(_each(names, lambda n: isinstance(n, str)) for names in split):
        return False
    return _number(value.get("created_at"), low=0, high=LATEST, none=True)


def _number(
    value: object, whole: bool = False, low: float | None = None, high: float = LARGEST, none: bool = False
) -> bool:
    """Whether a value is a number within bounds; NaN is not."""
    if value is None:
        return none
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        return False
    return (-LARGEST if low is None else low) <= value <= (2**31 if whole else high)


def _scalar(value: object) -> bool:
    """Whether a value is one number (a loss may have ended as NaN), a yes or a no."""
    return isinstance(value, bool) or _number(value, none=True) or value != value


def _numbers(value: object) -> bool:
    """Whether everything in a value is a number."""
    if isinstance(value, dict):
        return all(_numbers(v) for v in value.values())
    return _each(value, _numbers) if isinstance(value, list) else _scalar(value)


def _each(values: object, good: Callable[[Any], bool]) -> bool:
    return isinstance(values, list) and all(good(v) for v in values)
