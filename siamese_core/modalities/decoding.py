"""One picture file's bytes -> a plain picture, safely: the bytes come from strangers.

The first bytes of the content, never the file's name, say which format it is; the size is read from
the header and checked before a single pixel is decoded.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageChops,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from siamese_core.errors import DataError

# What Pillow remarks about odd metadata is nothing a user can mend.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\..*")

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 40_000_000
FORMATS = "PNG, JPEG, GIF, BMP, TIFF, WebP, PGM or PPM"
_ENDINGS = ".png .apng .jpg .jpeg .jpe .jfif .gif .bmp .dib .tif .tiff .webp .pgm .ppm .pbm .pnm"
EXTENSIONS = frozenset(_ENDINGS.split())

Opener = Callable[[io.BytesIO], ImageFile.ImageFile]

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
        return PpmImagePlugin.PpmImageFile
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
        image: Image.Image = reader(io.BytesIO(data))
        width, height = image.size
    except Exception as error:  # the readers raise whatever comes: OSError, SyntaxError, struct.error, ...
        raise _damaged(name) from error
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{plain_name(name)} has {width:,} x {height:,} pixels, more than the {MAX_PIXELS // 10**6} million "
            "allowed; make the picture smaller first."
        )
    if width < 1 or height < 1:
        raise _damaged(name)
    try:
        image.load()
        turned = image
        with contextlib.suppress(Exception):  # broken EXIF leaves the picture as it lies
            turned = ImageOps.exif_transpose(image)
        return _plain(turned)
    except Exception as error:
        raise _damaged(name) from error


def _damaged(name: str) -> DataError:
    return DataError(f"{plain_name(name)} is damaged or incomplete and cannot be read; save or copy it again.")


def _plain(image: Image.Image) -> Image.Image:
    """Any mode -> "L" or "RGB"."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_eight_bits(image))
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return image.convert("L")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = _on_paper(image.convert("RGBA"))
    rgb = image.convert("RGB")
    red, green, blue = rgb.split()
    spread = max(_extremes(ImageChops.difference(a, green))[1] for a in (red, blue))
    return rgb.convert("L") if spread <= _GREY_SPREAD else rgb


def _extremes(channel: Image.Image) -> tuple[int, int]:
    """Lowest and highest value of one 8-bit channel."""
    used = np.flatnonzero(channel.histogram())
    return int(used[0]), int(used[-1])


def _on_paper(image: Image.Image) -> Image.Image:
    """RGBA -> RGB on white; on black where white would hide all there is (a white drawing)."""
    flat = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    low, high = _extremes(image.getchannel("A"))
    if low != high and all(_extremes(channel)[0] >= 250 for channel in flat.split()):
        return Image.alpha_composite(Image.new("RGBA", image.size, "black"), image).convert("RGB")
    return flat


def _eight_bits(image: Image.Image) -> np.ndarray:
    """16-bit, 32-bit or floating grey -> (H, W) uint8.

    16-bit values are divided by 257, so that 65535 is white; floats in [0, 1] or [0, 255] are taken as
    such; any other range is stretched to what the picture holds.
    """
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("not finite")
    low, high = float(values.min()), float(values.max())
    if image.mode == "F":
        scale, zero = (255.0, 0.0) if low >= 0 and high <= 1 else (1.0, 0.0)
        wide = low < 0 or high > 255
    else:
        scale, zero, wide = 1 / 257, 0.0, low < 0 or high > 65535
    if wide:
        scale, zero = (255 / (high - low) if high > low else 1.0), low
    return np.rint((values - zero) * scale).clip(0, 255).astype(np.uint8)
