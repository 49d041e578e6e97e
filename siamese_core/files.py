"""Writing files so that a reader, or a crash, never meets half of one."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

DISK_FULL = "The disk is full, so the last checkpoint could not be written; free some space, then resume the run."


def write_atomic(path: Path, data: bytes) -> None:
    """Write beside `path` and rename over it. Raises OSError (disk full, no permission); on failure
    the old content stays and nothing is left behind."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically (see `write_atomic`)."""
    write_atomic(path, (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """The JSON value in a file; raises OSError or ValueError."""
    try:
        return json.loads(path.read_bytes())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def sha16(path: Path) -> str:
    """First 16 hexadecimal digits of a file's SHA-256."""
    h = hashlib.sha256()
    with path.open("rb") as f:
        while block := f.read(1 << 20):
            h.update(block)
    return h.hexdigest()[:16]
