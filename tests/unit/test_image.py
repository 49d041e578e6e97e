"""Pictures: what is decoded, what the network sees of it, and what is refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from siamese_core.errors import DataError
from siamese_core.modalities import decoding
from siamese_core.modalities.fitting import channels, ink_of, looks_inked, resize
from siamese_core.modalities.image import ImageItems, decode, each, fit, from_files
from siamese_core.types import InputSpec
from tests.pictures import cross, encoded, huge_png, photo

GREY = np.arange(12 * 10, dtype=np.uint8).reshape(12, 10) * 2
COLOUR = photo(12, 10, colours=3)


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(decode(data, "x"))


# ---- every kind of file, to the pixel ----


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


# ---- what is refused, in one sentence that names the file ----


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


# ---- what the network sees ----


def test_ink_of_clean_pictures_only_changes_the_sign():
    np.testing.assert_array_equal(ink_of(cross()), 255 - cross())
    np.testing.assert_array_equal(ink_of(255 - cross()), 255 - cross())


@pytest.mark.parametrize(("paper", "ink"), [(200, 40), (120, 20), (60, 250), (130, 240)])
def test_either_polarity_and_contrast_come_out_alike(paper, ink):
    np.testing.assert_array_equal(ink_of(cross(paper=paper, ink=ink)), 255 - cross())


def test_a_blank_page_is_all_paper():
    noisy = (240 + np.random.default_rng(0).integers(-3, 4, (60, 60))).astype(np.uint8)
    assert not ink_of(noisy).any()
    assert not ink_of(np.full((20, 20), 255, dtype=np.uint8)).any()


def test_noise_of_the_paper_is_paper():
    noisy = np.clip(cross(60, paper=200, ink=50) + np.random.default_rng(0).integers(-4, 5, (60, 60)), 0, 255)
    seen = ink_of(noisy.astype(np.uint8))
    paper = cross(60) == 255
    assert np.mean(seen[paper] > 0) < 0.02
    assert seen[~paper].min() > 200


def test_fit_pads_ink_and_crops_photos():
    wide = np.full((10, 30), 255, dtype=np.uint8)
    wide[4:6, 2:28] = 0
    seen = fit(Image.fromarray(wide), InputSpec(1, 30, 30, "ink"))
    assert seen.shape == (1, 30, 30)
    np.testing.assert_array_equal(seen[0, 10:20], 255 - wide)
    assert not seen[0, :10].any()
    assert not seen[0, 20:].any()
    striped = np.tile(np.arange(30, dtype=np.uint8) * 8, (10, 1))
    seen = fit(Image.fromarray(striped), InputSpec(1, 10, 10, "photo"))
    np.testing.assert_array_equal(seen[0], striped[:, 10:20])


def test_fit_gives_the_spec_s_shape_and_channels():
    colour = Image.fromarray(photo(33, 57, colours=3))
    for spec in (InputSpec(3, 16, 16, "photo"), InputSpec(1, 20, 12, "photo"), InputSpec(3, 16, 24, "ink")):
        assert fit(colour, spec).shape == (spec.channels, spec.height, spec.width)
    grey = fit(Image.fromarray(photo(16, 16)), InputSpec(3, 16, 16, "photo"))
    assert (grey[0] == grey[1]).all()
    assert (grey[1] == grey[2]).all()


def test_grey_of_colour_is_pillow_s():
    colour = photo(40, 40, colours=3)
    ours = channels(colour.transpose(2, 0, 1)[None], 1)[0, 0]
    np.testing.assert_array_equal(ours, np.asarray(Image.fromarray(colour).convert("L")))


def test_resize_is_antialiased_and_the_same_alone_or_among_many():
    many = np.random.default_rng(0).integers(0, 256, (50, 3, 37, 41)).astype(np.uint8)
    whole = resize(many, 12, 9)
    for i in (0, 17, 49):
        np.testing.assert_array_equal(resize(many[i : i + 1], 12, 9)[0], whole[i])
    fine = np.zeros((1, 1, 64, 64), dtype=np.uint8)
    fine[..., ::2] = 200
    inner = resize(fine, 16, 16)[0, 0, :, 1:-1]
    assert np.abs(inner.astype(int) - 100).max() <= 2, "a fine pattern must become its mean, not stripes"


def test_resize_agrees_with_a_slow_reference():
    picture = photo(15, 20)

    def along(row: np.ndarray, width: int) -> np.ndarray:
        scale = len(row) / width
        reach = max(scale, 1)
        out = []
        for i in range(width):
            w = [max(0.0, 1 - abs(j + 0.5 - (i + 0.5) * scale) / reach) for j in range(len(row))]
            out.append(np.dot(w, row) / sum(w))
        return np.array(out)

    for height, width in ((7, 9), (30, 41), (15, 5)):
        slow = np.stack([along(r, width) for r in picture.astype(float)])
        slow = np.stack([along(c, height) for c in slow.T]).T
        assert np.abs(resize(picture[None, None], height, width)[0, 0] - slow).max() <= 1.1


def test_large_pictures_are_shrunk_first_to_nearly_the_same():
    large = np.full((2400, 2400), 255, dtype=np.uint8)
    large[600:1400, 900:1300] = 0
    seen = fit(Image.fromarray(large), InputSpec(1, 24, 24, "ink"))[0].astype(int)
    assert np.abs(seen[7:13, 10:12] - 255).max() <= 1
    assert seen[16:].max() == 0


def test_looks_inked():
    assert looks_inked(cross())
    assert looks_inked(255 - cross())
    assert not looks_inked(photo(40, 40))
    assert not looks_inked(np.stack([cross()] * 3, -1))
    ramp = np.tile(np.linspace(0, 255, 40).astype(np.uint8), (40, 1))
    assert not looks_inked(ramp)
    framed = np.zeros((40, 40), dtype=np.uint8)
    framed[8:32, 8:32] = ramp[8:32, 8:32]
    assert not looks_inked(framed), "a grey object on black, as in a scan of a hand, is a photo"


# ---- items ----


def items(n: int = 5, side: int = 20, polarity: str = "ink") -> ImageItems:
    stack = np.stack([255 - cross(side, at=6 + i) for i in range(n)])[:, None]
    return ImageItems(stack, InputSpec(1, side, side, polarity))


def test_fitted_set_is_fit_of_each_picture():
    spec = InputSpec(1, 13, 13, "ink")
    whole = items()
    again = whole.fitted(spec)
    for i in range(len(whole)):
        np.testing.assert_array_equal(again.pixels[i], fit(Image.fromarray(whole.natural(i)), spec))
    assert again.fitted(spec) is again


def test_fitted_across_polarity():
    as_photo = items().fitted(InputSpec(1, 20, 20, "photo"))
    np.testing.assert_array_equal(as_photo.pixels[0, 0], cross(at=6))
    np.testing.assert_array_equal(as_photo.fitted(InputSpec(1, 20, 20, "ink")).pixels, items().pixels)


def test_digests_tell_content_and_shape():
    a = items()
    assert a.digests() == items().digests()
    assert len(set(a.digests())) == 5
    assert all(len(d) == 16 and int(d, 16) >= 0 for d in a.digests())
    flat = ImageItems(np.zeros((1, 1, 8, 18), dtype=np.uint8), InputSpec(1, 8, 18))
    tall = ImageItems(np.zeros((1, 1, 18, 8), dtype=np.uint8), InputSpec(1, 18, 8))
    assert flat.digests() != tall.digests()


def test_select_keeps_order_and_repeats():
    a = items()
    b = a.select(np.array([3, 0, 3]))
    assert b.digests() == [a.digests()[3], a.digests()[0], a.digests()[3]]
    assert len(a.select(np.array([], dtype=int))) == 0


def test_natural_is_dark_on_white():
    a = items()
    np.testing.assert_array_equal(a.natural(0), cross(at=6))
    np.testing.assert_array_equal(a.picture(0), 255 - cross(at=6))
    colour = ImageItems(photo(8, 8, colours=3).transpose(2, 0, 1)[None].copy(), InputSpec(3, 8, 8, "photo"))
    np.testing.assert_array_equal(colour.natural(0), photo(8, 8, colours=3))


def test_wrong_pixels_are_refused():
    with pytest.raises(DataError, match="needed"):
        ImageItems(np.zeros((2, 1, 8, 8), dtype=np.float32), InputSpec(1, 8, 8))
    with pytest.raises(DataError, match="needed"):
        ImageItems(np.zeros((2, 8, 8), dtype=np.uint8), InputSpec(1, 8, 8))


def test_table_gives_float_batches_in_order():
    import torch

    a = items()
    a.pixels.setflags(write=False)
    table = a.resident("cpu")
    assert len(table) == 5
    for index in (np.array([4, 1, 1]), torch.tensor([4, 1, 1]), [4, 1, 1]):
        batch = table.batch(index)
        assert batch.dtype == torch.float32
        assert batch.shape == (3, 1, 20, 20)
        np.testing.assert_allclose(batch.numpy(), a.pixels[[4, 1, 1]] / 255, atol=1e-6)
    assert table.pixels.dtype == torch.uint8, "the set itself stays small"


def test_from_files_fits_in_order_and_names_the_bad_one():
    spec = InputSpec(1, 20, 20, "ink")
    sources = [(f"{i}.png", encoded(cross(at=6 + i))) for i in range(5)]
    np.testing.assert_array_equal(from_files(sources, spec).pixels, items().pixels)
    assert len(from_files([], spec)) == 0
    with pytest.raises(DataError, match=r"^third\.png is empty"):
        from_files([*sources[:2], ("third.png", b""), *sources[2:]], spec)
    with pytest.raises(DataError, match=r"^first\.png is not .* \(2 of the 4 pictures"):
        from_files([sources[0], ("first.png", b"no picture"), ("second.png", b""), sources[1]], spec)


def test_each_keeps_order_reports_progress_and_lets_bugs_through():
    seen: list[float] = []
    assert each(lambda x: x * 2, list(range(300)), "w", lambda _, f: seen.append(f)) == [2 * x for x in range(300)]
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    with pytest.raises(ZeroDivisionError):
        each(lambda x: 1 // x, [1, 0], "w")
