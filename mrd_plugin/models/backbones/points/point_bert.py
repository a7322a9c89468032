"""PointBERT: the backbone of Point-BERT, ULIP and ULIP-2.

kNN groups around furthest points, a mini-PointNet per group, a transformer whose position embedding
is added before every block (Yu et al. 2022, arXiv 2111.14819; ULIP-2: arXiv 2305.08275). Attribute
names are those of the published checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.models.backbones.points.group_encoder import GroupEncoder, group_points
from mrd_plugin.models.backbones.points.patch_backbone import PatchBackbone
from mrd_plugin.models.backbones.points.transformer import TransformerBlock, run_blocks


class BlockList(nn.Module):
    """Transformer blocks under the name ``blocks.blocks`` of the published checkpoints."""

    def __init__(
        self, dim: int, depth: int, num_heads: int, mlp_dim: int, drop_path: float
    ) -> None:
        super().__init__()
        rates = torch.linspace(0, drop_path, depth, device='cpu').tolist()
        self.blocks = nn.ModuleList(
            TransformerBlock(dim, num_heads, mlp_dim, rate) for rate in rates
        )


@MODELS.register_module()
class PointBERT(PatchBackbone):
    """Point-BERT's transformer as ULIP and ULIP-2 use it.

    Args:
        in_channels: 3 for xyz, 6 for xyz + rgb. Defaults to 6 (ULIP-2).
        dim: Token width C. Defaults to 384.
        depth: Blocks: 12 (Point-BERT, ULIP) or 18 (ULIP-2). Defaults to 18.
        num_heads: Attention heads. Defaults to 6.
        num_groups: Groups S. Defaults to 512.
        group_size: Points per group. Defaults to 32.
        encoder_dim: Width of the group encoder. Defaults to 256.
        drop_path: Stochastic depth of the last block, rising from 0. Defaults to 0.1.
        pool: ``'cls_max'`` (class token and maximum over the patches, ``2 * dim`` wide) or
            ``'cls'``. Defaults to ``'cls_max'``.
        with_cp: Recompute activations in the backward pass. Defaults to False.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: If ``pool`` is neither of the two.

    Examples:
        >>> import torch
        >>> backbone = PointBERT(
        ...     in_channels=3, dim=32, depth=2, num_heads=2,
        ...     num_groups=8, group_size=4, encoder_dim=16,
        ... ).eval()
        >>> backbone(torch.rand(2, 50, 3)).shape  # class token and maximum over the groups
        torch.Size([2, 64])
        >>> backbone.out_channels
        64
    """

    def __init__(
        self,
        in_channels: int = 6,
        dim: int = 384,
        depth: int = 18,
        num_heads: int = 6,
        num_groups: int = 512,
        group_size: int = 32,
        encoder_dim: int = 256,
        drop_path: float = 0.1,
        pool: str = 'cls_max',
        with_cp: bool = False,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(in_channels, dim, depth, init_cfg)
        if pool not in ('cls', 'cls_max'):
            raise ValueError(f"backbone.pool must be 'cls' or 'cls_max', got {pool!r}.")
        self.num_groups = num_groups
        self.group_size = group_size
        self.pool = pool
        self.with_cp = with_cp
        self.out_channels = dim * (2 if pool == 'cls_max' else 1)
        self.encoder = GroupEncoder(in_channels, encoder_dim)
        self.reduce_dim = nn.Linear(encoder_dim, dim)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.cls_pos = nn.Parameter(torch.randn(1, 1, dim))
        self.pos_embed = nn.Sequential(nn.Linear(3, 128), nn.GELU(), nn.Linear(128, dim))
        self.blocks = BlockList(dim, depth, num_heads, 4 * dim, drop_path)
        self.norm = nn.LayerNorm(dim)

    def encode(
        self, points: Tensor, depths: Sequence[int], keep: int | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Encode points, keeping some depths; see :meth:`PatchBackbone.encode`."""
        centres, groups = group_points(points, self.num_groups, self.group_size)
        tokens = self.reduce_dim(self.encoder(groups))
        position = self.pos_embed(centres.to(tokens.dtype))
        cls = self.cls_token.to(tokens.dtype).expand(len(tokens), -1, -1)
        cls_pos = self.cls_pos.to(tokens.dtype).expand(len(tokens), -1, -1)
        tokens = torch.cat([cls, tokens], dim=1)
        position = torch.cat([cls_pos, position], dim=1)
        sequences = run_blocks(self.blocks.blocks, tokens, depths, position, self.with_cp, keep)
        return centres, [self.norm(sequence) for sequence in sequences]

    def forward(self, points: Tensor) -> Tensor:
        """Encode points ``(B, N, in_channels)`` to ``(B, out_channels)``."""
        if self.pool == 'cls':
            return self.forward_cls(points)
        features = self.forward_tokens(points)
        return torch.cat([features.cls, features.tokens.amax(1)], dim=-1)
