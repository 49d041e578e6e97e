"""Reads what the page sends to the map in the browser, as the browser does."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

TYPES = {"f4": "<f4", "u4": "<u4", "u2": "<u2", "u1": "<u1"}


def unpacked(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A message -> its header and its arrays."""
    size = int.from_bytes(data[:4], "little")
    head = json.loads(data[4 : 4 + size])
    arrays = {}
    for a in head["arrays"]:
        arrays[a["name"]] = np.frombuffer(data, TYPES[a["type"]], a["length"], 4 + size + a["at"])
    assert sum(a.nbytes for a in arrays.values()) == len(data) - 4 - size
    return head, arrays


def sent(app: AppTest) -> dict[str, tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """What the page has sent to the first map on it, by kind."""
    carriers = [c.proto for c in app.get("bidi_component") if c.proto.component_name == "siamese_map_data"]
    found: dict[str, tuple[dict[str, Any], dict[str, np.ndarray]]] = {}
    for proto in carriers:
        head, arrays = unpacked(proto.bytes)
        found.setdefault(head["kind"], (head, arrays))
    return found


def maps(app: AppTest) -> list[dict[str, Any]]:
    """The maps on the page: what each is given."""
    return [json.loads(c.proto.json) for c in app.get("bidi_component") if c.proto.component_name == "siamese_scatter"]


def galleries(app: AppTest) -> list[dict[str, Any]]:
    """The galleries of a selection on the page."""
    return [json.loads(c.proto.json) for c in app.get("bidi_component") if c.proto.component_name == "siamese_gallery"]
