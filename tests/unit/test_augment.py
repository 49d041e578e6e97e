"""The augmentation: exact turns, one resampling, nothing where nothing is asked, repeatable."""

from __future__ import annotations

from unittest import mock

import pytest
import torch
from torch.nn import functional as F

from siamese_core import augment
from siamese_core.config import TrainConfig
from siamese_core.errors import ConfigError
from siamese_core.types import InputSpec

STILL = {"rotation": 0.0, "scale": 0.0, "shear": 0.0, "shift": 0.0}


def build(polarity: str = "ink", size: int = 28, **more) -> augment.Augment:
    return augment.build(TrainConfig(**STILL | more), InputSpec(1, size, size, polarity))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def reference(x: torch.Tensor, k: int) -> torch.Tensor:
    return torch.rot90(x.flip(-1) if k >= 4 else x, k % 4, (-2, -1))


def test_dihedral_mirrors_then_turns():
    picture = torch.tensor([[1.0, 2.0], [3.0, 4.0]])[None, None]
    shown = augment.dihedral(picture.expand(8, 1, 2, 2), torch.arange(8))[:, 0].long().tolist()
    assert shown == [
        [[1, 2], [3, 4]], [[2, 4], [1, 3]], [[4, 3], [2, 1]], [[3, 1], [4, 2]],
        [[2, 1], [4, 3]], [[1, 3], [2, 4]], [[3, 4], [1, 2]], [[4, 2], [3, 1]],
    ]  # fmt: skip


def test_dihedral_of_a_mixed_batch_leaves_its_input_alone():
    x, copies = torch.rand(33, 3, 9, 9), torch.arange(33) % 8
    before = x.clone()
    out = augment.dihedral(x, copies)
    assert torch.equal(x, before)
    for i in range(33):
        assert torch.equal(out[i], reference(x[i], i % 8))


@pytest.mark.parametrize("polarity", ["ink", "photo"])
@pytest.mark.parametrize("size", [12, 27, 28])
def test_the_warp_turns_and_mirrors_as_rot90_and_flip_do(polarity, size):
    x, copies = torch.rand(16, 2, size, size), torch.arange(16) % 8
    out = build(polarity, size, rotation=1e-6)(x, copies, generator())  # moves, but by nothing one can see
    for i in range(16):
        torch.testing.assert_close(out[i][:, 1:-1, 1:-1], reference(x[i], i % 8)[:, 1:-1, 1:-1], atol=1e-4, rtol=0)
    torch.testing.assert_close(out, torch.stack([reference(x[i], i % 8) for i in range(16)]), atol=1e-4, rtol=0)


def test_nothing_asked_gives_the_very_input():
    x = torch.rand(4, 1, 28, 28)
    assert build()(x, torch.zeros(4, dtype=torch.int64), generator()) is x


def test_only_copies_are_exact_and_need_no_resampling():
    x, copies = torch.rand(8, 1, 28, 28), torch.arange(8)
    with mock.patch.object(F, "grid_sample", side_effect=AssertionError):
        assert torch.equal(build()(x, copies, generator()), augment.dihedral(x, copies))


def test_one_resampling_for_the_whole_batch():
    x, copies = torch.rand(40, 1, 28, 28), torch.arange(40) % 8
    with mock.patch.object(F, "grid_sample", wraps=F.grid_sample) as sampled:
        build(rotation=10.0, scale=0.2, shear=0.2, shift=0.1)(x, copies, generator())
    assert sampled.call_count == 1


def test_the_generator_alone_decides():
    x, copies = torch.rand(6, 1, 28, 28), torch.arange(6)
    change = build(rotation=10.0, scale=0.2, shear=0.2, shift=0.1)
    first = change(x, copies, generator(5))
    torch.manual_seed(99)
    assert torch.equal(first, change(x, copies, generator(5)))
    assert not torch.equal(first, change(x, copies, generator(6)))
    going_on = generator(5)
    change(x, copies, going_on)
    assert not torch.equal(first, change(x, copies, going_on))


def test_every_picture_of_a_batch_is_changed_in_its_own_way():
    x = torch.rand(1, 1, 28, 28).expand(8, 1, 28, 28)
    out = build(rotation=20.0)(x, torch.zeros(8, dtype=torch.int64), generator())
    assert len({tuple(o.flatten().tolist()) for o in out}) == 8


def matrices(count: int = 4000, **more) -> torch.Tensor:
    """The random matrices of one setting alone: (count, 2, 3)."""
    seen = []
    with mock.patch.object(augment, "warp", side_effect=lambda x, theta, padding: seen.append(theta) or x):
        build(size=12, **more)(torch.zeros(count, 1, 12, 12), torch.zeros(count, dtype=torch.int64), generator())
    return seen[0]


