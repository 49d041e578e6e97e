"""Encoding in batches against the bare network's forward passes: `python -m siamese_core bench encode`.

What `Trained.embed` adds to the network is picking items, turning bytes into numbers, and collecting
the results. Both sides encode the same pictures in the same batches, taking turns so that the machine's
moods fall on both alike; each time is the shortest of its rounds, the one least disturbed by whatever
else runs. The ratio should stay below 1.1.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from siamese_core import distances, encoders, presets
from siamese_core.modalities.image import ImageItems
from siamese_core.trained import Trained, batch_of
from siamese_core.types import InputSpec

ITEMS, ROUNDS = 1024, 25
SIZES = (("digits", "quick"), ("omniglot", "laptop"))


def run(items: int = ITEMS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Seconds of both for the presets' networks; the headline is the larger ratio."""
    rows = [_row(dataset, preset, items, rounds) for dataset, preset in SIZES]
    worst = max(row["ratio"] for row in rows)
    return {
        "name": "encode",
        "headline": {"what": "time to encode over the bare network's forward passes (at most 1.1)", "value": worst},
        "rows": rows,
    }


def _row(dataset: str, preset: str, count: int, rounds: int) -> dict[str, Any]:
    config = presets.build(dataset, preset)
    spec = InputSpec(1, config.image_size, config.image_size, "ink")
    torch.manual_seed(0)
    encoder = encoders.build(config, spec).eval().requires_grad_(False)
    distance = distances.build(config.distance, config.embedding_size).eval().requires_grad_(False)
    model = Trained("bench", config, spec, {}, None, None, "", "cpu", None, encoder, distance)
    pixels = np.random.default_rng(0).integers(0, 256, (count, 1, spec.height, spec.width), dtype=np.uint8)
    items = ImageItems(pixels, spec)
    ready = torch.from_numpy(pixels.astype(np.float32) / 255).split(batch_of(spec, "cpu"))

    def bare() -> None:
        with torch.inference_mode():
            for batch in ready:
                encoder(batch)

    def ours() -> None:
        model.embed(items)

    bare_s, ours_s = _taking_turns(bare, ours, rounds)
    return {
        "network": f"{config.encoder}, {config.width} channels, {spec.height} x {spec.width}",
        "items": count,
        "bare_s": round(bare_s, 4),
        "encode_s": round(ours_s, 4),
        "ratio": round(ours_s / bare_s, 4),
        "items_per_second": round(count / ours_s),
    }


def _taking_turns(a: Any, b: Any, rounds: int) -> tuple[float, float]:
    """Least seconds of both; the first round of each is not counted."""
    times: tuple[list[float], list[float]] = ([], [])
    for i in range(rounds + 1):
        for side, work in enumerate((a, b) if i % 2 else (b, a)):
            began = time.perf_counter()
            work()
            if i:
                times[side if i % 2 else 1 - side].append(time.perf_counter() - began)
    return min(times[0]), min(times[1])
