"""Conv4: four 3x3 convolution blocks and a linear layer.

The small network of the one-shot literature: Koch, Zemel and Salakhutdinov (2015), "Siamese neural
networks for one-shot image recognition", in the later form of Vinyals et al. (2016), "Matching
networks for one shot learning": four blocks of 3x3 convolution, batch normalisation, ReLU and 2x2
max-pooling. Ours differs: the first block has half the channels; the network pools only until the map
is 7 x 7 or smaller, so that a 28-pixel picture keeps 7 x 7 places; very large pictures enter by a
convolution of stride 2; after the maps comes one linear layer and nothing else.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from siamese_core.config import TrainConfig
from siamese_core.encoders.base import Encoder
from siamese_core.errors import ConfigError
from siamese_core.types import InputSpec

LARGEST_MAP = 7
BLOCKS = 4


class Conv4(Encoder):
    """Four convolution blocks, then one linear layer.

    Takes (B, C, H, W) float in [0, 1]; `maps` gives (B, width, h, w) with h, w <= 7; output (B, D).
    Raises ConfigError when the picture is smaller than 4 pixels or too elongated for its pools.
    """

    def __init__(self, config: TrainConfig, spec: InputSpec) -> None:
        super().__init__(config.normalise)
        halvings = _halvings(max(spec.height, spec.width))
        if min(spec.height, spec.width) >> halvings < 1 or max(spec.height, spec.width) < 4:
            raise ConfigError(
                f"The encoder conv4 cannot read pictures of {spec.height} x {spec.width} pixels; "
                "choose a squarer picture of at least 4 pixels."
            )
        channels = (max(1, config.width // 2), config.width, config.width, config.width)
        before, blocks = spec.channels, []
        height, width = spec.height, spec.width
        for index, after in enumerate(channels):
            pool = index < halvings
            stride = 2 ** (halvings - BLOCKS) if index == 0 and halvings > BLOCKS else 1
            blocks.append(_block(before, after, stride, pool))
            shrink = stride * (2 if pool else 1)
            height, width, before = height // shrink, width // shrink, after
        self.blocks = nn.Sequential(*blocks)
        self.map_shape = (before, height, width)
        self.head = nn.Linear(before * height * width, config.embedding_size)
        convert_conv2d_weight_memory_format(self, torch.channels_last)  # quicker on CPUs

    def maps(self, x: Tensor) -> Tensor:
        """The last block's maps, after its ReLU: (B, C, H, W) -> (B, c, h, w)."""
        return self.blocks(x.contiguous(memory_format=torch.channels_last))


def _halvings(size: int) -> int:
    """How often `size` pixels must be halved to become 7 or fewer."""
    count = 0
    while size > LARGEST_MAP:
        size, count = size // 2, count + 1
    return count


def _block(before: int, after: int, stride: int, pool: bool) -> nn.Sequential:
    """3x3 convolution, batch normalisation, perhaps a 2x2 max-pool, ReLU; sizes divide by rounding down.

    The pool stands before the ReLU: the result is the same, and the ReLU has a quarter to do. A strided
    convolution has a kernel twice its stride, so that it too rounds down.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if stride > 1:
        layers["conv"] = nn.Conv2d(before, after, 2 * stride, stride=stride, padding=stride // 2, bias=False)
    else:
        layers["conv"] = nn.Conv2d(before, after, 3, padding=1, bias=False)
    layers["norm"] = nn.BatchNorm2d(after)
    if pool:
        layers["pool"] = nn.MaxPool2d(2)
    layers["relu"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)
