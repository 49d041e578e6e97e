"""A finished map as bytes for the browser: positions and columns, sent once.

A message is the length of its header (4 bytes, little-endian), the header (JSON) and then the arrays it describes, one
after the other. `browser/map_data.js` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pages.parts import show, theme
from siamese_core import sprites

PARTS = ("Learnt from", "Validation", "Test", "Another set")  # by the codes of `split`
KNOWN = {"x", "y", "z", "labels", "indices", "class_names", "groups", "group_names", "split", "error", "centre",
         "nearest", "nearest_distance"}  # fmt: skip
TYPES = {"f4": np.float32, "u4": np.uint32, "u2": np.uint16, "u1": np.uint8}
MOST_PICTURES = 2000  # that are sent with the points; of larger maps, those that are looked at
MOST_COLUMNS = 12  # of numbers

Column = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Placed:
    """New items placed into a map that stays as it is: places (M, dims), what each is called, and their pixels
    (M, C, H, W) as the network sees them where they are pictures."""

    places: np.ndarray
    names: Sequence[str]
    pixels: np.ndarray | None = None


def message(kind: str, of: str, head: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """One message about the map `of`; arrays are (N,) of the types in TYPES."""
    described, parts, at = [], [], 0
    for name, values in arrays.items():
        code = next(c for c, t in TYPES.items() if values.dtype == t)
        data = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
        described.append({"name": name, "type": code, "at": at, "length": len(values)})
        parts.append(data)
        at += len(data)
    text = json.dumps({"kind": kind, "of": of, **head, "arrays": described}).encode()
    return b"".join([len(text).to_bytes(4, "little"), text, *parts])


def points(of: str, found: Mapping[str, np.ndarray]) -> bytes:
    """A map as `map_jobs.result` gives it; what it does not hold is left out."""
    columns, arrays = described(found)
    for axis in ("x", "y", "z"):
        if axis in found:
            arrays[axis] = found[axis].astype(np.float32)
    arrays["ids"] = found["indices"].astype(np.uint32)
    unseen = unseen_of(found)
    if unseen.any() and not unseen.all():
        arrays["unseen"] = unseen.astype(np.uint8)
    head = {"count": len(found["x"]), "columns": columns, "pictured": "pixels" in found}
    return message("points", of, head, arrays)


def places(of: str, found: Mapping[str, np.ndarray], step: int) -> bytes:
    """Where the points of a growing map are after so many steps."""
    axes = {axis: found[axis].astype(np.float32) for axis in ("x", "y", "z") if axis in found}
    return message("places", of, {"step": step}, axes)


def pictures(of: str, pixels: np.ndarray, ink: bool, which: np.ndarray) -> bytes:
    """The pictures of some points, as one sheet. pixels (N, C, H, W) as the network sees them."""
    sheet = sprites.sheet(pixels[which], ink)
    arrays = {"which": which.astype(np.uint32), "png": np.frombuffer(sheet.png, np.uint8)}
    head = {"across": sheet.across, "width": sheet.width, "height": sheet.height}
    return message("pictures", of, head, arrays)


def placed(of: str, items: Placed | None, ink: bool) -> bytes:
    """The new items on a map; None or no items: there are none any more."""
    if items is None or not len(items.places):
        return message("placed", of, {"items": []}, {})
    shown = [
        {"name": str(name), "x": float(p[0]), "y": float(p[1]), "z": float(p[2]) if len(p) > 2 else 0.0}
        for name, p in zip(items.names, items.places, strict=True)
    ]
    if items.pixels is None:
        return message("placed", of, {"items": shown}, {})
    sheet = sprites.sheet(items.pixels, ink)
    head = {"items": shown, "across": sheet.across, "width": sheet.width, "height": sheet.height}
    return message("placed", of, head, {"png": np.frombuffer(sheet.png, np.uint8)})


def near(of: str, chosen: int | None, neighbours: Sequence[int]) -> bytes:
    """The chosen point and its true neighbours."""
    return message("near", of, {"chosen": -1 if chosen is None else chosen, "points": list(neighbours)}, {})


def described(found: Mapping[str, np.ndarray]) -> tuple[list[Column], dict[str, np.ndarray]]:
    """What points can be coloured by: columns for the browser, and their values by key."""
    names = [show.class_name(n) for n in found["class_names"]]
    labels = found["labels"]
    columns: list[Column] = [_classes("class", "Class", names, named=True)]
    arrays = {"class": _codes(labels, len(names))}
    group_names = [show.class_name(n) for n in found.get("group_names", ())]
    if len(group_names) > 1:
        columns.append(_classes("group", "Group", group_names, named=True))
        arrays["group"] = _codes(found["groups"], len(group_names))
    if "split" in found and len(np.unique(found["split"])) > 1:
        columns.append(_classes("part", "Learnt from or not", PARTS))
        arrays["part"] = np.clip(found["split"], 0, len(PARTS) - 1).astype(np.uint8)
    if "error" in found and np.isfinite(found["error"]).any():
        columns.append(_numbers("error", "Map error", told=True))
        arrays["error"] = found["error"].astype(np.float32)
    for key, values in _others(found):
        columns.append(_numbers(f"own_{key}", key.replace("_", " ").capitalize()))
        arrays[f"own_{key}"] = values.astype(np.float32)
    return columns, arrays


def facts(of: str, found: Mapping[str, np.ndarray], nearest: np.ndarray, distances: np.ndarray) -> bytes:
    """What each point's nearest neighbour in the original space says: its class, whether that is right, how far it
    is. nearest (N,) indices, distances (N,)."""
    labels, names = found["labels"], [str(n) for n in found["class_names"]]
    predicted = labels[nearest]
    right = (predicted == labels).astype(np.uint8)
    columns = [
        _classes("right", "Nearest is right or wrong", ["Wrong", "Right"], [theme.DIFFERENT, theme.SAME]),
        _classes("predicted", "Class of the nearest", names, told=True, named=True),
        _numbers("distance", "Distance to the nearest", told=True),
    ]
    arrays = {
        "right": right,
        "predicted": _codes(predicted, len(names)),
        "distance": distances.astype(np.float32),
    }
    return message("facts", of, {"columns": columns}, arrays)


def own(of: str, digest: str, columns: Mapping[str, np.ndarray]) -> bytes:
    """Columns of numbers of the reader's, by name, (N,) each; they take the place of those that came before. digest:
    of all that they hold."""
    keys = {name: f"mine_{digest[:12]}_{i}" for i, name in enumerate(columns)}
    told = [_numbers(key, name, told=True) | {"mine": True} for name, key in keys.items()]
    arrays = {keys[name]: values.astype(np.float32) for name, values in columns.items()}
    return message("own", of, {"digest": digest, "columns": told}, arrays)


def unseen_of(found: Mapping[str, np.ndarray]) -> np.ndarray:
    """(N,) bool: points of classes that the network has not learnt from, as far as the map says."""
    return found["split"] != 0 if "split" in found else np.zeros(len(found["x"]), bool)


def _others(found: Mapping[str, np.ndarray]) -> list[tuple[str, np.ndarray]]:
    """Columns of numbers that a map brings besides the known ones."""
    count = len(found["x"])
    kept = [
        (key, values)
        for key, values in found.items()
        if key not in KNOWN and values.shape == (count,) and values.dtype.kind in "fiub"
    ]
    return kept[:MOST_COLUMNS]


def _codes(values: np.ndarray, count: int) -> np.ndarray:
    return values.astype(np.uint16 if count <= 65535 else np.uint32)


def _classes(
    key: str,
    name: str,
    names: Sequence[str],
    colours: Sequence[str] | None = None,
    told: bool = False,
    named: bool = False,
) -> Column:
    """A column of classes; `told` where the pointer is, `named` on the map itself."""
    more = {"colours": colours, "told": told, "named": named}
    return {"key": key, "name": name, "kind": "class", "names": list(names), **more}


def _numbers(key: str, name: str, told: bool = False) -> Column:
    return {"key": key, "name": name, "kind": "number", "told": told, "named": False}
