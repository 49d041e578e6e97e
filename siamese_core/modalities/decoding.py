"""One picture file's bytes -> a plain picture, safely: the bytes come from strangers.

The first bytes of the content, never the file's name, say which format it is; the size is read from
the header and checked before a single pixel is decoded.
"""

from __future__ import annotations

import contextlib
import io
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageChops,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from siamese_core.errors import DataError
from siamese_core.modalities import netpbm

# What Pillow remarks about odd metadata is nothing a user can mend.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\..*")

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 40_000_000
FORMATS = "PNG, JPEG, GIF, BMP, TIFF, WebP, PGM or PPM"
_ENDINGS = ".png .apng .jpg .jpeg .jpe .jfif .gif .bmp .dib .tif .tiff .webp .pgm .ppm .pbm .pnm"
EXTENSIONS = frozenset(_ENDINGS.split())

Opener = Callable[[io.BytesIO], Any]

# What a small file can make a reader do at length, and no honest file comes near.
MAX_SCANS = 32  # passes of a progressive JPEG; cameras and programs use about ten
MAX_RLE_PIXELS = 4_000_000  # Pillow unpacks a run-length BMP in Python
MAX_TILE_PIXELS = 4_000_000  # of a TIFF whose tiles are larger than itself
LARGE = 4_000_000  # pixels above which pictures are decoded one after the other, to bound the memory
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_ROWS = 2**20  # pixels looked at in one go

_one_large = threading.Lock()

# Above this spread between the channels of a pixel a picture has colour; JPEG's rounding stays below.
_GREY_SPREAD = 8


def plain_name(name: str) -> str:
    """A file's name made fit for one line of a message: no control characters, not too long."""
    text = "".join(c if c.isprintable() else "?" for c in str(name))
    return text if len(text) <= 120 else text[:58] + "..." + text[-58:]


def opener(head: bytes) -> Opener | None:
    """The reader for a file that starts with these bytes (12 or more), or None if it is no picture."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImagePlugin.PngImageFile
    if head.startswith(b"\xff\xd8\xff"):
        return JpegImagePlugin.JpegImageFile
    if head.startswith((b"GIF87a", b"GIF89a")):
        return GifImagePlugin.GifImageFile
    if head.startswith(b"BM") and len(head) > 2:
        return BmpImagePlugin.BmpImageFile
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return TiffImagePlugin.TiffImageFile
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile
    if len(head) > 2 and head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in b" \t\r\n\v\f#":
        return netpbm.read
    return None


def decode(data: bytes, name: str) -> Image.Image:
    """A picture file's bytes -> a picture of mode "L" (when it is really grey) or "RGB".

    Rotation by EXIF is applied; CMYK, 16-bit, palette and bilevel are converted; transparency is laid
    on white; of an animation the first frame is taken. `name` is for the message alone.

    Raises DataError, one sentence that names the file: empty, not a picture, damaged or cut off, or
    larger than 64 MiB or 40 million pixels (told before anything is decoded).
    """
    if not data:
        raise DataError(f"{plain_name(name)} is empty (0 bytes); choose another file.")
    if len(data) > MAX_BYTES:
        raise DataError(f"{plain_name(name)} is larger than {MAX_BYTES >> 20} MiB; make the picture smaller first.")
    reader = opener(data[:16])
    if reader is None:
        raise DataError(f"{plain_name(name)} is not a picture; use {FORMATS}.")
    try:
        image = reader(io.BytesIO(data))
        width, height = image.size
        needless = _needless(image, data)
    except Exception as error:  # the readers raise whatever comes: OSError, SyntaxError, struct.error, ...
        raise _damaged(name) from error
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{plain_name(name)} has {width:,} x {height:,} pixels, more than the {MAX_PIXELS // 10**6} million "
            "allowed; make the picture smaller first."
        )
    if width < 1 or height < 1:
        raise _damaged(name)
    if needless:
        raise DataError(f"{plain_name(name)} {needless}; open it in a picture program and save it again as PNG.")
    try:
        with _one_large if width * height > LARGE else contextlib.nullcontext():
            return _pixels(image)
    except Exception as error:
        raise _damaged(name) from error


def _pixels(image: Any) -> Image.Image:
    """An opened file -> a picture of mode "L" or "RGB", upright."""
    if isinstance(image, netpbm.Netpbm):
        return _plain(image.picture())
    image.load()
    with contextlib.suppress(Exception):  # broken EXIF leaves the picture as it lies
        ImageOps.exif_transpose(image, in_place=True)
    return _plain(image)


def _needless(image: Any, data: bytes) -> str:
    """What is stored in a way that only serves to keep the reader busy, in words; "" when nothing is."""
    if isinstance(image, JpegImagePlugin.JpegImageFile) and _scans(data) > MAX_SCANS:
        return f"is stored in more than {MAX_SCANS} passes"
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        width, height = (int(image.tag_v2.get(tag, 0)) for tag in (322, 323))
        if width * height > max(MAX_TILE_PIXELS, image.width * image.height):
            return f"is stored in tiles of {width:,} x {height:,} pixels, larger than itself"
    if isinstance(image, BmpImagePlugin.BmpImageFile) and image.width * image.height > MAX_RLE_PIXELS:
        return "is packed by run lengths and large" if any(t[0] == "bmp_rle" for t in image.tile) else ""
    return ""


def _scans(jpeg: bytes) -> int:
    """The passes of a JPEG, counted from marker to marker, until they are too many."""
    at, found = 2, 0
    while found <= MAX_SCANS and (marker := _MARKER.search(jpeg, at)):
        at, code = marker.end(), jpeg[marker.end() - 1]
        if code == 0xD9:
            break
        found += code == 0xDA
        if code not in (0x01, 0xD8):
            at += int.from_bytes(jpeg[at : at + 2], "big")
    return found


def _damaged(name: str) -> DataError:
    return DataError(f"{plain_name(name)} is damaged or incomplete and cannot be read; save or copy it again.")


def _plain(image: Image.Image) -> Image.Image:
    """Any mode -> "L" or "RGB". Large pictures are gone through in bands: no second copy of them is made
    that is not needed."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _eight_bits(image)
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return image.convert("L")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = _on_paper(image if image.mode == "RGBA" else image.convert("RGBA"))
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    return rgb.convert("L") if all(_greyish(band) for _, band in _bands(rgb)) else rgb