def test_rotation_stays_within_its_degrees_and_keeps_shape():
    theta = matrices(rotation=30.0)
    linear = theta[:, :, :2]
    torch.testing.assert_close(linear @ linear.transpose(1, 2), torch.eye(2).expand_as(linear), atol=1e-5, rtol=0)
    angle = torch.rad2deg(torch.atan2(theta[:, 1, 0], theta[:, 0, 0]))
    assert 29 < angle.max() <= 30.001
    assert -30.001 <= angle.min() < -29
    assert abs(angle.mean()) < 1
    assert (theta[:, :, 2] == 0).all()


def test_scale_is_even_in_ratio_and_separate_in_each_direction():
    theta = matrices(scale=0.5)
    wide, high = theta[:, 0, 0], theta[:, 1, 1]
    for one in (wide, high):
        assert 1 / 1.5 - 1e-5 <= one.min() < 0.68
        assert 1.48 < one.max() <= 1.5 + 1e-5
        assert abs(one.log().mean()) < 0.02
    assert abs(torch.corrcoef(torch.stack([wide, high]))[0, 1]) < 0.05
    assert (theta[:, 0, 1] == 0).all()


def test_shear_slants_and_shift_moves_by_fractions_of_the_side():
    theta = matrices(shear=0.3)
    assert 0.29 < theta[:, 0, 1].max() <= 0.3 + 1e-5
    assert -0.3 - 1e-5 <= theta[:, 0, 1].min() < -0.29
    torch.testing.assert_close(torch.linalg.det(theta[:, :, :2]), torch.ones(4000))
    theta = matrices(shift=0.25)
    assert 0.49 < theta[:, :, 2].abs().max() <= 0.5 + 1e-5  # a side is 2 long
    assert (theta[:, 0, 2] != theta[:, 1, 2]).all()


def test_a_shift_of_a_whole_pixel_is_that_shift():
    x = torch.rand(1, 1, 8, 8)
    theta = torch.tensor([[[1.0, 0, 2 / 8], [0, 1, 0]]])  # the new picture looks one pixel to the right
    out = augment.warp(x, theta)
    torch.testing.assert_close(out[..., :-1], x[..., 1:], atol=1e-5, rtol=0)
    assert out[..., -1].abs().max() < 1e-5
    torch.testing.assert_close(augment.warp(x, theta, "border")[..., -1], x[..., -1], atol=1e-5, rtol=0)


def test_the_warp_is_the_library_s_affine_grid_for_square_pictures():
    x, theta = torch.rand(5, 2, 17, 17), torch.randn(5, 2, 3)
    grid = F.affine_grid(theta, [5, 2, 17, 17], align_corners=False)
    torch.testing.assert_close(
        augment.warp(x, theta), F.grid_sample(x, grid, align_corners=False), atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("upright", [False, True])
def test_a_rotation_of_a_long_picture_does_not_squeeze_it(upright):
    """A small disc away from the middle stays as round and as far from the middle."""
    along, across = torch.meshgrid(torch.arange(61) - 30.0, torch.arange(21) - 10.0, indexing="ij")
    if not upright:
        along, across = along.T, across.T
    x = (((along - 7).square() + across.square()) < 9).float()[None, None]
    quarter = torch.tensor([[[0.0, 1, 0], [-1, 0, 0]]])
    out = augment.warp(x, quarter)[0, 0]
    assert out.sum().item() == pytest.approx(x.sum().item(), abs=1)
    assert abs((out * across).sum() / out.sum()).item() == pytest.approx(7, abs=0.1)
    assert abs((out * along).sum() / out.sum()).item() == pytest.approx(0, abs=0.1)


def test_ink_is_padded_with_paper_and_photos_with_their_border():
    x, copies = torch.ones(50, 1, 28, 28), torch.zeros(50, dtype=torch.int64)
    assert build("photo", rotation=45.0, shift=0.3)(x, copies, generator()).min() > 0.999
    assert build("ink", rotation=45.0, shift=0.3)(x, copies, generator()).min() == 0


def test_values_stay_in_range_and_dtype():
    for dtype in (torch.float32, torch.float64):
        x = torch.rand(20, 3, 28, 28, dtype=dtype)
        out = augment.build(TrainConfig(), InputSpec(3))(x, torch.arange(20) % 8, generator())
        assert out.dtype == dtype
        assert out.shape == x.shape
        assert out.min() >= 0
        assert out.max() <= 1 + 1e-6


def test_an_empty_batch_stays_empty():
    x = torch.zeros(0, 1, 28, 28)
    assert augment.build(TrainConfig(), InputSpec())(x, torch.zeros(0, dtype=torch.int64), generator()).shape == x.shape


def test_pictures_that_are_not_square_cannot_be_turned():
    augment.build(TrainConfig(), InputSpec(1, 20, 30))
    with pytest.raises(ConfigError, match="20 x 30 pixels cannot be quarter-turned"):
        augment.build(TrainConfig(class_copies=True), InputSpec(1, 20, 30))
