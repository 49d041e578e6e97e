"""Small pictures and archives that the tests of data make for themselves."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def encoded(pixels: np.ndarray, form: str = "PNG", mode: str | None = None, **options: object) -> bytes:
    """Pixels -> the bytes of a picture file."""
    image = Image.fromarray(np.asarray(pixels))
    out = io.BytesIO()
    (image.convert(mode) if mode else image).save(out, form, **options)
    return out.getvalue()


def cross(side: int = 20, paper: int = 255, ink: int = 0, at: int = 8) -> np.ndarray:
    """(side, side) uint8: a cross two pixels thick, off the centre."""
    picture = np.full((side, side), paper, dtype=np.uint8)
    picture[at : at + 2, 3:-3] = ink
    picture[3:-3, at - 2 : at] = ink
    return picture


def photo(height: int = 24, width: int = 20, seed: int = 0, colours: int = 0) -> np.ndarray:
    """Noise: what no one takes for ink on paper."""
    shape = (height, width, colours) if colours else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def huge_png(width: int, height: int) -> bytes:
    """A PNG that says it is so large, of a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def tiff(tags: dict[int, int], body: bytes) -> bytes:
    """A TIFF of one piece; the tag with the value -1 is where its data begin."""
    start = 8 + 2 + 12 * len(tags) + 4
    rows = b"".join(struct.pack("<HHII", t, 4, 1, start if v < 0 else v) for t, v in sorted(tags.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + rows + bytes(4) + body


def class_folders(
    root: Path, classes: tuple[str, ...] = ("a", "b"), each: int = 2, side: int = 20, seed: int = 0
) -> Path:
    """Ink pictures in folders of classes ("a" or "g/a"), no two alike."""
    rng = np.random.default_rng(seed)
    for name in classes:
        (root / name).mkdir(parents=True, exist_ok=True)
        for i in range(each):
            picture = cross(side, at=int(rng.integers(6, side - 5)))
            picture[int(rng.integers(4, side - 4)), int(rng.integers(4, side - 4))] ^= 255
            (root / name / f"{i}.png").write_bytes(encoded(picture))
    return root


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip of these files."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path
