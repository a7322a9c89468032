"""From a shape's feature to class scores."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class ClassificationHead(BaseModule):
    """A linear layer, or hidden layers with batch norm, ReLU and dropout before it.

    Args:
        in_channels (int): The backbone's ``out_channels``.
        num_classes (int): Classes K.
        hidden_channels (Sequence[int]): Widths of the hidden layers; (256, 256) is usual for
            fine-tuning. Defaults to (), a linear probe behind a batch norm without learnt scale
            (MAE, arXiv 2111.06377), which makes its learning rate the same for every backbone.
        dropout (float): Behind every hidden layer. Defaults to 0.5.
        init_cfg (dict, optional): MMEngine's initialisation config.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        hidden_channels: Sequence[int] = (),
        dropout: float = 0.5,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.num_classes = num_classes
        layers: list[nn.Module] = []
        if not hidden_channels:
            layers.append(nn.BatchNorm1d(in_channels, affine=False))
        for width in hidden_channels:
            layers += [nn.Linear(in_channels, width, bias=False), nn.BatchNorm1d(width)]
            layers += [nn.ReLU(inplace=True), nn.Dropout(dropout)]
            in_channels = width
        self.layers = nn.Sequential(*layers, nn.Linear(in_channels, num_classes))

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(B, in_channels)`` to logits ``(B, num_classes)``."""
        return self.layers(features)
