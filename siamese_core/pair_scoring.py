"""Many pairs at once: every picture is read and encoded once, however many pairs it is in.

What cannot be used is told by the number of its row, and the rest is scored. A picture beside itself is scored and
marked; it is left out of the accuracy, because it proves nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, Any, Protocol

import numpy as np

from siamese_core import metrics
from siamese_core.calibration import Calibration
from siamese_core.datasets.folder import Source
from siamese_core.datasets.picture_files import PictureFiles, found_by_name
from siamese_core.errors import DataError
from siamese_core.modalities.decoding import MAX_BYTES, decode
from siamese_core.modalities.image import ImageItems, each, fit
from siamese_core.pair_tables import BrokenRow, BrokenRows, PairTable
from siamese_core.types import Embedder, InputSpec

PICTURES_AT_ONCE = 512  # decoded and encoded together
PAIRS_AT_ONCE = 2**12  # so that they stay in the processor's cache
VERDICTS = ("different", "same", "not sure", "")  # what `PairScores.verdicts` counts; the last without a threshold
ALIKE = "the same picture on both sides"
COLUMNS = ("row", "image_a", "image_b", "distance", "verdict", "probability", "label", "note")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute

Progress = Callable[[str, float], None]


class Judge(Embedder, Protocol):
    """An embedder that knows the distance up to which it calls two inputs the same, and how sure that is."""

    @property
    def threshold(self) -> float | None: ...
    @property
    def calibration(self) -> Calibration | None: ...


@dataclass(frozen=True, eq=False)
class PairScores:
    """P pairs that were scored.

    names             every picture that is named; first, second (P,) int64 are places in it
    rows              (P,) int64, the row of the table that each pair stands in
    distances         (P,) float64, finite, smaller is closer
    verdicts          (P,) int8, places in VERDICTS
    probabilities     (P,) float64 that they are the same, or None where the run is not calibrated
    same              (P,) int8: labelled 1 the same, 0 different, -1 not labelled
    alike             (P,) bool: the network sees the same picture on both sides
    pictures          how many different picture files were read
    broken            rows that were not scored, the first of the `broken_count`
    digests           (N,) S16: of each named picture as the network sees it; empty where it was not read
    """

    names: tuple[str, ...]
    first: np.ndarray
    second: np.ndarray
    rows: np.ndarray
    distances: np.ndarray
    verdicts: np.ndarray
    probabilities: np.ndarray | None
    same: np.ndarray
    alike: np.ndarray
    threshold: float | None
    pictures: int
    broken: tuple[BrokenRow, ...]
    broken_count: int
    digests: np.ndarray

    def __len__(self) -> int:
        return len(self.distances)

    def count(self, verdict: str) -> int:
        """How many pairs got this verdict."""
        return int((self.verdicts == VERDICTS.index(verdict)).sum())

    def accuracy(self) -> dict[str, Any] | None:
        """How often the verdict is the label's, over labelled pairs of two pictures that got one; None without any.

        "accuracy" with its 95% "interval" (Wilson; pairs that share pictures make it too narrow) over "pairs";
        "same" and "different" pairs among them, of which "missed" and "accepted" are wrong; "alike" and "unsure"
        labelled pairs left out.
        """
        told = self.same >= 0
        unsure = told & ~self.alike & (self.verdicts > 1)
        use = told & ~self.alike & ~unsure
        same, said = self.same[use] == 1, self.verdicts[use] == 1
        n, right = len(same), int((same == said).sum())
        if not n:
            return None
        return {
            "accuracy": right / n,
            "interval": list(metrics.wilson(right, n)),
            "pairs": n,
            "same": int(same.sum()),
            "different": int((~same).sum()),
            "missed": int((same & ~said).sum()),
            "accepted": int((~same & said).sum()),
            "alike": int((told & self.alike).sum()),
            "unsure": int(unsure.sum()),
        }

    def wrong(self) -> np.ndarray:
        """(P,) bool: the verdict is not the label's."""
        return (self.same >= 0) & (self.verdicts < 2) & (self.verdicts != self.same)

    def nearest_threshold(self) -> np.ndarray:
        """(P,) int64: the pairs in order of how near their distance is to the threshold; without one, by distance."""
        return np.argsort(np.abs(self.distances - (self.threshold or 0.0)), kind="stable")

    def table(self, chosen: Sequence[int] | np.ndarray) -> list[dict[str, Any]]:
        """These pairs as plain values under COLUMNS; None where there is nothing to say."""
        found = []
        for i in chosen:
            label = int(self.same[i])
            values = (
                int(self.rows[i]), self.names[self.first[i]], self.names[self.second[i]], float(self.distances[i]),
                VERDICTS[self.verdicts[i]] or None,
                None if self.probabilities is None else float(self.probabilities[i]),
                None if label < 0 else VERDICTS[label], ALIKE if self.alike[i] else None,
            )  # fmt: skip
            found.append(dict(zip(COLUMNS, values, strict=True)))
        return found


