"""The published ways of measuring a trained run, each returning the plain values of the command line.

verification: same or different (Koch et al. 2015). one-shot: random N-way K-shot tasks (Vinyals et al.
2016). lake: the fixed 20-way runs of Lake et al. (2011, 2015), support and query drawn by different
people within one alphabet. Fields that are not measured yet are None.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from siamese_core import metrics, one_shot, paired, verifier
from siamese_core.errors import DataError, RunError
from siamese_core.modalities.image import from_files
from siamese_core.runs import Run
from siamese_core.scored import ScoredPairs
from siamese_core.types import Embedder, InputSpec, Items, LabelledSet

_WORLDS = {"ink": "ink", "photo": "photos"}
PARTS = ("train", "validation", "test")
OMNIGLOT = (("omniglot-py", "images_background"), ("omniglot-py", "images_evaluation"))

Progress = Callable[[str, float], None]


def data_for(
    run: Run,
    data: str | None = None,
    part: str = "test",
    data_root: Path | None = None,
    progress: Progress | None = None,
) -> LabelledSet:
    """What to measure a run on: the classes of one part of its own split, or other data by name or path.

    A path to Omniglot in its published layout (omniglot-py/images_evaluation) is read as Omniglot, so
    that its drawers are known. Raises DataError when it cannot be loaded, RunError when the run has no
    split yet or its own data no longer has the classes.
    """
    from siamese_core import datasets
    from siamese_core.datasets import omniglot

    if data is not None:
        path = Path(data).expanduser().absolute()
        if data not in datasets.REGISTRY and path.is_dir() and (path.parent.name, path.name) in OMNIGLOT:
            return omniglot.load(path.parent.parent, progress, path.name)
        return datasets.load(data, data_root, progress=progress)
    names = run.manifest().get("split", {}).get(part)
    if not names:
        raise RunError(f"Run {run.name} has no {part} classes of its own; give other data to use with it.")
    whole = datasets.load(run.config().dataset, data_root, progress=progress)
    index = {name: i for i, name in enumerate(whole.class_names)}
    missing = [name for name in names if name not in index]
    if missing:
        raise RunError(
            f"The data set {whole.name} no longer has the class '{missing[0]}' of run {run.name}; "
            "put it back, or give other data."
        )
    return whole.classes([index[name] for name in names])


def fitting_note(run: Run, data: LabelledSet) -> str:
    """What is done to pictures that are not as the run's network reads them, in a sentence; empty where they are so,
    and for the data set that the run was trained on, where training did the same."""
    spec, own = run.spec(), data.items.spec
    if own == spec or data.name == run.manifest().get("data", {}).get("name"):
        return ""
    alike = (own.polarity, own.channels) == (spec.polarity, spec.channels)
    return (f"The network reads {_kind(spec)} of {spec.width} x {spec.height} pixels; these pictures are "
            f"{'of another size' if alike else _kind(own)}, and are brought to that.")  # fmt: skip


def _kind(spec: InputSpec) -> str:
    colour = "in colour" if spec.channels == 3 else "in grey"
    return "ink on paper" if spec.polarity == "ink" and spec.channels == 1 else f"{_WORLDS[spec.polarity]} {colour}"


def overlap_warnings(run: Run, items: Items, class_names: tuple[str, ...] = ()) -> list[str]:
    """Plain sentences when a run has seen what it is about to be measured on; empty when it has not.

    items: the data, of any size; class_names: its classes, to be compared with the validation classes,
    on which the run's threshold and best epoch were chosen. Raises RunError when the run has no input yet.
    """
    found = _overlap(run, items.fitted(run.spec()).digests())
    chosen = set(run.manifest().get("split", {}).get("validation", ()))
    fitted_on = sum(name in chosen for name in class_names)
    if fitted_on:
        found.append(
            f"{fitted_on} of these {len(class_names)} classes have the names of the run's validation classes, on which "
            "its threshold and best epoch were chosen, so the figures may flatter it."
        )
    return found


def verification(
    trained: verifier.ThresholdEmbedder,
    data: LabelledSet,
    seed: int = 0,
    max_pairs: int = verifier.MAX_PAIRS,
    beside: verifier.ThresholdEmbedder | None = None,
    names: tuple[str, str] = ("this run", "the other run"),
) -> dict[str, Any]:
    """Balanced pairs, up to `max_pairs` of each kind; threshold and probabilities are the run's own, from its
    calibration; the fields are those of `verifier.measure`.

    beside: another run for the very same pairs; "beside" then holds its figures, with "difference" (`paired.compare`;
    the first run's minus its own), "difference_over" and "verdict", a sentence with the two `names`. Raises DataError
    without pairs of both kinds.
    """
    scored, found = _verified(trained, data, seed, max_pairs)
    if beside is not None:
        of_other, other = _verified(beside, data, seed, max_pairs)
        difference = paired.compare(scored, of_other, (trained.threshold, beside.threshold), seed=seed)
        found["beside"] = other | {
            "difference": difference.values(),
            "difference_over": difference.over,
            "verdict": paired.verdict(difference, *names),
        }
    return found


def _verified(
    trained: verifier.ThresholdEmbedder, data: LabelledSet, seed: int, max_pairs: int
) -> tuple[ScoredPairs, dict[str, Any]]:
    scored = verifier.score(trained, data, seed, max_pairs)
    found = verifier.measure(scored, trained.threshold, trained.calibration, seed)
    warnings = [] if found["threshold"] is not None else ["This run has no threshold, so accuracy is null."]
    if trained.calibration is None:
        warnings.append("This run is not calibrated, so ece and brier are null; `calibrate` mends that.")
    return scored, {
        "protocol": "verification",
        **found,
        "classes": data.n_classes,
        "items": len(data),
        "seed": seed,
        "warnings": warnings,
    }


def random_one_shot(
    embedder: Embedder,
    data: LabelledSet,
    n_way: int | None = None,
    k_shot: int = 1,
    episodes: int = one_shot.EPISODES,
    seed: int = 0,
    *,
    within_groups: bool = False,
    rule: str = "nearest",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Random N-way K-shot tasks, ways drawn across all groups unless `within_groups`; one query a way.
    Raises ConfigError when there are too few classes or items."""
    found = one_shot.episodes(
        embedder, data, n_way, k_shot, episodes, seed, within_groups=within_groups, rule=rule, progress=progress
    )
    left_out = found.pop("groups_left_out")
    warnings = [f"{left_out} groups have fewer than {found['n_way']} classes and were left out."] if left_out else []
    return {
        "protocol": "one-shot",
        **found,
        "within_groups": within_groups,
        "classes": data.n_classes,
        "items": len(data),
        "seed": seed,
        "warnings": warnings,
    }


def lake(embedder: Embedder, folder: Path, run: Run | None = None) -> dict[str, Any]:
    """The fixed runs in a folder with run01, run02, ...: each a `class_labels.txt` of lines
    `<test file> <training file>`, paths relative to `folder`.

    A trial is right when the query's nearest training picture is the right one; a tie never is.
    "one_to_one_accuracy" assigns each run's queries to its classes one-to-one (Kuhn 1955, by scipy): another,
    easier task. `run`, when given, is checked for having trained on these pictures. Raises DataError.
    """
    paths = _run_folders(folder)
    per_run: list[dict[str, Any]] = []
    digests: list[str] = []
    for path in paths:
        labels = _class_labels(path, folder)
        queries, answers = list(labels), list(labels.values())
        gallery = sorted(set(answers))
        seen = from_files([(name, _read(folder, name)) for name in queries + gallery], embedder.spec)
        z = embedder.embed(seen)
        near = embedder.distance_matrix(z[: len(queries)], z[len(queries) :])
        truth = np.array([gallery.index(name) for name in answers])
        per_run.append({"run": path.name, **_one_run(near, truth)})
        digests += seen.digests()
    trials = sum(r["trials"] for r in per_run)
    right = sum(r["right"] for r in per_run)
    low, high = metrics.wilson(right, trials)
    one_to_one = [r["one_to_one_accuracy"] for r in per_run if r["one_to_one_accuracy"] is not None]
    return {
        "protocol": "lake",
        "accuracy": right / trials,
        "interval": [float(low), float(high)],
        "trials": trials,
        "chance": sum(r["trials"] / r["n_way"] for r in per_run) / trials,
        "per_run": per_run,
        "one_to_one_accuracy": float(np.mean(one_to_one)) if one_to_one else None,
        "warnings": [] if run is None else _overlap(run, digests),
    }


def _one_run(near: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """One run's figures from (Q, G) distances and the right column of each row."""
    from scipy.optimize import linear_sum_assignment

    found, tied = metrics.nearest_class(near, np.arange(near.shape[1]))
    right = (found == truth) & ~tied
    one_to_one = None
    if len(set(truth.tolist())) == len(truth) == near.shape[1]:
        cost = near.astype(np.float64)
        cost[np.arange(len(truth)), truth] += 1e-9 * max(1.0, float(np.abs(cost).max()))  # ties: never in its favour
        rows, columns = linear_sum_assignment(cost)
        one_to_one = float((columns == truth[rows]).mean())
    return {
        "accuracy": float(right.mean()),
        "right": int(right.sum()),
        "ties": int(tied.sum()),
        "trials": len(truth),
        "n_way": near.shape[1],
        "one_to_one_accuracy": one_to_one,
    }


def _run_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}; give the one that holds run01, run02, ...")
    found = sorted(p.parent for p in folder.glob("run*/class_labels.txt"))
    if not found:
        raise DataError(f"There is no run*/class_labels.txt in {folder}; give the folder that holds run01, run02, ...")
    return found


def _class_labels(path: Path, folder: Path) -> dict[str, str]:
    """{test file: training file}, both relative to `folder` and inside it."""
    labels: dict[str, str] = {}
    where = f"{path.name}/class_labels.txt"
    try:
        lines = (path / "class_labels.txt").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise DataError(f"{where} cannot be read; copy it again.") from None
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2:
            raise DataError(f"Line {number} of {where} is not '<test file> <training file>': {line[:80]!r}.")
        for word in words:
            if PurePosixPath(word).is_absolute() or ".." in PurePosixPath(word).parts:
                raise DataError(f"Line {number} of {where} names a file outside {folder}: {word}.")
        labels[words[0]] = words[1]
    if len(set(labels.values())) < 2:
        raise DataError(f"{where} names fewer than two classes; copy it again.")
    return labels


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError:
        raise DataError(f"{folder / name} is named in class_labels.txt but cannot be read; copy it again.") from None


def seen_in_training(run: Run, digests: list[str]) -> int | None:
    """How many items, by their digests as the run sees them, it was trained on; None when it does not say."""
    try:
        seen = set((run.folder / "train_digests.txt").read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return None
    return sum(digest in seen for digest in digests)


def _overlap(run: Run, digests: list[str]) -> list[str]:
    """What to say of items that the run was trained on."""
    shared = seen_in_training(run, digests)
    if shared is None:
        return ["This run does not say what it was trained on, so overlap with this data was not checked."]
    if not shared:
        return []
    return [
        f"{shared} of these {len(digests)} items were in the run's training data, so the figures are not for "
        "unseen classes."
    ]
