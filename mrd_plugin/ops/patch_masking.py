"""Hiding patches of a cloud, for masked reconstruction."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mrd_plugin.ops.furthest_point_sample import furthest_point_sample
from mrd_plugin.ops.grouping import gather_points
from mrd_plugin.ops.knn import knn


class MaskedCloud(NamedTuple):
    """A cloud with patches cut out."""

    visible: Tensor
    """What is left, ``(B, V, C)``, ``V = N - round(ratio N)``; points repeat where a cloud has fewer."""
    centres: Tensor
    """Centres of the hidden patches, ``(B, H, 3)``."""
    patches: Tensor
    """Their points relative to the centres, ``(B, H, K, 3)``."""


@torch.no_grad()
def mask_patches(points: Tensor, num_patches: int, ratio: float, patch_size: int) -> MaskedCloud:
    """Cut the cells of randomly chosen centres out of each cloud.

    Point-MAE hides patch *tokens* (Pang et al. 2022, arXiv 2203.06604); neighbouring patches overlap
    there. Here every point belongs to the nearest of ``num_patches`` furthest-sampled centres and
    goes with it, so that a backbone of any kind never sees what it shall rebuild.

    Args:
        points (Tensor): ``(B, N, C)``, xyz first.
        num_patches (int): Centres S.
        ratio (float): Share of the centres that are hidden, in (0, 1).
        patch_size (int): Points K of a target: those nearest to the centre.

    Returns:
        MaskedCloud: Visible points keep their order.

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
