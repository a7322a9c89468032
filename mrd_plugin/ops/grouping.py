"""Gathering of point features by index, and interpolation from three neighbours.

Features are carried from few points to many by inverse distance (PointNet++, section 3.4).
"""

from __future__ import annotations

import torch
from torch import Tensor

from mrd_plugin.ops.neighbours import knn


def gather_points(features: Tensor, index: Tensor) -> Tensor:
    """Pick rows of each cloud; differentiable in ``features``.

    Args:
        features: ``(B, N, C)``.
        index: ``(B, S)`` or ``(B, S, K)``, int64, values in ``0..N-1``.

    Returns:
        ``(B, S, C)`` or ``(B, S, K, C)``.
    """
    batch, n, channels = features.shape
    offset = torch.arange(batch, device=index.device).view(-1, *[1] * (index.ndim - 1)) * n
    flat = (index + offset).reshape(-1)
    return features.reshape(batch * n, channels).index_select(0, flat).view(*index.shape, channels)


def three_interpolate(
    target: Tensor, source: Tensor, features: Tensor, eps: float = 1e-8
) -> Tensor:
    """Give each target point the inverse-distance mean of its three nearest source points.

    Args:
        target: Points that need features, ``(B, N, 3)``.
        source: Points that have features, ``(B, S, 3)``; with fewer than three of them all are
            used.
        features: ``(B, S, C)``; the gradient flows into these only.
        eps: Added to the distances, so that a coincident point takes all the weight.

    Returns:
        ``(B, N, C)``.
    """
    dist, index = knn(source, target, min(3, source.shape[1]))
    weight = 1 / (dist + eps)
    weight = weight / weight.sum(-1, keepdim=True)
    return (gather_points(features, index) * weight.to(features.dtype).unsqueeze(-1)).sum(-2)
