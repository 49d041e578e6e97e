"""Ways to spoil any bytes, seeded: flipped bits, cut ends, holes, foreign heads, repeated and shuffled parts."""

from __future__ import annotations

import numpy as np

HEADS = (
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b"RIFF\x10\0\0\0WEBPVP8 ", b"P5\n",
    b"PK\x03\x04", b"%PDF-1.7", b"<svg xmlns=", b"{\"a\":", b"\0\0\0\x18ftypheic", b"\x7fELF", b"", b"\x1f\x8b\x08",
)  # fmt: skip
EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def spoiled(data: bytes, rng: np.random.Generator) -> bytes:
    """The bytes after one to three kinds of damage."""
    for _ in range(int(rng.integers(1, 4))):
        data = WAYS[int(rng.integers(len(WAYS)))](bytearray(data), rng)
    return data


def place(data: bytes | bytearray, rng: np.random.Generator, room: int = 0) -> int:
    """A place in the data, more often in its first bytes, where the headers are."""
    end = max(1, len(data) - room)
    return int(rng.integers(min(end, 64))) if rng.random() < 0.4 else int(rng.integers(end))


def _flip(data: bytearray, rng: np.random.Generator) -> bytes:
    for _ in range(int(rng.integers(1, 30)) if data else 0):
        data[place(data, rng)] ^= 1 << int(rng.integers(8))
    return bytes(data)


def _overwrite(data: bytearray, rng: np.random.Generator) -> bytes:
    for _ in range(int(rng.integers(1, 8)) if data else 0):
        data[place(data, rng)] = int(rng.integers(256))
    return bytes(data)


def _number(data: bytearray, rng: np.random.Generator) -> bytes:
    """A size, an offset or a count that cannot be."""
    width = int(rng.choice([1, 2, 4]))
    at = place(data, rng, width)
    value = EDGES[int(rng.integers(len(EDGES)))] % 256**width
    data[at : at + width] = value.to_bytes(width, "little" if rng.random() < 0.5 else "big")
    return bytes(data)


def _cut(data: bytearray, rng: np.random.Generator) -> bytes:
    return bytes(data[: int(rng.integers(len(data) + 1))])


def _hole(data: bytearray, rng: np.random.Generator) -> bytes:
    at = place(data, rng)
    count = int(rng.integers(1, 200))
    data[at : at + count] = bytes([int(rng.choice([0, 0xFF]))]) * count
    return bytes(data)


def _head(data: bytearray, rng: np.random.Generator) -> bytes:
    head = HEADS[int(rng.integers(len(HEADS)))]
    return head + bytes(data[len(head) :]) if rng.random() < 0.5 else head + bytes(data)


def _repeat(data: bytearray, rng: np.random.Generator) -> bytes:
    at = place(data, rng)
    part = bytes(data[at : at + int(rng.integers(1, 400))])
    return bytes(data[:at]) + part * int(rng.integers(2, 20)) + bytes(data[at:])


def _remove(data: bytearray, rng: np.random.Generator) -> bytes:
    at = place(data, rng)
    return bytes(data[:at]) + bytes(data[at + int(rng.integers(1, 100)) :])


def _append(data: bytearray, rng: np.random.Generator) -> bytes:
    return bytes(data) + rng.bytes(int(rng.integers(1, 2000)))


WAYS = (_flip, _flip, _overwrite, _overwrite, _number, _number, _cut, _hole, _head, _repeat, _remove, _append)
