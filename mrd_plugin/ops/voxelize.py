"""Voxels of sweeps: which are occupied, a point of each, and the voxel that each point is in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

COORDINATES = ('cartesian', 'cylindrical')
# Voxel indices are counted from a multiple of this, the coarsest stride of MinkUNet, so that its
# coarse voxels lie as they would if they were counted from the origin.
ALIGN = 16


class PointVoxels(NamedTuple):
    """The occupied voxels of a batch of clouds."""

    coords: Tensor
    """Sample and voxel indices along the three axes, none negative, ``(Nv, 4)``, int32, sorted."""
    first: Tensor
    """The point that represents each voxel: the first of its points, ``(Nv,)``, int64."""
    of_point: Tensor
    """Row of each point's voxel in ``coords``, ``(ΣN,)``, int64."""


def voxelize(
    xyz: Tensor,
    point_batch: Tensor,
    batch_size: int,
    voxel_size: Sequence[float],
    coordinates: str = 'cartesian',
    origin: Sequence[float] | None = None,
) -> PointVoxels:
    """Sort points into voxels.

    A voxel is represented by the first of its points, as in the image-to-LiDAR methods (Sautier et
    al. 2022, arXiv 2203.16258) and in MMDetection3D's MinkUNet, so that what a network is given
    does not depend on how many points share a voxel.

    Args:
        xyz: Points of all samples, ``(ΣN, 3)``, metres.
        point_batch: Their samples, ``(ΣN,)``, int64.
        batch_size: Number of samples.
        voxel_size: Edges along x, y, z in metres; with cylindrical coordinates along radius
            (metres), azimuth (degrees) and z (metres).
        coordinates: ``'cartesian'`` or ``'cylindrical'``. Defaults to 'cartesian'.
        origin: Corner of voxel (0, 0, 0) in metres; no point may lie below it. Defaults to None:
            each sample's own lowest corner, a multiple of :data:`ALIGN` voxels from the origin of
            its coordinates.

    Returns:
        Sorted by sample and index.
    """
    position = cylindrical(xyz) if coordinates == 'cylindrical' else xyz
    if origin is not None:
        position = position - position.new_tensor(origin)
    cells = torch.floor(position / position.new_tensor(voxel_size)).long()
    if origin is None:
        lowest = cells.new_zeros(batch_size, 3).scatter_reduce(
            0, point_batch[:, None].expand(-1, 3), cells, 'amin', include_self=False
        )
        cells = cells - (lowest.div(ALIGN, rounding_mode='floor') * ALIGN)[point_batch]
    extent = (cells.amax(0) + 1).tolist() if len(cells) else [1, 1, 1]
    keys, of_point = cell_keys(point_batch, cells, extent).unique(return_inverse=True)
    order = torch.arange(len(cells), device=cells.device)
    first = order.new_full((len(keys),), len(cells)).scatter_reduce(0, of_point, order, 'amin')
    coords = torch.cat([point_batch[first, None], cells[first]], dim=1).int()
    return PointVoxels(coords, first, of_point)


def cylindrical(xyz: Tensor) -> Tensor:
    """Radius in metres, azimuth in degrees in [-180, 180] and z of points ``(N, 3)``."""
    azimuth = torch.rad2deg(torch.atan2(xyz[:, 1], xyz[:, 0]))
    return torch.stack([torch.hypot(xyz[:, 0], xyz[:, 1]), azimuth, xyz[:, 2]], dim=1)


def cell_keys(sample: Tensor, cells: Tensor, extent: Sequence[int]) -> Tensor:
    """Give cells ``(M, 3)`` of samples ``(M,)`` unique numbers, in the order of their indices."""
    key = sample.long()
    for axis in range(3):
        key = key * extent[axis] + cells[:, axis].long()
    return key
