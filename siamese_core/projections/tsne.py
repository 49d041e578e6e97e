"""t-SNE: van der Maaten and Hinton, "Visualizing data using t-SNE" (2008).

Three engines compute it, with the same settings and from the same beginning (the principal components):

scikit-learn         Barnes-Hut trees (van der Maaten 2014); the reference, always there; 3-D too
scikit-learn-intelex the same by oneDAL: quickest by far, on x86 processors, 2-D only; tells nothing while it runs
opentsne             Poličar, Stražar and Zupan 2024; trees, or for many points on a plane interpolation by FFT
                     (Linderman and others 2019); its iterations can be watched

Ours is the choice between them, that the perplexity fits few points (see `projection.plan`), and 600 iterations (250 of
them exaggerated) at twice scikit-learn's automatic learning rate: as good as its 1,000 (see docs/maps.md) in 0.6 of
the time. openTSNE keeps its own automatic rate, which grows when the exaggeration ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout
from importlib.util import find_spec
from io import TextIOBase
from typing import Any

import numpy as np

from siamese_core.projections.base import Hooks, Plan, Progress, Projected, start

ITERATIONS = 600
EXAGGERATED = 250  # of these, with clusters pulled together
EXAGGERATION = 12.0
AUTOMATIC_PERPLEXITY = 30.0
FEWEST = 5
SPREAD = 1e-4
ONE_THREAD = 1000  # points up to which more threads only wait for each other, the more when others compute
FFT_FROM = 10_000  # points from which interpolation is quicker than trees
WATCH_EVERY = 10  # iterations between two looks

PACKAGES = {"scikit-learn-intelex": "sklearnex", "opentsne": "openTSNE", "scikit-learn": "sklearn"}
FLAT_ONLY = ("scikit-learn-intelex", "opentsne")  # these draw 2-D maps alone


def engines(dims: int) -> list[str]:
    """The engines that seem to be installed and can do so many dimensions, quickest first."""
    order = ("scikit-learn-intelex", "scikit-learn", "opentsne")
    return [e for e in order if find_spec(PACKAGES[e]) and (dims == 2 or e not in FLAT_ONLY)]


def project(x: np.ndarray, plan: Plan, seed: int, hooks: Hooks) -> Projected:
    """(N, D) float64, all different -> the map. An engine that cannot be loaded here is passed over for the next."""
    begin = start(x, plan.dims, seed, SPREAD)
    wanted = [plan.engine] if plan.engine not in ("", "automatic") else []
    for engine in dict.fromkeys([*wanted, *engines(plan.dims)]):
        try:
            fit = ENGINES[engine]()
        except (ImportError, OSError):  # not for this processor, or half installed
            continue
        points = fit(x, begin, plan, seed, hooks)
        if np.isfinite(points).all():
            return Projected(points.astype(np.float64), engine)
    raise RuntimeError("no engine for t-SNE gave a map")


def _settings(x: np.ndarray, plan: Plan) -> tuple[float, float]:
    """The perplexity, and the learning rate as scikit-learn counts it: automatic is twice scikit-learn's automatic."""
    return plan.perplexity or AUTOMATIC_PERPLEXITY, plan.learning_rate or max(len(x) / EXAGGERATION / 2, 50.0)


def _scikit_learn() -> Callable[..., np.ndarray]:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    def fit(x: np.ndarray, begin: np.ndarray, plan: Plan, seed: int, hooks: Hooks) -> np.ndarray:
        perplexity, rate = _settings(x, plan)
        model = TSNE(
            n_components=plan.dims, perplexity=perplexity, learning_rate=rate, init=begin.astype(np.float32),
            random_state=seed, max_iter=ITERATIONS, verbose=2 if hooks.progress else 0,
        )  # fmt: skip
        with ExitStack() as stack:
            if len(x) <= ONE_THREAD:
                stack.enter_context(threadpool_limits(1))
            if hooks.progress is not None:
                hooks.progress("Measuring distances", 0.0)
                stack.enter_context(redirect_stdout(_Listener(hooks.progress)))
            return np.asarray(model.fit_transform(x))

    return fit


def _intelex() -> Callable[..., np.ndarray]:
    from sklearnex.manifold import TSNE

    def fit(x: np.ndarray, begin: np.ndarray, plan: Plan, seed: int, hooks: Hooks) -> np.ndarray:
        perplexity, rate = _settings(x, plan)
        if hooks.progress is not None:
            hooks.progress("Measuring distances", 0.0)
        hooks.silent("t-SNE is finding places")
        model = TSNE(
            n_components=2, perplexity=perplexity, learning_rate=rate, init=begin.astype(np.float32),
            random_state=seed, max_iter=ITERATIONS, n_jobs=1 if len(x) <= ONE_THREAD else None,
        )  # fmt: skip
        return np.asarray(model.fit_transform(x))

    return fit


def _opentsne() -> Callable[..., np.ndarray]:
    from openTSNE import TSNE

    def fit(x: np.ndarray, begin: np.ndarray, plan: Plan, seed: int, hooks: Hooks) -> np.ndarray:
        perplexity, rate = _settings(x, plan)
        hooks.silent("Finding neighbours")
        model = TSNE(
            perplexity=perplexity, initialization=begin.copy(), random_state=seed,
            learning_rate=4 * rate if plan.learning_rate else "auto",  # its gradient lacks the other's factor of 4
            early_exaggeration=EXAGGERATION, early_exaggeration_iter=EXAGGERATED, n_iter=ITERATIONS - EXAGGERATED,
            neighbors="exact" if len(x) < FFT_FROM else "auto",
            negative_gradient_method="fft" if len(x) >= FFT_FROM else "bh",
            n_jobs=1 if len(x) <= ONE_THREAD else -1,
            callbacks=_Watcher(hooks), callbacks_every_iters=WATCH_EVERY,
        )  # fmt: skip
        return np.asarray(model.fit(x))

    return fit


ENGINES: dict[str, Callable[[], Callable[..., np.ndarray]]] = {
    "scikit-learn-intelex": _intelex,
    "scikit-learn": _scikit_learn,
    "opentsne": _opentsne,
}


class _Watcher:
    """Passes openTSNE's iterations on: its callbacks know only the iteration within one of its two phases."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._last = self._before = 0

    def optimization_about_to_start(self) -> None:
        """A phase begins."""
        self._before, self._last = self._before + self._last, 0

    def __call__(self, iteration: int, error: float, embedding: Any) -> bool:
        """Told every few iterations; never asks to stop, but what is told may raise."""
        self._last = iteration
        done = min(self._before + iteration, ITERATIONS)
        if self._hooks.progress is not None:
            self._hooks.progress(f"Iteration {done} of {ITERATIONS}", done / ITERATIONS)
        if self._hooks.watch is not None:
            self._hooks.watch(np.asarray(embedding, dtype=np.float64), done, ITERATIONS)
        return False


class _Listener(TextIOBase):
    """Turns the lines that scikit-learn prints into progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._rest = ""

    def writable(self) -> bool:
        """It is only written to."""
        return True

    def write(self, text: str) -> int:
        """Take some text; whole lines are read."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if found := re.match(r"\[t-SNE\] Iteration (\d+):", line):
                done = int(found[1])
                self._progress(f"Iteration {done} of {ITERATIONS}", min(done / ITERATIONS, 1.0))
        return len(text)