def _bands(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """The picture in horizontal bands, each with its first row."""
    step = max(1, _ROWS // image.width)
    for top in range(0, image.height, step):
        yield top, image.crop((0, top, image.width, min(image.height, top + step)))


def _greyish(rgb: Image.Image) -> bool:
    red, green, blue = rgb.split()
    return all(_extremes(ImageChops.difference(a, green))[1] <= _GREY_SPREAD for a in (red, blue))


def _extremes(channel: Image.Image) -> tuple[int, int]:
    """Lowest and highest value of one 8-bit channel."""
    used = np.flatnonzero(channel.histogram())
    return int(used[0]), int(used[-1])


def _on_paper(image: Image.Image) -> Image.Image:
    """RGBA -> RGB on white; on black where white would hide all there is (a white drawing)."""
    low, high = _extremes(image.getchannel("A"))
    flat = _laid(image, "white")
    if low != high and all(_extremes(c)[0] >= 250 for _, band in _bands(flat) for c in band.split()):
        return _laid(image, "black")
    return flat


def _laid(image: Image.Image, paper: str) -> Image.Image:
    """RGBA -> RGB on paper of a colour."""
    flat = Image.new("RGB", image.size)
    for top, band in _bands(image):
        flat.paste(Image.alpha_composite(Image.new("RGBA", band.size, paper), band).convert("RGB"), (0, top))
    return flat


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit, 32-bit or floating grey -> "L".

    16-bit values are divided by 257, so that 65535 is white; floats in [0, 1] or [0, 255] are taken as
    such; any other range is stretched to what the picture holds.
    """
    low, high = np.inf, -np.inf
    for _, band in _bands(image):
        values = np.asarray(band)
        if not np.isfinite(values).all():
            raise ValueError("not finite")
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    if image.mode == "F":
        scale, zero = (255.0, 0.0) if low >= 0 and high <= 1 else (1.0, 0.0)
        wide = low < 0 or high > 255
    else:
        scale, zero, wide = 1 / 257, 0.0, low < 0 or high > 65535
    if wide:
        scale, zero = (255 / (high - low) if high > low else 1.0), low
    grey = Image.new("L", image.size)
    for top, band in _bands(image):
        values = (np.asarray(band).astype(np.float64) - zero) * scale
        grey.paste(Image.fromarray(np.rint(values).clip(0, 255).astype(np.uint8)), (0, top))
    return grey
