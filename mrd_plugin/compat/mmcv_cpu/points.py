"""Sampling, neighbours and grouping of points: forward and backward of mmcv's autograd functions.

Features lie channels first, ``(B, C, N)``; indices are int32, as mmcv's are. PV-RCNN's stacked
clouds (points of all samples in one row, with their counts) are worked sample by sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mrd_plugin.compat.mmcv_cpu.kernels import (
    furthest_by_distance_kernel,
    nearest_kernel,
    shell_query_kernel,
)
from mrd_plugin.ops import furthest_point_sample as sample_furthest
from mrd_plugin.ops._kernels import run_batch


def _shares(clouds: int, centres: int) -> list[tuple[int, slice]]:
    """Cut a batch into work for every thread: whole clouds, or parts of their centres."""
    parts = max(1, torch.get_num_threads() // clouds) if clouds else 1
    cuts = [centres * part // parts for part in range(parts + 1)]
    return [(b, slice(*ends)) for b in range(clouds) for ends in zip(cuts[:-1], cuts[1:])]


def _arrays(*tensors: Tensor) -> list[np.ndarray]:
    return [tensor.detach().contiguous().numpy() for tensor in tensors]


def furthest_point_sample_forward(ctx: Any, points_xyz: Tensor, num_points: int) -> Tensor:
    """Return indices ``(B, M)`` of furthest points of ``(B, N, 3)``, beginning with point 0."""
    index = sample_furthest(points_xyz, num_points).int()
    ctx.mark_non_differentiable(index)
    return index


def furthest_point_sample_with_dist_forward(
    ctx: Any, points_dist: Tensor, num_points: int
) -> Tensor:
    """Return the same by distances ``(B, N, N)``, of features for instance."""
    index = torch.empty(len(points_dist), num_points, dtype=torch.int32)
    dist, out = _arrays(points_dist)[0], index.numpy()
    run_batch(lambda b: furthest_by_distance_kernel(dist[b], out[b]), len(dist))
    ctx.mark_non_differentiable(index)
    return index


def ball_query_forward(
    ctx: Any,
    min_radius: float,
    max_radius: float,
    sample_num: int,
    xyz: Tensor,
    center_xyz: Tensor,
    xyz_batch_cnt: Tensor | None = None,
    center_xyz_batch_cnt: Tensor | None = None,
) -> Tensor:
    """Return indices ``(B, S, K)`` of the first points between the radii of each centre.

    Stacked clouds give ``(S1 + S2 ..., K)``, indices within each cloud; -1 in the first place of a
    centre without any point.
    """
    if xyz_batch_cnt is not None and center_xyz_batch_cnt is not None:
        index = torch.zeros(len(center_xyz), sample_num, dtype=torch.int32)
        for own, centres in _stacks(xyz_batch_cnt, center_xyz_batch_cnt):
            cloud, middles = _arrays(xyz[own], center_xyz[centres])
            shell_query_kernel(cloud, middles, 0.0, max_radius, index[centres].numpy())
            first = xyz[own][index[centres][:, 0].long()]
            empty = (first - center_xyz[centres]).square().sum(1) >= max_radius**2
            index[centres] = index[centres].masked_fill(empty[:, None], 0)
            index[centres, 0] = index[centres, 0].masked_fill(empty, -1)
    else:
        index = torch.empty(*center_xyz.shape[:2], sample_num, dtype=torch.int32)
        clouds, middles = _arrays(xyz, center_xyz)
        out = index.numpy()
        shares = _shares(len(clouds), middles.shape[1])

        def query(i: int) -> None:
            b, own = shares[i]
            shell_query_kernel(clouds[b], middles[b, own], min_radius, max_radius, out[b, own])

        run_batch(query, len(shares))
    ctx.mark_non_differentiable(index)
    return index


def knn_forward(
    ctx: Any, k: int, xyz: Tensor, center_xyz: Tensor | None = None, transposed: bool = False
) -> Tensor:
    """Return indices ``(B, K, S)`` of the nearest points of each centre, nearest first."""
    centres = xyz if center_xyz is None else center_xyz
    if transposed:
        xyz, centres = xyz.transpose(1, 2), centres.transpose(1, 2)
    index = _nearest(xyz, centres, k)[1].transpose(1, 2).contiguous()
    ctx.mark_non_differentiable(index)
    return index


def three_nn_forward(ctx: Any, target: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
    """Distances and indices ``(B, N, 3)`` of the three sources nearest to each target."""
    squared, index = _nearest(source, target, 3)
    ctx.mark_non_differentiable(index)
    return squared.sqrt(), index


def _nearest(xyz: Tensor, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
    squared = torch.empty(*queries.shape[:2], k, dtype=xyz.dtype)
    index = torch.empty(*queries.shape[:2], k, dtype=torch.int32)
    clouds, asked = _arrays(xyz, queries.to(xyz.dtype))
    dist, rows = squared.numpy(), index.numpy()
    run_batch(lambda b: nearest_kernel(clouds[b], asked[b], dist[b], rows[b]), len(clouds))
    return squared, index


def _spread(index: Tensor, channels: int) -> Tensor:
    """Return indices ``(B, ...)`` repeated for each channel, ``(B, C, n)``, int64."""
    return index.long().flatten(1).unsqueeze(1).expand(-1, channels, -1)


def gather_points_forward(ctx: Any, features: Tensor, indices: Tensor) -> Tensor:
    """Features ``(B, C, M)`` of the points at ``(B, M)``."""
    ctx.saved = (indices, features.shape[2])
    ctx.mark_non_differentiable(indices)
    return features.gather(2, _spread(indices, features.shape[1]))


def gather_points_backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
    """Add gradients up at the points that were gathered."""
    indices, count = ctx.saved
    total = grad.new_zeros(*grad.shape[:2], count)
    return total.scatter_add_(2, _spread(indices, grad.shape[1]), grad.flatten(2)), None


def grouping_operation_forward(
    ctx: Any,
    features: Tensor,
    indices: Tensor,
    features_batch_cnt: Tensor | None = None,
    indices_batch_cnt: Tensor | None = None,
) -> Tensor:
    """Features ``(B, C, S, K)`` of the points at ``(B, S, K)``.

    Stacked clouds: features ``(N1 + N2 ..., C)`` at ``(S1 + S2 ..., K)`` give ``(S1 + S2 ..., C,
    K)``.
    """
    if features_batch_cnt is not None and indices_batch_cnt is not None:
        rows = indices.long().clamp(
            min=0
        )  # -1 marks an empty ball; its row is blanked by the caller
        for own, centres in _stacks(features_batch_cnt, indices_batch_cnt):
            rows[centres] += own.start
        ctx.saved = (rows, len(features))
        return features[rows].transpose(1, 2).contiguous()
    ctx.saved = (indices, features.shape[2])
    # Whole rows are copied and stay whole: 1x1 convolutions on channels that lie last are plain
    # products.
    batch = torch.arange(len(features), device=features.device)[:, None, None]
    picked = features.transpose(1, 2).contiguous()[batch, indices.long()]
    return picked.permute(0, 3, 1, 2)


def grouping_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    """Add gradients up at the points that were grouped."""
    if grad.ndim == 4:
        return gather_points_backward(ctx, grad)
    rows, count = ctx.saved
    total = grad.new_zeros(count, grad.shape[1])
    total.index_add_(0, rows.flatten(), grad.transpose(1, 2).flatten(0, 1))
    return total, None, None, None


def three_interpolate_forward(
    ctx: Any, features: Tensor, indices: Tensor, weight: Tensor
) -> Tensor:
    """Sum features ``(B, C, M)`` at indices by weights ``(B, N, 3)``: ``(B, C, N)``."""
    ctx.saved = (indices, features.shape[2])
    ctx.weight = weight
    picked = features.gather(2, _spread(indices, features.shape[1]))
    return (picked.unflatten(2, (-1, 3)) * weight.unsqueeze(1)).sum(3)


def three_interpolate_backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
    """Hand each gradient to its three points by their weights."""
    shares = grad.unsqueeze(3) * ctx.weight.unsqueeze(1)
    return gather_points_backward(ctx, shares)[0], None, None


def _stacks(points: Tensor, centres: Tensor) -> Iterator[tuple[slice, slice]]:
    """Rows of each sample's points and centres in stacked clouds."""
    ends = zip(points.cumsum(0).tolist(), centres.cumsum(0).tolist())
    for (point, centre), own, middles in zip(ends, points.tolist(), centres.tolist()):
        yield slice(point - own, point), slice(centre - middles, centre)


FUNCTIONS = {
    'FurthestPointSampling': (furthest_point_sample_forward, None),
    'FurthestPointSamplingWithDist': (furthest_point_sample_with_dist_forward, None),
    'BallQuery': (ball_query_forward, None),
    'KNN': (knn_forward, None),
    'ThreeNN': (three_nn_forward, None),
    'GatherPoints': (gather_points_forward, gather_points_backward),
    'GroupingOperation': (grouping_operation_forward, grouping_backward),
    'ThreeInterpolate': (three_interpolate_forward, three_interpolate_backward),
}
"""Forward and, where gradients flow, backward of mmcv's functions."""

HOMES = {
    'FurthestPointSampling': 'furthest_point_sample',
    'FurthestPointSamplingWithDist': 'furthest_point_sample',
    'BallQuery': 'ball_query',
    'KNN': 'knn',
    'ThreeNN': 'three_nn',
    'GatherPoints': 'gather_points',
    'GroupingOperation': 'group_points',
    'ThreeInterpolate': 'three_interpolate',
}
"""Module of ``mmcv.ops`` that each is defined in."""
