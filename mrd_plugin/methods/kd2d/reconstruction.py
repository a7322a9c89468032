"""Masked reconstruction of clouds: hide patches, rebuild them, compare by Chamfer distance.

After Point-MAE (Pang et al. 2022, arXiv 2203.06604, section 3): mask tokens that know only where
they are join the visible tokens in a shallow transformer, and a linear layer turns each into
points. Chamfer distance: Fan et al. 2017, arXiv 1612.00603, section 3.2.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn

from mrd_plugin.models.backbones.points.transformer import TransformerBlock
from mrd_plugin.ops.furthest_point_sample import furthest_point_sample
from mrd_plugin.ops.grouping import gather_points
from mrd_plugin.ops.neighbours import knn


def chamfer_distance(one: Tensor, other: Tensor) -> Tensor:
    """Mean squared distance to the nearest point of the other set, both ways, added.

    Args:
        one: ``(..., N, 3)``.
        other: ``(..., M, 3)``.

    Returns:
        ``(...)``, in squared units of the points.
    """
    squared = (one.unsqueeze(-2) - other.unsqueeze(-3)).square().sum(-1)  # (..., N, M)
    return squared.amin(-1).mean(-1) + squared.amin(-2).mean(-1)


class MaskedCloud(NamedTuple):
    """A cloud with patches cut out."""

    visible: Tensor
    """Points that are left, ``(B, V, C)``, ``V = N - round(ratio N)``; repeated where fewer."""
    centres: Tensor
    """Centres of the hidden patches, ``(B, H, 3)``."""
    patches: Tensor
    """Their points relative to the centres, ``(B, H, K, 3)``."""


@torch.no_grad()
def mask_patches(points: Tensor, num_patches: int, ratio: float, patch_size: int) -> MaskedCloud:
    """Cut the cells of randomly chosen centres out of each cloud.

    Point-MAE hides patch *tokens* (Pang et al. 2022, arXiv 2203.06604); neighbouring patches
    overlap there. Here every point belongs to the nearest of ``num_patches`` furthest-sampled
    centres and goes with it, so that a backbone of any kind never sees what it shall rebuild.

    Args:
        points: ``(B, N, C)``, xyz first.
        num_patches: Centres S.
        ratio: Share of the centres that are hidden, in (0, 1).
        patch_size: Points K of a target: those nearest to the centre.

    Returns:
        Visible points keep their order.

    Raises:
        ValueError: If ``ratio`` leaves no patch visible, or hides none.
    """
    hidden_count = round(ratio * num_patches)
    if not 0 < hidden_count < num_patches:
        raise ValueError(
            f'ratio = {ratio} hides {hidden_count} of {num_patches} patches; use 0..1.'
        )
    batch, count, _ = points.shape
    xyz = points[..., :3].float()
    centres = gather_points(xyz, furthest_point_sample(xyz, num_patches))
    order = torch.rand(batch, num_patches, device=points.device).argsort(dim=1)
    hidden_centres = gather_points(centres, order[:, :hidden_count])
    is_hidden = torch.zeros_like(order, dtype=torch.bool)
    is_hidden.scatter_(1, order[:, :hidden_count], True)
    cell = knn(centres, xyz, 1)[1].squeeze(-1)  # (B, N)
    point_hidden = is_hidden.gather(1, cell)
    left = (count - point_hidden.sum(1, keepdim=True)).clamp(min=1)
    first = torch.arange(count - round(ratio * count), device=points.device) % left
    visible_first = point_hidden.to(torch.uint8).argsort(dim=1, stable=True)
    visible = gather_points(points, visible_first.gather(1, first))
    _, nearest = knn(xyz, hidden_centres, patch_size)
    return MaskedCloud(
        visible, hidden_centres, gather_points(xyz, nearest) - hidden_centres.unsqueeze(2)
    )


@MODELS.register_module()
class PatchReconstructionHead(BaseModule):
    """Transformer decoder with one mask token per hidden patch; discarded after pre-training.

    Args:
        in_channels: Width C of the backbone's tokens.
        num_patches: Patches that a cloud is cut into. Defaults to 64, as in Point-MAE.
        mask_ratio: Share of them that is hidden. Defaults to 0.6, as in Point-MAE.
        num_points: Points K a hidden patch. Defaults to 32, as in Point-MAE.
        dim: Width of the decoder. Defaults to 384, as in Point-MAE.
        depth: Blocks. Defaults to 4, as in Point-MAE.
        num_heads: Attention heads. Defaults to 6, as in Point-MAE.
        init_cfg: MMEngine's initialisation config.
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
            tokens: Tokens of the visible part, ``(B, S, C)``.
            centres: Their centres, ``(B, S, 3)``.
            hidden_centres: Centres of the hidden patches, ``(B, H, 3)``.

        Returns:
            Points relative to the hidden centres, ``(B, H, K, 3)``.
        """
        visible = self.embed(tokens) + self.pos_embed(centres.to(tokens.dtype))
        hidden = self.mask_token.to(tokens.dtype) + self.pos_embed(hidden_centres.to(tokens.dtype))
        x = torch.cat([visible, hidden], dim=1)
        for block in self.blocks:
            x = block(x)
        points = self.to_points(self.norm(x[:, -hidden.shape[1] :]))
        return points.view(*hidden.shape[:2], self.num_points, 3)
