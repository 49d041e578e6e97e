"""Naming many queries against encoding them: `python -m siamese_core bench classify`.

1,000 queries against a 20-way 5-shot support set: what comes on top of sending the queries through the network is the
support set itself (100 more pictures, encoded anew each time), fitting the rule, the distances, the bound of "none of
these", probabilities and the ranking. Both sides take turns, so that the machine's moods fall on both alike; each time
is the least of its rounds. The headline, for the rules that are asked for by name, should stay below 1.2; `auto`, which
tries every rule on the support set, and a support set that is kept between batches are told beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from siamese_core import one_shot, runs, trained
from siamese_core.modalities.image import ImageItems
from siamese_core.one_shot import Support

QUERIES, WAYS, SHOTS, ROUNDS = 1000, 20, 5, 25


def run(queries: int = QUERIES, rounds: int = ROUNDS) -> dict[str, Any]:
    """Seconds of each rule over those of encoding; the headline is the largest ratio of a rule asked for by name."""
    model = replace(trained.load(runs.STARTER, "cpu"))
    rng = np.random.default_rng(0)

    def pictures(count: int) -> ImageItems:
        spec = model.spec
        shape = (count, spec.channels, spec.height, spec.width)
        return ImageItems(rng.integers(0, 256, shape, dtype=np.uint8), spec)

    asked = pictures(queries)
    labels = np.repeat(np.arange(WAYS), SHOTS)
    support = Support(pictures(len(labels)), labels, tuple(f"class {i}" for i in range(WAYS)))
    kept = one_shot.prepare(model, support, "nearest")
    sides: dict[str, Callable[[], object]] = {"encoding": lambda: model.embed(asked)}
    for rule in ("nearest", "prototype", "head", "auto"):
        sides[rule] = lambda rule=rule: one_shot.prepare(model, support, rule).answer(asked, 0.1)  # type: ignore[misc]
    sides["nearest, support kept"] = lambda: kept.answer(asked, 0.1)
    times: dict[str, list[float]] = {}
    busy: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, side in sides.items():
            begin, used = time.perf_counter(), time.process_time()
            side()
            times.setdefault(name, []).append(time.perf_counter() - begin)
            busy.setdefault(name, []).append(time.process_time() - used)
    best = {name: min(found) for name, found in times.items()}
    used = {name: min(found) for name, found in busy.items()}
    rows = [
        {
            "what": n, "seconds": s, "ratio": s / best["encoding"],
            "processor_seconds": used[n], "processor_ratio": used[n] / used["encoding"],
        }
        for n, s in best.items()
    ]  # fmt: skip
    worst = max(best[rule] for rule in ("nearest", "prototype", "head")) / best["encoding"]
    return {
        "name": "classify",
        "headline": {
            "what": f"{queries:,} queries, {WAYS}-way {SHOTS}-shot, over encoding them (at most 1.2)", "value": worst,
        },
        "rows": rows,
    }  # fmt: skip
