"""The adapters of TAMM (Zhang et al., CVPR 2024, arXiv 2402.18490).

Stage 1 trains the CLIP image adapter, a residual bottleneck on image features (section 3.2); stage
2 puts two adapters behind one backbone, for a visual and a semantic sub-space (section 3.3).
"""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from mrd_plugin.utils.errors import ConfigError


@MODELS.register_module()
class CLIPImageAdapter(BaseModule):
    """Brings the image features of renderings nearer to the texts (Zhang et al., CVPR 2024, 3.2).

    ``ratio A(x) + (1 - ratio) x`` with ``A(x) = ReLU(W_up ReLU(W_down x))``. There are no biases,
    so the adapter commutes with scaling: unit features and raw ones give the same direction. The
    ratio is a constant and lies in the state dict, so that a checkpoint says which one it was
    trained with.

    Args:
        dim: Length of a feature, the teacher's ``dim``.
        reduction: ``dim`` over the width of the bottleneck. Defaults to 4.
        ratio: Share of the adapted feature, in [0, 1]. Defaults to 0.2.
        init_cfg: MMEngine's initialisation config.
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


@MODELS.register_module()
class DualAdapter(BaseModule):
    """Image alignment adapter and text alignment adapter (Zhang et al., CVPR 2024, 3.3).

    Each is ``Linear - BatchNorm - GELU - Dropout - Linear - BatchNorm - GELU - Dropout``; in the
    released code the activation and the dropout act on the embedding itself, so they do here.

    Args:
        in_channels: The backbone's ``out_channels``.
        out_channels: The teacher's ``dim``.
        hidden_channels: Width between the two layers.
        image_dropout: Dropout of the image branch. Defaults to 0.5.
        text_dropout: Dropout of the text branch. Defaults to 0.2.
        init_cfg: MMEngine's initialisation config.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int,
        image_dropout: float = 0.5,
        text_dropout: float = 0.2,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.out_channels = out_channels
        self.image = _adapter(in_channels, hidden_channels, out_channels, image_dropout)
        self.text = _adapter(in_channels, hidden_channels, out_channels, text_dropout)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``(B, in_channels)`` to visual and semantic embeddings, each ``(B, out_channels)``.

        Raises:
            ConfigError: If a training batch holds one shape only.
        """
        if self.training and len(features) < 2:
            raise ConfigError(
                'train_dataloader: a batch of 1 shape reached DualAdapter, whose batch norm needs '
                '2 or more while training; raise batch_size or set drop_last=True.'
            )
        return self.image(features), self.text(features)


def _adapter(width: int, hidden: int, out: int, dropout: float) -> nn.Sequential:
    def layer(inside: int, outside: int) -> list[nn.Module]:
        return [
            nn.Linear(inside, outside),
            nn.BatchNorm1d(outside),
            nn.GELU(),
            nn.Dropout(dropout),
        ]

    return nn.Sequential(*layer(width, hidden), *layer(hidden, out))
