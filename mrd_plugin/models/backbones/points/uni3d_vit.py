"""Uni3DViT: a plain image ViT on point patches (Uni3D, Zhou et al. 2024, arXiv 2310.06773).

kNN groups around furthest points, a mini-PointNet per group, a linear layer to the ViT's width, a
position embedding of the centres that is added once, and timm's EVA blocks, without their rotary
embedding. Attribute names are those of the published checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.models.backbones.points.group_encoder import GroupEncoder, group_points
from mrd_plugin.models.backbones.points.patch_backbone import PatchBackbone, check_channels
from mrd_plugin.models.backbones.points.transformer import run_blocks

# Size -> timm's model.
TRUNKS = {
    'tiny': 'eva02_tiny_patch14_224',
    'small': 'eva02_small_patch14_224',
    'base': 'eva02_base_patch14_448',
    'large': 'eva02_large_patch14_448',
    'giant': 'eva_giant_patch14_560',
}


class EvaTrunk(nn.Module):
    """What point tokens use of timm's EVA: blocks and final norms; image layers are left behind.

    Args:
        model: Timm's name.
        drop_path: Stochastic depth of the last block, rising from 0.
        checkpoint_path: Local file with timm's own weights of that model, or empty.
    """

    def __init__(self, model: str, drop_path: float, checkpoint_path: str) -> None:
        super().__init__()
        import timm  # late: it imports torchvision, a quarter of the package's time to import

        eva: Any = timm.create_model(
            model, drop_path_rate=drop_path, checkpoint_path=checkpoint_path
        )
        self.width = eva.embed_dim
        self.blocks = eva.blocks
        self.norm = eva.norm
        self.fc_norm = eva.fc_norm


@MODELS.register_module()
class Uni3DViT(PatchBackbone):
    """Uni3D's point encoder without its projection ``trans2embed``, which is a ``ProjectionHead``.

    Args:
        size: ``'tiny'``, ``'small'``, ``'base'``, ``'large'`` or ``'giant'``. Defaults to
            ``'base'``.
        in_channels: Channels of the points, xyz + rgb. Defaults to 6.
        num_groups: Groups S. Defaults to 512.
        group_size: Points per group. Defaults to 64.
        encoder_dim: Width of the group encoder. Defaults to 512.
        patch_dropout: Share of the patch tokens that a training step leaves out; evaluation uses
            all. Defaults to 0.5.
        drop_path: Stochastic depth of the last block, rising from 0. Defaults to 0.2.
        trunk_checkpoint: Local file with timm's weights of the image model: the 2D initialisation
            of the paper. Defaults to None, random weights.
        with_cp: Recompute block activations in the backward pass. Defaults to False.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: If ``size`` is none of the five.
    """

    def __init__(
        self,
        size: str = 'base',
        in_channels: int = 6,
        num_groups: int = 512,
        group_size: int = 64,
        encoder_dim: int = 512,
        patch_dropout: float = 0.5,
        drop_path: float = 0.2,
        trunk_checkpoint: str | None = None,
        with_cp: bool = False,
        init_cfg: dict | list | None = None,
    ) -> None:
        if size not in TRUNKS:
            raise ValueError(f'backbone.size must be one of {list(TRUNKS)}, got {size!r}.')
        from timm.layers import PatchDropout

        trunk = EvaTrunk(TRUNKS[size], drop_path, trunk_checkpoint or '')
        super().__init__(in_channels, trunk.width, len(trunk.blocks), init_cfg)
        self.out_channels = trunk.width
        self.num_groups = num_groups
        self.group_size = group_size
        self.with_cp = with_cp
        self.encoder = GroupEncoder(in_channels, encoder_dim)
        self.encoder2trans = nn.Linear(encoder_dim, trunk.width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, trunk.width))
        self.cls_pos = nn.Parameter(torch.randn(1, 1, trunk.width))
        self.pos_embed = nn.Sequential(nn.Linear(3, 128), nn.GELU(), nn.Linear(128, trunk.width))
        self.patch_dropout = PatchDropout(patch_dropout, num_prefix_tokens=1)
        self.visual = trunk

    def encode(
        self,
        points: Tensor,
        depths: Sequence[int],
        keep: int | None = None,
        drop_patches: bool = False,
    ) -> tuple[Tensor, list[Tensor]]:
        """Encode points, keeping some depths; see :meth:`PatchBackbone.encode`.

        Patch dropout takes part only if asked for: tokens that are exported keep their centres.
        """
        centres, groups = group_points(points, self.num_groups, self.group_size)
        tokens = self.encoder2trans(self.encoder(groups))
        tokens = tokens + self.pos_embed(centres.to(tokens.dtype))
        cls = (self.cls_token + self.cls_pos).to(tokens.dtype).expand(len(tokens), -1, -1)
        tokens = torch.cat([cls, tokens], dim=1)
        if drop_patches:
            tokens = self.patch_dropout(tokens)
        sequences = run_blocks(self.visual.blocks, tokens, depths, with_cp=self.with_cp)
        norm, fc_norm = self.visual.norm, self.visual.fc_norm
        return centres, [fc_norm(norm(sequence[:, :keep])) for sequence in sequences]

    def forward(self, points: Tensor) -> Tensor:
        """Encode points ``(B, N, in_channels)`` to one feature per shape, ``(B, out_channels)``."""
        check_channels(self, points)
        _, (sequence,) = self.encode(points, (self.depth,), keep=1, drop_patches=True)
        return sequence[:, 0]
