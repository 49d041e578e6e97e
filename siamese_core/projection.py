"""Embeddings as points on a plane or in space, their true neighbours, and the place of new ones.

The methods are in `projections/`, one a file. Here is what they share: `plan` says what will really be done with so
many points, `project` does it, and `place` puts new embeddings into a map that is there. A map may mislead;
`neighbours` never does, and `projection_quality` says how far to believe a map.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

import numpy as np

from siamese_core import projections
from siamese_core.errors import ConfigError, DataError
from siamese_core.projections import pacmap, placing, tsne, umap
from siamese_core.projections.base import Hooks, Plan, Progress, Projected
from siamese_core.retrieval import Distances

__all__ = ["ENGINES", "METHODS", "MOST_POINTS", "Hooks", "Plan", "Projected", "check", "make", "nearest", "neighbours",
           "place", "plan", "project"]  # fmt: skip

METHODS = tuple(projections.REGISTRY)
ENGINES = ("automatic", *tsne.ENGINES)
MOST_POINTS = 100_000
ROWS = 2**23  # distances held at once
FEWEST = {"tsne": tsne.FEWEST, "umap": umap.FEWEST, "pacmap": pacmap.FEWEST, "pca": 1}
NEIGHBOURS = {"umap": umap.AUTOMATIC_NEIGHBOURS, "pacmap": pacmap.AUTOMATIC_NEIGHBOURS}
EXTRAS = {"umap": ("umap", "umap-learn"), "pacmap": ("pacmap", "pacmap")}
SAID = {"perplexity": "perplexity", "learning_rate": "learning rate", "neighbours": "number of neighbours",
        "min_distance": "least distance"}  # fmt: skip
OWNERS = {
    "perplexity": ("tsne",),
    "learning_rate": ("tsne", "umap", "pacmap"),
    "neighbours": ("umap", "pacmap"),
    "min_distance": ("umap",),
}


def check(
    method: str = "tsne",
    perplexity: float | None = None,
    *,
    dims: int = 2,
    learning_rate: float | None = None,
    neighbours: int | None = None,
    min_distance: float | None = None,
    engine: str = "automatic",
) -> None:
    """Raises ConfigError, in one sentence, for settings that cannot be or that the method does not have, and for a
    method whose package is not installed. None leaves a setting to the method."""
    projections.build(method)
    title = projections.TITLES[method]
    if dims not in (2, 3):
        raise ConfigError(f"A map has 2 or 3 dimensions, not {dims}.")
    given = {"perplexity": perplexity, "learning_rate": learning_rate, "neighbours": neighbours,
             "min_distance": min_distance}  # fmt: skip
    for name, value in given.items():
        said = SAID[name]
        if value is None:
            continue
        if method not in OWNERS[name]:
            raise ConfigError(f"{title} has no {said}; leave it out, or use {' or '.join(OWNERS[name])}.")
        least = 0 if name == "min_distance" else 2 if name == "neighbours" else None
        if not np.isfinite(value) or (value <= 0 if least is None else value < least):
            bound = "above 0" if least is None else f"at least {least}"
            raise ConfigError(f"The {said} is {value:g}, but must be {bound}.")
    if min_distance is not None and min_distance > 1:
        raise ConfigError(f"The least distance is {min_distance:g}, but must be at most 1.")
    if engine not in ENGINES:
        raise ConfigError(f"There is no engine '{engine}'; use {' or '.join(ENGINES)}.")
    if engine != "automatic" and (method != "tsne" or engine not in tsne.engines(dims)):
        raise ConfigError(
            f"The engine '{engine}' does not draw {title} in {dims}-D here; use automatic"
            f"{', or install ' + engine if not find_spec(tsne.PACKAGES[engine]) else ''}."
        )
    if method in EXTRAS and find_spec(EXTRAS[method][0]) is None:
        raise ConfigError(f"{title} needs the package {EXTRAS[method][1]}; install it with `pip install "
                          f"{EXTRAS[method][1]}`, or use tsne or pca.")  # fmt: skip


def plan(
    n_points: int,
    method: str = "tsne",
    perplexity: float | None = None,
    *,
    dims: int = 2,
    learning_rate: float | None = None,
    neighbours: int | None = None,
    min_distance: float | None = None,
    engine: str = "automatic",
) -> Plan:
    """The plan for so many different points; perplexity None chooses 30, or less for few points; neighbours None 15
    (UMAP) or 10 (PaCMAP), or less. Raises ConfigError as `check` does."""
    check(method, perplexity, dims=dims, learning_rate=learning_rate, neighbours=neighbours,
          min_distance=min_distance, engine=engine)  # fmt: skip
    if method == "pca":
        return Plan("pca", dims=dims)
    if n_points < FEWEST[method]:
        return Plan("pca", None, f"{projections.TITLES[method]} needs at least {FEWEST[method]} different points; "
                    f"{n_points} can only be shown by PCA.", dims)  # fmt: skip
    if method == "tsne":
        most = (n_points - 1) / 3
        asked = tsne.AUTOMATIC_PERPLEXITY if perplexity is None else float(perplexity)
        lowered = perplexity is not None and perplexity > most
        note = f"Perplexity lowered from {asked:g} to {most:.3g}: there are {n_points} points." if lowered else ""
        return Plan("tsne", min(asked, most), note, dims, learning_rate,
                    engine="" if engine == "automatic" else engine)  # fmt: skip
    asked_near = NEIGHBOURS[method] if neighbours is None else neighbours
    near = min(asked_near, n_points - 1)
    note = f"Neighbours lowered from {neighbours} to {near}: there are {n_points} points." if near != neighbours else ""
    return Plan(method, None, note if neighbours is not None else "", dims, learning_rate, near, min_distance)


def project(
    embeddings: np.ndarray,
    method: str = "tsne",
    seed: int = 0,
    perplexity: float | None = None,
    progress: Progress | None = None,
    *,
    dims: int = 2,
    engine: str = "automatic",
) -> np.ndarray:
    """(N, D) embeddings -> (N, dims) float64 points; the same input, seed, machine and threads give the same map.

    `plan` says beforehand what will be done with so few points; `make` is this for a plan with more settings. Raises
    DataError for embeddings that are not a finite (N, D) array, ConfigError as `check` does.
    """
    x, place_of = different(embeddings)
    chosen = plan(len(x), method, perplexity, dims=dims, engine=engine)
    return make(embeddings, chosen, seed, Hooks(progress), (x, place_of)).points


def make(
    embeddings: np.ndarray,
    chosen: Plan,
    seed: int = 0,
    hooks: Hooks | None = None,
    known: tuple[np.ndarray, np.ndarray] | None = None,
) -> Projected:
    """(N, D) embeddings by a plan for as many different points as `different` finds (`known` is its answer) -> the
    map. Identical embeddings share a place. `hooks.watch` is given all N points.

    scikit-learn's progress is read from what it prints, so that this process's standard output is taken meanwhile:
    give progress only in a process of its own (map_worker). Raises DataError as `project` does, ConfigError when a
    method's package cannot be loaded.
    """
    x, place_of = known or different(embeddings)
    hooks = hooks or Hooks()
    if hooks.watch is not None:
        watch = hooks.watch
        hooks = Hooks(hooks.progress, hooks.silent, lambda points, i, of: watch(points[place_of], i, of))
    try:
        if chosen.method == "pca":  # what is there twice counts twice
            return projections.build("pca")(_checked(embeddings), chosen, seed, hooks)
        found = projections.build(chosen.method)(x, chosen, seed, hooks)
    except ImportError as e:
        name = EXTRAS.get(chosen.method, ("", chosen.method))[1]
        raise ConfigError(f"The package {name} is installed but cannot be loaded ({e}); install it again, or "
                          "use pca.") from None  # fmt: skip
    return Projected(found.points[place_of], found.engine)


def different(embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, D) -> the different ones among them (M, D) float64, sorted, and which of them each is (N,). Raises
    DataError."""
    x, place_of = np.unique(_checked(embeddings), axis=0, return_inverse=True)
    return x, place_of.ravel()


