"""PointBERT: the backbone of Point-BERT, ULIP and ULIP-2.

kNN groups around furthest points, a mini-PointNet a group, a transformer whose position embedding is
added before every block (Yu et al. 2022, arXiv 2111.14819; ULIP-2: arXiv 2305.08275). Attribute names
are those of the published checkpoints.
"""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mrd_plugin.models.backbones.point_patch_transformer import PatchFeatures
from mrd_plugin.models.backbones.transformer import TransformerBlock
from mrd_plugin.ops import furthest_point_sample, gather_points, knn


class GroupEncoder(nn.Module):
    """Mini-PointNet: two pointwise stages, each followed by a maximum over the group.

    Args:
        in_channels (int): Channels of a point.
        out_channels (int): Width of the group feature.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.first_conv = nn.Sequential(
            nn.Conv1d(in_channels, 128, 1),
            nn.BatchNorm1d(128),
            nn.ReLU(True),
            nn.Conv1d(128, 256, 1),
        )
        self.second_conv = nn.Sequential(
            nn.Conv1d(512, 512, 1),
            nn.BatchNorm1d(512),
            nn.ReLU(True),
            nn.Conv1d(512, out_channels, 1),
        )

    def forward(self, groups: Tensor) -> Tensor:
        """Encode groups ``(B, S, K, C_in)`` to ``(B, S, C_out)``."""
        batch, num_groups = groups.shape[:2]
        local = self.first_conv(groups.flatten(0, 1).transpose(1, 2))
        whole = local.amax(-1, keepdim=True).expand_as(local)
        out = self.second_conv(torch.cat([whole, local], dim=1)).amax(-1)
        return out.view(batch, num_groups, -1)


class BlockList(nn.Module):
    """Transformer blocks under the name ``blocks.blocks`` of the published checkpoints."""

    def __init__(
        self, dim: int, depth: int, num_heads: int, mlp_dim: int, drop_path: float, with_cp: bool
    ) -> None:
        super().__init__()
        self.with_cp = with_cp
        rates = torch.linspace(0, drop_path, depth).tolist()
        self.blocks = nn.ModuleList(
            TransformerBlock(dim, num_heads, mlp_dim, rate) for rate in rates
        )

    def forward(self, tokens: Tensor, position: Tensor) -> Tensor:
        """Run all blocks on ``(B, L, C)``, adding ``position (B, L, C)`` before each."""
        for block in self.blocks:
            if self.with_cp and self.training:
                tokens = checkpoint(block, tokens + position, use_reentrant=False)
            else:
                tokens = block(tokens + position)
        return tokens


@MODELS.register_module()
class PointBERT(BaseModule):
    """Point-BERT's transformer as ULIP and ULIP-2 use it.

    Args:
        in_channels (int): 3 for xyz, 6 for xyz + rgb. Defaults to 6 (ULIP-2).
        dim (int): Token width C. Defaults to 384.
        depth (int): Blocks: 12 (Point-BERT, ULIP) or 18 (ULIP-2). Defaults to 18.
        num_heads (int): Attention heads. Defaults to 6.
        num_groups (int): Groups S. Defaults to 512.
        group_size (int): Points a group. Defaults to 32.
        encoder_dim (int): Width of the group encoder. Defaults to 256.
        drop_path (float): Stochastic depth of the last block, rising from 0. Defaults to 0.1.
        pool (str): ``'cls_max'`` (class token and maximum over the patches, ``2 * dim`` wide) or
            ``'cls'``. Defaults to ``'cls_max'``.
        with_cp (bool): Recompute activations in the backward pass. Defaults to False.
        init_cfg (dict, optional): MMEngine's initialisation config.

    Raises:
        ValueError: If ``pool`` is neither of the two.
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
        super().__init__(init_cfg)
        if pool not in ('cls', 'cls_max'):
            raise ValueError(f"backbone.pool must be 'cls' or 'cls_max', got {pool!r}.")
        self.in_channels = in_channels
        self.num_groups = num_groups
        self.group_size = group_size
        self.pool = pool
        self.out_channels = dim * (2 if pool == 'cls_max' else 1)
        self.encoder = GroupEncoder(in_channels, encoder_dim)
        self.reduce_dim = nn.Linear(encoder_dim, dim)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.cls_pos = nn.Parameter(torch.randn(1, 1, dim))
        self.pos_embed = nn.Sequential(nn.Linear(3, 128), nn.GELU(), nn.Linear(128, dim))
        self.blocks = BlockList(dim, depth, num_heads, 4 * dim, drop_path, with_cp)
        self.norm = nn.LayerNorm(dim)

    def group(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Cut points ``(B, N, C)`` into centres ``(B, S, 3)`` and centred groups ``(B, S, K, C)``."""
        xyz = points[..., :3].float()
        centres = gather_points(xyz, furthest_point_sample(xyz, self.num_groups))
        _, index = knn(xyz, centres, self.group_size)
        groups = gather_points(points, index)
        offset = groups[..., :3] - centres.unsqueeze(2)
        return centres, torch.cat([offset, groups[..., 3:]], dim=-1)

    def forward_tokens(self, points: Tensor) -> PatchFeatures:
        """Encode points ``(B, N, in_channels)`` to class token, patch tokens and centres."""
        if points.shape[-1] != self.in_channels:
            raise ValueError(
                f'PointBERT has in_channels = {self.in_channels} but the points have '
                f'{points.shape[-1]} channels; change backbone.in_channels or PackShapeInputs.'
            )
        centres, groups = self.group(points)
        tokens = self.reduce_dim(self.encoder(groups))
        position = self.pos_embed(centres.to(tokens.dtype))
        cls = self.cls_token.to(tokens.dtype).expand(len(tokens), -1, -1)
        cls_pos = self.cls_pos.to(tokens.dtype).expand(len(tokens), -1, -1)
        tokens = torch.cat([cls, tokens], dim=1)
        tokens = self.norm(self.blocks(tokens, torch.cat([cls_pos, position], dim=1)))
        return PatchFeatures(tokens[:, 0], tokens[:, 1:], centres)

    def forward(self, points: Tensor) -> Tensor:
        """Encode points ``(B, N, in_channels)`` to ``(B, out_channels)``."""
        features = self.forward_tokens(points)
        if self.pool == 'cls':
            return features.cls
        return torch.cat([features.cls, features.tokens.amax(1)], dim=-1)
