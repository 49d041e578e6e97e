"""Scoring what was uploaded, beside the page, and what of it the page shows: prepared once, small enough to keep."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from pages.parts.uploads import Named, thumbnail
from siamese_core import pair_scoring
from siamese_core.datasets.picture_files import PictureFiles, files_in, found_by_name
from siamese_core.errors import DataError
from siamese_core.modalities.decoding import MAX_BYTES
from siamese_core.pair_csv import read_pairs
from siamese_core.pair_scoring import Judge, PairScores
from siamese_core.pair_tables import PairTable, pair_folders

MOST_ROWS = 200_000
MAX_TABLE = 32 * 2**20
BINS = 40
SHOWN = 6  # pairs shown as pictures, of each order
SIDE = 96  # pixels of such a picture, at most

ORDERS = {"near": "Closest to the threshold", "wrong": "Wrong verdicts, worst first", "file": "In the table's order"}


@dataclass(frozen=True)
class Asked:
    """What is to be scored: a table and a zip, or two zips; each (name, content)."""

    first: tuple[str, bytes]
    second: tuple[str, bytes]
    folders: bool
    label_one: str


@dataclass(frozen=True, eq=False)
class Result:
    """What the page shows.

    edges, counts  the histogram of the distances: of all pairs, of those labelled same, of those labelled different
    orders, shown  the pairs in every order there is, and of each the ones to show as pictures
    pictures       (h, w) or (h, w, 3) uint8 of those, by their place in the scores' names
    folders        whether they are pairs of two zips
    """

    scores: PairScores
    edges: np.ndarray
    counts: tuple[np.ndarray, np.ndarray, np.ndarray]
    orders: dict[str, np.ndarray]
    shown: dict[str, list[int]]
    pictures: dict[int, np.ndarray]
    folders: bool


def scored(model: Judge, asked: Asked, progress: Callable[[str, float], None]) -> Result:
    """Read, score and prepare. Raises DataError, and whatever `progress` raises."""
    with opened(asked, progress) as (table, files):
        return _prepared(pair_scoring.score(model, table, files, progress), files, asked.folders)


def judged_anew(model: Judge, found: Result, asked: Asked, progress: Callable[[str, float], None]) -> Result:
    """What was scored before, by the same network's threshold of now. Raises as `scored` does."""
    progress("Judging the pairs by the new threshold", 0.0)
    with opened(asked, progress) as (_, files):
        return _prepared(pair_scoring.judged(model, found.scores), files, asked.folders)


@contextlib.contextmanager
def opened(asked: Asked, progress: Callable[[str, float], None]) -> Iterator[tuple[PairTable, PictureFiles]]:
    """The pairs and the pictures of what was uploaded, while the block lasts. Raises DataError."""
    progress("Reading the table", 0.0)
    with contextlib.ExitStack() as places:
        second = places.enter_context(files_in(Named(asked.second[1], asked.second[0])))
        if asked.folders:
            first = places.enter_context(files_in(Named(asked.first[1], asked.first[0])))
            yield pair_folders(first, second)
        else:
            yield read_pairs(Named(asked.first[1], asked.first[0]), asked.label_one, MOST_ROWS), second


def _prepared(found: PairScores, files: PictureFiles, folders: bool) -> Result:
    orders = _orders(found)
    shown = {name: _first_ones(found, order) for name, order in orders.items()}
    return Result(found, *_histogram(found), orders, shown, _pictures(found, shown, files), folders)


def as_csv(scores: PairScores) -> io.BytesIO:
    """The scored pairs as a file to download."""
    out = io.StringIO()
    pair_scoring.write_csv(scores, out)
    return io.BytesIO(out.getvalue().encode())


def _orders(found: PairScores) -> dict[str, np.ndarray]:
    """(P,) places of pairs by each order; of wrong verdicts only those."""
    orders = {}
    if found.threshold is not None:
        near = found.nearest_threshold()
        orders["near"] = near
        wrong = found.wrong()
        if wrong.any():
            orders["wrong"] = near[::-1][wrong[near[::-1]]]
    orders["file"] = np.arange(len(found))
    return orders


def _histogram(found: PairScores) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    d = found.distances
    low, high = (float(d.min()), float(d.max())) if len(d) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    all_, same, different = (np.histogram(x, edges)[0] for x in (d, d[found.same == 1], d[found.same == 0]))
    return edges, (all_, same, different)


def _first_ones(found: PairScores, order: np.ndarray) -> list[int]:
    """The first SHOWN pairs of an order, each pair of pictures once, whichever way round it comes again."""
    kept: dict[frozenset[int], int] = {}
    for i in order[: 50 * SHOWN]:
        kept.setdefault(frozenset((int(found.first[i]), int(found.second[i]))), int(i))
        if len(kept) == SHOWN:
            break
    return list(kept.values())


def _pictures(found: PairScores, shown: dict[str, list[int]], files: PictureFiles) -> dict[int, np.ndarray]:
    """Small pictures of the pairs that are shown, by their place in `found.names`."""
    pairs = [i for chosen in shown.values() for i in chosen]
    names = sorted({int(n) for side in (found.first, found.second) for n in side[pairs]})
    pictures = {}
    for name, place in zip(names, found_by_name([found.names[n] for n in names], files), strict=True):
        if isinstance(place, int):
            source = files.sources[place]
            with contextlib.suppress(DataError):
                pictures[name] = np.asarray(thumbnail(source.name, source.read(MAX_BYTES + 1), SIDE))
    return pictures
