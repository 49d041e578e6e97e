"""Pictures as items: fitted, selected, told apart, indexed on a device."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from siamese_core.errors import DataError
from siamese_core.modalities.image import ImageItems, each, fit, from_files
from siamese_core.types import InputSpec
from tests.pictures import cross, encoded, photo


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
