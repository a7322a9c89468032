"""Decoder that rebuilds hidden patches of a cloud from the tokens of the visible part.

After Point-MAE (Pang et al. 2022, arXiv 2203.06604, section 3): mask tokens that know only where they
are join the visible tokens in a shallow transformer, and a linear layer turns each into points.
"""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.models.backbones.transformer import TransformerBlock
from mrd_plugin.ops import MaskedCloud, mask_patches


@MODELS.register_module()
class PatchReconstructionHead(BaseModule):
    """Transformer decoder with one mask token a hidden patch; thrown away after pre-training.

    Args:
        in_channels (int): Width C of the backbone's tokens.
        num_patches (int): Patches that a cloud is cut into. Defaults to 64, as in Point-MAE.
        mask_ratio (float): Share of them that is hidden. Defaults to 0.6, as in Point-MAE.
        num_points (int): Points K a hidden patch. Defaults to 32, as in Point-MAE.
        dim (int): Width of the decoder. Defaults to 384, as in Point-MAE.
        depth (int): Blocks. Defaults to 4, as in Point-MAE.
        num_heads (int): Attention heads. Defaults to 6, as in Point-MAE.
        init_cfg (dict, optional): MMEngine's initialisation config.
    """

    def __init__(
        self,
        in_channels: int,
        num_patches: int = 64,
        mask_ratio: float = 0.6,
        num_points: int = 32,
        dim: int = 384,
        depth: int = 4,
        num_heads: int = 6,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.num_patches = num_patches
        self.mask_ratio = mask_ratio
        self.num_points = num_points
        self.embed = nn.Linear(in_channels, dim)
        self.mask_token = nn.Parameter(0.02 * torch.randn(dim))
        self.pos_embed = nn.Sequential(nn.Linear(3, 128), nn.GELU(), nn.Linear(128, dim))
        self.blocks = nn.ModuleList(TransformerBlock(dim, num_heads, 4 * dim) for _ in range(depth))
        self.norm = nn.LayerNorm(dim)
        self.to_points = nn.Linear(dim, 3 * num_points)

    def hide(self, points: Tensor) -> MaskedCloud:
        """Cut hidden patches out of clouds ``(B, N, C)``."""
        return mask_patches(points, self.num_patches, self.mask_ratio, self.num_points)

    def forward(self, tokens: Tensor, centres: Tensor, hidden_centres: Tensor) -> Tensor:
        """Rebuild hidden patches.

        Args:
            tokens (Tensor): Tokens of the visible part, ``(B, S, C)``.
            centres (Tensor): Their centres, ``(B, S, 3)``.
            hidden_centres (Tensor): Centres of the hidden patches, ``(B, H, 3)``.

        Returns:
            Tensor: Points relative to the hidden centres, ``(B, H, K, 3)``.
        """
        visible = self.embed(tokens) + self.pos_embed(centres.to(tokens.dtype))
        hidden = self.mask_token.to(tokens.dtype) + self.pos_embed(hidden_centres.to(tokens.dtype))
        x = torch.cat([visible, hidden], dim=1)
        for block in self.blocks:
            x = block(x)
        points = self.to_points(self.norm(x[:, -hidden.shape[1] :]))
        return points.view(*hidden.shape[:2], self.num_points, 3)
