"""Neighbours of points: ball query, k nearest neighbours, neighbours within a radius.

:func:`radius_neighbours` works on joined batches whose samples differ in size. Distances
are computed in chunks of queries, so that a fixed number of them is held at once.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mrd_plugin.ops._kernels import ball_query_kernel, run_batch

_MOST_PAIRS = 2**25  # float32 distances of 128 MB


def _queries_at_once(xyz: Tensor) -> int:
    """Return how many queries fit the budget with all points ``xyz (B, N, 3)``; at least 1."""
    return max(1, _MOST_PAIRS // max(1, xyz.shape[0] * xyz.shape[1]))


@torch.no_grad()
def ball_query(xyz: Tensor, centres: Tensor, radius: float, k: int) -> Tensor:
    """Find the first ``k`` points, in index order, within ``radius`` of each centre.

    The radius is inclusive. Where fewer than ``k`` points lie inside, the row is padded with its
    first point (as in PointNet++); where none does, with the point nearest to the centre.

    Args:
        xyz: Points ``(B, N, 3)``, float32 or float64.
        centres: Centres ``(B, S, 3)``, same unit and dtype.
        radius: Radius, in the unit of ``xyz``.
        k: Neighbours per centre.

    Returns:
        Indices into ``xyz``, ``(B, S, k)``, int64.

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
    """Rank the hits by a running count along the points, without sorting, by chunks of centres."""
    index = torch.arange(xyz.shape[1], device=xyz.device).expand(*xyz.shape[:2])
    parts = []
    for middle in centres.split(chunk or _queries_at_once(xyz), dim=1):
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


@torch.no_grad()
def knn(xyz: Tensor, queries: Tensor, k: int, chunk: int | None = None) -> tuple[Tensor, Tensor]:
    """Find the ``k`` points nearest to each query, nearest first.

    Distances come from coordinate differences, not from the expanded square, which loses digits in
    fp32. Queries are worked in chunks, so that memory has a bound whatever the batch is.

    Args:
        xyz: Points ``(B, N, 3)``.
        queries: Queries ``(B, S, 3)``.
        k: Neighbours per query, ``1 <= k <= N``.
        chunk: Queries worked at once. Never changes the result. Defaults to as many as 128 MB of
            distances hold.

    Returns:
        Euclidean distances ``(B, S, k)`` and indices ``(B, S, k)``, int64.

    Raises:
        ValueError: If ``k`` exceeds the number of points.
    """
    if not 1 <= k <= xyz.shape[1]:
        raise ValueError(f'k must lie in 1..N = {xyz.shape[1]}, got {k}.')
    distances, indices = [], []
    for part in queries.split(chunk or _queries_at_once(xyz), dim=1):
        dist = torch.cdist(part, xyz, compute_mode='donot_use_mm_for_euclid_dist')
        near = dist.topk(k, dim=-1, largest=False, sorted=True)
        distances.append(near.values)
        indices.append(near.indices)
    return torch.cat(distances, dim=1), torch.cat(indices, dim=1)


@torch.no_grad()
def radius_neighbours(
    xyz: Tensor,
    point_batch: Tensor,
    queries: Tensor,
    query_batch: Tensor,
    batch_size: int,
    radius: float,
    k: int,
) -> tuple[Tensor, Tensor]:
    """Pair each query with the first ``k`` points of its sample, in index order, within ``radius``.

    Args:
        xyz: Points of all samples, ``(N, 3)``, float32 or float64.
        point_batch: Their samples, ``(N,)``, int64.
        queries: ``(Q, 3)``, same unit and dtype.
        query_batch: Their samples, ``(Q,)``, int64.
        batch_size: Number of samples.
        radius: Inclusive, in the unit of ``xyz``.
        k: Most neighbours per query.

    Returns:
        Rows of the queries and rows of the points, each ``(P,)``, int64, sorted by query; a query
        without a point in reach has no pair.
    """
    rows, columns = [], []
    for sample in range(batch_size):
        points = (point_batch == sample).nonzero()[:, 0]
        own = (query_batch == sample).nonzero()[:, 0]
        if len(points) == 0 or len(own) == 0:
            continue
        near, centres = xyz[points], queries[own]
        index = ball_query(near[None], centres[None], radius, k)[0]
        # ball_query fills up with the first neighbour, or the nearest point if there is none.
        real = torch.ones_like(index, dtype=torch.bool)
        real[:, 1:] = index[:, 1:] != index[:, :1]
        real[:, 0] = _squared(near[index[:, 0]], centres) <= centres.new_tensor(radius * radius)
        real[:, 1:] &= real[:, :1]
        which, slot = real.nonzero(as_tuple=True)
        rows.append(own[which])
        columns.append(points[index[which, slot]])
    nothing = point_batch.new_zeros(0)
    return torch.cat([nothing, *rows]), torch.cat([nothing, *columns])


def _squared(a: Tensor, b: Tensor) -> Tensor:
    """Squared distances of rows, summed in the order of :func:`ball_query`."""
    x, y, z = (a - b).square().unbind(1)
    return x + y + z
