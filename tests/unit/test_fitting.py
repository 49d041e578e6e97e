"""What the network sees of a picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from siamese_core.modalities.fitting import channels, ink_of, looks_inked, resize
from siamese_core.modalities.image import fit
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
