"""Weights, checkpoints, JSON and tables as strangers might send them: spoiled bytes, and values of the wrong kind."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.spoil import spoiled

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 64, 512, 4096, 10**9, 10**400, -(10**30), 0.5, 1e308, float("nan"), float("inf"),
    -float("inf"), "", "x", "\ud800", "\0", "9" * 5000, "../..", "/etc/passwd", "cuda", "finished", [], {}, [1, "a"],
    {"a": 1}, [[[]]],
)  # fmt: skip
TABLES = (
    b"a,b\n1,2\n", b"a;b\r\n1;nan\r\n", b"\xff\xfea\0,\0", b"=cmd|' /C calc'!A0,1\n", b'"unclosed,1\n' * 50,
    b"\0" * 500, b"a," * 20000, b"\n" * 5000, b"1e999,NaN,-inf\n", b"[1, 2", b"<html><script>alert(1)</script>",
    b'{"a": NaN}',
)  # fmt: skip


def table(rng: np.random.Generator) -> bytes:
    """Rows, JSON or a page where a picture or a zip should be."""
    data = TABLES[int(rng.integers(len(TABLES)))]
    return spoiled(data, rng) if rng.random() < 0.6 else data


def record(path: Path, rng: np.random.Generator) -> bytes:
    """One of a run's JSON files, or its events, with values of the wrong kind or spoiled bytes."""
    text = path.read_bytes()
    if rng.random() < 0.3:
        return spoiled(text, rng)
    if rng.random() < 0.05:
        return EXTREMES[int(rng.integers(len(EXTREMES)))]
    lines = text.splitlines() if path.suffix == ".jsonl" else [text]
    for _ in range(int(rng.integers(1, 4))):
        i = int(rng.integers(len(lines)))
        lines[i] = json.dumps(_changed(json.loads(lines[i]), rng)).encode()
    return b"\n".join(lines) + b"\n"


def _changed(value: Any, rng: np.random.Generator) -> Any:
    """The value with one of its leaves, or a branch, replaced or removed."""
    inside = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else {}
    if not inside or rng.random() < 0.1:
        return VALUES[int(rng.integers(len(VALUES)))]
    key = list(inside)[int(rng.integers(len(inside)))]
    if rng.random() < 0.15:
        inside = {k: v for k, v in inside.items() if k != key}
    else:
        inside = inside | {key: _changed(inside[key], rng)}
    return inside if isinstance(value, dict) else list(inside.values())


def weights(path: Path, rng: np.random.Generator) -> bytes:
    """A safetensors file, spoiled anywhere or in its header alone."""
    data = path.read_bytes()
    way = int(rng.integers(5))
    if way == 0:
        return spoiled(data, rng)
    if way == 1:
        size = int(rng.choice([0, 1, 7, 2**31, 2**40, 2**62]))
        return struct.pack("<Q", size) + data[8:]
    size = int.from_bytes(data[:8], "little")
    header, body = data[8 : 8 + size], bytearray(data[8 + size :])
    if way == 2:
        return _framed(spoiled(header, rng), bytes(body))
    if way == 3:
        return _framed(json.dumps(_changed(json.loads(header), rng)).encode(), bytes(body))
    at = int(rng.integers(len(body) // 4)) * 4
    body[at : at + 4] = struct.pack("<f", float(rng.choice([np.nan, np.inf, -np.inf, 3e38])))
    return _framed(header, bytes(body))


def _framed(header: bytes, body: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + body


EXTREMES = (
    b"", b"null", b"[]", b"{}", b"[" * 100_000, b'{"a":' * 100_000, b'"' + b"x" * 10**6, b"9" * 10**5, b"NaN",
    b"-Infinity", b"\xef\xbb\xbf{}", '{"config": {}}'.encode("utf-16"), b'{"config": {}, "config": 1}', b"\xff\xfe\0",
    b"\n\n\n",
)  # fmt: skip
