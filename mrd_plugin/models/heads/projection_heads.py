"""Heads into the space in which student and teacher are compared.

:class:`ProjectionHead` takes a shape's feature from the backbone's width to the teacher's space;
:class:`ImageHead` takes the frozen image backbone's map to the space of points and pixels.
"""

from __future__ import annotations

from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class ProjectionHead(BaseModule):
    """One linear layer, as in OpenShape; discarded after pre-training, except for zero-shot use.

    Args:
        in_channels: The backbone's ``out_channels``.
        out_channels: The teacher's ``dim``.
        bias: False for ULIP's projection. Defaults to True.
        init_cfg: MMEngine's initialisation config.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        bias: bool = True,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.out_channels = out_channels
        self.proj = nn.Linear(in_channels, out_channels, bias=bias)

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(B, in_channels)`` to ``(B, out_channels)``, not normalised."""
        return self.proj(features)


@MODELS.register_module()
class ImageHead(BaseModule):
    """A 1x1 convolution; enlarging its map to the image is left to whoever reads it.

    A convolution of one pixel and bilinear interpolation can be exchanged, so that reading single
    pixels of the small map (``ops.sample_pixels``) or pooling it (``ops.unit_pixel_pool``) gives
    what PPKT, SLidR and CMCR get from the enlarged one.

    Args:
        in_channels: The teacher's ``dim``.
        out_channels: Width of the shared space. Defaults to 64.
        init_cfg: MMEngine's initialisation config.
    """

    def __init__(
        self, in_channels: int, out_channels: int = 64, init_cfg: dict | list | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.conv = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Map ``(V, in_channels, h, w)`` to ``(V, out_channels, h, w)``, not normalised."""
        return self.conv(maps)
