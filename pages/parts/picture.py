"""The one picture of what a siamese network is: two signs through the twin to two embeddings, one distance
and a verdict. It moves in the browser; its assets are plain files and carry nothing that anybody typed.
"""

from __future__ import annotations

import base64
import io
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from pages.parts import cache
from siamese_core.runs import Run
from siamese_core.types import LabelledSet

ASSETS = Path(__file__).parent / "browser"
SOON = "The network is being loaded; its numbers appear here in a moment."
NEVER = "This copy has no starter model: train a network, then compare pairs with it."

_twin = st.components.v2.component(
    "siamese_twin", **{kind: (ASSETS / f"twin.{kind}").read_text("utf-8") for kind in ("html", "css", "js")}
)


def twin(run: Run | None) -> bool:
    """Draw the picture with a run's numbers; False while they are still to come. Raises RunError."""
    signs = cache.signs()
    seen = cache.seen_by(run, signs) if run else None
    _twin(key="twin", data=scene(signs) | {"waiting": SOON if run else NEVER, "found": seen and numbers(seen)})
    return run is None or seen is not None


def scene(signs: LabelledSet) -> dict[str, Any]:
    """What is there before any network: the signs, and the order in which pairs of them come."""
    labels = signs.labels
    pairs = list(combinations(range(len(signs)), 2))
    order = np.random.default_rng(0).permutation(len(pairs))
    mixed = [pairs[i] for i in order]
    same = [p for p in mixed if labels[p[0]] == labels[p[1]]]
    different = [p for p in mixed if labels[p[0]] != labels[p[1]]]
    hands = signs.makers if signs.makers is not None else np.zeros(len(signs), int)
    return {
        "signs": [
            {"picture": _png(signs.items.natural(i)), "name": f"class {labels[i] + 1}", "hand": f"hand {hands[i] + 1}"}
            for i in range(len(signs))
        ],
        "same": same,
        "different": different,
        "first": same[0],
    }


def numbers(seen: cache.Seen) -> dict[str, Any] | None:
    """What the network makes of all the signs, for the browser; None without a threshold."""
    if seen.threshold is None:
        return None
    return {
        "embeddings": seen.embeddings.astype(float).round(3).tolist(),
        "distances": seen.distances.astype(float).round(4).tolist(),
        "threshold": seen.threshold,
        "top": float(seen.distances.max()),
        "high": float(np.quantile(np.abs(seen.embeddings), 0.99)),
    }


def _png(pixels: np.ndarray) -> str:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
