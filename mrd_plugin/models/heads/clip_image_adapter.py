"""TAMM's CLIP image adapter: a residual bottleneck on image features."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F


@MODELS.register_module()
class CLIPImageAdapter(BaseModule):
    """Brings the image features of renderings nearer to the texts (Zhang et al., CVPR 2024, 3.2).

    ``ratio A(x) + (1 - ratio) x`` with ``A(x) = ReLU(W_up ReLU(W_down x))``. There are no biases, so the
    adapter commutes with scaling: unit features and raw ones give the same direction. The ratio is a
    constant and lies in the state dict, so that a checkpoint says which one it was trained with.

    Args:
        dim (int): Length of a feature, the teacher's ``dim``.
        reduction (int): ``dim`` over the width of the bottleneck. Defaults to 4.
        ratio (float): Share of the adapted feature, in [0, 1]. Defaults to 0.2.
        init_cfg (dict, optional): MMEngine's initialisation config.
    """

    ratio: Tensor

    def __init__(
        self,
        dim: int,
        reduction: int = 4,
        ratio: float = 0.2,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.dim = dim
        self.down = nn.Linear(dim, dim // reduction, bias=False)
        self.up = nn.Linear(dim // reduction, dim, bias=False)
        self.register_buffer('ratio', torch.tensor(float(ratio)))

    def forward(self, features: Tensor) -> Tensor:
        """Adapt features ``(..., dim)``; same shape, not normalised."""
        adapted = F.relu(self.up(F.relu(self.down(features))))
        return self.ratio * adapted + (1 - self.ratio) * features
