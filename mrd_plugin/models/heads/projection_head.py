"""From the backbone's width to the teacher's space."""

from __future__ import annotations

from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class ProjectionHead(BaseModule):
    """One linear layer, as in OpenShape; thrown away after pre-training, but for zero-shot use.

    Args:
        in_channels (int): The backbone's ``out_channels``.
        out_channels (int): The teacher's ``dim``.
        bias (bool): False for ULIP's projection. Defaults to True.
        init_cfg (dict, optional): MMEngine's initialisation config.
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
