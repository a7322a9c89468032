"""Overlaps of turned boxes for mmdet3d's KITTI evaluation, which has a CUDA kernel alone.

``KittiMetric`` imports ``rotate_iou`` when it first compares boxes; compiling that module's kernels
already asks for a CUDA driver. :mod:`mrd_plugin.compat.mmcv_cpu` puts this module in its place.
"""

from __future__ import annotations

import numpy as np
import torch
from mmcv.ops import box_iou_rotated

REPLACES = 'mmdet3d.evaluation.functional.kitti_utils.rotate_iou'
_CLOCKWISE = np.array([1, 1, 1, 1, -1], dtype=np.float32)


def rotate_iou_gpu_eval(
    boxes: np.ndarray, query_boxes: np.ndarray, criterion: int = -1, device_id: int = 0
) -> np.ndarray:
    """Compare boxes ``(N, 5)`` with boxes ``(K, 5)``: centre, sides, clockwise angle.

    Args:
        boxes: Float array ``(N, 5)``.
        query_boxes: Float array ``(K, 5)``.
        criterion: -1 for intersection over union, 0 for the intersection over the area of the query
            box, 1 over the area of the other, 2 for the area of the intersection.
        device_id: Part of the kernel's interface, unused.

    Returns:
        float32 array ``(N, K)``.
    """
    left, right = (np.asarray(b, dtype=np.float32) for b in (boxes, query_boxes))
    if len(left) == 0 or len(right) == 0:
        return np.zeros((len(left), len(right)), dtype=np.float32)
    pair = (torch.from_numpy(b * _CLOCKWISE) for b in (left, right))
    iou = box_iou_rotated(*pair).numpy()
    area, query_area = (left[:, 2] * left[:, 3])[:, None], right[:, 2] * right[:, 3]
    shared = iou * (area + query_area) / (1 + iou)
    if criterion == -1:
        return iou
    return shared / {0: query_area, 1: area}.get(criterion, np.float32(1))
