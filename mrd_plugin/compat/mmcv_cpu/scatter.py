"""Reduction of points that share a voxel: mmcv's dynamic scatter."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_REDUCE = {'max': 'amax', 'sum': 'sum', 'mean': 'mean'}


def dynamic_scatter_forward(
    ctx: Any, feats: Tensor, coors: Tensor, reduce_type: str = 'max'
) -> tuple[Tensor, Tensor]:
    """Reduce features ``(N, C)`` of the points with equal ``coors (N, d)``.

    Points with a negative coordinate are left out, as mmcv leaves them out.

    Returns:
        Features ``(M, C)`` and coordinates ``(M, d)`` of the voxels, sorted by coordinates.
    """
    inside = (coors >= 0).all(dim=1)
    voxels, of_point = coors[inside].unique(dim=0, return_inverse=True)
    out = feats.new_zeros(len(voxels), feats.shape[1])
    spread = of_point[:, None].expand(-1, feats.shape[1])
    out.scatter_reduce_(0, spread, feats[inside], _REDUCE[reduce_type], include_self=False)
    ctx.reduce_type = reduce_type
    ctx.save_for_backward(feats, out, inside, of_point)
    ctx.mark_non_differentiable(voxels)
    return out, voxels


def dynamic_scatter_backward(
    ctx: Any, grad: Tensor, grad_coors: Tensor | None = None
) -> tuple[Tensor, None, None]:
    """Hand gradients back: to all points of a voxel, or to the first of the largest."""
    feats, out, inside, of_point = ctx.saved_tensors
    shares = grad[of_point]
    if ctx.reduce_type == 'mean':
        shares = shares / torch.bincount(of_point, minlength=len(out))[of_point, None]
    elif ctx.reduce_type == 'max':
        rows = torch.arange(len(of_point))[:, None].expand_as(shares)
        largest = torch.where(feats[inside] == out[of_point], rows, len(of_point))
        first = torch.full(out.shape, len(of_point)).scatter_reduce_(
            0, of_point[:, None].expand_as(shares), largest, 'amin'
        )
        shares = torch.where(rows == first[of_point], shares, 0)
    total = torch.zeros_like(feats)
    total[inside] = shares
    return total, None, None


FUNCTIONS = {'_DynamicScatter': (dynamic_scatter_forward, dynamic_scatter_backward)}
HOMES = {'_DynamicScatter': 'scatter_points'}
