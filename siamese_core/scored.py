"""Pairs that were scored: P distances, what is true of each pair, and whose the two sides are.

Everything that judges a score (curves, intervals, a calibration) is made from this one value, wherever the
pairs come from: a labelled set, a list of pairs, or signatures against forgeries.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from siamese_core.errors import DataError


@dataclass(frozen=True, eq=False)
class ScoredPairs:
    """P pairs that were scored.

    distances        (P,) float64, smaller is closer; all finite
    same             (P,) bool
    first_identity   (P,) int64: the class, person or writer of the first side
    second_identity  (P,) int64, equal to `first_identity` where `same`; a different pair may have one identity
                     on both sides (a writer's signature and a forgery of it, when both count as that writer's)
    first, second    (P,) int64 positions of the items in the set that they came from, or None

    Raises DataError, one sentence, when the parts do not fit each other or a distance is not finite.
    """

    distances: np.ndarray
    same: np.ndarray
    first_identity: np.ndarray
    second_identity: np.ndarray
    first: np.ndarray | None = None
    second: np.ndarray | None = None

    def __post_init__(self) -> None:
        kinds = {"distances": np.float64, "same": bool, "first_identity": np.int64, "second_identity": np.int64}
        if self.first is not None or self.second is not None:
            kinds |= {"first": np.int64, "second": np.int64}
        for name, kind in kinds.items():
            object.__setattr__(self, name, _column(name, getattr(self, name), kind))
        pairs = len(self.distances)
        for name in kinds:
            if len(getattr(self, name)) != pairs:
                raise DataError(f"There are {pairs:,} distances but {len(getattr(self, name)):,} values of '{name}'.")
        broken = int((~np.isfinite(self.distances)).sum())
        if broken:
            raise DataError(f"{broken:,} of {pairs:,} distances are not finite numbers; leave those pairs out.")
        if (self.first_identity != self.second_identity)[self.same].any():
            raise DataError("A pair marked as same has two different identities; mend its label or its identities.")

    def __len__(self) -> int:
        return len(self.distances)

    @cached_property
    def n_same(self) -> int:
        """How many pairs are of one identity."""
        return int(self.same.sum())

    @property
    def n_different(self) -> int:
        """How many pairs are of two identities (or of an identity and its forgery)."""
        return len(self) - self.n_same

    @cached_property
    def n_identities(self) -> int:
        """How many identities the pairs have."""
        return len(np.unique(np.concatenate([self.first_identity, self.second_identity])))

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits of the distances, answers and identities."""
        h = hashlib.sha256(self.distances.astype("<f8").tobytes())
        h.update(self.same.astype("u1").tobytes())
        for side in (self.first_identity, self.second_identity):
            h.update(side.astype("<i8").tobytes())
        return h.hexdigest()[:16]

    def need(self, pairs: int = 1, what: str = "Verification") -> ScoredPairs:
        """The same pairs. Raises DataError unless there are at least so many of each kind."""
        if min(self.n_same, self.n_different) < pairs:
            raise DataError(
                f"{what} needs at least {pairs:,} same and {pairs:,} different pairs, but there are {self.n_same:,} "
                f"and {self.n_different:,}; give more labelled pairs."
            )
        return self

    def select(self, which: np.ndarray) -> ScoredPairs:
        """Some of the pairs: (M,) positions, or (P,) bool."""
        return ScoredPairs(
            self.distances[which],
            self.same[which],
            self.first_identity[which],
            self.second_identity[which],
            None if self.first is None else self.first[which],
            None if self.second is None else self.second[which],
        )


def _column(name: str, values: object, kind: type) -> np.ndarray:
    """(P,) of one kind. Raises DataError for anything else than a row of numbers that it can hold exactly."""
    try:
        given = np.asarray(values)
        if given.ndim != 1:
            raise DataError(f"'{name}' of scored pairs has {given.ndim} dimensions, but must be one row of numbers.")
        column: np.ndarray = given.astype(kind, copy=False)
        exact = kind is np.float64 or bool((column == given).all())
    except (TypeError, ValueError):
        raise DataError(f"'{name}' of scored pairs holds something that is not a number.") from None
    if not exact:
        wanted = "0 or 1" if kind is bool else "whole numbers"
        raise DataError(f"'{name}' of scored pairs must hold {wanted}.")
    return column