def place(found: Mapping[str, np.ndarray], embeddings: np.ndarray) -> np.ndarray:
    """New embeddings (M, D) -> their places (M, dims) float64 in a map that stays as it is, from the arrays of
    `map_jobs.result` alone. How: see `projections.placing`. Raises DataError for embeddings of another size or that
    are not finite."""
    x = _checked(embeddings)
    if x.shape[1] != found["embeddings"].shape[1]:
        raise DataError(
            f"The map is made of embeddings of {found['embeddings'].shape[1]} numbers, these have {x.shape[1]}; "
            "use the network that the map was made with."
        )
    return placing.place(found, x)


def neighbours(embedder: Distances, embeddings: np.ndarray, index: int, k: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """The k items nearest to item `index` in the original space, by the run's own distance.

    Exact: all N distances are computed. Returns (indices (k,), distances (k,)), nearest first, equal
    distances in the order of the items, never the item itself; fewer when there are fewer items.
    Raises DataError when there is no such item.
    """
    if not 0 <= index < len(embeddings):
        raise DataError(f"There is no item {index}; the map has items 0 to {len(embeddings) - 1}.")
    near, distances = nearest(embedder, embeddings, embeddings[index : index + 1], max(k, 0) + 1)
    keep = np.flatnonzero(near[0] != index)[: max(k, 0)]
    return near[0][keep], distances[0][keep]


def nearest(
    embedder: Distances, embeddings: np.ndarray, queries: np.ndarray, k: int = 8
) -> tuple[np.ndarray, np.ndarray]:
    """The k of N embeddings nearest to each of Q queries, by the run's own distance: (indices (Q, k), distances (Q,
    k)), nearest first, equal distances in the order of the items. Exact, in blocks: all Q x N distances are
    computed."""
    k = min(max(k, 0), len(embeddings))
    rows = max(1, ROWS // max(1, len(embeddings)))
    at, far = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
    for i in range(0, len(queries), rows):
        d = np.asarray(embedder.distance_matrix(queries[i : i + rows], embeddings))
        order = np.argsort(d, axis=1, kind="stable")[:, :k]
        at[i : i + rows], far[i : i + rows] = order, np.take_along_axis(d, order, axis=1)
    return at, far


def _checked(embeddings: np.ndarray) -> np.ndarray:
    x = np.asarray(embeddings, dtype=np.float64)
    if x.ndim != 2 or not len(x) or not x.shape[1]:
        raise DataError(f"A map needs an array of (points, numbers), not one of shape {x.shape}.")
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x).all(axis=1)).sum())
        raise DataError(f"The embeddings of {bad} of the {len(x)} points are not finite numbers, so there is no map; "
                        "train the network again.")  # fmt: skip
    return x
