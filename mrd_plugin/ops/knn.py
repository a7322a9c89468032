"""k nearest neighbours."""

from __future__ import annotations

import torch
from torch import Tensor

from mrd_plugin.ops._pairs import queries_at_once


@torch.no_grad()
def knn(xyz: Tensor, queries: Tensor, k: int, chunk: int | None = None) -> tuple[Tensor, Tensor]:
    """Find the ``k`` points nearest to each query, nearest first.

    Distances come from coordinate differences, not from the expanded square, which loses digits in
    fp32. Queries are worked in chunks, so that memory has a bound whatever the batch is.

    Args:
        xyz (Tensor): Points ``(B, N, 3)``.
        queries (Tensor): Queries ``(B, S, 3)``.
        k (int): Neighbours a query, ``1 <= k <= N``.
        chunk (int, optional): Queries worked at once. Never changes the result. Defaults to as many as
            128 MB of distances hold.

    Returns:
        tuple[Tensor, Tensor]: Euclidean distances ``(B, S, k)`` and indices ``(B, S, k)``, int64.

    Raises:
        ValueError: If ``k`` exceeds the number of points.
    """
    if not 1 <= k <= xyz.shape[1]:
        raise ValueError(f'k must lie in 1..N = {xyz.shape[1]}, got {k}.')
    distances, indices = [], []
    for part in queries.split(chunk or queries_at_once(xyz), dim=1):
        dist = torch.cdist(part, xyz, compute_mode='donot_use_mm_for_euclid_dist')
        near = dist.topk(k, dim=-1, largest=False, sorted=True)
        distances.append(near.values)
        indices.append(near.indices)
    return torch.cat(distances, dim=1), torch.cat(indices, dim=1)
