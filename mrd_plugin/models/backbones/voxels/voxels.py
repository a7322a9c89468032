"""From points to voxels and back, in tensor operations."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mrd_plugin.ops.voxelize import cell_keys


class Voxels(NamedTuple):
    """The occupied voxels of a batch of clouds."""

    features: Tensor
    """Mean of the points inside, ``(M, C)``."""
    indices: Tensor
    """Batch index and voxel coordinates x, y, z, none negative, ``(M, 4)``, int32."""
    shape: list[int]
    """Extent of the grid along x, y, z, multiples of ``align``."""
    of_point: Tensor
    """Row of each point's voxel, ``(B * N,)``, int64."""


def mean_voxels(points: Tensor, size: float, align: int) -> Voxels:
    """Average the points of each voxel (MinkowskiEngine's unweighted average).

    Voxel ``floor(xyz / size)`` is counted from a multiple of ``align``, so that voxels of up to
    ``align`` times the size lie as they do when counted from the origin.

    Args:
        points: ``(B, N, C)``, xyz first; the gradient flows into the features.
        size: Edge of a voxel, in the unit of the points.
        align: Coarsest stride of the network.

    Returns:
        Sorted by batch index and coordinates.
    """
    batch, count, channels = points.shape
    cells = torch.floor(points[..., :3].detach().float() / size).long().flatten(0, 1)
    cells -= cells.amin(0).div(align, rounding_mode='floor') * align
    shape = ((cells.amax(0) // align + 1) * align).tolist()
    sample = torch.arange(batch, device=points.device).repeat_interleave(count)
    keys, of_point = cell_keys(sample, cells, shape).unique(return_inverse=True)
    rows = points.reshape(-1, channels)
    total = rows.new_zeros(len(keys), channels).index_add(0, of_point, rows)
    number = torch.bincount(of_point, minlength=len(keys)).to(rows.dtype)
    z = keys % shape[2]
    y = keys // shape[2] % shape[1]
    x = keys // (shape[2] * shape[1]) % shape[0]
    indices = torch.stack([keys // (shape[2] * shape[1] * shape[0]), x, y, z], dim=1)
    return Voxels(total / number[:, None], indices.int(), shape, of_point)


def rows_of_cells(indices: Tensor, wanted: Tensor, shape: list[int]) -> Tensor:
    """Find the rows of ``indices (M, 4)`` that hold the cells ``wanted (K, 4)``; all must exist."""
    keys, order = cell_keys(indices[:, 0], indices[:, 1:], shape).sort()
    return order[torch.searchsorted(keys, cell_keys(wanted[:, 0], wanted[:, 1:], shape))]
