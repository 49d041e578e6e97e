"""Digits as picture files, and tables of pairs of them: what a run on the digits is calibrated on by tests."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from PIL import Image

UNSEEN = (8, 9)  # classes that the run of `ready` was not trained on


@cache
def pictures(classes: tuple[int, ...] = UNSEEN, each: int = 16) -> dict[str, bytes]:
    """{"8/0.png": its bytes, ...}."""
    from siamese_core import datasets

    data = datasets.load("digits")
    found = {}
    for c in classes:
        for k, i in enumerate(np.flatnonzero(data.labels == c)[:each]):
            out = io.BytesIO()
            Image.fromarray(data.items.natural(int(i))).save(out, "PNG")
            found[f"{c}/{k}.png"] = out.getvalue()
    return found


def rows(
    classes: tuple[int, ...] = UNSEEN, each: int = 16, count: int = 30, seed: int = 0
) -> list[tuple[str, str, int]]:
    """So many same pairs and as many different ones, no pair twice: (picture, picture, 1 or 0)."""
    rng = np.random.default_rng(seed)
    found: dict[tuple[str, str], int] = {}
    for same in (1, 0):
        while sum(v == same for v in found.values()) < count:
            a, b = rng.choice(classes, 2, replace=False)
            i, j = rng.choice(each, 2, replace=False)
            pair = sorted((f"{a}/{i}.png", f"{a if same else b}/{j}.png"))
            found.setdefault((pair[0], pair[1]), same)
    return [(a, b, same) for (a, b), same in found.items()]


def table(pairs: list[tuple[str, str, int]], separator: str = ",") -> str:
    """The CSV of these pairs."""
    lines = ["image_a,image_b,label", *(f"{a},{b},{same}" for a, b, same in pairs)]
    return "\n".join(lines).replace(",", separator) + "\n"
