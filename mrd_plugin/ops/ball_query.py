"""Ball query: the points within a radius of each centre."""

from __future__ import annotations

import torch
from torch import Tensor

from mrd_plugin.ops._kernels import ball_query_kernel, run_batch
from mrd_plugin.ops._pairs import queries_at_once


@torch.no_grad()
def ball_query(xyz: Tensor, centres: Tensor, radius: float, k: int) -> Tensor:
    """Find the first ``k`` points, in index order, within ``radius`` of each centre.

    The radius is inclusive. Where fewer than ``k`` points lie inside, the row is padded with its
    first point (as in PointNet++); where none does, with the point nearest to the centre.

    Args:
        xyz (Tensor): Points ``(B, N, 3)``, float32 or float64.
        centres (Tensor): Centres ``(B, S, 3)``, same unit and dtype.
        radius (float): Radius, in the unit of ``xyz``.
        k (int): Neighbours a centre.

    Returns:
        Tensor: Indices into ``xyz``, ``(B, S, k)``, int64.

    Raises:
        ValueError: If shapes or dtypes do not fit, or there are no points.
    """
    if xyz.ndim != 3 or xyz.shape[-1] != 3 or xyz.shape[1] == 0:
        raise ValueError(f'xyz must have the shape (B, N >= 1, 3), got {tuple(xyz.shape)}.')
    if centres.ndim != 3 or centres.shape[-1] != 3 or len(centres) != len(xyz):
        raise ValueError(f'centres must be ({len(xyz)}, S, 3), got {tuple(centres.shape)}.')
    if centres.dtype != xyz.dtype:
        raise ValueError(f'xyz is {xyz.dtype} but centres are {centres.dtype}; cast one of them.')
    if xyz.device.type != 'cpu':
        return _ball_query_torch(xyz, centres, radius, k)
    points, middles = xyz.detach().contiguous().numpy(), centres.detach().contiguous().numpy()
    out = torch.empty(*centres.shape[:2], k, dtype=torch.int64)
    rows = out.numpy()
    run_batch(lambda b: ball_query_kernel(points[b], middles[b], radius, k, rows[b]), len(xyz))
    return out


def _ball_query_torch(
    xyz: Tensor, centres: Tensor, radius: float, k: int, chunk: int | None = None
) -> Tensor:
    """Rank the hits by a running count along the points instead of sorting, in chunks of centres."""
    index = torch.arange(xyz.shape[1], device=xyz.device).expand(*xyz.shape[:2])
    parts = []
    for middle in centres.split(chunk or queries_at_once(xyz), dim=1):
        dist = sum((middle[:, :, None, axis] - xyz[:, None, :, axis]).square() for axis in range(3))
        inside = dist <= xyz.new_tensor(radius * radius)
        rank = inside.cumsum(-1, dtype=torch.int32)
        # Everything that is not among the first k hits is written to a column that is cut off.
        column = torch.where(inside & (rank <= k), rank - 1, k).long()
        out = index.new_zeros(*middle.shape[:2], k + 1)
        out.scatter_(-1, column, index[:, None, :].expand_as(column))
        count = rank[..., -1:]
        first = torch.where(count > 0, out[..., :1], dist.argmin(-1, keepdim=True))
        slots = torch.arange(k, device=xyz.device)
        parts.append(torch.where(slots < count, out[..., :k], first))
    return torch.cat(parts, dim=1)
