"""Point features with the context of their cloud, as the segmentation heads take them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mrd_plugin.utils.errors import ConfigError


def context_channels(backbone: Any) -> int:
    """Width of :func:`points_with_context`.

    Raises:
        ConfigError: If the backbone has no features of points.
    """
    if not hasattr(backbone, 'forward_points'):
        raise ConfigError(
            f'model.backbone {type(backbone).__name__} has no features of points (forward_points); '
            'use a point transformer or a SparseResNet.'
        )
    return 2 * backbone.point_channels


def points_with_context(backbone: Any, points: Tensor) -> Tensor:
    """Features of points, and beside each the largest of all points of its cloud.

    Args:
        backbone: Has ``forward_points`` and ``point_channels`` C.
        points: ``(B, N, in_channels)``.

    Returns:
        ``(B, N, 2 C)``.
    """
    features = backbone.forward_points(points)
    largest = features.amax(dim=1, keepdim=True).expand_as(features)
    return torch.cat([features, largest], dim=-1)
