"""What the network sees of a picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from siamese_core.modalities.fitting import channels, ink_crop, ink_of, looks_inked, otsu, resize
from siamese_core.modalities.image import ImageItems, fit
from siamese_core.types import InputSpec
from tests.pictures import cross, photo


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


# ---- cropped to the ink ----

WIDE = InputSpec(1, 100, 200, "ink", crop="ink")


def scrawl(height: int, width: int, top: int, left: int, paper: int = 230, ink: int = 40) -> np.ndarray:
    """A mark of 30 x 80 pixels somewhere on paper."""
    picture = np.full((height, width), paper, dtype=np.uint8)
    picture[top : top + 30, left : left + 4] = ink
    picture[top + 26 : top + 30, left : left + 80] = ink
    picture[top : top + 4, left + 60 : left + 80] = ink
    return picture


def test_otsu_agrees_with_a_slow_oracle():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        pixels = np.concatenate([rng.normal(60, 20, 300), rng.normal(180, 15, 90)]).clip(0, 255).astype(np.uint8)

        def between(level: int, pixels: np.ndarray = pixels) -> float:
            dark, bright = pixels[pixels <= level], pixels[pixels > level]
            if not len(dark) or not len(bright):
                return -1.0
            return len(dark) * len(bright) * (dark.mean() - bright.mean()) ** 2

        assert between(otsu(pixels)) == pytest.approx(max(between(t) for t in range(256)))
    assert 10 <= otsu(np.array([[10, 200]], dtype=np.uint8)) < 200
    assert otsu(np.full((3, 3), 7, dtype=np.uint8)) == 7


def test_the_crop_forgets_where_and_how_dark_the_ink_was():
    seen = fit(Image.fromarray(scrawl(60, 120, 10, 15)), WIDE)
    assert seen.shape == (1, 100, 200)
    for other in (scrawl(200, 300, 150, 20), scrawl(90, 400, 5, 300, paper=255, ink=0), 255 - scrawl(60, 120, 10, 15)):
        np.testing.assert_array_equal(fit(Image.fromarray(other), WIDE), seen)


def test_the_crop_keeps_the_aspect_and_a_margin():
    seen = fit(Image.fromarray(scrawl(300, 300, 100, 100)), WIDE)[0] > 64
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    high, wide = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    assert wide / high == pytest.approx(80 / 30, rel=0.04)
    assert 4 <= columns[0] <= 12
    assert 4 <= 199 - columns[-1] <= 12
    assert abs(rows[0] - (99 - rows[-1])) <= 3, "in the middle, but for a pixel of the scan"


def test_a_grey_background_goes_and_a_speck_does_not_hold_the_box_open():
    rng = np.random.default_rng(0)
    paper = scrawl(200, 300, 50, 60, paper=205, ink=30)
    rough = np.clip(paper + rng.integers(-25, 26, paper.shape), 0, 255).astype(np.uint8)
    seen = fit(Image.fromarray(rough), WIDE)[0]
    clean = fit(Image.fromarray(paper), WIDE)[0]
    assert np.abs((seen > 100).mean() - (clean > 100).mean()) < 0.02
    assert (seen[clean == 0] == 0).mean() > 0.97
    thick = np.full((300, 300), 255, dtype=np.uint8)
    thick[100:160, 100:220] = 0
    box = ink_crop(255 - thick)
    thick[290, 295] = 0
    np.testing.assert_array_equal(ink_crop(255 - thick), box)


def test_an_empty_page_stays_empty():
    assert not fit(Image.fromarray(np.full((50, 80), 250, dtype=np.uint8)), WIDE).any()


def test_a_set_is_cropped_as_one_picture_is():
    pictures = [scrawl(60, 120, 10, 15), scrawl(60, 120, 20, 30)]
    inked = ImageItems(np.stack([255 - p for p in pictures])[:, None], InputSpec(1, 60, 120, "ink"))
    photos = ImageItems(np.stack([np.stack([p] * 3) for p in pictures]), InputSpec(3, 60, 120, "photo"))
    alone = np.stack([fit(Image.fromarray(p), WIDE) for p in pictures])
    np.testing.assert_array_equal(photos.fitted(WIDE).pixels, alone)
    assert np.abs(inked.fitted(WIDE).pixels.astype(int) - alone).max() <= 60, "the paper's level is not taken off twice"
    cropped = photos.fitted(WIDE)
    assert cropped.fitted(WIDE) is cropped
    smaller = cropped.fitted(InputSpec(1, 50, 100, "ink", crop="ink"))
    np.testing.assert_array_equal(smaller.pixels, resize(cropped.pixels, 50, 100))
    assert len(photos.select(np.array([], dtype=int)).fitted(WIDE)) == 0


def test_faint_lines_of_the_form_are_background():
    lined = np.full((300, 300), 230, dtype=np.uint8)
    lined[30::40] = 180
    with_ink = np.minimum(lined, scrawl(300, 300, 103, 100))
    seen = ink_crop(ink_of(with_ink))
    assert seen.shape == ink_crop(ink_of(scrawl(300, 300, 103, 100))).shape
    assert set(np.unique(seen)) == {0, 255}
