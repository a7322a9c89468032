"""Voxels of mmdet3d's MinkUNet without ``.cuda()``.

``Det3DDataPreprocessor.voxelize`` sends two tensors to CUDA when ``voxel_type='minkunet'``,
whatever device the points are on; here everything stays on that device. Other kinds of voxels go
the usual way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def extend_voxelize(voxelize: Callable[..., dict[str, Tensor]]) -> Callable[..., dict[str, Tensor]]:
    """Put the voxels of MinkUNet before ``Det3DDataPreprocessor.voxelize``."""

    def voxelize_here(self: Any, points: list[Tensor], data_samples: list) -> dict[str, Tensor]:
        if self.voxel_type != 'minkunet':
            return voxelize(self, points, data_samples)
        voxels, coors = [], []
        for index, (cloud, sample) in enumerate(zip(points, data_samples)):
            first, cells = _first_points(self, cloud, sample)
            side = (1, 0) if self.batch_first else (0, 1)
            cells = F.pad(cells[first], side, value=index)
            sample.batch_idx = cells[:, 0 if self.batch_first else -1]
            voxels.append(cloud[first])
            coors.append(cells)
        return dict(voxels=torch.cat(voxels), coors=torch.cat(coors))

    return voxelize_here


def _first_points(preprocessor: Any, cloud: Tensor, sample: Any) -> tuple[Tensor, Tensor]:
    """Rows of the points that represent their voxels, and the cells ``(N, 3)`` of all points.

    The sample gets ``point2voxel_map (N,)`` and, with labels, ``voxel_semantic_mask``.
    """
    size = cloud.new_tensor(preprocessor.voxel_layer.voxel_size)
    cells = torch.round(cloud[:, :3] / size).int()
    cells -= cells.amin(0)
    first, of_point = preprocessor.sparse_quantize(
        cells.cpu().numpy(), return_index=True, return_inverse=True
    )
    limit = preprocessor.max_voxels
    if preprocessor.training and limit is not None and len(first) > limit:
        first = np.random.choice(first, limit, replace=False)  # noqa: NPY002 (MMEngine seeds it)
    rows = torch.from_numpy(np.asarray(first)).to(cloud.device)
    sample.point2voxel_map = torch.from_numpy(of_point).to(cloud.device).long()
    if hasattr(sample.gt_pts_seg, 'pts_semantic_mask'):
        sample.gt_pts_seg.voxel_semantic_mask = sample.gt_pts_seg.pts_semantic_mask[rows]
    return rows, cells
