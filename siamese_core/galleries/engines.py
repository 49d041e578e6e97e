"""The engines: what finds candidates quickly in a large gallery. None of them holds the truth; the files of the store
do, and an index can always be made again from them. Rows that an index does not hold yet are searched exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from siamese_core.errors import ConfigError, DataError
from siamese_core.galleries.manifest import Manifest
from siamese_core.galleries.spaces import Space
from siamese_core.galleries.store import Store

Progress = Callable[[str, float], None]
ShouldStop = Callable[[], bool]


class EngineError(DataError):
    """An engine outside of this process that does not answer, or refuses; it may be worth trying again."""


class Index(Protocol):
    """An index that is open for searching."""

    @property
    def rows(self) -> int:
        """It holds the rows 0..rows-1."""
        ...

    def candidates(self, queries: np.ndarray, k: int, gone: np.ndarray) -> list[np.ndarray]:
        """(Q, D) in the space -> for each about k rows that are near it, none of them in `gone` (R,)."""
        ...


class Engine(Protocol):
    """What keeps an index beside a gallery."""

    def open(self, rows: int) -> Index | None:
        """The index for a gallery of so many rows, or None where there is none that can be used."""
        ...

    def update(self, rows: int, progress: Progress | None, should_stop: ShouldStop | None) -> None:
        """Bring the index up to date, as far as it is worth it."""
        ...

    def forget(self, rows: Sequence[int]) -> None:
        """Keep nothing of rows that were taken out of the gallery."""
        ...

    def delete(self) -> None:
        """Remove what is kept outside the gallery's folder."""
        ...


@dataclass(frozen=True)
class Exact:
    """The default: no index, so that all rows are searched exactly."""

    manifest: Manifest
    store: Store
    space: Space

    def open(self, rows: int) -> Index | None:
        """There is none."""
        return None

    def update(self, rows: int, progress: Progress | None, should_stop: ShouldStop | None) -> None:
        """Nothing to do."""

    def forget(self, rows: Sequence[int]) -> None:
        """Nothing to do."""

    def delete(self) -> None:
        """Nothing to do."""


# name -> (default, least, most); whole numbers between the two, anything where they are None
Settings = dict[str, tuple[Any, Any, Any]]


def settings_of(engine: str, known: Settings, given: dict[str, Any], space: Space) -> dict[str, Any]:
    """The settings of an engine that has an index, with their defaults. Raises ConfigError for unknown ones, numbers
    out of range, and a distance that no index can follow."""
    if unknown := sorted(set(given) - set(known)):
        raise ConfigError(f"The engine '{engine}' has no setting '{unknown[0]}'; it has: {', '.join(known)}.")
    found = {name: given.get(name, default) for name, (default, _, _) in known.items()}
    for name, (_, least, most) in known.items():
        if least is not None and not (type(found[name]) is int and least <= found[name] <= most):
            raise ConfigError(
                f"The setting '{name}' is {found[name]}, but must be a whole number, {least} to {most:,}."
            )
    if not space.metric:
        raise ConfigError(
            "This run's distance has negative weights, which no index can follow; use the engine 'exact'."
        )
    return found


def _faiss(*about: Any) -> Engine:
    from siamese_core.galleries.faiss_index import Faiss

    return Faiss(*about)


def _chroma(*about: Any) -> Engine:
    from siamese_core.galleries.chroma_index import Chroma

    return Chroma(*about)


REGISTRY: dict[str, Callable[[Manifest, Store, Space], Engine]] = {
    "exact": Exact,
    "faiss": _faiss,
    "chroma": _chroma,
}


def build(manifest: Manifest, store: Store, space: Space) -> Engine:
    """The engine of a gallery. Raises ConfigError for an unknown one, for settings or a distance that it does not have,
    and when its package is not installed."""
    if manifest.engine not in REGISTRY:
        raise ConfigError(f"There is no engine '{manifest.engine}'; choose one of: {', '.join(REGISTRY)}.")
    if manifest.engine == "exact" and manifest.settings:
        raise ConfigError("The engine 'exact' has no settings; leave them out, or choose another engine.")
    return REGISTRY[manifest.engine](manifest, store, space)
