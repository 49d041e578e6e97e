"""Folds: a set's classes dealt into k parts, each of which is tested once by a run that never saw it.

Cross-fitting as in k-fold cross-validation (Stone 1974, Geisser 1975), by class as everything here is: whole
groups (writers, alphabets) go together. Each part becomes a file for `train --hold-out @FILE`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from siamese_core.errors import ConfigError, DataError
from siamese_core.files import write_atomic
from siamese_core.types import LabelledSet

LEAST = 2  # classes in a fold: fewer cannot be measured


def split(data: LabelledSet, k: int, seed: int = 0) -> list[tuple[str, ...]]:
    """k folds of names to hold out, sorted: of groups where there are groups, else of classes.

    Every name is in exactly one fold; the folds hold as equal numbers of classes as whole groups allow.
    The same seed gives the same folds on every machine. Raises ConfigError for fewer than two folds,
    DataError when there are too few groups or classes for so many.
    """
    if k < 2:
        raise ConfigError(f"{k} folds were asked for, but at least 2 are needed.")
    if seed < 0:
        raise ConfigError(f"The seed is {seed}, but must be at least 0.")
    names = data.class_names if data.class_groups is None else data.group_names
    groups = np.arange(data.n_classes) if data.class_groups is None else data.class_groups
    sizes = np.bincount(groups, minlength=len(names))
    if len(names) < k or data.n_classes < k * LEAST:
        what = "classes" if data.class_groups is None else "groups of classes"
        raise DataError(
            f"{data.name} has {len(names)} {what}, too few for {k} folds of at least {LEAST} classes each; "
            "ask for fewer folds."
        )
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-sizes[order], kind="stable")]  # the large ones first, so that the small ones even out
    folds: list[list[int]] = [[] for _ in range(k)]
    held = np.zeros(k, dtype=np.int64)
    for unit in order:
        smallest = int(np.argmin(held))
        folds[smallest].append(int(unit))
        held[smallest] += sizes[unit]
    if held.min() < LEAST:
        raise DataError(f"{k} folds of {data.name} would leave one with a single class; ask for fewer folds.")
    return [tuple(sorted(names[i] for i in fold)) for fold in folds]


def write(folds: list[tuple[str, ...]], folder: Path) -> list[Path]:
    """One file a fold, fold1.txt and so on, a name a line. Raises DataError when they cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"fold{i + 1}.txt" for i in range(len(folds))]
        for path, names in zip(paths, folds, strict=True):
            write_atomic(path, ("\n".join(names) + "\n").encode())
    except OSError as error:
        raise DataError(f"The folds cannot be written to {folder}: {error.strerror or error}.") from error
    return paths
