"""Chroma: an index in a vector database, embedded in the gallery's folder or on a server by its URL, by the same code.

A collection holds the rows 0..n-1 under their numbers, sent in order, so that its count says which they are; sent
twice, they are the same. It knows no names and no pictures. Its metric is L2: where the run compares by L1, many more
candidates are fetched and the run's own distance chooses among them. A server is started by
`chroma run --path DIR --host HOST --port PORT`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from siamese_core.errors import ConfigError
from siamese_core.galleries.engines import EngineError, settings_of
from siamese_core.galleries.manifest import Manifest
from siamese_core.galleries.spaces import Space
from siamese_core.galleries.store import Store
from siamese_core.modalities.decoding import plain_name

BATCH = 1000  # rows sent at once
FAR_FETCHED = 20  # candidates a match where the metric is another
SETTINGS: dict[str, tuple[Any, Any, Any]] = {  # default, least, most
    "url": ("", None, None),
    "timeout": (10, 1, 600),  # seconds for an answer
    "links": (24, 4, 128),
    "effort": (100, 8, 2000),
    "search_effort": (128, 8, 20_000),
}

Progress = Callable[[str, float], None]


def package() -> Any:
    """The chromadb package. Raises ConfigError, with what to install, when it is not there."""
    try:
        import chromadb
    except ImportError:
        raise ConfigError(
            "The engine 'chroma' needs the package chromadb, which is not installed: pip install chromadb."
        ) from None
    return chromadb


def checked(settings: dict[str, Any], space: Space) -> dict[str, Any]:
    """The settings with their defaults. Raises ConfigError for unknown ones, or what cannot be."""
    found = settings_of("chroma", SETTINGS, settings, space)
    if found["url"]:
        _address(found["url"])
    return found


def _address(url: Any) -> tuple[str, int, bool]:
    """(host, port, whether encrypted) of a server's URL. Raises ConfigError."""
    try:
        parts = urlsplit(str(url))
        port = parts.port
        plain = not (parts.username or parts.query or parts.fragment or parts.path.strip("/"))
    except ValueError:
        parts, port, plain = urlsplit(""), None, False
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise ConfigError(f"'{plain_name(str(url))}' is no server's address; give one as http://127.0.0.1:8000.")
    return parts.hostname, port or (443 if parts.scheme == "https" else 8000), parts.scheme == "https"


