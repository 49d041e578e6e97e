"""What the files of a run from elsewhere may say; everything is looked at before anything relies on it.

JSON is read strictly (no NaN, no depth, whole characters), fields that the app reads must be of their kind,
and tensors must be those of the network that config.json describes. Events that are not sound are left
out, as readers pass over a broken line; anything else that is not sound is a RunError of one sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from siamese_core import open_set, records, trained, upkeep
from siamese_core.calibration import Calibration
from siamese_core.datasets import REGISTRY
from siamese_core.errors import DataError, RunError
from siamese_core.files import write_atomic, write_json
from siamese_core.novelty import MOST_MAPS
from siamese_core.runs import Run

DEPTH = 8
MAX_EVENTS = 250_000
MAX_TEXT = 20_000
MOST_FEATURES = 2 * MOST_MAPS + 16
PARTS = ("train", "validation", "test")
RATES = ("auc", "eer", "pair_accuracy", "accuracy_at_threshold", "one_shot")
WEIGHTS = ("F32", "I64")  # the counters of batch normalisation are whole numbers


def check(run: Run) -> None:
    """Judge a run's folder whose files came from elsewhere, and write its JSON anew.

    Raises RunError or ConfigError, one sentence, when something in it cannot be used.
    """
    for name, judge in (("config.json", _manifest), ("card.json", _card)):
        path = run.folder / name
        if path.exists():
            value = _strict(path.read_bytes(), name)
            judge(value)
            write_json(path, value)
    config = run.config().check()
    _refuse(not _can_be_looked_for(config.dataset), "its config.json names a data set that cannot be")
    run.spec()
    _events(run.folder / "events.jsonl")
    _texts(run)
    _tensors(run, config.embedding_size)


def _refuse(wrong: bool, why: str) -> None:
    if wrong:
        raise RunError(f"{why}.")


def _strict(data: bytes, name: str) -> Any:
    """A JSON value that is plain to the bottom. Raises RunError."""
    try:
        value = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RunError(f"its {name} is not readable JSON.") from None
    _refuse(not _plain(value), f"its {name} holds values that no run has")
    return value


def _no_constant(word: str) -> None:
    raise ValueError(word)


def _plain(value: Any, depth: int = 0) -> bool:
    """Whether a JSON value is shallow, its numbers finite and its words whole characters."""
    if isinstance(value, str):
        return len(value) <= MAX_TEXT and not re.search(r"[\ud800-\udfff\0]", value)
    if isinstance(value, int | float):
        return -1e18 < value < 1e18
    if isinstance(value, list):
        return depth < DEPTH and all(_plain(v, depth + 1) for v in value)
    if isinstance(value, dict):
        return depth < DEPTH and all(_plain(k) and _plain(v, depth + 1) for k, v in value.items())
    return value is None


def _manifest(value: Any) -> None:
    """config.json: what is not a setting (those are checked by their own reader)."""
    _refuse(not records.manifest(value), "its config.json is not a run's")
    for key in ("input", "data", "split"):
        _refuse(not value.get(key), f"its config.json does not say what its {key} was")
    _refuse(set(value["split"]) != set(PARTS), "its config.json has no three-way split by class")
    data = value["data"]
    _refuse(
        not all(isinstance(data.get(k, ""), str) for k in ("name", "digest", "about"))
        or not all(isinstance(g, str) for g in data.get("groups", [])),
        "its config.json does not say what its data was",
    )


def _can_be_looked_for(dataset: str) -> bool:
    """Whether asking for the data set here ends in a yes or a no."""
    try:
        return dataset in REGISTRY or isinstance(Path(dataset).expanduser().exists(), bool)
    except (OSError, RuntimeError, ValueError):
        return False


def _card(value: Any) -> None:
    """card.json: the threshold, the rates and the histogram of distances."""
    wrong = "its card.json is not a run's"
    _refuse(not records.card(value), wrong)
    seen = value.get("validation") or {}
    _refuse(any(seen.get(k) is not None and not 0 <= seen[k] <= 1 for k in RATES), wrong)
    _refuse(seen.get("n_way") is not None and seen["n_way"] < 2, wrong)
    for part in (value, value.get("calibration_before") or {}):
        if part.get("calibration") is not None:
            try:
                calibration = Calibration.from_json(part["calibration"])
            except DataError as e:
                raise RunError(f"its card.json cannot be used: {e}") from None
            _refuse(calibration.threshold != part.get("threshold"), "its card.json has two different thresholds")
    try:
        open_set.of_card(value)
    except DataError as e:
        raise RunError(f"its card.json cannot be used: {e}") from None


def _events(path: Path) -> None:
    """Write the events anew, without those that are not sound."""
    if path.exists():
        with path.open("rb") as f:
            kept = [line for line in f if line.endswith(b"\n") and _is_event(line)]
        _refuse(len(kept) > MAX_EVENTS, "its events.jsonl has more events than a run can have")
        write_atomic(path, b"".join(kept))


def _is_event(line: bytes) -> bool:
    try:
        return records.event(_strict(line, "events.jsonl"))
    except RunError:
        return False


def _texts(run: Run) -> None:
    """The note, and the digests of the training items."""
    path = run.folder / "train_digests.txt"
    if path.exists():
        digests = path.read_bytes()
        _refuse(not re.fullmatch(rb"(?:[0-9a-f]{16}\n)*", digests), "its train_digests.txt is not a list of digests")
    path = run.folder / upkeep.NOTE
    if path.exists():
        try:
            text = path.read_bytes().decode()
        except UnicodeDecodeError:
            raise RunError("its note.txt is not plain text.") from None
        upkeep.write_note(run, text)


def _tensors(run: Run, size: int) -> None:
    """Weights that fit the network and give numbers; embeddings of the right size."""
    _table(run.weights(), lambda key, kind, shape: kind in WEIGHTS)
    model = trained.load(run)
    shape = (2, model.spec.channels, model.spec.height, model.spec.width)
    with torch.inference_mode():
        z = model.encoder(torch.rand(shape, generator=torch.Generator().manual_seed(0))).numpy()
    finite = torch.isfinite(torch.from_numpy(z)).all() and abs(float(model.distances(z[:1], z[1:])[0])) < float("inf")
    _refuse(not finite, "its best.safetensors gives values that are not numbers")
    samples = [run.folder / "reference.safetensors", *sorted((run.folder / "snapshots").glob("*"))]
    for path in samples:
        if path.exists():
            _sample(path, size)


def _usual(key: str, kind: str, shape: list[int]) -> bool:
    """A tensor that says what training inputs look like."""
    if kind != "F32" or (shape and shape[0] > MOST_FEATURES):
        return False
    return {
        "mean": len(shape) == 1,
        "precision": len(shape) == 2 and shape[0] == shape[1],
        "usual": shape == [2],
    }.get(key, False)


def _sample(path: Path, size: int) -> None:
    """Embeddings (N, D) of the run's own D, and beside them at most one whole number each."""
    lengths = set()

    def fits(key: str, kind: str, shape: list[int]) -> bool:
        if path.name == "reference.safetensors" and _usual(key, kind, shape):
            return True
        lengths.add(shape[0] if shape else 0)
        if key == "embeddings":
            return kind == "F16" and len(shape) == 2 and shape[1] == size
        return key in ("labels", "probe", "items") and kind == "I64" and len(shape) == 1

    _refuse("embeddings" not in _table(path, fits) or len(lengths) != 1, f"its {path.name} does not fit its network")


def _table(path: Path, fits: Callable[[str, str, list[int]], bool]) -> set[str]:
    """The names in a tensor file, after each tensor's type and shape was judged and its numbers were seen to be
    finite. Raises RunError."""
    try:
        with safe_open(path, framework="pt") as f:
            names = set(f.keys())
            for key in names:
                part = f.get_slice(key)
                _refuse(not fits(key, part.get_dtype(), part.get_shape()), f"its {path.name} does not fit its network")
                _refuse(
                    not bool(torch.isfinite(f.get_tensor(key)).all()),
                    f"its {path.name} holds values that are not numbers",
                )
            return names
    except (SafetensorError, OSError, ValueError):
        raise RunError(f"its {path.name} is cut short or damaged.") from None
