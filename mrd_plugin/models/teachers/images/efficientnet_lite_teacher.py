"""The embedded image backbone: EfficientNet-Lite0 with ImageNet weights, offline."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.models.teachers.images.efficientnet_lite import (
    efficientnet_lite0,
)
from mrd_plugin.models.teachers.images.image_backbone import (
    ImageBackboneTeacher,
)
from mrd_plugin.utils.errors import ConfigError

CHANNELS = {4: 24, 8: 40, 16: 112, 32: 1280}


@MODELS.register_module()
class EfficientNetLiteTeacher(ImageBackboneTeacher):
    """EfficientNet-Lite0's map of one or several strides.

    Small and real: 4.65 M parameters from PyPI (``requirements/embedded_teacher.txt``). For
    published figures use :class:`ResNetImageTeacher` or :class:`ViTImageTeacher`.

    Args:
        strides: Whose maps are given, of 4, 8, 16 (the last map of that size: 24, 40, 112 channels)
            and 32 (the final 1280). Several are enlarged to the finest, made unit length each, so
            that none outweighs the others, and joined. Defaults to (32,).
        batch_size: See :class:`ImageBackboneTeacher`. Defaults to 8: more images overflow a CPU's
            cache.

    Raises:
        ConfigError: If a package is missing or a stride is unknown.
    """

    def __init__(self, strides: Sequence[int] = (32,), batch_size: int = 8) -> None:
        if not strides or not set(strides) <= set(CHANNELS):
            raise ConfigError(
                f'EfficientNetLiteTeacher strides={tuple(strides)}: expected some of '
                f'{tuple(CHANNELS)}.'
            )
        dim = sum(CHANNELS[stride] for stride in strides)
        super().__init__(dim, [127 / 255] * 3, [128 / 255] * 3, batch_size)
        self.strides = tuple(strides)
        self.freeze('lite', efficientnet_lite0())

    def encode(self, pixels: Tensor) -> Tensor:
        """Return maps of normalised images."""
        network = self.network('lite')
        x = network._swish(network._bn0(network._conv_stem(pixels)))
        stride = 2
        maps = {}
        for block in network._blocks:
            stride *= block._depthwise_conv.stride[0]
            x = maps[stride] = block(x)
        maps[stride] = network._swish(network._bn1(network._conv_head(x)))
        if len(self.strides) == 1:
            return maps[self.strides[0]]
        size = maps[min(self.strides)].shape[2:]
        return torch.cat([_unit(maps[stride], size) for stride in self.strides], dim=1)


def _unit(maps: Tensor, size: torch.Size) -> Tensor:
    enlarged = F.interpolate(maps, size, mode='bilinear', align_corners=True)
    return F.normalize(enlarged, dim=1)
