"""Operators on 3D boxes, made of those that mmcv and torchvision have for a CPU."""

from __future__ import annotations

from collections.abc import Callable

import torch
from mmcv.ops import box_iou_rotated, nms_rotated, points_in_boxes_cpu
from torch import Tensor
from torchvision.ops import nms

_BEV = [0, 1, 3, 4, 6]
"""x, y, length, width and heading of a box (x, y, z, length, width, height, heading)."""


def points_in_boxes_all(points: Tensor, boxes: Tensor) -> Tensor:
    """Tell if points ``(B, M, 3)`` lie in boxes ``(B, T, 7)``, bottom centre: ``(B, M, T)``."""
    return points_in_boxes_cpu(points, boxes)


def points_in_boxes_part(points: Tensor, boxes: Tensor) -> Tensor:
    """First box that each point lies in, -1 for none: int32 ``(B, M)``."""
    if boxes.shape[1] == 0:
        return points.new_full(points.shape[:2], -1, dtype=torch.int32)
    inside = points_in_boxes_cpu(points, boxes)
    first = inside.argmax(dim=2).int()
    return torch.where(inside.any(dim=2), first, -1).int()


def boxes_overlap_bev(boxes_a: Tensor, boxes_b: Tensor) -> Tensor:
    """Areas ``(M, N)`` that boxes ``(M, 7)`` and ``(N, 7)`` share, seen from above."""
    iou = box_iou_rotated(boxes_a[:, _BEV].float(), boxes_b[:, _BEV].float())
    areas = (boxes_a[:, 3] * boxes_a[:, 4])[:, None] + boxes_b[:, 3] * boxes_b[:, 4]
    return (iou * areas / (1 + iou)).to(boxes_a.dtype)


def boxes_iou3d(boxes_a: Tensor, boxes_b: Tensor) -> Tensor:
    """Intersection over union ``(M, N)`` of boxes ``(M, 7)`` and ``(N, 7)``, z in their middle."""
    low = torch.maximum(*(b[:, 2] - b[:, 5] / 2 for b in _broadcast(boxes_a, boxes_b)))
    high = torch.minimum(*(b[:, 2] + b[:, 5] / 2 for b in _broadcast(boxes_a, boxes_b)))
    shared = boxes_overlap_bev(boxes_a, boxes_b) * (high - low).clamp(min=0)
    volumes = boxes_a[:, 3:6].prod(1)[:, None] + boxes_b[:, 3:6].prod(1)
    return shared / (volumes - shared).clamp(min=1e-6)


def _broadcast(boxes_a: Tensor, boxes_b: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes as ``(M, 7, 1)`` and ``(1, 7, N)``: columns of one stand against rows of the other."""
    return boxes_a[:, :, None], boxes_b.T[None]


def nms3d(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Return the rows of ``boxes (N, 7)`` that overlap no better box, seen from above."""
    if len(boxes) == 0:
        return boxes.new_zeros(0, dtype=torch.long)
    return nms_rotated(boxes[:, _BEV].float(), scores.float(), iou_threshold)[1]


def nms3d_normal(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Return the same with all headings taken as zero."""
    half = boxes[:, 3:5] / 2
    corners = torch.cat([boxes[:, :2] - half, boxes[:, :2] + half], dim=1)
    return nms(corners.float(), scores.float(), iou_threshold)


OPERATORS: dict[str, Callable] = {
    'points_in_boxes_all': points_in_boxes_all,
    'points_in_boxes_part': points_in_boxes_part,
    'boxes_overlap_bev': boxes_overlap_bev,
    'boxes_iou3d': boxes_iou3d,
    'nms3d': nms3d,
    'nms3d_normal': nms3d_normal,
}
"""Replacements of functions of ``mmcv.ops``."""
