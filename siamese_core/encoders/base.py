"""What every encoder is: feature maps, then a linear tail, then (optionally) unit length.

The twins of a siamese network are one module called on both inputs (Bromley et al. 1993, "Signature
verification using a siamese time delay neural network"), so the weights are shared by construction.
Everything after `maps` is linear up to the normalisation: a distance can therefore be split exactly
into what each place of each map gave.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from siamese_core.types import InputSpec


class Encoder(nn.Module):
    """Base of all encoders. Shapes: input (B, C, H, W) in [0, 1], maps (B, c, h, w), output (B, D).

    A subclass sets `head`, the only layer after the maps, and defines `maps`.
    """

    head: nn.Linear

    def __init__(self, normalise: bool) -> None:
        super().__init__()
        self.normalise = normalise

    def maps(self, x: Tensor) -> Tensor:
        """The last feature maps, after their ReLU: (B, C, H, W) -> (B, c, h, w), all >= 0."""
        raise NotImplementedError

    def tail(self, maps: Tensor) -> Tensor:
        """Maps to embeddings before normalisation, linear: (B, c, h, w) -> (B, D)."""
        return self.head(maps.flatten(1))

    @property
    def bias(self) -> Tensor:
        """(D,) the constant part of `tail`: tail(a + b) - bias == (tail(a) - bias) + (tail(b) - bias)."""
        return self.head.bias

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, D), of length 1 if `normalise`; a zero embedding stays zero."""
        z = self.tail(self.maps(x))
        return F.normalize(z, dim=1, eps=1e-6) if self.normalise else z


def describe(encoder: nn.Module, spec: InputSpec) -> list[tuple[str, tuple[int, ...], int]]:
    """The layers in the order in which they run, for a model summary.

    Returns rows (layer, output shape without the batch, parameters). The encoder is left as it was:
    same mode, same running statistics.
    """
    rows: list[tuple[str, tuple[int, ...], int]] = []
    hooks = []
    for name, layer in encoder.named_modules():
        if next(layer.children(), None) is None:
            count = sum(p.numel() for p in layer.parameters(recurse=False))

            def note(_m: nn.Module, _in: object, out: Tensor, name: str = name, count: int = count) -> None:
                rows.append((name, tuple(out.shape[1:]), count))

            hooks.append(layer.register_forward_hook(note))
    modes = [(layer, layer.training) for layer in encoder.modules()]
    weight = next(encoder.parameters())
    try:
        encoder.eval()
        with torch.no_grad():
            encoder(torch.zeros(1, spec.channels, spec.height, spec.width, dtype=weight.dtype, device=weight.device))
    finally:
        for hook in hooks:
            hook.remove()
        for layer, mode in modes:
            layer.training = mode
    return rows
