"""Random changes of pictures that do not change their class: one affine warp for the whole batch.

Affine distortions as in Koch et al. (2015); mirrors and quarter turns as further classes as in
Santoro et al. (2016) and Vinyals et al. (2016). Ours differs: rotation, scale, slant, shift and the
mirror or turn are composed into one matrix a picture and applied in one bilinear resampling on the
device.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from siamese_core.config import TrainConfig
from siamese_core.errors import ConfigError
from siamese_core.types import InputSpec


class Augment:
    """Random affine changes, composed with the mirror or quarter turn that each picture asks for.

    rotation in degrees; scale, shear and shift as fractions, the shift of the picture's side. Ink is
    padded with paper (0), photos with their border.
    """

    def __init__(self, config: TrainConfig, spec: InputSpec) -> None:
        self.rotation = math.radians(config.rotation)
        self.scale, self.shear, self.shift = config.scale, config.shear, config.shift
        self.padding = "zeros" if spec.polarity == "ink" else "border"

    @property
    def moves(self) -> bool:
        """Whether anything but mirrors and quarter turns is asked for."""
        return any((self.rotation, self.scale, self.shear, self.shift))

    def __call__(self, x: Tensor, copies: Tensor, generator: torch.Generator) -> Tensor:
        """(B, C, H, W) float, (B,) copies 0..7 -> (B, C, H, W).

        Without any setting the pictures are only mirrored and turned, exactly; with copies all 0 they
        come back as they are. The generator may live on another device than the pictures.
        """
        if not self.moves or not len(x):
            return dihedral(x, copies)
        theta = turns(copies.to(x.device), x.dtype) @ self._random(x, generator)
        return warp(x, theta, self.padding)

    def _random(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """(B, 2, 3) from places of the new picture to places of the old; pictures reach from -1 to 1."""
        draw = torch.rand(6, len(x), generator=generator, device=generator.device) * 2 - 1
        angle, wide, high, slant, right, down = draw.to(device=x.device, dtype=x.dtype)
        angle, slant = angle * self.rotation, slant * self.shear
        wide, high = (wide * math.log1p(self.scale)).exp(), (high * math.log1p(self.scale)).exp()
        cos, sin = angle.cos(), angle.sin()
        # turn x slant x scale
        rows = [wide * cos, high * (cos * slant - sin), wide * sin, high * (sin * slant + cos)]
        linear = torch.stack(rows, 1).view(-1, 2, 2)
        # a side is 2 long in these units
        return torch.cat([linear, 2 * self.shift * torch.stack([right, down], 1)[:, :, None]], 2)


def build(config: TrainConfig, spec: InputSpec) -> Augment:
    """The augmentation of these settings. Raises ConfigError when a non-square picture should be turned."""
    if config.class_copies and spec.height != spec.width:
        raise ConfigError(
            f"Pictures of {spec.height} x {spec.width} pixels cannot be quarter-turned; "
            "make them square or switch off mirrors and quarter turns."
        )
    return Augment(config, spec)


def dihedral(x: Tensor, copies: Tensor) -> Tensor:
    """Mirrors and quarter turns, exactly: (B, C, H, H), (B,) 0..7 -> (B, C, H, H).

    Copy k: mirrored left-right first if k >= 4, then turned k % 4 times by 90 degrees counter-clockwise.
    """
    copies = copies.to(x.device)
    if not bool(copies.any()):
        return x
    out = x.clone()
    for k in range(1, 8):
        chosen = torch.nonzero(copies == k).squeeze(1)
        if len(chosen):
            some = x[chosen]
            out[chosen] = torch.rot90(some.flip(-1) if k >= 4 else some, k % 4, (-2, -1))
    return out


def turns(copies: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """The same mirrors and turns as matrices, from new places to old: (B,) 0..7 -> (B, 2, 2)."""
    cos = torch.tensor([1.0, 0.0, -1.0, 0.0], dtype=dtype, device=copies.device)[copies % 4]
    sin = torch.tensor([0.0, 1.0, 0.0, -1.0], dtype=dtype, device=copies.device)[copies % 4]
    mirror = 1 - 2 * (copies >= 4).to(dtype)
    return torch.stack([mirror * cos, -mirror * sin, sin, cos], 1).view(-1, 2, 2)


def warp(x: Tensor, theta: Tensor, padding: str = "zeros") -> Tensor:
    """One bilinear resampling of the batch: (B, C, H, W), (B, 2, 3) -> (B, C, H, W).

    theta maps places of the new picture to places of the old one, in a square from -1 to 1 around the
    middle (of the longer side when the picture is not square). padding: "zeros" or "border".
    """
    height, width = x.shape[-2:]
    side = max(height, width)
    right = (torch.arange(width, device=x.device, dtype=x.dtype) * 2 + 1 - width) / side
    down = (torch.arange(height, device=x.device, dtype=x.dtype) * 2 + 1 - height) / side
    # (B, 2, H, 1) + (B, 2, 1, W): cheaper than a matrix product with every place
    places = (theta[:, :, 1:2] * down + theta[:, :, 2:])[..., None] + (theta[:, :, :1] * right)[:, :, None, :]
    grid = torch.stack([places[:, 0] * (side / width), places[:, 1] * (side / height)], 3)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode=padding, align_corners=False)