@dataclass(frozen=True)
class Chroma:
    """The engine; see the head of this file."""

    manifest: Manifest
    store: Store
    space: Space

    def __post_init__(self) -> None:
        checked(self.manifest.settings, self.space)
        package()

    @cached_property
    def settings(self) -> dict[str, Any]:
        """With their defaults."""
        return checked(self.manifest.settings, self.space)

    @property
    def where(self) -> str:
        """What is talked to, in words."""
        url = self.settings["url"]
        return f"The Chroma server at {url}" if url else f"The Chroma database of gallery {self.store.label}"

    @property
    def _name(self) -> str:
        return f"siamese-{self.manifest.key}"

    @property
    def _folder(self) -> str:
        return (
            f"chroma-{self.manifest.key}"  # a process that knew another gallery at this path still has its files open
        )

    def open(self, rows: int) -> ChromaIndex | None:
        """The collection, when it is there. Raises EngineError when the server does not answer."""
        with self.told():
            client = self._client()
            if self._name not in {c if isinstance(c, str) else c.name for c in client.list_collections()}:
                return None
            collection = client.get_collection(self._name, embedding_function=None)
            held = min(rows, collection.count())
        return ChromaIndex(self, collection, held) if held else None

    def update(self, rows: int, progress: Progress | None, should_stop: Callable[[], bool] | None) -> None:
        """Send the rows that the collection does not have. Raises EngineError when the server does not answer."""
        with self.told():
            client = self._client()
            collection = client.get_or_create_collection(
                self._name,
                embedding_function=None,
                configuration={
                    "hnsw": {
                        "space": "l2", "ef_construction": self.settings["effort"],
                        "max_neighbors": self.settings["links"], "ef_search": self.settings["search_effort"],
                    }
                },
            )  # fmt: skip
            held = collection.count()
            step = min(BATCH, client.get_max_batch_size())
        self.store.vectors(held, rows)  # their checksums
        self._blank(collection, self.store.removed(), held)
        while held < rows and not (should_stop and should_stop()):
            stop = min(held + step, rows)
            vectors = self.space.apply(self.store.vectors(held, stop, verify=False))
            with self.told():
                collection.upsert(ids=[str(i) for i in range(held, stop)], embeddings=vectors)
            held = stop
            if progress:
                progress(f"Sent {held:,} of {rows:,} pictures", held / rows)

    def forget(self, rows: Sequence[int]) -> None:
        """Zeros in their place. Raises EngineError when the server does not answer: `update` does it then."""
        with self.told():
            client = self._client()
            if self._name in {c if isinstance(c, str) else c.name for c in client.list_collections()}:
                collection = client.get_collection(self._name, embedding_function=None)
                self._blank(collection, np.asarray(rows, dtype=np.int64), collection.count())

    def _blank(self, collection: Any, rows: np.ndarray, held: int) -> None:
        rows = rows[rows < held]
        for begin in range(0, len(rows), BATCH):
            part = rows[begin : begin + BATCH]
            with self.told():
                collection.upsert(ids=[str(i) for i in part], embeddings=np.zeros((len(part), self.store.size), "f4"))

    def delete(self) -> None:
        """Remove the collection. Raises EngineError when the server does not answer."""
        if self.settings["url"]:
            with self.told(), contextlib.suppress(package().errors.NotFoundError):
                self._client().delete_collection(self._name)

    def _client(self) -> Any:
        chromadb, url = package(), self.settings["url"]
        settings = chromadb.config.Settings(anonymized_telemetry=False)
        if not url:
            return chromadb.PersistentClient(str(self.store.folder / self._folder), settings=settings)
        import httpx

        host, port, ssl = _address(url)
        wait = httpx.Timeout(float(self.settings["timeout"]))
        answer = httpx.get(f"{'https' if ssl else 'http'}://{host}:{port}/api/v2/heartbeat", timeout=wait)
        if answer.status_code != 200 or "nanosecond heartbeat" not in answer.text[:200]:
            raise EngineError(f"What answers at {url} is no Chroma server; check the address.")
        client = chromadb.HttpClient(host=host, port=port, ssl=ssl, settings=settings)
        client._server._session.timeout = wait  # Chroma itself would wait for ever
        return client

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """What goes wrong with the database, in one sentence."""
        try:
            yield
        except (EngineError, ConfigError):
            raise
        except Exception as e:  # each layer of its client has errors of its own
            import httpx

            seconds = self.settings["timeout"]
            if isinstance(e, httpx.TimeoutException):
                raise EngineError(f"{self.where} did not answer within {seconds} s; try again, or later.") from None
            if isinstance(e, httpx.TransportError) or "Could not connect" in str(e):
                raise EngineError(
                    f"{self.where} cannot be reached; start it, or check the address, then retry."
                ) from None
            if isinstance(e, package().errors.NotFoundError):
                raise EngineError(f"{self.where} has lost the pictures; add some, or use `gallery update`.") from None
            why = plain_name(" ".join(str(e).split()) or type(e).__name__)
            raise EngineError(f"{self.where} refused the request ({why}); look at its own messages.") from None


class ChromaIndex:
    """A collection that is open."""

    def __init__(self, engine: Chroma, collection: Any, rows: int) -> None:
        self._engine = engine
        self._collection = collection
        self._rows = rows

    @property
    def rows(self) -> int:
        """It holds the rows 0..rows-1."""
        return self._rows

    def candidates(self, queries: np.ndarray, k: int, gone: np.ndarray) -> list[np.ndarray]:
        """(Q, D) in the space -> for each about 2 k rows near it, none of them in `gone` (R,)."""
        more = 2 * k + 10 if self._engine.space.metric == "l2" else FAR_FETCHED * k + 100
        while True:
            more = min(more, self._rows)
            with self._engine.told():
                answer = self._collection.query(query_embeddings=queries, n_results=more, include=[])
            rows = [np.array([int(i) for i in ids], dtype=np.int64) for ids in answer["ids"]]
            kept = [r[(r < self._rows) & ~np.isin(r, gone)] for r in rows]
            if more >= self._rows or min(map(len, kept), default=k) >= min(k, self._rows - len(gone)):
                return kept
            more *= 4
