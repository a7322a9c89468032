"""Points near queries, in batches whose samples differ in size."""

from __future__ import annotations

import torch
from torch import Tensor

from mrd_plugin.ops.ball_query import ball_query


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
        xyz (Tensor): Points of all samples, ``(N, 3)``, float32 or float64.
        point_batch (Tensor): Their samples, ``(N,)``, int64.
        queries (Tensor): ``(Q, 3)``, same unit and dtype.
        query_batch (Tensor): Their samples, ``(Q,)``, int64.
        batch_size (int): Number of samples.
        radius (float): Inclusive, in the unit of ``xyz``.
        k (int): Most neighbours a query.

    Returns:
        tuple[Tensor, Tensor]: Rows of the queries and rows of the points, each ``(P,)``, int64, sorted
        by query; a query without a point in reach has no pair.
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
