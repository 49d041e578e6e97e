"""One-shot tasks: what one is, how often they are solved, and that accuracy on screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from pages.parts import charts, show
from siamese_core import baseline, one_shot
from siamese_core.modalities.image import ImageItems
from siamese_core.one_shot import Support
from siamese_core.types import Embedder, LabelledSet


@dataclass(frozen=True)
class Task:
    """A support set, queries, and the right class of each query where it is known. Pictures are what people see."""

    support: Support
    queries: ImageItems
    truth: tuple[str | None, ...]  # a name that is none of the support set's: a foreign query
    support_pictures: list[np.ndarray]
    query_pictures: list[np.ndarray]


def sampled(data: LabelledSet, ways: int, shots: int, foreign: int, seed: int) -> tuple[Task, np.ndarray]:
    """A task of a data set with one query a way, and some of classes outside; and the support's places in the set.
    Raises ConfigError as `sample_episode` does."""
    rng = np.random.default_rng([seed, 5])
    drawn = one_shot.sample_episode(data, ways, shots, 1, rng)
    names = tuple(data.class_names[int(c)] for c in drawn.classes)
    order = rng.permutation(len(drawn.queries))
    outside = np.flatnonzero(~np.isin(data.labels, drawn.classes))
    queries = np.concatenate([drawn.queries[order], rng.permutation(outside)[:foreign]])
    task = Task(
        Support(data.items.select(drawn.support), drawn.support_ways, names),
        data.items.select(queries),  # type: ignore[arg-type]
        tuple(data.class_names[int(data.labels[q])] for q in queries),
        [data.items.natural(int(i)) for i in drawn.support],  # type: ignore[attr-defined]
        [data.items.natural(int(i)) for i in queries],  # type: ignore[attr-defined]
    )
    return task, drawn.support


def measured(
    model: Embedder, data: LabelledSet, ways: int, shots: int, count: int, progress: Callable[[str, float], None]
) -> dict[str, Any]:
    """Accuracy over `count` random tasks as `one_shot.episodes` gives it, and "pixels": that of plain pixels on the
    same tasks. Raises ConfigError as `episodes` does."""

    def half(words: str, begin: float) -> Callable[[str, float], None]:
        progress(words, begin)
        return lambda _, fraction: progress(words, begin + fraction / 2)

    told = half(f"Solving {count} tasks by the network", 0.0)
    found = one_shot.episodes(model, data, ways, shots, count, progress=told)
    told = half(f"Solving the same {count} tasks by plain pixels", 0.5)
    plain = one_shot.episodes(baseline.Pixels(model.spec), data, ways, shots, count, progress=told)
    return found | {"pixels": plain["accuracy"]}


def accuracy(found: dict[str, Any], ways: int, shots: int) -> None:
    """A rate with its 95% interval, against plain pixels and chance."""
    low, high = found["interval"]
    left, right = st.columns([0.36, 0.64], vertical_alignment="center")
    left.metric(
        f"{ways}-way {shots}-shot accuracy", show.percent(found["accuracy"]),
        help="Plain pixels: each query gets the class of the picture that is nearest pixel by pixel, without any "
        "network, on the same tasks. What the network adds is the way from there.",
    )  # fmt: skip
    left.caption(f"95% interval {low:.1%} to {high:.1%}, {found['episodes']} tasks")
    with right:
        words = (
            f"Accuracy {found['accuracy']:.1%}, 95% interval {low:.1%} to {high:.1%}; plain pixels "
            f"{found['pixels']:.1%}, chance {found['chance']:.1%}."
        )
        lines = {"chance": found["chance"], "plain pixels": found["pixels"]}
        show.chart(charts.interval(found["accuracy"], low, high, lines), words, "one_shot_interval")
