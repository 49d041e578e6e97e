"""Published files, fetched once: with progress, a time-out, a checksum, and never half a file."""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from siamese_core import __version__
from siamese_core.errors import DataError

Progress = Callable[[str, float], None]

TIMEOUT = 30.0
MAX_BYTES = 2 * 2**30
_BLOCK = 2**18


class _WrongContent(Exception):
    """What came is not what was published."""


def fetch(
    urls: Sequence[str],
    target: Path,
    *,
    md5: str | None = None,
    sha256: str | None = None,
    progress: Progress | None = None,
    timeout: float = TIMEOUT,
) -> Path:
    """The published file at `target`: the one that lies there if its checksum is right, else fetched.

    urls       mirrors, tried in turn
    md5        or sha256: hexadecimal checksum of the published file
    timeout    seconds without a byte after which a mirror is given up

    Raises DataError, one sentence saying what to fetch and where to put it, when no mirror gives the
    file. A file at `target` appears whole (atomic rename) or not at all.
    """
    wanted = [(name, value) for name, value in (("md5", md5), ("sha256", sha256)) if value]
    if target.exists():
        if _matches(target, wanted):
            return target
        raise DataError(
            f"{target} is not the published file (its checksum is wrong); delete it and try again, or fetch {urls[0]}."
        )
    reasons: list[str] = []
    for url in urls:
        try:
            return _fetch_one(url, target, wanted, progress, timeout)
        except _WrongContent as error:
            reasons.append(str(error))
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ValueError) as error:
            reasons.append(_reason(error))
        except OSError as error:
            raise DataError(f"{target.name} cannot be saved in {target.parent}: {error.strerror or error}.") from error
    raise DataError(
        f"{target.name} could not be fetched ({reasons[-1]}); fetch {urls[0]} on a machine with a network "
        f"and put it at {target}."
    )


def _fetch_one(
    url: str, target: Path, wanted: Sequence[tuple[str, str]], progress: Progress | None, timeout: float
) -> Path:
    """One mirror -> `target`, by way of a temporary file beside it that never outlives this call."""
    request = urllib.request.Request(url, headers={"User-Agent": f"siamese-lab/{__version__}"})
    with urllib.request.urlopen(request, timeout=timeout) as reply:
        length = int(reply.headers.get("Content-Length") or 0)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=f".{target.name}-", suffix=".part", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                _copy(reply, out, length, f"Fetching {target.name}", progress)
            if not _matches(Path(part), wanted):
                raise _WrongContent("what came has the wrong checksum, so it is not the published file")
            os.replace(part, target)
        finally:
            if os.path.exists(part):
                os.unlink(part)
    return target


def _copy(reply: http.client.HTTPResponse, out: BinaryIO, length: int, what: str, progress: Progress | None) -> None:
    done = 0
    while block := _received(reply):
        out.write(block)
        done += len(block)
        if done > MAX_BYTES:
            raise _WrongContent("it is far larger than the published file")
        if progress:
            progress(what, min(1.0, done / length) if length else 0.0)
    if length and done < length:
        raise _WrongContent(f"the connection ended after {done:,} of {length:,} bytes")


def _received(reply: http.client.HTTPResponse) -> bytes:
    try:
        return reply.read(_BLOCK)
    except OSError as error:
        raise _WrongContent(f"the connection broke: {error.strerror or error}") from error


def _matches(path: Path, wanted: Sequence[tuple[str, str]]) -> bool:
    """Whether the file has all these checksums."""
    for name, value in wanted:
        digest = hashlib.new(name, usedforsecurity=False)
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        if digest.hexdigest() != value:
            return False
    return True


def _reason(error: Exception) -> str:
    """Why, in a few words."""
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}"
    cause = getattr(error, "reason", error)
    if isinstance(cause, TimeoutError):
        return "the server did not answer in time"
    if isinstance(cause, OSError):
        return f"no connection: {cause.strerror or cause}"
    return str(cause) or type(cause).__name__
