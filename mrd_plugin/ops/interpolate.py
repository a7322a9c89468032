"""Carrying features from few points to many by inverse distance (PointNet++, section 3.4)."""

from __future__ import annotations

from torch import Tensor

from mrd_plugin.ops.grouping import gather_points
from mrd_plugin.ops.knn import knn


def three_interpolate(
    target: Tensor, source: Tensor, features: Tensor, eps: float = 1e-8
) -> Tensor:
    """Give each target point the inverse-distance mean of its three nearest source points.

    Args:
        target (Tensor): Points that need features, ``(B, N, 3)``.
        source (Tensor): Points that have features, ``(B, S, 3)``; with fewer than three of them all
            are used.
        features (Tensor): ``(B, S, C)``; the gradient flows into these only.
        eps (float): Added to the distances, so that a coincident point takes all the weight.

    Returns:
        Tensor: ``(B, N, C)``.
    """
    dist, index = knn(source, target, min(3, source.shape[1]))
    weight = 1 / (dist + eps)
    weight = weight / weight.sum(-1, keepdim=True)
    return (gather_points(features, index) * weight.to(features.dtype).unsqueeze(-1)).sum(-2)
