"""Finished maps that can be looked at beside a given one: of the same data, by another run, epoch or setting."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from siamese_core import map_jobs
from siamese_core.errors import RunError
from siamese_core.files import read_json
from siamese_core.runs import Run

SAME = ("data", "part", "content", "data_root")  # of two requests for maps of the same data
NUMBERS = {"perplexity": "perplexity {}", "neighbours": "neighbours {}", "min_distance": "least distance {}",
           "learning_rate": "learning rate {}", "seed": "seed {}", "max_points": "at most {} points"}  # fmt: skip
METHODS = {"tsne": "t-SNE", "pca": "PCA", "umap": "UMAP", "pacmap": "PaCMAP"}


@dataclass(frozen=True)
class Shelved:
    """A finished map: its folder, its run's folder, and what it is called beside others."""

    job: Path
    run: Path
    words: str


def beside(job: Path) -> list[Shelved]:
    """Finished maps of the same data as `job`, the newest first, without itself. Nothing is raised: a map that cannot
    be read is left out."""
    mine = request(job)
    if mine is None:
        return []
    found = []
    for other in job.parent.iterdir():
        its = request(other) if other.is_dir() and other != job else None
        if its is None or not _alike(mine, its) or map_jobs.status(other).state != "finished":
            continue
        found.append((other.stat().st_mtime, Shelved(other, Path(its["run"]), _words(mine, its))))
    shelved = [s for _, s in sorted(found, key=lambda pair: -pair[0])]
    return _told_apart(shelved)


def titles(job: Path, other: Path) -> tuple[str, str]:
    """What two maps are called side by side: what they are, and all in which they differ."""
    a, b = request(job), request(other)
    return ("", "") if a is None or b is None else (_words(b, a), _words(a, b))


def request(job: Path) -> dict[str, Any] | None:
    """What a map was asked for; None where that cannot be read."""
    try:
        value = read_json(job / "request.json")
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) and isinstance(value.get("run"), str) else None


def shared(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> int:
    """How many items two maps have in common; 0 when what they call the same item is of two classes."""
    _, at_a, at_b = np.intersect1d(a["indices"], b["indices"], assume_unique=True, return_indices=True)
    names_a, names_b = a["class_names"][a["labels"][at_a]], b["class_names"][b["labels"][at_b]]
    return len(at_a) if np.array_equal(names_a, names_b) else 0


def _alike(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether two requests are of the same data. A run's own classes are those of its own split."""
    if any(a.get(key) != b.get(key) for key in SAME):
        return False
    if a.get("data") is not None or a["run"] == b["run"] or a.get("part") == map_jobs.WATCHED:
        return True  # what two runs watched may differ; `shared` tells
    return _classes(a) == _classes(b) != []


def _classes(asked: dict[str, Any]) -> list[str]:
    try:
        return list((Run(Path(asked["run"])).manifest().get("split") or {}).get(asked.get("part") or "test", ()))
    except RunError:
        return []


def _words(mine: dict[str, Any], its: dict[str, Any]) -> str:
    """What one map is, and in what it differs from the one that it stands beside."""
    words = [METHODS.get(str(its.get("method")), str(its.get("method")))]
    if (epoch := its.get("epoch")) is not None:
        words.append(f"after epoch {epoch}" if epoch else "before training")
    if its.get("dims", 2) != mine.get("dims", 2):
        words.append(f"{its.get('dims', 2)}-D")
    for key, name in NUMBERS.items():
        if its.get(key) != mine.get(key):
            words.append(name.format(f"{its[key]:,g}") if _is_number(its.get(key)) else name.format("automatic"))
    if its["run"] != mine["run"]:
        words.append(f"run {Path(its['run']).name}")
    elif its.get("weights") != mine.get("weights") and its.get("epoch") == mine.get("epoch"):
        words.append("other weights of the same run")
    return ", ".join(words)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _told_apart(shelved: list[Shelved]) -> list[Shelved]:
    """A number after words that more than one map would have."""
    seen: dict[str, int] = {}
    out = []
    for s in shelved:
        seen[s.words] = number = seen.get(s.words, 0) + 1
        out.append(s if number == 1 else Shelved(s.job, s.run, f"{s.words} ({number})"))
    return out
