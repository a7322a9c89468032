"""Gathering points by index."""

from __future__ import annotations

import torch
from torch import Tensor


def gather_points(features: Tensor, index: Tensor) -> Tensor:
    """Pick rows of each cloud; differentiable in ``features``.

    Args:
        features (Tensor): ``(B, N, C)``.
        index (Tensor): ``(B, S)`` or ``(B, S, K)``, int64, values in ``0..N-1``.

    Returns:
        Tensor: ``(B, S, C)`` or ``(B, S, K, C)``.
    """
    batch, n, channels = features.shape
    offset = torch.arange(batch, device=index.device).view(-1, *[1] * (index.ndim - 1)) * n
    flat = (index + offset).reshape(-1)
    return features.reshape(batch * n, channels).index_select(0, flat).view(*index.shape, channels)
