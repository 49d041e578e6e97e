"""PBM, PGM and PPM files, plain and raw, of any highest value up to 65535 (netpbm.sourceforge.net/doc).

Pillow reads most of these one value at a time in Python, which takes half a minute for a large file and
holds up everybody else meanwhile.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import numpy as np
from PIL import Image

_TOKEN = re.compile(rb"(?:\s|#[^\n]*\n)*(\d{1,9})(?=[\s#])")
_HEADER = 2**14  # bytes in which it must end
_COMMENT = re.compile(rb"#[^\n]*")
_BLOCK = 2**20  # values scaled at once


@dataclass(frozen=True)
class Netpbm:
    """A file whose header has been read. `size` is (width, height)."""

    kind: int
    size: tuple[int, int]
    highest: int
    body: memoryview

    def picture(self) -> Image.Image:
        """Its pixels as a picture of mode "L" or "RGB". Raises ValueError when they are not all there."""
        width, height = self.size
        colours = 3 if self.kind in (3, 6) else 1
        if self.kind == 4:
            rows = np.frombuffer(self.body, np.uint8, height * -(-width // 8)).reshape(height, -1)
            return Image.fromarray((1 - np.unpackbits(rows, axis=1, count=width)) * np.uint8(255))
        values = self._values(width * height * colours)
        if int(values.max()) > self.highest:
            raise ValueError("a value is above the highest")
        pixels = _scaled(values, self.highest).reshape(height, width, colours)
        if self.kind == 1:
            pixels = 255 - pixels
        return Image.fromarray(pixels[..., 0] if colours == 1 else pixels)

    def _values(self, count: int) -> np.ndarray:
        """(count,) numbers as they stand in the file."""
        if self.kind > 3:
            return np.frombuffer(self.body, np.uint8 if self.highest < 256 else ">u2", count)
        text = _COMMENT.sub(b"", bytes(self.body)).strip()
        if self.kind == 1:  # its digits need no space between them
            digits = np.frombuffer(text, np.uint8)
            values = digits[digits > ord(" ")][:count].astype(np.int64) - ord("0")
        else:
            if re.search(rb"[^\d\s]", text):
                raise ValueError("something else than numbers")
            values = np.fromstring(text.decode("ascii"), np.int64, sep=" ")[:count]
        if len(values) < count:
            raise ValueError("too few values")
        return values


def read(file: io.BytesIO) -> Netpbm:
    """A file's header. Raises ValueError when it is damaged."""
    data = file.getbuffer()
    kind, at = int(bytes(data[1:2])), 2
    head, numbers = bytes(data[:_HEADER]), list[int]()
    for _ in range(2 if kind in (1, 4) else 3):
        found = _TOKEN.match(head, at)
        if found is None:
            raise ValueError("a damaged header")
        numbers.append(int(found[1]))
        at = found.end()
    width, height, highest = (*numbers, 1)[:3]
    if not 0 < highest < 65536:
        raise ValueError("a highest value that cannot be")
    return Netpbm(kind, (width, height), highest, data[at + 1 :])


def _scaled(values: np.ndarray, highest: int) -> np.ndarray:
    """Numbers up to `highest` -> uint8 up to 255."""
    if highest == 255:
        return values.astype(np.uint8)
    out = np.empty(len(values), np.uint8)
    for start in range(0, len(values), _BLOCK):
        out[start : start + _BLOCK] = np.rint(values[start : start + _BLOCK] * 255.0 / highest)
    return out