def score(trained: Judge, table: PairTable, files: PictureFiles, progress: Progress | None = None) -> PairScores:
    """The distance and the verdict of every pair of a table, its pictures being found in `files` by name.

    `progress` may raise to stop it. A pair whose picture is missing or cannot be read becomes a broken row. Raises
    what the network raises.
    """
    tell = progress or (lambda text, fraction: None)
    places = found_by_name(table.names, files)
    used = sorted({p for p in places if isinstance(p, int)})
    z, digests, unread = _encoded(trained, [files.sources[p] for p in used], tell)
    slot_of = {place: slot for slot, place in enumerate(used)}
    slots = np.array([slot_of[p] if isinstance(p, int) else -1 for p in places], dtype=np.int64)
    why = {name: p for name, p in enumerate(places) if isinstance(p, str)}
    why |= {name: unread[int(slot)] for name, slot in enumerate(slots) if int(slot) in unread}
    broken = BrokenRows(list(table.broken), table.broken_count)
    good = _without(table, why, broken)
    a, b = slots[table.first[good]], slots[table.second[good]]
    distances = _distances(trained, z, a, b, tell)
    finite = np.isfinite(distances)
    for row in table.rows[good][~finite]:
        broken.add(int(row), "Its distance is not a finite number; the network's output is broken, so train it anew.")
    good, a, b, distances = good[finite], a[finite], b[finite], distances[finite]
    return PairScores(
        table.names, table.first[good], table.second[good], table.rows[good], distances, *_judged(trained, distances),
        table.same[good], digests[a] == digests[b], trained.threshold, len(used) - len(unread),
        broken.sorted(), broken.count, np.append(digests, b"")[slots],
    )  # fmt: skip


def judged(trained: Judge, scores: PairScores) -> PairScores:
    """Scored pairs as the same network judges them by another threshold or calibration."""
    verdicts, probabilities = _judged(trained, scores.distances)
    return replace(scores, verdicts=verdicts, probabilities=probabilities, threshold=trained.threshold)


def _judged(trained: Judge, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """(P,) distances -> (P,) int8 places in VERDICTS, and (P,) probabilities where the run is calibrated."""
    if trained.calibration is not None:
        said = trained.calibration.verdicts(distances)
        places = np.select([said == word for word in VERDICTS[:3]], [0, 1, 2]).astype(np.int8)
        return places, trained.calibration.probabilities(distances)
    if trained.threshold is None:
        return np.full(len(distances), VERDICTS.index(""), dtype=np.int8), None
    return (distances <= trained.threshold).astype(np.int8), None


def _without(table: PairTable, why: dict[int, str], broken: BrokenRows) -> np.ndarray:
    """(M,) int64: the pairs both of whose pictures can be used; the others are told in `broken`."""
    bad = np.zeros(len(table.names), dtype=bool)
    bad[list(why)] = True
    wrong = bad[table.first] | bad[table.second]
    for i in np.flatnonzero(wrong):
        a, b = int(table.first[i]), int(table.second[i])
        broken.add(int(table.rows[i]), why[a] if a in why else why[b])
    return np.flatnonzero(~wrong)


def _encoded(
    trained: Judge, sources: Sequence[Source], tell: Progress
) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    """Read and encode every picture once: (N, D) embeddings, (N,) digests, and why some could not be read.

    While some are encoded, the next are read.
    """
    n = len(sources)
    z: np.ndarray | None = None
    digests = np.zeros(n, dtype="S16")
    unread: dict[int, str] = {}
    work = partial(_read, spec=trained.spec)

    def read(begin: int) -> list[np.ndarray | str]:
        part = sources[begin : begin + PICTURES_AT_ONCE]

        def within(text: str, fraction: float) -> None:
            at = begin + fraction * len(part)
            tell(f"{text} {round(at):,} of {n:,} pictures", 0.9 * at / n)

        return each(work, part, "Reading", within)

    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read, 0) if n else None
        for begin in range(0, n, PICTURES_AT_ONCE):
            assert coming is not None
            pixels = coming.result()
            if begin + PICTURES_AT_ONCE < n:
                coming = reader.submit(read, begin + PICTURES_AT_ONCE)
            unread |= {begin + i: p for i, p in enumerate(pixels) if isinstance(p, str)}
            here = [i for i, p in enumerate(pixels) if not isinstance(p, str)]
            if not here:
                continue
            items = ImageItems(np.stack([pixels[i] for i in here]), trained.spec)
            found = trained.embed(items)
            if z is None:
                z = np.zeros((n, found.shape[1]), dtype=np.float32)
            at = begin + np.array(here)
            z[at], digests[at] = found, items.digests()
    return (np.zeros((n, 1), np.float32) if z is None else z), digests, unread


def _read(source: Source, spec: InputSpec) -> np.ndarray | str:
    """A picture as the network sees it, or one sentence why it cannot be read."""
    try:
        return fit(decode(source.read(MAX_BYTES + 1), source.name), spec)
    except DataError as error:
        return str(error)


def _distances(trained: Judge, z: np.ndarray, a: np.ndarray, b: np.ndarray, tell: Progress) -> np.ndarray:
    """(N, D) embeddings and (M,) places of both sides -> (M,) float64 distances."""
    found = np.empty(len(a), dtype=np.float64)
    for i in range(0, len(a), PAIRS_AT_ONCE):
        part = slice(i, i + PAIRS_AT_ONCE)
        found[part] = trained.distances(z.take(a[part], axis=0), z.take(b[part], axis=0))
        tell(f"Compared {min(i + PAIRS_AT_ONCE, len(a)):,} of {len(a):,} pairs", 0.9 + 0.1 * i / len(a))
    return found


def write_csv(scores: PairScores, out: IO[str]) -> None:
    """The scored pairs in the order of their rows as a CSV with COLUMNS, made safe for spreadsheets."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    safe = [safe_name(name) for name in scores.names]
    for i in range(len(scores)):
        label = int(scores.same[i])
        probability = "" if scores.probabilities is None else f"{scores.probabilities[i]:.6g}"
        writer.writerow((
            scores.rows[i], safe[scores.first[i]], safe[scores.second[i]], f"{scores.distances[i]:.6g}",
            VERDICTS[scores.verdicts[i]], probability, "" if label < 0 else VERDICTS[label],
            ALIKE if scores.alike[i] else "",
        ))  # fmt: skip


def safe_name(name: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return f"'{name}" if name.startswith(_FORMULA) else name
