"""Reading pictures: every kind of file to the pixel, and what is refused, in one sentence."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from siamese_core.errors import DataError
from siamese_core.modalities import decoding
from siamese_core.modalities.image import decode
from tests.pictures import cross, encoded, huge_png, photo, tiff

GREY = np.arange(12 * 10, dtype=np.uint8).reshape(12, 10) * 2
COLOUR = photo(12, 10, colours=3)


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(decode(data, "x"))


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM", "GIF"])
def test_grey_pixels_come_back(form):
    image = decode(encoded(GREY, form), "x")
    assert image.mode == "L"
    np.testing.assert_array_equal(np.asarray(image), GREY)


def test_lossless_webp_comes_back_as_grey():
    np.testing.assert_array_equal(pixels(encoded(GREY, "WEBP", lossless=True)), GREY)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM"])
def test_colour_pixels_come_back(form):
    image = decode(encoded(COLOUR, form), "x")
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), COLOUR)


def test_plain_pgm_text():
    np.testing.assert_array_equal(pixels(b"P2\n3 2\n255\n0 10 20\n30 40 255\n"), [[0, 10, 20], [30, 40, 255]])


def test_grey_saved_in_colour_jpeg_is_grey_again():
    smooth = np.tile(np.linspace(20, 230, 32).astype(np.uint8), (32, 1))
    image = decode(encoded(np.stack([smooth] * 3, -1), "JPEG", quality=95), "x")
    assert image.mode == "L"
    assert np.abs(np.asarray(image).astype(int) - smooth).max() <= 4


def test_content_not_name_decides():
    assert np.asarray(decode(encoded(GREY, "GIF"), "picture.jpg")).shape == GREY.shape


def test_bilevel():
    np.testing.assert_array_equal(pixels(encoded(cross() > 0)), cross())


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_cut(form):
    deep = (np.arange(0, 256, dtype=np.uint16) * 257).reshape(16, 16)
    np.testing.assert_array_equal(pixels(encoded(deep, form)), np.arange(256).reshape(16, 16))


def test_sixteen_bit_pgm():
    deep = (np.arange(0, 256, dtype=">u2") * 257).reshape(16, 16)
    np.testing.assert_array_equal(pixels(b"P5 16 16 65535\n" + deep.tobytes()), np.arange(256).reshape(16, 16))


def test_floating_tiff():
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(pixels(encoded(values, "TIFF")), np.rint(values.astype(float) * 255))


def test_cmyk_jpeg_and_tiff_have_their_colours():
    solid = np.zeros((16, 16, 3), dtype=np.uint8)
    solid[:, :8] = 200, 30, 40
    solid[:, 8:] = 250, 250, 250
    for form, slack in (("JPEG", 12), ("TIFF", 2)):
        data = encoded(solid, form, mode="CMYK", **({"quality": 98} if form == "JPEG" else {}))
        assert np.abs(pixels(data)[:, [2, 13]].astype(int) - solid[:, [2, 13]]).max() <= slack, form


def test_palette():
    image = Image.fromarray(COLOUR).quantize(16)
    out = io.BytesIO()
    image.save(out, "PNG")
    np.testing.assert_array_equal(pixels(out.getvalue()), np.asarray(image.convert("RGB")))


def test_transparency_lies_on_white():
    rgba = np.zeros((4, 4, 4), dtype=np.uint8)
    rgba[..., 0] = 100
    rgba[1, 1] = 100, 0, 0, 255
    rgba[2, 2] = 0, 0, 0, 51
    seen = pixels(encoded(rgba))
    assert seen[0, 0].tolist() == [255, 255, 255]
    assert seen[1, 1].tolist() == [100, 0, 0]
    assert seen[2, 2].tolist() == [204, 204, 204]


def test_transparent_palette_and_grey_with_alpha():
    indices = np.array([[0, 1], [1, 0]], dtype=np.uint8)
    image = Image.fromarray(indices, "P")
    image.putpalette([0, 0, 0, 40, 40, 40])
    out = io.BytesIO()
    image.save(out, "PNG", transparency=0)
    np.testing.assert_array_equal(pixels(out.getvalue()), [[255, 40], [40, 255]])
    la = np.array([[[10, 255], [10, 0]]], dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(la, "LA").save(out, "PNG")
    np.testing.assert_array_equal(pixels(out.getvalue()), [[10, 255]])


def test_white_drawing_on_nothing_is_not_lost():
    rgba = np.full((20, 20, 4), 255, dtype=np.uint8)
    rgba[..., 3] = 255 - cross()
    np.testing.assert_array_equal(pixels(encoded(rgba)), 255 - cross())


def test_first_frame_of_an_animation():
    frames = [Image.fromarray(cross(at=a)) for a in (6, 9, 12)]
    for form in ("GIF", "PNG", "TIFF", "WEBP"):
        out = io.BytesIO()
        extra = {"lossless": True} if form == "WEBP" else {}
        frames[0].save(out, form, save_all=True, append_images=frames[1:], **extra)
        np.testing.assert_array_equal(pixels(out.getvalue()), cross(at=6), err_msg=form)


@pytest.mark.parametrize(
    ("orientation", "undo"),
    [
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.T),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: a[::-1, ::-1].T),
        (8, lambda a: np.rot90(a, 1)),
    ],
)
def test_exif_rotation_is_applied(orientation, undo):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.kron(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40, np.ones((16, 16), dtype=np.uint8))
    np.testing.assert_array_equal(pixels(encoded(stored, "PNG", exif=exif)), undo(stored))
    seen = pixels(encoded(stored, "JPEG", quality=95, exif=exif)).astype(int)
    assert np.abs(seen - undo(stored)).mean() < 3


def test_broken_exif_leaves_the_picture():
    data = encoded(GREY, "PNG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff junk")
    np.testing.assert_array_equal(pixels(data), GREY)


def refused(data: bytes, name: str = "bad.png") -> str:
    with pytest.raises(DataError) as caught:
        decode(data, name)
    text = str(caught.value)
    assert name in text
    assert "\n" not in text
    assert text.endswith(".")
    return text


def test_empty():
    assert "0 bytes" in refused(b"")


@pytest.mark.parametrize("data", [b"hello, I am text", b"\0" * 40, b"%PDF-1.7 ...", b"PK\x03\x04" + b"\0" * 40, b"P"])
def test_not_a_picture(data):
    assert "not a picture" in refused(data)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
@pytest.mark.parametrize("kept", [0.2, 0.6, 0.9])
def test_truncated(form, kept):
    data = encoded(photo(64, 64), form)
    assert "damaged" in refused(data[: int(len(data) * kept)])


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"GIF89a",
        b"BM12",
        b"II*\0",
        b"RIFF\x10\0\0\0WEBPVP8 ",
        b"P5 \n",
        b"P5 x y 255\n....",
        b"P5 0 0 255\n",
    ],
)
def test_only_a_signature(data):
    assert "damaged" in refused(data)


def test_too_many_pixels_is_told_before_decoding(recwarn):
    assert "20,000 x 20,000" in refused(huge_png(20_000, 20_000))
    assert not recwarn.list
    assert "damaged" in refused(huge_png(200, 200))


def test_too_many_bytes(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_BYTES", 2**20)
    assert "1 MiB" in refused(encoded(GREY) + b"\0" * 2**20)


def test_the_name_cannot_break_the_line():
    with pytest.raises(DataError) as caught:
        decode(b"", "a\nb\x1b[31m" + "x" * 500 + ".png")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 220


# ---- small files that would keep the reader busy ----


def test_any_highest_value_of_a_pgm_is_white():
    np.testing.assert_array_equal(pixels(b"P5 3 1 200\n" + bytes([0, 100, 200])), [[0, 128, 255]])
    np.testing.assert_array_equal(pixels(b"P2 # c\n3 1\n# d\n9\n0 3 # e\n9\n"), [[0, 85, 255]])
    np.testing.assert_array_equal(pixels(b"P5 2 1 1000\n" + np.array([0, 1000], ">u2").tobytes()), [[0, 255]])


def test_bits_of_a_pbm():
    np.testing.assert_array_equal(pixels(b"P1\n3 2\n0 1 0\n101"), [[255, 0, 255], [0, 255, 0]])
    np.testing.assert_array_equal(pixels(b"P4\n3 2\n" + bytes([0b01000000, 0b10100000])), [[255, 0, 255], [0, 255, 0]])


@pytest.mark.parametrize(
    "data",
    [b"P2 2 2 255\n1 2 3", b"P2 1 1 255\n-1", b"P2 1 1 9\n10", b"P1 2 1\n12", b"P5 2 2 255\n123", b"P5 1 1 0\n1"],
)
def test_numbers_that_are_missing_or_wrong(data):
    assert "damaged" in refused(data)


def test_a_jpeg_of_thousands_of_passes():
    data = encoded(np.zeros((64, 64), np.uint8), "JPEG", progressive=True)
    scan = data[data.rfind(b"\xff\xda") : -2]
    assert decode(data[:-2] + scan * 3 + b"\xff\xd9", "x").size == (64, 64)
    assert "passes" in refused(data[:-2] + scan * 40 + b"\xff\xd9")


def test_a_tiff_whose_tile_is_far_larger_than_itself():
    body = zlib.compress(bytes(256 * 256))
    tags = {256: 50, 257: 50, 258: 8, 259: 8, 262: 1, 277: 1, 322: 256, 323: 256, 324: -1, 325: len(body)}
    assert decode(tiff(tags, body), "x").size == (50, 50)
    assert "30,000 x 30,000" in refused(tiff(tags | {322: 30_000, 323: 30_000}, body))


def test_large_pictures_of_every_depth_are_as_small_ones():
    """They are gone through in bands; every band must be as if it were the whole."""
    tall = np.tile(np.arange(256, dtype=np.uint8), (5000, 5))
    np.testing.assert_array_equal(pixels(encoded(tall, "TIFF")), tall)
    np.testing.assert_array_equal(pixels(encoded(tall.astype(np.uint16) * 257, "TIFF")), tall)
    rgba = np.dstack([tall, tall, tall, np.full_like(tall, 255)])
    rgba[4000:, :, 0] ^= 128  # colour in a late band alone
    assert decode(encoded(rgba, "TIFF"), "x").mode == "RGB"
    np.testing.assert_array_equal(pixels(encoded(rgba, "TIFF")), rgba[..., :3])
