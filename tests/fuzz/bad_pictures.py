"""Pictures as strangers might send them: every accepted format in many modes, spoiled, or made to cost much."""

from __future__ import annotations

import functools
import io
import struct
import zlib

import numpy as np
from PIL import Image

from tests.fuzz.spoil import EDGES, place, spoiled
from tests.pictures import encoded, huge_png, tiff

MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "GIF": ("L", "P", "RGB"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "F", "I;16", "YCbCr", "LAB"),
    "WEBP": ("L", "RGB", "RGBA"),
    "PPM": ("1", "L", "RGB", "I;16"),
}
PACKINGS = (None, "tiff_lzw", "tiff_deflate", "packbits", "jpeg", "group4", "tiff_adobe_deflate")


@functools.lru_cache(maxsize=400)
def good(form: str, variant: int) -> bytes:
    """A sound picture file; every variant is another."""
    rng = np.random.default_rng([1, variant])
    mode = MODES[form][variant % len(MODES[form])]
    colour = rng.integers(0, 256, (int(rng.integers(8, 60)), int(rng.integers(8, 60)), 3)).astype(np.uint8)
    image = _moded(colour if rng.random() < 0.5 else colour // 128 * 255, mode)
    more: dict[str, object] = {}
    if rng.random() < 0.3 and form in ("PNG", "JPEG", "WEBP", "TIFF") and mode not in ("F", "I;16"):
        exif = Image.Exif()
        exif[0x0112] = int(rng.integers(0, 12))
        exif[0x010E] = "x" * int(rng.integers(300))
        more["exif"] = exif
    if form == "JPEG":
        more |= {"quality": int(rng.integers(5, 98)), "progressive": bool(rng.random() < 0.5)}
    if form == "TIFF" and (packing := PACKINGS[int(rng.integers(len(PACKINGS)))]):
        more["compression"] = packing
    if form in ("GIF", "WEBP", "TIFF", "PNG") and rng.random() < 0.2:
        more |= {"save_all": True, "append_images": [image, image]}
    out = io.BytesIO()
    try:
        image.save(out, form, **more)
    except (OSError, ValueError, KeyError, RuntimeError):  # not every mode goes with every packing
        image.convert("RGB").save(out := io.BytesIO(), form)
    return out.getvalue()


def _moded(colour: np.ndarray, mode: str) -> Image.Image:
    grey = colour[..., 0]
    if mode == "F":
        return Image.fromarray(grey.astype(np.float32) / 255)
    if mode == "I;16":
        return Image.fromarray(grey.astype(np.uint16) * 257)
    if mode == "LAB":
        return Image.frombytes("LAB", colour.shape[1::-1], colour.tobytes())
    return Image.fromarray(colour).convert(mode)


def mutated(form: str, rng: np.random.Generator) -> bytes:
    """A sound picture of a format, spoiled."""
    return spoiled(good(form, int(rng.integers(40))), rng)


def costly(rng: np.random.Generator) -> bytes:
    """A small file that asks for much: giant sizes, bombs, senseless EXIF, numbers that are none."""
    return COSTLY[int(rng.integers(len(COSTLY)))](rng)


def _side(rng: np.random.Generator) -> int:
    return int(rng.choice([1, 2, 1000, 6000, 6324, 6325, 16383, 65535, 10**6, 39_999_999, 2**31 - 1]))


def _giant_png(rng: np.random.Generator) -> bytes:
    return huge_png(_side(rng), _side(rng))


def _giant_ppm(rng: np.random.Generator) -> bytes:
    kind, top = int(rng.integers(1, 8)), int(rng.choice([0, 1, 200, 255, 256, 65535, 65536]))
    head = b"P%d\n# %s\n%d %d\n" % (kind, b"c" * int(rng.integers(30000)), _side(rng), _side(rng))
    return head + (b"%d\n" % top if kind not in (1, 4) else b"") + rng.bytes(int(rng.integers(5000)))


def _plain_ppm(rng: np.random.Generator) -> bytes:
    words = [b"0", b"255", b"-1", b"nan", b"1e9", b"9" * 30, b"#x\n", b" ", b"7", b"\x00"]
    return b"P2\n9 9\n255\n" + b" ".join(words[int(i)] for i in rng.choice(len(words), 90, p=[0.6, *[0.4 / 9] * 9]))


def _giant_bmp(rng: np.random.Generator) -> bytes:
    packing, bits = int(rng.integers(0, 5)), int(rng.choice([1, 4, 8, 16, 24, 32]))
    high = _side(rng) * int(rng.choice([-1, 1]))
    body = b"\0\2\xff\xff" * 50 + rng.bytes(200)
    head = struct.pack("<IiiHHIIiiII", 40, _side(rng), high, 1, bits, packing, len(body), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 1078 + len(body), 0, 0, 1078) + head + bytes(1024) + body


def _giant_gif(rng: np.random.Generator) -> bytes:
    data = bytearray(good("GIF", 1))
    data[6:10] = struct.pack("<HH", min(_side(rng), 65535), min(_side(rng), 65535))
    return bytes(data)


def _giant_jpeg(rng: np.random.Generator) -> bytes:
    data = bytearray(good("JPEG", int(rng.integers(20))))
    at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    data[at + 5 : at + 9] = struct.pack(">HH", min(_side(rng), 65535), min(_side(rng), 65535))
    return bytes(data)


def _giant_webp(rng: np.random.Generator) -> bytes:
    size = [struct.pack("<I", min(_side(rng), 2**24) - 1)[:3] for _ in range(2)]
    frame = size[0] * 2 + size[1] * 2 + b"\x10\0\0\0" + good("WEBP", 1)[12:]
    parts = (
        b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + size[0] + size[1] + b"ANIM" + struct.pack("<I", 6) + bytes(6)
    )
    body = b"WEBP" + parts + b"ANMF" + struct.pack("<I", len(frame)) + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _many_scans(rng: np.random.Generator) -> bytes:
    data = encoded(np.zeros((2000, 2000), np.uint8), "JPEG", progressive=True)
    return data[:-2] + data[data.rfind(b"\xff\xda") : -2] * int(rng.integers(1, 3000)) + b"\xff\xd9"


def _tiff_tiles(rng: np.random.Generator) -> bytes:
    side = int(rng.choice([16, 256, 4096, 20_000, 60_000]))
    body = zlib.compress(bytes(min(side * side, 2**22)), 9)
    tags = {256: 50, 257: 50, 258: 8, 259: 8, 262: 1, 277: 1, 322: side, 323: side, 324: -1, 325: len(body)}
    if rng.random() < 0.5:
        tags[int(rng.choice(list(tags)))] = EDGES[int(rng.integers(len(EDGES)))]
    return tiff(tags, body)


def _not_numbers(rng: np.random.Generator) -> bytes:
    values = rng.random((9, 9)).astype(np.float32)
    values[4, 4] = rng.choice([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-40])
    return encoded(values, "TIFF")


def _text_bomb(rng: np.random.Generator) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    data, bomb = good("PNG", 1), zlib.compress(bytes(2**24), 9)
    kinds = {
        b"zTXt": b"k\0\0" + bomb,
        b"iCCP": b"k\0\0" + bomb,
        b"iTXt": b"k\0\1\0\0\0" + bomb,
        b"tEXt": b"k\0" + bytes(99),
    }
    kind = list(kinds)[int(rng.integers(len(kinds)))]
    return data[:33] + chunk(kind, kinds[kind]) * int(rng.integers(1, 6)) + data[33:]


def _pixel_bomb(rng: np.random.Generator) -> bytes:
    """A PNG whose data unpack to far more than its size."""
    data = bytearray(huge_png(8, 8))
    body = zlib.compress(bytes(2**24), 9)
    at = data.index(b"IDAT")
    chunk = struct.pack(">I", len(body)) + b"IDAT" + body + struct.pack(">I", zlib.crc32(b"IDAT" + body))
    return bytes(data[: at - 4]) + chunk + bytes(data[-12:])


def _mad_exif(rng: np.random.Generator) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = int(rng.integers(1, 9))
    block = bytearray(exif.tobytes())
    for _ in range(int(rng.integers(1, 12))):
        block[place(block, rng)] = int(rng.integers(256))
    form = ("PNG", "JPEG", "WEBP")[int(rng.integers(3))]
    return encoded(np.arange(400, dtype=np.uint8).reshape(20, 20), form, exif=bytes(block))


def _large(rng: np.random.Generator) -> bytes:
    """A sound picture of many pixels: allowed, and to be read without taking the machine."""
    shape = (int(rng.integers(1, 9)), 10**6) if rng.random() < 0.5 else (2400, 2400)
    kind = np.float32 if rng.random() < 0.2 else np.uint8
    return encoded(np.zeros(shape, kind), "TIFF", compression="tiff_deflate")


COSTLY = (
    _giant_png, _giant_ppm, _plain_ppm, _giant_bmp, _giant_gif, _giant_jpeg, _giant_webp, _many_scans, _tiff_tiles,
    _not_numbers, _text_bomb, _pixel_bomb, _mad_exif, _mad_exif, _large,
)  # fmt: skip
