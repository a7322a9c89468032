"""Decoder that rebuilds pictures from features (CMCR, arXiv 2412.08973)."""

from __future__ import annotations

import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class ImageDecoder(BaseModule):
    """Three 3x3 convolutions, the last one to colours.

    The released code has all three at the picture's resolution (``stride=1``). With a larger stride
    the features lie on a grid so much coarser, and the last convolution alone sees the picture's
    resolution: what comes in is an enlarged small map anyway, and finding codes and convolving at every
    pixel costs more than everything else that CMCR adds.

    Args:
        in_channels (int): Of the features. Defaults to 64.
        stride (int): Pixels a cell of the grid. Defaults to 4, the stride of SLidR's dilated encoder.
        init_cfg (dict, optional): MMEngine's initialisation config.
    """

    def __init__(
        self, in_channels: int = 64, stride: int = 4, init_cfg: dict | list | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.stride = stride
        self.first = nn.Conv2d(in_channels, 32, 3, padding=1)
        self.second = nn.Conv2d(32, 16, 3, padding=1)
        self.last = nn.Conv2d(16, 3, 3, padding=1)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the grid for pictures of a size: rounded up."""
        return -(-height // self.stride), -(-width // self.stride)

    def forward(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Rebuild pictures.

        Args:
            features (Tensor): On the grid of ``size``, ``(V, in_channels, h, w)``.
            size (tuple[int, int]): Height H and width W of the pictures.

        Returns:
            Tensor: ``(V, 3, H, W)`` in (0, 1).
        """
        x = self.second(self.first(features).relu()).relu()
        if x.shape[2:] != size:
            x = F.interpolate(x, size, mode='bilinear', align_corners=False)
        return self.last(x).sigmoid()
