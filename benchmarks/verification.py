"""One million scored pairs, every curve and all intervals: `python -m siamese_core bench verification`.

The pairs are invented, with identities that are good or bad as a whole, and belong to few or to many identities: few
make many pairs a couple of identities, many make large resampled tables. Times are of one run, on as many
threads as the machine gives; the memory is what the process grows by at its highest, over what it held before.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import psutil

from siamese_core import curves
from siamese_core.bootstrap import Bootstrap
from siamese_core.scored import ScoredPairs

PAIRS = 1_000_000
IDENTITIES = (100, 2_000, 20_000)
FAR = np.geomspace(1e-4, 1.0, 100)


def run(pairs: int = PAIRS, identities: tuple[int, ...] = IDENTITIES) -> dict[str, Any]:
    """Seconds and MB for each number of identities; the headline is the slowest."""
    rows = [_row(pairs, count) for count in identities]
    return {
        "name": "verification",
        "headline": {
            "what": f"seconds for all curves and intervals of {pairs:,} scored pairs (at most 10)",
            "value": max(row["seconds"] for row in rows),
        },
        "rows": rows,
    }


def _row(pairs: int, identities: int) -> dict[str, Any]:
    scored = invented(pairs, identities)
    with _Memory() as memory:
        began = time.perf_counter()
        rates = curves.rates(scored)
        curves.precision_recall(rates), curves.average_precision(rates), curves.det(rates.thinned())
        curves.histogram(scored), curves.confusion(scored, 1.5)
        curves.summary(1.0 / (1.0 + np.exp(np.clip(3.0 * (scored.distances - 1.5), -500, 500))), scored.same)
        drawn = time.perf_counter()
        boot = Bootstrap(scored, (1.5,))
        boot.rates_at(1.5), boot.accuracy_at(1.5), boot.eer(), boot.auc(), boot.bands(), boot.roc(FAR)
        done = time.perf_counter()
    return {
        "pairs": pairs,
        "identities": identities,
        "curves_s": round(drawn - began, 2),
        "intervals_s": round(done - drawn, 2),
        "seconds": round(done - began, 2),
        "memory_mb": round(memory.grown / 2**20),
    }


def invented(pairs: int, identities: int, seed: int = 0) -> ScoredPairs:
    """Half same and half different pairs of identities that lie as a whole nearer or farther."""
    rng = np.random.default_rng(seed)
    effect = 0.5 * rng.normal(size=identities)
    i = rng.integers(identities, size=pairs)
    same = np.arange(pairs) % 2 == 0
    j = np.where(same, i, (i + rng.integers(1, identities, size=pairs)) % identities)
    distances = np.where(same, 0.0, 3.0) + effect[i] + effect[j] + 0.8 * rng.normal(size=pairs)
    return ScoredPairs(distances, same, i, j)


class _Memory:
    """How far the process's memory grows at most, looked at every few milliseconds."""

    def __enter__(self) -> _Memory:
        self._process, self._ended = psutil.Process(), threading.Event()
        self.before = self.highest = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.005):
            self.highest = max(self.highest, self._process.memory_info().rss)

    @property
    def grown(self) -> int:
        """Bytes."""
        return self.highest - self.before
