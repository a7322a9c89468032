"""PointPatchTransformer: what OpenShape, TAMM and MRD call "PointBERT".

One PointNet++ set-abstraction layer makes patches, a pre-norm transformer mixes them, the class
token is the shape's feature (OpenShape, Liu et al. 2023, arXiv 2305.10764, appendix; sizes from its
code). It shares neither weights nor masked pre-training with Point-BERT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.models.backbones.points.patch_backbone import PatchBackbone
from mrd_plugin.models.backbones.points.set_abstraction import SetAbstraction
from mrd_plugin.models.backbones.points.transformer import TransformerBlock, run_blocks

_SIZES = (
    'dim',
    'depth',
    'num_heads',
    'mlp_dim',
    'sa_dim',
    'num_patches',
    'radius',
    'num_neighbours',
)
# Scaling -> the sizes above; 4 is the paper's.
SCALINGS: dict[int, tuple[int, int, int, int, int, int, float, int]] = {
    1: (256, 6, 4, 1024, 96, 64, 0.4, 256),
    2: (512, 6, 8, 1024, 128, 64, 0.4, 256),
    3: (512, 12, 8, 1024, 128, 128, 0.35, 128),
    4: (512, 12, 8, 1536, 256, 384, 0.2, 64),
    5: (768, 12, 12, 2304, 256, 512, 0.2, 64),
    6: (768, 24, 12, 3072, 256, 512, 0.2, 64),
}


@MODELS.register_module()
class PointPatchTransformer(PatchBackbone):
    """Point patch transformer; either ``scaling`` or the single sizes.

    Args:
        scaling: Row 1 to 6 of the published table; sets every size below that is not given.
            Defaults to None.
        in_channels: Channels of the points: 6 for xyz + rgb, 3 for xyz. Defaults to 6.
        dim: Token width C.
        depth: Transformer blocks.
        num_heads: Attention heads.
        mlp_dim: Hidden width of the block MLPs.
        sa_dim: Output width of the set abstraction.
        num_patches: Patches S.
        radius: Ball radius, unit-ball frame.
        num_neighbours: Points per patch.
        sa_hidden: Width of the first two set-abstraction layers. Defaults to 64.
        with_cp: Recompute block activations in the backward pass, for memory. Defaults to False.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: If a size is neither given nor set by ``scaling``.

    Examples:
        >>> import torch
        >>> backbone = PointPatchTransformer(
        ...     dim=32, depth=2, num_heads=2, mlp_dim=64,
        ...     sa_dim=16, num_patches=8, radius=0.5, num_neighbours=16,
        ... ).eval()
        >>> points = torch.rand(2, 100, 6)  # two shapes: xyz in the unit ball, rgb in [0, 1]
        >>> backbone(points).shape  # one feature per shape
        torch.Size([2, 32])
        >>> patches = backbone.forward_tokens(points)
        >>> patches.centres.shape, patches.tokens.shape, patches.cls.shape
        (torch.Size([2, 8, 3]), torch.Size([2, 8, 32]), torch.Size([2, 32]))
        >>> backbone.forward_points(points).shape[:2]  # a feature per point, for segmentation
        torch.Size([2, 100])

        The published sizes go by one number:

        >>> PointPatchTransformer(scaling=1).out_channels
        256
    """

    def __init__(
        self,
        scaling: int | None = None,
        in_channels: int = 6,
        dim: int | None = None,
        depth: int | None = None,
        num_heads: int | None = None,
        mlp_dim: int | None = None,
        sa_dim: int | None = None,
        num_patches: int | None = None,
        radius: float | None = None,
        num_neighbours: int | None = None,
        sa_hidden: int = 64,
        with_cp: bool = False,
        init_cfg: dict | list | None = None,
    ) -> None:
        given = dict(
            dim=dim,
            depth=depth,
            num_heads=num_heads,
            mlp_dim=mlp_dim,
            sa_dim=sa_dim,
            num_patches=num_patches,
            radius=radius,
            num_neighbours=num_neighbours,
        )
        sizes = _resolve_sizes(scaling, given)
        super().__init__(in_channels, sizes['dim'], sizes['depth'], init_cfg)
        self.out_channels = sizes['dim']
        self.num_heads, self.mlp_dim = sizes['num_heads'], sizes['mlp_dim']
        self.with_cp = with_cp
        self.sa = SetAbstraction(
            in_channels,
            (sa_hidden, sa_hidden, sizes['sa_dim']),
            sizes['num_patches'],
            sizes['radius'],
            sizes['num_neighbours'],
        )
        self.patch_proj = nn.Conv1d(sizes['sa_dim'] + 3, sizes['dim'], 1)
        self.patch_norm = nn.LayerNorm(sizes['dim'])
        self.cls_token = nn.Parameter(torch.randn(sizes['dim']))
        self.blocks = nn.ModuleList(
            TransformerBlock(sizes['dim'], sizes['num_heads'], sizes['mlp_dim'])
            for _ in range(sizes['depth'])
        )

    def encode(
        self, points: Tensor, depths: Sequence[int], keep: int | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Encode points, keeping some depths; see :meth:`PatchBackbone.encode`."""
        centres, tokens = self.tokenise(points)
        return centres, run_blocks(self.blocks, tokens, depths, with_cp=self.with_cp, keep=keep)

    def tokenise(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Centres ``(B, S, 3)``; class token and patches before the blocks, ``(B, 1 + S, dim)``."""
        centres, patches = self.sa(points)
        tokens = torch.cat([centres.to(patches.dtype), patches], dim=-1)
        tokens = F.linear(tokens, self.patch_proj.weight.squeeze(-1), self.patch_proj.bias)
        tokens = self.patch_norm(tokens)
        cls = self.cls_token.to(tokens.dtype).expand(len(tokens), 1, -1)
        return centres, torch.cat([cls, tokens], dim=1)

    def forward(self, points: Tensor) -> Tensor:
        """Encode points ``(B, N, in_channels)`` to one feature per shape, ``(B, dim)``."""
        return self.forward_cls(points)

    @staticmethod
    def resolve_sizes(cfg: Mapping[str, Any]) -> dict[str, Any]:
        """All sizes of a backbone config, those included that follow from ``scaling``."""
        return _resolve_sizes(cfg.get('scaling'), {key: cfg.get(key) for key in _SIZES})


def _resolve_sizes(scaling: int | None, given: dict) -> dict:
    if scaling is not None and scaling not in SCALINGS:
        raise ValueError(f'backbone.scaling must be one of {sorted(SCALINGS)}, got {scaling}.')
    row = SCALINGS[scaling] if scaling is not None else (None,) * len(given)
    sizes = {
        key: row[i] if value is None else value for i, (key, value) in enumerate(given.items())
    }
    missing = [key for key, value in sizes.items() if value is None]
    if missing:
        raise ValueError(f'Set backbone.scaling (1 to 6) or give the sizes {", ".join(missing)}.')
    return sizes
