"""Distances that no network has learnt from, of every class: one network a fold, each measured on its own fold.

A few validation people tell little about the next person, and a run that learnt from all classes has none. So the
classes are dealt into k folds, the run's own recipe is trained anew k times, each time without one fold, and every fold
is measured by the network that never saw it (Stone 1974; Platt 1999 calibrates by such scores). The
distances of all folds together make the calibration of the run itself. It is a little too careful: a network of a fold
has learnt from fewer classes than the run.

The run's test classes stay out of all of it. The networks are ordinary runs called NAME-fold1of4 and so on: they can be
watched, stopped and resumed, and those that have finished are used again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from siamese_core import (
    calibrate,
    calibration,
    calibration_card,
    curves,
    datasets,
    folds,
    jobs,
    runs,
    trained,
    verifier,
)
from siamese_core.calibration import Calibration
from siamese_core.config import TrainConfig
from siamese_core.errors import RunError
from siamese_core.runs import Run
from siamese_core.scored import ScoredPairs
from siamese_core.types import LabelledSet

Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Pairs that were scored by networks which saw neither of their classes.

    data     the classes that were dealt: the run's training and validation ones
    scored   P pairs; identities are classes of `data`, positions are its items
    fold     (P,) int64, the fold of each pair, from 0
    folds    the names of each fold's groups or classes
    runs     the runs that were trained, one a fold
    """

    data: LabelledSet
    scored: ScoredPairs
    fold: np.ndarray
    folds: tuple[tuple[str, ...], ...]
    runs: tuple[Run, ...]


def usable(run: Run, data_root: Path | None = None, progress: Progress | None = None) -> LabelledSet:
    """The classes that a run may have learnt from: all of its data but the test part. Raises DataError, RunError."""
    whole = datasets.load(run.config().dataset, data_root, progress=progress)
    tests = set(run.manifest().get("split", {}).get("test", ()))
    return whole.classes([i for i, name in enumerate(whole.class_names) if name not in tests])


def configs(run: Run, dealt: list[tuple[str, ...]]) -> list[TrainConfig]:
    """The run's recipe without each fold, and without its test classes; everything else is learnt from."""
    tests = tuple(run.manifest().get("split", {}).get("test", ()))
    return [run.config().with_values(hold_out=names + tests, all_classes=True) for names in dealt]


def trained_folds(
    run: Run, configs: list[TrainConfig], folder: Path, data_root: Path | None = None, progress: Progress | None = None
) -> list[Run]:
    """One finished run a config, made or taken up where it is not there yet. Raises RunError when one does not finish,
    or when a run of that name was made otherwise. `progress` may raise to stop waiting; the run is then stopped too."""
    tell = progress or (lambda text, share: None)
    found = []
    for i, config in enumerate(configs):
        name = f"{run.name[:60]}-fold{i + 1}of{len(configs)}"
        one = _started(config, folder, name, data_root)
        try:
            status = jobs.follow(one, _teller(one, tell, i, len(configs)), poll=0.2)
        except BaseException:
            if one.status().active:
                jobs.stop(one)
            raise
        if status.state != "finished":
            why = f": {status.reason}" if status.reason else f" (it is {status.state})"
            raise RunError(f"The network of fold {i + 1}, {name}, was not trained to its end{why}")
        found.append(one)
    return found


def _started(config: TrainConfig, folder: Path, name: str, data_root: Path | None) -> Run:
    if not (folder / name).exists():
        return jobs.start(config, folder, data_root, name)
    one = runs.find(name, folder)
    if one.config() != config:
        raise RunError(
            f"There is a run {name} with other settings or another fold; delete it, and its network is trained anew."
        )
    status = one.status()
    return one if status.active or status.state == "finished" else jobs.resume(one, data_root)


def _teller(one: Run, tell: Progress, i: int, k: int) -> Callable[[list[dict[str, Any]]], None]:
    def told(events: list[dict[str, Any]]) -> None:
        share = max((float(e.get("progress") or 0.0) for e in events), default=0.0)
        tell(f"Training the network of fold {i + 1} of {k}", (i + share) / k)

    return told


def measured(
    data: LabelledSet, dealt: list[tuple[str, ...]], of_folds: list[Run], device: str = "auto", seed: int = 0
) -> OutOfFold:
    """Score each fold of `data` with its network: balanced pairs, as in `verifier.score`. Raises DataError when a fold
    has no pairs of both kinds."""
    parts, fold = [], []
    for i, (names, run) in enumerate(zip(dealt, of_folds, strict=True)):
        wanted = set(names)
        of = data.class_names if data.class_groups is None else [data.group_of(c) for c in range(data.n_classes)]
        classes = np.array([c for c in range(data.n_classes) if of[c] in wanted], dtype=np.int64)
        model = trained.load(run, device, calibrated=False)
        part = data.classes(classes)
        part = part.with_items(part.items.fitted(model.spec))
        calibrate.refuse_training_data(run, part.items.digests())
        parts.append(_in_whole(verifier.score(model, part, seed, verifier.MAX_PAIRS // len(dealt)), classes, data))
        fold.append(np.full(len(parts[-1]), i, dtype=np.int64))
    columns = ("distances", "same", "first_identity", "second_identity", "first", "second")
    whole = ScoredPairs(*(np.concatenate([getattr(p, name) for p in parts]) for name in columns))
    return OutOfFold(data, whole, np.concatenate(fold), tuple(dealt), tuple(of_folds))


def _in_whole(scored: ScoredPairs, classes: np.ndarray, data: LabelledSet) -> ScoredPairs:
    """Pairs of some classes (their items in order) with the numbers that these have in the whole set."""
    items = np.flatnonzero(np.isin(data.labels, classes))
    assert scored.first is not None
    assert scored.second is not None
    return ScoredPairs(
        scored.distances,
        scored.same,
        classes[scored.first_identity],
        classes[scored.second_identity],
        items[scored.first],
        items[scored.second],
    )


def calibrated(found: OutOfFold, seed: int = 0, **how: Any) -> Calibration:
    """A calibration of the pairs of all folds; its quality is cross-fitted over the folds: each is judged by what the
    others say. `how` is as in `calibration.fit`."""
    if how.pop("per_identity", False):
        how["names"] = dict(enumerate(found.data.class_names))
    k = len(found.folds)
    source = f"{found.data.n_classes} classes of {found.data.name}, each by a network of {k} folds that never saw it"
    return calibration.fit(found.scored, source=source, digest=found.data.digest, seed=seed, folds=found.fold, **how)


def fit_run(
    run: Run,
    k: int,
    folder: Path,
    device: str = "auto",
    data_root: Path | None = None,
    progress: Progress | None = None,
    seed: int = 0,
    **how: Any,
) -> tuple[Calibration, OutOfFold]:
    """Train the networks of k folds, and calibrate the run by them; nothing is saved.

    folder: the runs folder, for the networks. Raises RunError while the run is training, or when a fold's network is
    not trained to its end; ConfigError or DataError for settings or data that cannot be.
    """
    calibration.check(**{name: value for name, value in how.items() if name != "per_identity"})
    calibration_card.refuse_training(run)
    data = usable(run, data_root, progress)
    dealt = folds.split(data, k, seed)
    of_folds = trained_folds(run, configs(run, dealt), folder, data_root, progress)
    found = measured(data, dealt, of_folds, device, seed)
    return calibrated(found, seed, **how), found


def of_run(run: Run, k: int, folder: Path, *given: Any, **how: Any) -> tuple[Calibration, OutOfFold]:
    """`fit_run`, and save what it found in the run's card. Raises as it does, and RunError for the starter model or
    when the card cannot be written."""
    calibration_card.refuse_starter(run)
    fitted, found = fit_run(run, k, folder, *given, **how)
    calibration_card.save(run, fitted, bars(found))
    return fitted, found


def bars(found: OutOfFold) -> dict[str, Any]:
    """How the distances lie, for the card of a run that has no validation classes."""
    bins = curves.histogram(found.scored)
    of = f"classes that the networks of {len(found.folds)} folds never saw"
    return {k: v.tolist() for k, v in bins.items()} | {"of": of}
